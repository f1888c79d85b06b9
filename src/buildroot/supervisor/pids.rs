//! How many processes a run may have: by the `pid_max` of its pid namespace, or by a control group.
//!
//! The first leaves nothing behind and is not seen from inside, so it comes first. It is taken only where it is known
//! to be the namespace's own: until Linux 6.14 there is one `pid_max`, and it is the host's.

use std::ffi::CString;
use std::fs::File;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Uid, setresuid};

use super::super::protocol::{Failure, Pids};
use super::group::{self, Group};
use crate::sys;

/// Of a namespace that has once used all its numbers, those below this one are not given out again (`RESERVED_PIDS` of
/// kernel/pid.c).
const RESERVED: u32 = 300;
/// Where the present pid namespace says how many processes it may have.
const PID_MAX: &str = "/proc/sys/kernel/pid_max";
/// A setting with the same mode and owner that no namespace has for itself.
const THREADS_MAX: &str = "/proc/sys/kernel/threads-max";
/// What is said of a kernel, and where that could not be tried.
const NOT_KNOWN: &str = "pid namespaces are not known to have a pid_max of their own (it takes Linux 6.14)";
/// An ordinary user: the one that the kernel shows where it can show none.
const NOBODY: Uid = Uid::from_raw(65534);

/// How the runs of a root are limited.
#[derive(Debug)]
pub(super) enum Limit {
    /// Not at all.
    None,
    /// By what is written into [`PID_MAX`] in each run's namespace.
    Namespace(u32),
    /// By a control group for each run, below this one.
    Group { below: PathBuf, most: u32 },
}

/// What limits one run, until it is dropped.
#[derive(Debug, Default)]
pub(super) struct Limited {
    /// A file, and what the run's first process writes there before it becomes bubblewrap.
    pub write: Option<(CString, CString)>,
    _group: Option<Group>,
}

impl Limit {
    /// Finds out how `most` processes can be had.
    pub fn choose(most: Option<u32>) -> (Self, Option<Pids>) {
        let Some(most) = most else { return (Self::None, None) };
        if is_of_each_namespace() {
            return (Self::Namespace(most.saturating_add(RESERVED)), Some(Pids::Limited));
        }
        match group::usable() {
            Ok(below) => (Self::Group { below, most }, Some(Pids::Limited)),
            Err(why) => (Self::None, Some(Pids::Unlimited(format!("{why}, and {NOT_KNOWN}")))),
        }
    }

    /// Makes what limits one run.
    pub fn of_run(&self) -> Result<Limited, Failure> {
        match self {
            Self::None => Ok(Limited::default()),
            Self::Namespace(most) => {
                Ok(Limited { write: Some(written(PID_MAX.into(), &most.to_string())?), _group: None })
            }
            Self::Group { below, most } => {
                let group = Group::make(below, *most)?;
                Ok(Limited { write: Some(written(group.processes(), "0")?), _group: Some(group) })
            }
        }
    }
}

fn written(file: PathBuf, text: &str) -> Result<(CString, CString), Failure> {
    let path = CString::new(file.into_os_string().into_encoded_bytes());
    let [path, text] = [path, CString::new(text)]
        .map(|string| string.map_err(|error| Failure::new("name the file that limits processes", error)));
    Ok((path?, text?))
}

/// Whether each pid namespace has a `pid_max` of its own, which belongs to whoever made the namespace. Nothing is
/// written to find out: an ordinary user who has just made a namespace may open the file for writing, though not the
/// one beside it that is the host's.
fn is_of_each_namespace() -> bool {
    in_child(|| {
        // Where there is no such user we are none that the host trusts, or the file beside will tell.
        let _other_users_are_unknown_here = setresuid(NOBODY, NOBODY, NOBODY);
        let made = unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWPID);
        made.is_ok()
            && in_child(|| opens(PID_MAX) == Ok(()) && matches!(opens(THREADS_MAX), Err(Errno::EACCES | Errno::EPERM)))
    })
}

fn opens(file: &str) -> Result<(), Errno> {
    match File::options().write(true).open(file) {
        Ok(_untouched) => Ok(()),
        Err(error) => Err(Errno::from_raw(error.raw_os_error().unwrap_or_default())),
    }
}

/// What is so in a child; not so where there can be none.
fn in_child(is: impl FnOnce() -> bool) -> bool {
    match sys::fork_single_threaded() {
        Ok(ForkResult::Child) => std::process::exit(i32::from(!is())),
        Ok(ForkResult::Parent { child }) => matches!(waitpid(child, None), Ok(WaitStatus::Exited(_, 0))),
        Err(_) => false,
    }
}
