//! The command line: one file per subcommand, each with its arguments and what it does.
//!
//! stdout is data, stderr is talk. `check` and `prove` exit with 0 when everything held, 1 when something is broken,
//! 2 when it could not be checked; `run` with the payload's status, or 124 to 127 for what became of it.

mod check;
mod clauses;
mod contract;
mod contracts;
mod explain;
mod failure;
mod format;
mod output;
mod sandbox;
mod schema;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::{Failure, tell};

/// What every subcommand but `run` exits with when it could not do its work.
const COULD_NOT: u8 = 2;

/// osbuild's build root, the contract it keeps, and the proof that it keeps it.
#[derive(Debug, Parser)]
#[command(name = "rootcontract", version, max_term_width = 100, after_help = EXAMPLES)]
struct Command {
    #[command(subcommand)]
    subcommand: Verb,
}

const EXAMPLES: &str = "Examples:
  rootcontract check                            is this machine's build root what it should be?
  rootcontract explain mount.usr.read-only      what does one rule mean?
  rootcontract run -- /usr/bin/findmnt          what does it look like from inside?";

#[derive(Debug, Subcommand)]
enum Verb {
    Check(check::Check),
    Contract(contract::Contract),
    Explain(explain::Explain),
    Clauses(clauses::Clauses),
    Schema(schema::Schema),
}

/// The command, from its arguments to its exit code.
pub fn main() -> ExitCode {
    let could_not = COULD_NOT;
    no_backtraces(could_not);
    let command = match Command::try_parse() {
        Ok(command) => command,
        Err(error) => {
            // Nobody is left to be told when this can't be printed.
            let _unheard = error.print();
            return if error.use_stderr() { could_not.into() } else { ExitCode::SUCCESS };
        }
    };
    command.subcommand.perform().unwrap_or_else(|failure| {
        tell(&failure::line(&failure));
        could_not.into()
    })
}

impl Verb {
    fn perform(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Check(check) => check.perform(),
            Self::Contract(contract) => contract.perform(),
            Self::Explain(explain) => explain.perform(),
            Self::Clauses(clauses) => clauses.perform(),
            Self::Schema(schema) => schema.perform(),
        }
    }
}

/// A panic is a fault of ours: told in a line, without a backtrace, and never an exit code that means something else.
fn no_backtraces(code: u8) {
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(|place| format!(" at {}:{}", place.file(), place.line())).unwrap_or_default();
        let what = panic.payload_as_str().unwrap_or("no message");
        tell(&format!("a fault in rootcontract itself{place}: {what}; please report it"));
        std::process::exit(code.into());
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
