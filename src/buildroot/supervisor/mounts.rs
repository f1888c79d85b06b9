//! The mount namespaces of an open root.
//!
//! Two of them: `whole` has every mount of the host, `lean` only those a run needs, because bubblewrap reads the whole
//! table again for every bind. A run whose own binds come from a mount that was shed starts in `whole`.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::linux::fs::MetadataExt;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{chdir, chroot, fchdir, pivot_root};

use super::super::privilege::Ids;
use super::super::protocol::{Failure, Open, Want};
use super::super::scratch;
use super::held;
use super::lean::LeanRoot;
use crate::facts::mount::Row;
use crate::sys::MountNamespace;

/// Below these, and only these, mounts are shed: bubblewrap itself and the libraries it loads are never there.
pub(super) const SHEDDABLE: [&str; 11] =
    ["/dev", "/home", "/media", "/mnt", "/proc", "/run", "/snap", "/srv", "/tmp", "/var/lib", "/var/snap"];

/// File systems that nobody else has to answer for.
const LOCAL: [&str; 16] = [
    "bpf",
    "btrfs",
    "devpts",
    "devtmpfs",
    "ext2",
    "ext3",
    "ext4",
    "f2fs",
    "hugetlbfs",
    "mqueue",
    "overlay",
    "ramfs",
    "squashfs",
    "tmpfs",
    "vfat",
    "xfs",
];

/// Where an open root's mounts are.
#[derive(Debug)]
pub(super) struct Mounts {
    held: PathBuf,
    dev: PathBuf,
    whole: Namespace,
    lean: Namespace,
    kept: Kept,
}

/// A mount namespace, and what is `/` in it, which is not its own root in a chroot.
#[derive(Debug)]
struct Namespace {
    namespace: File,
    root: File,
}

impl Namespace {
    /// The one this process is in.
    fn current() -> Result<Self, Failure> {
        let open = |path| File::open(path).map_err(|error| Failure::new(format!("open {path}"), error));
        Ok(Self { namespace: open("/proc/self/ns/mnt")?, root: open("/")? })
    }

    /// Goes there.
    fn enter(&self) -> Result<(), Failure> {
        setns(&self.namespace, CloneFlags::CLONE_NEWNS)
            .and_then(|()| fchdir(&self.root))
            .and_then(|()| chroot("."))
            .map_err(|errno| Failure::new("enter a mount namespace", errno))
    }
}

/// What there is in the lean namespace.
#[derive(Debug)]
enum Kept {
    /// All but what was mounted here.
    AllBut(Vec<PathBuf>),
    /// This, and what is below.
    Only(Vec<PathBuf>),
}

/// Cuts the namespace off from the host's, and mounts a `/proc` that shows the supervisor's own pid namespace.
pub(super) fn make_private(ids: &Ids) -> Result<(), Failure> {
    match private() {
        Err(Errno::EINVAL) => {
            leave_chroot().map_err(|error| Failure::new("make `/` of a chroot a mount point", error))?
        }
        result => result.map_err(|errno| Failure::new("make the mounts private", errno))?,
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>)
        .map_err(|errno| Failure::new("mount a /proc", errno))
        .map_err(|failure| if *ids == Ids::Kept { failure } else { failure.for_want_of(Want::WholeProc) })
}

fn private() -> nix::Result<()> {
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
}

/// Makes what is `/`, and no mount point, the root of the namespace: elsewhere bubblewrap can't change its root. On the way
/// the namespace's own root is seen, since all of its mounts have to be private.
fn leave_chroot() -> io::Result<()> {
    let root = File::open("/")?;
    let namespace = File::open("/proc/self/ns/mnt")?;
    // Who enters a mount namespace is at its root, also who is in it already (setns(2)).
    setns(namespace, CloneFlags::CLONE_NEWNS)?;
    private()?;
    fchdir(&root)?;
    mount(Some("."), ".", None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)?;
    // By its name, which leads to what is mounted on it.
    chdir(&std::env::current_dir()?)?;
    let (here, meant) = (std::fs::metadata(".")?, root.metadata()?);
    if (here.st_dev(), here.st_ino()) != (meant.st_dev(), meant.st_ino()) {
        return Err(Errno::ENOENT.into());
    }
    pivot_root(".", ".")?;
    umount2(".", MntFlags::MNT_DETACH)?;
    Ok(chdir("/")?)
}

impl Mounts {
    /// Keeps the present mount namespace as `whole` and goes to a copy of it, `lean`, without what is not needed.
    pub fn new(open: &Open) -> Result<Self, Failure> {
        let whole = Namespace::current()?;
        unshare(CloneFlags::CLONE_NEWNS).map_err(|errno| Failure::new("unshare the lean mount namespace", errno))?;
        let needed: Vec<PathBuf> = open.needed.iter().map(PathBuf::from).collect();
        let kept = if open.ids == Ids::Kept {
            Kept::AllBut(shed(Path::new(&open.dev), &needed)?)
        } else {
            match LeanRoot::enter(Path::new(&open.bwrap), &needed) {
                Ok(kept) => Kept::Only(kept),
                // Without one every bind takes longer, and nothing else is different.
                Err(_) => {
                    whole.enter()?;
                    Kept::AllBut(Vec::new())
                }
            }
        };
        let [held, dev] = [&open.held, &open.dev].map(PathBuf::from);
        Ok(Self { held, dev, whole, lean: Namespace::current()?, kept })
    }

    /// The directory that is the sandboxes' `/dev`.
    pub fn dev(&self) -> &Path {
        &self.dev
    }

