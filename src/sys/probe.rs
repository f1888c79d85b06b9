//! What the probe calls.

use std::{
    ffi::CString,
    fs::File,
    io::{Read, Write},
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use nix::{
    Result,
    errno::Errno,
    fcntl::OFlag,
    libc::{self, c_int, c_long},
    sys::{
        signal::{Signal, kill},
        wait::{WaitStatus, waitpid},
    },
    unistd::{ForkResult, Pid, fork, pipe2},
};

/// What [`record`] saw: bit 0 to 2, that descriptor was open; bit 3, `SIGPIPE` was ignored.
static AT_START: AtomicU32 = AtomicU32::new(0);

const PIPE_IGNORED: u32 = 1 << 3;

/// Runs before Rust's runtime does, which opens what is closed of 0, 1 and 2, and ignores `SIGPIPE`.
extern "C" fn record() {
    let mut seen = 0;
    for descriptor in 0..3 {
        // SAFETY: F_GETFD takes no pointer and changes nothing.
        if unsafe { libc::fcntl(descriptor, libc::F_GETFD) } != -1 {
            seen |= 1 << descriptor;
        }
    }
    // SAFETY: `sigaction` is plain data, for which zeroes are a value.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: a null new action asks only; the old one goes to a live local.
    let asked = unsafe { libc::sigaction(libc::SIGPIPE, std::ptr::null(), &mut action) };
    if asked == 0 && action.sa_sigaction == libc::SIG_IGN {
        seen |= PIPE_IGNORED;
    }
    AT_START.store(seen, Ordering::Relaxed);
}

// SAFETY: `.init_array` holds pointers to functions of this type; this one needs nothing that is not there yet.
#[used]
#[unsafe(link_section = ".init_array")]
static RECORD: extern "C" fn() = record;

/// Whether `SIGPIPE` was ignored when the program started.
pub fn started_with_sigpipe_ignored() -> bool {
    AT_START.load(Ordering::Relaxed) & PIPE_IGNORED != 0
}

/// Whether descriptor 0, 1 or 2 was open when the program started; of others it says yes.
pub fn started_with_open(descriptor: RawFd) -> bool {
    !(0..3).contains(&descriptor) || AT_START.load(Ordering::Relaxed) >> descriptor & 1 == 1
}

/// What `prctl(2)` tells about a process. None of these takes a pointer or changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribute {
    /// `PR_GET_DUMPABLE`.
    Dumpable,
    /// `PR_GET_KEEPCAPS`.
    KeepCapabilities,
    /// `PR_GET_SECUREBITS`.
    Securebits,
    /// `PR_GET_TIMERSLACK`, nanoseconds.
    TimerSlack,
    /// `PR_GET_THP_DISABLE`.
    ThpDisabled,
    /// `PR_GET_MDWE`; Linux 6.3.
    MemoryDenyWriteExecute,
}

/// Ask `prctl(2)`.
pub fn attribute(attribute: Attribute) -> Result<c_int> {
    let option = match attribute {
        Attribute::Dumpable => libc::PR_GET_DUMPABLE,
        Attribute::KeepCapabilities => libc::PR_GET_KEEPCAPS,
        Attribute::Securebits => libc::PR_GET_SECUREBITS,
        Attribute::TimerSlack => libc::PR_GET_TIMERSLACK,
        Attribute::ThpDisabled => libc::PR_GET_THP_DISABLE,
        Attribute::MemoryDenyWriteExecute => libc::PR_GET_MDWE,
    };
    // SAFETY: the options above only return a number.
    Errno::result(unsafe { libc::prctl(option, 0, 0, 0, 0) })
}

/// The personality, all bits.
pub fn personality() -> Result<u32> {
    // SAFETY: 0xffffffff asks and changes nothing (personality(2)).
    let persona = Errno::result(unsafe { libc::personality(0xffff_ffff) })?;
    Ok(u32::from_ne_bytes(persona.to_ne_bytes()))
}

/// The nice value of this process.
pub fn nice() -> Result<c_int> {
    Errno::clear();
    // SAFETY: takes no pointer; -1 may be a value, hence the errno.
    match unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) } {
        -1 if Errno::last_raw() != 0 => Err(Errno::last()),
        nice => Ok(nice),
    }
}

/// The scheduling policy of this process.
pub fn scheduler() -> Result<c_int> {
    // SAFETY: takes no pointer.
    Errno::result(unsafe { libc::sched_getscheduler(0) })
}

/// The i/o priority of this process (ioprio_get(2); 1 is `IOPRIO_WHO_PROCESS`).
pub fn io_priority() -> Result<c_int> {
    // SAFETY: takes no pointer.
    let priority = Errno::result(unsafe { libc::syscall(libc::SYS_ioprio_get, 1, 0) })?;
    c_int::try_from(priority).map_err(|_| Errno::EOVERFLOW)
}

/// The version of Landlock (landlock_create_ruleset(2); flag 1 is `LANDLOCK_CREATE_RULESET_VERSION`).
pub fn landlock() -> Result<u32> {
    let none = std::ptr::null::<u8>();
    // SAFETY: with this flag the pointer must be null and nothing is made.
    let version = Errno::result(unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, none, 0usize, 1u32) })?;
    u32::try_from(version).map_err(|_| Errno::EOVERFLOW)
}

