//! Where the command's data goes: standard output, or files that are written whole or not at all.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use anstream::AutoStream;
use anstream::stream::RawStream;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rootcontract::sys::duplicate;
use serde::Serialize;

use super::failure::Failure;

/// Where the kernel has its links to what descriptors are open on.
const PROC: &str = "/proc";
/// The working directory.
const HERE: &str = ".";
/// So many links the kernel follows (`MAXSYMLINKS` of linux/namei.h).
const MOST_LINKS: usize = 40;

/// Text for a person or another program; colour is left out where it is not wanted. A closed pipe is a quiet end.
pub fn print(text: &str) -> Result<(), Failure> {
    match write_coloured(io::stdout(), text) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Failure::Stdout),
    }
}

/// Writes text with its colours where `stream` shows any.
pub fn write_coloured(stream: impl AsFd + RawStream, text: &str) -> io::Result<()> {
    let mut bytes = AutoStream::new(Vec::new(), AutoStream::choice(&stream));
    bytes.write_all(text.as_bytes())?;
    let mut stream = Waiting(stream);
    stream.write_all(&bytes.into_inner()).and_then(|()| stream.flush())
}

/// A stream that is waited for where it would rather fail (EAGAIN): whoever shares a pipe or a terminal with us may have
/// made it so for all, as node does.
#[derive(Debug)]
pub struct Waiting<S>(pub S);

impl<S: Write + AsFd> Waiting<S> {
    fn wait_for<T>(&mut self, act: impl Fn(&mut S) -> io::Result<T>) -> io::Result<T> {
        loop {
            match act(&mut self.0) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            match poll(&mut [PollFd::new(self.0.as_fd(), PollFlags::POLLOUT)], PollTimeout::NONE) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl<S: Write + AsFd> Write for Waiting<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wait_for(|stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.wait_for(Write::flush)
    }
}

/// A document as JSON that people can read too.
pub fn json(document: &impl Serialize) -> Result<String, Failure> {
    Ok(serde_json::to_string_pretty(document)? + "\n")
}

/// The name that is standard output's, as with other commands.
pub const STDOUT: &str = "-";

/// Writes a file whole or not at all. What is no regular file (a pipe, `/dev/full`) is written into, never replaced, and
/// so is what a descriptor is open on (`/dev/stdout`), at the place where whoever opened it left off.
pub fn save(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let save = || {
        let file = followed(file)?;
        match (own_descriptor(&file), fs::metadata(&file)) {
            (Some(number), _) => Waiting(fs::File::from(duplicate(number)?)).write_all(bytes),
            (None, Ok(there)) if !there.is_file() => OpenOptions::new().write(true).open(file)?.write_all(bytes),
            (None, _) if file.starts_with(PROC) => OpenOptions::new().append(true).open(file)?.write_all(bytes),
            (None, _) => replace(&file, bytes),
        }
    };
    save().map_err(|source| Failure::Write { file: file.to_owned(), source })
}

/// Where `file` leads, link for link; the kernel's links to what descriptors are open on are where it ends.
fn followed(file: &Path) -> io::Result<PathBuf> {
    let mut file = file.to_owned();
    for _ in 0..MOST_LINKS {
        let directory = fs::canonicalize(directory_of(&file))?;
        file = directory.join(file.file_name().unwrap_or_default());
        match fs::read_link(&file) {
            Ok(target) if !directory.starts_with(PROC) => file = directory.join(target),
            _ => return Ok(file),
        }
    }
    Err(Errno::ELOOP.into())
}

/// The directory that a file is in.
pub fn directory_of(file: &Path) -> &Path {
    file.parent().filter(|parent| *parent != Path::new("")).unwrap_or(HERE.as_ref())
}

/// The number of the descriptor of ours that `file` is the kernel's link to.
fn own_descriptor(file: &Path) -> Option<i32> {
    let own = fs::canonicalize("/proc/self/fd").ok()?;
    file.strip_prefix(own).ok()?.to_str()?.parse().ok()
}

/// Writes beside `file`, and takes its name when all is there.
fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = directory_of(file).to_owned();
    let create = |path: &Path| OpenOptions::new().write(true).create_new(true).open(path);
    let mut new = tempfile::Builder::new().prefix(".rootcontract-").make_in(directory, create)?;
    new.write_all(bytes)?;
    new.persist(file).map(drop).map_err(|refused| refused.error)
}

#[cfg(test)]
mod tests {
    use super::super::failure::line;
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("report.json");
        fs::write(&file, "old").expect("a file");
        save(&file, b"new").expect("replaced");
        assert_eq!(fs::read(&file).expect("the file"), b"new");
        assert_eq!(fs::read_dir(directory.path()).expect("the directory").count(), 1);
    }

    #[test]
    fn a_link_stays_a_link() {
        let directory = tempfile::tempdir().expect("a directory");
        let [file, link] = ["file", "link"].map(|name| directory.path().join(name));
        fs::write(&file, "old").expect("a file");
        std::os::unix::fs::symlink("file", &link).expect("a link");
        save(&link, b"new").expect("replaced");
        assert_eq!(fs::read(&file).expect("the file"), b"new");
        assert!(fs::symlink_metadata(&link).expect("the link").is_symlink());
    }

    #[test]
    fn what_is_no_regular_file_is_written_into() {
        let directory = tempfile::tempdir().expect("a directory");
        let link = directory.path().join("full");
        std::os::unix::fs::symlink("/dev/full", &link).expect("a link");
        let error = save(&link, b"new").expect_err("/dev/full is full");
        assert_eq!(line(&error), format!("write {}: No space left on device", link.display()));
        assert_eq!(fs::read_dir(directory.path()).expect("the directory").count(), 1);
    }

    #[test]
    fn where_no_file_can_be_the_reason_is_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("nowhere/report.json");
        let error = save(&file, b"new").expect_err("no such directory");
        assert_eq!(line(&error), format!("write {}: No such file or directory", file.display()));
    }
}
