//! What a package's transactions showed, put beside what the rules found.

mod scene;
mod whose;

use super::closure::Programs;
use super::finding::{Effect, Evidence, Finding};
use super::ground::Ground;
use super::install::Transaction;
use super::left::{Change, Left};
use super::package::Package;
use super::report::{Report, Run};
use super::rule;
use super::rules::{run, script};
use super::said;
use super::scriptlet::{Language, Scriptlet, Slot};
use super::trace::Trace;
use super::verdict::Scenario;
use crate::buildroot::Outcome;
use crate::facts::launch;
use crate::facts::text::escape;
use crate::report::show;
use scene::Scene;
use whose::whose;

/// The most findings of one kind for a scriptlet; there is no use in more.
const MOST: usize = 20;
/// Where what is left has no business in an image. `/etc` is configured by many scriptlets.
const FORGOTTEN: [&[u8]; 5] = [b"/run/", b"/tmp/", b"/var/tmp/", b"/root/", b"/home/"];

/// Where and how transactions were run.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// What a contract says of the room.
    pub ground: &'a Ground<'a>,
    /// Who has the programs that were not there.
    pub programs: &'a Programs<'a>,
    /// What the programs were run on.
    pub evidence: launch::Evidence,
}

/// Adds to a report what was seen of the package's transactions.
pub fn add(report: &mut Report, package: &Package, setting: &Setting<'_>, transactions: &[Transaction]) {
    let mut runs: Vec<Run> = Vec::new();
    for transaction in transactions {
        match &transaction.trace {
            Ok(trace) => {
                let found = whose(package, transaction.scenario, &trace.scriptlets);
                for (ran, at) in trace.scriptlets.iter().zip(&found) {
                    if let Some(at) = *at {
                        Scene::new(package, at, transaction, setting).ran(ran, &mut report.findings);
                    }
                }
                let (notes, findings) = unseen(package, transaction.scenario, trace, &found);
                report.notes.extend(notes);
                findings.into_iter().for_each(|finding| put(&mut report.findings, finding));
                runs.extend(found.into_iter().flatten().map(|at| (at, transaction.scenario)));
            }
            Err(error) => {
                let note =
                    format!("not traced, so that only what rpm says and what is left can tell: {}", show::line(error));
                report.notes.extend((!report.notes.contains(&note)).then_some(note));
                untraced(package, transaction, setting, &mut report.findings);
            }
        }
        match unfinished(package, transaction, &report.findings) {
            // What rpm had in hand lies about then.
            Some(unfinished) => put(&mut report.findings, unfinished),
            None => match &transaction.left {
                Ok(left) => left_behind(package, transaction.scenario, left, &mut report.findings),
                Err(why) => {
                    report.notes.push(format!("{}: what is left is not told: {why}", transaction.scenario.as_str()))
                }
            },
        }
    }
    settle_what_ran(package, &runs, &mut report.findings);
    let slots: Vec<Slot> = package.scriptlets.iter().map(|scriptlet| scriptlet.slot).collect();
    let scenarios: Vec<Scenario> = transactions.iter().map(|transaction| transaction.scenario).collect();
    let why_not = |slot, scenario| why_not_run(package, transactions, slot, scenario);
    report.coverage.run(&slots, &scenarios, &runs, setting.evidence, why_not);
    report.findings.sort_by_key(|finding| std::cmp::Reverse(finding.effect));
    report.settle();
}

/// What reading could not tell of a scriptlet is told by its having run, wherever rpm comes to it.
fn settle_what_ran(package: &Package, runs: &[Run], findings: &mut [Finding]) {
    let ran = |slot: Slot, scenario: Scenario| {
        let mut of_slot = package.scriptlets.iter().enumerate().filter(|(_, one)| one.slot == slot);
        of_slot.all(|(at, _)| runs.contains(&(at, scenario)))
    };
    for finding in findings.iter_mut().filter(|finding| script::SHOWN_BY_A_RUN.contains(&finding.rule.as_str())) {
        if finding.effect == Effect::Unjudged && finding.scenarios.iter().all(|&scenario| ran(finding.slot, scenario)) {
            (finding.effect, finding.evidence) = (Effect::Advice, Evidence::Both);
        }
    }
}

