//! What the library and the supervisor call.

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

/// Gives every signal its default action and blocks none: an ignored SIGCHLD would keep children from being waited for.
///
/// # Errors
/// `errno` of `sigprocmask`.
pub fn reset_signals() -> io::Result<()> {
    // SAFETY: the caller has installed no handler that anything depends on.
    if unsafe { default_signals() } { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Every signal to its default action, none blocked. Asked of the kernel itself, since libc keeps two signals to itself.
pub(super) unsafe fn default_signals() -> bool {
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

/// Forks. For a process that has one thread only.
///
/// # Errors
/// `errno` of `fork`.
pub fn fork_single_threaded() -> io::Result<nix::unistd::ForkResult> {
    // SAFETY: it is called by the supervisor and the launcher only, which start no thread: no lock can be held by another
    // one, so the child may do anything.
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

/// Becomes user and group 0 of the user namespace this process is in, a member of no other group, and keeps what it may do
/// there. For a process that has one thread only.
///
/// # Errors
/// `errno` of what failed.
pub fn become_user_zero() -> io::Result<()> {
    // SAFETY: integers only, and no group is read of an empty list. Who changes its ids is not dumpable, and its `/proc`
    // files are root's of the host (proc(5)).
    let ready = unsafe {
        libc::setgroups(0, std::ptr::null()) == 0
            && libc::setresgid(0, 0, 0) == 0
            && libc::setresuid(0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0) == 0
    };
    if ready { Ok(()) } else { Err(io::Error::last_os_error()) }
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
    duplicate(0)
}

/// Another descriptor, one of ours, of what the descriptor `number` is open on: they share their place in it.
///
/// # Errors
/// `errno` of `fcntl`: `EBADF` when there is no such descriptor.
pub fn duplicate(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: F_DUPFD_CLOEXEC takes integers and gives a new descriptor that nobody else owns.
    match unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 10) } {
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
    // SAFETY: the supervisor and the launcher call it first of all, so no owner loses its descriptor.
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

/// Makes `descriptor` the number `number`, whatever was there. For numbers that nothing owns.
///
/// # Errors
/// `errno` of `dup2`.
pub fn replace_descriptor(descriptor: BorrowedFd<'_>, number: RawFd) -> io::Result<()> {
    // SAFETY: the supervisor calls it for the lowest numbers, before it owns any descriptor of such a number: what it has by
    // then is numbered 10 and up, or one of these, held until the process ends.
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

/// Opens `path` below `root` as if `root` were `/` (`openat2` RESOLVE_IN_ROOT, since Linux 5.6), without touching it.
///
/// # Errors
/// `errno` of `openat2`.
pub fn open_in_root(root: BorrowedFd<'_>, path: &CStr) -> io::Result<OwnedFd> {
    // A `..` can't be followed while anything is mounted or renamed anywhere: EAGAIN, to be tried again (openat2(2)).
    const TRIES: usize = 1000;
    let again =
        |result: &io::Result<OwnedFd>| result.as_ref().is_err_and(|error| error.raw_os_error() == Some(libc::EAGAIN));
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

/// Gives this process a session keyring of its own, with a key of this name in it that holds its name; both go with the
/// last process of the session (keyctl(2), add_key(2)).
///
/// # Errors
/// `errno` of the two.
pub fn begin_session_with_key(name: &str) -> io::Result<()> {
    /// `KEYCTL_JOIN_SESSION_KEYRING` and `KEY_SPEC_SESSION_KEYRING` (`linux/keyctl.h`).
    const JOIN: libc::c_int = 1;
    const SESSION: libc::c_int = -3;
    let held = name;
    let name = std::ffi::CString::new(name)?;
    // SAFETY: no name is given, so the new keyring has none.
    if unsafe { libc::syscall(libc::SYS_keyctl, JOIN, std::ptr::null::<u8>()) } == -1 {
        return Err(io::Error::last_os_error());
    }
    let kind = c"user".as_ptr();
    // SAFETY: two live strings, live bytes and their length.
    let added = unsafe { libc::syscall(libc::SYS_add_key, kind, name.as_ptr(), held.as_ptr(), held.len(), SESSION) };
    if added == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// How many rows and columns a terminal has.
///
/// # Errors
/// `errno` of `ioctl`: `ENOTTY` where it is none.
#[cfg(feature = "rpm")]
pub fn terminal_size(terminal: BorrowedFd<'_>) -> io::Result<libc::winsize> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the structure lives on this stack, and is what TIOCGWINSZ fills.
    match unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) } {
        0 => Ok(size),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Gives a terminal so many rows and columns.
///
/// # Errors
/// `errno` of `ioctl`: `ENOTTY` where it is none.
#[cfg(feature = "rpm")]
pub fn resize_terminal(terminal: BorrowedFd<'_>, size: libc::winsize) -> io::Result<()> {
    // SAFETY: the structure lives on this stack, and is what TIOCSWINSZ reads.
    match unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
