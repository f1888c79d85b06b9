//! A judgement for people: what happens first, then where, why and what to write instead.

use anstyle::{AnsiColor, Style};

use super::super::finding::{Effect, Finding};
use super::super::verdict::{RpmVersion, Scenario, Verdict};
use super::{Difference, Document, Report};
use crate::report::show::{beside, shown};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
/// Where the text beside a label begins.
const INDENT: usize = 12;

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
            let is_same = first.file == report.file && first.package == report.package;
            is_same && first.verdicts == report.verdicts && first.findings == report.findings
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
    let places: Vec<String> = group.iter().map(|report| format!("{} on {}", report.profile, report.arch)).collect();
    let mut text = format!(
        "{style}{} {}: {}{style:#}\n{DIM}in {}{DIM:#}\n",
        mark(worst),
        shown(&document.called(report)),
        worst.words(),
        shown(&places.join(", "))
    );
    text += &verdicts(report);
    let is_told = |finding: &&Finding| finding.effect > Effect::Advice && finding.masked.is_none();
    let (mut told, rest): (Vec<&Finding>, Vec<&Finding>) = report.findings.iter().partition(is_told);
    told.sort_by_key(|finding| std::cmp::Reverse(report.worst(finding)));
    text.extend(told.iter().map(|finding| in_full(finding, report)));
    let (masked, advice): (Vec<&Finding>, Vec<&Finding>) = rest.iter().partition(|finding| finding.masked.is_some());
    text += &section("Failures that nobody notices", &masked);
    text += &section("Worth knowing", &advice);
    text += &coverage(report);
    text.extend(report.notes.iter().map(|note| beside(&format!("  {DIM}note{DIM:#}"), INDENT, &shown(note))));
    text
}

/// A line for each verdict: in which scenarios, with which rpm.
fn verdicts(report: &Report) -> String {
    let mut rows: Vec<(Vec<RpmVersion>, Vec<Scenario>, Verdict)> = Vec::new();
    for scenario in Scenario::ALL {
        let here: Vec<_> = report.verdicts.iter().filter(|one| one.scenario == scenario).collect();
        let mut by_verdict: Vec<(Verdict, Vec<RpmVersion>)> = Vec::new();
        for one in here {
            match by_verdict.iter_mut().find(|(verdict, _)| *verdict == one.verdict) {
                Some((_, versions)) => versions.push(one.rpm),
                None => by_verdict.push((one.verdict, vec![one.rpm])),
            }
        }
        for (verdict, versions) in by_verdict {
            match rows.iter_mut().find(|(known, _, same)| *known == versions && *same == verdict) {
                Some((_, scenarios, _)) => scenarios.push(scenario),
                None => rows.push((versions, vec![scenario], verdict)),
            }
        }
    }
    let line = |(versions, scenarios, verdict): &(Vec<RpmVersion>, Vec<Scenario>, Verdict)| {
        let style = style(*verdict);
        format!("  {style}{:<22}{style:#}  {}, rpm {}\n", verdict.words(), scenario_words(scenarios), joined(versions))
    };
    rows.iter().map(line).collect::<String>() + "\n"
}

fn scenario_words(scenarios: &[Scenario]) -> String {
    scenarios.iter().map(|scenario| scenario.as_str()).collect::<Vec<_>>().join(", ")
}