/// Why a scriptlet was not run in a scenario that comes to it.
fn why_not_run(package: &Package, transactions: &[Transaction], slot: Slot, scenario: Scenario) -> String {
    let transaction = transactions.iter().find(|transaction| transaction.scenario == scenario);
    let is_lua = |one: &Scriptlet| one.slot == slot && one.language() == Language::Lua;
    let ended_well = transaction.is_some_and(|transaction| transaction.outcome == Outcome::Exited(0));
    match transaction.map(|transaction| &transaction.trace) {
        Some(Err(_)) => "it was not traced, so nobody knows whether it ran".to_owned(),
        Some(Ok(Trace { cut: Some(why), .. })) => why.to_string(),
        _ if slot.is_trigger() => "what it waits for did not happen".to_owned(),
        // Lua can keep rpm's Lua from telling.
        _ if ended_well && package.scriptlets.iter().any(is_lua) => "rpm told nothing of it".to_owned(),
        _ => "rpm did not run it".to_owned(),
    }
}

/// That scriptlets ran of which it is not known whose they were, as notes; and where one of the package's may be among them,
/// that nobody knows what it did.
fn unseen(
    package: &Package,
    scenario: Scenario,
    trace: &Trace,
    found: &[Option<usize>],
) -> (Vec<String>, Vec<Finding>) {
    let strangers = found.iter().filter(|at| at.is_none()).count();
    if strangers == 0 && trace.cut.is_none() {
        return (Vec::new(), Vec::new());
    }
    let strange = format!("scriptlets that ran and are not known to be the package's: {strangers}");
    let whys = (strangers > 0).then_some(strange).into_iter().chain(trace.cut.map(|cut| cut.to_string()));
    // Triggers need not run, and Lua has a name.
    let is_due = |one: &Scriptlet| trace.cut.is_some() || !one.slot.is_trigger() && one.language() != Language::Lua;
    let all = package.scriptlets.iter().enumerate();
    let missing = all.filter(|(at, one)| scenario.has(one.slot) && is_due(one) && !found.contains(&Some(*at)));
    let says = || "It was not seen to run, and others were of which nobody knows whose they are.".to_owned();
    let findings = missing.map(|(_, one)| finding(run::UNSEEN, one.slot, scenario, says(), Effect::Unjudged));
    (whys.map(|why| format!("{}: {why}", scenario.as_str())).collect(), findings.collect())
}

