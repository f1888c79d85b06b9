//! Findings on their way from facts to whoever asked: judged, written as asked, and what the command exits with.

use std::process::ExitCode;

use rootcontract::contract::Contract;
use rootcontract::facts::Document as Facts;
use rootcontract::report::{Document, Report, Standing, github, junit};
use rootcontract::verify::verify;

use super::clauses::matches;
use super::failure::Failure;
use super::format::{Formats, ReportKind};
use super::output;

/// Holds facts to the clauses of a contract that match.
pub fn judge(contract: &Contract, facts: &Facts, only: &[glob::Pattern]) -> Result<Report, Failure> {
    let mut findings = verify(contract, &serde_json::to_value(facts)?);
    findings.retain(|finding| matches(only, finding.clause.as_str()));
    Ok(Report::new(contract, facts, findings))
}

/// Writes the document in every format that was asked for; `human` is how people are shown it.
pub fn write(
    document: &Document,
    formats: &Formats<ReportKind>,
    human: impl Fn() -> String,
) -> Result<ExitCode, Failure> {
    formats.write(|kind| match kind {
        ReportKind::Human => Ok(human()),
        ReportKind::Json => output::json(document),
        ReportKind::Junit => Ok(junit::render(document)?),
        ReportKind::Github => Ok(github::render(document)),
    })?;
    Ok(ExitCode::from(match document.standing() {
        Standing::Held => 0,
        Standing::Broken => 1,
        Standing::Unknown => 2,
    }))
}
