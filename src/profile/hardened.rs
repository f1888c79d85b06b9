//! osbuild's build root of tag v190, closed as far as the scriptlets of packages can do with.
//!
//! What is different, and why, is told clause by clause in `conformance/contract/hardened.toml`. Nothing here depends on
//! what a bubblewrap can do since some version: what not every one can is done by the process that becomes bubblewrap.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::path::Path;

use super::{Layout, osbuild_v190};
use crate::plan::{Access, HostPath, Namespace, Op, Plan, Preparation, SandboxPath};

/// Each tmpfs: where it is, its name below [`Shelter::tmpfs`](super::Shelter), its mode.
pub const TMPFS: [(&str, &str, u32); 4] =
    [("/", "root", 0o755), ("/dev/shm", "shm", 0o1777), ("/run", "run", 0o755), ("/tmp", "tmp", 0o1777)];

/// The host name: one that shows where it comes from when it ends up in an image.
pub const HOST_NAME: &str = "buildroot";

/// The most that each tmpfs holds unless something else is asked for: a gibibyte.
pub const DEFAULT_SIZE: NonZeroU64 = NonZeroU64::MIN.saturating_add((1 << 30) - 1);

/// What is done with something in `/proc` that is the host's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cover {
    /// It can be read, and not be written to.
    ReadOnly,
    /// An empty file is in its place.
    File,
    /// An empty directory is in its place.
    Directory,
}

/// What of `/proc` is covered, where the kernel has it: runc's `ReadonlyPaths` and `MaskedPaths` (runc 76d9cf5), what else
/// of the host's can be written to, and what else tells of its memory, keys, devices or modules.
pub const COVERS: [(&str, Cover); 35] = [
    ("acpi", Cover::Directory),
    ("asound", Cover::Directory),
    ("bootconfig", Cover::File),
    ("bus", Cover::ReadOnly),
    ("cio_ignore", Cover::File),
    ("cio_settle", Cover::File),
    ("driver", Cover::Directory),
    ("dynamic_debug", Cover::Directory),
    ("fs", Cover::ReadOnly),
    ("interrupts", Cover::File),
    ("iomem", Cover::File),
    ("ioports", Cover::File),
    ("irq", Cover::ReadOnly),
    ("kallsyms", Cover::File),
    ("kcore", Cover::File),
    ("key-users", Cover::File),
    ("keys", Cover::File),
    ("kmsg", Cover::File),
    ("kpagecgroup", Cover::File),
    ("kpagecount", Cover::File),
    ("kpageflags", Cover::File),
    ("latency_stats", Cover::File),
    ("modules", Cover::File),
    ("mtrr", Cover::File),
    ("powerpc", Cover::Directory),
    ("pressure", Cover::ReadOnly),
    ("sched_debug", Cover::File),
    ("scsi", Cover::Directory),
    ("slabinfo", Cover::File),
    ("sys", Cover::ReadOnly),
    ("sysrq-trigger", Cover::File),
    ("timer_list", Cover::File),
    ("timer_stats", Cover::File),
    ("vmallocinfo", Cover::File),
    ("vmcore", Cover::File),
];

/// What there is of `/sys`: what rpm-ostree shows to scriptlets (rpm-ostree d5ef5f0, `rust/src/bwrap.rs`). Mount points for
/// these, and for SELinux's, are in [`Shelter::sys`](super::Shelter).
pub const SYS: [&str; 5] = ["block", "bus", "class", "dev", "devices"];

/// The way to SELinux's file system, seen from `/sys`.
pub const SELINUX: [&str; 2] = ["fs", "fs/selinux"];

pub(super) fn plan(layout: &Layout) -> Plan {
    let built = osbuild_v190::plan(layout);
    let mut ops =
        vec![Op::Unshare(Namespace::Uts), Op::Unshare(Namespace::Cgroup), Op::Seccomp(layout.shelter.filter.clone())];
    ops.extend(tmpfs(layout, Path::new("/")));
    ops.extend(built.ops.into_iter().flat_map(|op| instead(op, layout)));
    make_once(&mut ops);
    let tmpfs = TMPFS.map(|(_, name, mode)| Preparation::Tmpfs {
        at: layout.shelter.tmpfs.join(name),
        mode,
        size: layout.shelter.size,
    });
    let process = [
        Preparation::HostName(HOST_NAME.to_owned()),
        Preparation::LeaveKeyring,
        Preparation::GoFirst,
        Preparation::Settle,
    ];
    let before = tmpfs.into_iter().chain(process).collect();
    Plan { ops, before, ..built }
}

/// What is done where v190 does this.
fn instead(op: Op, layout: &Layout) -> Vec<Op> {
    match &op {
        Op::Tmpfs { at, .. } => tmpfs(layout, &at.0).into_iter().collect(),
        Op::Proc(_) => std::iter::once(op).chain(covers(layout)).collect(),
        Op::Bind { to, .. } if to.0 == Path::new("/sys") => sys(layout),
        Op::Bind { to, .. } => parents(to).into_iter().chain([op]).collect(),
        _ => vec![op],
    }
}

/// A tmpfs that we have made, mounted here.
fn tmpfs(layout: &Layout, at: &Path) -> Option<Op> {
    let (at, name, _) = TMPFS.into_iter().find(|(known, ..)| Path::new(known) == at)?;
    Some(Op::bind(&layout.shelter.tmpfs.join(name), at, Access::ReadWrite))
}

/// `/proc`, with what is the host's in it out of reach.
fn covers(layout: &Layout) -> impl Iterator<Item = Op> + '_ {
    let there = COVERS.into_iter().filter(|(name, _)| layout.shelter.covers.iter().any(|there| there == name));
    there.map(|(name, cover)| {
        let at = Path::new("/proc").join(name);
        let from = match cover {
            Cover::ReadOnly => HostPath::new(&at),
            Cover::File => layout.shelter.file.clone(),
            Cover::Directory => layout.shelter.directory.clone(),
        };
        Op::bind(&from, at, Access::ReadOnly)
    })
}

/// A `/sys` that has little in it.
fn sys(layout: &Layout) -> Vec<Op> {
    let of = |name: &str| Path::new("/sys").join(name);
    let shown = SYS.iter().map(|name| Op::bind_try(&HostPath::new(of(name)), of(name)));
    std::iter::once(Op::bind(&layout.shelter.sys, "/sys", Access::ReadOnly)).chain(shown).collect()
}

/// Leaves out directories that are there already.
fn make_once(ops: &mut Vec<Op>) {
    let mut there = BTreeSet::new();
    ops.retain(|op| match op {
        Op::Dir(at) => there.insert(at.0.clone()),
        Op::Bind { to, .. } | Op::Proc(to) => {
            there.insert(to.0.clone());
            true
        }
        _ => true,
    });
}

/// The directories on the way to a mount point. bubblewrap makes them by itself, 0755 up to 0.4.1 and 0700 since 0.5.0.
fn parents(to: &SandboxPath) -> Vec<Op> {
    let above = to.0.ancestors().skip(1).filter(|path| path.parent().is_some());
    let mut directories: Vec<Op> = above.map(|path| Op::Dir(SandboxPath::new(path))).collect();
    directories.reverse();
    directories
}
