//! The kernel: which it is, and whether it does what is asked of it.

use std::ffi::OsString;
use std::os::fd::AsFd;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::utsname::uname;

use super::check::{Check, Question};
use crate::facts::Unread;
use crate::probe::read;
use crate::sys;

/// The namespaces that every build root has, as the kernel calls them.
const NAMESPACES: [&str; 4] = ["ipc", "mnt", "net", "pid"];

/// What was read of it.
#[derive(Debug)]
pub(super) struct Kernel {
    /// Its name, its release and what it runs on.
    release: Result<String, Errno>,
    /// The kinds of namespaces there are.
    namespaces: Result<Vec<OsString>, Unread>,
    /// What came of resolving a path inside a root.
    openat2: Result<(), Errno>,
    /// What came of marking descriptors.
    close_range: Result<(), Errno>,
}

pub(super) fn read() -> Kernel {
    let release = uname().map(|name| {
        let [system, release, machine] =
            [name.sysname(), name.release(), name.machine()].map(|text| text.to_string_lossy());
        format!("{system} {release} on {machine}")
    });
    let resolve = || sys::open_in_root(std::fs::File::open("/")?.as_fd(), c".").map(drop);
    Kernel {
        release,
        namespaces: read::names(Path::new("/proc/self/ns")),
        openat2: resolve().map_err(|error| read::errno(&error)),
        close_range: sys::mark_no_descriptor().map_err(|error| read::errno(&error)),
    }
}

pub(super) fn checks(kernel: &Kernel) -> Vec<Check> {
    let release = Question::required("kernel.release", "Nothing is decided by it: what a build root needs is tried.");
    let openat2 =
        Question::required("kernel.openat2", "Paths of the root are resolved inside it, whatever its links say.");
    let close_range =
        Question::required("kernel.close-range", "A payload inherits no descriptor but those it is given.");
    vec![
        match &kernel.release {
            Ok(release_of) => release.ok(release_of),
            Err(errno) => release.unknown(format!("uname: {}", errno.desc()), "ask who runs this machine"),
        },
        namespaces(&kernel.namespaces),
        call(openat2, "openat2", "Linux 5.6", kernel.openat2),
        call(close_range, "close_range with CLOSE_RANGE_CLOEXEC", "Linux 5.11", kernel.close_range),
    ]
}

fn namespaces(there: &Result<Vec<OsString>, Unread>) -> Check {
    let question = Question::required("kernel.namespaces", "A build root is made of namespaces.");
    let there = match there {
        Ok(there) => there,
        Err(Unread { what, errno }) => return question.unknown(format!("{what}: {errno}"), "mount a /proc"),
    };
    let missing: Vec<_> = NAMESPACES.into_iter().filter(|name| !there.iter().any(|is| is == name)).collect();
    if missing.is_empty() {
        return question.ok(format!("it has those that are needed: {}", NAMESPACES.join(", ")));
    }
    let found = format!("it has no namespaces of these kinds: {}", missing.join(", "));
    question.missing(found, "a kernel built with CONFIG_NAMESPACES and all that depends on it")
}

fn call(question: Question, name: &str, since: &str, tried: Result<(), Errno>) -> Check {
    match tried {
        Ok(()) => question.ok(format!("{name} works")),
        // No fault of the call's.
        Err(errno @ (Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::EACCES)) => {
            question.unknown(format!("{name}: {}", errno.desc()), "see limit.descriptors, then ask again")
        }
        Err(errno) => {
            let mend = format!("{since} or later, and no filter in front of it: an older container runtime's is one");
            question.missing(format!("{name}: {}", errno.desc()), mend)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Level, State, said};
    use super::*;
    use rstest::rstest;

    fn kernel() -> Kernel {
        let release = Ok("Linux 6.12 on s390x".to_owned());
        Kernel { release, namespaces: Ok(NAMESPACES.map(OsString::from).into()), openat2: Ok(()), close_range: Ok(()) }
    }

    #[test]
    fn a_kernel_that_does_everything_is_told_by_its_release() {
        let checks = checks(&kernel());
        assert!(checks.iter().all(|check| check.state == State::Ok), "{checks:?}");
        assert_eq!(said(&checks, "kernel.release").2, "Linux 6.12 on s390x");
    }

    #[rstest]
    #[case::too_old(Errno::ENOSYS, State::Missing, "openat2: Function not implemented")]
    #[case::behind_a_filter(Errno::EPERM, State::Missing, "openat2: Operation not permitted")]
    #[case::no_descriptor_left(Errno::EMFILE, State::Unknown, "openat2: Too many open files")]
    fn a_call_that_fails_is_missing_unless_something_else_failed(
        #[case] errno: Errno,
        #[case] state: State,
        #[case] found: &str,
    ) {
        let checks = checks(&Kernel { openat2: Err(errno), ..kernel() });
        let (level, is, says, _) = said(&checks, "kernel.openat2");
        assert_eq!((level, is, says), (Level::Required, state, found));
    }

    #[rstest]
    #[case::one_of_them(Ok(vec!["ipc".into(), "mnt".into(), "net".into()]), State::Missing, "it has no namespaces of these kinds: pid")]
    #[case::no_proc(
        Err(read::unread("readdir /proc/self/ns", Errno::ENOENT)),
        State::Unknown,
        "readdir /proc/self/ns: ENOENT"
    )]
    fn namespaces_that_are_not_there_are_named(
        #[case] namespaces: Result<Vec<OsString>, Unread>,
        #[case] state: State,
        #[case] found: &str,
    ) {
        let checks = checks(&Kernel { namespaces, ..kernel() });
        let (_, is, says, _) = said(&checks, "kernel.namespaces");
        assert_eq!((is, says), (state, found));
    }
}
