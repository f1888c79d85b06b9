//! `rootcontract contract`: the contracts as a document, and a reader's remarks on one of your own.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use rootcontract::report::show::shown;

use super::failure::Failure;
use super::output;

/// Print the contract as a document, or check one of your own
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  rootcontract contract lint my-contract.toml"
)]
pub struct Contract {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Say what is wrong or odd about a contract file
    #[command(after_help = "Examples:\n  rootcontract contract lint my-contract.toml")]
    Lint {
        /// The contract
        file: PathBuf,
    },
}

impl Contract {
    pub fn perform(self) -> Result<ExitCode, Failure> {
        match self.verb {
            Verb::Lint { file } => lint(&file),
        }
    }
}

/// Exits with 1 when there are remarks, a line each on standard output.
fn lint(file: &Path) -> Result<ExitCode, Failure> {
    let contract = rootcontract::contract::Contract::load(file)?;
    let text =
        std::fs::read_to_string(file).map_err(|source| Failure::ContractChanged { file: file.to_owned(), source })?;
    let remarks = contract.lint(&text);
    let lines =
        remarks.iter().map(|remark| format!("{}:{}\n", shown(&file.to_string_lossy()), shown(&remark.to_string())));
    output::print(&lines.collect::<String>())?;
    Ok(if remarks.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
