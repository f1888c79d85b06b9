//! Trees of what packages require for their scriptlets, made once for those that require the same.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rootcontract::arch::Architecture;
use rootcontract::profile::Profile;
use rootcontract::report::show::{line, shown};
use rootcontract::rpm::bare::Bare;
use rootcontract::rpm::closure::{AtHand, Closure, Offer};

use super::super::failure::{Failure, tell};

/// The most trees that are kept at a time.
const MOST: usize = 4;
/// The most files that are told to be no packages; the others are counted.
const MOST_REFUSED: usize = 20;

/// The packages at hand, and the trees that were made of them.
#[derive(Debug)]
pub struct Closures {
    at_hand: AtHand,
    /// The system whose rpm makes them.
    root: PathBuf,
    trees: Mutex<VecDeque<(Key, Made)>>,
}

/// Whose devices are there, and the files of the packages.
type Key = (Profile, Vec<PathBuf>);
/// A tree, or why there is none; empty while it is being made.
type Made = Arc<OnceLock<Result<Arc<Bare>, String>>>;

impl Closures {
    /// Of the packages in these directories, and those that are checked. What is no package is told.
    pub fn of(directories: &[PathBuf], checked: &[PathBuf], root: &Path) -> Result<Self, Failure> {
        let at_hand = AtHand::read(directories, checked)?;
        // Those that are checked are told where they are judged.
        let refused = || at_hand.refused().iter().filter(|(file, _)| !checked.contains(file));
        for (file, why) in refused().take(MOST_REFUSED) {
            tell(&format!("{}: not at hand: {}", shown(&file.display().to_string()), shown(&line(why))));
        }
        if let Some(more) = refused().count().checked_sub(MOST_REFUSED).filter(|more| *more > 0) {
            tell(&format!("{more} more files are no packages either"));
        }
        Ok(Self { at_hand, root: root.to_owned(), trees: Mutex::default() })
    }

    /// The packages at hand.
    pub fn at_hand(&self) -> &AtHand {
        &self.at_hand
    }

    /// What a package that is checked requires for its scriptlets.
    pub fn closure<'a>(&'a self, package: &'a Offer, arch: &'static Architecture) -> Closure<'a> {
        Closure::of(package, &self.at_hand, arch.rpm)
    }

    /// The tree of these packages, in no order.
    pub fn tree(&self, packages: &[&Offer], profile: Profile) -> Result<Arc<Bare>, String> {
        let mut files: Vec<PathBuf> = packages.iter().map(|offer| offer.file.clone()).collect();
        files.sort();
        let made = self.place(&(profile, files));
        // Who comes while it is made waits.
        made.get_or_init(|| Bare::made(&self.root, profile, packages).map(Arc::new).map_err(|error| line(&error)))
            .clone()
    }

    /// Where a tree is, or is to be. The one that has been asked for least lately makes room.
    fn place(&self, key: &Key) -> Made {
        let mut trees = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        let known = trees.iter().position(|(known, _)| known == key).and_then(|at| trees.remove(at));
        let tree = known.unwrap_or_else(|| (key.clone(), Made::default()));
        let made = Arc::clone(&tree.1);
        trees.push_front(tree);
        trees.truncate(MOST);
        made
    }
}
