//! `rootcontract diff`: what is not the same in two build roots.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Args;
use rootcontract::diff::{Document, Relevance, human};
use rootcontract::profile::Profile;

use super::clauses::some_match;
use super::contracts;
use super::failure::Failure;
use super::format::{Formats, Kind};
use super::looks::{Around, Side, in_two};
use super::output;
use super::sandbox::Sandbox;

/// Say what is not the same in two build roots, and whether a contract speaks of it
///
/// Each side is a file that `check --format json` or `probe` wrote, or something to look at now: a profile, an
/// architecture (its tree in target/trees), the root directory of a system, or a bubblewrap. Exits with 0 when nothing
/// differs that a contract speaks of, 1 when something does, 2 when a side could not be looked at.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rootcontract diff saved.json report.json
  rootcontract diff osbuild-v19..osbuild-v190                  what has changed in osbuild's build root
  rootcontract diff --profile osbuild target/bwraps/0.4.1-3/bwrap /usr/bin/bwrap
  rootcontract diff x86_64..s390x --only 'path.*'
  rootcontract diff facts.json osbuild                         a saved look and one taken now")]
pub struct Diff {
    /// The first side, or both as BEFORE..AFTER
    #[arg(value_name = "BEFORE")]
    before: OsString,
    /// The second side
    #[arg(value_name = "AFTER")]
    after: Option<OsString>,
    /// Only facts and findings of clauses whose id matches; may be repeated
    #[arg(long, value_name = "GLOB")]
    only: Vec<glob::Pattern>,
    #[command(flatten)]
    formats: Formats<Kind>,
    #[command(flatten)]
    sandbox: Sandbox,
}

impl Diff {
    pub fn perform(self) -> Result<ExitCode, Failure> {
        self.formats.check()?;
        let around = Around { sandbox: &self.sandbox, only: &self.only };
        some_match(&self.only, &contracts::of_profiles(&Profile::ALL)?)?;
        let [before, after] = self.sides()?.map(|word| Side::of(&word));
        let (before, after) = (before.looks(&around)?, after.looks(&around)?);
        if before.iter().chain(&after).all(|look| look.report.findings.is_empty()) {
            return Err(Failure::nothing_matches(&self.only));
        }
        let mut document = Document::of(&before, &after);
        if !self.only.is_empty() {
            document.narrow();
        }
        self.formats.write(|kind| match kind {
            Kind::Human => Ok(human::render(&document)),
            Kind::Json => output::json(&document),
        })?;
        let same = document.count(Relevance::Contract) == 0 && document.alone.is_empty();
        Ok(ExitCode::from(u8::from(!same)))
    }

    fn sides(&self) -> Result<[OsString; 2], Failure> {
        match &self.after {
            Some(after) => Ok([self.before.clone(), after.clone()]),
            None => in_two(&self.before).ok_or(Failure::OneSide),
        }
    }
}
