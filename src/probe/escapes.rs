//! The attempts to leave the sandbox, one by one. Each is harmless also where it works:
//! - what exists is opened and never written to, but for a setting that gets the value it has;
//! - mounts are made and changed in a mount namespace of a child, which ends at once;
//! - nodes are made where the sandbox's own tmpfs is, and go at once;
//! - calls that reach the kernel proper can only fail, once permission was checked.
//!
//! What each would give, and what closes it, is in the host's table, `crate::escapes`.

mod devices;
mod groups;
mod identity;
mod kernel;
mod mounts;
mod processes;
mod settings;
mod shared;
mod streams;
mod telling;

use std::{collections::BTreeMap, fs, os::unix::fs::MetadataExt, path::Path};

use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
};

use super::attempts::{self, PATIENCE, mounts::filesystems};
use crate::{
    facts::{
        escape::{Attempts, Marks, Outcome},
        mount::{self as table, Mount},
        status,
        user::INITIAL_NAMESPACE,
    },
    probe::read::{bytes, errno},
    sys,
};

/// Why an attempt did not work.
#[derive(Debug)]
enum Stop {
    /// It was refused.
    Errno(Errno),
    /// Something else is in the way.
    Way(&'static str),
    /// There is nothing here to try it on.
    Absent(String),
    /// It could not be tried.
    Untried(String),
}

impl From<Errno> for Stop {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

/// It worked, or not.
type Reached = Result<(), Stop>;

/// One attempt.
struct Attempt {
    id: &'static str,
    act: fn(&Marks) -> Reached,
}

/// Those that each have a child of their own.
const APART: [&[Attempt]; 9] = [
    settings::ALL,
    mounts::ALL,
    groups::ALL,
    devices::ALL,
    processes::ALL,
    kernel::ALL,
    shared::ALL,
    identity::ALL,
    telling::ALL,
];

/// The ids of all there are.
#[cfg(test)]
pub(crate) fn ids() -> impl Iterator<Item = &'static str> {
    APART.into_iter().chain([streams::ALL]).flatten().map(|attempt| attempt.id)
}

/// Whether this is inside: somebody made a mount namespace for us.
pub fn inside(marks: &Marks) -> Result<(), String> {
    let outside = marks.namespaces.get("mnt").ok_or("the marks do not say which mount namespace is outside")?;
    match namespace("mnt") {
        Err(errno) => Err(format!("stat /proc/self/ns/mnt: {errno:?}")),
        Ok(own) if own == *outside => Err("this is the mount namespace of whoever starts the sandbox".to_owned()),
        Ok(_) => Ok(()),
    }
}

/// Make them all.
pub fn attempt(nonce: &str, marks: &Marks) -> Attempts {
    let apart = APART.into_iter().flatten().map(|attempt| {
        let word = sys::in_child(PATIENCE, || {
            serde_json::to_string(&outcome((attempt.act)(marks))).unwrap_or_else(|error| error.to_string())
        });
        let outcome = match word {
            Ok(word) => serde_json::from_str(&word).unwrap_or_else(|_| ended(word)),
            Err(errno) => Outcome::Untried(format!("its process came to no end: {errno:?}")),
        };
        (attempt.id.to_owned(), outcome)
    });
    // A child does not have the streams.
    let here = streams::ALL.iter().map(|attempt| (attempt.id.to_owned(), outcome((attempt.act)(marks))));
    Attempts {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        nonce: nonce.to_owned(),
        outcomes: apart.chain(here).collect(),
    }
}

/// What came of an attempt whose child was ended, by the name of the signal: a filter ends who makes a call that it refuses.
/// Everything else ends whoever it happens to, and says nothing about the way.
fn ended(signal: String) -> Outcome {
    if signal == "SIGSYS" { Outcome::Closed(signal) } else { Outcome::Untried(format!("its process ended: {signal}")) }
}

fn outcome(reached: Reached) -> Outcome {
    match reached {
        Ok(()) => Outcome::Open,
        Err(Stop::Errno(errno)) => Outcome::Closed(format!("{errno:?}")),
        Err(Stop::Way(what)) => Outcome::Closed(what.to_owned()),
        Err(Stop::Absent(what)) => Outcome::Absent(what),
        Err(Stop::Untried(why)) => Outcome::Untried(why),
    }
}

/// From an attempt of the facts, which says in a word what else came of it.
fn reached(outcome: attempts::Outcome) -> Reached {
    match outcome? {
        "ok" => Ok(()),
        "no-file" => Err(Stop::Way("no such file is shown")),
        "not-loaded" => Err(Stop::Absent("the kernel has it not loaded".to_owned())),
        word => Err(Stop::Untried(word.to_owned())),
    }
}

/// A call that the kernel may not have.
fn called<T>(result: nix::Result<T>, what: &str) -> Result<T, Stop> {
    result.map_err(|errno| match errno {
        Errno::ENOSYS => Stop::Absent(format!("the kernel has no {what}")),
        errno => errno.into(),
    })
}

/// The inode of a namespace of this process.
fn namespace(name: &str) -> Result<u64, Errno> {
    fs::metadata(format!("/proc/self/ns/{name}")).map(|meta| meta.ino()).map_err(|error| errno(&error))
}

/// That a namespace is that of whoever started the sandbox.
fn shares(marks: &Marks, name: &str) -> Reached {
    let Some(outside) = marks.namespaces.get(name) else {
        return Err(Stop::Untried(format!("the marks do not say which {name} namespace is outside")));
    };
    match namespace(name) {
        Ok(own) if own == *outside => Ok(()),
        Ok(_) => Err(Stop::Way("a namespace of its own")),
        Err(errno) => Err(Stop::Untried(format!("stat /proc/self/ns/{name}: {errno:?}"))),
    }
}

/// That user 0 here is the machine's, so that what belongs to a user namespace is the machine's too.
fn in_initial_user_namespace() -> Reached {
    match namespace("user") {
        Ok(INITIAL_NAMESPACE) => Ok(()),
        Ok(_) => Err(Stop::Way("an instance of its user namespace's own")),
        Err(errno) => Err(Stop::Untried(format!("stat /proc/self/ns/user: {errno:?}"))),
    }
}

/// The mounts that are seen.
fn mounts() -> Result<BTreeMap<String, Mount>, Stop> {
    let text = bytes("/proc/self/mountinfo").map_err(|reason| unread(&reason.what, &reason.errno))?;
    let rows = table::parse(&text).map_err(|malformed| unread("/proc/self/mountinfo", &malformed.to_string()))?;
    Ok(table::visible(&rows))
}

fn unread(what: &str, why: &str) -> Stop {
    Stop::Untried(format!("{what}: {why}"))
}

/// Go to a mount namespace of this process's own, without which nothing is mounted or changed. Who has the capability for
/// mounts and can't go there is kept by a filter from that only, perhaps: it is not known what else would work.
fn apart() -> Result<(), Stop> {
    /// `CAP_SYS_ADMIN` (`linux/capability.h`).
    const SYS_ADMIN: u64 = 1 << 21;
    attempts::mounts::cut_off().map_err(|errno| {
        let text = bytes("/proc/self/status").unwrap_or_default();
        let effective = status::parse(&text).and_then(|status| status.mask("CapEff"));
        match effective {
            Ok(effective) if effective & SYS_ADMIN == 0 => errno.into(),
            Ok(_) | Err(_) => Stop::Untried(format!("no mount namespace to try it in, with CAP_SYS_ADMIN: {errno:?}")),
        }
    })
}

/// Mount a file system in a mount namespace of this process's own; where it is then. What the kernel has not loaded is
/// left alone: to mount it would load it.
fn mounted(fstype: &str, options: Option<&str>) -> Result<&'static str, Stop> {
    let known = filesystems();
    if known.is_empty() {
        return Err(Stop::Untried("/proc/filesystems tells of none".to_owned()));
    }
    if !known.contains(fstype) {
        return Err(Stop::Absent(format!("the kernel has no {fstype}")));
    }
    apart()?;
    let place = ["/tmp", "/mnt", "/run", "/dev", "/proc"].into_iter().find(|place| Path::new(place).is_dir());
    let place = place.ok_or_else(|| Stop::Untried("there is no directory to mount on".to_owned()))?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some(fstype), place, Some(fstype), flags, options)?;
    Ok(place)
}

/// Open a file that may not be there for writing, and nothing more.
fn open_for_writing(path: &str) -> Reached {
    match attempts::kernel::open_for(path, nix::fcntl::OFlag::O_WRONLY) {
        Err(Errno::ENOENT) if path.starts_with("/proc/") && !Path::new("/proc/version").exists() => {
            Err(Stop::Way("there is no /proc"))
        }
        Err(Errno::ENOENT) => Err(Stop::Absent(format!("there is no {path}"))),
        outcome => reached(outcome),
    }
}
