//! A package at hand: what it is called, what it requires and provides, and which files it brings.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use super::capability::{Capability, MERGED, merged};
use super::rich::Rich;
use crate::facts::text::escape;
use crate::rpm::header;
use crate::rpm::package::{Header, PROVIDE_NAME, PackageError, REQUIRE_FLAGS, REQUIRE_NAME};

const REQUIRE_VERSION: u32 = 1050;
const PROVIDE_FLAGS: u32 = 1112;
const PROVIDE_VERSION: u32 = 1113;
/// A path is the name and the directory of this number.
const DIRECTORY_NUMBERS: u32 = 1116;
const NAMES: u32 = 1117;
const DIRECTORIES: u32 = 1118;

/// RPMSENSE_MISSINGOK, RPMLIB and CONFIG: what may be missing, what rpm itself has to be able to do, and what a package
/// requires of itself.
const OTHERS: u32 = 1 << 19 | 1 << 24 | 1 << 28;

/// A package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer {
    /// Its file.
    pub file: PathBuf,
    /// Its name.
    pub name: String,
    /// Epoch if there is one, version and release.
    pub version: String,
    /// Its architecture as rpm spells it.
    pub arch: String,
    /// What it requires of others.
    pub requires: Vec<Capability>,
    /// What it provides.
    pub provides: Vec<Capability>,
    /// Those of its files that matter, [merged].
    pub files: Vec<String>,
}

/// Which files of a package matter.
#[derive(Debug, Clone, Copy)]
pub enum Files<'a> {
    /// Those that are usually asked for: programs, what is in `/etc`, the directories of `/`.
    Usual,
    /// Those that somebody requires besides.
    These(&'a HashSet<String>),
}

impl Files<'_> {
    fn has(self, path: &str) -> bool {
        match self {
            Self::Usual => is_usual(path),
            Self::These(paths) => paths.contains(path),
        }
    }
}

/// Whether a path is one of those that repositories tell of all packages, and so all that others should require
/// (createrepo_c, `cr_is_primary`), or one of those that lie in `/` itself.
fn is_usual(path: &str) -> bool {
    let is_top = || MERGED.iter().any(|name| path.strip_prefix('/') == Some(name));
    path.starts_with("/etc/") || path.contains("bin/") || path == "/usr/lib/sendmail" || path == "/usr/sbin" || is_top()
}

impl Offer {
    /// Reads a package up to its payload.
    ///
    /// # Errors
    /// It is no plain file, can't be read, or is no package.
    pub fn read(file: &Path) -> Result<Self, PackageError> {
        let bytes = bytes(file)?;
        Ok(Self { file: file.to_owned(), ..Self::parse(&bytes)? })
    }

    /// A package of its bytes up to the payload, with the usual files.
    ///
    /// # Errors
    /// They can't be decoded.
    pub fn parse(bytes: &[u8]) -> Result<Self, PackageError> {
        let header = Header::parse(bytes)?;
        let [name, version, arch] = header.names()?;
        let mut requires = capabilities(&header, [REQUIRE_NAME, REQUIRE_FLAGS, REQUIRE_VERSION])?;
        requires.retain(|one| one.flags & OTHERS == 0 && !one.name.starts_with("rpmlib("));
        let provides = capabilities(&header, [PROVIDE_NAME, PROVIDE_FLAGS, PROVIDE_VERSION])?;
        let files = files(&header, Files::Usual)?;
        Ok(Self { file: PathBuf::new(), name, version, arch, requires, provides, files })
    }

    /// Reads which of these files it brings.
    ///
    /// # Errors
    /// See [`Self::read`].
    pub fn files_of(file: &Path, which: &HashSet<String>) -> Result<Vec<String>, PackageError> {
        files(&Header::parse(&bytes(file)?)?, Files::These(which))
    }

    /// Whether it provides this by itself.
    pub fn has(&self, wanted: &Capability) -> bool {
        self.provides.iter().any(|one| one.name == wanted.name && one.overlaps(wanted))
            || wanted.name.starts_with('/') && self.files.contains(&merged(&wanted.name))
    }

    /// Required paths, merged, that are not among the usual files.
    pub fn unusual(&self) -> impl Iterator<Item = String> {
        let parts = self.requires.iter().filter_map(Rich::of);
        let names = parts.flat_map(|rich| rich.named().into_iter().map(|one| one.name.clone()).collect::<Vec<_>>());
        names.filter(|name| name.starts_with('/')).map(|path| merged(&path)).filter(|path| !is_usual(path))
    }

    /// About how many bytes it takes.
    pub fn size(&self) -> usize {
        let capabilities = self.requires.iter().chain(&self.provides);
        let capabilities = capabilities.map(|one| size_of::<Capability>() + one.name.len() + one.version.len());
        let files = self.files.iter().map(|path| size_of::<String>() + path.len());
        size_of::<Self>() + capabilities.chain(files).sum::<usize>()
    }
}

/// As rpm prints it, escaped.
impl std::fmt::Display for Offer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&escape(format!("{}-{}.{}", self.name, self.version, self.arch).as_bytes()))
    }
}

fn bytes(file: &Path) -> Result<Vec<u8>, PackageError> {
    let unreadable = |source| PackageError::Header(header::HeaderError::Unreadable(source));
    // Whoever opens a pipe waits for its other end.
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(unreadable(io::Error::from_raw_os_error(nix::libc::EINVAL)));
    }
    Ok(header::read(&mut BufReader::new(File::open(file).map_err(unreadable)?))?)
}

fn capabilities(header: &Header, [names, flags, versions]: [u32; 3]) -> Result<Vec<Capability>, PackageError> {
    let (flags, mut versions) = (header.numbers(flags)?, header.strings(versions)?);
    let names = header.strings(names)?.into_iter().enumerate();
    let capability = |(at, name): (usize, String)| Capability {
        name,
        flags: flags.get(at).copied().unwrap_or_default(),
        version: versions.get_mut(at).map(std::mem::take).unwrap_or_default(),
    };
    Ok(names.map(capability).collect())
}

fn files(header: &Header, which: Files<'_>) -> Result<Vec<String>, PackageError> {
    let (names, numbers) = (header.strings(NAMES)?, header.numbers(DIRECTORY_NUMBERS)?);
    let directories: BTreeMap<u32, String> = (0..).zip(header.strings(DIRECTORIES)?).collect();
    let paths = names.iter().zip(&numbers).filter_map(|(name, number)| {
        let path = merged(&format!("{}{name}", directories.get(number)?));
        which.has(&path).then_some(path)
    });
    Ok(paths.collect())
}
