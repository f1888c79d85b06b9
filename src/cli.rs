//! The command line: one file per subcommand, each with its arguments and what it does.
//!
//! stdout is data, stderr is talk. `check`, `matrix`, `prove` and `doctor` exit with 0 when everything held or is there,
//! 1 when something is broken or missing, 2 when that could not be looked at; `run` with the payload's status, or 124 to
//! 127 for what became of it.

mod baseline;
mod cells;
mod check;
mod clauses;
mod contract;
mod contracts;
mod diff;
mod doctor;
mod escapes;
mod explain;
mod facts;
mod failure;
mod findings;
mod format;
mod jobs;
mod line;
mod looks;
mod machine;
mod matrix;
mod output;
mod plan;
mod probe;
mod prove;
mod report;
#[cfg(feature = "rpm")]
mod rpm;
mod run;
mod sandbox;
mod schema;
mod signals;
mod status;
mod upgrade_check;

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rootcontract::facts::text;
use rootcontract::report::show::shown;

use failure::{Failure, tell};

/// osbuild's build root, the contract it keeps, and the proof that it keeps it.
#[derive(Debug, Parser)]
#[command(name = "rootcontract", version, max_term_width = 100, after_help = EXAMPLES)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "Examples:
  rootcontract check                            is this machine's build root what it should be?
  rootcontract explain mount.usr.read-only      what does one rule mean?
  rootcontract run -- /usr/bin/findmnt          what does it look like from inside?
  rootcontract escapes --profile hardened       can anything get out?
  rootcontract rpm check mypkg.rpm              will my scriptlets work there?";

#[derive(Debug, Subcommand)]
enum Verb {
    Check(check::Check),
    Probe(probe::Probe),
    Run(run::Run),
    Plan(plan::Plan),
    Contract(contract::Contract),
    Clauses(clauses::Clauses),
    Explain(explain::Explain),
    Matrix(matrix::Matrix),
    Diff(diff::Diff),
    UpgradeCheck(upgrade_check::UpgradeCheck),
    Baseline(baseline::Baseline),
    Prove(prove::Prove),
    Escapes(escapes::Escapes),
    Doctor(doctor::Doctor),
    Machine(machine::Machines),
    Report(report::Reports),
    #[cfg(feature = "rpm")]
    Rpm(rpm::Rpm),
    Schema(schema::Schema),
}

/// What a subcommand exits with when it could not do its work. `run` leaves the small numbers to the payload.
#[derive(Debug, Clone, Copy)]
enum CouldNot {
    Check = 2,
    Run = 125,
}

impl From<CouldNot> for ExitCode {
    fn from(could_not: CouldNot) -> Self {
        Self::from(could_not as u8)
    }
}

/// The command, from its arguments to its exit code.
pub fn main() -> ExitCode {
    let running = std::env::args_os().nth(1).is_some_and(|verb| verb == "run");
    let could_not = if running { CouldNot::Run } else { CouldNot::Check };
    no_backtraces(could_not as u8);
    rootcontract::sys::hear_of_children();
    let command = match Command::try_parse() {
        Ok(command) => command,
        Err(error) => {
            // Nobody is left to be told when this can't be printed.
            let _unheard = print(&error);
            return if error.use_stderr() { could_not.into() } else { ExitCode::SUCCESS };
        }
    };
    command.verb.perform().unwrap_or_else(|failure| {
        tell(&failure::line(&failure));
        match failure {
            Failure::Signal(signal) => ExitCode::from(128 + signal),
            _ => could_not.into(),
        }
    })
}

impl Verb {
    fn perform(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Check(check) => check.perform(),
            Self::Probe(probe) => probe.perform(),
            Self::Run(run) => run.perform(),
            Self::Plan(plan) => plan.perform(),
            Self::Contract(contract) => contract.perform(),
            Self::Clauses(clauses) => clauses.perform(),
            Self::Explain(explain) => explain.perform(),
            Self::Matrix(matrix) => matrix.perform(),
            Self::Diff(diff) => diff.perform(),
            Self::UpgradeCheck(check) => check.perform(),
            Self::Baseline(baseline) => baseline.perform(),
            Self::Prove(prove) => prove.perform(),
            Self::Escapes(escapes) => escapes.perform(),
            Self::Doctor(doctor) => doctor.perform(),
            Self::Machine(machine) => machine.perform(),
            Self::Report(report) => report.perform(),
            #[cfg(feature = "rpm")]
            Self::Rpm(rpm) => rpm.perform(),
            Self::Schema(schema) => schema.perform(),
        }
    }
}

/// Prints clap's words. Where what was typed could speak to the terminal they go without colour, so that whatever is left
/// that could is not theirs.
fn print(error: &clap::Error) -> io::Result<()> {
    let is_plain = |word: OsString| text::escape(word.as_bytes()).as_bytes() == word.as_bytes();
    let words = error.render();
    if !error.use_stderr() {
        return output::write_coloured(io::stdout(), &words.ansi().to_string());
    }
    if std::env::args_os().all(is_plain) {
        return output::write_coloured(io::stderr(), &words.ansi().to_string());
    }
    let words = words.to_string();
    words.lines().try_for_each(|line| writeln!(output::Waiting(io::stderr()), "{}", shown(line)))
}

/// A panic is a fault of ours, or the standard library's answer to a system that gives it no thread: told in a line,
/// without a backtrace, with an exit code that means nothing else.
pub fn no_backtraces(could_not: u8) {
    std::panic::set_hook(Box::new(move |panic| {
        let payload = panic.payload();
        let what = payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str));
        let what = what.unwrap_or("no message");
        match panic.location() {
            Some(place) if place.file().starts_with("/rustc/") => tell(&format!("the system fails us: {what}")),
            place => {
                let place = place.map(|place| format!(" at {}:{}", place.file(), place.line())).unwrap_or_default();
                tell(&format!("a fault in rootcontract itself{place}: {what}; please report it"));
            }
        }
        std::process::exit(could_not.into());
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Command::command().debug_assert();
    }

    #[test]
    fn every_subcommand_has_examples() {
        for subcommand in Command::command().get_subcommands() {
            let help = subcommand.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with("Examples:\n  rootcontract "), "{}: {help:?}", subcommand.get_name());
        }
    }
}
