//! Each profile's contract, held against this machine's own root.

use rootcontract::contract::Contract;
use rootcontract::facts::launch::Phase;
use rootcontract::profile::Profile;
use rstest::rstest;

use crate::support::{assert_kept, builder, facts};

#[rstest]
#[case::v19(Profile::OsbuildV19, Phase::Raw)]
#[case::v19_after_a_runner(Profile::OsbuildV19, Phase::Runner)]
#[case::v19_for_a_scriptlet(Profile::OsbuildV19, Phase::Scriptlet)]
#[case::v190(Profile::OsbuildV190, Phase::Raw)]
#[case::v190_after_a_runner(Profile::OsbuildV190, Phase::Runner)]
#[case::v190_for_a_scriptlet(Profile::OsbuildV190, Phase::Scriptlet)]
#[case::hardened(Profile::Hardened, Phase::Raw)]
#[case::hardened_after_a_runner(Profile::Hardened, Phase::Runner)]
#[case::hardened_for_a_scriptlet(Profile::Hardened, Phase::Scriptlet)]
fn the_contract_is_kept_by_this_machines_own_root(#[case] profile: Profile, #[case] phase: Phase) {
    let contract = Contract::builtin(profile.name()).expect("a contract");
    let builder = builder("/").profile(profile).capabilities(profile.default_capabilities());
    let facts = facts(builder, phase);
    assert_kept(&contract, &facts);
}
