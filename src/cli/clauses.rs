//! `rootcontract clauses`: the rules, a line each.

use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;
use rootcontract::arch;
use rootcontract::contract::{Clause, Contract};
use rootcontract::report::show::{beside, shown};
use serde::Serialize;

use super::contracts::Contracts;
use super::failure::Failure;
use super::format::{Formats, Kind};
use super::output;

/// List the clauses of the contracts
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rootcontract clauses
  rootcontract clauses --profile osbuild --only 'device.*'
  rootcontract clauses --arch s390x --only '*.s390x'
  rootcontract clauses --format json")]
pub struct Clauses {
    #[command(flatten)]
    contracts: Contracts,
    /// Only clauses whose id matches; may be repeated
    #[arg(long, value_name = "GLOB")]
    only: Vec<glob::Pattern>,
    /// Only clauses about this architecture
    #[arg(long, value_name = "ARCH", value_parser = PossibleValuesParser::new(arch::ALL.iter().map(|arch| arch.name)))]
    arch: Option<String>,
    #[command(flatten)]
    formats: Formats,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    reports: Vec<Report<'a>>,
}

#[derive(Serialize)]
struct Report<'a> {
    profile: &'a str,
    clauses: Vec<&'a Clause>,
}

impl Clauses {
    pub fn perform(self) -> Result<ExitCode, Failure> {
        self.formats.check()?;
        let contracts = self.contracts.load()?;
        let reports: Vec<_> = contracts.iter().map(|contract| self.report(contract)).collect();
        if reports.iter().all(|report| report.clauses.is_empty()) {
            return Err(Failure::nothing_matches(&self.only));
        }
        let document = Document { schema: "rootcontract.clauses/1", reports };
        self.formats.write(|kind| match kind {
            Kind::Human => Ok(document.reports.iter().map(human).collect::<Vec<_>>().join("\n")),
            Kind::Json => output::json(&document),
        })?;
        Ok(ExitCode::SUCCESS)
    }

    fn report<'a>(&self, contract: &'a Contract) -> Report<'a> {
        let wanted = |clause: &&Clause| {
            matches(&self.only, clause.id.as_str()) && self.arch.as_deref().is_none_or(|arch| clause.is_about(arch))
        };
        Report { profile: &contract.profile, clauses: contract.clauses.iter().filter(wanted).collect() }
    }
}

/// Whether an id is among those asked for; all are when nothing was asked.
pub fn matches(only: &[glob::Pattern], id: &str) -> bool {
    only.is_empty() || only.iter().any(|pattern| pattern.matches(id))
}

/// Refuses patterns that no clause of these contracts matches: nothing would be looked at.
pub fn some_match<'a>(
    only: &[glob::Pattern],
    contracts: impl IntoIterator<Item = &'a Contract>,
) -> Result<(), Failure> {
    let mut ids = contracts.into_iter().flat_map(|contract| &contract.clauses).map(|clause| clause.id.as_str());
    if ids.any(|id| matches(only, id)) { Ok(()) } else { Err(Failure::nothing_matches(only)) }
}

/// A heading and a line for each clause.
fn human(report: &Report<'_>) -> String {
    const BOLD: anstyle::Style = anstyle::Style::new().bold();
    let indent = report.clauses.iter().map(|clause| clause.id.as_str().len()).max().unwrap_or(0).min(40) + 9;
    let lines = report.clauses.iter().map(|clause| {
        let mark = if clause.hazard.is_some() { "⚠ " } else { "" };
        beside(&format!("{:<6} {}", clause.level, clause.id), indent, &format!("{mark}{}", shown(&clause.says)))
    });
    let (count, s) = (report.clauses.len(), if report.clauses.len() == 1 { "" } else { "s" });
    let heading = format!("{BOLD}{}: {count} clause{s}{BOLD:#}\n", shown(report.profile));
    std::iter::once(heading).chain(lines).collect()
}
