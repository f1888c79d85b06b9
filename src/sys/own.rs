//! What a process changes of its own state.

use nix::Result;
use nix::errno::Errno;
use nix::libc::{self, c_int, c_ulong};
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

/// Sets the nice value of this process.
pub fn set_nice(value: c_int) -> Result<()> {
    // SAFETY: takes no pointer.
    Errno::result(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, value) }).map(drop)
}

/// Sets the I/O priority of this process (ioprio_set(2); 1 is `IOPRIO_WHO_PROCESS`).
pub fn set_io_priority(value: c_int) -> Result<()> {
    // SAFETY: takes no pointer.
    Errno::result(unsafe { libc::syscall(libc::SYS_ioprio_set, 1, 0, value) }).map(drop)
}

/// Makes this process one of a batch (`SCHED_BATCH`).
pub fn schedule_as_batch() -> Result<()> {
    // SAFETY: plain data, for which zeroes are a value: the only priority that there is in a batch.
    let parameters: libc::sched_param = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a whole structure, and is read only.
    Errno::result(unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const parameters) }).map(drop)
}

/// Sets an attribute of this process that is a number (prctl(2)): one of those whose other arguments are unused.
pub fn set_attribute(option: c_int, value: c_ulong) -> Result<()> {
    // SAFETY: the callers' options take a number and no pointer.
    Errno::result(unsafe { libc::prctl(option, value, 0, 0, 0) }).map(drop)
}

/// Goes on in a child. `None` there; in the parent, how the child ended. For a process that has one thread only.
pub fn go_on_in_child() -> Result<Option<WaitStatus>> {
    // SAFETY: the probe has one thread, so the child finds every lock free and may do what any program may.
    match unsafe { fork() }? {
        ForkResult::Child => Ok(None),
        ForkResult::Parent { child } => waitpid(child, None).map(Some),
    }
}

/// Ignores a signal from now on.
pub fn ignore(which: Signal) -> Result<()> {
    // SAFETY: no handler is installed, so nothing runs in its context.
    unsafe { signal(which, SigHandler::SigIgn) }.map(drop)
}
