//! Processes outside, and those of the sandbox that reach outside.

use std::{
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::Path,
};

use nix::{errno::Errno, fcntl::OFlag, unistd::getpid};

use super::{Attempt, Reached, Stop, reached, shares, unread};
use crate::{
    facts::escape::Marks,
    probe::{
        attempts::kernel::{open_for, permitted},
        read::names,
    },
    sys,
};

pub(super) const ALL: &[Attempt] = &[
    Attempt { id: "process.host", act: host },
    Attempt { id: "process.root", act: |_| another_root() },
    Attempt { id: "process.init-program", act: |_| init_program() },
    Attempt { id: "process.init-libraries", act: |_| init_libraries() },
];

/// See processes outside, and read the memory of one: of nothing, at address 0.
fn host(marks: &Marks) -> Reached {
    shares(marks, "pid")?;
    let parent = nix::unistd::getppid();
    match permitted(sys::read_nothing_of(parent), Errno::EFAULT) {
        // Seen it is, and can be sent signals.
        Err(Errno::EPERM | Errno::ENOSYS) => Ok(()),
        outcome => reached(outcome),
    }
}

/// Find a process whose root is another, and open that.
fn another_root() -> Reached {
    // Where it is not, `/proc` is one in which this process has no entry, and everybody else is elsewhere.
    let own = fs::metadata("/proc/thread-self/ns/mnt").map_or(0, |meta| meta.ino());
    if !Path::new("/proc/1").exists() {
        return Err(Stop::Way("there is no /proc"));
    }
    let all = names(Path::new("/proc")).map_err(|reason| unread(&reason.what, &reason.errno))?;
    let pids = all.iter().filter(|name| name.as_bytes()[0].is_ascii_digit()).filter_map(|name| name.to_str());
    for pid in pids.filter(|pid| *pid != getpid().to_string()) {
        let is_elsewhere = fs::metadata(format!("/proc/{pid}/ns/mnt")).is_ok_and(|meta| meta.ino() != own);
        if is_elsewhere && open_for(&format!("/proc/{pid}/root"), OFlag::O_RDONLY | OFlag::O_DIRECTORY).is_ok() {
            return Ok(());
        }
    }
    Err(Stop::Way("no process has another"))
}

/// bubblewrap, which is the host's file: as long as it runs it is busy.
fn init_program() -> Reached {
    match open_for("/proc/1/exe", OFlag::O_WRONLY) {
        Err(Errno::ENOENT) => Err(Stop::Way("process 1 is not seen")),
        outcome => reached(outcome),
    }
}

/// The libraries that bubblewrap has in its memory; they are not busy.
fn init_libraries() -> Reached {
    let directory = Path::new("/proc/1/map_files");
    let ranges = match fs::read_dir(directory) {
        Ok(ranges) => ranges.flatten().map(|entry| entry.path()).collect::<Vec<_>>(),
        Err(error) => return Err(crate::probe::read::errno(&error).into()),
    };
    if ranges.is_empty() {
        return Err(Stop::Way("nothing is seen of it"));
    }
    let mut stopped = Err(Stop::Absent("process 1 has no library".to_owned()));
    for range in ranges {
        match fs::read_link(&range) {
            Ok(file) if file.to_string_lossy().contains(".so") => {}
            Ok(_) => continue,
            Err(error) => return Err(crate::probe::read::errno(&error).into()),
        }
        let Some(path) = range.to_str() else { continue };
        stopped = reached(open_for(path, OFlag::O_WRONLY | OFlag::O_APPEND));
        if stopped.is_ok() {
            return stopped;
        }
    }
    stopped
}
