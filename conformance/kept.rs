//! Both profiles' contracts, held against this machine's own root.

use rootcontract::contract::Contract;
use rootcontract::facts::launch::Phase;
use rootcontract::profile::Profile;
use rootcontract::verify::{Verdict, verify};
use rstest::rstest;

use crate::support::{builder, facts};

#[rstest]
#[case::v19(Profile::OsbuildV19, Phase::Raw)]
#[case::v19_after_a_runner(Profile::OsbuildV19, Phase::Runner)]
#[case::v190(Profile::OsbuildV190, Phase::Raw)]
#[case::v190_after_a_runner(Profile::OsbuildV190, Phase::Runner)]
fn the_contract_is_kept_by_this_machines_own_root(#[case] profile: Profile, #[case] phase: Phase) {
    let contract = Contract::builtin(profile.name()).expect("a contract");
    let builder = builder("/").profile(profile).capabilities(profile.default_capabilities());
    let facts = facts(builder, phase);
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
