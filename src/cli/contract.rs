//! `rootcontract contract`: the contracts as a document, and a reader's remarks on one of your own.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum};
use rootcontract::arch;
use rootcontract::contract::document;
use rootcontract::report::show::shown;
use serde::Serialize;

use super::contracts::Contracts;
use super::failure::Failure;
use super::output;

/// Print the contracts as a document, or look over one of your own
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  rootcontract contract | less
  rootcontract contract --profile osbuild --arch s390x --format json
  rootcontract contract --profile hardened
  rootcontract contract lint my-contract.toml"
)]
pub struct Contract {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    contracts: Contracts,
    /// Architecture the document is for [default: this machine's]
    #[arg(long, value_name = "ARCH", value_parser = PossibleValuesParser::new(arch::ALL.iter().map(|arch| arch.name)))]
    arch: Option<String>,
    /// How it is written
    #[arg(long, value_name = "KIND", default_value = "markdown")]
    format: Kind,
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

/// How the document is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// For people
    Markdown,
    /// For programs
    Json,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    reports: &'a [rootcontract::contract::Contract],
}

impl Contract {
    pub fn perform(self) -> Result<ExitCode, Failure> {
        if let Some(Verb::Lint { file }) = &self.verb {
            return lint(file);
        }
        let native = arch::native().map_or(std::env::consts::ARCH, |arch| arch.name);
        let arch = self.arch.as_deref().unwrap_or(native);
        let mut contracts = match self.format {
            Kind::Markdown => self.contracts.load_all()?,
            Kind::Json => self.contracts.load()?,
        };
        output::print(&match (self.format, contracts.as_slice()) {
            (Kind::Markdown, [contract]) => document::markdown(contract, arch),
            (Kind::Markdown, contracts) => document::whole(contracts, arch),
            (Kind::Json, _) => {
                contracts = contracts.into_iter().map(|contract| contract.on(arch)).collect();
                output::json(&Document { schema: "rootcontract.contracts/1", reports: &contracts })?
            }
        })?;
        Ok(ExitCode::SUCCESS)
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
