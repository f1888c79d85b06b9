//! What a report says of a closure.

use super::super::finding::{Effect, Evidence, Finding};
use super::super::observed;
use super::super::package::Package;
use super::super::report::Report;
use super::super::rules::run;
use super::super::scriptlet::Slot;
use super::super::verdict::Scenario;
use super::{Choice, Closure, Missing, Why};
use crate::facts::text::escape;

/// The most packages, choices and missing requirements that are told of; the others are counted.
const MOST: usize = 10;
/// Adds to a report why a package was not run in the tree that was asked for. Nothing can be told of it then.
pub fn add_not_run(report: &mut Report, package: &Package, why: &str) {
    let mut scenarios: Vec<Scenario> = report.verdicts.iter().map(|judgement| judgement.scenario).collect();
    scenarios.dedup();
    let slot = package.scriptlets.first().map_or(Slot::Post, |first| first.slot);
    let first = scenarios.first().copied().unwrap_or(Scenario::Install);
    let finding = observed::finding(run::NO_TREE, slot, first, format!("It was not run: {why}."), Effect::Unjudged);
    report.findings.push(Finding { scenarios, evidence: Evidence::Static, ..finding });
    report.settle();
}

/// What is missing, if something is.
pub fn missing(closure: &Closure<'_>) -> Option<String> {
    let others = more(closure.missing.len()).map(|more| format!("and {more} more"));
    let missing: Vec<String> = closure.missing.iter().take(MOST).map(sentence).chain(others).collect();
    (!missing.is_empty()).then(|| missing.join("; "))
}

/// ``mypkg-1-1.noarch requires `a > 1` for %pre, and no package at hand provides it``
fn sentence(missing: &Missing<'_>) -> String {
    let Missing { wanted, by, moments, why } = missing;
    let moments: Vec<String> = moments.iter().map(Slot::to_string).collect();
    let purpose = if moments.is_empty() { String::new() } else { format!(" for {}", moments.join(", ")) };
    let why = match why {
        Why::Nobody => "no package at hand provides it".to_owned(),
        Why::Taken(taken) => format!("{taken} has been taken for another"),
        Why::Unread => "it can't be told what that is".to_owned(),
        Why::Full => "there are too many packages in the tree already".to_owned(),
    };
    format!("{by} requires `{}`{purpose}, and {why}", escape(wanted.as_bytes()))
}

/// How many of so many are more than are told.
fn more(count: usize) -> Option<usize> {
    count.checked_sub(MOST).filter(|more| *more > 0)
}

/// What the tree is made of, and where something else could have been taken, a line each.
pub fn notes(closure: &Closure<'_>) -> Vec<String> {
    let packages: Vec<String> = closure.packages.iter().take(MOST).map(ToString::to_string).collect();
    let others = more(closure.packages.len()).map(|more| format!(" and {more} more")).unwrap_or_default();
    let tree = match closure.packages.len() {
        0 => "that tree is empty: it requires no package for its scriptlets".to_owned(),
        1 => format!("that tree is made of {}", packages[0]),
        count => format!("that tree is made of {count} packages: {}{others}", packages.join(", ")),
    };
    let choices = closure.choices.iter().take(MOST).map(choice);
    let others = more(closure.choices.len()).map(|more| format!("{more} more are provided by others too"));
    std::iter::once(tree).chain(choices).chain(others).collect()
}

fn choice(choice: &Choice<'_>) -> String {
    let Choice { wanted, taken, instead_of } = choice;
    format!("`{}` is provided by {taken}; {instead_of} would have done too", escape(wanted.as_bytes()))
}
