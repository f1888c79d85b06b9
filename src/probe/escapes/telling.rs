//! What tells of the machine: it opens nothing by itself, and helps with all that does.

use std::{collections::BTreeSet, fs, path::Path};

use super::{Attempt, Reached, Stop, mounts, shares, unread};
use crate::{
    facts::{Unread, escape::Marks, text::fields},
    probe::read::{bytes, errno, names},
};

pub(super) const ALL: &[Attempt] = &[
    Attempt { id: "telling.kernel-symbols", act: |_| kernel_symbols() },
    Attempt { id: "telling.memory-map", act: |_| memory_map() },
    Attempt { id: "telling.timers", act: |_| read("/proc/timer_list") },
    Attempt { id: "telling.keys", act: |_| read("/proc/keys") },
    Attempt { id: "telling.acpi", act: |_| listed("/proc/acpi") },
    Attempt { id: "telling.firmware", act: |_| listed("/sys/firmware") },
    Attempt { id: "telling.modules", act: |_| listed("/sys/module") },
    Attempt { id: "telling.environment", act: |_| environment() },
    Attempt { id: "telling.cgroup", act: cgroup },
];

/// The most processes that are looked at.
const PROCESSES: usize = 256;

/// Read a file that has something in it.
fn read(path: &str) -> Reached {
    match fs::read(path) {
        Ok(text) if text.is_empty() => Err(Stop::Way("it is empty")),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Stop::Absent(format!("there is no {path}"))),
        Err(error) => Err(errno(&error).into()),
    }
}

/// Find something in a directory. One that is empty by itself is like one that is not there.
fn listed(path: &str) -> Reached {
    let names = match names(Path::new(path)) {
        Ok(names) => names,
        Err(reason) if reason.errno == "ENOENT" => return Err(Stop::Absent(format!("there is no {path}"))),
        Err(reason) => return Err(unread(&reason.what, &reason.errno)),
    };
    match (names.is_empty(), mounts()?.contains_key(path)) {
        (false, _) => Ok(()),
        (true, true) => Err(Stop::Way("something empty is mounted on it")),
        (true, false) => Err(Stop::Absent(format!("there is nothing in {path}"))),
    }
}

/// Where the kernel's functions are: not zero for those who may know.
fn kernel_symbols() -> Reached {
    first_address("/proc/kallsyms", |row| fields(row).next())
}

/// Where the memory is, likewise.
fn memory_map() -> Reached {
    first_address("/proc/iomem", |row| row.split(|&byte| byte == b'-').nth(1).and_then(|end| fields(end).next()))
}

/// An address in a table that is not zero. Only the beginning is read: they are long.
fn first_address(path: &str, of: impl Fn(&[u8]) -> Option<&[u8]>) -> Reached {
    use std::io::Read;
    let mut text = Vec::new();
    match fs::File::open(path).and_then(|file| file.take(1 << 12).read_to_end(&mut text)) {
        Ok(0) => return Err(Stop::Way("it is empty")),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Stop::Absent(format!("there is no {path}")));
        }
        Err(error) => return Err(errno(&error).into()),
    }
    let mut addresses = text.split(|&byte| byte == b'\n').filter_map(of);
    if addresses.any(|address| address.iter().any(|digit| *digit != b'0')) {
        Ok(())
    } else {
        Err(Stop::Way("every address is zero"))
    }
}

/// Find a variable that another process was started with and this one was not.
fn environment() -> Reached {
    let failed = |reason: Unread| unread(&reason.what, &reason.errno);
    let own = variables(&bytes("/proc/self/environ").map_err(failed)?);
    let all = names(Path::new("/proc")).map_err(failed)?;
    let others = all.iter().filter_map(|name| name.to_str()?.parse::<u32>().ok()).take(PROCESSES);
    let of = |process| bytes(&format!("/proc/{process}/environ")).map(|text| variables(&text)).unwrap_or_default();
    if others.map(of).any(|variables| !variables.is_subset(&own)) {
        return Ok(());
    }
    Err(Stop::Way("no process shows more than this one has"))
}

fn variables(text: &[u8]) -> BTreeSet<Vec<u8>> {
    text.split(|&byte| byte == 0).map(<[u8]>::to_vec).collect()
}

/// The path of the control group from the machine's top, where that says more than `/`.
fn cgroup(marks: &Marks) -> Reached {
    shares(marks, "cgroup")?;
    let text = bytes("/proc/self/cgroup").map_err(|reason| unread(&reason.what, &reason.errno))?;
    let is_top = |row: &[u8]| row.is_empty() || row.ends_with(b":/");
    if text.split(|&byte| byte == b'\n').all(is_top) {
        return Err(Stop::Way("it is the top"));
    }
    Ok(())
}
