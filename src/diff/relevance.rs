//! Whether a change matters: what a clause pins down is the contract's, what it compares with the host is not.

use serde_json::Value;

use super::leaves::Leaf;
use super::{Judgement, Relevance};
use crate::contract::{Clause, Expect, FactPath, MountFlag, Word, World};
use crate::verify::Verdict;

/// Facts that are others in each launch: numbers of namespaces and file systems, names that nobody can guess, how many
/// keys the host has at the moment.
const VOLATILE: [&str; 6] =
    ["nonce", "namespaces", "launch.namespaces", "launch.canaries", "mounts[*].device", "keyrings"];

/// What a fact is that no clause speaks of.
pub fn of_fact(leaf: &FactPath) -> Relevance {
    let holds = |path: FactPath| path.segments().len() <= leaf.segments().len() && path.touches(leaf);
    if VOLATILE.into_iter().any(|path| path.parse().is_ok_and(holds)) { Relevance::Volatile } else { Relevance::Host }
}

/// What a fact is to the clauses that read it. A closed world is about what no other clause names.
pub fn of_readers(readers: &[(&Clause, &Judgement)], leaf: &Leaf<'_>) -> Relevance {
    let is_closed = |clause: &Clause| matches!(clause.expect, Expect::Closed(_));
    let named = readers.iter().any(|(clause, _)| !is_closed(clause));
    let relevant = |(clause, judged): &(&Clause, &Judgement)| match standing(judged) {
        Standing::Changed => true,
        Standing::Same => !(named && is_closed(clause)) && pins(&clause.expect, leaf),
        Standing::NotApplicable => false,
    };
    if readers.iter().any(relevant) { Relevance::Contract } else { of_fact(&leaf.path) }
}

/// What a change of a finding is, where only the findings are known.
pub fn of_finding(judged: &Judgement, clause: Option<&Clause>, profiles: Profiles) -> Relevance {
    match (standing(judged), judged.before, clause) {
        (Standing::Changed, _, _) => Relevance::Contract,
        (Standing::Same, before, _) if profiles == Profiles::Two && before.is_some() != judged.after.is_some() => {
            Relevance::Contract
        }
        // It was broken and still is, in another way.
        (Standing::Same, Some(Verdict::Broken | Verdict::Unknown | Verdict::Waived), _) => Relevance::Contract,
        (Standing::Same, _, Some(clause)) if matches!(clause.expect, Expect::Namespace(_)) => Relevance::Volatile,
        // It held and holds: the words tell of what the clause leaves open.
        (Standing::Same | Standing::NotApplicable, _, _) => Relevance::Host,
    }
}

/// Whether both sides are of one profile: then a clause that only one has is younger than the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profiles {
    /// They are.
    One,
    /// They are not.
    Two,
}

/// How a clause stands on both sides.
enum Standing {
    /// As before, or only one contract has it.
    Same,
    /// Otherwise than before.
    Changed,
    /// It does not apply on a side, which is for the host, the tree or the caller to say.
    NotApplicable,
}

fn standing(judged: &Judgement) -> Standing {
    match (judged.before, judged.after) {
        (Some(Verdict::NotApplicable), _) | (_, Some(Verdict::NotApplicable)) => Standing::NotApplicable,
        (Some(before), Some(after)) if before != after => Standing::Changed,
        (_, _) => Standing::Same,
    }
}

/// Whether the expectation leaves only one value, or a few, so that another value is another build root.
fn pins(expect: &Expect, leaf: &Leaf<'_>) -> bool {
    match expect {
        // These are compared with what the launch says.
        Expect::Namespace(_) | Expect::CallerMounts(_) | Expect::Variables(_) => false,
        Expect::Capabilities(capabilities) => capabilities.equals.is_some(),
        Expect::Variable(variable) => variable.equals.is_some() || variable.one_of.is_some(),
        Expect::Fact(fact) => fact.equals.is_some() || fact.one_of.is_some(),
        Expect::Mount(mount) => differ(leaf, &mount.also),
        // What the host has mounted below comes along.
        Expect::MountsBelow(below) => leaf.before.is_some() && leaf.after.is_some() && differ(leaf, &below.also),
        Expect::Closed(world) => pins_world(*world, leaf),
        Expect::NoMount(_)
        | Expect::Link(_)
        | Expect::Device(_)
        | Expect::Node(_)
        | Expect::Absent(_)
        | Expect::Directory(_)
        | Expect::NoVariable(_)
        | Expect::Process(_)
        | Expect::Attempt(_) => true,
    }
}

/// Whether more differs than flags that may come with the host's mount.
fn differ(leaf: &Leaf<'_>, also: &[MountFlag]) -> bool {
    let rest = |value: Option<&Value>| -> Option<Vec<Value>> {
        let of_host = |flag: &Value| also.iter().any(|also| flag.as_str() == Some(also.as_str()));
        Some(value?.as_array()?.iter().filter(|flag| !of_host(flag)).cloned().collect())
    };
    match (rest(leaf.before), rest(leaf.after)) {
        (Some(before), Some(after)) => before != after,
        (_, _) => true,
    }
}

/// A closed world is about what there is, not about what it is like: keys that come and go, or a list as a whole.
fn pins_world(world: World, leaf: &Leaf<'_>) -> bool {
    leaf.before.is_none() || leaf.after.is_none() || world.facts().iter().any(|fact| fact.covers(&leaf.path))
}
