//! The packages at hand: found in directories, read up to their payload, and asked who provides what.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::capability::{Capability, merged};
use super::offer::Offer;
use crate::parallel::{in_parallel, processors};
use crate::rpm::package::PackageError;

/// How deep directories are searched: a repository has its packages in `Packages/a`.
const DEEPEST: usize = 8;
/// The most packages that are read. Fedora has some 75,000 for an architecture.
const MOST: usize = 200_000;
/// The most bytes that are kept of all of them.
const MOST_BYTES: usize = 1 << 30;

/// Packages to choose from.
#[derive(Debug, Default)]
pub struct AtHand {
    offers: Vec<Offer>,
    /// Package and provided capability, by the capability's name.
    provided: Vec<(usize, usize)>,
    /// Package and file, by the file's path.
    brought: Vec<(usize, usize)>,
    /// Files that are no packages, and why.
    refused: Vec<(PathBuf, PackageError)>,
}

/// Why there is nothing to choose from.
#[derive(Debug, thiserror::Error)]
pub enum AtHandError {
    /// A directory can't be searched.
    #[error("look for packages in {}", .directory.display())]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is none.
    #[error("no package is at hand in {}: there is no file in it whose name ends in .rpm", .0.display())]
    Nothing(PathBuf),
    /// There are too many.
    #[error("more packages are at hand than the {MOST} that are read: name fewer directories")]
    TooMany,
    /// They have too much to say.
    #[error("the packages at hand provide and require more than {} MiB of text: name fewer directories", MOST_BYTES >> 20)]
    TooMuch,
}

impl AtHand {
    /// Those in these directories and below, and these files. A file that is no package is [refused](Self::refused), and no
    /// error.
    ///
    /// # Errors
    /// See [`AtHandError`].
    pub fn read(directories: &[PathBuf], files: &[PathBuf]) -> Result<Self, AtHandError> {
        let mut found = BTreeSet::new();
        for directory in directories {
            let before = found.len();
            search(directory, &mut found)?;
            if found.len() == before && !found.iter().any(|file| file.starts_with(directory)) {
                return Err(AtHandError::Nothing(directory.clone()));
            }
        }
        found.extend(files.iter().cloned());
        let found: Vec<PathBuf> = found.into_iter().collect();
        let taken = AtomicUsize::new(0);
        let read = in_parallel(&found, processors(), |file| {
            // What is too much is not kept until everything is read.
            let is_room = taken.load(Ordering::Relaxed) <= MOST_BYTES;
            let offer = is_room.then(|| Offer::read(file));
            if let Some(Ok(offer)) = &offer {
                taken.fetch_add(offer.size(), Ordering::Relaxed);
            }
            offer
        });
        let (mut offers, mut refused) = (Vec::new(), Vec::new());
        for (file, read) in found.into_iter().zip(read) {
            match read.ok_or(AtHandError::TooMuch)? {
                Ok(offer) => offers.push(offer),
                Err(why) => refused.push((file, why)),
            }
        }
        offers.retain(|offer| offer.arch != "src");
        add_unusual_files(&mut offers);
        Ok(Self { refused, ..Self::of(offers) })
    }

    /// These.
    pub fn of(offers: Vec<Offer>) -> Self {
        let every = |count: fn(&Offer) -> usize| {
            let numbered = offers.iter().enumerate();
            numbered.flat_map(move |(at, offer)| (0..count(offer)).map(move |part| (at, part))).collect::<Vec<_>>()
        };
        let mut provided = every(|offer| offer.provides.len());
        provided.sort_by_key(|&(at, part)| &offers[at].provides[part].name);
        let mut brought = every(|offer| offer.files.len());
        brought.sort_by_key(|&(at, part)| &offers[at].files[part]);
        Self { offers, provided, brought, refused: Vec::new() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.offers.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.offers.is_empty()
    }

    /// The one of this number.
    pub fn offer(&self, at: usize) -> &Offer {
        &self.offers[at]
    }

    /// The one that was read from this file.
    pub fn of_file(&self, file: &Path) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.file == file)
    }

    /// Files that are no packages, and why.
    pub fn refused(&self) -> &[(PathBuf, PackageError)] {
        &self.refused
    }

    /// The numbers of those that provide this, each once, in the order of their files.
    pub fn providers(&self, wanted: &Capability) -> BTreeSet<usize> {
        let name = |&(at, part): &(usize, usize)| self.offers[at].provides[part].name.as_str();
        let start = self.provided.partition_point(|one| name(one) < wanted.name.as_str());
        let named = self.provided[start..].iter().take_while(|one| name(one) == wanted.name);
        let provided = named.filter(|&&(at, part)| self.offers[at].provides[part].overlaps(wanted));
        provided.map(|(at, _)| *at).chain(self.owners(&wanted.name)).collect()
    }

    /// The numbers of those that bring this file.
    pub fn owners(&self, path: &str) -> BTreeSet<usize> {
        if !path.starts_with('/') {
            return BTreeSet::new();
        }
        let path = merged(path);
        let file = |&(at, part): &(usize, usize)| self.offers[at].files[part].as_str();
        let start = self.brought.partition_point(|one| file(one) < path.as_str());
        self.brought[start..].iter().take_while(|one| file(one) == path).map(|(at, _)| *at).collect()
    }
}

/// Adds the packages in a directory and below. Links to directories are not followed: they may lead in circles.
fn search(directory: &Path, found: &mut BTreeSet<PathBuf>) -> Result<(), AtHandError> {
    let failed = |directory: &Path, source| AtHandError::Directory { directory: directory.to_owned(), source };
    let mut waiting = vec![(directory.to_owned(), 0)];
    while let Some((directory, depth)) = waiting.pop() {
        for entry in std::fs::read_dir(&directory).map_err(|error| failed(&directory, error))? {
            let entry = entry.map_err(|error| failed(&directory, error))?;
            let path = entry.path();
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_directory && depth < DEEPEST {
                waiting.push((path, depth + 1));
            } else if !is_directory && path.extension().is_some_and(|end| end == "rpm") {
                found.insert(path);
            }
            if found.len() > MOST {
                return Err(AtHandError::TooMany);
            }
        }
    }
    Ok(())
}

/// Where somebody requires a file of another kind than is usual, all are read again for who brings it.
fn add_unusual_files(offers: &mut [Offer]) {
    let wanted: HashSet<String> = offers.iter().flat_map(Offer::unusual).collect();
    if wanted.is_empty() {
        return;
    }
    // One that can't be read again brings none: who requires the file will say so.
    let more = in_parallel(offers, processors(), |offer| Offer::files_of(&offer.file, &wanted).unwrap_or_default());
    for (offer, files) in offers.iter_mut().zip(more) {
        offer.files.extend(files);
    }
}
