//! `rootcontract rpm`: what packages' scriptlets do in a build root.

mod check;
mod install;
mod shell;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::failure::Failure;

/// Say what a package's scriptlets do in a build root
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rootcontract rpm check mypkg-1.0-1.noarch.rpm
  rootcontract rpm shell --at post mypkg-1.0-1.noarch.rpm
  rootcontract rpm check --help")]
pub struct Rpm {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(check::Check),
    Shell(shell::Shell),
}

impl Rpm {
    pub fn perform(self) -> Result<ExitCode, Failure> {
        match self.verb {
            Verb::Check(check) => check.perform(),
            Verb::Shell(shell) => shell.perform(),
        }
    }
}
