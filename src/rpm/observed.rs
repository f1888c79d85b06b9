//! What a package's transactions showed, put beside what the rules found.

mod scene;

use super::finding::{Effect, Evidence, Finding};
use super::ground::Ground;
use super::install::Transaction;
use super::left::{Change, Left};
use super::package::Package;
use super::report::{Report, Run};
use super::rule;
use super::rules::run;
use super::said;
use super::scriptlet::{Language, Scriptlet, Slot};
use super::trace::Ran;
use super::verdict::Scenario;
use crate::buildroot::Outcome;
use crate::facts::launch;
use crate::facts::text::escape;
use crate::report::show;
use scene::Scene;

/// The most findings of one kind for a scriptlet; there is no use in more.
const MOST: usize = 20;
/// Where what is left has no business in an image. `/etc` is configured by many scriptlets.
const FORGOTTEN: [&[u8]; 5] = [b"/run/", b"/tmp/", b"/var/tmp/", b"/root/", b"/home/"];

/// Adds to a report what was seen of the package's transactions, with its programs run as `evidence` says.
pub fn add(
    report: &mut Report,
    package: &Package,
    ground: &Ground<'_>,
    transactions: &[Transaction],
    evidence: launch::Evidence,
) {
    let mut runs: Vec<Run> = Vec::new();
    for transaction in transactions {
        match &transaction.trace {
            Ok(trace) => {
                let mut matched = Vec::new();
                for ran in &trace.scriptlets {
                    let Some(at) = which(package, transaction.scenario, ran, &matched) else { continue };
                    matched.push(at);
                    Scene::new(package, at, transaction, ground).ran(ran, &mut report.findings);
                }
                runs.extend(matched.into_iter().map(|at| (at, transaction.scenario)));
            }
            Err(error) => {
                let note =
                    format!("not traced, so that only what rpm says and what is left can tell: {}", show::line(error));
                report.notes.extend((!report.notes.contains(&note)).then_some(note));
                untraced(package, transaction, ground, &mut report.findings);
            }
        }
        left(package, transaction, &mut report.findings);
        unfinished(package, transaction, &mut report.findings);
    }
    let slots: Vec<Slot> = package.scriptlets.iter().map(|scriptlet| scriptlet.slot).collect();
    let scenarios: Vec<Scenario> = transactions.iter().map(|transaction| transaction.scenario).collect();
    let why_not = |slot, scenario| why_not_run(package, transactions, slot, scenario);
    report.coverage.run(&slots, &scenarios, &runs, evidence, why_not);
    report.findings.sort_by_key(|finding| std::cmp::Reverse(finding.effect));
    report.settle();
}

/// Why a scriptlet was not run in a scenario that comes to it.
fn why_not_run(package: &Package, transactions: &[Transaction], slot: Slot, scenario: Scenario) -> String {
    let transaction = transactions.iter().find(|transaction| transaction.scenario == scenario);
    let is_lua = |one: &Scriptlet| one.slot == slot && one.language() == Language::Lua;
    let ended_well = transaction.is_some_and(|transaction| transaction.outcome == Outcome::Exited(0));
    match transaction.map(|transaction| &transaction.trace) {
        Some(Err(_)) => "it was not traced, so nobody knows whether it ran".to_owned(),
        _ if slot.is_trigger() => "what it waits for did not happen".to_owned(),
        // Lua can keep rpm's Lua from telling.
        _ if ended_well && package.scriptlets.iter().any(is_lua) => "rpm told nothing of it".to_owned(),
        _ => "rpm did not run it".to_owned(),
    }
}

/// Which of the package's scriptlets this was: by its script, or where it has none by its interpreter; Lua by its name.
fn which(package: &Package, scenario: Scenario, ran: &Ran, matched: &[usize]) -> Option<usize> {
    let says_so = |scriptlet: &Scriptlet| match &scriptlet.body {
        _ if scriptlet.language() == Language::Lua => said::name(package, scriptlet.slot).as_bytes() == ran.name,
        _ if !ran.name.is_empty() => false,
        Some(body) => trimmed(body.as_bytes()) == trimmed(&ran.script),
        None => ran.script.is_empty() && ran.arguments.first().is_some_and(|one| one == scriptlet.program().as_bytes()),
    };
    let all = package.scriptlets.iter().enumerate();
    let mut candidates = all.filter(|(at, one)| scenario.has(one.slot) && says_so(one) && !matched.contains(at));
    candidates.next().map(|(at, _)| at)
}

