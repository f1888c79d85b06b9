use std::path::PathBuf;

use rstest::rstest;

use super::*;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/contract").join(name)
}

fn refusal(bytes: &[u8]) -> String {
    Contract::parse("my.toml", bytes).expect_err("no contract").to_string()
}

#[test]
fn the_built_in_contracts_parse() {
    for (profile, _) in Contract::BUILTIN {
        let contract = Contract::builtin(profile).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(contract.profile, profile);
    }
}

#[test]
fn a_good_contract_is_read_whole() {
    let contract = Contract::load(&fixture("good.toml")).expect("a contract");
    let null = contract.clause("device.null.number").expect("a clause");
    assert_eq!(contract.clauses.len(), 2);
    assert_eq!(null.when.to_string(), "when the architecture is x86_64 or s390x and the phase is raw and the host has no SELinux policy and the tree has /usr/lib64");
    assert_eq!(null.expect.to_string(), "/dev/null char 1:3");
    assert_eq!(null.hazard.as_deref(), Some("It may be full."));
}

#[rstest]
#[case::x("x")]
fn a_bad_contract_is_refused_in_one_line(#[case] name: &str) {
    for entry in std::fs::read_dir(fixture("bad")).unwrap() {
        let p = entry.unwrap().path();
        println!("{} => {}", p.file_stem().unwrap().display(), refusal(&std::fs::read(&p).unwrap()));
    }
    let _ = name;
}
