//! The findings document: which clauses of which contract a build root keeps.
//!
//! A [`Report`] is about one contract and one sandbox, a [`Document`] is what `check` prints.
//! One file per way to show it: [`human`] for people, [`overview`] for people who have many, [`junit`], [`github`] and
//! [`sarif`] for CI; JSON is the document itself. [`merge`] makes one of several.

pub mod github;
pub mod human;
pub mod junit;
pub mod merge;
pub mod overview;
mod read;
pub mod sarif;
mod shard;
pub mod show;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::{ClauseId, Contract};
use crate::facts;
use crate::facts::launch::{Evidence, Phase, Privilege};
use crate::verify::{Finding, Verdict, verify};

pub use read::{LIMIT, NoDocument, ReadError};
pub use shard::{Dealt, Shard};

/// Everything one `check` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The schema this document follows.
    pub schema: Schema,
    /// One for each contract, in the order they were checked.
    pub reports: Vec<Report>,
    /// What was to be checked and could not be.
    #[serde(default)]
    pub failures: Vec<NotChecked>,
    /// Which part of what was to be checked this is, if it is only a part.
    #[serde(default)]
    pub shard: Option<Shard>,
}

/// A contract that could not be held against a sandbox. Never a pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotChecked {
    /// The contract's profile.
    pub profile: String,
    /// What the sandbox was to be made of, as in a report.
    pub place: String,
    /// Its architecture, if that is known.
    pub arch: Option<String>,
    /// Why it was not checked, in a line.
    pub reason: String,
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
    /// What the sandbox was made of: `/`, the directory of a tree as it was named, or a machine's name.
    #[serde(default)]
    pub place: Option<String>,
    /// The architecture of the sandbox.
    pub arch: String,
    /// What is proven for that architecture.
    pub evidence: Option<Evidence>,
    /// Which state of the sandbox was looked at.
    pub phase: Option<Phase>,
    /// What started it was allowed to do.
    pub privilege: Option<Privilege>,
    /// The bubblewrap that built it.
    pub bwrap: Option<Bwrap>,
    /// The release of the kernel it ran on.
    pub kernel: Option<String>,
    /// The C library of the sandbox's root, as its loader names it.
    #[serde(default)]
    pub libc: Option<String>,
    /// The kernel's security modules, in its order.
    #[serde(default)]
    pub lsm: Option<String>,
    /// One for each clause, in the order of the contract.
    pub findings: Vec<Finding>,
    /// The findings counted.
    pub summary: Summary,
}

/// A report, and what is known around it.
#[derive(Debug, Clone)]
pub struct Look {
    /// What was found.
    pub report: Report,
    /// What it was held to.
    pub contract: Contract,
    /// The whole facts document, where it is known.
    pub facts: Option<serde_json::Value>,
}

impl Look {
    /// Holds facts to the clauses of a contract that are meant.
    ///
    /// # Errors
    /// The facts are no JSON, which would be a fault of ours.
    pub fn of(
        contract: Contract,
        facts: &facts::Document,
        is_meant: impl Fn(&ClauseId) -> bool,
    ) -> Result<Self, serde_json::Error> {
        let document = serde_json::to_value(facts)?;
        let report = Report::new(&contract, facts, verify(&contract, &document));
        let mut look = Self { report, contract, facts: Some(document) };
        look.narrow(is_meant);
        Ok(look)
    }

    /// Leaves the findings of these clauses.
    pub fn narrow(&mut self, is_meant: impl Fn(&ClauseId) -> bool) {
        self.report.findings.retain(|finding| is_meant(&finding.clause));
        self.report.summary = Summary::of(&self.report.findings);
    }

    /// What came of a clause.
    pub fn finding(&self, clause: &ClauseId) -> Option<&Finding> {
        self.report.findings.iter().find(|finding| finding.clause == *clause)
    }
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
    /// `findings` is what [`verify`] made of `contract` and `facts`, or a part of it. The facts
    /// do not say what the place is called.
    pub fn new(contract: &Contract, facts: &facts::Document, findings: Vec<Finding>) -> Self {
        let launch = facts.launch.as_ref();
        Self {
            profile: contract.profile.clone(),
            place: None,
            arch: facts.arch().to_owned(),
            evidence: launch.map(|launch| launch.evidence),
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
            libc: launch.and_then(|launch| launch.libc.clone()),
            lsm: security_modules(facts),
            summary: Summary::of(&findings),
            findings,
        }
    }
}

/// The kernel's security modules, where they can be seen.
pub(crate) fn security_modules(facts: &facts::Document) -> Option<String> {
    facts.probe.security.modules.known().cloned()
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
        Self { schema: Schema::V1, reports, failures: Vec::new(), shard: None }
    }

    /// The worst of its reports. What was not checked is not known, and nothing is where nothing was to be checked.
    pub fn standing(&self) -> Standing {
        let failed = !self.failures.is_empty() || self.is_idle();
        let failed = failed.then_some(Standing::Unknown);
        self.reports.iter().map(|report| report.summary.standing()).chain(failed).min().unwrap_or(Standing::Unknown)
    }

    /// Whether none of its clauses is about any of its sandboxes.
    pub fn is_idle(&self) -> bool {
        let idle =
            |summary: &Summary| *summary == Summary { not_applicable: summary.not_applicable, ..Summary::default() };
        self.reports.iter().all(|report| idle(&report.summary))
    }
}

/// The JSON Schema of a [`Document`].
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Document).to_value()
}

#[cfg(test)]
pub(crate) mod tests;
