//! A tree with nothing in it but certain packages, which rpm has installed there, scriptlets and all.
//!
//! It is made where a package is [installed](super::install), in a room that nothing gets out of, and stays there to be
//! copied. Before the packages come it has what every image has: a few directories, a machine-id, and `/bin`, `/sbin`, `/lib`
//! and `/lib64` as links into `/usr`, where no package brings them itself.

use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::closure::{MERGED, Offer};
use super::install::{ANYWHERE, InstallError, PATIENCE, contained};
use super::room::{PACKAGES, Room};
use super::said;
use crate::buildroot::BuildRoot;
use crate::facts::text::escape;
use crate::profile::Profile;

/// How much longer rpm may take for each package.
const PATIENCE_FOR_EACH: Duration = Duration::from_secs(5);
/// The most lines of what rpm said that are told.
const MOST_LINES: usize = 5;
/// Where the tree is shown to be copied.
const SOURCE: &str = "/run/osbuild/inputs/tree";

/// A tree, and the open root that holds it. It goes when this is dropped.
#[derive(Debug)]
pub struct Bare {
    root: BuildRoot,
    room: Room,
    complaints: Vec<String>,
}

impl Bare {
    /// Has the rpm of the system at `root` install packages in an empty tree. Whose room it is decides which devices they
    /// find.
    ///
    /// # Errors
    /// There is no rpm, the room could not be opened, or not all of the packages were installed.
    pub fn made(root: &Path, profile: Profile, packages: &[&Offer]) -> Result<Self, InstallError> {
        let build_root = contained(root, profile)?;
        let room = Room::make(&build_root).map_err(failed)?;
        merge(room.tree(), packages).map_err(failed)?;
        let mut bare = Self { root: build_root, room, complaints: Vec::new() };
        if !packages.is_empty() {
            bare.install(packages)?;
        }
        Ok(bare)
    }

    /// What rpm complained about, some lines of it, escaped.
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }

    /// A room with a copy of the tree, in another open root. What is in the tree may be other users', to whom the caller can't
    /// give anything, so root inside makes the copy.
    pub(super) fn copied(&self, root: &BuildRoot) -> Result<Room, InstallError> {
        let room = Room::empty(root).map_err(failed)?;
        let copy = room.filled_from(self.room.tree(), SOURCE).deadline(PATIENCE);
        let done = root.run(copy)?;
        if done.outcome.success() { Ok(room) } else { Err(failed(io::Error::other(why(&done.stderr.text())))) }
    }

    fn install(&mut self, packages: &[&Offer]) -> Result<(), InstallError> {
        let names: Vec<String> = (0..packages.len()).map(|number| format!("{PACKAGES}/{number}.rpm")).collect();
        for (number, offer) in packages.iter().enumerate() {
            std::fs::copy(&offer.file, self.room.packages().join(format!("{number}.rpm")))
                .map_err(|source| InstallError::Package { package: offer.file.clone(), source })?;
        }
        let arguments: Vec<&str> =
            ANYWHERE.into_iter().chain(["--force", "--install"]).chain(names.iter().map(String::as_str)).collect();
        let patience = PATIENCE + PATIENCE_FOR_EACH.saturating_mul(u32::try_from(packages.len()).unwrap_or(u32::MAX));
        let said = self.root.run(self.room.rpm(&arguments).deadline(patience))?.stderr.text();
        // How rpm ends depends on its version: since 6.0 it is an error when a %post fails, and the package is installed.
        let installed = self.root.run(self.room.rpm(&["--query", "--all", "--queryformat", "x"]).deadline(PATIENCE))?;
        if installed.stdout.bytes().len() < packages.len() {
            return Err(InstallError::Incomplete(why(&said)));
        }
        let complaints = said.lines().filter(|line| line.starts_with("warning: ") || line.starts_with("error: "));
        self.complaints = complaints.take(MOST_LINES).map(|line| escape(line.as_bytes())).collect();
        for number in 0..packages.len() {
            let _is_removed_with_the_room = std::fs::remove_file(self.room.packages().join(format!("{number}.rpm")));
        }
        Ok(())
    }
}

/// It has no name, as other trees have.
fn failed(source: io::Error) -> InstallError {
    InstallError::Tree { tree: PathBuf::from("with what is required"), source }
}

/// Makes the links of a merged `/usr` that no package brings.
fn merge(tree: &Path, packages: &[&Offer]) -> io::Result<()> {
    let is_brought = |path: &str| packages.iter().any(|offer| offer.files.iter().any(|file| file == path));
    for name in MERGED {
        if is_brought(&format!("/{name}")) {
            continue;
        }
        if !is_brought(&format!("/usr/{name}")) {
            std::fs::create_dir_all(tree.join("usr").join(name))?;
        }
        symlink(format!("usr/{name}"), tree.join(name))?;
    }
    Ok(())
}

/// Why it failed, by what was said, escaped.
fn why(said: &str) -> String {
    escape(said::why(said).unwrap_or("it said nothing").as_bytes())
}
