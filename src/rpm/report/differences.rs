//! Builds of one package for several architectures: what they have rpm run should be the same.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::scriptlet::Slot;
use super::{Report, Scriptlet};

/// The architecture of packages that are for all.
const NOARCH: &str = "noarch";

/// Something that is not the same for every architecture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// The package: name and version.
    pub package: String,
    /// When rpm runs what differs.
    pub slot: Slot,
    /// What differs, in words.
    pub what: String,
    /// The architectures that have it, of those whose builds were looked at.
    pub on: Vec<String>,
}

/// What differs between the builds of each package.
pub fn between(reports: &[Report]) -> Vec<Difference> {
    let mut builds: BTreeMap<(String, &str), BTreeMap<&str, &Report>> = BTreeMap::new();
    for report in reports {
        let package = format!("{}-{}", report.package.name, report.package.version);
        builds.entry((package, &report.profile)).or_default().entry(build(report)).or_insert(report);
    }
    let several = builds.into_iter().filter(|(_, builds)| builds.len() > 1);
    let mut differences: Vec<Difference> =
        several.flat_map(|((package, _), builds)| of_one(&package, &builds)).collect();
    differences.dedup();
    differences
}

/// Which build it is. A spec may make something else of a noarch package on each architecture.
fn build(report: &Report) -> &str {
    if report.package.arch == NOARCH { &report.arch } else { &report.package.arch }
}

fn of_one(package: &str, builds: &BTreeMap<&str, &Report>) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut told = |slot, what: String, on: Vec<&str>| {
        if !on.is_empty() && on.len() < builds.len() {
            let on = on.into_iter().map(str::to_owned).collect();
            differences.push(Difference { package: package.to_owned(), slot, what, on });
        }
    };
    let mut scriptlets: Vec<&Scriptlet> = Vec::new();
    let mut rules: Vec<(Slot, &str)> = Vec::new();
    for report in builds.values() {
        report.scriptlets.iter().for_each(|one| add(&mut scriptlets, one));
        // Of one and the same package other things are found where the room is another: that is no difference of builds.
        let findings = report.findings.iter().filter(|_| report.package.arch != NOARCH);
        findings.for_each(|one| add(&mut rules, (one.slot, &one.rule)));
    }
    let having = |has: &dyn Fn(&Report) -> bool| {
        builds.iter().filter(|(_, report)| has(report)).map(|(arch, _)| *arch).collect::<Vec<_>>()
    };
    for scriptlet in scriptlets {
        let what = format!("is a scriptlet of {}", scriptlet.interpreter);
        told(scriptlet.slot, what, having(&|report| report.scriptlets.contains(scriptlet)));
    }
    for (slot, rule) in rules {
        let has = |report: &Report| report.findings.iter().any(|one| one.slot == slot && one.rule == rule);
        told(slot, format!("is found by {rule}"), having(&has));
    }
    differences
}

fn add<T: PartialEq>(list: &mut Vec<T>, one: T) {
    if !list.contains(&one) {
        list.push(one);
    }
}
