//! What is odd about a contract that parses: clauses that prove nothing, or that say too little.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::expect::{Attempt, Capabilities, Device, Expect, Fact, Mount, MountsBelow, Node};
use super::kinds::World;
use super::path::Segment;
use super::vocabulary::{Level, Word};
use super::{Clause, ClauseId, Contract};

/// Something odd, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The clause; `None`: the contract as a whole.
    pub clause: Option<ClauseId>,
    /// The line of the file it is in, counted from 1.
    pub line: usize,
    /// What is odd and what to do.
    pub says: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.clause {
            Some(id) => write!(out, "{}: {id}: {}", self.line, self.says),
            None => write!(out, "{}: {}", self.line, self.says),
        }
    }
}

impl Contract {
    /// Everything odd about this contract, in the order of the clauses. `text` is the file it was read from.
    pub fn lint(&self, text: &str) -> Vec<Remark> {
        let line_of = |clause: &Clause| {
            let quoted = [format!("\"{}\"", clause.id), format!("'{}'", clause.id)];
            let is_id =
                |line: &str| line.trim_start().starts_with("id") && quoted.iter().any(|quoted| line.contains(quoted));
            text.lines().position(is_id).map(|index| index + 1)
        };
        let at = |clause: &Clause, says| Remark {
            clause: Some(clause.id.clone()),
            line: line_of(clause).unwrap_or(1),
            says,
        };
        let attempts = Attempts::known();
        let base = self.extends.as_deref().and_then(|extends| Self::builtin(extends).ok());
        let mut remarks = Vec::new();
        let mut seen: Vec<&Clause> = Vec::new();
        for clause in &self.clauses {
            let twin = seen.iter().copied().find(|other| other.expect == clause.expect && overlap(other, clause));
            // What is inherited is on no line of this file: it is told of the other one.
            let twin = twin.map(|other| if line_of(clause).is_some() { (clause, other) } else { (other, clause) });
            let twin = twin.map(|(told, same)| at(told, format!("expects the same as {}: keep one", same.id)));
            let same = base.as_ref().and_then(|base| base.clause(clause.id.as_str())) == Some(clause);
            let same = same && line_of(clause).is_some();
            let same = same.then(|| at(clause, "is so in what it extends: leave it out".to_owned()));
            let faults = faults(clause).into_iter().chain(attempts.fault(clause)).map(|says| at(clause, says));
            remarks.extend(faults.chain(twin).chain(same));
            seen.push(clause);
        }
        let whole = |says| Remark { clause: None, line: 1, says };
        remarks.extend(self.open_worlds().into_iter().chain(self.idle_reasons()).map(whole));
        remarks
    }

    /// Worlds that no clause closes: strangers in them go unnoticed.
    fn open_worlds(&self) -> Vec<String> {
        let closed = |world: &World| self.clauses.iter().any(|clause| clause.expect == Expect::Closed(*world));
        let open = World::ALL.iter().filter(|world| !closed(world));
        open.map(|world| format!("no clause closes {world}: add one that expects `closed = \"{world}\"`")).collect()
    }

    /// Facts that are ignored without a reason, or although a clause reads them.
    fn idle_reasons(&self) -> Vec<String> {
        let mut readers: BTreeMap<String, &ClauseId> = BTreeMap::new();
        for clause in &self.clauses {
            for path in clause.expect.reads(&serde_json::Value::Null) {
                readers.entry(path.to_string()).or_insert(&clause.id);
            }
        }
        let mut says = Vec::new();
        for (path, reason) in &self.ignored {
            if reason.trim().is_empty() {
                says.push(format!("ignored fact {path} has no reason: say why nobody needs it"));
            }
            if let Some(id) = readers.get(&path.to_string()) {
                says.push(format!("ignored fact {path} is read by {id}: take it off the list"));
            }
        }
        says
    }
}

/// The attempts that the built-in contracts speak of: those that the probe makes, but for the paths in some of their names.
struct Attempts(BTreeSet<String>);

impl Attempts {
    fn known() -> Self {
        let profiles = Contract::BUILTIN.into_iter().map(|(profile, _)| Contract::builtin(profile));
        let contracts = profiles.chain([Contract::of_bubblewrap()]).flatten();
        let name = |clause: Clause| match clause.expect {
            Expect::Attempt(attempt) => Some(attempt.name),
            _ => None,
        };
        Self(contracts.flat_map(|contract| contract.clauses).filter_map(name).collect())
    }

    /// Why a clause that expects something of an attempt can hold for nobody: there is no such attempt.
    fn fault(&self, clause: &Clause) -> Option<String> {
        let Expect::Attempt(Attempt { name, .. }) = &clause.expect else { return None };
        let of_a_path = |name: &str| Some(name.split_once(":/")?.0.to_owned());
        let is_known = self.0.contains(name)
            || of_a_path(name).is_some_and(|kind| self.0.iter().any(|known| of_a_path(known) == Some(kind.clone())));
        let likeness = |known: &&String| strsim::jaro_winkler(known, name);
        let like = self.0.iter().max_by(|one, other| likeness(one).total_cmp(&likeness(other)))?;
        (!is_known)
            .then(|| format!("the probe makes no attempt `{name}`, so that it is unknown for ever: is `{like}` meant?"))
    }
}

