//! How the supervisor starts a program: what is done between fork and exec.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;

use super::host::default_signals;

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
    /// What is done first, in order.
    pub steps: &'a [Step<'a>],
    /// The program's umask.
    pub umask: libc::mode_t,
}

/// What a process does before it becomes another program.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    /// Mounts a tmpfs with these options in a mount namespace of its own.
    Tmpfs {
        /// A directory.
        at: &'a CStr,
        /// As `mount -o` takes them.
        options: &'a CStr,
    },
    /// Has this host name, and no domain name, in a namespace of its own.
    HostName(&'a CStr),
    /// Has a new session keyring. Where the kernel has no keys, or keeps this process from them, there is none to leave.
    LeaveKeyring,
    /// Is the first to go when memory runs out. One that is so more than that stays as it is.
    GoFirst,
    /// Takes on the state of `settle`.
    Settle,
    /// Waits until it is traced, and then hands the tracer what a filter says.
    AwaitTracer {
        /// The filter.
        filter: &'a [Filter],
        /// A socket to its tracer: it says a byte there, and is answered one when it is traced.
        tracer: Option<BorrowedFd<'a>>,
    },
}

/// An instruction of a system call filter, as the kernel takes it.
pub type Filter = libc::sock_filter;

/// An instruction as the kernel takes it.
pub fn instruction(plan: &crate::plan::Instruction) -> Filter {
    Filter { code: plan.code, jt: plan.jump_true, jf: plan.jump_false, k: plan.operand }
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
            && start.steps.iter().all(|step| done(*step))
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

/// Whether a step could be done.
unsafe fn done(step: Step<'_>) -> bool {
    // SAFETY: integers, and strings that the caller vouches for.
    unsafe {
        match step {
            Step::Tmpfs { at, options } => {
                let (tmpfs, flags) = (c"tmpfs".as_ptr(), libc::MS_NOSUID | libc::MS_NODEV);
                libc::mount(tmpfs, at.as_ptr(), tmpfs, flags, options.as_ptr().cast()) == 0
            }
            Step::HostName(name) => {
                libc::unshare(libc::CLONE_NEWUTS) == 0
                    && libc::sethostname(name.as_ptr(), name.count_bytes()) == 0
                    && libc::setdomainname(NO_DOMAIN.as_ptr(), NO_DOMAIN.count_bytes()) == 0
            }
            Step::LeaveKeyring => {
                libc::syscall(libc::SYS_keyctl, libc::KEYCTL_JOIN_SESSION_KEYRING, std::ptr::null::<libc::c_char>())
                    != -1
                    || matches!(Errno::last(), Errno::ENOSYS | Errno::EPERM)
            }
            Step::GoFirst => {
                written(c"/proc/self/oom_score_adj", OOM_SCORE_ADJ);
                true
            }
            Step::Settle => {
                settle();
                true
            }
            Step::AwaitTracer { filter, tracer } => tracer.is_some_and(|tracer| answered(tracer)) && filtered(filter),
        }
    }
}

/// Whether the other end of a socket answers.
unsafe fn answered(socket: BorrowedFd<'_>) -> bool {
    let mut byte = 0_u8;
    // SAFETY: the byte lives on this stack.
    unsafe {
        libc::write(socket.as_raw_fd(), (&raw const byte).cast(), 1) == 1
            && libc::read(socket.as_raw_fd(), (&raw mut byte).cast(), 1) == 1
    }
}

/// Whether this process, and what it starts, has a further filter now. Without a privilege the kernel takes one only from
/// who renounces new ones, as bubblewrap's payload does in any case.
unsafe fn filtered(filter: &[Filter]) -> bool {
    let Ok(len) = libc::c_ushort::try_from(filter.len()) else { return false };
    let program = libc::sock_fprog { len, filter: filter.as_ptr().cast_mut() };
    // SAFETY: integers, and a program that the caller vouches for and the kernel copies.
    unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) == 0
    }
}

/// The domain name of who has none (the kernel's `UTS_DOMAINNAME`).
const NO_DOMAIN: &CStr = c"(none)";

/// What `/proc/self/oom_score_adj` becomes: when memory runs out, the payload goes before anything of the host's.
const OOM_SCORE_ADJ: &CStr = c"500";
/// The soft limits that programs are used to (systemd's `DefaultLimitNOFILE=`, the kernel's `_STK_LIM`).
const FILES: libc::rlim_t = 1024;
const STACK: libc::rlim_t = 8 << 20;

/// Priority, scheduling, execution domain and limits as on any machine, whatever the caller's are. What the caller may not
/// change (a nice value above 0, a hard limit below) stays.
unsafe fn settle() {
    // SAFETY: integers, and structures on this stack.
    unsafe {
        let ordinary: libc::sched_param = std::mem::zeroed();
        libc::sched_setscheduler(0, libc::SCHED_OTHER, &raw const ordinary);
        libc::setpriority(libc::PRIO_PROCESS, 0, 0);
        // linux/ioprio.h: IOPRIO_WHO_PROCESS, this one, IOPRIO_CLASS_NONE.
        libc::syscall(libc::SYS_ioprio_set, 1, 0, 0);
        libc::personality(0);
        no_more_than(libc::RLIMIT_NOFILE, FILES);
        no_more_than(libc::RLIMIT_STACK, STACK);
        no_more_than(libc::RLIMIT_CORE, 0);
    }
}

/// Sets a soft limit, as far as the hard one lets it.
unsafe fn no_more_than(resource: libc::__rlimit_resource_t, soft: libc::rlim_t) {
    // SAFETY: the structure lives on this stack.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        if libc::getrlimit(resource, &raw mut limit) == 0 {
            limit.rlim_cur = soft.min(limit.rlim_max);
            libc::setrlimit(resource, &raw const limit);
        }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// The serial number of the session keyring of this process (keyctl(2): KEYCTL_GET_KEYRING_ID).
    fn session_keyring() -> i64 {
        // SAFETY: integers only.
        unsafe { libc::syscall(libc::SYS_keyctl, libc::KEYCTL_GET_KEYRING_ID, libc::KEY_SPEC_SESSION_KEYRING, 0) }
    }

    #[test]
    fn the_session_keyring_is_left_for_another_one() {
        let after = |steps: &'static [Step<'static>]| {
            let look = || {
                // SAFETY: these steps take no pointers.
                let ready = steps.iter().all(|step| unsafe { done(*step) });
                format!("{ready} {}", session_keyring())
            };
            crate::sys::in_child(Duration::from_secs(5), look).expect("a word")
        };
        let ours = session_keyring();
        assert_eq!(after(&[]), format!("true {ours}"));
        let left = after(&[Step::LeaveKeyring]);
        assert!(left.starts_with("true ") && !left.ends_with(&format!(" {ours}")), "{left}: {ours}");
    }
}
