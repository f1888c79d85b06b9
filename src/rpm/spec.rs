//! What the packages of a spec will have rpm run, before anybody builds them.
//!
//! A spec is a program: what is in its `%(…)` and `%{lua:…}` is run when it is read. So it is read by the system's own rpm in
//! a build root of the profile `hardened`, without any capability, with copies of the files beside it, and with limits on
//! everything. There is no other way.
//!
//! rpm tells of a spec only a part of what its packages will have: no trigger, and no requirement of a scriptlet's program.
//! What it does tell is the spec with every macro expanded and every condition decided. That without what takes a build (see
//! `skeleton`) is a spec too, and rpmbuild makes packages of it that have no files, and every scriptlet as it will be.

mod beside;
mod error;
mod lines;
mod macros;
mod run;
mod skeleton;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use error::SpecError;
pub use lines::Lines;
pub use macros::Missing;
pub use skeleton::SkeletonError;

use super::package::Package;
use crate::arch::Architecture;
use crate::buildroot::BuildRoot;
use crate::capability::CapabilitySet;
use crate::facts::text;
use crate::plan::CapabilityPolicy;
use crate::profile::Profile;
use run::{SIZE, taken_apart};

/// How long reading may take, each time rpm is asked: enough for the largest specs there are.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The most packages that a spec may make.
const MOST_PACKAGES: usize = 512;
/// How many processes there may be at a time.
const PROCESSES: u32 = 256;
/// The spec's directory, that of its sources, and the skeleton's, in the build root.
const SPECS: &str = "/run/osbuild/inputs/spec";
const SOURCES: &str = "/run/osbuild/inputs/sources";
const SKELETONS: &str = "/run/osbuild/inputs/skeleton";

/// Has rpm print the spec `$1` for the architecture `$2`, expanded. `$3` is the directory of specs, `$4` that of sources.
///
/// In rpm 4.18 the heading that follows `%prep` is lost (`STRIP_PARSED`, rpm `build/parsePrep.c`); any other section that
/// nothing comes of will do in its place.
const PARSE: &str = r#"exec rpmspec --define '_tmppath /tmp' --define 'prep(ap) %%sepolicy' \
    --define "_specdir $3" --define "_sourcedir $4" --target "$2-linux" --parse "$1""#;
/// Has rpm make packages of the spec `$1` for the architecture `$2`, and prints each with its size in a line before it.
const BUILD: &str = r#"rpmbuild -bb --quiet --nodeps --target "$2-linux" --define '_tmppath /tmp' \
    --define '_rpmdir /tmp/packages' --define '_rpmfilename %%{NAME}.rpm' --define '_binary_payload w.ufdio' \
    --define 'debug_package %{nil}' --define '__check_files %{nil}' --define '_buildhost localhost' "$1" >&2 || exit
