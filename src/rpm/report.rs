//! What `rpm check` prints: for each package, profile and architecture what becomes of a build, and why.

mod coverage;
mod differences;
pub mod github;
pub mod human;
pub mod junit;
pub mod sarif;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use coverage::{Coverage, Run, Skipped};
pub use differences::Difference;

use super::finding::{Effect, Finding};
use super::scriptlet::{self, Slot};
use super::verdict::{Failing, RpmVersion, Scenario, Verdict, failing};
use crate::facts::text;

/// Everything one `rpm check` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The schema this document follows.
    pub schema: Schema,
    /// One for each package, profile and architecture.
    pub reports: Vec<Report>,
    /// What is not the same in builds of one package for several architectures.
    pub differences: Vec<Difference>,
    /// Packages that could not be judged.
    pub failures: Vec<NotJudged>,
}

/// The names of the schemas that this version writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Schema {
    /// The first one.
    #[serde(rename = "rootcontract.rpm/1")]
    V1,
}

/// A package that could not be judged. Never a pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotJudged {
    /// Its file, escaped.
    pub file: String,
    /// Why, in a line.
    pub reason: String,
}

/// One package in one room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The file that was given, escaped; `-` is standard input.
    pub file: String,
    /// The package.
    pub package: Package,
    /// The profile of the contract that it was held to.
    pub profile: String,
    /// The architecture.
    pub arch: String,
    /// What becomes of a build, for each scenario and rpm.
    pub verdicts: Vec<Judgement>,
    /// What it has rpm run.
    pub scriptlets: Vec<Scriptlet>,
    /// Why, the worst first.
    pub findings: Vec<Finding>,
    /// What has to be known of how it was looked at, a line each; fit to be shown.
    pub notes: Vec<String>,
    /// What was looked at.
    pub coverage: Coverage,
}

/// A package by its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Its name, escaped.
    pub name: String,
    /// Epoch, version and release, escaped.
    pub version: String,
    /// Its architecture as rpm spells it, escaped.
    pub arch: String,
}

impl From<&super::package::Package> for Package {
    fn from(package: &super::package::Package) -> Self {
        let escaped = |text: &str| text::escape(text.as_bytes());
        Self { name: escaped(&package.name), version: escaped(&package.version), arch: escaped(&package.arch) }
    }
}

impl std::fmt::Display for Package {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}-{}.{}", self.name, self.version, self.arch)
    }
}

/// Something that rpm runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scriptlet {
    /// When.
    pub slot: Slot,
    /// The program that rpm starts and its arguments, escaped.
    pub interpreter: String,
    /// What the program is given, escaped; none if rpm starts it with nothing.
    pub body: Option<String>,
    /// Whether macros in the body are expanded when it is run.
    pub expands_macros: bool,
    /// Whether the body is a query format.
    pub is_query_format: bool,
    /// On what a trigger waits, escaped.
    pub conditions: Vec<String>,
    /// Of file triggers: the larger the earlier.
    pub priority: Option<u32>,
}

impl From<&scriptlet::Scriptlet> for Scriptlet {
    fn from(scriptlet: &scriptlet::Scriptlet) -> Self {
        let escaped = |text: &str| text::escape(text.as_bytes());
        let interpreter =
            if scriptlet.interpreter.is_empty() { "/bin/sh".to_owned() } else { scriptlet.interpreter.join(" ") };
        let condition =
            |condition: &scriptlet::Condition| escaped(format!("{} {}", condition.name, condition.version).trim_end());
        Self {
            slot: scriptlet.slot,
            interpreter: escaped(&interpreter),
            body: scriptlet.body.as_deref().map(escaped),
            expands_macros: scriptlet.flags.expands(),
            is_query_format: scriptlet.flags.formats(),
            conditions: scriptlet.conditions.iter().map(condition).collect(),
            priority: scriptlet.priority,
        }
    }
}

/// What becomes of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// What is done with the package.
    pub scenario: Scenario,
    /// The rpm of the build root.
    pub rpm: RpmVersion,
    /// What comes of it.
    pub verdict: Verdict,
}

impl Finding {
    /// What it makes of a build with this rpm.
    pub fn verdict(&self, rpm: RpmVersion) -> Verdict {
        let outcome = failing(self.slot, rpm);
        if self.waived.is_some() || outcome == Failing::Ignores {
            return Verdict::Works;
        }
        match (self.effect, outcome) {
            (Effect::Advice, _) => Verdict::Works,
            (Effect::Skipped, _) | (Effect::Fails, Failing::Warns | Failing::Ignores) => Verdict::EffectsSkipped,
            (Effect::Unjudged, _) => Verdict::Unknown,
            (Effect::Image, _) => Verdict::BreaksImage,
            (Effect::Host, _) => Verdict::ChangesHost,
            (Effect::Refused, _) | (Effect::Fails, Failing::Fails) => Verdict::FailsBuild,
        }
    }
}

impl Report {
    /// The worst that can become of a build.
    pub fn verdict(&self) -> Verdict {
        self.verdicts.iter().map(|judgement| judgement.verdict).max().unwrap_or(Verdict::Works)
    }

    /// Judges anew, by the findings.
    pub fn settle(&mut self) {
        for judgement in &mut self.verdicts {
            let here = self.findings.iter().filter(|finding| finding.scenarios.contains(&judgement.scenario));
            let verdicts = here.map(|finding| finding.verdict(judgement.rpm));
            judgement.verdict = verdicts.max().unwrap_or(Verdict::Works);
        }
    }

    /// The worst that a finding makes of a build.
    fn worst(&self, finding: &Finding) -> Verdict {
        let here = self.verdicts.iter().filter(|one| finding.scenarios.contains(&one.scenario));
        here.map(|one| finding.verdict(one.rpm)).max().unwrap_or(Verdict::Works)
    }
}

impl Document {
    /// A document of these.
    pub fn new(reports: Vec<Report>, failures: Vec<NotJudged>) -> Self {
        let differences = differences::between(&reports);
        Self { schema: Schema::V1, reports, differences, failures }
    }

    /// What a report is called: by its package, and by its file too where another file has a package of the same names.
    pub fn called(&self, report: &Report) -> String {
        let is_other = |other: &Report| other.package == report.package && other.file != report.file;
        match self.reports.iter().any(is_other) {
            true => format!("{} ({})", report.package, report.file),
            false => report.package.to_string(),
        }
    }

    /// The exit code: 1 where a build fails or does harm, 2 where that could not be told, else 0.
    pub fn exit_code(&self) -> u8 {
        match self.reports.iter().map(Report::verdict).max() {
            Some(verdict) if verdict > Verdict::Unknown => 1,
            Some(Verdict::Unknown) => 2,
            _ if !self.failures.is_empty() => 2,
            _ => 0,
        }
    }
}

/// The JSON Schema of a [`Document`].
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Document).to_value()
}
