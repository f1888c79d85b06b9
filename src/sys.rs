//! The only `unsafe` of the project: calls that neither the standard library nor nix has.
//!
//! A function here is as small as its call, takes and returns safe types, and says in `SAFETY` why the call is sound.
#![allow(unsafe_code)]

/// What the probe calls.
mod probe {
    use std::{
        ffi::{CStr, CString},
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

    /// Open what is at a path a second time, by its file handle. Needs `CAP_DAC_READ_SEARCH`.
    pub fn open_by_handle(path: &CStr) -> Result<OwnedFd> {
        /// `struct file_handle` with room for the largest handle (`MAX_HANDLE_SZ`).
        #[repr(C)]
        struct Handle {
            length: u32,
            kind: i32,
            bytes: [u8; 128],
        }
        let directory = nix::fcntl::open(path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, nix::sys::stat::Mode::empty())?;
        let mut handle = Handle { length: 128, kind: 0, bytes: [0; 128] };
        let mut mount: c_int = 0;
        // SAFETY: the kernel writes at most `length` bytes behind the header of a live handle, and one int.
        Errno::result(unsafe {
            libc::syscall(libc::SYS_name_to_handle_at, libc::AT_FDCWD, path.as_ptr(), &mut handle, &mut mount, 0)
        })?;
        // SAFETY: the handle is the one that the kernel just filled.
        let opened = Errno::result(unsafe {
            libc::syscall(libc::SYS_open_by_handle_at, directory.as_raw_fd(), &handle, libc::O_PATH | libc::O_CLOEXEC)
        })?;
        let opened = RawFd::try_from(opened).map_err(|_| Errno::EOVERFLOW)?;
        // SAFETY: the call just returned it, so nothing else owns it.
        Ok(unsafe { OwnedFd::from_raw_fd(opened) })
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
    /// # Errors
    /// What `pipe2(2)` or `fork(2)` says; `ETIMEDOUT`; the word is the signal's name if one ended the child.
    pub fn in_child(limit: Duration, act: impl FnOnce() -> String) -> Result<String> {
        let (hear, say) = pipe2(OFlag::O_CLOEXEC)?;
        // SAFETY: the probe has one thread, so the child finds every lock free and may do what any program may.
        // Where a caller has more (the tests of this crate), only functions of libc that take no lock may be called.
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
}

/// What the library and the supervisor call.
#[cfg(feature = "host")]
mod host {
    use std::ffi::CStr;
    use std::io;
    use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use nix::errno::Errno;
    use nix::libc;
    use nix::unistd::Pid;

    /// How many signals there are: `_NSIG` of every architecture but MIPS.
    const SIGNALS: usize = 64;

    /// A mount namespace, and the directory that is `/` for who enters it: in a chroot not the namespace's own.
    #[derive(Debug, Clone, Copy)]
    pub struct MountNamespace<'a> {
        /// The namespace.
        pub namespace: BorrowedFd<'a>,
        /// The directory, opened there.
        pub root: BorrowedFd<'a>,
    }

    /// The descriptors and settings a program starts with. Everything that allocates is done before the fork.
    #[derive(Debug)]
    pub struct Start<'a> {
        /// The program, an absolute path.
        pub program: &'a CStr,
        /// `argv`, with the program's name first.
        pub arguments: &'a [&'a CStr],
        /// `NAME=value` each; nothing else is passed on.
        pub environment: &'a [&'a CStr],
        /// Become descriptors 0, 1, 2 and so on. Each must be numbered above all of these. All others are closed.
        pub descriptors: &'a [BorrowedFd<'a>],
        /// The mount namespace to enter first, if not the caller's.
        pub mount_namespace: Option<MountNamespace<'a>>,
        /// Where `errno` is written when the program can't be executed; close-on-exec.
        pub failure: BorrowedFd<'a>,
        /// A file that is there, and what the program's process writes into it first.
        pub write: Option<(&'a CStr, &'a CStr)>,
        /// A process with this id is left sleeping beside the program, to be looked for from inside the sandbox.
        pub sleeper: Option<libc::pid_t>,
        /// The program's umask.
        pub umask: libc::mode_t,
    }

    /// Forks and executes `start` with default signal dispositions, an empty signal mask and `/` as its directory.
    ///
    /// The child is PID 1 of the pid namespace the caller has just unshared, and gets a `/proc` to go with it.
    ///
    /// # Errors
    /// `errno` of `fork`. That the program could not be executed shows on [`Start::failure`].
    pub fn start(start: &Start<'_>) -> io::Result<Pid> {
        let pointers = |strings: &[&CStr]| -> Vec<*const libc::c_char> {
            strings.iter().map(|string| string.as_ptr()).chain(std::iter::once(std::ptr::null())).collect()
        };
        let arguments = pointers(start.arguments);
        let environment = pointers(start.environment);
        // SAFETY: the caller (the supervisor) has one thread, and the child calls only functions that are
        // async-signal-safe, on memory prepared above, until it executes or exits.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            // SAFETY: this is the child, and both end in a null pointer.
            0 => unsafe { become_program(start, &arguments, &environment) },
            child => Ok(Pid::from_raw(child)),
        }
    }

    /// The child's side of [`start`]: no allocation, no `?`, no log.
    ///
    /// # Safety
    /// To be called in a child just forked; `arguments` and `environment` end in a null pointer and outlive the call.
    unsafe fn become_program(
        start: &Start<'_>,
        arguments: &[*const libc::c_char],
        environment: &[*const libc::c_char],
    ) -> ! {
        // SAFETY: every call takes integers, or pointers that the caller vouches for.
        unsafe {
            let ready = start.mount_namespace.is_none_or(|mounts| {
                libc::setns(mounts.namespace.as_raw_fd(), libc::CLONE_NEWNS) == 0
                    && libc::fchdir(mounts.root.as_raw_fd()) == 0
                    && libc::chroot(c".".as_ptr()) == 0
            }) && own_proc()
                && default_signals()
                && start.write.is_none_or(|(file, text)| written(file, text))
                && libc::chdir(c"/".as_ptr()) == 0
                && start.descriptors.iter().zip(0..).all(|(fd, to)| libc::dup2(fd.as_raw_fd(), to) == to)
                && libc::syscall(
                    libc::SYS_close_range,
                    start.descriptors.len(),
                    libc::c_uint::MAX,
                    libc::CLOSE_RANGE_CLOEXEC,
                ) == 0
                && start.sleeper.is_none_or(|id| leave_sleeper(id));
            if ready {
                libc::umask(start.umask);
                libc::execve(start.program.as_ptr(), arguments.as_ptr(), environment.as_ptr());
            }
            let errno = Errno::last_raw().to_ne_bytes();
            libc::write(start.failure.as_raw_fd(), errno.as_ptr().cast(), errno.len());
            libc::_exit(127)
        }
    }

    /// Whether all of `text` could be written to `file`.
    unsafe fn written(file: &CStr, text: &CStr) -> bool {
        // SAFETY: two strings and a length that is one's own; the descriptor is closed by whoever comes next.
        unsafe {
            let to = libc::open(file.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
            to != -1 && libc::write(to, text.as_ptr().cast(), text.count_bytes()) == text.count_bytes() as isize
        }
    }

    /// A `/proc` of the pid namespace this process is PID 1 of, seen by nobody else: bubblewrap looks its child up there.
    unsafe fn own_proc() -> bool {
        let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
        let proc = c"proc".as_ptr();
        // SAFETY: integers and strings that live as long as the program.
        unsafe {
            libc::unshare(libc::CLONE_NEWNS) == 0
                && libc::mount(proc, c"/proc".as_ptr(), proc, flags, std::ptr::null()) == 0
        }
    }

    /// Gives every signal its default action and blocks none: an ignored SIGCHLD would keep children from being waited for.
    ///
    /// # Errors
    /// `errno` of `sigprocmask`.
    pub fn reset_signals() -> io::Result<()> {
        // SAFETY: the caller has installed no handler that anything depends on.
        if unsafe { default_signals() } { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Every signal to its default action, none blocked. Asked of the kernel itself, since libc keeps two signals to itself.
    unsafe fn default_signals() -> bool {
        // The kernel's `struct sigaction` is at most this large on any architecture; all zero is the default action.
        let default = [0_u64; 8];
        // SAFETY: the structure and the set live on this stack. SIGKILL and SIGSTOP refuse, which is no failure.
        unsafe {
            for signal in 1..=SIGNALS {
                libc::syscall(libc::SYS_rt_sigaction, signal, &default, std::ptr::null::<u64>(), SIGNALS / 8);
            }
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut none) == 0 && libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut()) == 0
        }
    }

    /// `struct clone_args` (linux/sched.h, Linux 5.7), which libc does not have for every architecture.
    #[repr(C, align(8))]
    #[derive(Default)]
    struct CloneArguments {
        flags: u64,
        pidfd: u64,
        child_tid: u64,
        parent_tid: u64,
        exit_signal: u64,
        stack: u64,
        stack_size: u64,
        tls: u64,
        set_tid: u64,
        set_tid_size: u64,
        cgroup: u64,
    }

    /// Forks a process that sleeps for ever under the id `id` of this pid namespace (`clone3` set_tid, since Linux 5.5).
    unsafe fn leave_sleeper(id: libc::pid_t) -> bool {
        let ids = [id];
        let ask = CloneArguments {
            exit_signal: libc::SIGCHLD as u64,
            set_tid: ids.as_ptr() as u64,
            set_tid_size: 1,
            ..CloneArguments::default()
        };
        // SAFETY: zero means "not asked for" in each field; the ids live until the call is over; without a stack the call
        // is a fork.
        unsafe {
            match libc::syscall(libc::SYS_clone3, &ask, size_of::<CloneArguments>()) {
                -1 => false,
                0 => {
                    libc::syscall(libc::SYS_close_range, 0, libc::c_uint::MAX, 0);
                    loop {
                        libc::pause();
                    }
                }
                _ => true,
            }
        }
    }

    /// Forks. For a process that has one thread only.
    ///
    /// # Errors
    /// `errno` of `fork`.
    pub fn fork_single_threaded() -> io::Result<nix::unistd::ForkResult> {
        // SAFETY: with a single thread no lock can be held by another one, so the child may do anything.
        unsafe { nix::unistd::fork() }.map_err(io::Error::from)
    }

    /// Makes the program that `command` starts die by SIGKILL when this thread ends, and inherit the descriptors `kept`,
    /// which have to stay open until it is started.
    pub fn die_with_this_thread(command: &mut Command, kept: Vec<RawFd>) {
        let parent = Pid::this();
        let prepare = move || {
            // SAFETY: prctl with this option and fcntl with F_SETFD take integers.
            let ready = unsafe {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) == 0
                    && kept.iter().all(|&descriptor| libc::fcntl(descriptor, libc::F_SETFD, 0) == 0)
            };
            if !ready {
                return Err(io::Error::last_os_error());
            }
            // The parent may have ended before it was asked to tell.
            if Pid::parent() == parent { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::ESRCH)) }
        };
        // SAFETY: the closure makes three system calls between fork and exec, and allocates nothing.
        unsafe { command.pre_exec(prepare) };
    }

    /// Takes a capability out of the effective set of this thread, and of no other; it has to be in the permitted set of
    /// whoever wants it back.
    ///
    /// # Errors
    /// `errno` of `capget` or `capset`.
    pub fn lower_capability_of_this_thread(number: u8) -> io::Result<()> {
        // linux/capability.h: _LINUX_CAPABILITY_VERSION_3, and 0 for the calling thread.
        let header = [0x2008_0522_u32, 0];
        // Effective, permitted and inheritable, of the first 32 and of the others.
        let mut sets = [[0_u32; 3]; 2];
        // SAFETY: both are as large as the version says and live on this stack.
        unsafe {
            if libc::syscall(libc::SYS_capget, header.as_ptr(), sets.as_mut_ptr()) != 0 {
                return Err(io::Error::last_os_error());
            }
            sets[usize::from(number / 32)][0] &= !(1 << (number % 32));
            if libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    }

    /// Takes a capability out of the bounding set of this thread and of what it starts; nothing brings it back.
    ///
    /// # Errors
    /// `errno` of `prctl`: EPERM without CAP_SETPCAP.
    pub fn drop_from_bounding_set_of_this_thread(number: u8) -> io::Result<()> {
        // SAFETY: PR_CAPBSET_DROP takes integers only.
        match unsafe { libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(number), 0, 0, 0) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Takes ownership of standard input, as the descriptor `std::process::Command` put there.
    ///
    /// # Errors
    /// `errno` of `fcntl`, when there is no descriptor 0.
    pub fn take_standard_input() -> io::Result<OwnedFd> {
        // SAFETY: F_DUPFD_CLOEXEC takes integers and gives a new descriptor that nobody else owns.
        match unsafe { libc::fcntl(0, libc::F_DUPFD_CLOEXEC, 10) } {
            -1 => Err(io::Error::last_os_error()),
            // SAFETY: the call has just made it, so nobody else owns it.
            descriptor => Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }),
        }
    }

    /// Closes every descriptor numbered `from` or above. For a process that has not opened any yet.
    ///
    /// # Errors
    /// `errno` of `close_range` (Linux 5.9; runs need 5.11 for its CLOEXEC flag).
    pub fn close_inherited(from: u32) -> io::Result<()> {
        // SAFETY: called before anything was opened, so no owner loses its descriptor.
        match unsafe { libc::syscall(libc::SYS_close_range, from, libc::c_uint::MAX, 0) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Has the kernel mark no descriptor at all as to be closed by `execve`: whether it can.
    ///
    /// # Errors
    /// `errno` of `close_range`: `ENOSYS` before Linux 5.9, `EINVAL` before 5.11.
    pub fn mark_no_descriptor() -> io::Result<()> {
        let none = libc::c_uint::MAX;
        // SAFETY: takes numbers; no descriptor has the largest one, and none is closed but by `execve`.
        match unsafe { libc::syscall(libc::SYS_close_range, none, none, libc::CLOSE_RANGE_CLOEXEC) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Gives SIGCHLD its default action: where a caller has had it ignored, no child can be waited for.
    pub fn hear_of_children() {
        // SAFETY: no handler is installed that anything depends on; this signal always takes its default action.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    }

    /// Has the program start with every signal at its default action and none blocked. `posix_spawn` of glibc, which the
    /// standard library uses otherwise, leaves the two signals ignored that libc keeps to itself.
    pub fn with_default_signals(command: &mut std::process::Command) {
        use std::os::unix::process::CommandExt;
        let reset = || {
            // SAFETY: between fork and exec there is nobody else whose handlers could matter.
            if unsafe { default_signals() } { Ok(()) } else { Err(io::Error::last_os_error()) }
        };
        // SAFETY: the hook makes system calls only, and allocates nothing.
        unsafe { command.pre_exec(reset) };
    }

    /// Makes `descriptor` the number `number`, whatever was there.
    ///
    /// # Errors
    /// `errno` of `dup2`.
    pub fn replace_descriptor(descriptor: BorrowedFd<'_>, number: RawFd) -> io::Result<()> {
        // SAFETY: used for the lowest numbers only, which no Rust object owns in the supervisor.
        match unsafe { libc::dup2(descriptor.as_raw_fd(), number) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }

    /// Locks a file or directory for whoever has `descriptor`, until the last copy of it is closed (`flock`). Does not wait.
    ///
    /// nix has it with a guard that panics when it can't unlock.
    ///
    /// # Errors
    /// `errno` of `flock`: `EWOULDBLOCK` if somebody else has locked it.
    pub fn lock(descriptor: BorrowedFd<'_>) -> io::Result<()> {
        // SAFETY: takes numbers.
        match unsafe { libc::flock(descriptor.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Owns descriptors that arrived in a message.
    pub fn received(descriptors: Vec<RawFd>) -> Vec<OwnedFd> {
        // SAFETY: the kernel made these for this message; `recvmsg` hands each to us alone.
        descriptors.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }).collect()
    }

    /// Opens `path` below `root` as if `root` were `/` (`openat2` RESOLVE_IN_ROOT, since Linux 5.6), without touching it.
    ///
    /// # Errors
    /// `errno` of `openat2`.
    pub fn open_in_root(root: BorrowedFd<'_>, path: &CStr) -> io::Result<OwnedFd> {
        // A `..` can't be followed while anything is mounted or renamed anywhere: EAGAIN, to be tried again (openat2(2)).
        const TRIES: usize = 1000;
        let again = |result: &io::Result<OwnedFd>| {
            result.as_ref().is_err_and(|error| error.raw_os_error() == Some(libc::EAGAIN))
        };
        let mut result = open_in_root_once(root, path);
        for _ in 1..TRIES {
            if !again(&result) {
                break;
            }
            std::thread::yield_now();
            result = open_in_root_once(root, path);
        }
        result
    }

    fn open_in_root_once(root: BorrowedFd<'_>, path: &CStr) -> io::Result<OwnedFd> {
        // SAFETY: open_how is plain data; path is a string that outlives the call; the result is a new descriptor.
        unsafe {
            let mut how: libc::open_how = std::mem::zeroed();
            how.flags = (libc::O_PATH | libc::O_CLOEXEC) as u64;
            how.resolve = libc::RESOLVE_IN_ROOT | libc::RESOLVE_NO_MAGICLINKS;
            match libc::syscall(libc::SYS_openat2, root.as_raw_fd(), path.as_ptr(), &how, size_of::<libc::open_how>()) {
                -1 => Err(io::Error::last_os_error()),
                descriptor => Ok(OwnedFd::from_raw_fd(descriptor as RawFd)),
            }
        }
    }

    /// Takes the attributes immutable and append-only from a file or directory (ioctl_iflags(2)), if it has them.
    ///
    /// # Errors
    /// `errno` of `ioctl`: `EPERM` without CAP_LINUX_IMMUTABLE, `ENOTTY` where the file system has no attributes.
    pub fn make_mutable(inode: BorrowedFd<'_>) -> nix::Result<()> {
        // linux/fs.h: FS_IMMUTABLE_FL and FS_APPEND_FL.
        const UNCHANGEABLE: libc::c_int = 0x10 | 0x20;
        let mut attributes: libc::c_int = 0;
        // SAFETY: whatever the number of the request says, the kernel reads and writes an int (ioctl_iflags(2)).
        unsafe {
            Errno::result(libc::ioctl(inode.as_raw_fd(), libc::FS_IOC_GETFLAGS as _, &raw mut attributes))?;
            if attributes & UNCHANGEABLE != 0 {
                attributes &= !UNCHANGEABLE;
                Errno::result(libc::ioctl(inode.as_raw_fd(), libc::FS_IOC_SETFLAGS as _, &raw const attributes))?;
            }
        }
        Ok(())
    }

    /// System V objects for the canaries: a shared memory segment, a semaphore set and a message queue under `key`.
    /// They belong to the IPC namespace and go with it.
    ///
    /// # Errors
    /// `errno` of the first of `shmget`, `semget`, `msgget` that failed.
    pub fn create_system_v_objects(key: i32) -> io::Result<()> {
        let flags = libc::IPC_CREAT | libc::IPC_EXCL | 0o600;
        // SAFETY: integers only.
        let made = unsafe {
            libc::shmget(key, 4096, flags) != -1 && libc::semget(key, 1, flags) != -1 && libc::msgget(key, flags) != -1
        };
        if made { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Creates the POSIX message queue `name` (a slash first) in the IPC namespace; it goes with the namespace.
    ///
    /// # Errors
    /// `errno` of `mq_open`.
    pub fn create_message_queue(name: &CStr) -> io::Result<OwnedFd> {
        let flags = libc::O_CREAT | libc::O_EXCL | libc::O_RDWR | libc::O_CLOEXEC;
        // SAFETY: name is a string; a null attribute asks for the defaults; on Linux the result is a descriptor of ours.
        match unsafe { libc::mq_open(name.as_ptr(), flags, 0o600, std::ptr::null::<libc::mq_attr>()) } {
            -1 => Err(io::Error::last_os_error()),
            // SAFETY: the call has just made it, so nobody else owns it.
            descriptor => Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }),
        }
    }

    /// Brings `lo` up in the network namespace this process is in, which must be its own.
    ///
    /// # Errors
    /// `errno` of `socket` or `ioctl`.
    pub fn raise_loopback() -> io::Result<()> {
        // SAFETY: ifreq is plain data that lives on this stack; the socket is closed on every way out.
        unsafe {
            let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
            if socket == -1 {
                return Err(io::Error::last_os_error());
            }
            let socket = OwnedFd::from_raw_fd(socket);
            let mut request: libc::ifreq = std::mem::zeroed();
            request.ifr_name[0] = b'l' as libc::c_char;
            request.ifr_name[1] = b'o' as libc::c_char;
            request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
            match libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &request) {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        }
    }
}

#[cfg(feature = "host")]
pub use host::*;
pub use probe::*;
