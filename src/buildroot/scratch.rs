//! Scratch directories: private, locked while in use, cleared away by the next run when their owner was killed.

mod removal;

use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::mkdtemp;

use super::{Keep, place};
use removal::remove_tree;

/// What the name of everything begins with that is ours to clear away: scratch directories, control groups.
pub(crate) const PREFIX: &str = "rootcontract-";
/// What the name of a directory begins with that is to be kept: nothing that is ours to clear away is called like it.
const KEPT: &str = "kept-rootcontract-";

/// A directory of mode 0700 that nobody else uses. It goes when this is dropped, unless it is to be kept.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    lock: File,
    keep: Keep,
}

impl Scratch {
    /// Makes one in `parent`, and clears away what killed owners left. `parent` is made (mode 0700) if it is not there,
    /// unless it is `$TMPDIR`: that is the user's to make.
    pub fn make(parent: &Path, keep: Keep) -> io::Result<Self> {
        // Another one's clearing away may get in between making and locking, or take an empty parent; then try again.
        for _ in 0..16 {
            if parent != place::temporary() {
                DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
            }
            clear_abandoned(parent);
            let prefix = if keep == Keep::Keep { KEPT } else { PREFIX };
            let path = match mkdtemp(&parent.join(format!("{prefix}XXXXXX"))) {
                Ok(path) => path,
                Err(Errno::ENOENT) if parent != place::temporary() => continue,
                Err(errno) => return Err(errno.into()),
            };
            // Whatever the umask leaves of it.
            match std::fs::set_permissions(&path, Permissions::from_mode(0o700)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                set => set?,
            }
            if let Some(lock) = lock(&path)? {
                return Ok(Self { path, lock, keep });
            }
        }
        Err(io::Error::from(io::ErrorKind::ResourceBusy))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What holds the lock, to be shared with the supervisor.
    pub fn lock(&self) -> &File {
        &self.lock
    }

    /// Makes it and all that is in it this user's, and the group's of the same number.
    pub fn give(&self, user: u32) -> io::Result<()> {
        give(&self.path, user)
    }

    /// A directory in it, of exactly this mode.
    pub fn directory(&self, name: &str, mode: u32) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        std::fs::create_dir(&path)?;
        std::fs::set_permissions(&path, Permissions::from_mode(mode))?;
        Ok(path)
    }
}

/// What we have just made ourselves is given away: nobody else has been in it.
fn give(path: &Path, user: u32) -> io::Result<()> {
    let metadata = path.symlink_metadata()?;
    if metadata.is_dir() {
        for entry in std::fs::read_dir(path)? {
            give(&entry?.path(), user)?;
        }
    }
    std::os::unix::fs::lchown(path, Some(user), Some(user))
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.keep == Keep::Remove {
            // The supervisor has done it, and told what it could not do; this is for the case that it never got there.
            let _told_already = remove(&self.path);
        }
        if let Some(parent) = self.path.parent().filter(|parent| place::is_ours(parent)) {
            let _in_use = std::fs::remove_dir(parent);
        }
    }
}

/// Removes a scratch directory. That it is gone already is no failure.
pub(super) fn remove(directory: &Path) -> io::Result<()> {
    match remove_tree(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Locks the directory, unless somebody else has, or it is gone.
pub(super) fn lock(path: &Path) -> io::Result<Option<File>> {
    let lock = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        directory => directory?,
    };
    if crate::sys::lock(lock.as_fd()).is_err() {
        return Ok(None);
    }
    let still_there = path.metadata().is_ok_and(|there| lock.metadata().is_ok_and(|ours| ours.ino() == there.ino()));
    Ok(still_there.then_some(lock))
}

/// Removes what nobody holds the lock of. What can't be removed stays for the next one to try: it is not ours to report.
pub(super) fn clear_abandoned(parent: &Path) {
    let ours = |entry: &std::fs::DirEntry| {
        entry.file_name().to_string_lossy().starts_with(PREFIX) && entry.file_type().is_ok_and(|kind| kind.is_dir())
    };
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten().filter(ours) {
        // Made private, as ours are: what somebody called like it, in a temporary directory, is most often not.
        let made_so = |metadata: std::fs::Metadata| {
            metadata.uid() == nix::unistd::geteuid().as_raw() && metadata.permissions().mode() & 0o777 == 0o700
        };
        if entry.metadata().is_ok_and(made_so) {
            if let Ok(Some(_abandoned)) = lock(&entry.path()) {
                let _next_time = remove_tree(&entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_owner_left_is_cleared_away_and_what_is_in_use_is_not() {
        let parent = tempfile::tempdir().expect("a directory");
        let used = Scratch::make(parent.path(), Keep::Remove).expect("a scratch directory");
        let abandoned = parent.path().join("rootcontract-abandoned");
        std::fs::create_dir_all(abandoned.join("var/tmp")).expect("a directory");
        std::fs::set_permissions(&abandoned, Permissions::from_mode(0o700)).expect("a mode");
        let namesake = parent.path().join("rootcontract-of-somebody");
        std::fs::create_dir(&namesake).expect("a directory");
        let foreign = parent.path().join("somebody-elses");
        std::fs::create_dir(&foreign).expect("a directory");

        let another = Scratch::make(parent.path(), Keep::Remove).expect("a scratch directory");

        assert!(used.path().exists() && another.path().exists() && foreign.exists());
        assert!(!abandoned.exists() && namesake.exists());
    }

    #[test]
    fn an_empty_parent_stays_whatever_its_name() {
        let place = tempfile::tempdir().expect("a directory");
        for name in ["rootcontract", "somebody-elses"] {
            let parent = place.path().join(name);
            std::fs::create_dir(&parent).expect("a directory");
            drop(Scratch::make(&parent, Keep::Remove).expect("a scratch directory"));
            assert!(parent.exists(), "{name}");
        }
    }

    #[test]
    fn a_deep_tree_is_removed_and_no_link_is_followed() {
        let parent = tempfile::tempdir().expect("a directory");
        let outside = parent.path().join("outside");
        std::fs::create_dir(&outside).expect("a directory");
        std::fs::write(outside.join("file"), "").expect("a file");
        let top = parent.path().join("top");
        let deep = top.join("d/".repeat(300));
        std::fs::create_dir_all(&deep).expect("a directory");
        std::fs::write(deep.join("file"), "").expect("a file");
        std::os::unix::fs::symlink(&outside, top.join("d/link")).expect("a link");
        std::fs::create_dir_all(top.join("1/0/1")).expect("names that are given to what is moved up");
        remove_tree(&top).expect("nothing left");
        assert!(!top.exists() && outside.join("file").exists());
    }

    #[test]
    fn its_mode_is_private_and_those_inside_are_as_asked_for() {
        let parent = tempfile::tempdir().expect("a directory");
        let scratch = Scratch::make(parent.path(), Keep::Remove).expect("a scratch directory");
        let inside = scratch.directory("tmp", 0o1777).expect("a directory");
        let mode = |path: &Path| path.metadata().expect("a directory").permissions().mode() & 0o7777;
        assert_eq!((mode(scratch.path()), mode(&inside)), (0o700, 0o1777));
    }
}
