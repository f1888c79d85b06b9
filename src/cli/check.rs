//! `rootcontract check`: is the build root what its contract says?

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use rootcontract::contract::Contract;
use rootcontract::diff::{self, Relevance};
use rootcontract::facts::Document as Facts;
use rootcontract::profile::Profile;
use rootcontract::report::human::{self, Judged};
use rootcontract::report::{Document, Look, Standing, sarif};

use super::clauses::{matches, some_match};
use super::failure::{Failure, tell};
use super::format::{Formats, ReportKind};
use super::looks::{Around, Side};
use super::sandbox::{BUILDING, Sandbox};
use super::{contracts, facts, findings, line};

/// Check the build root against its contract, clause by clause
///
/// Builds the sandbox, looks at it from inside and holds what is there against what is promised.
/// Exits with 0 when everything held, 1 when a clause is broken, 2 when something could not be checked.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rootcontract check
  rootcontract check --profile osbuild --only 'device.*' --only 'mount.*'
  rootcontract check --root /srv/trees/f43 --format human --format json=report.json
  rootcontract check --format github --format junit=report.xml       in a CI system
  rootcontract check --format sarif=rootcontract.sarif               for code scanning
  rootcontract check --profile osbuild --facts saved.json
  rootcontract check --profile osbuild --phase scriptlet             what a package's %post finds
  rootcontract check --profile osbuild --phase scriptlet --facts facts      what ci/probe-rpm found elsewhere
  rootcontract check --baseline report.json                          has anything changed since?")]
pub struct Check {
    /// Contract of your own, instead of the profile's
    #[arg(long, value_name = "FILE")]
    contract: Option<PathBuf>,
    /// Judge what `rootcontract probe` or `rootcontract-probe` printed, and build nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = BUILDING)]
    facts: Option<PathBuf>,
    /// Only clauses whose id matches; may be repeated
    #[arg(long, value_name = "GLOB")]
    only: Vec<glob::Pattern>,
    /// What may be broken for now, each with reason, owner and last day; what needs no waiver fails
    #[arg(long, value_name = "FILE")]
    waivers: Option<PathBuf>,
    /// Say what changed since FILE was written by `check --format json`, `probe` or `baseline`, or since a version of
    /// bubblewrap whose baseline is built in. A change that the contract speaks of fails the check
    #[arg(long, value_name = "FILE", conflicts_with_all = ["contract", "facts"])]
    baseline: Option<OsString>,
    #[command(flatten)]
    formats: Formats<ReportKind>,
    #[command(flatten)]
    sandbox: Sandbox,
}

impl Check {
    pub fn perform(self) -> Result<ExitCode, Failure> {
        self.formats.check()?;
        // What was named is read before anything is built.
        let named = self.contract.as_deref().map(Contract::load).transpose()?;
        let waivers = findings::waivers(self.waivers.as_deref(), named.as_slice())?;
        let before = self.before()?;
        let mut judged = match &self.facts {
            Some(file) => self.saved(named, &facts::load(file)?, file)?,
            None => self.built(named)?,
        };
        if judged.iter().all(|judged| judged.look.report.findings.is_empty()) {
            return Err(Failure::nothing_matches(&self.only));
        }
        let since = before.map(|before| self.since(&before, &judged));
        let mut document = Document::new(judged.iter().map(|judged| judged.look.report.clone()).collect());
        let needed = findings::waive(&mut document, waivers.as_ref())?;
        for (judged, report) in judged.iter_mut().zip(&document.reports) {
            judged.look.report = report.clone();
        }
        let changed = since.as_ref().map(|since| String::from("\n") + &diff::human::render(since)).unwrap_or_default();
        let contracts = judged.iter().map(|judged| judged.look.contract.clone()).collect();
        let around = sarif::Around { contracts, since: since.as_ref() };
        let code = findings::write(&document, &self.formats, &around, || human::render(&judged) + &changed)?;
        let code = needed.or(document.standing(), code);
        let (changes, alone) = since.map_or((0, 0), |since| (since.count(Relevance::Contract), since.alone.len()));
        if changes == 0 && alone == 0 {
            return Ok(code);
        }
        // A machine's format has no word for it.
        tell(&format!("check: changed since the baseline: {changes} of the contract, {alone} without a counterpart"));
        Ok(if document.standing() == Standing::Held { ExitCode::from(1) } else { code })
    }

    /// The looks that are in the baseline, if there is one.
    fn before(&self) -> Result<Option<Vec<Look>>, Failure> {
        let around = Around { sandbox: &self.sandbox, only: &self.only };
        self.baseline.as_ref().map(|baseline| Side::of(baseline).looks(&around)).transpose()
    }

    /// What changed since then.
    fn since(&self, before: &[Look], judged: &[Judged]) -> diff::Document {
        let after: Vec<Look> = judged.iter().map(|judged| judged.look.clone()).collect();
        let mut since = diff::Document::of(before, &after);
        if !self.only.is_empty() {
            since.narrow();
        }
        since
    }

    /// Holds saved facts to the contract that was named, else to that of the profile they are of.
    fn saved(&self, named: Option<Contract>, facts: &Facts, file: &Path) -> Result<Vec<Judged>, Failure> {
        let contracts = match named {
            Some(contract) => vec![contract],
            None => contracts::of_facts(facts, file, &self.sandbox.profiles)?,
        };
        contracts.into_iter().map(|contract| self.judge(contract, facts, None)).collect()
    }

    /// Builds each sandbox and holds it to its contract.
    fn built(&self, named: Option<Contract>) -> Result<Vec<Judged>, Failure> {
        let targets = self.targets(named)?;
        some_match(&self.only, targets.iter().map(|(_, contract)| contract))?;
        let about = self.sandbox.about()?;
        let judge = |(profile, contract): (Profile, Contract)| {
            let facts = self.sandbox.look(profile, &about)?;
            self.judge(contract, &facts, Some(profile))
        };
        targets.into_iter().map(judge).collect()
    }

    /// What is built, and what it is held to.
    fn targets(&self, contract: Option<Contract>) -> Result<Vec<(Profile, Contract)>, Failure> {
        let named = &self.sandbox.profiles;
        let (Some(file), Some(contract)) = (&self.contract, contract) else {
            let profiles = self.sandbox.wanted();
            let contracts = contracts::of_profiles(&profiles)?;
            return Ok(profiles.into_iter().zip(contracts).collect());
        };
        let profiles = match (contract.profile.parse::<Profile>(), named.as_slice()) {
            (_, []) => vec![contracts::profile_of(&contract, file)?],
            (Ok(profile), named) => match named.iter().find(|named| **named != profile) {
                Some(&named) => return Err(Failure::OtherProfile { file: file.clone(), profile, named }),
                None => vec![profile],
            },
            (Err(_), named) => named.to_vec(),
        };
        Ok(profiles.into_iter().map(|profile| (profile, contract.clone())).collect())
    }

    fn judge(&self, contract: Contract, facts: &Facts, built: Option<Profile>) -> Result<Judged, Failure> {
        // Of our own contracts only what is about the place; one of somebody else is shown as it is.
        let phase = facts.phase().or(self.sandbox.named_phase());
        let contract = if self.contract.is_none() { contract.about(facts.arch(), phase) } else { contract };
        let mut look = Look::of(contract, facts, |clause| matches(&self.only, clause.as_str()))?;
        look.report.place = built.map(|_| self.sandbox.place());
        let reproduce = match built {
            Some(profile) if look.report.summary.broken > 0 => Some(line::of(self.sandbox.builder(profile)?)?),
            Some(_) | None => None,
        };
        Ok(Judged { look, reproduce })
    }
}
