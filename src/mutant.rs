//! What can be wrong with a build root, and which clauses must notice.
//!
//! A mutant is one step away from a profile. It is described in words, changes the plan or the launch, and names
//! the exact set of clauses it breaks, so that a check which cannot fail is found out.

mod capabilities;
mod covers;
mod devices;
mod edit;
mod hardened;
mod launch;
mod limits;
mod mounts;
mod namespaces;
mod payload;
mod process;
mod settings;
mod strangers;
mod tree;

use crate::buildroot::Invocation;
use crate::plan::Plan;
use crate::profile::Profile;

/// One step away from a profile.
#[derive(Debug, Clone, Copy)]
pub struct Mutant {
    /// A name, stable.
    pub id: &'static str,
    /// What is wrong, in words.
    pub says: &'static str,
    /// What is changed.
    pub change: Change,
    /// The clauses that break in each profile it is a mutant of, sorted.
    pub breaks: &'static [(Profile, &'static [&'static str])],
}

/// What a mutant changes.
#[derive(Debug, Clone, Copy)]
pub enum Change {
    /// What is built.
    Plan(fn(&mut Plan)),
    /// How it is started.
    Launch(fn(Invocation) -> Invocation),
    /// What the payload's process does to itself before it looks: what neither plan nor launch has a word for.
    First(&'static str),
}

impl Mutant {
    /// Every mutant there is, by what it is about.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        let tables = [
            namespaces::MUTANTS,
            tree::MUTANTS,
            mounts::MUTANTS,
            strangers::MUTANTS,
            devices::MUTANTS,
            payload::MUTANTS,
            settings::MUTANTS,
            launch::MUTANTS,
            process::MUTANTS,
            limits::MUTANTS,
            covers::MUTANTS,
            capabilities::MUTANTS,
            hardened::MUTANTS,
        ];
        tables.into_iter().flatten()
    }

    /// The clauses of `profile` that must break; `None` if it is no mutant of that profile.
    pub fn breaks(&self, profile: Profile) -> Option<&'static [&'static str]> {
        let row = |wanted| self.breaks.iter().find(|(of, _)| *of == wanted).map(|(_, clauses)| *clauses);
        let instead = || hardened::INSTEAD.iter().find(|(id, _)| *id == self.id).map(|(_, clauses)| *clauses);
        match profile {
            Profile::OsbuildV19 | Profile::OsbuildV190 => row(profile),
            // It is v190 but for what it says, and so are its clauses.
            Profile::Hardened => row(profile).or_else(|| instead().unwrap_or_else(|| row(Profile::OsbuildV190))),
        }
    }
}

/// The same clauses in both profiles of osbuild.
const fn both(clauses: &'static [&'static str]) -> [(Profile, &'static [&'static str]); 2] {
    [(Profile::OsbuildV19, clauses), (Profile::OsbuildV190, clauses)]
}
