//! The root that a build root shows: what of it is there, resolved inside it.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr};
use std::fs::{File, FileType, Metadata};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::linux::fs::MetadataExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

use super::OpenError;
use crate::plan::HostPath;

/// A root directory.
#[derive(Debug)]
pub(super) struct Tree {
    path: PathBuf,
    directory: File,
}

/// What was found at a path of the root.
#[derive(Debug)]
pub(super) struct Found {
    /// The last name of that path.
    pub name: &'static OsStr,
    /// Where it really lies.
    pub path: HostPath,
    /// What is there; `None`: nothing is.
    pub is: Option<Is>,
}

/// A file or directory, whatever becomes of its path.
#[derive(Debug)]
pub(super) struct Is {
    /// Its device and its inode: while it is open, no other one has these.
    pub identity: [u64; 2],
    _open: File,
}

impl Is {
    fn new(file: File, metadata: &Metadata) -> Self {
        Self { identity: [metadata.st_dev(), metadata.st_ino()], _open: file }
    }
}

impl Tree {
    /// Opens the directory; `path` becomes absolute.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = path.canonicalize()?;
        let directory = File::open(&path)?;
        if !directory.metadata()?.is_dir() {
            return Err(io::Error::from(Errno::ENOTDIR));
        }
        Ok(Self { path, directory })
    }

    /// Where it is, an absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A directory of the root itself, as osbuild looks at `usr` and `boot`: `None` when it is a link, or no directory.
    ///
    /// # Errors
    /// [`OpenError::Tree`] where it could not be looked at.
    pub fn real_directory(&self, name: &'static str) -> Result<Option<Found>, OpenError> {
        let failed = |source: io::Error| OpenError::Tree { path: name, source };
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let directory = match openat(&self.directory, name, flags, Mode::empty()) {
            Ok(directory) => File::from(directory),
            Err(errno) if is_absent(errno) => return Ok(None),
            Err(errno) => return Err(failed(errno.into())),
        };
        let metadata = directory.metadata().map_err(failed)?;
        let path = HostPath::new(self.path.join(name));
        Ok(Some(Found { name: OsStr::new(name), path, is: Some(Is::new(directory, &metadata)) }))
    }

    /// Where `path` below the root really lies, links taken as if the root were `/`, so that none leads to the host.
    ///
    /// A path that is not there is given as it is.
    ///
    /// # Errors
    /// [`OpenError::Tree`] with what `openat2` (Linux 5.6) says, ELOOP and ENOTDIR among it, or with EXDEV for a link that
    /// is dangling inside the root but leads somewhere on the host; [`OpenError::NotShown`] for what is neither a file nor
    /// a directory: whoever has the other end of a pipe or a socket would be in the sandbox.
    pub fn resolve(&self, path: &'static str) -> Result<Found, OpenError> {
        let name = Path::new(path).file_name().unwrap_or_default();
        let failed = |source: io::Error| OpenError::Tree { path, source };
        let plain = self.path.join(path);
        let found = match self.open_inside(path) {
            Ok(found) => found,
            // bubblewrap follows links as the host does: one that dangles here may lead somewhere there.
            Err(error) if error.kind() == io::ErrorKind::NotFound && plain.exists() => {
                return Err(failed(Errno::EXDEV.into()));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Found { name, path: HostPath::new(plain), is: None });
            }
            Err(error) => return Err(failed(error)),
        };
        let metadata = found.metadata().map_err(failed)?;
        let kind = metadata.file_type();
        if !kind.is_file() && !kind.is_dir() {
            return Err(OpenError::NotShown { path, kind: named(kind) });
        }
        let real = std::fs::read_link(format!("/proc/self/fd/{}", found.as_raw_fd())).map_err(failed)?;
        // The trailing slash that osbuild writes is kept where the path is what it says it is.
        let path = HostPath::new(if real == plain { plain } else { real });
        Ok(Found { name, path, is: Some(Is::new(found, &metadata)) })
    }

    /// What is at `path`, opened without touching it.
    fn open_inside(&self, path: &str) -> io::Result<File> {
        let inside = CString::new(Path::new("/").join(path).into_os_string().into_encoded_bytes())?;
        crate::sys::open_in_root(self.directory.as_fd(), &inside).map(File::from)
    }

    /// Whether there is something at `path` for who follows links inside the root.
    ///
    /// # Errors
    /// [`OpenError::Tree`] where it could not be looked at: that says nothing about the root.
    fn has(&self, path: &'static str) -> Result<bool, OpenError> {
        match self.open_inside(path) {
            Ok(_) => Ok(true),
            Err(source) if source.raw_os_error().is_some_and(|errno| is_absent(Errno::from_raw(errno))) => Ok(false),
            Err(source) => Err(OpenError::Tree { path, source }),
        }
    }

    /// What of the root a contract's `when.tree` can ask for.
    ///
    /// # Errors
    /// [`OpenError::Tree`] with what could not be looked at.
    pub fn facts(&self) -> Result<BTreeMap<String, bool>, OpenError> {
        let named = [
            ("mke2fs-conf", "etc/mke2fs.conf"),
            ("containers", "etc/containers"),
            ("selinux", "etc/selinux"),
            ("ostree", "ostree"),
            ("bin", "usr/bin"),
            ("sbin", "usr/sbin"),
            ("lib", "usr/lib"),
            ("lib64", "usr/lib64"),
        ];
        let real = ["usr", "boot"].map(|name| Ok((name.to_owned(), self.real_directory(name)?.is_some())));
        named.into_iter().map(|(name, path)| Ok((name.to_owned(), self.has(path)?))).chain(real).collect()
    }
}

