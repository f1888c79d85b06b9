//! Room and descriptors.

use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::statvfs::{FsFlags, statvfs};

use super::Caller;
use super::check::{Check, Question};
use crate::buildroot::scratch_places;
use crate::facts::launch::Privilege;
use crate::report::show::{line, shown};

/// What a build root and its supervisor get by with, twice over: with 28 a `check` ends well.
const DESCRIPTORS: u64 = 64;
const MIB: u64 = 1 << 20;
/// Sockets and a few small files.
const RUN: u64 = MIB;
/// What tools put into `/var/tmp` without thinking of it.
const VAR: u64 = 64 * MIB;
/// Directories and files of either.
const INODES: u64 = 128;

/// What was read.
#[derive(Debug)]
pub(super) struct Resources {
    run: (PathBuf, io::Result<Room>),
    var: (PathBuf, io::Result<Room>),
    /// The soft and the hard limit.
    descriptors: Result<(u64, u64), Errno>,
}

/// What a file system has left for this caller.
#[derive(Debug, Clone, Copy)]
struct Room {
    bytes: u64,
    /// `None` where the file system does not count them.
    inodes: Option<u64>,
    programs: Programs,
}

/// Whether programs on a file system can be executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Programs {
    Run,
    Refused,
}

pub(super) fn read(caller: Caller) -> Resources {
    let privilege = match caller {
        Caller::Root => Privilege::Root,
        Caller::User => Privilege::UsernsSingle,
    };
    let [run, var] = scratch_places(privilege);
    // One of our own may not be there yet.
    let run = run.parent().filter(|_| !run.exists()).map(Path::to_owned).unwrap_or(run);
    let rooms = [&run, &var].map(|place| room(place));
    let [of_run, of_var] = rooms;
    Resources { run: (run, of_run), var: (var, of_var), descriptors: getrlimit(Resource::RLIMIT_NOFILE) }
}

/// What is left where a directory can be made.
fn room(place: &Path) -> io::Result<Room> {
    let made = tempfile::Builder::new().prefix("rootcontract-trial-").tempdir_in(place)?;
    let of = statvfs(made.path())?;
    Ok(Room {
        // These are narrower where pointers are.
        bytes: (of.blocks_available() as u64).saturating_mul(of.fragment_size() as u64),
        inodes: (of.files() != 0).then(|| of.files_available() as u64),
        programs: if of.flags().contains(FsFlags::ST_NOEXEC) { Programs::Refused } else { Programs::Run },
    })
}

pub(super) fn checks(read: &Resources) -> Vec<Check> {
    let run = Question::required("space.run", "A root's sockets, small files, and a runner for osbuild-v19 lie there.");
    let var = Question::required("space.var", "The build root's `/var` lies there.");
    vec![
        space(run, &read.run, RUN, Programs::Run),
        space(var, &read.var, VAR, Programs::Refused),
        descriptors(read.descriptors),
    ]
}

/// `least` bytes, and programs that run if they have to.
fn space(question: Question, (place, room): &(PathBuf, io::Result<Room>), least: u64, programs: Programs) -> Check {
    let place = shown(&place.to_string_lossy());
    let room = match room {
        Ok(room) => room,
        Err(error) => {
            let found = format!("no directory can be made in {place}: {}", line(error));
            return question.missing(found, "mount something there that this user may write to");
        }
    };
    let free = format!("{place} has {} MiB left", room.bytes / MIB);
    if room.bytes < least {
        return question.missing(free, format!("make room for {} MiB", least / MIB));
    }
    if let Some(inodes) = room.inodes.filter(|inodes| *inodes < INODES) {
        return question.missing(format!("{free}, and {inodes} inodes"), format!("make room for {INODES} files"));
    }
    if (programs, room.programs) == (Programs::Run, Programs::Refused) {
        let mend = format!("as root: `mount -o remount,exec {place}`");
        return question.missing(format!("{free}, but is mounted noexec"), mend);
    }
    question.ok(free)
}

