//! The user namespace of an ordinary user's build root, and its maps.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, getegid, geteuid, getppid, pipe2};

use super::super::privilege::Ids;
use super::super::protocol::{Failure, Want};
use crate::facts::mount;
use crate::facts::text::escape;
use crate::subordinate::Range;

/// The most that is read of what a helper says of its failure.
const HEARD: u64 = 1 << 10;

/// Unshares the namespaces `others`, and around them a user namespace with these ids in it where there is to be one.
/// This process is user 0 of it, and may do everything there.
pub(super) fn enter(ids: &Ids, others: CloneFlags) -> Result<(), Failure> {
    let unshared = |flags| unshare(flags).map_err(|errno| Failure::new("unshare the supervisor's namespaces", errno));
    let unshared_user =
        || unshared(CloneFlags::CLONE_NEWUSER | others).map_err(|failure| failure.for_want_of(forbidding()));
    match ids {
        Ids::Kept => unshared(others).map_err(|failure| failure.for_want_of(Want::Root)),
        Ids::Single => {
            let (user, group) = (geteuid(), getegid());
            unshared_user()?;
            // A group of the caller's can only be given up where that was allowed outside.
            write(Path::new("/proc/self/setgroups"), "deny")
                .and_then(|()| write(Path::new("/proc/self/uid_map"), &format!("0 {user} 1")))
                .and_then(|()| write(Path::new("/proc/self/gid_map"), &format!("0 {group} 1")))
                .map_err(|failure| failure.for_want_of(Want::Map))
        }
        Ids::Same { .. } | Ids::Shifted { .. } | Ids::Subordinate { .. } => {
            let mapper = Mapper::fork(ids)?;
            let unshared = unshared_user();
            mapper.map(unshared.is_ok())?;
            unshared?;
            match ids {
                Ids::Shifted { .. } => crate::sys::become_user_zero()
                    .map_err(|error| Failure::new("become user 0 of the user namespace", error)),
                _ => Ok(()),
            }
        }
    }
}

/// What stands in the way of a user namespace, as far as it shows.
fn forbidding() -> Want {
    let table = std::fs::read("/proc/self/mountinfo").ok().and_then(|text| mount::parse(&text).ok());
    let chroot = table.is_some_and(|rows| !rows.iter().any(|row| row.point == b"/"));
    if chroot { Want::NoChroot } else { Want::UserNamespace }
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(file, text).map_err(|error| Failure::new(format!("write {}", file.display()), error))
}

/// A child that stays outside, where it may map what we may not.
#[derive(Debug)]
struct Mapper {
    child: Pid,
    /// A byte is written when there is something to map; closing it says there is not.
    go: File,
    /// What could not be done, as JSON; nothing where all was.
    answer: File,
}

impl Mapper {
    fn fork(ids: &Ids) -> Result<Self, Failure> {
        let (wait, go) = pipe()?;
        let (answer, tell) = pipe()?;
        match crate::sys::fork_single_threaded().map_err(|error| Failure::new("fork", error))? {
            ForkResult::Parent { child } => Ok(Self { child, go: go.into(), answer: answer.into() }),
            ForkResult::Child => {
                drop((go, answer));
                let asked = File::from(wait).read_exact(&mut [0]).is_ok();
                let mapped = if asked { map(getppid(), ids) } else { Ok(()) };
                let failure = mapped.err().map(|failure| failure.for_want_of(Want::SubordinateIds));
                let told = failure.map(|failure| serde_json::to_writer(File::from(tell), &failure));
                std::process::exit(i32::from(told.is_some()))
            }
        }
    }

    /// Has the ids mapped, if there is a namespace for them, and waits until that is done.
    fn map(mut self, unshared: bool) -> Result<(), Failure> {
        let failed = |error| Failure::new("have ids mapped", error);
        if unshared {
            self.go.write_all(b"!").map_err(failed)?;
        }
        drop(self.go);
        let mut answer = Vec::new();
        let heard = self.answer.read_to_end(&mut answer);
        waitpid(self.child, None).map_err(|errno| failed(errno.into()))?;
        heard.map_err(failed)?;
        match serde_json::from_slice::<Failure>(&answer) {
            _ if answer.is_empty() => Ok(()),
            Ok(failure) => Err(failure),
            Err(_) => Err(failed(Errno::EPROTO.into())),
        }
    }
}

/// Maps the ids of the process `of`.
fn map(of: Pid, ids: &Ids) -> Result<(), Failure> {
    match ids {
        Ids::Kept | Ids::Single => Ok(()),
        Ids::Same { users, groups } => {
            let rows = |ranges: &[Range]| -> String {
                ranges.iter().map(|Range { first, count }| format!("{first} {first} {count}\n")).collect()
            };
            write(Path::new(&format!("/proc/{of}/uid_map")), &rows(users))?;
            write(Path::new(&format!("/proc/{of}/gid_map")), &rows(groups))
        }
        Ids::Shifted { range: Range { first, count } } => {
            let row = format!("0 {first} {count}\n");
            write(Path::new(&format!("/proc/{of}/uid_map")), &row)?;
            write(Path::new(&format!("/proc/{of}/gid_map")), &row)
        }
        Ids::Subordinate { users, groups, helpers: [newuidmap, newgidmap] } => {
            help(newuidmap, of, geteuid().as_raw(), users)?;
            help(newgidmap, of, getegid().as_raw(), groups)
        }
    }
}

/// Has a helper map `own` to 0, and the ranges after it.
fn help(helper: &Path, of: Pid, own: u32, ranges: &[Range]) -> Result<(), Failure> {
    let failed = |operation: &str, error: io::Error| Failure::new(format!("{operation} {}", helper.display()), error);
    let mut command = Command::new(helper);
    command.args([of.to_string(), "0".to_owned(), own.to_string(), "1".to_owned()]);
    let mut inside = 1;
    for Range { first, count } in ranges {
        command.args([inside, *first, *count].map(|number: u32| number.to_string()));
        inside = inside.saturating_add(*count);
    }
    let mut child = command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed("execute", error))?;
    let mut said = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        stderr.take(HEARD).read_to_end(&mut said).map_err(|error| failed("hear of", error))?;
    }
    if child.wait().map_err(|error| failed("wait for", error))?.success() {
        return Ok(());
    }
    let said = said.trim_ascii().rsplit(|&byte| byte == b'\n').next().map(escape).unwrap_or_default();
    Err(Failure::new(format!("have {} map subordinate ids ({said})", helper.display()), Errno::EPERM))
}

fn pipe() -> Result<(OwnedFd, OwnedFd), Failure> {
    pipe2(OFlag::O_CLOEXEC).map_err(|errno| Failure::new("make a pipe", errno))
}
