//! What a tracer asks the kernel: nix has it for the C library of GNU only.

use std::io;

use nix::libc;
use nix::unistd::Pid;

/// `PTRACE_GET_SYSCALL_INFO` (linux/ptrace.h, Linux 5.3).
const GET_SYSCALL_INFO: libc::c_uint = 0x420e;
/// The kinds of stop that it tells apart.
const EXIT: u8 = 2;
const SECCOMP: u8 = 3;

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
    /// Somewhere else.
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
    Ok(match kind {
        SECCOMP => Stop::Call { number: info[3], arguments: [info[4], info[5], info[6], info[7], info[8], info[9]] },
        EXIT => Stop::Done(i64::from_ne_bytes(info[3].to_ne_bytes())),
        _ => Stop::Elsewhere,
    })
}
