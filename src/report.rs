//! The findings document: which clauses of which contract a build root keeps.
//!
//! A [`Report`] is about one contract and one sandbox, a [`Document`] is what `check` prints.
//! One file per way to show it: [`human`] for people; JSON is the document itself.

pub mod human;
pub mod show;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::Contract;
use crate::facts;
use crate::facts::launch::{Phase, Privilege};
use crate::verify::{Finding, Verdict};

/// Everything one `check` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The schema this document follows.
    pub schema: Schema,
    /// One for each contract, in the order they were checked.
    pub reports: Vec<Report>,
}

/// The names of the schemas that this version writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Schema {
    /// The first one.
    #[serde(rename = "rootcontract.report/1")]
    V1,
}

/// One contract held against one sandbox. What is `null` is not known: the facts were taken in a sandbox
/// that somebody else started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The contract's profile.
    pub profile: String,
    /// The architecture of the sandbox.
    pub arch: String,
    /// Which state of the sandbox was looked at.
    pub phase: Option<Phase>,
    /// What started it was allowed to do.
    pub privilege: Option<Privilege>,
    /// The bubblewrap that built it.
    pub bwrap: Option<Bwrap>,
    /// The release of the kernel it ran on.
    pub kernel: Option<String>,
    /// One for each clause, in the order of the contract.
    pub findings: Vec<Finding>,
    /// The findings counted.
    pub summary: Summary,
}

/// A bubblewrap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bwrap {
    /// Where it is.
    pub path: String,
    /// What it says of itself.
    pub version: String,
    /// The package it came in, if that is known. Distributions backport, so the version alone says little.
    pub package: Option<String>,
}

/// How many findings of each verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// The facts say so.
    pub held: usize,
    /// The facts say otherwise.
    pub broken: usize,
    /// The facts do not say.
    pub unknown: usize,
    /// Not about this sandbox.
    pub not_applicable: usize,
    /// Broken, and allowed to be.
    pub waived: usize,
}

/// What a document comes to; the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// At least one clause is broken.
    Broken,
    /// None is broken, and at least one could not be checked.
    Unknown,
    /// Neither.
    Held,
}

impl Report {
    /// `findings` is what [`verify`](crate::verify::verify) made of `contract` and `facts`, or a part of it.
    pub fn new(contract: &Contract, facts: &facts::Document, findings: Vec<Finding>) -> Self {
        let launch = facts.launch.as_ref();
        Self {
            profile: contract.profile.clone(),
            arch: launch.map_or(&facts.probe.arch, |launch| &launch.arch).clone(),
            phase: launch.map(|launch| launch.phase),
            privilege: launch.map(|launch| launch.privilege),
            bwrap: launch.map(|launch| Bwrap {
                path: launch.bwrap.path.clone(),
                version: launch.bwrap.version.clone(),
                package: launch.bwrap.package.clone(),
            }),
            kernel: launch
                .map(|launch| launch.kernel.clone())
                .or_else(|| facts.probe.kernel.known().map(|kernel| kernel.release.clone())),
            summary: Summary::of(&findings),
            findings,
        }
    }
}

impl Summary {
    /// The counts of these findings.
    pub fn of<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        let mut summary = Self::default();
        for finding in findings {
            *match finding.verdict {
                Verdict::Held => &mut summary.held,
                Verdict::Broken => &mut summary.broken,
                Verdict::Unknown => &mut summary.unknown,
                Verdict::NotApplicable => &mut summary.not_applicable,
                Verdict::Waived => &mut summary.waived,
            } += 1;
        }
        summary
    }

    /// What these counts come to.
    pub fn standing(&self) -> Standing {
        match (self.broken, self.unknown) {
            (0, 0) => Standing::Held,
            (0, _) => Standing::Unknown,
            (_, _) => Standing::Broken,
        }
    }
}

impl Document {
    /// A document of these reports.
    pub fn new(reports: Vec<Report>) -> Self {
        Self { schema: Schema::V1, reports }
    }

    /// The worst of its reports.
    pub fn standing(&self) -> Standing {
        self.reports.iter().map(|report| report.summary.standing()).min().unwrap_or(Standing::Held)
    }
}

/// The JSON Schema of a [`Document`].
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Document).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::nothing_wrong(0, 0, Standing::Held)]
    #[case::not_looked(0, 1, Standing::Unknown)]
    #[case::broken(1, 0, Standing::Broken)]
    #[case::broken_wins(1, 1, Standing::Broken)]
    fn counts_come_to(#[case] broken: usize, #[case] unknown: usize, #[case] standing: Standing) {
        assert_eq!(Summary { held: 3, broken, unknown, ..Summary::default() }.standing(), standing);
    }

    #[test]
    fn a_document_stands_as_its_worst_report() {
        let report = |broken, unknown| Report {
            profile: "osbuild-v190".to_owned(),
            arch: "x86_64".to_owned(),
            phase: None,
            privilege: None,
            bwrap: None,
            kernel: None,
            findings: Vec::new(),
            summary: Summary { broken, unknown, ..Summary::default() },
        };
        assert_eq!(Document::new(vec![report(0, 0), report(0, 2)]).standing(), Standing::Unknown);
        assert_eq!(Document::new(vec![report(0, 2), report(1, 0), report(0, 0)]).standing(), Standing::Broken);
        assert_eq!(Document::new(vec![report(0, 0)]).standing(), Standing::Held);
    }
}
