//! `rootcontract rpm`: what packages' scriptlets do in a build root.

mod check;
mod closure;
mod install;
mod shell;
mod spec;

use std::process::ExitCode;

use anstyle::Style;
use clap::{Args, Subcommand};
use rootcontract::arch;
use rootcontract::contract::Contract;
use rootcontract::report::show::{beside, shown};
use rootcontract::rpm::finding::Effect;
use rootcontract::rpm::ground::Ground;
use rootcontract::rpm::rule::{Consequence, Rule};

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

/// All there is to know about a rule, and what comes of it by each contract.
pub fn explained(rule: &Rule, contracts: &[Contract]) -> String {
    const BOLD: Style = Style::new().bold();
    const DIM: Style = Style::new().dimmed();
    let rows = [("assumes", rule.says), ("why", rule.why), ("osbuild", rule.then), ("instead", rule.instead)];
    let row = |label: &str, text: &str| beside(&format!("  {DIM}{label}{DIM:#}"), 12, &shown(text));
    let arch = arch::native().map_or("x86_64", |arch| arch.name);
    let rooms = contracts.iter().map(|contract| {
        let consequence = rule.consequence(&Ground::of(contract, arch));
        row("so", &format!("{}: {}", contract.profile, told(consequence)))
    });
    let heading = format!("{BOLD}{}{BOLD:#}, a rule about scriptlets\n", rule.id);
    std::iter::once(heading).chain(rows.map(|(label, text)| row(label, text))).chain(rooms).collect()
}

/// What comes of a rule, and by which clause.
fn told(consequence: Option<Consequence<'_>>) -> String {
    let Some(Consequence { effect, clause }) = consequence else { return "nothing: it is as assumed".to_owned() };
    let effect = match effect {
        Effect::Advice => "worth knowing, no more",
        Effect::Skipped => "what it is for does not happen",
        Effect::Unjudged => "it can't be told",
        Effect::Image => "the image has something that it must not have",
        Effect::Host => "the machine that builds is changed",
        Effect::Fails => "the command fails",
        Effect::Refused => "rpm refuses the package",
    };
    match clause {
        Some(clause) => format!("{effect} ({})", clause.id),
        None => effect.to_owned(),
    }
}
