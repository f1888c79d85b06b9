//! The root that a build root shows: what of it is there, resolved inside it.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::libc;

use crate::plan::HostPath;

/// A root directory.
#[derive(Debug)]
pub(super) struct Tree {
    path: PathBuf,
    directory: File,
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

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A directory of the root itself, as osbuild looks at `usr` and `boot`: `None` when it is a link, or no directory.
    pub fn real_directory(&self, name: &str) -> Option<HostPath> {
        let path = self.path.join(name);
        path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()).then(|| HostPath::new(path))
    }

    /// Where `path` below the root really lies, links taken as if the root were `/`, so that none leads to the host.
    ///
    /// A path that is not there is given as it is, for bubblewrap to skip.
    ///
    /// # Errors
    /// `errno` of `openat2` (Linux 5.6) other than ENOENT and ENOTDIR, `ELOOP` among them;
    /// EXDEV for a link that is dangling inside the root but leads somewhere on the host.
    pub fn resolve(&self, path: &str) -> io::Result<HostPath> {
        let inside = CString::new(Path::new("/").join(path).as_os_str().as_bytes())?;
        match crate::sys::open_in_root(self.directory.as_fd(), &inside) {
            Ok(found) => {
                let real = std::fs::read_link(format!("/proc/self/fd/{}", found.as_raw_fd()))?;
                let plain = self.path.join(path);
                // The trailing slash that osbuild writes is kept where the path is what it says it is.
                Ok(HostPath::new(if real == plain { plain } else { real }))
            }
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR)) => {
                let plain = self.path.join(path);
                // bubblewrap follows links as the host does: one that dangles here may lead somewhere there.
                if plain.exists() { Err(io::Error::from(Errno::EXDEV)) } else { Ok(HostPath::new(plain)) }
            }
            Err(error) => Err(error),
        }
    }

    /// What of the root a contract's `when.tree` can ask for.
    pub fn facts(&self) -> BTreeMap<String, bool> {
        let there = |path: &str| {
            CString::new(format!("/{path}"))
                .is_ok_and(|path| crate::sys::open_in_root(self.directory.as_fd(), &path).is_ok())
        };
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
        let real = ["usr", "boot"].map(|name| (name.to_owned(), self.real_directory(name).is_some()));
        named.into_iter().map(|(name, path)| (name.to_owned(), there(path))).chain(real).collect()
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
    fn links_are_taken_inside_the_root(#[case] path: &str, #[case] expected: &str) {
        let root = tempfile::tempdir().expect("a directory");
        let etc = root.path().join("etc");
        std::fs::create_dir(&etc).expect("a directory");
        std::fs::write(etc.join("plain"), "").expect("a file");
        symlink("/etc/plain", etc.join("absolute")).expect("a link");
        symlink("../../../../../etc/plain", etc.join("climbing")).expect("a link");
        symlink("/nowhere", etc.join("dangling")).expect("a link");

        let tree = Tree::open(root.path()).expect("a root");
        let resolved = tree.resolve(path).expect("a path");
        assert_eq!(resolved.0, root.path().canonicalize().expect("a path").join(expected));
    }

    #[test]
    fn a_link_that_only_the_host_can_follow_is_refused() {
        let root = tempfile::tempdir().expect("a directory");
        symlink("/proc", root.path().join("ostree")).expect("a link");
        let error = Tree::open(root.path()).expect("a root").resolve("ostree").expect_err("a link to the host");
        assert_eq!(error.raw_os_error(), Some(libc::EXDEV));
    }

    #[test]
    fn a_loop_is_an_error() {
        let root = tempfile::tempdir().expect("a directory");
        symlink("ostree", root.path().join("ostree")).expect("a link");
        let error = Tree::open(root.path()).expect("a root").resolve("ostree").expect_err("a loop");
        assert_eq!(error.raw_os_error(), Some(libc::ELOOP));
    }
}
