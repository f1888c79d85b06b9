//! What the process is: what it may become, and where it stands.

use super::{Attempt, Reached, Stop, unread};
use crate::{facts::status, probe::read::bytes};

pub(super) const ALL: &[Attempt] = &[
    Attempt { id: "capability.regained", act: |_| regained() },
    Attempt { id: "process.directory", act: |_| unreachable_directory() },
];

/// Programs may give more than there is: those with a setuid bit or capabilities, or capabilities that are inheritable.
fn regained() -> Reached {
    let text = bytes("/proc/self/status").map_err(|reason| unread(&reason.what, &reason.errno))?;
    let status = status::parse(&text).map_err(|malformed| unread("/proc/self/status", &malformed.to_string()))?;
    let mask =
        |name: &'static str| status.mask(name).map_err(|malformed| unread("/proc/self/status", &malformed.to_string()));
    if status.number::<u32>("NoNewPrivs").is_ok_and(|set| set == 1) {
        return Err(Stop::Way("no_new_privs"));
    }
    if mask("CapInh")? & !mask("CapPrm")? == 0 && mask("CapBnd")? & !mask("CapPrm")? == 0 {
        return Err(Stop::Way("there is nothing more to have"));
    }
    Ok(())
}

/// A working directory that no path leads to lies outside (CVE-2024-21626).
fn unreachable_directory() -> Reached {
    match nix::unistd::getcwd() {
        Ok(path) if path.starts_with("/") => Err(Stop::Way("it is inside")),
        Ok(_) | Err(nix::errno::Errno::ENOENT) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}
