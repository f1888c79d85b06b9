//! Findings on their way to whoever asked: waived, written as asked, and what the command exits with.

use std::path::Path;
use std::process::ExitCode;

use rootcontract::contract::Contract;
use rootcontract::profile::Profile;
use rootcontract::report::sarif::{self, Around};
use rootcontract::report::show::shown;
use rootcontract::report::{Document, Standing, github, junit};
use rootcontract::waiver::{Waivers, today};

use super::contracts;
use super::failure::{Failure, tell};
use super::format::{Formats, ReportKind};
use super::output;

/// Reads what may be broken for now, if there is a file that says so: clauses of our own contracts, or of `others`.
pub fn waivers(file: Option<&Path>, others: &[Contract]) -> Result<Option<Waivers>, Failure> {
    let Some(file) = file else { return Ok(None) };
    let waivers = Waivers::load(file)?;
    let ours = contracts::of_profiles(&Profile::ALL)?;
    waivers.are_about(&ours.iter().chain(others).collect::<Vec<_>>())?;
    Ok(Some(waivers))
}

/// Lets pass what is waived. What is said of clauses that are not broken is told, and fails.
pub fn waive(document: &mut Document, waivers: Option<&Waivers>) -> Result<Needed, Failure> {
    let Some(waivers) = waivers else { return Ok(Needed::All) };
    let today = today().ok_or(Failure::NoClock)?;
    let unneeded = waivers.apply(&mut document.reports, today);
    for waiver in &unneeded {
        let (clause, owner) = (&waiver.clause, shown(&waiver.owner));
        tell(&format!("{}: {clause} of {owner} is not broken: remove the waiver", waivers.file()));
    }
    Ok(if unneeded.is_empty() { Needed::All } else { Needed::NotAll })
}

/// Whether everything that is waived is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    /// It is.
    All,
    /// Something is not, which fails what would have passed.
    NotAll,
}

impl Needed {
    /// What a command exits with that would have exited with this.
    pub fn or(self, standing: Standing, code: ExitCode) -> ExitCode {
        if self == Self::NotAll && standing == Standing::Held { ExitCode::from(1) } else { code }
    }
}

/// Writes the document in every format that was asked for; `human` is how people are shown it, `around` what else is known.
pub fn write(
    document: &Document,
    formats: &Formats<ReportKind>,
    around: &Around<'_>,
    human: impl Fn() -> String,
) -> Result<ExitCode, Failure> {
    formats.write(|kind| match kind {
        ReportKind::Human => Ok(human()),
        ReportKind::Json => output::json(document),
        ReportKind::Junit => Ok(junit::render(document)?),
        ReportKind::Github => Ok(github::render(document)),
        ReportKind::Sarif => Ok(sarif::render(document, around)?),
    })?;
    if document.failures.is_empty() && document.is_idle() {
        tell("no clause is about what was looked at, so nothing held: ask for others with --only or --contract");
    }
    Ok(exit_code(document.standing()))
}

/// What a command exits with for what its document comes to.
pub fn exit_code(standing: Standing) -> ExitCode {
    ExitCode::from(match standing {
        Standing::Held => 0,
        Standing::Broken => 1,
        Standing::Unknown => 2,
    })
}
