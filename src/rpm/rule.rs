//! The rules: what scriptlets assume, one for each assumption that is known to break.
//!
//! A rule says what it sees in a script, and what it [rests on](Rests): a need, which a contract promises or denies. Ids are
//! stable, as those of clauses are.

use super::finding::{Effect, Place};
use super::ground::{Answer, Ground, Need, Standing};
use super::package::Package;
use super::reading::Unread;
use super::rules;
use super::scriptlet::Scriptlet;
use super::shell::{Act, Walked};

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub id: &'static str,
    /// Which entries of the catalogue of assumptions it stands for, 1 to 57; none: rpm's own semantics.
    pub catalogue: &'static [u8],
    /// What is assumed, in a sentence.
    pub says: &'static str,
    /// Why it is not so.
    pub why: &'static str,
    /// What osbuild does then.
    pub then: &'static str,
    /// What to write instead.
    pub instead: &'static str,
    /// What it follows from.
    pub rests: Rests,
    /// Where the assumption is made.
    pub sees: Sees,
}

/// What a finding follows from.
#[derive(Debug, Clone, Copy)]
pub enum Rests {
    /// On rpm and the shell, whatever the room is.
    Rpm(Effect),
    /// On this need: where it is met there is no finding.
    Without(Need, Effect),
    /// On this need: where it is not met there is no finding.
    With(Need, Effect),
    /// On this attempt: where it succeeds it changes the machine that builds, where not it fails.
    Reaches(Need),
    /// On this attempt, and where it succeeds on this namespace: what is changed is the namespace's.
    ReachesIn(Need, Need),
    /// On this namespace: where it is the host's, the host is changed; where not, nothing outside is.
    Shares(Need),
}

/// Where a rule looks.
#[derive(Clone, Copy)]
pub enum Sees {
    /// At each command.
    Act(fn(&Act) -> bool),
    /// At each command, knowing the scriptlet and its package.
    ActOf(fn(&Act, &Scene<'_>) -> bool),
    /// At the scriptlet as a whole.
    Scene(fn(&Scene<'_>) -> Vec<Seen>),
}

impl std::fmt::Debug for Sees {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Act(_) => "Act",
            Self::ActOf(_) => "ActOf",
            Self::Scene(_) => "Scene",
        })
    }
}

/// A scriptlet of a package, gone through in a scenario.
#[derive(Debug)]
pub struct Scene<'package> {
    /// The package.
    pub package: &'package Package,
    /// The scriptlet.
    pub scriptlet: &'package Scriptlet,
    /// What it comes to; nothing where its language is not read.
    pub walked: &'package Walked,
    /// Why it could not be read, if it could not.
    pub unread: Option<Unread>,
}

/// Something that a rule about whole scriptlets sees.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// Where, if it has a place.
    pub place: Option<Place>,
    /// What comes of it, if that is not what the rule says.
    pub effect: Option<Effect>,
}

impl Seen {
    /// The scriptlet as such.
    pub const WHOLE: Self = Self { place: None, effect: None };

    /// A place in it.
    pub fn at(place: Place) -> Self {
        Self { place: Some(place), effect: None }
    }
}

/// What comes of an assumption in one room.
#[derive(Debug, Clone, Copy)]
pub struct Consequence<'contract> {
    /// What comes of it.
    pub effect: Effect,
    /// The clause it follows from; none: from rpm alone, or the contract is silent.
    pub clause: Option<&'contract crate::contract::Clause>,
}

impl Rule {
    /// What comes of the assumption, by what a contract says; nothing where the assumption is right.
    pub fn consequence<'contract>(&self, ground: &Ground<'contract>) -> Option<Consequence<'contract>> {
        let (need, met, unmet) = match self.rests {
            Rests::Rpm(effect) => return Some(Consequence { effect, clause: None }),
            Rests::Without(need, effect) => (need, None, Some(effect)),
            Rests::With(need, effect) => (need, Some(effect), None),
            Rests::ReachesIn(attempt, own) if matches!(ground.answer(attempt).standing, Standing::Met) => {
                (own, Some(Effect::Skipped), Some(Effect::Host))
            }
            Rests::ReachesIn(attempt, _) | Rests::Reaches(attempt) => {
                (attempt, Some(Effect::Host), Some(Effect::Fails))
            }
            Rests::Shares(need) => (need, Some(Effect::Skipped), Some(Effect::Host)),
        };
        let Answer { standing, clause } = ground.answer(need);
        let effect = match standing {
            Standing::Met => met,
            Standing::Unmet => unmet,
            Standing::Unsaid => Some(Effect::Unjudged),
        };
        Some(Consequence { effect: effect?, clause })
    }
}

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    rules::FAMILIES.iter().copied().flatten()
}

/// The rule of this name.
pub fn named(id: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.id == id)
}