/// Whether two clauses can apply at the same time, as far as one condition tells.
fn overlap(one: &Clause, other: &Clause) -> bool {
    fn meet<T: PartialEq>(one: &[T], other: &[T]) -> bool {
        one.is_empty() || other.is_empty() || one.iter().any(|word| other.contains(word))
    }
    let (a, b) = (&one.when, &other.when);
    let opposed = a
        .tree
        .iter()
        .any(|left| b.tree.iter().any(|right| left.fact == right.fact && left.wanted != right.wanted))
        || a.host.iter().any(|left| b.host.iter().any(|right| left.fact == right.fact && left.wanted != right.wanted));
    !opposed
        && meet(&a.phase, &b.phase)
        && meet(&a.policy, &b.policy)
        && meet(&a.privilege, &b.privilege)
        && meet(&a.arch, &b.arch)
}

fn faults(clause: &Clause) -> Vec<String> {
    let mut faults: Vec<String> =
        [("says", &clause.says), ("why", &clause.why), ("origin", &clause.origin), ("since", &clause.since)]
            .into_iter()
            .filter(|(_, text)| text.trim().is_empty())
            .map(|(key, _)| format!("`{key}` is empty: a clause nobody can explain helps nobody"))
            .collect();
    faults.extend(
        clause
            .instead
            .iter()
            .filter(|text| text.trim().is_empty())
            .map(|_| "`instead` is empty: leave it out".to_owned()),
    );
    faults.extend(
        clause
            .hazard
            .iter()
            .filter(|text| text.trim().is_empty())
            .map(|_| "`hazard` is empty: leave it out".to_owned()),
    );
    if clause.hazard.is_some() && forbids(&clause.expect) {
        faults.push(
            "a hazard is what can happen because the clause holds, but this one expects that something is not there"
                .to_owned(),
        );
    }
    if clause.level == Level::May && always_answered(&clause.expect) {
        faults.push("`may` is for what can be missing; what this expects always has an answer: use should".to_owned());
    }
    if !clause.when.arch.is_empty() && clause.observed_on.is_none() {
        faults.push(
            "`observed-on` is missing: say where a rule of one architecture was seen to hold, `[]` for nowhere yet"
                .to_owned(),
        );
    }
    if clause.observed_on.iter().flatten().any(|place| place.trim().is_empty()) {
        faults.push("`observed-on` names nothing: leave the empty word out".to_owned());
    }
    faults.extend(clause.expect.vacuous().map(ToOwned::to_owned));
    faults
}

/// Whether something is expected not to be there, except a cover or an override, whose absence can be a danger.
fn forbids(expect: &Expect) -> bool {
    matches!(expect, Expect::Absent(_) | Expect::NoVariable(_) | Expect::Closed(_))
}

impl Expect {
    /// Why this expectation says nothing: it cannot fail, or it can never hold.
    pub fn vacuous(&self) -> Option<&'static str> {
        match self {
            Self::Mount(Mount { flags: Some(flags), .. })
            | Self::MountsBelow(MountsBelow { flags: Some(flags), .. })
                if flags.is_empty() =>
            {
                Some("`flags` is empty, and every mount has ro or rw: it can never hold")
            }
            Self::MountsBelow(MountsBelow { flags: None, propagation: None, stacked: None, .. }) => {
                Some("no property of the mounts is given: it can hardly fail")
            }
            Self::MountsBelow(MountsBelow { propagation: Some(kinds), .. }) if kinds.is_empty() => {
                Some("`propagation` is empty, and every mount has one: it can never hold")
            }
            Self::Device(Device { kind: None, major: None, minor: None, mode: None, uid: None, gid: None, .. }) => {
                Some("no property of the device is given: say at least its `kind`")
            }
            Self::Node(Node { kind: None, mode: None, uid: None, gid: None, size: None, target: None, .. }) => {
                Some("no property of the node is given: say at least its `kind`")
            }
            Self::Directory(directory) if directory.exactly.is_none() && directory.contains.is_empty() => {
                Some("neither `exactly` nor `contains` is given: it cannot fail")
            }
            Self::Variable(variable) if variable.one_of.as_ref().is_some_and(Vec::is_empty) => {
                Some("`one-of` is empty: it can never hold")
            }
            Self::Capabilities(Capabilities { equals: None, same_as: None, contains, lacks, .. })
                if contains.is_empty() && lacks.is_empty() =>
            {
                Some("no capability is given: it cannot fail")
            }
            Self::Attempt(attempt) if attempt.gives.is_empty() => Some("`gives` is empty: it can never hold"),
            Self::Fact(fact) => vacuous_fact(fact),
            _ => None,
        }
    }
}

fn vacuous_fact(fact: &Fact) -> Option<&'static str> {
    if fact.one_of.as_ref().is_some_and(Vec::is_empty) {
        return Some("`one-of` is empty: it can never hold");
    }
    if fact.same_as.as_ref() == Some(&fact.path) {
        return Some("the fact is compared with itself: it cannot fail");
    }
    let bare = fact.equals.is_none()
        && fact.one_of.is_none()
        && fact.same_as.is_none()
        && fact.below.is_empty()
        && fact.at_least.is_none()
        && fact.at_most.is_none()
        && fact.contains.is_empty()
        && fact.lacks.is_empty();
    bare.then_some("no value of the fact is given: it cannot fail")
}

/// Whether there is always something to look at: not the entry of a map, which may be missing.
fn always_answered(expect: &Expect) -> bool {
    match expect {
        Expect::Fact(fact) => !matches!(fact.path.segments().last(), Some(Segment::Key(_))),
        Expect::Closed(_) | Expect::NoMount(_) | Expect::Absent(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
