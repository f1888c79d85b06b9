//! The state the payload's process begins in.

use std::fs::File;
use std::os::fd::OwnedFd;

use super::{Change, Mutant, both};
use crate::buildroot::Stdin;

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "umask-private",
        says: "the payload's umask is 077",
        change: Change::Launch(|invocation| invocation.umask(0o077)),
        breaks: &both(&["process.umask.value"]),
    },
    Mutant {
        id: "descriptor-leaked",
        says: "a descriptor of the caller's is open",
        change: Change::Launch(|invocation| match directory() {
            Some(descriptor) => invocation.leak(descriptor),
            None => invocation,
        }),
        breaks: &both(&["descriptor.unexpected"]),
    },
    Mutant {
        id: "stdin-zero",
        says: "the payload reads zeros for ever",
        change: Change::Launch(|invocation| match File::open("/dev/zero") {
            Ok(file) => invocation.stdin(Stdin::File(file)),
            Err(_) => invocation,
        }),
        breaks: &both(&["descriptor.stdin.empty", "descriptor.stdin.null"]),
    },
    Mutant {
        id: "stdin-writable",
        says: "the payload's standard input can be written to",
        change: Change::Launch(|invocation| match File::options().read(true).write(true).open("/dev/null") {
            Ok(file) => invocation.stdin(Stdin::File(file)),
            Err(_) => invocation,
        }),
        breaks: &both(&["descriptor.stdin.read-only"]),
    },
];

/// A directory that holds nothing of the host's.
fn directory() -> Option<OwnedFd> {
    File::open("/proc/self/fdinfo").ok().map(OwnedFd::from)
}
