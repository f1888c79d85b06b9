//! A judgement for people: what happens first, then where, what to write instead, and why.

mod findings;
mod verdicts;

use anstyle::{AnsiColor, Style};

use super::super::verdict::Verdict;
use super::{Difference, Document, Report};
use crate::report::show::{beside_within, shown};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
/// The widest line: this is read in terminals as they open.
const WIDTH: usize = 80;
/// Where the text beside a label begins.
const INDENT: usize = 16;

/// The whole, with colour.
pub fn render(document: &Document) -> String {
    let mut parts: Vec<String> = groups(&document.reports).iter().map(|group| one(document, group)).collect();
    parts.extend((!document.differences.is_empty()).then(|| differences(&document.differences)));
    let failures = document.failures.iter();
    let style = style(Verdict::Unknown);
    parts.extend(failures.map(|one| format!("{style}? {}{style:#}: {}\n", shown(&one.file), shown(&one.reason))));
    parts.join("\n")
}

/// Reports of a package that say the same.
fn groups(reports: &[Report]) -> Vec<Vec<&Report>> {
    let mut groups: Vec<Vec<&Report>> = Vec::new();
    for report in reports {
        let says_the_same = |group: &&mut Vec<&Report>| {
            let first = group[0];
            first.file == report.file
                && first.package == report.package
                && first.verdicts == report.verdicts
                && first.findings == report.findings
        };
        match groups.iter_mut().find(says_the_same) {
            Some(group) => group.push(report),
            None => groups.push(vec![report]),
        }
    }
    groups
}

fn one(document: &Document, group: &[&Report]) -> String {
    let report = group[0];
    let worst = report.verdict();
    let style = style(worst);
    let package = shown(&document.called(report));
    let title = format!("{style}{} {package}: {}{style:#}\n", mark(worst), worst.words());
    title + &place(document, group) + &verdicts::table(report) + &findings::all(report) + &last(report)
}

/// Which file it is about, if neither its name nor the title say so, and the rooms:
/// `in the build root osbuild-v190 on x86_64, s390x`.
fn place(document: &Document, group: &[&Report]) -> String {
    let report = group[0];
    let name = report.file.rsplit('/').next().unwrap_or_default();
    let called = document.called(report);
    let is_named = name == format!("{}.rpm", report.package) || called != report.package.to_string();
    let file = if is_named { String::new() } else { format!("{} ", shown(&report.file)) };
    let mut profiles: Vec<(&str, Vec<&str>)> = Vec::new();
    for report in group {
        match profiles.iter_mut().find(|(profile, _)| *profile == report.profile) {
            Some((_, architectures)) => architectures.push(&report.arch),
            None => profiles.push((&report.profile, vec![&report.arch])),
        }
    }
    let rooms: Vec<String> =
        profiles.iter().map(|(profile, archs)| format!("{profile} on {}", archs.join(", "))).collect();
    format!("{DIM}{file}in the build root {}{DIM:#}\n", shown(&rooms.join("; ")))
}

/// What was looked at how, why something was not run, and where to read on.
fn last(report: &Report) -> String {
    let reasons = report.coverage.reasons().into_iter().map(|reason| ("skipped", reason));
    let notes = report.notes.iter().map(|note| ("note", note.clone()));
    let rule = report.findings.first().map(|finding| ("more", format!("rootcontract explain {}", finding.rule)));
    let rows = reasons.chain(notes).chain(rule).map(|(label, text)| row(label, &text));
    format!("{DIM}{}{DIM:#}\n", report.coverage.line()) + &rows.collect::<String>()
}

/// A label with what it is about.
fn row(label: &str, text: &str) -> String {
    beside_within(WIDTH, &format!("  {DIM}{label}{DIM:#}"), INDENT, &shown(text))
}

/// What is not the same for several architectures.
fn differences(differences: &[Difference]) -> String {
    let line = |difference: &Difference| {
        let label = format!("  {}", shown(&difference.package));
        let text = format!("{} {}: {}", difference.slot, difference.what, difference.on.join(", "));
        beside_within(WIDTH, &label, 4, &shown(&text))
    };
    format!("{BOLD}Not the same on every architecture{BOLD:#}\n{}", differences.iter().map(line).collect::<String>())
}

fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Works => "✔",
        Verdict::EffectsSkipped => "–",
        Verdict::Unknown => "?",
        Verdict::BreaksImage | Verdict::FailsBuild => "✘",
        Verdict::ChangesHost => "⚠",
    }
}

fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Works => AnsiColor::Green.on_default(),
        Verdict::EffectsSkipped | Verdict::Unknown => AnsiColor::Yellow.on_default(),
        Verdict::BreaksImage | Verdict::ChangesHost | Verdict::FailsBuild => AnsiColor::Red.on_default(),
    }
}
