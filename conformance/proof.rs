//! Every clause can fail: mutants break exactly the clauses named for them, and facts break the others.

use rootcontract::arch;
use rootcontract::contract::Contract;
use rootcontract::facts::launch::Phase;
use rootcontract::profile::Profile;
use rootcontract::prove::contradict::contradict;
use rootcontract::prove::{Tools, prove};
use rstest::rstest;
use serde_json::json;

use crate::support;

#[rstest]
#[case::v19(Profile::OsbuildV19)]
#[case::v190(Profile::OsbuildV190)]
#[case::hardened(Profile::Hardened)]
fn every_mutant_breaks_exactly_what_is_named_for_it(#[case] profile: Profile) {
    let tools = Tools { bwrap: None, probe: support::probe(), supervisor: Some(support::supervisor()) };
    let proof = prove(profile, &tools, &|_| ()).expect("a proof");
    let inexact: Vec<_> = proof.trials.iter().filter(|trial| !trial.exact()).collect();
    assert!(inexact.is_empty(), "{inexact:#?}");
    assert!(proof.trials.len() >= 20, "{} mutants", proof.trials.len());
    let unproven: Vec<_> = proof.contradicted.iter().filter(|one| !one.is_proof()).collect();
    assert!(unproven.is_empty() && proof.unproven.is_empty(), "{unproven:#?}");
    assert_eq!(proof.proven.len() + proof.contradicted.len(), proof.clauses);
}

/// The facts are this machine's; what another architecture has otherwise is what its clauses expect.
#[rstest]
fn every_fact_that_a_clause_reads_can_break_it_on_every_architecture(
    #[values(Profile::OsbuildV19, Profile::OsbuildV190, Profile::Hardened)] profile: Profile,
    #[values("x86_64", "aarch64", "ppc64le", "s390x", "riscv64", "i686", "armv7")] arch: &str,
) {
    let arch = arch::named(arch).expect("an architecture of the table").name;
    let mut facts = support::facts(support::builder("/").profile(profile), Phase::Raw);
    facts["launch"]["arch"] = json!(arch);
    let contract = Contract::builtin(profile.name()).expect("a contract").on(arch);
    let unproven: Vec<_> = contract
        .clauses
        .iter()
        .map(|clause| contradict(&contract, clause, &facts, String::new()))
        .filter(|contradicted| !contradicted.is_proof())
        .collect();
    assert!(unproven.is_empty(), "{unproven:#?}");
    assert!(contract.clauses.len() >= 380, "{} clauses", contract.clauses.len());
}
