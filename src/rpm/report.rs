//! What `rpm check` prints: for each package, profile and architecture what becomes of a build, and why.

pub mod human;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::finding::Finding;
use super::verdict::{RpmVersion, Scenario, Verdict};

/// Everything one `rpm check` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The schema this document follows.
    pub schema: Schema,
    /// One for each package, profile and architecture.
    pub reports: Vec<Report>,
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
    /// Its file.
    pub file: String,
    /// Why, in a line.
    pub reason: String,
}

/// One package in one room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The package.
    pub package: Package,
    /// The profile of the contract that it was held to.
    pub profile: String,
    /// The architecture.
    pub arch: String,
    /// What becomes of a build, for each scenario and rpm.
    pub verdicts: Vec<Judgement>,
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
        let escaped = |text: &str| crate::facts::text::escape(text.as_bytes());
        Self { name: escaped(&package.name), version: escaped(&package.version), arch: escaped(&package.arch) }
    }
}

impl std::fmt::Display for Package {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}-{}.{}", self.name, self.version, self.arch)
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

/// How much was looked at, in scriptlets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// Run.
    pub executed: usize,
    /// Gone through without being run.
    pub judged: usize,
    /// Not looked into: another language, or not to be parsed.
    pub skipped: usize,
}

impl Report {
    /// The worst that can become of a build.
    pub fn verdict(&self) -> Verdict {
        self.verdicts.iter().map(|judgement| judgement.verdict).max().unwrap_or(Verdict::Works)
    }
}

impl Document {
    /// A document of these.
    pub fn new(reports: Vec<Report>, failures: Vec<NotJudged>) -> Self {
        Self { schema: Schema::V1, reports, failures }
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
