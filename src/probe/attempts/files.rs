//! Writing to what is there, making what is not, running what was made.

use std::{
    collections::BTreeMap,
    ffi::CString,
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::OFlag,
    unistd::{Gid, Uid, chown, execv, unlink},
};

use super::{Log, Outcome, kernel::open_for, may_make, ok, unique};
use crate::{
    facts::{
        mount::Mount,
        text::{escape, unescape},
    },
    probe::read::{self, errno},
};

/// Where a file is made.
const CREATED_IN: [&str; 12] = [
    "/",
    "/boot",
    "/dev",
    "/dev/shm",
    "/etc",
    "/run",
    "/run/osbuild",
    "/run/osbuild/lib",
    "/tmp",
    "/usr",
    "/var",
    "/var/tmp",
];

/// Where a file is run.
const RUN_IN: [&str; 4] = ["/dev/shm", "/run", "/tmp", "/var"];

/// Files of the kernel that change the host when they are written to.
const KERNEL: [&str; 7] = [
    "/proc/1/exe",
    "/proc/bus/input/devices",
    "/proc/irq/default_smp_affinity",
    "/proc/mtrr",
    "/proc/sysrq-trigger",
    "/sys/kernel/uevent_helper",
    "/sys/power/state",
];

/// What `write:/sys` opens: the first of these that is there.
pub const OF_SYSFS: [&str; 3] =
    ["/sys/power/state", "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/kernel/profiling"];

/// Where a file is given away.
const GIVEN_IN: [&str; 2] = ["/tmp", "/var"];

/// Mounts that `create` looks at, or that hold no files.
const NOT_WRITTEN: [&str; 5] = ["/", "/dev", "/dev/shm", "/run", "/tmp"];

/// How many names a search for a file looks at.
const SEARCH_LIMIT: usize = 2000;

pub fn attempt(log: &mut Log, mounts: &BTreeMap<String, Mount>) {
    for (point, mount) in mounts {
        if NOT_WRITTEN.contains(&point.as_str()) {
            continue;
        }
        match mount.fstype.as_str() {
            "cgroup" | "cgroup2" => {
                log.attempt(format!("write:{point}"), || write_first(&[&format!("{point}/cgroup.procs")]));
            }
            "sysfs" if point == "/sys" => log.attempt("write:/sys", || write_first(&OF_SYSFS)),
            kernel if is_kernel_s(kernel) || point.starts_with("/sys/") => {}
            _ => write_below(log, mounts, point),
        }
    }
    for path in KERNEL {
        log.attempt(format!("write:{path}"), || open_for(path, OFlag::O_WRONLY));
    }
    for directory in CREATED_IN {
        log.attempt(format!("create:{directory}"), || create(mounts, directory));
    }
    for directory in RUN_IN {
        log.attempt(format!("exec:{directory}"), || execute(mounts, directory));
    }
    for directory in GIVEN_IN {
        log.attempt(format!("chown:{directory}"), || give(mounts, directory));
    }
}

/// File systems whose files do things when they are opened; their flags are told with the mounts.
fn is_kernel_s(fstype: &str) -> bool {
    matches!(
        fstype,
        "autofs"
            | "binfmt_misc"
            | "bpf"
            | "configfs"
            | "debugfs"
            | "devpts"
            | "devtmpfs"
            | "efivarfs"
            | "fusectl"
            | "hugetlbfs"
            | "mqueue"
            | "nsfs"
            | "proc"
            | "pstore"
            | "resctrl"
            | "securityfs"
            | "selinuxfs"
            | "sysfs"
            | "tracefs"
    )
}

/// Open for writing the first of these files that is there.
pub fn write_first(paths: &[&str]) -> Outcome {
    let there = paths.iter().find(|path| fs::metadata(path).is_ok_and(|meta| meta.is_file()));
    there.map_or(Ok("no-file"), |path| open_for(path, OFlag::O_WRONLY))
}

