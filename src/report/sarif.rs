//! SARIF 2.1.0, as code scanning and editors read it: a rule for each clause, a result for each finding.

pub(crate) mod log;
mod uri;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use serde_sarif::sarif::{ReportingDescriptor, ResultKind, ResultLevel};

use self::log::{Log, Place};
use super::show::{in_a_line, subject, subject_of, word};
use super::{Document, Report};
use crate::contract::{Contract, Level};
use crate::diff::{self, Relevance, Side};
use crate::verify::{Finding, Verdict};

/// What is known besides the document.
#[derive(Debug, Default)]
pub struct Around<'a> {
    /// Contracts that are not built in: they have the words for the clauses of their profiles.
    pub contracts: Vec<Contract>,
    /// What changed since a baseline, if there is one.
    pub since: Option<&'a diff::Document>,
}

/// The document as SARIF. What is broken is an error, a warning or a note as the clause is binding; what is unknown is
/// `open`. What could not be checked at all is told beside the results.
///
/// # Errors
/// It is no JSON, which would be a fault of ours.
pub fn render(document: &Document, around: &Around<'_>) -> serde_json::Result<String> {
    let mut log = Log::default();
    for report in &document.reports {
        let known = around.contracts.iter().find(|contract| contract.profile == report.profile).cloned();
        let contract = known.or_else(|| Contract::builtin(&report.profile).ok());
        for finding in &report.findings {
            add(&mut log, finding, report, contract.as_ref(), around.since);
        }
    }
    for cell in &document.failures {
        let what = subject(&cell.profile, Some(&cell.place), cell.arch.as_deref());
        let text = format!("{what} could not be checked: {}", cell.reason);
        log.note("error", &text, &cell.place, BTreeMap::new());
    }
    log.text(document.failures.is_empty())
}

fn add(log: &mut Log, finding: &Finding, report: &Report, contract: Option<&Contract>, since: Option<&diff::Document>) {
    let subject = subject_of(report);
    let hazard = finding.hazard.as_ref().map(|hazard| format!(" A hazard: {hazard}")).unwrap_or_default();
    let text = format!("{} in {subject}: {}.{hazard}", word(finding.verdict), in_a_line(finding));
    let properties = [
        ("profile", json!(report.profile)),
        ("arch", json!(report.arch)),
        ("evidence", json!(finding.evidence)),
        ("phase", json!(report.phase)),
        ("privilege", json!(report.privilege)),
    ];
    let properties = properties.into_iter().filter(|(_, value)| *value != Value::Null);
    let mut result = log::result(&text, properties.map(|(name, value)| (name.to_owned(), value)).collect());
    let (kind, level) = standing(finding);
    (result.kind, result.level) = (Some(kind), Some(level));
    if finding.verdict == Verdict::Waived {
        result.suppressions = Some(log::waived(finding.reason.as_deref().unwrap_or_default()));
    }
    result.baseline_state = since.map(|since| json!(state(finding, report, since)));
    let place = report.place.as_deref().unwrap_or(&report.profile);
    let name = finding.clause.to_string();
    let at = Place { file: place, kind: "resource", full_name: format!("{subject}/{name}"), name, line: None };
    let privilege = json!(report.privilege).to_string();
    let phase = json!(report.phase).to_string();
    let same = [finding.clause.as_str(), &report.profile, place, &report.arch, &phase, &privilege];
    log.add(result, rule(finding, contract), at, &same);
}

/// What came of a clause, and how much it matters. Only what fails has a level (SARIF 2.1.0, 3.27.10).
fn standing(finding: &Finding) -> (ResultKind, ResultLevel) {
    match finding.verdict {
        Verdict::Held => (ResultKind::Pass, ResultLevel::None),
        Verdict::Unknown => (ResultKind::Open, ResultLevel::None),
        Verdict::NotApplicable => (ResultKind::NotApplicable, ResultLevel::None),
        Verdict::Broken | Verdict::Waived => {
            let level = match finding.level {
                Level::Must => ResultLevel::Error,
                Level::Should => ResultLevel::Warning,
                Level::May => ResultLevel::Note,
            };
            (ResultKind::Fail, level)
        }
    }
}

/// The clause in words, where its contract is known.
fn rule(finding: &Finding, contract: Option<&Contract>) -> ReportingDescriptor {
    let id = finding.clause.as_str();
    let tags = [finding.area.to_string(), finding.level.to_string()];
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    let Some(clause) = contract.and_then(|contract| contract.clause(id)) else {
        return log::rule(id, &format!("Expected: {}.", finding.expected), &[], &tags);
    };
    let more = [
        ("Why", Some(&clause.why)),
        ("Instead", clause.instead.as_ref()),
        ("From", Some(&clause.origin)),
        ("Since", Some(&clause.since)),
        ("Hazard", clause.hazard.as_ref()),
    ];
    let more: Vec<(&str, &str)> = more.into_iter().filter_map(|(label, text)| Some((label, text?.as_str()))).collect();
    log::rule(id, &clause.says, &more, &tags)
}

/// How a finding stands to the baseline.
fn state(finding: &Finding, report: &Report, since: &diff::Document) -> &'static str {
    let side = Side::from(report);
    let Some(comparison) = since.reports.iter().find(|comparison| comparison.after == side) else { return "new" };
    let mut judged = comparison.of(Relevance::Contract).flat_map(|change| &change.clauses);
    match judged.find(|judged| judged.clause == finding.clause) {
        None => "unchanged",
        Some(judged) if judged.before.is_none() => "new",
        Some(_) => "updated",
    }
}

#[cfg(test)]
mod tests;
