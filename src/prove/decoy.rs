//! A throw-away tree that looks enough like an installed system for every clause to have something to look at.

use std::fs::{Permissions, create_dir_all, set_permissions, write};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use crate::arch;

/// What is optional in a build root, so that here it is there: osbuild mounts each of these if the tree has it.
const DIRECTORIES: [&str; 8] =
    ["boot", "ostree", "etc/containers", "etc/selinux", "usr/bin", "usr/sbin", "usr/lib", "usr/lib64"];

/// Files that can be tried to write to. They are thrown away with the tree.
const FILES: [&str; 6] = [
    "boot/decoy",
    "ostree/decoy",
    "etc/containers/policy.json",
    "etc/mke2fs.conf",
    "etc/selinux/config",
    "usr/bin/decoy",
];

/// Makes the tree; it goes when the result is dropped.
pub(crate) fn tree() -> io::Result<TempDir> {
    let tree = tempfile::Builder::new().prefix("rootcontract-decoy-").tempdir()?;
    set_permissions(tree.path(), Permissions::from_mode(0o755))?;
    for directory in DIRECTORIES {
        create_dir_all(tree.path().join(directory))?;
    }
    for file in FILES {
        write(tree.path().join(file), "nothing depends on this\n")?;
    }
    copy_loader(tree.path())?;
    Ok(tree)
}

/// The machine's own dynamic loader, at the place programs name.
fn copy_loader(tree: &Path) -> io::Result<()> {
    let Some(arch) = arch::native() else { return Ok(()) };
    let below_usr = Path::new("usr").join(arch.loader.trim_start_matches('/'));
    std::fs::copy(arch.loader, tree.join(below_usr)).map(drop)
}
