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
fn the_contract_is_kept(#[case] profile: Profile) {
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
    std::fs::write(format!("/tmp/facts-{profile}.json"), serde_json::to_string_pretty(&facts).unwrap()).unwrap();
    let findings = verify(&contract, &facts);
    let mut bad = Vec::new();
    for f in findings {
        if matches!(f.verdict, Verdict::Broken | Verdict::Unknown) {
            bad.push(format!(
                "{:?} {} expected {} found {:?} {:?}",
                f.verdict,
                f.clause.as_str(),
                f.expected,
                f.found,
                f.reason
            ));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}
