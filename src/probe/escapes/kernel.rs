//! Calls that are about the whole machine.

use nix::errno::Errno;

use super::{Attempt, Reached, Stop, called};
use crate::sys;

pub(super) const ALL: &[Attempt] = &[
    Attempt { id: "kernel.bpf", act: |_| checked(sys::load_no_program(), Errno::EFAULT, "bpf") },
    Attempt { id: "kernel.fanotify", act: |_| called(sys::watch_nothing(), "fanotify").map(drop) },
    Attempt { id: "kernel.perf", act: |_| perf() },
    Attempt { id: "kernel.clock", act: |_| called(sys::set_no_time(), "settimeofday").map(drop) },
    Attempt { id: "kernel.log", act: |_| called(sys::unread_kernel_log(), "syslog").map(drop) },
    Attempt { id: "kernel.module", act: |_| checked(sys::load_no_module(), Errno::EBADF, "finit_module") },
    Attempt { id: "kernel.kexec", act: |_| checked(sys::load_no_kernel(), Errno::EINVAL, "kexec_load") },
];

/// It worked where it failed only because of what it was given.
fn checked<T>(result: nix::Result<T>, empty: Errno, what: &str) -> Reached {
    match result {
        Err(errno) if errno == empty => Ok(()),
        result => called(result, what).map(drop),
    }
}

fn perf() -> Reached {
    match sys::count_on_processor() {
        // An emulated processor, or a kernel without.
        Err(Errno::ENOENT | Errno::EOPNOTSUPP) => Err(Stop::Absent("the kernel counts nothing".to_owned())),
        result => called(result, "perf_event_open").map(drop),
    }
}
