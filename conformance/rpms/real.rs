//! Packages that others made, and what becomes of a build with them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rootcontract::rpm::finding::Effect;
use rootcontract::rpm::report::Report;
use rootcontract::rpm::scriptlet::Slot;
use rootcontract::rpm::verdict::{RpmVersion, Scenario};
use serde_json::json;

use super::{judged, osbuild, read};

/// A row: package, verdicts, rules.
const TABLE: &str = include_str!("../../fixtures/rpm/real");

fn packages() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/rpms");
    let entries = directory.read_dir().unwrap_or_else(|error| panic!("{}: {error}: run ci/rpms", directory.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(files.len() >= 60, "{} packages: run ci/rpms", files.len());
    files
}

fn row(report: &Report) -> String {
    let newest = RpmVersion::new(6, 0);
    let verdict = |scenario: Scenario| {
        let one = report.verdicts.iter().find(|one| one.scenario == scenario && one.rpm == newest);
        json!(one.expect("a verdict").verdict).as_str().expect("a word").to_owned()
    };
    let told = report.findings.iter().filter(|finding| finding.effect > Effect::Advice);
    let rules: BTreeSet<String> =
        told.map(|finding| format!("{}:{}", finding.slot.to_string().trim_start_matches('%'), finding.rule)).collect();
    let rules = if rules.is_empty() { "-".to_owned() } else { rules.into_iter().collect::<Vec<_>>().join(" ") };
    let verdicts = Scenario::ALL.map(verdict).join(" ");
    format!("{} {verdicts} {rules}", report.package)
}

#[test]
fn what_becomes_of_a_build_is_as_reviewed() {
    let contract = osbuild();
    let mut rows = BTreeMap::new();
    for file in packages() {
        let report = judged(&read(&file), &contract);
        if !report.scriptlets.is_empty() {
            rows.insert(report.package.to_string(), row(&report));
        }
    }
    let found: Vec<String> = rows.into_values().collect();
    let expected: Vec<&str> = TABLE.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(found, expected);
}

/// Interpreter only, or empty: what getters of scripts do not tell from no scriptlet at all.
#[test]
fn scriptlets_without_a_body_are_seen() {
    let find = |name: &str| {
        let file = packages().into_iter().find(|file| file.to_string_lossy().contains(name)).expect("a package");
        read(&file).package.scriptlets
    };
    let ldconfig = find("libtest1-1.5");
    assert_eq!(
        (ldconfig[0].program(), ldconfig[0].body.as_deref(), ldconfig[0].is_empty()),
        ("/sbin/ldconfig", None, false)
    );
    let empty = find("SpecCheck4");
    assert!(
        !empty.is_empty() && empty.iter().all(|scriptlet| scriptlet.is_empty() && scriptlet.program() == "/bin/sh")
    );
}

/// Every kind that rpm has, each with its conditions and priority.
#[test]
fn every_kind_of_scriptlet_and_trigger_is_read() {
    let file =
        packages().into_iter().find(|file| file.to_string_lossy().contains("rpm-scriptlets")).expect("a package");
    let scriptlets = read(&file).package.scriptlets;
    let slots: BTreeSet<Slot> = scriptlets.iter().map(|scriptlet| scriptlet.slot).collect();
    assert_eq!(slots.len(), 17, "{slots:?}");
    let trigger = scriptlets.iter().find(|scriptlet| scriptlet.slot == Slot::Filetriggerin).expect("a file trigger");
    assert!(!trigger.conditions.is_empty() && trigger.priority.is_some(), "{trigger:?}");
}
