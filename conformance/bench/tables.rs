//! Mount tables as long as one wants, in mount namespaces of this process's own.

use std::fs::File;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use rootcontract::facts::mount::parse;
use tempfile::TempDir;

/// What a sandbox is made of; everything else may go.
const NEEDED: [&str; 6] = ["/", "/dev", "/proc", "/sys", "/run", "/tmp"];

/// A mount namespace.
pub struct Table(File);

impl Table {
    /// Takes this process there. It has one thread.
    pub fn enter(&self) {
        setns(&self.0, CloneFlags::CLONE_NEWNS).expect("a mount namespace");
    }
}

/// Where this process was, and two of them: with `few` mounts and with `many`. Nothing is seen of those outside of this
/// process. The directories can be removed from where it was.
pub fn made(few: usize, many: usize) -> ([Table; 3], TempDir) {
    let place = tempfile::tempdir().expect("a directory");
    let home = current();
    own();
    let nothing = None::<&str>;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing).expect("private mounts");
    for point in points().into_iter().rev().filter(|point| !NEEDED.iter().any(|needed| point == Path::new(needed))) {
        if points().len() > few {
            let _busy = umount2(&point, MntFlags::MNT_DETACH);
        }
    }
    fill(place.path(), few);
    let short = current();
    own();
    fill(place.path(), many);
    ([home, short, current()], place)
}

fn own() {
    unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
}

fn current() -> Table {
    Table(File::open("/proc/self/ns/mnt").expect("a mount namespace"))
}

/// Mounts directories on themselves, each beside the others as those of containers are, until there are so many.
fn fill(place: &Path, many: usize) {
    for number in points().len()..many {
        let point = place.join(number.to_string());
        std::fs::create_dir(&point).expect("a directory");
        mount(Some(&point), &point, None::<&str>, MsFlags::MS_BIND, None::<&str>).expect("a mount");
    }
    assert_eq!(points().len(), many);
}

fn points() -> Vec<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    let table = std::fs::read("/proc/self/mountinfo").expect("the table");
    let rows = parse(&table).expect("a table");
    rows.into_iter().map(|row| std::ffi::OsString::from_vec(row.point).into()).collect()
}
