//! Where a path leads inside a build root of a tree, before there is one.

use std::collections::VecDeque;
use std::ffi::{CStr, CString, OsString};
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::libc;

use crate::facts::text;

/// How many links are followed: as many as the kernel does.
const MAX_LINKS: usize = 40;

/// A tree, seen as its build root shows it: `usr`, and links to four of its directories.
#[derive(Debug)]
pub struct Inside {
    path: PathBuf,
    directory: File,
}

/// Where a path leads.
#[derive(Debug)]
pub enum Led {
    /// To a plain file.
    File(File),
    /// Nowhere: something on the way is not there.
    Nowhere,
    /// Out of what a build root shows of the tree.
    Outside(PathBuf),
    /// Through more links than anybody follows.
    Circle,
    /// To something that is no plain file.
    Other,
}

impl fmt::Display for Led {
    /// The rest of a sentence about the path.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(_) => out.write_str("is a file"),
            Self::Nowhere => out.write_str("is not in the tree"),
            Self::Outside(to) => {
                let to = text::escape(to.as_os_str().as_bytes());
                write!(out, "is a link to {to}, of which a build root shows nothing")
            }
            Self::Circle => out.write_str("is a circle of links"),
            Self::Other => out.write_str("is no plain file"),
        }
    }
}

impl Inside {
    /// Opens a tree.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = path.canonicalize()?;
        let directory = File::open(&path)?;
        if directory.metadata()?.is_dir() { Ok(Self { path, directory }) } else { Err(Errno::ENOTDIR.into()) }
    }

    /// Whether it has a directory `usr` of its own: one that is a link is shown by no build root.
    pub fn has_usr(&self) -> bool {
        self.path.join("usr").symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
    }

    /// Follows an absolute path, and opens what it leads to if that is a plain file.
    ///
    /// # Errors
    /// `errno` of what can't be read on the way.
    pub fn lead(&self, path: &str) -> io::Result<Led> {
        let mut rest: VecDeque<OsString> = steps(Path::new(path)).collect();
        let mut at = PathBuf::new();
        let mut links = 0;
        while let Some(step) = rest.pop_front() {
            if step == ".." {
                at.pop();
                continue;
            }
            let link = match self.link(&at, &step) {
                Step::Plain => None,
                Step::Hidden => return Ok(Led::Outside(Path::new("/").join(step).join(PathBuf::from_iter(rest)))),
                Step::Link(target) => Some(target),
                Step::Failed(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR)) => {
                    return Ok(Led::Nowhere);
                }
                Step::Failed(error) => return Err(error),
            };
            match link {
                None => at.push(step),
                Some(_) if links == MAX_LINKS => return Ok(Led::Circle),
                Some(target) => {
                    links += 1;
                    if target.is_absolute() {
                        at.clear();
                    }
                    for step in steps(&target).collect::<Vec<_>>().into_iter().rev() {
                        rest.push_front(step);
                    }
                }
            }
        }
        self.file(&at)
    }

    /// What one name is, seen from where we are.
    fn link(&self, at: &Path, step: &OsString) -> Step {
        if at.as_os_str().is_empty() {
            return match step.to_str() {
                Some("usr") if self.has_usr() => Step::Plain,
                Some("bin" | "sbin" | "lib" | "lib64") => Step::Link(Path::new("/usr").join(step)),
                Some(_) | None => Step::Hidden,
            };
        }
        let path = self.path.join(at).join(step);
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_symlink() => path.read_link().map_or_else(Step::Failed, Step::Link),
            Ok(_) => Step::Plain,
            Err(error) => Step::Failed(error),
        }
    }

    /// Opens what has no link on its way; if somebody puts one there meanwhile, it leads nowhere but into the tree.
    fn file(&self, at: &Path) -> io::Result<Led> {
        let path = CString::new(Path::new("/").join(at).as_os_str().as_bytes())?;
        match plain_file(self.directory.as_fd(), &path) {
            Ok(Some(file)) => Ok(Led::File(file)),
            Ok(None) => Ok(Led::Other),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(Led::Nowhere),
            Err(error) => Err(error),
        }
    }
}

/// Opens a plain file for reading, with `root` for `/`: whatever links there are lead nowhere but below it. `None`: it is
/// none.
///
/// # Errors
/// `errno` of opening it.
pub fn plain_file(root: BorrowedFd<'_>, path: &CStr) -> io::Result<Option<File>> {
    let found = File::from(crate::sys::open_in_root(root, path)?);
    // Known before it is opened for reading: a FIFO would wait for its other end, a device do whatever it does.
    if !found.metadata()?.is_file() {
        return Ok(None);
    }
    let again = format!("/proc/self/fd/{}", found.as_raw_fd());
    File::options().read(true).custom_flags(libc::O_NONBLOCK).open(again).map(Some)
}

enum Step {
    Plain,
    Hidden,
    Link(PathBuf),
    Failed(io::Error),
}

fn steps(path: &Path) -> impl Iterator<Item = OsString> + '_ {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}
