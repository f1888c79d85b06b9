//! What a package comes to, a line for each verdict, the worst first: in which scenarios, with which rpm.

use super::super::super::finding::Finding;
use super::super::super::verdict::{RpmVersion, Scenario, Verdict};
use super::super::Report;
use super::{WIDTH, style};
use crate::report::show::beside_within;

/// Where the scenarios begin: beside the longest verdict.
const COLUMN: usize = 26;

/// The table. Where it is the same with every rpm, none is named.
pub(super) fn table(report: &Report) -> String {
    let mut rows: Vec<(Verdict, Vec<RpmVersion>, Vec<Scenario>)> = Vec::new();
    for scenario in Scenario::ALL {
        let here = report.verdicts.iter().filter(|one| one.scenario == scenario);
        for (verdict, versions) in by_verdict(here.map(|one| (one.verdict, one.rpm))) {
            match rows.iter_mut().find(|(same, known, _)| *same == verdict && *known == versions) {
                Some((_, _, scenarios)) => scenarios.push(scenario),
                None => rows.push((verdict, versions, vec![scenario])),
            }
        }
    }
    rows.sort_by_key(|(verdict, ..)| std::cmp::Reverse(*verdict));
    if rows.len() == 1 {
        // The title has said it.
        return "\n".to_owned();
    }
    let line = |(verdict, versions, scenarios): &(Verdict, Vec<RpmVersion>, Vec<Scenario>)| {
        let style = style(*verdict);
        let label = format!("  {style}{}{style:#}", verdict.words());
        let rpm = of_some(versions, report).map(|versions| format!("; rpm {}", joined(versions, named)));
        beside_within(WIDTH, &label, COLUMN, &(words(scenarios) + &rpm.unwrap_or_default()))
    };
    rows.iter().map(line).collect::<String>() + "\n"
}

/// The worst that a finding makes of a build: `fails the build with rpm 6.0`.
pub(super) fn worst(finding: &Finding, report: &Report) -> String {
    let here = report.verdicts.iter().filter(|one| finding.scenarios.contains(&one.scenario));
    let all = by_verdict(here.map(|one| (finding.verdict(one.rpm), one.rpm)));
    let Some((verdict, versions)) = all.into_iter().max_by_key(|(verdict, _)| *verdict) else { return String::new() };
    match of_some(&versions, report) {
        Some(versions) => format!("{} with rpm {}", verdict.words(), joined(versions, RpmVersion::to_string)),
        None => verdict.words().to_owned(),
    }
}

/// `install, upgrade`.
pub(super) fn words(scenarios: &[Scenario]) -> String {
    scenarios.iter().map(|scenario| scenario.as_str()).collect::<Vec<_>>().join(", ")
}

/// The versions that come to each verdict, each once.
fn by_verdict(pairs: impl Iterator<Item = (Verdict, RpmVersion)>) -> Vec<(Verdict, Vec<RpmVersion>)> {
    let mut all: Vec<(Verdict, Vec<RpmVersion>)> = Vec::new();
    for (verdict, version) in pairs {
        match all.iter_mut().find(|(known, _)| *known == verdict) {
            Some((_, versions)) if versions.contains(&version) => {}
            Some((_, versions)) => versions.push(version),
            None => all.push((verdict, vec![version])),
        }
    }
    all
}

/// The versions, if they are not all that were asked about.
fn of_some<'a>(versions: &'a [RpmVersion], report: &Report) -> Option<&'a [RpmVersion]> {
    let all = report.verdicts.iter().all(|one| versions.contains(&one.rpm));
    (!all).then_some(versions)
}

fn joined(versions: &[RpmVersion], word: impl Fn(&RpmVersion) -> String) -> String {
    versions.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// `4.16 (EL 9)`.
fn named(version: &RpmVersion) -> String {
    match version.distribution() {
        Some(distribution) => format!("{version} ({distribution})"),
        None => version.to_string(),
    }
}
