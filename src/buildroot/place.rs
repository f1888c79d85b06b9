//! Where scratch directories are made.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access, geteuid};

use crate::facts::launch::Privilege;

/// Where run-time files are for root.
const OF_ROOT: &str = "/run/rootcontract";
/// Where `/var` is on disk (hier(7)).
const ON_DISK: &str = "/var/tmp";

/// Where both are made, unless a caller says otherwise.
pub(crate) fn scratch_places(privilege: Privilege) -> [PathBuf; 2] {
    [of_run_time(privilege), on_disk(privilege)]
}

/// Where the one for sockets and small files is made.
pub(super) fn of_run_time(privilege: Privilege) -> PathBuf {
    match privilege {
        Privilege::Root => OF_ROOT.into(),
        Privilege::UsernsSingle | Privilege::UsernsSubid => of_user().unwrap_or_else(temporary),
    }
}

/// What a user has for it in the run-time directory, where that is nobody else's.
fn of_user() -> Option<PathBuf> {
    let own = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    own.filter(|own| is_private(own)).map(|own| own.join("rootcontract"))
}

/// Whether a directory is there for scratch directories of ours only, whoever made it.
pub(super) fn is_ours(directory: &Path) -> bool {
    directory == Path::new(OF_ROOT) || of_user().is_some_and(|own| own == directory)
}

/// Where the one for `/var` is made.
pub(super) fn on_disk(privilege: Privilege) -> PathBuf {
    let writable = || access(ON_DISK, AccessFlags::W_OK | AccessFlags::X_OK).is_ok();
    if privilege == Privilege::Root || writable() { ON_DISK.into() } else { temporary() }
}

/// `$TMPDIR`, or `/tmp` where that is not set, or empty.
pub(super) fn temporary() -> PathBuf {
    std::path::absolute(std::env::temp_dir()).unwrap_or_else(|_empty| "/tmp".into())
}

/// Whether a directory is what `XDG_RUNTIME_DIR` has to be: absolute, ours, and nobody else's (the XDG base directory
/// specification). One that `sudo` or `su` left behind is another user's.
fn is_private(directory: &Path) -> bool {
    let ours = |metadata: std::fs::Metadata| {
        metadata.is_dir()
            && metadata.uid() == geteuid().as_raw()
            && metadata.permissions().mode() & 0o077 == 0
            && access(directory, AccessFlags::W_OK | AccessFlags::X_OK).is_ok()
    };
    directory.is_absolute() && directory.metadata().is_ok_and(ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::private(0o700, true)]
    #[case::readable_by_others(0o755, false)]
    fn a_run_time_directory_is_private(#[case] mode: u32, #[case] expected: bool) {
        let place = tempfile::tempdir().expect("a directory");
        std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(mode)).expect("a mode");
        assert_eq!(is_private(place.path()), expected);
        assert!(!is_private(&place.path().join("nonexistent")) && !is_private(Path::new("relative")));
    }

    #[rstest]
    #[case::of_root(OF_ROOT, true)]
    #[case::with_all_that_is_root_s("/run", false)]
    #[case::of_the_same_name("/home/user/src/rootcontract", false)]
    #[case::on_disk(ON_DISK, false)]
    fn a_place_is_ours_if_nobody_else_puts_anything_there(#[case] directory: &str, #[case] expected: bool) {
        assert_eq!(is_ours(Path::new(directory)), expected);
    }
}
