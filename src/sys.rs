//! The only `unsafe`: system calls that nix has no safe function for.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::libc;
use nix::unistd::Pid;

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
    pub mount_namespace: Option<BorrowedFd<'a>>,
    /// Where `errno` is written when the program can't be executed; close-on-exec.
    pub failure: BorrowedFd<'a>,
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
        let ready = start.mount_namespace.is_none_or(|ns| libc::setns(ns.as_raw_fd(), libc::CLONE_NEWNS) == 0)
            && own_proc()
            && default_signals()
            && libc::chdir(c"/".as_ptr()) == 0
            && start.descriptors.iter().zip(0..).all(|(fd, to)| libc::dup2(fd.as_raw_fd(), to) == to)
            && libc::syscall(libc::SYS_close_range, start.descriptors.len(), libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) == 0
            && start.sleeper.is_none_or(|id| leave_sleeper(id));
        if ready {
            libc::umask(start.umask);
            libc::execve(start.program.as_ptr(), arguments.as_ptr(), environment.as_ptr());
        }
        let errno = nix::errno::Errno::last_raw().to_ne_bytes();
        libc::write(start.failure.as_raw_fd(), errno.as_ptr().cast(), errno.len());
        libc::_exit(127)
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

/// Every signal to its default action, none blocked.
unsafe fn default_signals() -> bool {
    // SAFETY: integers, and a set that lives on this stack. SIGKILL and SIGSTOP refuse, which is no failure.
    unsafe {
        for signal in 1..=64 {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut none) == 0 && libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut()) == 0
    }
}

/// Forks a process that sleeps for ever under the id `id` of this pid namespace (`clone3` set_tid, since Linux 5.5).
unsafe fn leave_sleeper(id: libc::pid_t) -> bool {
    let ids = [id];
    // SAFETY: clone_args is plain data for which zero means "not asked for"; without a stack the call is a fork.
    unsafe {
        let mut ask: libc::clone_args = std::mem::zeroed();
        ask.exit_signal = libc::SIGCHLD as u64;
        ask.set_tid = ids.as_ptr() as u64;
        ask.set_tid_size = 1;
        match libc::syscall(libc::SYS_clone3, &ask, size_of::<libc::clone_args>()) {
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

/// Takes ownership of standard input, as the descriptor `std::process::Command` put there.
///
/// # Errors
/// `errno` of `fcntl`, when there is no descriptor 0.
pub fn take_standard_input() -> io::Result<OwnedFd> {
    // SAFETY: F_DUPFD_CLOEXEC takes integers and gives a new descriptor that nobody else owns.
    match unsafe { libc::fcntl(0, libc::F_DUPFD_CLOEXEC, 10) } {
        -1 => Err(io::Error::last_os_error()),
        descriptor => Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }),
    }
}

/// Closes every descriptor numbered `from` or above. For a process that has not opened any yet.
///
/// # Errors
/// `errno` of `close_range` (Linux 5.9).
pub fn close_inherited(from: u32) -> io::Result<()> {
    // SAFETY: called before anything was opened, so no owner loses its descriptor.
    match unsafe { libc::syscall(libc::SYS_close_range, from, libc::c_uint::MAX, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Makes `descriptor` the number `number`, whatever was there.
///
/// # Errors
/// `errno` of `dup2`.
pub fn replace_descriptor(descriptor: BorrowedFd<'_>, number: RawFd) -> io::Result<()> {
    // SAFETY: used for 0 to 3 only, which no Rust object owns in the supervisor.
    match unsafe { libc::dup2(descriptor.as_raw_fd(), number) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
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
