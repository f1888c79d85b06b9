//! Removing a directory, whatever a payload has made of it.
//!
//! By descriptor, with at most five of them open, and without recursion: the directories in a directory are moved up
//! before it goes, so that neither descriptors, nor stack, nor the length of a path run out however deep it is. No
//! link is followed and no mount entered.

use std::ffi::{CStr, CString};
use std::fs::Permissions;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::Result;
use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat, openat2, renameat};
use nix::sys::stat::{Mode, SFlag, fchmod, fstatat};
use nix::unistd::{UnlinkatFlags, Whence, lseek, unlinkat};

use crate::sys;

/// How a directory is opened that may have been anything a moment ago.
const DIRECTORY: OFlag = OFlag::O_DIRECTORY.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Removes `top` and all that is in it.
///
/// # Errors
/// The first thing that could not be removed; everything else has been. `EXDEV` or `EBUSY` is a mount.
pub(super) fn remove_tree(top: &Path) -> io::Result<()> {
    let directory = open(top, DIRECTORY, Mode::empty())?;
    let mut removal = Removal { moved_up: Vec::new(), next: first_free(&directory)?, first: None, top: directory };
    removal.carry_out()?;
    match removal.first {
        Some(errno) => Err(errno.into()),
        None => std::fs::remove_dir(top),
    }
}

/// A removal under way.
struct Removal {
    top: OwnedFd,
    /// The directories in `top` that are still to be emptied; their names are numbers.
    moved_up: Vec<u64>,
    /// The next name.
    next: u64,
    /// What failed first.
    first: Option<Errno>,
}

impl Removal {
    fn carry_out(&mut self) -> Result<()> {
        let top = self.top.try_clone().map_err(|_| Errno::EMFILE)?;
        // At once, because the directories of this one come back under other names.
        for (name, kind) in entries(&top)?.collect::<Vec<_>>() {
            self.take(&top, &name, kind);
        }
        while let Some(number) = self.moved_up.pop() {
            let name = named(number);
            let emptied = insist(&top, &name, || enter(&top, &name)).and_then(|directory| {
                entries(&directory)?.for_each(|(name, kind)| self.take(&directory, &name, kind));
                insist(&top, &name, || unlinkat(&top, name.as_c_str(), UnlinkatFlags::RemoveDir))
            });
            self.note(emptied);
        }
        Ok(())
    }

    /// Moves a directory with something in it up, and removes anything else.
    fn take(&mut self, from: &OwnedFd, name: &CStr, kind: Option<Type>) {
        let taken = match kind_of(from, name, kind) {
            Ok(Type::Directory) => match unlinkat(from, name, UnlinkatFlags::RemoveDir) {
                Ok(()) => Ok(()),
                Err(_) => self.move_up(from, name),
            },
            Ok(_) => insist(from, name, || unlinkat(from, name, UnlinkatFlags::NoRemoveDir)),
            Err(errno) => Err(errno),
        };
        self.note(taken);
    }

    fn move_up(&mut self, from: &OwnedFd, name: &CStr) -> Result<()> {
        let up = named(self.next);
        insist(from, name, || renameat(from, name, &self.top, up.as_c_str()))?;
        self.moved_up.push(self.next);
        self.next += 1;
        Ok(())
    }

    fn note(&mut self, result: Result<()>) {
        if let Err(errno) = result {
            self.first.get_or_insert(errno);
        }
    }
}

/// Does it, if need be a second time, after what a payload may have put in the way has been cleared.
fn insist<T>(parent: &OwnedFd, name: &CStr, act: impl Fn() -> Result<T>) -> Result<T> {
    match act() {
        Err(Errno::EPERM | Errno::EACCES) => {
            unlock(parent, name);
            act()
        }
        result => result,
    }
}