/// Open for writing a regular file of a mount. A mount that is a device or a socket is not written to.
fn write_below(log: &mut Log, mounts: &BTreeMap<String, Mount>, point: &str) {
    let Some(start) = unescape(point).and_then(|bytes| String::from_utf8(bytes).ok()) else { return };
    let Ok(meta) = fs::symlink_metadata(&start) else { return };
    if !meta.is_dir() && !meta.is_file() {
        return;
    }
    if meta.is_file() {
        return log.attempt(format!("write:{point}"), || open_for(&start, OFlag::O_WRONLY));
    }
    log.attempt(format!("write:{point}"), || write_any(mounts, &start));
}

/// Open for writing some regular file below a directory, on the mount that it is on.
pub fn write_any(mounts: &BTreeMap<String, Mount>, directory: &str) -> Outcome {
    let Ok(meta) = fs::symlink_metadata(directory) else { return Ok("no-file") };
    for file in files_below(mounts, Path::new(directory), &meta) {
        match open_for(&file, OFlag::O_WRONLY | OFlag::O_NOFOLLOW) {
            // A program that runs, or a file that went: the next one tells more.
            Err(Errno::ETXTBSY | Errno::ENOENT | Errno::ELOOP) => {}
            outcome => return outcome,
        }
    }
    Ok("no-file")
}

/// Some regular files of a mount, the nearest first, without crossing into another mount.
fn files_below(mounts: &BTreeMap<String, Mount>, start: &Path, meta: &fs::Metadata) -> Vec<String> {
    let mut files = Vec::new();
    let mut waiting = std::collections::VecDeque::from([PathBuf::from(start)]);
    let mut seen = 0;
    while let Some(directory) = waiting.pop_front() {
        for name in read::names(&directory).unwrap_or_default() {
            seen += 1;
            if seen > SEARCH_LIMIT || files.len() == 8 {
                return files;
            }
            let path = directory.join(name);
            let Ok(found) = fs::symlink_metadata(&path) else { continue };
            let crossing =
                found.dev() != meta.dev() || mounts.contains_key(&escape(path.as_os_str().as_encoded_bytes()));
            if crossing {
                continue;
            }
            if found.is_dir() {
                waiting.push_back(path);
            } else if found.is_file() {
                files.extend(path.to_str().map(str::to_owned));
            }
        }
    }
    files
}

/// Make an empty file and remove it.
fn create(mounts: &BTreeMap<String, Mount>, directory: &str) -> Outcome {
    if !may_make(mounts, directory) {
        return Ok("not-tried");
    }
    let path = unique(directory, "file");
    let made = new_file(&path, 0o600);
    if made.is_ok() {
        unlink(path.as_str())?;
    }
    ok(made)
}

/// Make an empty file, give it to user and group 1, and remove it.
fn give(mounts: &BTreeMap<String, Mount>, directory: &str) -> Outcome {
    if !may_make(mounts, directory) {
        return Ok("not-tried");
    }
    let path = unique(directory, "gift");
    new_file(&path, 0o600)?;
    let given = chown(path.as_str(), Some(Uid::from_raw(1)), Some(Gid::from_raw(1)));
    unlink(path.as_str())?;
    ok(given)
}

/// A file that was not there before.
fn new_file(path: &str, mode: u32) -> Result<File, Errno> {
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(|error| errno(&error))
}

/// Run a file that is no program. Where programs may run that is `ENOEXEC`, told as `ok`.
fn execute(mounts: &BTreeMap<String, Mount>, directory: &str) -> Outcome {
    if !may_make(mounts, directory) {
        return Ok("not-tried");
    }
    let path = unique(directory, "program");
    let written = new_file(&path, 0o700)?.write_all(b"this is no program\n").map_err(|error| errno(&error));
    let mut log = Log::default();
    if written.is_ok() {
        log.attempt_apart("run", || {
            let program = CString::new(path.as_str()).map_err(|_| Errno::EINVAL)?;
            match execv(&program, &[&program]) {
                Err(Errno::ENOEXEC) => Ok("ok"),
                Err(errno) => Err(errno),
            }
        });
    }
    unlink(path.as_str())?;
    written?;
    match log.0.get("run").map(String::as_str) {
        Some("ok") => Ok("ok"),
        Some("EACCES") => Err(Errno::EACCES),
        Some("EPERM") => Err(Errno::EPERM),
        _ => Ok("other"),
    }
}