for package in /tmp/packages/*.rpm; do wc -c < "$package" && cat "$package" || exit; done"#;
/// Has rpm say which version it is, and expand `$1`.
const EXPAND: &str = r#"rpmspec --version && exec rpmspec --eval "$1""#;

/// Whether a file is a spec, by its name.
pub fn is_spec(file: &Path) -> bool {
    file.extension() == Some(OsStr::new("spec"))
}

/// A spec, in an open build root.
#[derive(Debug)]
pub struct Spec {
    root: BuildRoot,
    name: OsString,
    text: Vec<u8>,
    patience: Duration,
    copies: Copies,
}

/// Directories of the host that the build root shows.
#[derive(Debug)]
struct Copies {
    specs: PathBuf,
    sources: PathBuf,
    skeletons: PathBuf,
    empty: PathBuf,
}

impl Copies {
    /// Makes them in `scratch`, with copies of what is beside the spec `file`, and `text` as its copy.
    fn make(scratch: &Path, file: &Path, text: &[u8]) -> io::Result<Self> {
        let [specs, mut sources, skeletons, empty] =
            ["spec", "sources", "skeleton", "empty"].map(|name| scratch.join(name));
        for directory in [&specs, &sources, &skeletons, &empty] {
            fs::create_dir(directory)?;
        }
        let (name, directory) = (file.file_name().unwrap_or_default(), file.parent().unwrap_or(Path::new("/")));
        beside::copy(directory, &specs, name)?;
        fs::write(specs.join(name), text)?;
        match beside::sources(directory) {
            Some(apart) => beside::copy(&apart, &sources, name)?,
            None => sources.clone_from(&specs),
        }
        Ok(Self { specs, sources, skeletons, empty })
    }
}

/// What rpm says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// Its version, escaped: `4.18.0`.
    pub version: String,
    /// Macros that the spec uses, others' rpms have, and it has not.
    pub missing: Vec<Missing>,
}

impl Spec {
    /// Opens a build root with copies of the spec `file` and of what lies beside it. It is read by the rpm of `system`, a
    /// system's root directory, which may take as long as `patience` each time it is asked.
    ///
    /// # Errors
    /// There is no rpm that reads specs, no such spec, or no build root.
    pub fn open(system: &Path, file: &Path, patience: Duration) -> Result<Self, SpecError> {
        if !["rpmspec", "rpmbuild"].iter().all(|program| system.join("usr/bin").join(program).exists()) {
            return Err(SpecError::NoRpm(system.to_owned()));
        }
        let file = file.canonicalize().map_err(SpecError::Spec)?;
        let text = beside::spec(&file).map_err(SpecError::Spec)?;
        let root = BuildRoot::builder(system)
            .profile(Profile::Hardened)
            .capabilities(CapabilityPolicy::List(CapabilitySet::EMPTY))
            .tmpfs_size(SIZE)
            .pids(PROCESSES)
            .open()?;
        let [_, scratch] = root.scratch();
        let copies = Copies::make(scratch, &file, &text).map_err(SpecError::Copy)?;
        let name = file.file_name().unwrap_or_default().to_owned();
        Ok(Self { root, name, text, patience, copies })
    }

    /// Which rpm it is, and what it does not know.
    ///
    /// # Errors
    /// It could not be run.
    pub fn reader(&self) -> Result<Reader, SpecError> {
        let said = self.run(EXPAND, &[macros::question(&self.text).as_ref()])?;
        let said = String::from_utf8_lossy(&said);
        let (version, rest) = said.split_once('\n').unwrap_or_default();
        let version = version.rsplit(' ').next().unwrap_or_default();
        Ok(Reader { version: text::escape(version.as_bytes()), missing: macros::answer(rest) })
    }

    /// The packages that it makes for an architecture, without files, and without what rpm would add because of those.
    ///
    /// # Errors
    /// rpm can't read it, or what it says has no end.
    pub fn packages(&self, arch: &Architecture) -> Result<Vec<Package>, SpecError> {
        let spec = Path::new(SPECS).join(&self.name);
        let parsed = self.run(PARSE, &[spec.as_ref(), arch.rpm.as_ref(), SPECS.as_ref(), SOURCES.as_ref()])?;
        let skeleton = skeleton::of(&parsed)?;
        match skeleton.packages {
            0 => return Err(SpecError::NoPackage),
            many if many > MOST_PACKAGES => return Err(SpecError::TooMany { many, most: MOST_PACKAGES }),
            _ => {}
        }
        fs::write(self.copies.skeletons.join("skeleton.spec"), skeleton.text).map_err(SpecError::Copy)?;
        let spec = Path::new(SKELETONS).join("skeleton.spec");
        let built = self.run(BUILD, &[spec.as_ref(), arch.rpm.as_ref()])?;
        taken_apart(&built)
    }

    /// Where the lines of its scripts are.
    pub fn lines(&self) -> Lines {
        Lines::of(&self.text)
    }

    /// Takes the build root down.
    ///
    /// # Errors
    /// Something is left of it.
    pub fn close(self) -> Result<(), SpecError> {
        Ok(self.root.close()?)
    }
}
