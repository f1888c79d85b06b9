//! A comparison for people: what a contract speaks of first, then the host's; what is volatile is only counted.

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use super::{Alone, Change, Comparison, Document, Relevance, Side, Which};
use crate::report::human::word;
use crate::report::show::{self, beside, shown};
use crate::verify::{Verdict, in_words};

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const CHANGED: Style = AnsiColor::Red.on_default().bold();
pub(crate) const SAME: Style = AnsiColor::Green.on_default().bold();
/// Where the text begins beside a label.
pub(crate) const LABEL: usize = 10;
/// The same beside a fact.
const FACT: usize = 40;

/// The document with colour, [`WIDTH`](crate::report::show::WIDTH) wide.
pub fn render(document: &Document) -> String {
    let comparisons = document.reports.iter().map(|comparison| one(comparison) + "\n").collect::<String>();
    comparisons + &document.alone.iter().map(alone).collect::<String>() + &total(document)
}

fn one(comparison: &Comparison) -> String {
    let (before, after) = (&comparison.before, &comparison.after);
    let subject = if before.profile == after.profile && before.arch == after.arch {
        about(before)
    } else {
        format!("{} and {}", about(before), about(after))
    };
    let mut text = format!("{BOLD}{subject}{BOLD:#}\n");
    text += &beside("  before", LABEL, &seen(before));
    text += &beside("  after", LABEL, &seen(after));
    for (relevance, title) in [(Relevance::Contract, "of the contract"), (Relevance::Host, "of the host")] {
        let changes: Vec<&Change> = comparison.of(relevance).collect();
        if !changes.is_empty() {
            text += &format!("{} {title}\n", counted(changes.len()));
            text.extend(changes.into_iter().map(change));
        }
    }
    match comparison.of(Relevance::Volatile).count() {
        0 => text,
        volatile => text + &format!("{DIM}{} each time anyway{DIM:#}\n", counted(volatile)),
    }
}

/// The changes that a contract speaks of, with the clauses that do.
pub fn of_contract(comparison: &Comparison) -> String {
    comparison.of(Relevance::Contract).map(change).collect()
}

/// `osbuild-v190 on x86_64, phase raw, privilege root`.
fn about(side: &Side) -> String {
    let mut text = format!("{} on {}", shown(&side.profile), shown(&side.arch));
    let phase = side.phase.map(|phase| format!(", phase {}", word(phase)));
    let privilege = side.privilege.map(|privilege| format!(", privilege {}", word(privilege)));
    text.extend([phase, privilege].into_iter().flatten());
    text
}

/// `bubblewrap 0.8.0 (/usr/bin/bwrap), Linux 6.12 with capability,yama, Debian GLIBC 2.36-9, in /`.
fn seen(side: &Side) -> String {
    let bwrap = side.bwrap.as_ref().map(show::bubblewrap);
    let modules = side.lsm.as_ref().map(|modules| format!(" with {}", shown(modules))).unwrap_or_default();
    let kernel = side.kernel.as_ref().map(|kernel| format!("Linux {}{modules}", shown(kernel)));
    let libc = side.libc.as_deref().map(shown);
    let place = side.place.as_ref().map(|place| format!("in {}", shown(place)));
    let known: Vec<String> = [bwrap, kernel, libc, place, side.evidence.map(word)].into_iter().flatten().collect();
    if known.is_empty() { "a sandbox that somebody else started".to_owned() } else { known.join(", ") }
}

/// The fact with both values, and the clauses that read it below.
fn change(change: &Change) -> String {
    let what = match (&change.fact, change.clauses.first()) {
        (Some(fact), _) => fact.to_string(),
        (None, Some(judged)) => judged.clause.to_string(),
        (None, None) => String::new(),
    };
    let mut text = values(&what, [change.before.as_ref(), change.after.as_ref()]);
    if change.relevance == Relevance::Contract {
        for judged in &change.clauses {
            let verdicts = match (judged.before, judged.after) {
                (Some(before), Some(after)) if before == after => show::word(after).to_owned(),
                (before, after) => format!("{} → {}", verdict(before), verdict(after)),
            };
            text += &beside("", FACT, &format!("{DIM}{}{DIM:#}: {verdicts}", judged.clause));
        }
    }
    text
}

/// What changed, and both values.
pub fn values(what: &str, [before, after]: [Option<&Value>; 2]) -> String {
    let both = || format!("{} → {}", in_line(before), in_line(after));
    beside(&format!("  {}", shown(what)), FACT, &items(before, after).unwrap_or_else(both))
}

/// Of two lists of names what went and what came: `- argv0, + bind-fd`.
fn items(before: Option<&Value>, after: Option<&Value>) -> Option<String> {
    let names = |value: Option<&Value>| -> Option<Vec<String>> {
        value?.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let (before, after) = (names(before)?, names(after)?);
    let gone = before.iter().filter(|name| !after.contains(name)).map(|name| format!("− {name}"));
    let come = after.iter().filter(|name| !before.contains(name)).map(|name| format!("+ {name}"));
    let words: Vec<String> = gone.chain(come).map(|text| shown(&text)).collect();
    // The same names in another order are told in full.
    (!words.is_empty()).then(|| words.join(", "))
}

/// A value, or that there is none.
fn in_line(value: Option<&Value>) -> String {
    match value {
        None => "not there".to_owned(),
        Some(Value::Null) => "null".to_owned(),
        Some(Value::Array(items)) if items.is_empty() => "empty".to_owned(),
        Some(value) => in_words(value),
    }
}

fn verdict(verdict: Option<Verdict>) -> &'static str {
    verdict.map_or("no such clause", show::word)
}

/// A look without a counterpart.
pub fn alone(alone: &Alone) -> String {
    let only = match alone.on {
        Which::Before => "before",
        Which::After => "after",
    };
    format!("{CHANGED}only {only}{CHANGED:#}: {}, {}\n", about(&alone.side), seen(&alone.side))
}

fn counted(changes: usize) -> String {
    if changes == 1 { "1 change".to_owned() } else { format!("{changes} changes") }
}

/// The last line: what it all comes to.
fn total(document: &Document) -> String {
    let of_contract = document.count(Relevance::Contract);
    let host = document.count(Relevance::Host);
    let style = if of_contract > 0 || !document.alone.is_empty() { CHANGED } else { SAME };
    let contract = match of_contract {
        0 => "nothing changed that a contract speaks of".to_owned(),
        changes => format!("{} of what a contract speaks of", counted(changes)),
    };
    let host = (host > 0).then(|| format!("{} of the host", counted(host)));
    let alone = document.alone.len();
    let alone = (alone > 0).then(|| format!("{alone} without a counterpart"));
    let words: Vec<String> = std::iter::once(contract).chain(host).chain(alone).collect();
    format!("{style}{}{style:#}\n", words.join(", "))
}