    /// The namespace to start in so that `sources` are what the host has there; `None`: the present one.
    pub fn namespace_with(&self, sources: &[OsString]) -> Option<MountNamespace<'_>> {
        let lost = |source: &OsString| {
            let Ok(resolved) = Path::new(source).canonicalize() else { return true };
            match &self.kept {
                Kept::AllBut(shed) => shed.iter().any(|point| resolved.starts_with(point)),
                Kept::Only(bound) => !bound.iter().any(|point| resolved.starts_with(point)),
            }
        };
        let all = matches!(&self.kept, Kept::AllBut(shed) if shed.is_empty());
        (!all && sources.iter().any(lost))
            .then(|| MountNamespace { namespace: self.whole.namespace.as_fd(), root: self.whole.root.as_fd() })
    }

    /// Does `action` in both namespaces; ends in the lean one.
    pub fn in_each(&self, action: impl Fn() -> Result<(), Failure>) -> Result<(), Failure> {
        action()?;
        self.whole.enter()?;
        let result = action();
        self.lean.enter()?;
        result
    }

    /// Takes down what is held, in both namespaces, and stays in the one where the scratch directories can be removed. What
    /// fails here goes with the namespaces, a moment later.
    pub fn unmount(&self) {
        let _goes_anyway = self.in_each(|| {
            held::unmount(&self.held);
            Ok(())
        });
        if matches!(self.kept, Kept::Only(_)) {
            let _then_they_are_busy = self.whole.enter();
        }
    }
}

/// Takes away the mounts that are not needed, and gives those that went; `over` is a directory for the time being.
fn shed(over: &Path, needed: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let text =
        std::fs::read("/proc/self/mountinfo").map_err(|error| Failure::new("read /proc/self/mountinfo", error))?;
    // A table that can't be read is one that nothing is shed from.
    let rows = crate::facts::mount::parse(&text).unwrap_or_default();
    let remote = points(rows.iter().filter(|row| is_remote(&row.fstype)));
    Ok(detach(sheddable(points(&rows), needed), &remote, over))
}

/// Removes the scratch directories.
pub(super) fn remove(directories: &[OsString]) -> Vec<Failure> {
    let left = |directory: &OsString| {
        let error = scratch::remove(Path::new(directory)).err()?;
        Some(Failure::new(format!("remove {}", directory.to_string_lossy()), error))
    };
    directories.iter().filter_map(left).collect()
}

fn points<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Vec<PathBuf> {
    rows.into_iter().map(|row| PathBuf::from(OsString::from_vec(row.point.clone()))).collect()
}

/// Whether a file system of this type may ask somebody else, who may be gone: looking at it may take for ever.
fn is_remote(fstype: &[u8]) -> bool {
    !LOCAL.iter().any(|local| local.as_bytes() == fstype)
}

/// Takes away the mounts at these points, each with what is below it, and gives those that went. One that is busy or
/// covered stays, which costs time and nothing else.
///
/// The kernel waits out a grace period for each that is detached and none for one that is moved. So they are moved to a
/// mount `over` a directory, which is then detached; but for the `remote`, which must not be looked at.
fn detach(mut points: Vec<PathBuf>, remote: &[PathBuf], over: &Path) -> Vec<PathBuf> {
    let heap = mount(Some("none"), over, Some("tmpfs"), MsFlags::empty(), Some("mode=700"));
    let mut places = (0_u32..).map(|number| over.join(number.to_string()));
    points.retain(|point| {
        let moves = heap.is_ok() && !remote.contains(point);
        moves && places.next().is_some_and(|place| moved(point, &place))
            || umount2(point, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW).is_ok()
    });
    if heap.is_ok() {
        let _just_mounted = umount2(over, MntFlags::MNT_DETACH);
    }
    points
}

/// Moves a mount to a place that is not there yet.
fn moved(point: &Path, place: &Path) -> bool {
    let made = match point.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => std::fs::create_dir(place),
        Ok(_) => File::create_new(place).map(drop),
        Err(error) => Err(error),
    };
    made.is_ok() && mount(Some(point), place, None::<&str>, MsFlags::MS_MOVE, None::<&str>).is_ok()
}

/// The mount points that may go: below [`SHEDDABLE`], and neither above nor below anything needed. Those below another
/// one go with it and are not named: each costs the kernel a grace period. Those on top of each other are all named.
fn sheddable(mut points: Vec<PathBuf>, needed: &[PathBuf]) -> Vec<PathBuf> {
    points.retain(|point| {
        SHEDDABLE.iter().any(|above| point.starts_with(above))
            && point != Path::new("/dev")
            && point != Path::new("/proc")
            && !needed.iter().any(|path| path.starts_with(point) || point.starts_with(path))
    });
    points.sort();
    let mut tops: Vec<PathBuf> = Vec::new();
    for point in points {
        if tops.last().is_none_or(|top| *top == point || !point.starts_with(top)) {
            tops.push(point);
        }
    }
    tops
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mounts_that_no_run_needs_are_shed_each_with_what_is_below() {
        let points = [
            "/",
            "/usr",
            "/dev",
            "/dev/pts",
            "/home",
            "/home/me/disk",
            "/home",
            "/run",
            "/mnt/root/usr",
            "/proc",
            "/sys",
        ];
        let needed = [PathBuf::from("/mnt/root"), PathBuf::from("/run/rootcontract/x/dev")];
        let shed = sheddable(points.iter().map(PathBuf::from).collect(), &needed);
        assert_eq!(shed, ["/dev/pts", "/home", "/home"].map(PathBuf::from));
    }
}
