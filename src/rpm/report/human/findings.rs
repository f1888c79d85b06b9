//! Findings: what somebody has to act on in full, the rest in a line each.

use super::super::super::finding::{Effect, Evidence, Finding};
use super::super::super::rules::run;
use super::super::Report;
use super::{BOLD, INDENT, WIDTH, mark, row, style, verdicts};
use crate::report::show::{beside_within, shown};

/// All of them, the worst first.
pub(super) fn all(report: &Report) -> String {
    let is_told = |finding: &&Finding| {
        finding.effect > Effect::Advice && finding.masked.is_none() && !is_told_already(finding, report)
    };
    let (mut told, rest): (Vec<&Finding>, Vec<&Finding>) = report.findings.iter().partition(is_told);
    told.sort_by_key(|finding| std::cmp::Reverse(report.worst(finding)));
    let (masked, rest): (Vec<&Finding>, Vec<&Finding>) = rest.iter().partition(|finding| finding.masked.is_some());
    alike(&told, report).iter().map(|group| in_full(group, report)).collect::<String>()
        + &section("Failures that nobody notices", &masked)
        + &section("Worth knowing", &rest)
}

/// Whether it is that a scriptlet failed which is known to.
fn is_told_already(finding: &Finding, report: &Report) -> bool {
    let why = |other: &&Finding| {
        other.slot == finding.slot
            && other.rule != run::FAILED
            && other.masked.is_none()
            && matches!(other.effect, Effect::Fails | Effect::Refused)
    };
    finding.rule == run::FAILED && report.findings.iter().any(|other| why(&other))
}

/// Findings that differ in nothing but their place.
fn alike<'a>(findings: &[&'a Finding], report: &Report) -> Vec<Vec<&'a Finding>> {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    for &finding in findings {
        let is_alike = |group: &&mut Vec<&Finding>| {
            let first = group[0];
            (&first.rule, &first.says, &first.rests_on, &first.waived)
                == (&finding.rule, &finding.says, &finding.rests_on, &finding.waived)
                && verdicts::worst(first, report) == verdicts::worst(finding, report)
        };
        match groups.iter_mut().find(is_alike) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups
}

/// What somebody has to act on.
fn in_full(group: &[&Finding], report: &Report) -> String {
    let first = group[0];
    let worst = report.worst(first);
    let style = style(worst).bold();
    let mut scenarios: Vec<_> = group.iter().flat_map(|finding| &finding.scenarios).copied().collect();
    scenarios.sort_unstable();
    scenarios.dedup();
    let becomes = match &first.waived {
        Some(by) => format!("waived: {by}"),
        None => format!("{} ({})", verdicts::worst(first, report), verdicts::words(&scenarios)),
    };
    let title = format!("{style}{}{style:#}: {}", first.rule, shown(&becomes));
    let is_seen = first.evidence == Evidence::Traced;
    let rows = [
        ("assumes", (!is_seen).then(|| first.says.clone())),
        ("seen", (is_seen && first.line.is_some()).then(|| first.says.clone())),
        ("osbuild", Some(first.then.clone())),
        ("instead", Some(first.instead.clone())),
        ("why", Some(first.why.clone())),
        ("rests on", (!first.rests_on.is_empty()).then(|| first.rests_on.join(", "))),
    ];
    let rows = rows.into_iter().filter_map(|(label, text)| Some(row(label, &text?)));
    let whole = if is_seen { first.says.as_str() } else { "all of it" };
    let places = group.iter().map(|finding| {
        let text = format!("{}{}", finding.line.as_deref().unwrap_or(whole), in_spec(finding));
        beside_within(WIDTH, &format!("  {BOLD}{}{BOLD:#}", place(finding)), INDENT, &shown(&text))
    });
    beside_within(WIDTH, &format!("{style}{}{style:#}", mark(worst)), 2, &title)
        + &places.chain(rows).collect::<String>()
        + "\n"
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
        let key = |one: &Finding| (one.rule.clone(), one.slot, one.masked.clone(), one.says.clone());
        match firsts.iter_mut().find(|(known, _)| key(known) == key(finding)) {
            Some((_, more)) => *more += 1,
            None => firsts.push((finding, 0)),
        }
    }
    let line = |(finding, more): &(&Finding, usize)| {
        let masked = finding.masked.as_ref().map(|by| format!(" (hidden by {by})")).unwrap_or_default();
        let line = finding.line.as_ref().map(|line| format!("{line} — ")).unwrap_or_default();
        let more = if *more > 0 { format!(" (and {more} more)") } else { String::new() };
        let assumes = if finding.evidence == Evidence::Traced { "" } else { "assumes: " };
        let text = format!("{line}{assumes}{}{masked} [{}]{more}", finding.says, finding.rule);
        beside_within(WIDTH, &format!("  {}", place(finding)), INDENT, &shown(&text))
    };
    format!("{BOLD}{heading}{BOLD:#}\n{}\n", firsts.iter().map(line).collect::<String>())
}
