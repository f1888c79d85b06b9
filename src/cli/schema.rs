//! `rootcontract schema`: the JSON Schemas of what we read and write.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::failure::Failure;
use super::output;

/// Print the JSON Schema of a document
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rootcontract schema report
  rootcontract schema contract > contract.schema.json     for an editor that helps to write one")]
pub struct Schema {
    /// Which document
    document: Document,
}

/// A document with a schema.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Document {
    /// What `probe` prints
    Facts,
    /// What a contract file says
    Contract,
    /// What `check --format json` prints
    Report,
    /// What `baseline` prints
    Baseline,
    /// What `diff --format json` prints
    Diff,
    /// What `upgrade-check --format json` prints
    Upgrade,
    /// What `doctor --format json` prints
    Doctor,
    /// What `escapes --format json` prints
    Escapes,
    /// What `rpm check --format json` prints
    #[cfg(feature = "rpm")]
    Rpm,
}

impl Schema {
    pub fn perform(self) -> Result<ExitCode, Failure> {
        let schema = match self.document {
            Document::Facts => rootcontract::facts::schema(),
            Document::Contract => rootcontract::contract::schema(),
            Document::Report => rootcontract::report::schema(),
            Document::Baseline => rootcontract::baseline::schema(),
            Document::Upgrade => rootcontract::upgrade::schema(),
            Document::Diff => rootcontract::diff::schema(),
            Document::Doctor => rootcontract::doctor::schema(),
            Document::Escapes => rootcontract::escapes::document::schema(),
            #[cfg(feature = "rpm")]
            Document::Rpm => rootcontract::rpm::report::schema(),
        };
        output::print(&output::json(&schema)?)?;
        Ok(ExitCode::SUCCESS)
    }
}
