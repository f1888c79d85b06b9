//! A root of its own for the supervisor, with a short mount table: what bubblewrap and the runs need, on a new tmpfs.
//!
//! It is for user namespaces. What was mounted outside is locked there: it can be bound elsewhere, and not be unmounted.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{chdir, pivot_root};

use super::mounts::SHEDDABLE;

/// Where it is put together: a directory that is always there, and that nothing needed is in.
const AT: &str = "/proc";

/// A root that is being put together.
#[derive(Debug, Default)]
pub(super) struct LeanRoot {
    /// What is the same in it as in the old one, with everything below.
    bound: Vec<PathBuf>,
}

impl LeanRoot {
    /// Puts it together of the system's directories and `needed`, and changes to it, in this mount namespace, which has to
    /// be one that nobody else is in. Gives what is in it.
    ///
    /// # Errors
    /// It can't be made, or would lack something: the namespace is then of no use.
    pub fn enter(program: &Path, needed: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
        mount(Some("tmpfs"), AT, Some("tmpfs"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some("mode=0755"))?;
        let mut root = Self::default();
        root.fill(Path::new("/"))?;
        // A bubblewrap of somebody's own may take along what only they know of.
        if !root.has(&program.canonicalize()?) {
            return Err(Errno::ENOENT.into());
        }
        root.bind(Path::new("/dev"))?;
        let mut there: Vec<_> = needed.iter().filter(|path| path.exists()).collect();
        there.sort();
        for path in &there {
            root.bind(&path.canonicalize()?)?;
        }
        let directory = File::open(AT)?;
        for path in there {
            crate::sys::open_in_root(directory.as_fd(), &CString::new(path.as_os_str().as_bytes())?)?;
        }
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mount(Some("proc"), &place(Path::new("/proc")), Some("proc"), flags, None::<&str>)?;
        chdir(AT)?;
        // The old root is put on top of the new one, and taken off (pivot_root(2)).
        pivot_root(".", ".")?;
        umount2(".", MntFlags::MNT_DETACH)?;
        chdir("/")?;
        Ok(root.bound)
    }

    /// Whether `path`, which has no link in it, is there.
    fn has(&self, path: &Path) -> bool {
        self.bound.iter().any(|bound| path.starts_with(bound))
    }

    /// The entries of a directory: links as they are, directories bound, those that much is mounted in empty.
    fn fill(&mut self, directory: &Path) -> io::Result<()> {
        for entry in std::fs::read_dir(directory)? {
            let (path, kind) = {
                let entry = entry?;
                (entry.path(), entry.file_type()?)
            };
            if kind.is_symlink() {
                symlink(std::fs::read_link(&path)?, place(&path))?;
            } else if kind.is_dir() && SHEDDABLE.iter().any(|shed| Path::new(shed) == path) {
                std::fs::create_dir(place(&path))?;
            } else if kind.is_dir() && SHEDDABLE.iter().any(|shed| Path::new(shed).starts_with(&path)) {
                std::fs::create_dir(place(&path))?;
                self.fill(&path)?;
            } else if kind.is_dir() {
                self.bind(&path)?;
            }
        }
        Ok(())
    }

    /// Binds `path`, which has no link in it, with all that is mounted below.
    fn bind(&mut self, path: &Path) -> io::Result<()> {
        if self.has(path) {
            return Ok(());
        }
        let to = place(path);
        if path.is_dir() {
            std::fs::create_dir_all(&to)?;
        } else {
            to.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            File::create(&to)?;
        }
        mount(Some(path), &to, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)?;
        self.bound.push(path.to_owned());
        Ok(())
    }
}

/// Where `path` is put.
fn place(path: &Path) -> PathBuf {
    Path::new(AT).join(path.strip_prefix("/").unwrap_or(path))
}
