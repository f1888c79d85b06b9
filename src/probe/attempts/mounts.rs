//! Changing mounts: always in a mount namespace of a child, cut off from the sandbox's first.

use std::collections::{BTreeMap, BTreeSet};

use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, unshare},
};

use super::{Act, Log, Outcome, ok};
use crate::{
    facts::{
        mount::Mount,
        text::{fields, unescape},
    },
    probe::read::bytes,
};

/// What is mounted on `/tmp`: file systems that show the host, and one that shows nothing.
const TYPES: [&str; 6] = ["debugfs", "devtmpfs", "mqueue", "proc", "sysfs", "tmpfs"];

pub fn attempt(log: &mut Log, mounts: &BTreeMap<String, Mount>) {
    let mut attempts: Vec<(String, Act<'_>)> = Vec::new();
    for (point, mount) in mounts {
        let read_only = mount.flags.iter().any(|flag| flag == "ro") && !point.starts_with("/sys/");
        if let Some(path) = unescape(point).filter(|_| read_only) {
            attempts.push((format!("remount-rw:{point}"), Box::new(move || apart(|| remount(&path, mount)))));
        }
    }
    let known = filesystems();
    for fstype in TYPES {
        let name = format!("mount:{fstype}");
        if known.contains(fstype) {
            attempts.push((name, Box::new(move || apart(|| mount_on_tmp(fstype)))));
        } else {
            // Mounting would make the kernel look for a module.
            log.attempt(name, || Ok("not-loaded"));
        }
    }
    for path in ["/proc/cmdline", "/usr"] {
        let unmount = move || ok(umount2(path, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW));
        attempts.push((format!("unmount:{path}"), Box::new(move || apart(unmount))));
    }
    log.attempt_together(&attempts);
}

/// Do it in a mount namespace of its own, from which nothing propagates. Without that it is not done.
fn apart(act: impl FnOnce() -> Outcome) -> Outcome {
    cut_off()?;
    act()
}

/// Go to a mount namespace of its own, from which nothing propagates.
pub fn cut_off() -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
}

/// Take `ro` off a mount, and leave its other flags.
pub fn remount(path: &[u8], at: &Mount) -> Outcome {
    let kept = at.flags.iter().filter_map(|flag| match flag.as_str() {
        "nosuid" => Some(MsFlags::MS_NOSUID),
        "nodev" => Some(MsFlags::MS_NODEV),
        "noexec" => Some(MsFlags::MS_NOEXEC),
        "noatime" => Some(MsFlags::MS_NOATIME),
        "nodiratime" => Some(MsFlags::MS_NODIRATIME),
        "relatime" => Some(MsFlags::MS_RELATIME),
        _ => None,
    });
    let flags = kept.fold(MsFlags::MS_BIND | MsFlags::MS_REMOUNT, |flags, flag| flags | flag);
    ok(mount(None::<&str>, path, None::<&str>, flags, None::<&str>))
}

fn mount_on_tmp(fstype: &str) -> Outcome {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    ok(mount(Some(fstype), "/tmp", Some(fstype), flags, None::<&str>))
}

/// The file systems that the kernel has.
pub fn filesystems() -> BTreeSet<String> {
    let table = bytes("/proc/filesystems").unwrap_or_default();
    let last = |row| fields(row).last().and_then(|name| String::from_utf8(name.to_vec()).ok());
    table.split(|&byte| byte == b'\n').filter_map(last).collect()
}
