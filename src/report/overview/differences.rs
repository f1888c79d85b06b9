//! What is not the same everywhere.
//!
//! Rules that each architecture has in words of its own are one rule here. Profiles are not compared with each other:
//! in what they differ is their contracts' business.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::rows::Rows;
use crate::contract::rule;
use crate::report::Report;
use crate::report::show::in_a_line;
use crate::verify::{Finding, Verdict};

/// A clause that somebody has to act on, in all cells where it is so for the same reason.
#[derive(Debug)]
pub struct Wrong<'a> {
    /// The clause where it is one, else the rule.
    pub name: &'a str,
    /// What was found, first of all.
    pub finding: &'a Finding,
    /// The number of a row and the profile, for each cell.
    pub cells: Vec<(usize, &'a str)>,
}

/// The clauses of one verdict, in the order in which the document comes to them.
pub fn wrong<'a>(rows: &Rows<'a>, verdict: Verdict) -> Vec<Wrong<'a>> {
    let mut all: Vec<Wrong<'a>> = Vec::new();
    let mut known: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for (row, profile, report) in reports(rows) {
        for finding in report.findings.iter().filter(|finding| finding.verdict == verdict) {
            let rule = rule(&finding.clause, &report.arch);
            let index = *known.entry((rule, in_a_line(finding))).or_insert(all.len());
            if index == all.len() {
                all.push(Wrong { name: finding.clause.as_str(), finding, cells: Vec::new() });
            }
            let one = &mut all[index];
            if one.name != finding.clause.as_str() {
                one.name = rule;
            }
            one.cells.push((row, profile));
        }
    }
    all
}

/// Every report with its row and its profile, row by row.
fn reports<'a>(rows: &Rows<'a>) -> Vec<(usize, &'a str, &'a Report)> {
    let of = |profile: &'a str| rows.reports_of(profile).into_iter().map(move |(row, report)| (row, profile, report));
    let mut all: Vec<_> = rows.profiles.iter().copied().flat_map(of).collect();
    all.sort_by_key(|(row, _, _)| *row);
    all
}

/// Rules with a verdict here that they do not have elsewhere.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference<'a> {
    /// Not applicable, or waived: what is broken or unknown is told by itself.
    pub verdict: Verdict,
    /// Where: numbers of rows.
    pub rows: BTreeSet<usize>,
    /// Why, and which; first the reason of most rules.
    pub reasons: Vec<(&'a str, BTreeSet<&'a str>)>,
}

/// Rules by why they are not judged.
type Reasons<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// The differences by where they are; first those of most rules.
pub fn differences<'a>(rows: &Rows<'a>) -> Vec<Difference<'a>> {
    let mut rules: BTreeMap<(BTreeSet<usize>, Verdict), Reasons<'_>> = BTreeMap::new();
    for profile in &rows.profiles {
        for (rule, findings) in by_rule(&rows.reports_of(profile)) {
            for ((verdict, reason), places) in where_and_why(&findings) {
                rules.entry((places, verdict)).or_default().entry(reason).or_default().insert(rule);
            }
        }
    }
    let difference = |((rows, verdict), reasons): (_, Reasons<'a>)| {
        let mut reasons: Vec<(&str, BTreeSet<&str>)> = reasons.into_iter().collect();
        reasons.sort_by_key(|(_, rules)| Reverse(rules.len()));
        Difference { verdict, rows, reasons }
    };
    let mut all: Vec<Difference<'_>> = rules.into_iter().map(difference).collect();
    all.sort_by_key(|difference| Reverse(difference.reasons.iter().map(|(_, rules)| rules.len()).sum::<usize>()));
    all
}

/// The rows in which a rule is not judged, by the reason; nothing if it has the same verdict in all of them.
fn where_and_why<'a>(findings: &[(usize, &'a Finding)]) -> BTreeMap<(Verdict, &'a str), BTreeSet<usize>> {
    let mut places: BTreeMap<(Verdict, &str), BTreeSet<usize>> = BTreeMap::new();
    if findings.windows(2).all(|two| two[0].1.verdict == two[1].1.verdict) {
        return places;
    }
    let told = |verdict| matches!(verdict, Verdict::NotApplicable | Verdict::Waived);
    for (row, finding) in findings.iter().filter(|(_, finding)| told(finding.verdict)) {
        let reason = finding.reason.as_deref().unwrap_or_default();
        places.entry((finding.verdict, reason)).or_default().insert(*row);
    }
    places
}

fn by_rule<'a>(reports: &[(usize, &'a Report)]) -> BTreeMap<&'a str, Vec<(usize, &'a Finding)>> {
    let mut rules: BTreeMap<&str, Vec<(usize, &Finding)>> = BTreeMap::new();
    for (row, report) in reports {
        for finding in &report.findings {
            rules.entry(rule(&finding.clause, &report.arch)).or_default().push((*row, finding));
        }
    }
    rules
}

/// Rules that are only there in some rows: their numbers, and the rules. Most often those of some architectures.
pub fn only_there<'a>(rows: &Rows<'a>) -> BTreeMap<BTreeSet<usize>, BTreeSet<&'a str>> {
    let mut there: BTreeMap<BTreeSet<usize>, BTreeSet<&str>> = BTreeMap::new();
    for profile in &rows.profiles {
        let reports = rows.reports_of(profile);
        for (rule, findings) in by_rule(&reports) {
            if findings.len() < reports.len() {
                there.entry(findings.iter().map(|(row, _)| *row).collect()).or_default().insert(rule);
            }
        }
    }
    there
}