/// The flags of a network interface: `IFF_UP` and so on.
pub fn interface_flags(name: &[u8]) -> Result<c_int> {
    // SAFETY: `ifreq` is plain data, for which zeroes are a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if name.len() >= request.ifr_name.len() {
        return Err(Errno::ENAMETOOLONG);
    }
    for (slot, &byte) in request.ifr_name.iter_mut().zip(name) {
        *slot = libc::c_char::from_ne_bytes([byte]);
    }
    let socket = socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
    // SAFETY: SIOCGIFFLAGS reads the name and writes the flags of a live `ifreq`.
    Errno::result(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS as _, &mut request) })?;
    // SAFETY: the call filled this member of the union.
    Ok(c_int::from(unsafe { request.ifr_ifru.ifru_flags }))
}

/// The status flags (`O_RDWR` …) and the descriptor flags (`FD_CLOEXEC`) of a descriptor, by its number.
pub fn descriptor_flags(number: RawFd) -> Result<(c_int, c_int)> {
    // SAFETY: F_GETFL and F_GETFD take no pointer and change nothing; a number that is not open is `EBADF`.
    let (status, own) = unsafe { (libc::fcntl(number, libc::F_GETFL), libc::fcntl(number, libc::F_GETFD)) };
    Ok((Errno::result(status)?, Errno::result(own)?))
}

/// A socket that an `execve` closes.
pub fn socket(family: c_int, kind: c_int, protocol: c_int) -> Result<OwnedFd> {
    // SAFETY: takes no pointer.
    let descriptor = Errno::result(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) })?;
    // SAFETY: the call just returned it, so nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Set the clock to nothing: the permission is checked, no clock and no time zone is given.
pub fn set_no_time() -> Result<c_long> {
    let none = std::ptr::null::<u8>();
    // SAFETY: both pointers may be null (settimeofday(2)).
    Errno::result(unsafe { libc::syscall(libc::SYS_settimeofday, none, none) })
}

/// Restart with magic numbers that are none: the permission is checked first.
pub fn reboot_without_magic() -> Result<c_long> {
    // SAFETY: with wrong numbers the call cannot go past `EINVAL` (reboot(2)).
    Errno::result(unsafe { libc::syscall(libc::SYS_reboot, 0, 0, 0, 0usize) })
}

/// How much of the kernel's log is unread (syslog(2), `SYSLOG_ACTION_SIZE_UNREAD`); reads nothing.
pub fn unread_kernel_log() -> Result<c_int> {
    // SAFETY: this action uses no buffer.
    Errno::result(unsafe { libc::klogctl(9, std::ptr::null_mut(), 0) })
}

/// How many bytes wait in `pipe`, asked by an ioctl of this number: `ENOTTY` where it means nothing to the kernel.
pub fn bytes_waiting(pipe: BorrowedFd<'_>, request: u64) -> Result<c_int> {
    let mut waiting: c_int = 0;
    // SAFETY: the kernel writes an int through the pointer if this is `FIONREAD`, and nothing if it is no request.
    Errno::result(unsafe { libc::ioctl(pipe.as_raw_fd(), request as _, &raw mut waiting) })?;
    Ok(waiting)
}

/// Load a module from no file: the permission is checked first.
pub fn load_no_module() -> Result<c_long> {
    // SAFETY: the text is a live, terminated string; -1 is no file.
    Errno::result(unsafe { libc::syscall(libc::SYS_finit_module, -1, c"".as_ptr(), 0) })
}

/// Push a character that is not there into a terminal's input: `EFAULT` once all permissions are checked.
pub fn push_no_input(terminal: BorrowedFd<'_>) -> Result<c_int> {
    let none = std::ptr::null::<u8>();
    // SAFETY: the kernel reads one byte through the pointer, and fails for this one.
    Errno::result(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSTI as _, none) })
}

/// Read a byte at address 0 of a process, where there is none: `EFAULT` once it was found and access allowed.
pub fn read_nothing_of(process: Pid) -> Result<isize> {
    let mut byte = 0u8;
    let here = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    let there = libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 1 };
    // SAFETY: the local buffer is live and as long as said; the remote address is not dereferenced here.
    let read = unsafe { libc::process_vm_readv(process.as_raw(), &here, 1, &there, 1, 0) };
    Errno::result(read)
}

/// Look up a System V shared memory segment, and make none.
pub fn find_shared_memory(key: i32) -> Result<c_int> {
    // SAFETY: takes no pointer; without IPC_CREAT it only looks up.
    Errno::result(unsafe { libc::shmget(key, 0, 0) })
}

/// Look up a System V semaphore set, and make none.
pub fn find_semaphores(key: i32) -> Result<c_int> {
    // SAFETY: as above.
    Errno::result(unsafe { libc::semget(key, 0, 0) })
}

/// Look up a System V message queue, and make none.
pub fn find_message_queue(key: i32) -> Result<c_int> {
    // SAFETY: as above.
    Errno::result(unsafe { libc::msgget(key, 0) })
}