fn joined(versions: &[RpmVersion]) -> String {
    versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What somebody has to act on.
fn in_full(finding: &Finding, report: &Report) -> String {
    let worst = report.worst(finding);
    let style = style(worst).bold();
    let waived = finding.waived.as_ref().map(|by| format!(" (waived: {by})")).unwrap_or_default();
    let title = format!("{style}{} {}{style:#} {}{}\n", mark(worst), place(finding), finding.rule, shown(&waived));
    let rows = [
        ("line", finding.line.as_ref().map(|line| format!("{line}{}", in_spec(finding)))),
        ("assumes", Some(finding.says.clone())),
        ("why", Some(finding.why.clone())),
        ("osbuild", Some(finding.then.clone())),
        ("so it", Some(consequence(finding, report))),
        ("instead", Some(finding.instead.clone())),
        ("rests on", (!finding.rests_on.is_empty()).then(|| finding.rests_on.join(", "))),
    ];
    let rows = rows.into_iter().filter_map(|(label, text)| Some((label, text?)));
    title
        + &rows
            .map(|(label, text)| beside(&format!("  {DIM}{label}{DIM:#}"), INDENT, &shown(&text)))
            .collect::<String>()
        + "\n"
}

/// `fails the build with rpm 6.0; works, effects skipped with rpm 4.16, 4.20 (install)`.
fn consequence(finding: &Finding, report: &Report) -> String {
    let mut rows: Vec<(Verdict, Vec<RpmVersion>)> = Vec::new();
    for one in report.verdicts.iter().filter(|one| finding.scenarios.first() == Some(&one.scenario)) {
        let verdict = finding.verdict(one.rpm);
        match rows.iter_mut().find(|(known, _)| *known == verdict) {
            Some((_, versions)) => versions.push(one.rpm),
            None => rows.push((verdict, vec![one.rpm])),
        }
    }
    let parts: Vec<String> = match rows.as_slice() {
        [(verdict, _)] => vec![verdict.words().to_owned()],
        rows => rows.iter().map(|(verdict, rpm)| format!("{} with rpm {}", verdict.words(), joined(rpm))).collect(),
    };
    format!("{} ({})", parts.join("; "), scenario_words(&finding.scenarios))
}

/// Where its line is in the spec, if that is known.
fn in_spec(finding: &Finding) -> String {
    finding.spec_line.map(|line| format!(" (line {line} of the spec)")).unwrap_or_default()
}

fn place(finding: &Finding) -> String {
    match finding.place {
        Some(place) => format!("{}:{}:{}", finding.slot, place.line, place.column),
        None => finding.slot.to_string(),
    }
}

/// Findings of a line each.
fn section(heading: &str, findings: &[&Finding]) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let mut firsts: Vec<(&Finding, usize)> = Vec::new();
    for &finding in findings {
        let is_alike = |known: &Finding| {
            known.rule == finding.rule && known.slot == finding.slot && known.masked == finding.masked
        };
        match firsts.iter_mut().find(|(known, _)| is_alike(known)) {
            Some((_, more)) => *more += 1,
            None => firsts.push((finding, 0)),
        }
    }
    let line = |(finding, more): &(&Finding, usize)| {
        let masked = finding.masked.as_ref().map(|by| format!(" (hidden by {by})")).unwrap_or_default();
        let line = finding.line.as_ref().map(|line| format!("{line} — ")).unwrap_or_default();
        let more = if *more > 0 { format!(" (and {more} more)") } else { String::new() };
        let label = format!("  {}", place(finding));
        beside(&label, 18, &shown(&format!("{line}{}{masked} [{}]{more}", finding.says, finding.rule)))
    };
    format!("{BOLD}{heading}{BOLD:#}\n{}\n", firsts.iter().map(line).collect::<String>())
}

/// What is not the same for several architectures.
fn differences(differences: &[Difference]) -> String {
    let line = |difference: &Difference| {
        let label = format!("  {}", shown(&difference.package));
        beside(&label, 4, &shown(&format!("{} {}: {}", difference.slot, difference.what, difference.on.join(", "))))
    };
    format!("{BOLD}Not the same on every architecture{BOLD:#}\n{}", differences.iter().map(line).collect::<String>())
}

/// What was looked at how, and why something was not run.
fn coverage(report: &Report) -> String {
    let reasons = report.coverage.reasons();
    let reasons = reasons.iter().map(|reason| beside(&format!("  {DIM}skipped{DIM:#}"), INDENT, &shown(reason)));
    format!("{DIM}{}{DIM:#}\n", report.coverage.line()) + &reasons.collect::<String>()
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
