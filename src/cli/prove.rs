//! `rootcontract prove`: can the contract's clauses fail at all?

use std::path::PathBuf;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::Args;
use rootcontract::inspect::{find_probe, native};
use rootcontract::profile::Profile;
use rootcontract::prove::{Proof, Tools, Trial, prove_until};
use rootcontract::report::show::{beside, shown};
use serde::Serialize;

use super::failure::{Failure, tell};
use super::format::{Formats, Kind};
use super::output;
use super::signals::Signals;

/// Build wrong sandboxes on purpose, and demand that exactly the right clauses break
///
/// Everything happens in a decoy: a throw-away tree and namespaces that nothing else lives in.
/// Exits with 0 when every mutant broke exactly what it had to, 1 when one did not, 2 when it could not be tried.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rootcontract prove
  rootcontract prove --profile osbuild --format json=proof.json")]
pub struct Prove {
    /// Profile whose contract is put to the test; may be repeated [default: every profile]
    #[arg(long = "profile", value_name = "PROFILE")]
    profiles: Vec<Profile>,
    /// bubblewrap to build with [default: the first bwrap in PATH]
    #[arg(long, value_name = "PATH")]
    bwrap: Option<PathBuf>,
    /// Probe that looks at it from inside [default: the one that ci/probes built or a package installed]
    #[arg(long, value_name = "PATH")]
    probe: Option<PathBuf>,
    #[command(flatten)]
    formats: Formats,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    reports: Vec<Proof>,
}

impl Prove {
    pub fn perform(self) -> Result<ExitCode, Failure> {
        self.formats.check()?;
        let own = || native().and_then(|arch| find_probe(arch.name)).map_err(Failure::NoProbe);
        let probe = self.probe.map_or_else(own, Ok)?;
        let tools = Tools { bwrap: self.bwrap, probe, supervisor: None };
        let profiles = if self.profiles.is_empty() { Profile::ALL.to_vec() } else { self.profiles };
        let signals = Signals::caught()?;
        let proved = |profile: Profile| {
            let progress = |trial: &Trial| tell(&format!("{profile}: {}: {}", trial.mutant, word(trial)));
            signals.or_ended(|interrupt| {
                prove_until(profile, &tools, &progress, interrupt).map_err(|source| Failure::Prove { profile, source })
            })
        };
        let reports = profiles.into_iter().map(proved).collect::<Result<Vec<_>, _>>()?;
        let document = Document { schema: "rootcontract.proof/1", reports };
        self.formats.write(|kind| match kind {
            Kind::Human => Ok(document.reports.iter().map(human).collect::<Vec<_>>().join("\n")),
            Kind::Json => output::json(&document),
        })?;
        Ok(if document.reports.iter().all(Proof::holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn word(trial: &Trial) -> &'static str {
    if trial.exact() { "noticed" } else { "NOT as it should be" }
}

/// A line for each mutant, what is wrong below it, and what no mutant has broken.
fn human(proof: &Proof) -> String {
    const BOLD: Style = Style::new().bold();
    let indent = 6 + proof.trials.iter().map(|trial| trial.mutant.len()).max().unwrap_or(0).min(40);
    let exact = proof.trials.iter().filter(|trial| trial.exact()).count();
    let heading = format!("{BOLD}{}: {} mutants{BOLD:#}\n", proof.profile, proof.trials.len());
    let lines: String = proof.trials.iter().map(|trial| told(trial, indent)).collect();
    let by_facts = proof.contradicted.iter().filter(|one| one.is_proof()).count();
    let score = 100 * (proof.clauses - proof.unproven.len()) / proof.clauses.max(1);
    let total = format!(
        "\n{BOLD}{}: {exact} of {} mutants break exactly what they must; {score} % of {} clauses can fail: {} by mutants, {by_facts} by facts{BOLD:#}\n",
        proof.profile,
        proof.trials.len(),
        proof.clauses,
        proof.proven.len(),
    );
    let unproven = proof.contradicted.iter().filter(|one| !one.is_proof()).map(|one| {
        beside(
            "  NOT proven:",
            14,
            &format!("{}: nothing forbidden was found for {}", one.clause, one.survived.join(", ")),
        )
    });
    let unproven: String = unproven.collect();
    heading + &lines + &total + &unproven
}

fn told(trial: &Trial, indent: usize) -> String {
    let (mark, color) = if trial.exact() { ('✔', AnsiColor::Green) } else { ('✘', AnsiColor::Red) };
    let style = color.on_default();
    let first = beside(&format!("  {style}{mark}{style:#} {}", trial.mutant), indent, trial.says);
    let list = |label: &str, clauses: &[String]| match clauses {
        [] => String::new(),
        clauses => beside("", indent, &format!("{label} {}", clauses.join(" "))),
    };
    let nothing = trial.broke.is_empty() && trial.unread.is_empty() && trial.error.is_none();
    let nothing = if nothing { beside("", indent, "breaks nothing") } else { String::new() };
    let error = trial.error.as_deref().map(|error| beside("", indent, &shown(error))).unwrap_or_default();
    first
        + &list("held, and should not:", &trial.survived)
        + &list("broke, and should not:", &trial.unnamed)
        + &nothing
        + &error
}