/// A finding that reading can't have.
pub(super) fn finding(id: &str, slot: Slot, scenario: Scenario, says: String, effect: Effect) -> Finding {
    let rule = rule::named(id);
    let text = |of: fn(&rule::Rule) -> &'static str| rule.map(of).unwrap_or_default().to_owned();
    Finding {
        rule: id.to_owned(),
        slot,
        place: None,
        line: None,
        spec_line: None,
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
fn untraced(package: &Package, transaction: &Transaction, setting: &Setting<'_>, findings: &mut Vec<Finding>) {
    for at in 0..package.scriptlets.len() {
        if let Some(failure) = Scene::new(package, at, transaction, setting).failed(None) {
            put(findings, failure);
        }
    }
}

/// That rpm did not come to its end, where no scriptlet is the reason: what would have come then is not known.
fn unfinished(package: &Package, transaction: &Transaction, findings: &[Finding]) -> Option<Finding> {
    let scenario = transaction.scenario;
    let is_reason = |known: &Finding| known.rule == run::FAILED && known.scenarios.contains(&scenario);
    let how = match &transaction.outcome {
        Outcome::Exited(0) => return None,
        Outcome::Exited(_) if findings.iter().any(is_reason) => return None,
        Outcome::Exited(code) => {
            let words = said::why(&transaction.said).map(|line| escape(line.as_bytes()));
            format!("rpm ended with {code}: {}.", words.as_deref().unwrap_or("it does not say why"))
        }
        Outcome::DeadlineExceeded => "rpm did not end in time, and was ended.".to_owned(),
        other => format!("rpm was not run to its end: {other:?}."),
    };
    likely(package, scenario).map(|slot| finding(run::UNFINISHED, slot, scenario, how, Effect::Unjudged))
}

/// The scriptlet that something is put down to when nobody knows whose doing it was.
fn likely(package: &Package, scenario: Scenario) -> Option<Slot> {
    let likely = if scenario == Scenario::Erase { Slot::Postun } else { Slot::Post };
    let slots = package.scriptlets.iter().map(|one| one.slot).filter(|slot| scenario.has(*slot));
    slots.max_by_key(|slot| *slot == likely)
}

/// What is in the tree now and was not.
fn left_behind(package: &Package, scenario: Scenario, left: &[Left], findings: &mut Vec<Finding>) {
    let Some(slot) = likely(package, scenario) else { return };
    for Left { path, change } in left.iter().take(MOST) {
        // It is there since the package was installed.
        let made = format!("{} is new, and not the package's.", escape(path));
        if *change == Change::Changed && findings.iter().any(|known| known.says == made) {
            continue;
        }
        let says = match change {
            Change::Made => made,
            Change::Changed => format!("{} was changed, and is not the package's.", escape(path)),
        };
        let forgotten = FORGOTTEN.iter().any(|start| path.starts_with(start));
        let (rule, effect) = match forgotten {
            _ if path.starts_with(b"/dev/") => (run::IN_DEV, Effect::Skipped),
            true => (run::LEFT, Effect::Image),
            false => (run::LEFT, Effect::Advice),
        };
        put(findings, finding(rule, slot, scenario, says, effect));
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::rpm::scriptlet::Flags;
    use crate::rpm::trace::{Cut, Ran};

    /// Of a package with a `%post`, a `%posttrans` of Lua and a trigger, of which these were seen among what ran.
    #[rstest]
    #[case::all_of_it(None, &[Some(0), Some(1), Some(2)], 0, &[])]
    #[case::what_need_not_run(None, &[Some(0)], 0, &[])]
    #[case::no_stranger(None, &[], 0, &[])]
    #[case::strangers_besides(None, &[None, Some(0), None], 1, &[])]
    #[case::strangers_instead(None, &[None], 1, &[Slot::Post])]
    #[case::too_many(Some(Cut::TooMany), &[Some(1), Some(0)], 1, &[Slot::Triggerin])]
    #[case::no_tracer(Some(Cut::Lost), &[None], 2, &[Slot::Post, Slot::Posttrans, Slot::Triggerin])]
    fn what_may_have_run_unseen_is_not_judged(
        #[case] cut: Option<Cut>,
        #[case] found: &[Option<usize>],
        #[case] notes: usize,
        #[case] unjudged: &[Slot],
    ) {
        let scriptlet = |slot: Slot, program: &str| Scriptlet {
            slot,
            interpreter: vec![program.to_owned()],
            body: Some(String::new()),
            flags: Flags::default(),
            conditions: Vec::new(),
            priority: None,
        };
        let package = Package::nameless(vec![
            scriptlet(Slot::Post, "/bin/sh"),
            scriptlet(Slot::Posttrans, "<lua>"),
            scriptlet(Slot::Triggerin, "/bin/sh"),
        ]);
        let trace = Trace { scriptlets: vec![Ran::default(); found.len()], cut };
        let (told, findings) = unseen(&package, Scenario::Install, &trace, found);
        let slots: Vec<Slot> = findings.iter().map(|finding| finding.slot).collect();
        assert_eq!((told.len(), slots.as_slice()), (notes, unjudged), "{told:?}");
        assert!(findings.iter().all(|finding| finding.effect == Effect::Unjudged));
    }
}
