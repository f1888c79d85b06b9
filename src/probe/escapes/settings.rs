//! The kernel's settings in `/proc` and `/sys`: of the machine, whatever namespace looks at them.

use nix::{
    fcntl::{OFlag, openat},
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, unshare},
    sys::stat::Mode,
};

use super::{Attempt, Reached, Stop, apart, called, mounted, mounts, open_for_writing, reached};
use crate::{
    facts::{escape::Marks, text::unescape},
    probe::attempts::{files, mounts as changes},
    sys,
};

pub(super) const ALL: &[Attempt] = &[
    Attempt { id: "proc.core-pattern", act: |_| open_for_writing(CORE_PATTERN) },
    Attempt { id: "proc.core-pattern.uncovered", act: |_| uncovered(CORE_PATTERN) },
    Attempt { id: "proc.core-pattern.fresh", act: |_| fresh("proc", "sys/kernel/core_pattern") },
    Attempt { id: "proc.core-pattern.nowhere", act: |_| nowhere() },
    Attempt { id: "proc.core-pattern.nested", act: |_| nested() },
    Attempt { id: "proc.settings", act: |_| any(&SETTINGS) },
    Attempt { id: "proc.sysrq-trigger", act: |_| open_for_writing("/proc/sysrq-trigger") },
    Attempt { id: "proc.sysrq-trigger.fresh", act: |_| fresh("proc", "sysrq-trigger") },
    Attempt { id: "proc.mtrr", act: |_| open_for_writing("/proc/mtrr") },
    Attempt { id: "proc.irq", act: |_| open_for_writing(IRQ) },
    Attempt { id: "proc.irq.uncovered", act: |_| uncovered(IRQ) },
    Attempt { id: "proc.cmdline", act: command_line },
    Attempt { id: "sys.write", act: |_| reached(files::write_first(&files::OF_SYSFS)) },
    Attempt { id: "sys.write.remounted", act: |_| remounted_sys() },
    Attempt { id: "sys.write.fresh", act: |_| fresh_sys() },
];

const CORE_PATTERN: &str = "/proc/sys/kernel/core_pattern";
const IRQ: &str = "/proc/irq/default_smp_affinity";

/// Others that let whoever writes them run programs as root, or stop the machine.
const SETTINGS: [&str; 7] = [
    "/proc/sys/kernel/modprobe",
    "/proc/sys/kernel/hotplug",
    "/proc/sys/kernel/poweroff_cmd",
    "/proc/sys/kernel/sysrq",
    "/proc/sys/kernel/printk",
    "/proc/sys/fs/binfmt_misc/register",
    "/proc/sys/vm/drop_caches",
];

/// Open the first for writing that can be.
fn any(paths: &[&str]) -> Reached {
    let mut stopped = Err(Stop::Absent("there is none of them".to_owned()));
    for path in paths {
        match open_for_writing(path) {
            Ok(()) => return Ok(()),
            Err(Stop::Absent(_)) => {}
            refused => stopped = refused,
        }
    }
    stopped
}

/// Take off what is mounted over a file of `/proc`, or make it writable.
fn uncovered(path: &str) -> Reached {
    apart()?;
    uncover(path);
    open_for_writing(path)
}

fn uncover(path: &str) {
    for (point, at) in mounts().unwrap_or_default() {
        let below_proc = point.starts_with("/proc/") && (path == point || path.starts_with(&format!("{point}/")));
        let Some(bytes) = unescape(&point).filter(|_| below_proc) else { continue };
        let _it_may_be_locked = changes::remount(&bytes, &at);
        let _then_it_stays = umount2(bytes.as_slice(), MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW);
    }
}

/// Open a file of a file system that is mounted anew.
fn fresh(fstype: &str, file: &str) -> Reached {
    let place = mounted(fstype, None)?;
    open_for_writing(&format!("{place}/{file}"))
}

fn fresh_sys() -> Reached {
    let place = mounted("sysfs", None)?;
    let files = files::OF_SYSFS.map(|file| file.replacen("/sys", place, 1));
    reached(files::write_first(&files.each_ref().map(String::as_str)))
}

fn remounted_sys() -> Reached {
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    apart()?;
    mount(None::<&str>, "/sys", None::<&str>, flags, None::<&str>)?;
    reached(files::write_first(&files::OF_SYSFS))
}

/// Through a mount that is at no path: what came with Linux 5.2, and filters of mount(2) know nothing of.
fn nowhere() -> Reached {
    let mounted = called(sys::mount_nowhere(c"proc"), "fsopen")?;
    let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    openat(&mounted, "sys/kernel/core_pattern", flags, Mode::empty())?;
    Ok(())
}

/// As user 0 of a user namespace in the sandbox, who may do everything there.
fn nested() -> Reached {
    nest(CloneFlags::CLONE_NEWNS)?;
    uncover(CORE_PATTERN);
    open_for_writing(CORE_PATTERN)
}

/// Go to a user namespace below, with other namespaces of its own, as its user 0.
pub(super) fn nest(others: CloneFlags) -> Result<(), Stop> {
    let (user, group) = (nix::unistd::geteuid(), nix::unistd::getegid());
    unshare(CloneFlags::CLONE_NEWUSER | others)?;
    let write =
        |file: &str, text: String| std::fs::write(file, text).map_err(|error| crate::probe::read::errno(&error));
    // Where it was denied before, it can't be again.
    let _ = write("/proc/self/setgroups", "deny".to_owned());
    write("/proc/self/uid_map", format!("0 {user} 1"))?;
    write("/proc/self/gid_map", format!("0 {group} 1"))?;
    Ok(())
}

/// The command line the machine was started with: what is mounted over it is taken off.
fn command_line(_: &Marks) -> Reached {
    const PATH: &str = "/proc/cmdline";
    if !mounts()?.contains_key(PATH) {
        let there = crate::probe::read::bytes(PATH).is_ok();
        return if there { Ok(()) } else { Err(Stop::Way("it can't be read")) };
    }
    apart()?;
    umount2(PATH, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW)?;
    Ok(())
}
