//! Both profiles' contracts, held against this machine's own root.

use rootcontract::buildroot::Surroundings;
use rootcontract::contract::Contract;
use rootcontract::facts::launch::Phase;
use rootcontract::inspect::{Subject, inspect};
use rootcontract::profile::Profile;
use rootcontract::verify::{Verdict, verify};
use rstest::rstest;

use crate::support::builder;

#[rstest]
#[case::v19(Profile::OsbuildV19)]
#[case::v190(Profile::OsbuildV190)]
fn the_contract_is_kept_by_this_machines_own_root(#[case] profile: Profile) {
    let contract = Contract::builtin(profile.name()).expect("a contract");
    let bwrap = rootcontract::bwrap::find(None).expect("bwrap");
    let subject = Subject {
        phase: Phase::Raw,
        runner: None,
        probe: crate::support::probe(),
        about: rootcontract::bwrap::about(&bwrap),
        surroundings: Surroundings::Canaries,
    };
    let builder = builder("/").profile(profile).capabilities(profile.default_capabilities());
    let facts = inspect(builder, &subject).expect("facts");
    let facts = serde_json::to_value(&facts).expect("JSON");
    let findings = verify(&contract, &facts);
    let not_kept: Vec<_> = findings
        .iter()
        .filter(|finding| matches!(finding.verdict, Verdict::Broken | Verdict::Unknown))
        .map(|finding| format!("{finding:#?}"))
        .collect();
    assert!(not_kept.is_empty(), "{}", not_kept.join("\n"));
    let held = findings.iter().filter(|finding| finding.verdict == Verdict::Held).count();
    assert!(held >= 200, "only {held} clauses were held against anything");
}
