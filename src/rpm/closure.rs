//! What has to be in a tree before a package's scriptlets run, chosen from the packages at hand.
//!
//! rpm promises a scriptlet what the package requires for it: `Requires(pre)`, `Requires(post)` and their like, and its
//! interpreter. What is required without a moment mostly comes before as well, but where requirements go in a circle that is
//! the one rpm gives up (`docs/manual/more_dependencies.md`), so a scriptlet that needs it works by luck. The closure is
//! therefore what the package requires for any of its scriptlets, and everything, moment or no moment, that those packages
//! require in turn: they are installed, and have to work. What is only recommended is left out, and who conflicts with whom
//! is not asked.
//!
//! Nothing is weighed. Where several packages provide the same, one that is there already will do; else the one that is
//! called like what is required, the shortest name, the first by alphabet, the newest version. That there was a choice is
//! told, and so is everything that nobody provides.

mod at_hand;
mod capability;
mod offer;
mod rich;
#[cfg(test)]
mod tests;
pub mod told;

use std::cmp::Reverse;
use std::collections::{BTreeSet, VecDeque};

use rpm_version::Evr;

pub use at_hand::{AtHand, AtHandError};
pub(super) use capability::MERGED;
pub use capability::{Capability, merged};
pub use offer::Offer;
pub use rich::Rich;

use super::scriptlet::Slot;

/// The most packages that a tree is made of.
const MOST: usize = 2000;
/// RPMSENSE bits that say for which scriptlet something is required. rpm, `include/rpm/rpmds.h`.
const MOMENTS: [(Slot, u32); 8] = [
    (Slot::Pretrans, 1 << 7),
    (Slot::Pre, 1 << 9),
    (Slot::Post, 1 << 10),
    (Slot::Preun, 1 << 11),
    (Slot::Postun, 1 << 12),
    (Slot::Posttrans, 1 << 5),
    (Slot::Preuntrans, 1 << 20),
    (Slot::Postuntrans, 1 << 21),
];
/// RPMSENSE_INTERP, which triggers' interpreters have, and RPMSENSE_PREREQ, which rpm has long read as `Requires(pre)`.
const INTERPRETER: u32 = 1 << 8;
const PREREQUISITE: u32 = 1 << 6;

/// What is to be in the tree.
#[derive(Debug)]
pub struct Closure<'a> {
    /// The packages, in the order in which they were found to be needed.
    pub packages: Vec<&'a Offer>,
    /// Where one was taken and others would have done.
    pub choices: Vec<Choice<'a>>,
    /// What nobody provides. Where there is something the tree is not what the package requires.
    pub missing: Vec<Missing<'a>>,
}

/// One of several.
#[derive(Debug, PartialEq, Eq)]
pub struct Choice<'a> {
    /// What was required.
    pub wanted: String,
    /// Who was taken.
    pub taken: &'a Offer,
    /// The best of the others, of another name.
    pub instead_of: &'a Offer,
}

/// Something that is required and not to be had.
#[derive(Debug, PartialEq, Eq)]
pub struct Missing<'a> {
    /// What is required.
    pub wanted: String,
    /// Who requires it.
    pub by: &'a Offer,
    /// For which scriptlets, if it is the package itself.
    pub moments: Vec<Slot>,
    /// Why it is not to be had.
    pub why: Why<'a>,
}

/// Why something is not to be had.
#[derive(Debug, PartialEq, Eq)]
pub enum Why<'a> {
    /// No package at hand provides it.
    Nobody,
    /// One does, and another version of that package has been chosen for somebody else.
    Taken(&'a Offer),
    /// What is meant can't be told.
    Unread,
    /// There are too many packages already.
    Full,
}

/// For which scriptlets a package requires this.
fn moments(flags: u32) -> Vec<Slot> {
    MOMENTS.iter().filter(|(_, bit)| flags & bit != 0).map(|(slot, _)| *slot).collect()
}

/// Whether it has to be there before a scriptlet runs.
fn is_for_scriptlets(required: &Capability) -> bool {
    !moments(required.flags).is_empty() || required.flags & (INTERPRETER | PREREQUISITE) != 0
}

