//! Device nodes: made, or there already.

use std::{
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::Path,
};

use nix::{
    fcntl::OFlag,
    sys::stat::{Mode, SFlag, major, makedev, minor, mknod},
    unistd::unlink,
};

use super::{Attempt, Reached, Stop, mounts, reached};
use crate::{
    facts::{
        escape::Marks,
        mount::Mount,
        text::{decimal, fields},
    },
    probe::{
        attempts::{holder, kernel::open_for, unique},
        read::{bytes, names},
    },
};

pub(super) const ALL: &[Attempt] = &[
    Attempt { id: "device.disk", act: |marks| disk(marks, &["/dev"]) },
    Attempt { id: "device.disk.elsewhere", act: |marks| disk(marks, &["/tmp", "/var", "/run", "/"]) },
    Attempt { id: "device.disk.there", act: |_| disk_there() },
    Attempt { id: "device.loop-control", act: loop_control },
    Attempt { id: "device.log", act: |marks| made_in(marks, &["/dev"], SFlag::S_IFCHR, LOG, OFlag::O_RDONLY) },
    Attempt { id: "device.null", act: |_| null() },
];

/// `/dev/kmsg` and `/dev/null` (`Documentation/admin-guide/devices.txt`).
const LOG: (u64, u64) = (1, 11);
const NULL: (u64, u64) = (1, 3);

/// Make the node of a disk and open it: of a loop device that is there, for which nothing is loaded.
fn disk(marks: &Marks, directories: &[&str]) -> Reached {
    let number = loop_device().ok_or_else(|| Stop::Absent("there is no loop device".to_owned()))?;
    made_in(marks, directories, SFlag::S_IFBLK, number, OFlag::O_RDONLY)
}

/// The number of a loop device of this machine.
fn loop_device() -> Option<(u64, u64)> {
    let listed = bytes("/proc/partitions").ok().and_then(|table| {
        let mut rows = table.split(|&byte| byte == b'\n').map(|row| fields(row).collect::<Vec<_>>());
        let row = rows.find(|row| row.last().is_some_and(|name| name.starts_with(b"loop")))?.clone();
        Some((decimal(row[0])?, decimal(row[1])?))
    });
    // Those without a file are not listed there.
    let in_sysfs = || {
        let number = bytes("/sys/block/loop0/dev").ok()?;
        let (major, minor) = std::str::from_utf8(&number).ok()?.trim().split_once(':')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    listed.or_else(in_sysfs)
}

/// Make a node in the first of these directories where it can be opened, open it and remove it. Where none of them is the
/// sandbox's own, and something else is, it is made there.
fn made_in(marks: &Marks, directories: &[&str], kind: SFlag, number: (u64, u64), access: OFlag) -> Reached {
    let mounts = mounts()?;
    let is_own_mount = |mount: &Mount| {
        mount.flags.iter().any(|flag| flag == "ro")
            || mount.fstype == "tmpfs" && !marks.file_systems.contains(&mount.device)
    };
    let is_own = |directory: &&str| {
        let is_marked = marks.own.iter().any(|own| own == directory);
        Path::new(directory).is_dir() && (is_marked || holder(&mounts, directory).is_some_and(is_own_mount))
    };
    let mut own: Vec<&str> = directories.iter().copied().filter(is_own).collect();
    if own.is_empty() {
        own.extend(marks.own.iter().map(String::as_str).filter(is_own));
    }
    let mut stopped = Err(Stop::Untried("a node would not be the sandbox's own there".to_owned()));
    for directory in own {
        stopped = made(&unique(directory, "node"), kind, number, access);
        if stopped.is_ok() {
            return Ok(());
        }
    }
    stopped
}

/// Make a node, open it and remove it.
fn made(path: &str, kind: SFlag, (major, minor): (u64, u64), access: OFlag) -> Reached {
    mknod(path, kind, Mode::S_IRUSR | Mode::S_IWUSR, makedev(major, minor))?;
    let opened = reached(open_for(path, access));
    unlink(path)?;
    opened
}

/// Open a disk whose node is there.
fn disk_there() -> Reached {
    let nodes = names(Path::new("/dev")).map_err(|reason| super::unread(&reason.what, &reason.errno))?;
    let paths = nodes.iter().map(|name| Path::new("/dev").join(name));
    let is_disk =
        |path: &std::path::PathBuf| fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_block_device());
    let mut stopped = Err(Stop::Way("there is none"));
    for path in paths.filter(is_disk) {
        let Some(path) = path.to_str() else { continue };
        stopped = reached(open_for(path, OFlag::O_RDONLY));
        if stopped.is_ok() {
            return stopped;
        }
    }
    stopped
}

/// The device that makes loop devices; its number is given when it is loaded.
fn loop_control(marks: &Marks) -> Reached {
    let table = bytes("/proc/misc").map_err(|reason| super::unread(&reason.what, &reason.errno))?;
    let mut rows = table.split(|&byte| byte == b'\n').map(|row| fields(row).collect::<Vec<_>>());
    let number = rows.find(|row| row.get(1) == Some(&&b"loop-control"[..])).and_then(|row| decimal(row[0]));
    let number: u64 = number.ok_or_else(|| Stop::Absent("the kernel has no loop-control".to_owned()))?;
    made_in(marks, &["/dev"], SFlag::S_IFCHR, (10, number), OFlag::O_RDWR)
}

/// A null device that is something else: what was to be thrown away, or hidden under it, is not.
fn null() -> Reached {
    let Ok(meta) = fs::symlink_metadata("/dev/null") else { return Err(Stop::Way("there is none")) };
    let number = (major(meta.rdev()), minor(meta.rdev()));
    if meta.file_type().is_char_device() && number == NULL {
        Err(Stop::Way("it is character device 1:3"))
    } else {
        Ok(())
    }
}
