//! How devices behave, and whether one can be made.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::{
        fd::AsFd,
        unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt},
    },
    time::Instant,
};

use nix::{
    errno::Errno,
    libc,
    sys::stat::{Mode, SFlag, makedev, mknod},
    unistd::unlink,
};

use super::{Log, Outcome, PATIENCE, may_make, ok, unique, word};
use crate::{facts::mount::Mount, probe::read::errno, sys};

/// Where a null device is made.
const MADE_IN: [&str; 5] = ["/", "/dev", "/run", "/tmp", "/var"];

/// Major and minor number of the null device (`Documentation/admin-guide/devices.txt`).
const NULL: (u64, u64) = (1, 3);

pub fn attempt(log: &mut Log, mounts: &BTreeMap<String, Mount>) {
    log.attempt("write:/dev/null", || write_to("/dev/null", NULL));
    log.attempt("write:/dev/full", || write_to("/dev/full", (1, 7)));
    log.attempt("read:/dev/zero", || {
        let bytes = read_from("/dev/zero", (1, 5))?;
        Ok(if bytes == [0; 64] { "zeros" } else { "other" })
    });
    for (path, number) in [("/dev/random", (1, 8)), ("/dev/urandom", (1, 9))] {
        log.attempt(format!("read:{path}"), || {
            let (first, second) = (read_from(path, number)?, read_from(path, number)?);
            Ok(if first == second { "repeats" } else { "varies" })
        });
    }
    log.attempt("read:stdin", read_stdin);
    for directory in MADE_IN {
        make(log, mounts, directory);
    }
}

/// Open a device, if it is the one of these numbers: a file in its place is left alone.
fn device(path: &str, (major, minor): (u64, u64), options: &mut OpenOptions) -> Result<File, Errno> {
    let failed = |error: io::Error| errno(&error);
    let is_it = |meta: &fs::Metadata| meta.file_type().is_char_device() && meta.rdev() == makedev(major, minor);
    if !is_it(&fs::metadata(path).map_err(failed)?) {
        return Err(Errno::ENODEV);
    }
    options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path).map_err(failed)
}

fn write_to(path: &str, number: (u64, u64)) -> Outcome {
    let mut device = device(path, number, OpenOptions::new().write(true))?;
    ok(device.write_all(b"0").map_err(|error| errno(&error)))
}

fn read_from(path: &str, number: (u64, u64)) -> Result<[u8; 64], Errno> {
    let mut device = device(path, number, OpenOptions::new().read(true))?;
    let mut bytes = [0xaa; 64];
    device.read_exact(&mut bytes).map_err(|error| errno(&error))?;
    Ok(bytes)
}

/// Read standard input if it is the null device; another's input is not ours to take.
fn read_stdin() -> Outcome {
    let meta = fs::metadata("/proc/self/fd/0").map_err(|error| errno(&error))?;
    if !meta.file_type().is_char_device() || meta.rdev() != makedev(NULL.0, NULL.1) {
        return Ok("not-tried");
    }
    sys::wait_readable(io::stdin().as_fd(), Instant::now() + PATIENCE)?;
    let length = io::stdin().read(&mut [0; 1]).map_err(|error| errno(&error))?;
    Ok(if length == 0 { "eof" } else { "data" })
}

/// Make a null device, open it, and remove it.
fn make(log: &mut Log, mounts: &BTreeMap<String, Mount>, directory: &str) {
    let path = unique(directory, "node");
    let made = if may_make(mounts, directory) {
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        ok(mknod(path.as_str(), SFlag::S_IFCHR, mode, makedev(NULL.0, NULL.1)))
    } else {
        Ok("not-tried")
    };
    let opened = match made {
        Ok("ok") => word(super::kernel::open_for(&path, nix::fcntl::OFlag::O_RDWR)),
        _ => "not-made".to_owned(),
    };
    let removed = if made == Ok("ok") { unlink(path.as_str()) } else { Ok(()) };
    log.attempt(format!("mknod:{directory}"), || removed.and(made));
    log.0.insert(format!("open-node:{directory}"), opened);
}