impl<'a> Closure<'a> {
    /// What a package requires for its scriptlets, on an architecture as rpm spells it.
    pub fn of(package: &'a Offer, at_hand: &'a AtHand, arch: &'a str) -> Self {
        let mut search =
            Search { package, at_hand, arch, chosen: BTreeSet::new(), waiting: VecDeque::new(), found: Self::empty() };
        let required = package.requires.iter().filter(|required| is_for_scriptlets(required));
        search.waiting.extend(required.map(|required| (required, package)));
        search.go();
        search.found
    }

    fn empty() -> Self {
        Self { packages: Vec::new(), choices: Vec::new(), missing: Vec::new() }
    }
}

/// What is known so far.
struct Search<'a> {
    package: &'a Offer,
    at_hand: &'a AtHand,
    arch: &'a str,
    /// The numbers of the packages that have been taken.
    chosen: BTreeSet<usize>,
    /// What has not been looked at, and who requires it.
    waiting: VecDeque<(&'a Capability, &'a Offer)>,
    found: Closure<'a>,
}

impl<'a> Search<'a> {
    fn go(&mut self) {
        // What depends on others being there is looked at when they are, until nothing changes.
        let mut conditions: Vec<(Rich, &'a Capability, &'a Offer)> = Vec::new();
        loop {
            while let Some((required, by)) = self.waiting.pop_front() {
                match Rich::of(required) {
                    None => self.miss(required, by, Why::Unread),
                    Some(rich @ Rich::If(..)) => conditions.push((rich, required, by)),
                    Some(rich) => self.need(&rich, required, by),
                }
            }
            let (due, rest): (Vec<_>, Vec<_>) = conditions.into_iter().partition(|(rich, _, _)| !self.holds(rich));
            conditions = rest;
            for (rich, required, by) in &due {
                self.need(rich, required, by);
            }
            if due.is_empty() {
                return;
            }
        }
    }

    /// Sees to it that this holds; what can't be had is told.
    fn need(&mut self, rich: &Rich, required: &Capability, by: &'a Offer) {
        if self.holds(rich) {
            return;
        }
        match rich {
            Rich::Plain(wanted) => self.take(self.able(wanted), wanted, by, required),
            Rich::All(parts) => parts.iter().for_each(|part| self.need(part, required, by)),
            Rich::Any(parts) => {
                let part = parts.iter().find(|part| self.can_hold(part)).or(parts.first());
                part.into_iter().for_each(|part| self.need(part, required, by));
            }
            Rich::With(parts) => self.take(self.able_all(parts), &parts[0], by, required),
            Rich::Without(one, other) => {
                let unwanted = self.at_hand.providers(other);
                let able = self.able(one).difference(&unwanted).copied().collect();
                self.take(able, one, by, required);
            }
            Rich::If(parts, otherwise) => {
                let [then, condition] = &**parts;
                let part = if self.holds(condition) { Some(then) } else { otherwise.as_deref() };
                part.into_iter().for_each(|part| self.need(part, required, by));
            }
        }
    }

    /// Whether it holds with what has been taken, and the package itself.
    fn holds(&self, rich: &Rich) -> bool {
        match rich {
            Rich::Plain(wanted) => {
                self.package.has(wanted) || !self.at_hand.providers(wanted).is_disjoint(&self.chosen)
            }
            Rich::All(parts) => parts.iter().all(|part| self.holds(part)),
            Rich::Any(parts) => parts.iter().any(|part| self.holds(part)),
            Rich::With(parts) => {
                parts.iter().all(|part| self.package.has(part)) || !self.able_all(parts).is_disjoint(&self.chosen)
            }
            Rich::Without(one, other) => {
                let unwanted = self.at_hand.providers(other);
                self.package.has(one) && !self.package.has(other)
                    || self.at_hand.providers(one).difference(&unwanted).any(|at| self.chosen.contains(at))
            }
            Rich::If(parts, otherwise) => {
                let [then, condition] = &**parts;
                let part = if self.holds(condition) { Some(then) } else { otherwise.as_deref() };
                part.is_none_or(|part| self.holds(part))
            }
        }
    }

    /// Whether there are packages with which it would hold.
    fn can_hold(&self, rich: &Rich) -> bool {
        match rich {
            Rich::Plain(wanted) => self.holds(rich) || !self.able(wanted).is_empty(),
            Rich::All(parts) => parts.iter().all(|part| self.can_hold(part)),
            Rich::Any(parts) => parts.iter().any(|part| self.can_hold(part)),
            Rich::With(parts) => !self.able_all(parts).is_empty(),
            Rich::Without(one, _) => !self.able(one).is_empty(),
            Rich::If(..) => true,
        }
    }

