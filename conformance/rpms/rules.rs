//! Every rule finds what it is for, and not what only looks like it.

use std::collections::BTreeSet;
use std::path::Path;

use rootcontract::rpm::rule;
use rstest::rstest;

use super::ground::denying_everything;
use super::{Built, judged, osbuild, read};

const SPECS: [&str; 12] = [
    "bootstrap",
    "boot",
    "devices",
    "database",
    "hardware",
    "identity",
    "kernel",
    "ordering",
    "places",
    "script",
    "security",
    "services",
];

/// The rules that a spec has a pair of packages for.
fn pairs(spec: &str) -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/rpm/rules/{spec}.spec"));
    let text = std::fs::read_to_string(file).expect("a spec");
    let named = text.lines().filter_map(|line| line.strip_prefix("%rule ").or(line.strip_prefix("%package -n ")));
    named.filter(|name| !name.ends_with(".near")).map(str::to_owned).collect()
}

#[rstest]
#[case::before_anything_is_there("bootstrap")]
#[case::what_boots("boot")]
#[case::devices("devices")]
#[case::rpm_itself("database")]
#[case::the_machine("hardware")]
#[case::users("identity")]
#[case::the_kernel("kernel")]
#[case::order("ordering")]
#[case::places("places")]
#[case::scripts("script")]
#[case::security("security")]
#[case::services("services")]
fn a_rule_finds_what_it_is_for_and_no_near_miss(#[case] spec: &str) {
    let built = Built::of(&format!("rules/{spec}.spec"));
    let (osbuild, nothing) = (osbuild(), denying_everything());
    for rule in pairs(spec) {
        let finds = |package: &str, contract| {
            let report = judged(&read(&built.file(package)), contract);
            report.findings.iter().any(|finding| finding.rule == rule)
        };
        // Where the room has what is needed there is nothing to be found: it is found where the room has it not.
        assert!(finds(&rule, &osbuild) || finds(&rule, &nothing), "{rule} does not find its own package");
        assert!(!finds(&format!("{rule}.near"), &osbuild), "{rule} finds what it must not");
        assert!(!finds(&format!("{rule}.near"), &nothing), "{rule} finds what it must not, where there is nothing");
    }
}

#[test]
fn every_rule_has_a_pair_of_packages() {
    let pairs: BTreeSet<String> = SPECS.into_iter().flat_map(pairs).collect();
    // What only a run shows is found in no text.
    let rules = rule::all().map(|rule| rule.id.to_owned()).filter(|id| !id.starts_with("run."));
    assert_eq!(pairs, rules.collect());
}

#[test]
fn rules_have_names_of_their_own() {
    let names: BTreeSet<&str> = rule::all().map(|rule| rule.id).collect();
    assert_eq!(names.len(), rule::all().count());
    let contract = osbuild();
    assert!(rule::all().all(|rule| contract.clause(rule.id).is_none()), "a rule and a clause have the same name");
}

/// The catalogue of what scriptlets assume has 57 entries. What no rule can find is told in the README.
#[test]
fn every_known_assumption_has_a_rule_or_a_reason() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("a README");
    let (_, reasons) = readme.split_once("What no rule can find:\n").expect("a table of what no rule can find");
    let (reasons, _) = reasons.split_once("\n## ").expect("a chapter after it");
    let reasons = reasons.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(' ')?.0.parse::<u8>().ok());
    let reasons: BTreeSet<u8> = reasons.collect();
    let found: BTreeSet<u8> = rule::all().flat_map(|rule| rule.catalogue).copied().collect();
    let both: Vec<&u8> = found.intersection(&reasons).collect();
    assert!(both.is_empty(), "{both:?} have a rule, and a reason why they have none");
    assert_eq!(found.union(&reasons).copied().collect::<Vec<u8>>(), (1..=57).collect::<Vec<u8>>());
}
