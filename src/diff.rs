//! Two looks at a build root, side by side: what changed, and whether a contract speaks of it.
//!
//! ```text
//!  Look ─┐   leaves ─▶ those that differ ─▶ the clauses that read them ─▶ relevance
//!  Look ─┴─▶ pair
//!            findings ─▶ those whose verdict differs, where no leaf explains it
//! ```
//!
//! A look is a report, with the facts it was made of where they are known. What was seen of two profiles, bubblewraps,
//! architectures or days is compared in the same way; each side is judged by its own contract.

pub mod human;
mod leaves;
mod pair;
mod relevance;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::contract::{Clause, ClauseId, Contract, FactPath};
use crate::facts::launch::{Evidence, Phase, Privilege};
use crate::report::{Bwrap, Look, Report};
use crate::verify::Verdict;
pub use leaves::{Leaf, differing};
use pair::{Pairs, pairs};
use relevance::Profiles;

/// Everything one `diff` found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The schema this document follows.
    pub schema: Schema,
    /// One for each pair, in the order of the first side.
    pub reports: Vec<Comparison>,
    /// What is on one side only. Never the same.
    pub alone: Vec<Alone>,
}

/// The names of the schemas that this version writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Schema {
    /// The first one.
    #[serde(rename = "rootcontract.diff/1")]
    V1,
}

/// Two looks at one kind of build root.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// The first look.
    pub before: Side,
    /// The second one.
    pub after: Side,
    /// What differs, the most relevant first.
    pub changes: Vec<Change>,
}

/// Where and with what a look was taken. What is `null` is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Side {
    /// The contract's profile.
    pub profile: String,
    /// What the sandbox was made of, as in a report.
    pub place: Option<String>,
    /// The architecture of the sandbox.
    pub arch: String,
    /// What was proven for that architecture.
    pub evidence: Option<Evidence>,
    /// Which state of the sandbox was looked at.
    pub phase: Option<Phase>,
    /// What started it was allowed to do.
    pub privilege: Option<Privilege>,
    /// The bubblewrap that built it.
    pub bwrap: Option<Bwrap>,
    /// The release of the kernel it ran on.
    pub kernel: Option<String>,
    /// The C library of the sandbox's root.
    #[serde(default)]
    pub libc: Option<String>,
    /// The kernel's security modules.
    #[serde(default)]
    pub lsm: Option<String>,
}

/// A report without a counterpart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alone {
    /// On which side it is.
    pub on: Which,
    /// What it is about.
    pub side: Side,
}

/// A side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// The first.
    Before,
    /// The second.
    After,
}

/// A fact, or else what came of a clause, that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Whether it matters.
    pub relevance: Relevance,
    /// The fact; `null` where only the findings are known, or the same facts were judged otherwise.
    pub fact: Option<FactPath>,
    /// The value of the fact, or what was found in words; `null` where there is none.
    pub before: Option<Value>,
    /// The same on the second side.
    pub after: Option<Value>,
    /// The clauses that read it.
    pub clauses: Vec<Judgement>,
}

/// What came of a clause on both sides; `null` where the contract does not have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// The clause.
    pub clause: ClauseId,
    /// On the first side.
    pub before: Option<Verdict>,
    /// On the second side.
    pub after: Option<Verdict>,
}

/// Whether a change matters; what matters most comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Relevance {
    /// A clause says what it has to be, or was judged otherwise: whoever builds on the contract can see it.
    Contract,
    /// It is what the host, the tree or the caller has.
    Host,
    /// It is another one each time.
    Volatile,
}

impl From<&Report> for Side {
    fn from(report: &Report) -> Self {
        Self {
            profile: report.profile.clone(),
            place: report.place.clone(),
            arch: report.arch.clone(),
            evidence: report.evidence,
            phase: report.phase,
            privilege: report.privilege,
            bwrap: report.bwrap.clone(),
            kernel: report.kernel.clone(),
            libc: report.libc.clone(),
            lsm: report.lsm.clone(),
        }
    }
}

impl Document {
    /// Compares every look with its counterpart.
    pub fn of(before: &[Look], after: &[Look]) -> Self {
        let Pairs { both, alone } = pairs(before, after);
        let reports = both.into_iter().map(|(before, after)| compare(before, after)).collect();
        Self { schema: Schema::V1, reports, alone }
    }

    /// Leaves what a clause that was looked at is about: where only some were, what else differs is not of interest.
    pub fn narrow(&mut self) {
        self.reports.iter_mut().for_each(|comparison| comparison.changes.retain(|change| !change.clauses.is_empty()));
    }

