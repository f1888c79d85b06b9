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
    match (privilege, std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from)) {
        (Privilege::Root, _) => OF_ROOT.into(),
        (Privilege::UsernsSingle | Privilege::UsernsSubid, Some(own)) if is_private(&own) => own.join("rootcontract"),
        (Privilege::UsernsSingle | Privilege::UsernsSubid, _) => std::env::temp_dir(),
    }
}

/// Where the one for `/var` is made.
pub(super) fn on_disk(privilege: Privilege) -> PathBuf {
    let writable = || access(ON_DISK, AccessFlags::W_OK | AccessFlags::X_OK).is_ok();
    if privilege == Privilege::Root || writable() { ON_DISK.into() } else { std::env::temp_dir() }
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
}
