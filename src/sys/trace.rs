//! What a tracer asks the kernel: nix has it for the C library of GNU only, and for signals that have a name.

use std::io;

use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;

/// `PTRACE_GET_SYSCALL_INFO` (linux/ptrace.h, Linux 5.3).
const GET_SYSCALL_INFO: libc::c_uint = 0x420e;
/// The kinds of stop that it tells apart.
const EXIT: u8 = 2;
const SECCOMP: u8 = 3;
/// What `PTRACE_O_TRACESYSGOOD` adds to the signal of a stop at a call (ptrace(2)).
const AT_A_CALL: i32 = 0x80;
/// Results that the kernel keeps to itself: the call was interrupted, and is made again or ends with `EINTR`
/// (linux/errno.h, `ERESTARTSYS` to `ERESTART_RESTARTBLOCK`).
const INTERRUPTED: std::ops::RangeInclusive<i64> = -516..=-512;

/// What has become of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It has ended with this code.
    Exited(i32),
    /// This signal has ended it.
    Killed(i32),
    /// This signal is on its way to it.
    Signalled(i32),
    /// A signal has stopped it, with all of its process: it is to stay so ([`Until::Continued`]).
    Halted,
    /// It is at the end of a call.
    AtCall,
    /// Something else that a tracer is told of (`PTRACE_EVENT_…`).
    Event(i32),
}

/// Waits for a thread that this thread traces, or that is its child. `None`: there is none left.
///
/// # Errors
/// `errno` of `waitpid`.
pub fn wait() -> io::Result<Option<(Pid, Change)>> {
    let mut status = 0;
    loop {
        // Other threads wait for children of theirs.
        // SAFETY: the kernel writes one int.
        let got = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
        match Errno::result(got) {
            Ok(pid) => return Ok(Some((Pid::from_raw(pid), change(status)))),
            Err(Errno::ECHILD) => return Ok(None),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// What the status of a wait says (ptrace(2), wait(2)).
fn change(status: i32) -> Change {
    if libc::WIFEXITED(status) {
        return Change::Exited(libc::WEXITSTATUS(status));
    }
    if libc::WIFSIGNALED(status) {
        return Change::Killed(libc::WTERMSIG(status));
    }
    match (status >> 16, libc::WSTOPSIG(status)) {
        (0, signal) if signal == libc::SIGTRAP | AT_A_CALL => Change::AtCall,
        (0, signal) => Change::Signalled(signal),
        (libc::PTRACE_EVENT_STOP, libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU) => Change::Halted,
        (event, _) => Change::Event(event),
    }
}

/// How far a thread goes that is let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// To the next of what the tracer has asked to be told of.
    Event,
    /// At most to the end of the call that it is in.
    EndOfCall,
    /// Nowhere, until somebody has it continue (SIGCONT).
    Continued,
}

/// Lets a stopped thread go on, with a signal, or 0 for none.
///
/// # Errors
/// `errno` of `ptrace`: `ESRCH` where it has not stopped, or is no more.
pub fn let_go(pid: Pid, until: Until, signal: i32) -> io::Result<()> {
    let request = match until {
        Until::Event => libc::PTRACE_CONT,
        Until::EndOfCall => libc::PTRACE_SYSCALL,
        Until::Continued => libc::PTRACE_LISTEN,
    };
    let none = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: none of these reads or writes this process's memory; the last argument is a number.
    let got = unsafe { libc::ptrace(request as _, pid.as_raw(), none, libc::c_long::from(signal)) };
    Ok(Errno::result(got).map(drop)?)
}

/// Where a process has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Before a call that a filter handed over.
    Call {
        /// Its number.
        number: u64,
        /// Its arguments.
        arguments: [u64; 6],
    },
    /// After a call: what it gave, a negative number for an errno.
    Done(i64),
    /// Somewhere else, or after a call that will be made again.
    Elsewhere,
}

/// Where a traced process has stopped.
///
/// # Errors
/// `errno` of `ptrace`: `ESRCH` where it has not, or is no more.
pub fn stop(pid: Pid) -> io::Result<Stop> {
    // `struct ptrace_syscall_info`: the kind in the first byte, two addresses, and then the call or its result.
    let mut info = [0_u64; 11];
    // SAFETY: the kernel writes no more than it is told there is room for.
    let got = unsafe { libc::ptrace(GET_SYSCALL_INFO as _, pid.as_raw(), size_of_val(&info), &raw mut info) };
    if got < 0 {
        return Err(io::Error::last_os_error());
    }
    let [kind, ..] = info[0].to_ne_bytes();
    let result = i64::from_ne_bytes(info[3].to_ne_bytes());
    Ok(match kind {
        SECCOMP => Stop::Call { number: info[3], arguments: [info[4], info[5], info[6], info[7], info[8], info[9]] },
        EXIT if !INTERRUPTED.contains(&result) => Stop::Done(result),
        _ => Stop::Elsewhere,
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// The last three are of a real-time signal, which nix has no name for.
    #[rstest]
    #[case::an_end(0x0300, Change::Exited(3))]
    #[case::a_kill(9, Change::Killed(9))]
    #[case::a_kill_with_a_dump(0x80 | 11, Change::Killed(11))]
    #[case::a_signal(0x0f7f, Change::Signalled(15))]
    #[case::a_call(0x857f, Change::AtCall)]
    #[case::an_execution(0x4057f, Change::Event(libc::PTRACE_EVENT_EXEC))]
    #[case::a_new_thread(0x80_057f, Change::Event(libc::PTRACE_EVENT_STOP))]
    #[case::a_halt(0x80_137f, Change::Halted)]
    #[case::a_halt_by_a_terminal(0x80_157f, Change::Halted)]
    #[case::a_nameless_signal(0x287f, Change::Signalled(40))]
    #[case::a_nameless_kill(40, Change::Killed(40))]
    #[case::the_last_signal(0x407f, Change::Signalled(64))]
    fn a_status_is_read(#[case] status: i32, #[case] expected: Change) {
        assert_eq!(change(status), expected);
    }
}
