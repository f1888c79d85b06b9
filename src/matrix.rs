//! Many sandboxes held to their contracts at once: every profile in every place.
//!
//! ```text
//!  flags, matrix.toml ─▶ Wanted ─▶ places ─▶ deal ─▶ check in each ─▶ one document
//! ```
//!
//! A place is a tree on this machine or a booted machine. What is asked for and not there is a place too, one in which
//! nothing can be checked: a matrix never has fewer cells than were meant.

mod file;
mod place;
mod shard;
mod witness;

use std::path::PathBuf;

use glob::Pattern;

use crate::arch::{self, Architecture};
use crate::profile::Profile;

pub use file::SCHEMA;
pub use place::{Ground, Missing, Place, SamePlace, workshop};
pub use shard::{NoShard, Part};
pub use witness::{Doubt, Expected, believed};

/// What was asked for. Whatever is empty means all there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The profiles.
    pub profiles: Vec<Profile>,
    /// The architectures whose usual places are meant.
    pub architectures: Vec<&'static Architecture>,
    /// Which of the usual places are meant.
    pub usual: Vec<Usual>,
    /// Directories of trees.
    pub trees: Vec<PathBuf>,
    /// Directories of machines.
    pub machines: Vec<PathBuf>,
    /// What trees are built with, each with every one of these; empty: the first bubblewrap in PATH. Machines have their
    /// own.
    pub bwraps: Vec<PathBuf>,
    /// What clauses have to match.
    pub only: Vec<Pattern>,
}

/// The usual places of an architecture: where `ci/tree` and `ci/machine` put what they make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usual {
    /// The tree `target/trees/ARCH`.
    Trees,
    /// The machines `target/machines/ARCH-*`.
    Machines,
}

impl Usual {
    /// Each with its word.
    pub const ALL: [(&'static str, Self); 2] = [("trees", Self::Trees), ("machines", Self::Machines)];
}

/// What stands for all architectures that are gated.
pub const ALL: &str = "all";

/// The architectures that a word names: one, or for [`ALL`] those that CI gates on.
pub fn architectures(word: &str) -> Option<Vec<&'static Architecture>> {
    match word {
        ALL => Some(gated()),
        name => arch::named(name).map(|arch| vec![arch]),
    }
}

fn gated() -> Vec<&'static Architecture> {
    arch::GATED.iter().filter_map(|name| arch::named(name)).collect()
}

impl Wanted {
    /// Both together, nothing twice: first what is asked for here.
    #[must_use]
    pub fn and(mut self, more: Self) -> Self {
        add(&mut self.profiles, more.profiles);
        add(&mut self.architectures, more.architectures);
        add(&mut self.usual, more.usual);
        add(&mut self.trees, more.trees);
        add(&mut self.machines, more.machines);
        add(&mut self.bwraps, more.bwraps);
        add(&mut self.only, more.only);
        self
    }

    /// With what is meant where nothing is said.
    #[must_use]
    pub fn or_all(mut self) -> Self {
        if self.profiles.is_empty() {
            self.profiles = Profile::OSBUILD.to_vec();
        }
        if self.usual.is_empty() {
            self.usual = Usual::ALL.map(|(_, usual)| usual).to_vec();
        }
        if self.architectures.is_empty() && self.trees.is_empty() && self.machines.is_empty() {
            match self.bwraps.is_empty() {
                true => self.architectures = gated(),
                // Bubblewraps are compared on this machine.
                false => self.trees = vec!["/".into()],
            }
        }
        self
    }
}

fn add<T: PartialEq>(to: &mut Vec<T>, more: Vec<T>) {
    for one in more {
        if !to.contains(&one) {
            to.push(one);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_twice_is_there_once() {
        let trees = |names: &[&str]| Wanted { trees: names.iter().map(PathBuf::from).collect(), ..Wanted::default() };
        assert_eq!(trees(&["a", "b"]).and(trees(&["b", "c", "c"])), trees(&["a", "b", "c"]));
    }

    #[test]
    fn where_nothing_is_said_all_that_is_gated_is_meant() {
        let all = Wanted::default().or_all();
        assert_eq!(all.architectures.iter().map(|arch| arch.name).collect::<Vec<_>>(), arch::GATED);
        assert_eq!((all.profiles.as_slice(), all.usual.len()), (&Profile::OSBUILD[..], 2));
        assert_eq!(architectures(ALL), Some(all.architectures));
    }

    #[test]
    fn bubblewraps_without_a_place_are_tried_on_this_machine() {
        let all = Wanted { bwraps: vec!["a/bwrap".into()], ..Wanted::default() }.or_all();
        assert_eq!((all.trees, all.architectures.len()), (vec!["/".into()], 0));
    }

    #[test]
    fn a_place_that_is_named_stands_for_itself() {
        let named = Wanted { trees: vec!["tree".into()], ..Wanted::default() }.or_all();
        assert!(named.architectures.is_empty());
    }
}
