use super::*;

#[test]
fn the_built_in_contracts_parse() {
    for (profile, _) in Contract::BUILTIN {
        let contract = Contract::builtin(profile).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(contract.profile, profile);
    }
}
