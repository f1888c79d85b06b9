//! `rootcontract explain`: all there is to know about one rule.

use std::process::ExitCode;

use anstyle::Style;
use clap::Args;
use rootcontract::contract::{Clause, Contract, Subject, When, Word};
use rootcontract::report::show::{beside, shown};

use super::contracts::Contracts;
use super::failure::Failure;
use super::output;

/// Say what a clause or a rule about scriptlets means, why it is there and what to do instead
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rootcontract explain mount.usr.read-only
  rootcontract explain --profile osbuild-v19 environment.path.value
  rootcontract explain systemd.runtime                   a rule of `rpm check`")]
pub struct Explain {
    /// Id of the clause, as `check` and `clauses` show it, or of the rule, as `rpm check` does
    #[arg(value_name = "CLAUSE")]
    id: String,
    #[command(flatten)]
    contracts: Contracts,
}

/// How alike an id must be to what was typed to be worth a suggestion (Jaro-Winkler, 0 to 1).
const ALIKE: f64 = 0.8;
/// The most suggestions.
const SUGGESTIONS: usize = 3;

impl Explain {
    pub fn perform(self) -> Result<ExitCode, Failure> {
        let contracts = self.contracts.load_all()?;
        #[cfg(feature = "rpm")]
        if let Some(rule) = rootcontract::rpm::rule::named(&self.id) {
            output::print(&super::rpm::explained(rule, &contracts))?;
            return Ok(ExitCode::SUCCESS);
        }
        let clauses = told_apart(&contracts, &self.id);
        if clauses.is_empty() {
            let like = alike(&contracts, &self.id);
            return Err(Failure::NoSuchClause { id: self.id, like });
        }
        let texts: Vec<_> = clauses.iter().map(|(profiles, clause)| explained(profiles, clause)).collect();
        output::print(&texts.join("\n"))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The clauses of this id, and the profiles that have each; one where profiles agree.
fn told_apart<'a>(contracts: &'a [Contract], id: &str) -> Vec<(Vec<&'a str>, &'a Clause)> {
    let mut clauses: Vec<(Vec<&str>, &Clause)> = Vec::new();
    for contract in contracts {
        if let Some(clause) = contract.clause(id) {
            match clauses.iter_mut().find(|(_, known)| *known == clause) {
                Some((profiles, _)) => profiles.push(&contract.profile),
                None => clauses.push((vec![&contract.profile], clause)),
            }
        }
    }
    clauses
}

/// Ids that look like this one, the likeliest first.
fn alike(contracts: &[Contract], id: &str) -> Vec<String> {
    let ids = contracts.iter().flat_map(|contract| &contract.clauses).map(|clause| clause.id.as_str());
    #[cfg(feature = "rpm")]
    let ids = ids.chain(rootcontract::rpm::rule::all().map(|rule| rule.id));
    let mut ranked: Vec<(f64, &str)> = ids.map(|known| (strsim::jaro_winkler(known, id), known)).collect();
    ranked.retain(|(likeness, _)| *likeness >= ALIKE);
    ranked.sort_by(|(one, a), (other, b)| other.total_cmp(one).then(a.cmp(b)));
    ranked.dedup_by_key(|(_, known)| *known);
    ranked.into_iter().take(SUGGESTIONS).map(|(_, known)| known.to_owned()).collect()
}

fn explained(profiles: &[&str], clause: &Clause) -> String {
    const BOLD: Style = Style::new().bold();
    const DIM: Style = Style::new().dimmed();
    let heading = format!("{BOLD}{}{BOLD:#} ({}) in {}\n", clause.id, clause.level, shown(&profiles.join(", ")));
    let rows = [
        ("says", Some(clause.says.clone())),
        ("why", Some(clause.why.clone())),
        ("instead", clause.instead.clone()),
        ("⚠ hazard", clause.hazard.clone()),
        ("expects", Some(clause.expect.to_string())),
        ("when", (!clause.when.is_always()).then(|| conditions(&clause.when))),
        ("proven by", Some(proven(clause.subject()).to_owned())),
        ("seen on", clause.observed_on.as_deref().map(seen)),
        ("from", Some(clause.origin.clone())),
        ("since", Some(clause.since.clone())),
    ];
    let rows = rows.into_iter().filter_map(|(label, text)| Some((label, text?)));
    heading
        + &rows.map(|(label, text)| beside(&format!("  {DIM}{label}{DIM:#}"), 12, &shown(&text))).collect::<String>()
}

/// Who has to be of an architecture so that something is proven for it.
fn proven(subject: Subject) -> &'static str {
    match subject {
        Subject::Program => "programs of the architecture, emulated ones too",
        Subject::Kernel => "the architecture's own kernel and bubblewrap",
    }
}

fn seen(places: &[String]) -> String {
    if places.is_empty() { "nothing yet".to_owned() } else { places.join("; ") }
}

/// `privilege root; phase raw or runner; host !fuse`.
fn conditions(when: &When) -> String {
    fn words<W: Word>(list: &[W]) -> Vec<String> {
        list.iter().map(|word| word.as_str().to_owned()).collect()
    }
    let any = [
        ("privilege", words(&when.privilege)),
        ("phase", words(&when.phase)),
        ("policy", words(&when.policy)),
        ("arch", when.arch.iter().map(|arch| arch.as_str().to_owned()).collect()),
    ];
    let all = [
        ("host", when.host.iter().map(ToString::to_string).collect::<Vec<_>>()),
        ("tree", when.tree.iter().map(ToString::to_string).collect()),
    ];
    let said = |name: &str, words: &[String], between: &str| {
        (!words.is_empty()).then(|| format!("{name} {}", words.join(between)))
    };
    let any = any.iter().filter_map(|(name, words)| said(name, words, " or "));
    let all = all.iter().filter_map(|(name, words)| said(name, words, " and "));
    any.chain(all).collect::<Vec<_>>().join("; ")
}
