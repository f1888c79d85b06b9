//! A control group for each run, where this process may make some: below its own, with the controller `pids`.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use nix::unistd::mkdtemp;

use super::super::protocol::Failure;
use super::super::scratch::{PREFIX, lock};
use crate::facts::mount::{self, Row};

/// A group without a process yet. It goes when this is dropped, and the kernel lets it when nothing runs in it.
#[derive(Debug)]
pub(super) struct Group {
    path: PathBuf,
    _lock: File,
}

impl Group {
    /// Makes one below `parent` for `most` processes.
    pub fn make(parent: &Path, most: u32) -> Result<Self, Failure> {
        let failed = |error| Failure::new(format!("make a control group in {}", parent.display()), error);
        let mut tries = 0;
        loop {
            match Self::try_make(parent, most) {
                // Another one's clearing away may get in between making and locking.
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < 16 => tries += 1,
                made => return made.map_err(failed),
            }
        }
    }

    fn try_make(parent: &Path, most: u32) -> io::Result<Self> {
        let path = mkdtemp(&parent.join(format!("{PREFIX}XXXXXX")))?;
        let limited = lock(&path).and_then(|lock| {
            let lock = lock.ok_or(io::ErrorKind::NotFound)?;
            File::options().write(true).open(path.join("pids.max"))?.write_all(most.to_string().as_bytes())?;
            Ok(lock)
        });
        match limited {
            Ok(lock) => Ok(Self { path, _lock: lock }),
            Err(error) => {
                let _useless = std::fs::remove_dir(&path);
                Err(error)
            }
        }
    }

    /// The file that a process writes `0` to, to be in the group.
    pub fn processes(&self) -> PathBuf {
        self.path.join("cgroup.procs")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _next_time = std::fs::remove_dir(&self.path);
    }
}

/// The group below which groups can be made, found by making one. What killed owners left there is cleared away.
///
/// # Errors
/// Why there is none, for people.
pub(super) fn usable() -> Result<PathBuf, String> {
    let read = |file: &str| std::fs::read(file).map_err(|error| format!("{file}: {error}"));
    let table = mount::parse(&read("/proc/self/mountinfo")?).map_err(|malformed| malformed.to_string())?;
    let own = own(&read("/proc/self/cgroup")?, &table)
        .ok_or("no control groups that have the controller pids are mounted")?;
    clear_abandoned(&own);
    match Group::make(&own, 1) {
        Ok(_) => Ok(own),
        Err(failure) => Err(failure.line()),
    }
}

/// Where this process's own group of the controller `pids` lies: of the first version's hierarchy, or of the unified one.
fn own(memberships: &[u8], table: &[Row]) -> Option<PathBuf> {
    memberships.split(|&byte| byte == b'\n').find_map(|line| {
        let mut columns = line.splitn(3, |&byte| byte == b':').skip(1);
        let (controllers, path) = (columns.next()?, columns.next()?);
        let has_pids = |options: &[u8]| options.split(|&byte| byte == b',').any(|option| option == b"pids");
        let is_its = |row: &&Row| match row.fstype.as_slice() {
            b"cgroup" => has_pids(controllers) && has_pids(&row.super_options),
            b"cgroup2" => controllers.is_empty(),
            _ => false,
        };
        let row = table.iter().find(is_its)?;
        // The mount may show a part of the hierarchy only, from its root on.
        let of = |bytes: &[u8]| PathBuf::from(OsString::from_vec(bytes.to_vec()));
        Some(of(&row.point).join(of(path).strip_prefix(of(&row.root)).ok()?))
    })
}

/// Removes the groups that nobody holds the lock of. One with processes in it the kernel keeps.
fn clear_abandoned(parent: &Path) {
    let ours = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with(PREFIX);
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten().filter(ours) {
        if let Ok(Some(_abandoned)) = lock(&entry.path()) {
            let _next_time = std::fs::remove_dir(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const FIRST: &str = "30 20 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                         31 20 0:28 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n\
                         32 20 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
    const UNIFIED: &str = "30 20 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
    const PART: &str = "30 20 0:27 /machine /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";

    #[rstest]
    #[case::first_version("8:pids:/\n1:cpu:/a\n0::/b\n", FIRST, Some("/sys/fs/cgroup/pids/"))]
    #[case::with_others("8:cpu,pids:/a/b:c\n0::/\n", FIRST, Some("/sys/fs/cgroup/pids/a/b:c"))]
    #[case::unified("0::/user.slice/a\n", UNIFIED, Some("/sys/fs/cgroup/user.slice/a"))]
    #[case::a_part_of_it("0::/machine/a\n", PART, Some("/sys/fs/cgroup/a"))]
    #[case::not_in_that_part("0::/user.slice\n", PART, None)]
    #[case::not_mounted("8:pids:/\n", UNIFIED, None)]
    #[case::no_groups("", FIRST, None)]
    #[case::torn("8:pids", FIRST, None)]
    fn the_own_group_is_found(#[case] memberships: &str, #[case] table: &str, #[case] expected: Option<&str>) {
        let table = mount::parse(table.as_bytes()).expect("a table");
        assert_eq!(own(memberships.as_bytes(), &table), expected.map(PathBuf::from));
    }

    #[test]
    fn what_a_killed_owner_left_is_cleared_away_and_what_is_in_use_is_not() {
        let parent = tempfile::tempdir().expect("a directory");
        let [used, abandoned, foreign] =
            ["rootcontract-a", "rootcontract-b", "user"].map(|name| parent.path().join(name));
        for directory in [&used, &abandoned, &foreign] {
            std::fs::create_dir(directory).expect("a directory");
        }
        let _lock = lock(&used).expect("a directory").expect("a lock");
        clear_abandoned(parent.path());
        assert_eq!([used.exists(), abandoned.exists(), foreign.exists()], [true, false, true]);
    }
}
