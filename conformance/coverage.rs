//! Every fact the probe reports is read by a clause, or listed as ignored with the reason.

use rootcontract::contract::{Contract, FactPath};
use rootcontract::facts::launch::Phase;
use rootcontract::profile::Profile;
use rstest::rstest;
use serde_json::Value;

use crate::support;

#[rstest]
#[case::v19(Profile::OsbuildV19)]
#[case::v190(Profile::OsbuildV190)]
#[case::hardened(Profile::Hardened)]
fn every_fact_is_read_or_ignored_with_a_reason(#[case] profile: Profile) {
    let contract = Contract::builtin(profile.name()).expect("a contract");
    let facts = support::facts(support::builder("/").profile(profile), Phase::Raw);
    let mut known: Vec<FactPath> = contract.clauses.iter().flat_map(|clause| clause.expect.reads(&facts)).collect();
    known.extend(contract.ignored.keys().cloned());
    let unread: Vec<_> = leaves(&facts["probe"])
        .into_iter()
        .filter(|leaf| !known.iter().any(|path| reaches(path, leaf)))
        .map(|leaf| leaf.join(" › "))
        .collect();
    assert!(unread.is_empty(), "nobody reads\n{}", unread.join("\n"));
}

/// The ways to every value that is no object; an empty object is a value too.
fn leaves(value: &Value) -> Vec<Vec<String>> {
    match value.as_object() {
        Some(object) if !object.is_empty() => object
            .iter()
            .flat_map(|(key, value)| {
                leaves(value).into_iter().map(|rest| [vec![key.clone()], rest].concat()).collect::<Vec<_>>()
            })
            .collect(),
        _ => vec![Vec::new()],
    }
}

/// Whether the path names the leaf, or something it is part of.
fn reaches(path: &FactPath, leaf: &[String]) -> bool {
    let steps = path.segments();
    steps.len() <= leaf.len()
        && steps.iter().zip(leaf).all(|(step, key)| match step.as_str().strip_suffix('*') {
            Some(start) => key.starts_with(start),
            None => step.as_str() == key,
        })
}
