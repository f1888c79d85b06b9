//! Findings that may be so for now: which, why, who has said so, and until when.

use std::path::Path;

use serde::Deserialize;
use toml::value::{Date, Datetime};

use super::finding::{Effect, Finding};
use super::report::Document;
use crate::source::{self, Source, SourceError};
use crate::waiver::{KIND, Terms, is_called, list};

/// The value of `schema` in every such file.
pub const SCHEMA: &str = "rootcontract.rpm-waivers/1";

/// What may be so for now.
#[derive(Debug, Clone)]
pub struct Waivers(Vec<Waiver>);

/// One rule that may find something.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The rule.
    pub rule: String,
    /// The name of the package; every one if none is named.
    pub package: Option<String>,
    /// The profile; every one if none is named.
    pub profile: Option<String>,
    /// Why it may be so.
    pub reason: String,
    /// Who has said so, and mends it.
    pub owner: String,
    /// The last day on which it may be.
    pub expires: Datetime,
}

impl Waiver {
    fn terms(&self) -> Terms<'_> {
        Terms { reason: &self.reason, owner: &self.owner, expires: self.expires }
    }
}

impl Waivers {
    /// Reads a file.
    ///
    /// # Errors
    /// It can't be read, or is no list of waivers.
    pub fn load(path: &Path) -> Result<Self, SourceError> {
        let (name, bytes) = source::load(path, KIND)?;
        Self::parse(&name, &bytes)
    }

    /// Reads a file's bytes; `name` is only for errors.
    ///
    /// # Errors
    /// They are no list of waivers, or of rules that there are not.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, SourceError> {
        let source = Source::new(name, KIND, bytes)?;
        let waivers = list(&source, SCHEMA, Waiver::terms)?;
        match waivers.iter().find(|waiver| super::rule::named(&waiver.rule).is_none()) {
            Some(waiver) => Err(source.at_value(
                "rule",
                &waiver.rule,
                format!("no rule is called `{}`", waiver.rule.escape_debug()),
            )),
            None => Ok(Self(waivers)),
        }
    }

    /// Lets pass what is waived today; the waivers that nothing needs are given back.
    pub fn apply(&self, document: &mut Document, today: Date) -> Vec<&Waiver> {
        let mut unneeded = Vec::new();
        for waiver in &self.0 {
            let told = waiver.terms().on(today).ok();
            let mut is_needed = false;
            for report in &mut document.reports {
                let is_meant = waiver.package.as_ref().is_none_or(|package| *package == report.package.name)
                    && waiver.profile.as_ref().is_none_or(|profile| is_called(&report.profile, profile));
                let counts =
                    |finding: &&mut Finding| is_meant && finding.rule == waiver.rule && finding.effect > Effect::Advice;
                for finding in report.findings.iter_mut().filter(counts) {
                    is_needed = true;
                    finding.waived.clone_from(&told);
                }
                report.settle();
            }
            if !is_needed {
                unneeded.push(waiver);
            }
        }
        unneeded
    }
}