fn descriptors(limit: Result<(u64, u64), Errno>) -> Check {
    let question = Question::required("limit.descriptors", "A build root and its supervisor keep a few dozen open.");
    match limit {
        Err(errno) => question.unknown(format!("getrlimit: {}", errno.desc()), "ask again"),
        Ok((soft, _)) if soft >= DESCRIPTORS => question.ok(format!("{soft} may be open")),
        Ok((soft, hard)) if hard >= DESCRIPTORS => {
            question.missing(format!("{soft} may be open"), format!("`ulimit -n {}`", hard.min(1024)))
        }
        Ok((soft, hard)) => {
            let mend = format!("have the hard limit raised to {DESCRIPTORS} or more: limits.conf(5), LimitNOFILE=");
            question.missing(format!("{soft} may be open, and {hard} at the most"), mend)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{State, said};
    use super::*;
    use rstest::rstest;

    const ROOM: Room = Room { bytes: 1 << 40, inodes: Some(1 << 20), programs: Programs::Run };

    fn read(run: io::Result<Room>, var: io::Result<Room>, descriptors: (u64, u64)) -> Vec<Check> {
        checks(&Resources { run: ("/run".into(), run), var: ("/var/tmp".into(), var), descriptors: Ok(descriptors) })
    }

    #[rstest]
    #[case::enough(Ok(ROOM), State::Ok, "/run has 1048576 MiB left", "")]
    #[case::full(
        Ok(Room { bytes: RUN - 1, ..ROOM }),
        State::Missing, "/run has 0 MiB left", "make room for 1 MiB"
    )]
    #[case::no_inodes(
        Ok(Room { inodes: Some(3), ..ROOM }),
        State::Missing, "/run has 1048576 MiB left, and 3 inodes", "make room for 128 files"
    )]
    #[case::inodes_that_are_not_counted(Ok(Room { inodes: None, ..ROOM }), State::Ok, "/run has 1048576 MiB left", "")]
    #[case::read_only(
        Err(io::Error::from_raw_os_error(30)),
        State::Missing,
        "no directory can be made in /run: Read-only file system",
        "mount something there that this user may write to"
    )]
    #[case::noexec(
        Ok(Room { programs: Programs::Refused, ..ROOM }),
        State::Missing, "/run has 1048576 MiB left, but is mounted noexec", "as root: `mount -o remount,exec /run`"
    )]
    fn room_is_needed(#[case] room: io::Result<Room>, #[case] state: State, #[case] found: &str, #[case] mend: &str) {
        let checks = read(room, Ok(ROOM), (1024, 4096));
        let (_, is, says, how) = said(&checks, "space.run");
        assert_eq!((is, says, how), (state, found, mend));
    }

    #[test]
    fn no_program_is_run_from_var() {
        let checks = read(Ok(ROOM), Ok(Room { programs: Programs::Refused, ..ROOM }), (1024, 4096));
        assert_eq!(said(&checks, "space.var").1, State::Ok);
    }

    #[rstest]
    #[case::enough((1024, 4096), State::Ok, "1024 may be open", "")]
    #[case::just_enough((64, 64), State::Ok, "64 may be open", "")]
    #[case::few((32, 4096), State::Missing, "32 may be open", "`ulimit -n 1024`")]
    #[case::few_and_no_more_to_be_had((32, 63), State::Missing, "32 may be open, and 63 at the most",
        "have the hard limit raised to 64 or more: limits.conf(5), LimitNOFILE=")]
    fn descriptors_are_needed(
        #[case] limit: (u64, u64),
        #[case] state: State,
        #[case] found: &str,
        #[case] mend: &str,
    ) {
        let checks = read(Ok(ROOM), Ok(ROOM), limit);
        let (_, is, says, how) = said(&checks, "limit.descriptors");
        assert_eq!((is, says, how), (state, found, mend));
    }
}
