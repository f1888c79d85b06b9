//! Every mutant breaks exactly the clauses named for it.

use rootcontract::profile::Profile;
use rootcontract::prove::{Tools, prove};
use rstest::rstest;

#[rstest]
#[case::v19(Profile::OsbuildV19)]
#[case::v190(Profile::OsbuildV190)]
fn every_mutant_breaks_exactly_what_is_named_for_it(#[case] profile: Profile) {
    let tools = Tools { bwrap: None, probe: crate::support::probe(), supervisor: Some(crate::support::supervisor()) };
    let proof = prove(profile, &tools, &|_| ()).expect("a proof");
    let inexact: Vec<_> = proof.trials.iter().filter(|trial| !trial.exact()).collect();
    assert!(inexact.is_empty(), "{inexact:#?}");
    assert!(proof.trials.len() >= 20, "{} mutants", proof.trials.len());
}