/// Makes a directory and what is in it removable: their owner may enter and write, and neither is immutable nor
/// append-only. What can't be done shows when it is tried again.
fn unlock(parent: &OwnedFd, name: &CStr) {
    let _not_ours = sys::make_mutable(parent.as_fd());
    let _not_ours = fchmod(parent, Mode::S_IRWXU);
    // Nothing else is opened: of a device or a pipe that may be felt elsewhere.
    let Ok(kind @ (Type::Directory | Type::File)) = kind_of(parent, name, None) else { return };
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let _not_ours = openat(parent, name, flags, Mode::empty()).and_then(|inode| sys::make_mutable(inode.as_fd()));
    if kind == Type::Directory {
        let _not_ours = open_to_its_owner(parent, name);
    }
}

/// Changes the mode of a directory, and never of what a link leads to that somebody has put in its place.
fn open_to_its_owner(parent: &OwnedFd, name: &CStr) -> io::Result<()> {
    // One that its owner may not read can't be opened but so, and so opened its mode can't be changed but by that path.
    let directory = openat(parent, name, DIRECTORY | OFlag::O_PATH, Mode::empty())?;
    std::fs::set_permissions(format!("/proc/self/fd/{}", directory.as_raw_fd()), Permissions::from_mode(0o700))
}

/// Opens a directory in `top`, unless it is a mount.
fn enter(top: &OwnedFd, name: &CStr) -> Result<OwnedFd> {
    let resolve = ResolveFlag::RESOLVE_NO_XDEV | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_BENEATH;
    openat2(top, name, OpenHow::new().flags(DIRECTORY).resolve(resolve))
}

/// What is in a directory but itself and its parent, with its kind where the file system tells.
fn entries(directory: &OwnedFd) -> Result<impl Iterator<Item = (CString, Option<Type>)>> {
    let again = directory.try_clone().map_err(|_| Errno::EMFILE)?;
    // The two share a position.
    lseek(&again, 0, Whence::SeekSet)?;
    let listed = Dir::from_fd(again)?;
    let names = listed.into_iter().map_while(Result::ok).map(|entry| (entry.file_name().to_owned(), entry.file_type()));
    Ok(names.filter(|(name, _)| ![c".", c".."].contains(&name.as_c_str())))
}

/// A directory, or something else.
fn kind_of(parent: &OwnedFd, name: &CStr, told: Option<Type>) -> Result<Type> {
    if let Some(kind) = told {
        return Ok(kind);
    }
    let mode = fstatat(parent, name, AtFlags::AT_SYMLINK_NOFOLLOW)?.st_mode;
    Ok(match SFlag::from_bits_truncate(mode & SFlag::S_IFMT.bits()) {
        SFlag::S_IFDIR => Type::Directory,
        SFlag::S_IFREG => Type::File,
        _ => Type::Symlink,
    })
}

/// The first number that is no name in `top`: a removal that was itself killed may have left some.
fn first_free(top: &OwnedFd) -> Result<u64> {
    let numbers = entries(top)?.filter_map(|(name, _)| name.to_str().ok()?.parse::<u64>().ok());
    Ok(numbers.max().map_or(0, |number| number.wrapping_add(1)))
}

fn named(number: u64) -> CString {
    CString::new(number.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::a_directory(c"closed", 0o700)]
    #[case::a_link_to_one(c"link", 0o000)]
    fn no_mode_is_changed_through_a_link(#[case] name: &CStr, #[case] expected: u32) {
        let place = tempfile::tempdir().expect("a directory");
        let closed = place.path().join("closed");
        std::fs::create_dir(&closed).expect("a directory");
        std::fs::set_permissions(&closed, Permissions::from_mode(0o000)).expect("a mode");
        std::os::unix::fs::symlink("closed", place.path().join("link")).expect("a link");
        let parent = open(place.path(), DIRECTORY, Mode::empty()).expect("a directory");
        let _refused_for_a_link = open_to_its_owner(&parent, name);
        let mode = closed.metadata().expect("a directory").permissions().mode() & 0o7777;
        assert_eq!(mode, expected);
    }
}