/// Open a POSIX message queue that is there; the name starts with a slash.
pub fn open_posix_queue(name: &str) -> Result<OwnedFd> {
    let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
    // SAFETY: a live, terminated string; without O_CREAT no further argument is read.
    let queue = Errno::result(unsafe { libc::mq_open(name.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) })?;
    // SAFETY: on Linux a queue is a descriptor (mq_overview(7)), and the call just returned it.
    Ok(unsafe { OwnedFd::from_raw_fd(queue) })
}

/// Whether the kernel has `open(2)` under a number of its own, as it has where Linux is older than `openat`.
/// Asked of a directory that is always there.
pub fn has_old_calls() -> bool {
    #[cfg(any(
        target_arch = "x86_64",
        target_arch = "x86",
        target_arch = "arm",
        target_arch = "powerpc64",
        target_arch = "s390x"
    ))]
    {
        // SAFETY: the path is a string that outlives the call; the result is a new descriptor, closed at once.
        unsafe {
            match libc::syscall(libc::SYS_open, c"/".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) {
                -1 => Errno::last() != Errno::ENOSYS,
                descriptor => {
                    drop(OwnedFd::from_raw_fd(descriptor as RawFd));
                    true
                }
            }
        }
    }
    #[cfg(not(any(
        target_arch = "x86_64",
        target_arch = "x86",
        target_arch = "arm",
        target_arch = "powerpc64",
        target_arch = "s390x"
    )))]
    false
}

/// Do something in a child of its own, and hear one word of it. A child that says nothing in time is killed.
///
/// Where this process has more threads than one, `act` is to take no lock that another may hold, but that of the allocator.
///
/// # Errors
/// What `pipe2(2)` or `fork(2)` says; `ETIMEDOUT`; the word is the signal's name if one ended the child.
pub fn in_child(limit: Duration, act: impl FnOnce() -> String) -> Result<String> {
    let (hear, say) = pipe2(OFlag::O_CLOEXEC)?;
    // SAFETY: the probe has one thread, so the child finds every lock free and may do what any program may. `doctor` and the
    // tests have more. POSIX promises them nothing but calls that are safe in a signal handler, the C libraries more: they hold
    // the lock of the allocator while they fork (glibc since 2.24, musl since 1.2.2), so that `act` may make its word.
    match unsafe { fork() }? {
        ForkResult::Child => {
            // Whatever else speaks in the child, an emulator that dies of the attempt, is not to speak into the
            // facts: standard output and error become descriptors that take nothing.
            for stream in [libc::STDOUT_FILENO, libc::STDERR_FILENO] {
                // SAFETY: two numbers; nothing of this child writes to either stream.
                let _ = unsafe { libc::dup2(hear.as_raw_fd(), stream) };
            }
            let word = act();
            let mut say = File::from(say);
            let said = say.write_all(word.as_bytes());
            // SAFETY: ends the child without running what the parent registered for its own end.
            unsafe { libc::_exit(c_int::from(said.is_err())) }
        }
        ForkResult::Parent { child } => {
            drop(say);
            let word = hear_until(hear, Instant::now() + limit);
            if word.is_err() {
                let _ = kill(child, Signal::SIGKILL);
            }
            let end = waitpid(child, None);
            match (word, end) {
                (Ok(word), _) if !word.is_empty() => Ok(word),
                (Ok(_), Ok(WaitStatus::Signaled(_, signal, _))) => Ok(signal.as_str().to_owned()),
                (Ok(_), _) => Err(Errno::ECHILD),
                (Err(errno), _) => Err(errno),
            }
        }
    }
}

/// Read a short text until its writer closes, or time is up.
fn hear_until(hear: OwnedFd, end: Instant) -> Result<String> {
    let mut hear = File::from(hear);
    let mut word = Vec::new();
    let mut chunk = [0; 256];
    loop {
        wait_readable(hear.as_fd(), end)?;
        match hear.read(&mut chunk) {
            Ok(0) => return String::from_utf8(word).map_err(|_| Errno::EBADMSG),
            Ok(_) if word.len() > 4096 => return Err(Errno::EMSGSIZE),
            Ok(length) => word.extend_from_slice(&chunk[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))),
        }
    }
}

/// Whether a descriptor has something to read, or its other end is closed. Does not wait.
pub fn is_readable(descriptor: BorrowedFd<'_>) -> bool {
    wait_readable(descriptor, Instant::now()).is_ok()
}

/// Wait until a descriptor has something to read, or its other end is closed.
pub fn wait_readable(descriptor: BorrowedFd<'_>, end: Instant) -> Result<()> {
    loop {
        let left = end.saturating_duration_since(Instant::now()).as_millis();
        let left = c_int::try_from(left).unwrap_or(c_int::MAX);
        let mut poll = libc::pollfd { fd: descriptor.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one live `pollfd`, and that is the count.
        match Errno::result(unsafe { libc::poll(&mut poll, 1, left) }) {
            Ok(0) => return Err(Errno::ETIMEDOUT),
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}
