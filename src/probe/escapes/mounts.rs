//! File systems: the host's files that are shown, and those that show the host.

use std::ffi::CString;

use nix::{
    fcntl::OFlag,
    sched::{CloneFlags, setns},
};

use super::{
    Attempt, Reached, Stop, apart, called, in_initial_user_namespace, mounted, mounts, open_for_writing, reached,
};
use crate::{
    facts::{escape::Marks, mount::Mount, text::unescape},
    probe::attempts::{files, holder, mounts as changes},
    sys::{self, FileHandle},
};

pub(super) const ALL: &[Attempt] = &[
    Attempt { id: "files.write", act: |_| written() },
    Attempt { id: "files.remounted", act: |_| remounted() },
    Attempt { id: "files.attributes", act: |_| with_other_attributes() },
    Attempt { id: "files.by-handle", act: |_| by_handle() },
    Attempt { id: "files.lxcfs", act: |_| lxcfs() },
    Attempt { id: "mount.devtmpfs", act: |_| mounted("devtmpfs", None).map(drop) },
    Attempt { id: "mount.debugfs", act: |_| mounted("debugfs", None).map(drop) },
    Attempt { id: "mount.tracefs", act: |_| mounted("tracefs", None).map(drop) },
    Attempt { id: "mount.binfmt-misc", act: |_| interpreter() },
    Attempt { id: "mount.namespace-by-handle", act: namespace_by_handle },
    Attempt { id: "mount.propagation", act: |_| propagation() },
    Attempt { id: "mount.fake-proc", act: |_| fake_proc() },
];

/// Where files of the host are shown: the probe's own directory always is one, `/usr` mostly.
const USR: &str = "/usr";

/// Open some file of `/usr` for writing.
fn written() -> Reached {
    reached(files::write_any(&mounts()?, USR))
}

/// The same once the mount is no longer read-only.
fn remounted() -> Reached {
    let mounts = mounts()?;
    apart()?;
    let (point, at) = usr(&mounts)?;
    changes::remount(&point, at)?;
    reached(files::write_any(&mounts, USR))
}

/// The same with the call that came with Linux 5.12.
fn with_other_attributes() -> Reached {
    let mounts = mounts()?;
    apart()?;
    let (point, _) = usr(&mounts)?;
    let point = CString::new(point).map_err(|_| Stop::Untried("a mount point with a zero byte".to_owned()))?;
    called(sys::make_writable(&point), "mount_setattr")?;
    reached(files::write_any(&mounts, USR))
}

/// The mount that holds `/usr`, and where it is.
fn usr(mounts: &std::collections::BTreeMap<String, Mount>) -> Result<(Vec<u8>, &Mount), Stop> {
    let at = holder(mounts, USR).ok_or_else(|| Stop::Untried("nothing holds /usr".to_owned()))?;
    let point = mounts.iter().find(|(_, mount)| std::ptr::eq(*mount, at)).and_then(|(point, _)| unescape(point));
    Ok((point.ok_or_else(|| Stop::Untried("a mount point that is not understood".to_owned()))?, at))
}

/// Open the probe, which is a file of the host's, by a number: any number would do.
fn by_handle() -> Reached {
    let own = std::fs::read_link("/proc/self/exe").ok().and_then(|path| path.into_os_string().into_string().ok());
    let own = own.and_then(|path| CString::new(path).ok());
    let own = own.ok_or_else(|| Stop::Untried("the probe's own path is not known".to_owned()))?;
    match sys::open_by_handle(&own) {
        Err(nix::errno::Errno::EOPNOTSUPP) => Err(Stop::Untried("the file system has no handles".to_owned())),
        result => Ok(result.map(drop)?),
    }
}

/// A file system of LXC's that is the host's to write to.
fn lxcfs() -> Reached {
    let mounts = mounts()?;
    let found = mounts.iter().find(|(_, mount)| mount.fstype == "fuse.lxcfs");
    let Some((point, mount)) = found else { return Err(Stop::Way("none is mounted")) };
    if mount.flags.iter().any(|flag| flag == "ro") {
        return Err(Stop::Way("it is read-only"));
    }
    reached(files::write_any(&mounts, point))
}

/// The list of who runs which programs, where it is the machine's.
fn interpreter() -> Reached {
    let place = mounted("binfmt_misc", None)?;
    in_initial_user_namespace()?;
    open_for_writing(&format!("{place}/register"))
}

/// Enter the mount namespace outside, opened by its number (Linux 6.18).
fn namespace_by_handle(marks: &Marks) -> Reached {
    let handle = marks.mount_namespace.as_deref().and_then(FileHandle::from_hex);
    let handle = handle.ok_or_else(|| Stop::Absent("the kernel has no handles of namespaces".to_owned()))?;
    let namespace = handle.open(sys::NAMESPACES, OFlag::O_RDONLY)?;
    setns(namespace, CloneFlags::CLONE_NEWNS)?;
    Ok(())
}

/// A mount that those of the outside come into.
fn propagation() -> Reached {
    let from_outside = |mount: &Mount| mount.propagation.iter().any(|kind| kind == "slave" || kind == "shared");
    if mounts()?.values().any(from_outside) { Ok(()) } else { Err(Stop::Way("every mount is private")) }
}

/// What is called `/proc` or `/sys` and is something else to write to, so that what is written there goes astray.
fn fake_proc() -> Reached {
    let mounts = mounts()?;
    let is_fake = |(point, fstype)| {
        let is = |mount: &Mount| mount.fstype != fstype && !mount.flags.iter().any(|flag| flag == "ro");
        mounts.get(point).is_some_and(is)
    };
    if [("/proc", "proc"), ("/sys", "sysfs")].into_iter().any(is_fake) {
        return Ok(());
    }
    Err(Stop::Way("they are what they are called, or read-only"))
}