/// Whether what could not be opened for this reason is not there, for the sandboxes.
fn is_absent(errno: Errno) -> bool {
    matches!(errno, Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::EACCES)
}

/// What is neither a file nor a directory, in words. A link has been followed.
fn named(kind: FileType) -> &'static str {
    if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::os::unix::fs::symlink;

    #[rstest]
    #[case::a_plain_path("etc/plain", "etc/plain")]
    #[case::an_absolute_link("etc/absolute", "etc/plain")]
    #[case::a_link_that_climbs("etc/climbing", "etc/plain")]
    #[case::a_dangling_link("etc/dangling", "etc/dangling")]
    fn links_are_taken_inside_the_root(#[case] path: &'static str, #[case] expected: &str) {
        let root = tempfile::tempdir().expect("a directory");
        let etc = root.path().join("etc");
        std::fs::create_dir(&etc).expect("a directory");
        std::fs::write(etc.join("plain"), "").expect("a file");
        symlink("/etc/plain", etc.join("absolute")).expect("a link");
        symlink("../../../../../etc/plain", etc.join("climbing")).expect("a link");
        symlink("/nowhere", etc.join("dangling")).expect("a link");

        let tree = Tree::open(root.path()).expect("a root");
        let resolved = tree.resolve(path).expect("a path");
        assert_eq!(resolved.path.0, root.path().canonicalize().expect("a path").join(expected));
    }

    #[test]
    fn what_can_t_be_looked_at_is_not_taken_for_absent() {
        let root = tempfile::tempdir().expect("a directory");
        std::fs::create_dir_all(root.path().join("usr/lib")).expect("a directory");
        let tree = Tree::open(root.path()).expect("a root");
        let facts = tree.facts().expect("facts");
        assert_eq!((facts["lib"], facts["lib64"], facts["usr"]), (true, false, true));
        let long: &'static str = Box::leak("x".repeat(5000).into_boxed_str());
        let OpenError::Tree { source, .. } = tree.has(long).expect_err("no name") else { panic!() };
        assert_eq!(source.raw_os_error(), Some(Errno::ENAMETOOLONG as i32));
    }

    #[rstest]
    #[case::to_what_only_the_host_has("/proc", Errno::EXDEV)]
    #[case::to_itself("ostree", Errno::ELOOP)]
    #[case::through_a_file("file/below", Errno::ENOTDIR)]
    fn a_link_that_leads_to_nothing_in_the_root_is_an_error(#[case] target: &str, #[case] expected: Errno) {
        let root = tempfile::tempdir().expect("a directory");
        std::fs::write(root.path().join("file"), "").expect("a file");
        symlink(target, root.path().join("ostree")).expect("a link");
        let error = Tree::open(root.path()).expect("a root").resolve("ostree").expect_err("a link to nothing");
        let OpenError::Tree { path: "ostree", source } = error else { panic!("{error}") };
        assert_eq!(source.raw_os_error(), Some(expected as i32));
    }
}