    /// How many changes of this relevance there are.
    pub fn count(&self, relevance: Relevance) -> usize {
        self.reports.iter().map(|comparison| comparison.of(relevance).count()).sum()
    }
}

impl Comparison {
    /// The changes of this relevance.
    pub fn of(&self, relevance: Relevance) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(move |change| change.relevance == relevance)
    }
}

/// Everything that differs between two looks.
pub fn compare(before: &Look, after: &Look) -> Comparison {
    let judgements = judgements(before, after);
    let mut changes = match (&before.facts, &after.facts) {
        (Some(facts), Some(other)) => {
            let (before, after) = ((&before.contract, facts), (&after.contract, other));
            differing(facts, other).into_iter().map(|leaf| fact(leaf, [before, after], &judgements)).collect()
        }
        (_, _) => Vec::new(),
    };
    let explained: BTreeSet<&ClauseId> =
        changes.iter().flat_map(|change| &change.clauses).map(|judged| &judged.clause).collect();
    let rest: Vec<Change> = judgements
        .values()
        .filter(|judged| !explained.contains(&judged.clause))
        .filter_map(|judged| finding(judged, before, after))
        .collect();
    changes.extend(rest);
    changes.sort_by_key(|change| change.relevance);
    Comparison { before: Side::from(&before.report), after: Side::from(&after.report), changes }
}

/// What came of every clause of either contract.
fn judgements(before: &Look, after: &Look) -> BTreeMap<ClauseId, Judgement> {
    let clauses = before.report.findings.iter().chain(&after.report.findings).map(|finding| &finding.clause);
    let verdict = |look: &Look, clause: &ClauseId| look.finding(clause).map(|finding| finding.verdict);
    let judged = |clause: &ClauseId| Judgement {
        clause: clause.clone(),
        before: verdict(before, clause),
        after: verdict(after, clause),
    };
    clauses.map(|clause| (clause.clone(), judged(clause))).collect()
}

/// A fact that differs, with the clauses of either contract that read it.
fn fact(leaf: Leaf<'_>, sides: [(&Contract, &Value); 2], judgements: &BTreeMap<ClauseId, Judgement>) -> Change {
    let readers: Vec<(&Clause, &Judgement)> = sides
        .into_iter()
        .flat_map(|(contract, facts)| readers(contract, facts, &leaf.path))
        .filter_map(|clause| Some((clause, judgements.get(&clause.id)?)))
        .collect();
    let clauses: BTreeMap<&ClauseId, &Judgement> =
        readers.iter().map(|(clause, judged)| (&clause.id, *judged)).collect();
    Change {
        relevance: relevance::of_readers(&readers, &leaf),
        before: leaf.before.cloned(),
        after: leaf.after.cloned(),
        clauses: clauses.into_values().cloned().collect(),
        fact: Some(leaf.path),
    }
}

/// The clauses that read a fact or something it is part of.
fn readers<'contract>(
    contract: &'contract Contract,
    facts: &Value,
    leaf: &FactPath,
) -> impl Iterator<Item = &'contract Clause> {
    contract.clauses.iter().filter(|clause| clause.expect.reads(facts).iter().any(|read| read.touches(leaf)))
}

/// What came of a clause, where no fact says why it is not the same.
fn finding(judged: &Judgement, before: &Look, after: &Look) -> Option<Change> {
    let [was, is] = [before, after].map(|look| {
        let finding = look.finding(&judged.clause)?;
        finding.found.as_deref().or(finding.reason.as_deref()).map(leaves::without_scratch)
    });
    // With the facts of both sides, words alone say nothing new, nor does a clause that only one contract has.
    let facts = before.facts.is_some() && after.facts.is_some();
    let on_both = judged.before.is_some() && judged.after.is_some();
    if (judged.before == judged.after && (facts || was == is)) || (facts && !on_both) {
        return None;
    }
    let profiles = if before.report.profile == after.report.profile { Profiles::One } else { Profiles::Two };
    let clause = after.contract.clause(judged.clause.as_str()).or(before.contract.clause(judged.clause.as_str()));
    Some(Change {
        relevance: relevance::of_finding(judged, clause, profiles),
        fact: None,
        before: was.map(|text| Value::String(text.into_owned())),
        after: is.map(|text| Value::String(text.into_owned())),
        clauses: vec![judged.clone()],
    })
}

/// The JSON Schema of a [`Document`].
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Document).to_value()
}

#[cfg(test)]
mod tests;
