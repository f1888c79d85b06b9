//! `rootcontract report`: what `check` and `matrix` found, read again.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use rootcontract::report::merge::merge;
use rootcontract::report::sarif::Around;
use rootcontract::report::{Document, overview};

use super::failure::Failure;
use super::findings;
use super::format::{Formats, ReportKind};

/// Show or merge what `check` and `matrix` wrote with `--format json`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rootcontract report show report.json
  rootcontract report merge shard-*.json --format human --format junit=report.xml")]
pub struct Reports {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Merge(Merge),
    Show(Show),
}

/// Make one document of several: the shards of a matrix, or what was checked on several machines
///
/// Exits as one check of all of it would have. What was dealt to a shard that is missing could not be checked;
/// documents that do not fit together are refused.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rootcontract report merge shard-1.json shard-2.json
  rootcontract report merge here.json s390x.json --format json=all.json --format github")]
pub struct Merge {
    /// Documents
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    formats: Formats<ReportKind>,
}

/// Show a document, in any format
///
/// Exits as the check that wrote it did.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rootcontract report show report.json
  rootcontract report show report.json --format junit=report.xml")]
pub struct Show {
    /// A document
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    formats: Formats<ReportKind>,
}

impl Reports {
    pub fn perform(self) -> Result<ExitCode, Failure> {
        match self.verb {
            Verb::Merge(merge) => merge.perform(),
            Verb::Show(show) => show.perform(),
        }
    }
}

impl Merge {
    fn perform(self) -> Result<ExitCode, Failure> {
        self.formats.check()?;
        let read = |file: &PathBuf| Ok((name(file), Document::load(file)?));
        let merged = merge(self.files.iter().map(read).collect::<Result<_, Failure>>()?)?;
        findings::write(&merged, &self.formats, &Around::default(), || overview::render(&merged))
    }
}

impl Show {
    fn perform(self) -> Result<ExitCode, Failure> {
        self.formats.check()?;
        let document = Document::load(&self.file)?;
        findings::write(&document, &self.formats, &Around::default(), || overview::render(&document))
    }
}

fn name(file: &Path) -> String {
    file.to_string_lossy().into_owned()
}
