//! The descriptors the process began with.

use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;

use super::{Attempt, Reached, Stop, called, reached};
use crate::{
    probe::{
        attempts::kernel::{open_for, permitted},
        read::names,
    },
    sys,
};

pub(super) const ALL: &[Attempt] = &[
    Attempt {
        id: "terminal.input",
        act: |_| each(|stream| permitted(sys::push_no_input(stream), Errno::EFAULT).map(drop)),
    },
    Attempt {
        id: "terminal.input.unfiltered",
        act: |_| each(|stream| permitted(sys::push_no_input_unfiltered(stream), Errno::EFAULT).map(drop)),
    },
    Attempt {
        id: "terminal.console",
        act: |_| each(|stream| permitted(sys::ask_console_nothing(stream), Errno::EFAULT).map(drop)),
    },
    Attempt { id: "descriptor.directory", act: |_| directory() },
];

/// Do it with each of the three streams; the first that works is enough.
fn each(act: impl Fn(BorrowedFd<'_>) -> nix::Result<()>) -> Reached {
    let (stdin, stdout, stderr) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let mut stopped = Stop::Way("no stream is a terminal");
    for stream in [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()] {
        match act(stream) {
            Ok(()) => return Ok(()),
            // No terminal, or not of the kind that takes it.
            Err(Errno::ENOTTY | Errno::EINVAL) => {}
            Err(errno) => stopped = errno.into(),
        }
    }
    Err(stopped)
}

/// Look into a directory that somebody left open.
fn directory() -> Reached {
    let all =
        names(std::path::Path::new("/proc/self/fd")).map_err(|reason| super::unread(&reason.what, &reason.errno))?;
    let numbers = all.iter().filter_map(|name| name.to_str()?.parse::<i32>().ok()).filter(|number| *number > 2);
    for number in numbers {
        if called(sys::descriptor_flags(number), "fcntl").is_err() {
            continue;
        }
        let path = format!("/proc/self/fd/{number}/.");
        if reached(open_for(&path, nix::fcntl::OFlag::O_RDONLY | nix::fcntl::OFlag::O_DIRECTORY)).is_ok() {
            return Ok(());
        }
    }
    Err(Stop::Way("none is open"))
}
