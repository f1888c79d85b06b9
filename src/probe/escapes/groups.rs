//! Control groups: their files are the machine's, and so is what is written there.

use nix::{fcntl::OFlag, sched::CloneFlags};

use super::{Attempt, Reached, Stop, mounted, open_for_writing, settings::nest};
use crate::{
    facts::text::fields,
    probe::{attempts::kernel::open_for, read::bytes},
};

pub(super) const ALL: &[Attempt] = &[
    Attempt { id: "cgroup.release-agent", act: |_| in_first_version("release_agent") },
    Attempt { id: "cgroup.release-agent.nested", act: |_| nested_release_agent() },
    Attempt { id: "cgroup.devices", act: |_| devices() },
    Attempt { id: "cgroup.processes", act: |_| processes() },
];

/// A controller of version 1 that is mounted somewhere: another one would come into being by mounting it.
fn controller() -> Result<String, Stop> {
    let table = bytes("/proc/cgroups").map_err(|reason| super::unread(&reason.what, &reason.errno))?;
    let mut rows = table.split(|&byte| byte == b'\n').map(|row| fields(row).collect::<Vec<_>>());
    let used = rows.find(|row| row.len() > 1 && !row[0].starts_with(b"#") && row[1] != b"0");
    let name = used.and_then(|row| String::from_utf8(row[0].to_vec()).ok());
    name.ok_or_else(|| Stop::Absent("no controller of version 1 is in use".to_owned()))
}

/// Open a file at the top of such a hierarchy.
fn in_first_version(file: &str) -> Reached {
    let place = mounted("cgroup", Some(&controller()?))?;
    top_of(&format!("{place}/{file}"))
}

/// The group at the top of what is mounted has this file, unless it is one further down.
fn top_of(path: &str) -> Reached {
    match open_for_writing(path) {
        Err(Stop::Absent(_)) => Err(Stop::Way("what is mounted begins at a group of its own")),
        reached => reached,
    }
}

/// Write the program into the file that is there already (CVE-2022-0492: opening it is not enough to know).
fn nested_release_agent() -> Reached {
    let controller = controller()?;
    nest(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWCGROUP)?;
    let place = mounted("cgroup", Some(&controller))?;
    let path = format!("{place}/release_agent");
    top_of(&path)?;
    let same = bytes(&path).map_err(|reason| super::unread(&reason.what, &reason.errno))?;
    std::fs::write(&path, same).map_err(|error| crate::probe::read::errno(&error))?;
    Ok(())
}

/// The list of devices that a group's processes may open.
fn devices() -> Reached {
    let table = bytes("/proc/cgroups").unwrap_or_default();
    let is_used = |row: &[u8]| {
        let row: Vec<_> = fields(row).collect();
        row.len() > 1 && row[0] == b"devices" && row[1] != b"0"
    };
    if !table.split(|&byte| byte == b'\n').any(is_used) {
        return Err(Stop::Absent("no list of devices of version 1 is in use".to_owned()));
    }
    let place = mounted("cgroup", Some("devices"))?;
    open_for_writing(&format!("{place}/devices.allow"))
}

/// The processes of the group at the top: who is there is held by no limit. It alone has no `cgroup.type`.
fn processes() -> Reached {
    let place = mounted("cgroup2", None)?;
    match open_for(&format!("{place}/cgroup.type"), OFlag::O_RDONLY) {
        Ok(_) => Err(Stop::Way("what is mounted begins at a group of its own")),
        Err(_) => open_for_writing(&format!("{place}/cgroup.procs")),
    }
}
