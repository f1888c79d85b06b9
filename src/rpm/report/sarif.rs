//! SARIF 2.1.0: a rule for each that has found something, a result for each finding, in the file of its package.
//!
//! A package has no lines: a result's are those of the scriptlet that its logical location names.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;
use serde_sarif::sarif::{ReportingDescriptor, ResultKind, ResultLevel};

use super::super::finding::{Finding, Place};
use super::super::rule;
use super::super::spec::is_spec;
use super::super::verdict::Verdict;
use super::{Document, Report};
use crate::report::sarif::log::{self, Log};

/// The document as SARIF. What fails or does harm is an error, what is left out a warning, the rest a note; what can't be
/// told is `open`. What each package comes to, and how it was looked at, is told beside the results.
///
/// # Errors
/// It is no JSON, which would be a fault of ours.
pub fn render(document: &Document) -> serde_json::Result<String> {
    let mut log = Log::default();
    for told in told(document) {
        add(&mut log, &told);
    }
    for report in &document.reports {
        let coverage = &report.coverage;
        let mut text =
            format!("{} {}: {}. {}", report.package, room(report), report.verdict().words(), coverage.line());
        text.extend(coverage.reasons().iter().map(|reason| format!("; {reason}")));
        let properties = [("coverage", json!(coverage)), ("verdicts", json!(report.verdicts))];
        log.note("note", &text, &report.file, properties.map(|(name, value)| (name.to_owned(), value)).into());
    }
    for one in &document.failures {
        log.note("error", &format!("{} could not be judged: {}", one.file, one.reason), &one.file, BTreeMap::new());
    }
    log.text(document.failures.is_empty())
}

/// A finding, and the rooms in which it comes to the same.
struct Told<'a> {
    finding: &'a Finding,
    verdict: Verdict,
    first: &'a Report,
    rooms: Vec<String>,
}

/// Each finding once for all rooms of its package.
fn told(document: &Document) -> Vec<Told<'_>> {
    let mut all: Vec<Told<'_>> = Vec::new();
    for report in &document.reports {
        for finding in &report.findings {
            let verdict = report.worst(&Finding { waived: None, ..finding.clone() });
            let is_it = |known: &&mut Told<'_>| {
                known.first.file == report.file
                    && known.first.package == report.package
                    && (known.finding, known.verdict) == (finding, verdict)
            };
            match all.iter_mut().rev().find(is_it) {
                Some(known) => known.rooms.push(room(report)),
                None => all.push(Told { finding, verdict, first: report, rooms: vec![room(report)] }),
            }
        }
    }
    all
}

fn room(report: &Report) -> String {
    format!("in {} on {}", report.profile, report.arch)
}

fn add(log: &mut Log, told: &Told<'_>) {
    let finding = told.finding;
    let rooms = told.rooms.join(", ");
    let hidden = finding.masked.as_ref().map(|by| format!(" Hidden by {by}.")).unwrap_or_default();
    let text = format!(
        "{} {}: {}. {}{hidden} Instead: {}",
        finding.slot,
        rooms,
        told.verdict.words(),
        finding.says,
        finding.instead
    );
    let properties = [
        ("package", json!(told.first.package.to_string())),
        ("rooms", json!(told.rooms)),
        ("scenarios", json!(finding.scenarios)),
        ("verdict", json!(told.verdict)),
        ("effect", json!(finding.effect)),
        ("evidence", json!(finding.evidence)),
        ("restsOn", json!(finding.rests_on)),
    ];
    let mut result = log::result(&text, properties.map(|(name, value)| (name.to_owned(), value)).into());
    let (kind, level) = standing(told.verdict);
    (result.kind, result.level) = (Some(kind), Some(level));
    result.suppressions = finding.waived.as_deref().map(log::waived);
    // Of a spec it is a line of the spec or none.
    let at = |place: Place| if is_spec(Path::new(&told.first.file)) { finding.spec_line } else { Some(place.line) };
    let line = finding.place.zip(finding.line.as_deref());
    let line = line.and_then(|(place, line)| Some((at(place)?, place.column, line)));
    let slot = finding.slot.to_string();
    let full_name = format!("{}/{slot}", told.first.package);
    let place = log::Place { file: &told.first.file, kind: "function", name: slot.clone(), full_name, line };
    // The version is left out: the next one has the same finding.
    let words = finding.line.as_deref().unwrap_or(&finding.says);
    log.add(result, descriptor(finding), place, &[&finding.rule, &told.first.package.name, &slot, words]);
}

/// Only what fails has a level (SARIF 2.1.0, 3.27.10).
fn standing(verdict: Verdict) -> (ResultKind, ResultLevel) {
    match verdict {
        Verdict::Works => (ResultKind::Fail, ResultLevel::Note),
        Verdict::EffectsSkipped => (ResultKind::Fail, ResultLevel::Warning),
        Verdict::Unknown => (ResultKind::Open, ResultLevel::None),
        Verdict::BreaksImage | Verdict::ChangesHost | Verdict::FailsBuild => (ResultKind::Fail, ResultLevel::Error),
    }
}

/// The rule in words. What running a package showed is in the finding's own words, and the rule's are more general.
fn descriptor(finding: &Finding) -> ReportingDescriptor {
    let says = rule::named(&finding.rule).map_or(finding.says.as_str(), |rule| rule.says);
    let more = [("Why", finding.why.as_str()), ("osbuild", &finding.then), ("Instead", &finding.instead)];
    log::rule(&finding.rule, says, &more, &["rpm", "scriptlet"])
}