fn trimmed(script: &[u8]) -> &[u8] {
    script.trim_ascii()
}

fn finding(id: &str, slot: Slot, scenario: Scenario, says: String, effect: Effect) -> Finding {
    let rule = rule::named(id);
    let text = |of: fn(&rule::Rule) -> &'static str| rule.map(of).unwrap_or_default().to_owned();
    Finding {
        rule: id.to_owned(),
        slot,
        place: None,
        line: None,
        says,
        effect,
        masked: None,
        scenarios: vec![scenario],
        rests_on: Vec::new(),
        why: text(|rule| rule.why),
        then: text(|rule| rule.then),
        instead: text(|rule| rule.instead),
        evidence: Evidence::Traced,
        waived: None,
    }
}

fn put(findings: &mut Vec<Finding>, new: Finding) {
    let same = findings.iter_mut().find(|known| {
        (&known.rule, known.slot, &known.says, known.effect) == (&new.rule, new.slot, &new.says, new.effect)
    });
    match same {
        Some(known) => {
            let more: Vec<_> = new.scenarios.iter().filter(|one| !known.scenarios.contains(one)).copied().collect();
            known.scenarios.extend(more);
        }
        None => findings.push(new),
    }
}

/// What rpm itself says of scriptlets that failed.
fn untraced(package: &Package, transaction: &Transaction, ground: &Ground<'_>, findings: &mut Vec<Finding>) {
    for at in 0..package.scriptlets.len() {
        if let Some(failure) = Scene::new(package, at, transaction, ground).failed(None) {
            put(findings, failure);
        }
    }
}

/// That rpm did not come to its end, where no scriptlet is the reason: what would have come then is not known.
fn unfinished(package: &Package, transaction: &Transaction, findings: &mut Vec<Finding>) {
    let scenario = transaction.scenario;
    let is_reason = |known: &Finding| known.rule == run::FAILED && known.scenarios.contains(&scenario);
    let how = match &transaction.outcome {
        Outcome::Exited(0) => return,
        Outcome::Exited(_) if findings.iter().any(is_reason) => return,
        Outcome::Exited(code) => {
            let words = said::why(&transaction.said).map(|line| escape(line.as_bytes()));
            format!("rpm ended with {code}: {}.", words.as_deref().unwrap_or("it does not say why"))
        }
        Outcome::DeadlineExceeded => "rpm did not end in time, and was ended.".to_owned(),
        other => format!("rpm was not run to its end: {other:?}."),
    };
    if let Some(slot) = likely(package, scenario) {
        put(findings, finding(run::UNFINISHED, slot, scenario, how, Effect::Unjudged));
    }
}

/// The scriptlet that something is put down to when nobody knows whose doing it was.
fn likely(package: &Package, scenario: Scenario) -> Option<Slot> {
    let likely = if scenario == Scenario::Erase { Slot::Postun } else { Slot::Post };
    let slots = package.scriptlets.iter().map(|one| one.slot).filter(|slot| scenario.has(*slot));
    slots.max_by_key(|slot| *slot == likely)
}

/// What is in the tree now and was not.
fn left(package: &Package, transaction: &Transaction, findings: &mut Vec<Finding>) {
    let Some(slot) = likely(package, transaction.scenario) else { return };
    for Left { path, change } in transaction.left.iter().take(MOST) {
        // It is there since the package was installed.
        let made = format!("{} is new, and no package's.", escape(path));
        if *change == Change::Changed && findings.iter().any(|known| known.says == made) {
            continue;
        }
        let what = match change {
            Change::Made => "is new",
            Change::Changed => "was changed",
        };
        let forgotten = FORGOTTEN.iter().any(|start| path.starts_with(start));
        let effect = if forgotten { Effect::Image } else { Effect::Advice };
        let says = format!("{} {what}, and no package's.", escape(path));
        put(findings, finding(run::LEFT, slot, transaction.scenario, says, effect));
    }
}
