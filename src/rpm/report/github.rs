//! Annotations for GitHub's workflows: what would fail or do harm, a line each.

use super::super::verdict::Verdict;
use super::{Document, Report};
use crate::report::github::{Annotation, Kind, written};
use crate::report::show::shown;

/// Errors for what fails or does harm, warnings for what can't be told, and a last line with what it comes to.
pub fn render(document: &Document) -> String {
    let mut annotations: Vec<Annotation> = document.reports.iter().flat_map(of_report).collect();
    annotations.extend(document.failures.iter().map(|one| Annotation {
        kind: Kind::Error,
        file: of_file(&one.file),
        title: format!("{} could not be judged", shown(&one.file)),
        message: shown(&one.reason),
    }));
    let harmless = document.reports.iter().filter(|report| report.verdict() < Verdict::Unknown).count();
    let message =
        format!("{} judged, {harmless} work, {} could not be judged", document.reports.len(), document.failures.len());
    let total = Annotation { kind: Kind::Notice, file: None, title: "rootcontract".to_owned(), message };
    written(&annotations) + &total.line()
}

fn of_report(report: &Report) -> Vec<Annotation> {
    let annotation = |finding| {
        let worst = report.worst(finding);
        let kind = if worst == Verdict::Unknown { Kind::Warning } else { Kind::Error };
        let line = finding.line.as_ref().map(|line| format!(": {line}")).unwrap_or_default();
        let title = format!("{} {}: {}", report.package, finding.slot, worst.words());
        let message = format!("{} [{}]{line}. Instead: {}", finding.says, finding.rule, finding.instead);
        let file = of_file(&report.file);
        (worst >= Verdict::Unknown).then(|| Annotation { kind, file, title: shown(&title), message: shown(&message) })
    };
    report.findings.iter().filter_map(annotation).collect()
}

/// Standard input is no file that an annotation could stand beside.
fn of_file(file: &str) -> Option<String> {
    (file != "-").then(|| shown(file))
}