    /// The packages that provide this on the architecture, and could be taken.
    fn able(&self, wanted: &Capability) -> BTreeSet<usize> {
        let mut able = self.at_hand.providers(wanted);
        able.retain(|&at| {
            let offer = self.at_hand.offer(at);
            let is_other = offer.name != self.package.name;
            is_other && (offer.arch == self.arch || offer.arch == "noarch")
        });
        able
    }

    fn able_all(&self, wanted: &[Capability]) -> BTreeSet<usize> {
        let able = wanted.iter().map(|one| self.able(one));
        able.reduce(|one, other| &one & &other).unwrap_or_default()
    }

    /// Takes the best of these, with everything that it requires.
    fn take(&mut self, able: BTreeSet<usize>, wanted: &Capability, by: &'a Offer, required: &Capability) {
        let at_hand = self.at_hand;
        let mut able: Vec<(usize, &'a Offer)> = able.into_iter().map(|at| (at, at_hand.offer(at))).collect();
        able.sort_by(|(_, one), (_, other)| rank(one, wanted).cmp(&rank(other, wanted)));
        let is_free = |offer: &Offer| self.found.packages.iter().all(|taken| taken.name != offer.name);
        let Some(&(at, best)) = able.iter().find(|(_, offer)| is_free(offer)) else {
            let taken =
                able.first().and_then(|(_, one)| self.found.packages.iter().find(|taken| taken.name == one.name));
            return self.miss(required, by, taken.map_or(Why::Nobody, |taken| Why::Taken(taken)));
        };
        if self.chosen.len() == MOST {
            return self.miss(required, by, Why::Full);
        }
        let other = able.iter().map(|(_, offer)| *offer).find(|offer| offer.name != best.name);
        let choice = other.map(|other| Choice { wanted: wanted.to_string(), taken: best, instead_of: other });
        self.found.choices.extend(choice);
        self.found.packages.push(best);
        self.chosen.insert(at);
        self.waiting.extend(best.requires.iter().map(|required| (required, best)));
    }

    fn miss(&mut self, required: &Capability, by: &'a Offer, why: Why<'a>) {
        let moments = if std::ptr::eq(by, self.package) { moments(required.flags) } else { Vec::new() };
        let missing = Missing { wanted: required.to_string(), by, moments, why };
        if !self.found.missing.contains(&missing) {
            self.found.missing.push(missing);
        }
    }
}

/// The smaller the better.
fn rank<'a>(offer: &'a Offer, wanted: &Capability) -> impl Ord + use<'a> {
    let name = offer.name.as_str();
    (name != wanted.name, name.len(), name, Reverse(Evr::parse(&offer.version)), offer.arch == "noarch", &offer.file)
}

/// Looks for who has a program that is not there.
#[derive(Debug, Clone, Default)]
pub struct Programs<'a> {
    /// The packages at hand, and an architecture as rpm spells it; nobody is known to have anything without.
    pub at_hand: Option<(&'a AtHand, &'a str)>,
    /// The packages that are there: one that has the program does not have what is missing.
    pub there: Vec<&'a Offer>,
}

impl Programs<'_> {
    /// The package that has a program: of this path, or of this name somewhere in the PATH of scriptlets.
    pub fn provider(&self, program: &str) -> Option<&Offer> {
        let (at_hand, arch) = self.at_hand?;
        let paths = match program.starts_with('/') {
            true => vec![program.to_owned()],
            false => {
                super::room::SCRIPTLETS_PATH.split(':').map(|directory| format!("{directory}/{program}")).collect()
            }
        };
        let owners = paths.iter().flat_map(|path| at_hand.owners(path)).map(|at| at_hand.offer(at));
        let able: Vec<&Offer> = owners.filter(|offer| offer.arch == arch || offer.arch == "noarch").collect();
        if able.iter().any(|offer| self.there.contains(offer)) {
            return None;
        }
        let wanted = Capability::named(program);
        able.into_iter().min_by(|one, other| rank(one, &wanted).cmp(&rank(other, &wanted)))
    }
}
