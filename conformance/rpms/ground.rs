//! A finding follows from the contract, and changes when that does.

use rootcontract::contract::{Contract, Expect, Sharing, Which};
use rootcontract::rpm::finding::Effect;
use rootcontract::rpm::ground::Ground;
use rootcontract::rpm::rule::{self, Rests};
use rstest::rstest;

use super::{Built, judged, osbuild, read};

/// osbuild's contract, but nothing that is tried succeeds, nothing is there, and every namespace is the host's.
pub fn denying_everything() -> Contract {
    let mut contract = osbuild();
    for clause in &mut contract.clauses {
        match &mut clause.expect {
            Expect::Attempt(attempt) => attempt.gives = vec!["EPERM".to_owned()],
            Expect::Capabilities(set) => set.lacks.append(&mut set.contains),
            Expect::Namespace(namespace) if namespace.name.to_string() == "uts" => namespace.is = Sharing::Shared,
            Expect::Link(link) if link.at.as_str() == "/dev/fd" => clause.expect = Expect::Absent(link.at.clone()),
            Expect::Node(node) if node.at.as_str() == "/dev/fd" => clause.expect = Expect::Absent(node.at.clone()),
            _ => {}
        }
    }
    contract
}

/// osbuild's contract without what it says in this form.
fn without(is_meant: impl Fn(&Expect) -> bool) -> Contract {
    let mut contract = osbuild();
    contract.clauses.retain(|clause| !is_meant(&clause.expect));
    contract
}

#[rstest]
#[case::osbuild_s("osbuild-v190")]
#[case::ours("hardened")]
fn what_a_rule_rests_on_is_in_the_contract(#[case] profile: &str) {
    let contract = Contract::builtin(profile).expect("a contract");
    let ground = Ground::of(&contract, "x86_64");
    for rule in rule::all().filter(|rule| !matches!(rule.rests, Rests::Rpm(_))) {
        let consequence = rule.consequence(&ground);
        assert!(consequence.is_none_or(|one| one.clause.is_some()), "the contract says nothing about {}", rule.id);
    }
}

#[test]
fn what_the_contract_does_not_speak_of_can_t_be_told() {
    let contract = without(|_| true);
    let ground = Ground::of(&contract, "x86_64");
    for rule in rule::all() {
        let consequence = rule.consequence(&ground).expect("a consequence");
        match rule.rests {
            Rests::Rpm(effect) => assert_eq!(consequence.effect, effect, "{}", rule.id),
            _ => assert_eq!(consequence.effect, Effect::Unjudged, "{}", rule.id),
        }
        assert!(consequence.clause.is_none(), "{}", rule.id);
    }
}

/// The effect that a rule has on its own package by a contract, and the clauses it rests on.
fn found(spec: &str, rule: &str, contract: &Contract) -> Option<(Effect, Vec<String>)> {
    let built = Built::of(spec);
    let report = judged(&read(&built.file(rule)), contract);
    report.findings.into_iter().find(|finding| finding.rule == rule).map(|finding| (finding.effect, finding.rests_on))
}

/// What another contract says in the place of osbuild's.
fn changed(change: impl Fn(&mut Expect)) -> Contract {
    let mut contract = osbuild();
    contract.clauses.iter_mut().for_each(|clause| change(&mut clause.expect));
    contract
}

fn refused(name: &'static str) -> Contract {
    changed(move |expect| match expect {
        Expect::Attempt(attempt) if attempt.name == name => attempt.gives = vec!["EROFS".to_owned()],
        _ => {}
    })
}

fn hardened() -> Contract {
    Contract::builtin("hardened").expect("a contract")
}

fn booted() -> Contract {
    changed(|expect| match expect {
        Expect::Process(process) if process.pid == Which::Init => process.command = Some("systemd".to_owned()),
        _ => {}
    })
}

fn apart(name: &'static str, is: Sharing) -> Contract {
    changed(move |expect| match expect {
        Expect::Namespace(namespace) if namespace.name.to_string() == name => namespace.is = is,
        _ => {}
    })
}

#[rstest]
#[case::settings_of_the_host("kernel", "kernel.settings", osbuild(), Some(Effect::Host))]
#[case::settings_out_of_reach("kernel", "kernel.settings", refused("sysctl:kernel.printk"), Some(Effect::Fails))]
#[case::settings_in_hardened("kernel", "kernel.settings", hardened(), Some(Effect::Fails))]
#[case::settings_of_a_network_of_its_own("kernel", "network.settings", osbuild(), Some(Effect::Skipped))]
#[case::settings_of_the_host_s_network("kernel", "network.settings", apart("net", Sharing::Shared), Some(Effect::Host))]
#[case::settings_of_a_network_in_hardened("kernel", "network.settings", hardened(), Some(Effect::Fails))]
#[case::devices("devices", "device.made", osbuild(), Some(Effect::Image))]
#[case::devices_in_hardened("devices", "device.refused", hardened(), Some(Effect::Fails))]
#[case::mounts("devices", "mount.new", osbuild(), None)]
#[case::mounts_in_hardened("devices", "mount.new", hardened(), Some(Effect::Fails))]
#[case::the_name_in_hardened("hardware", "hostname.set", hardened(), Some(Effect::Skipped))]
#[case::no_systemd("services", "systemd.runtime", osbuild(), Some(Effect::Skipped))]
#[case::a_booted_system("services", "systemd.runtime", booted(), None)]
#[case::the_host_s_name("hardware", "hostname.set", osbuild(), Some(Effect::Host))]
#[case::a_name_of_its_own("hardware", "hostname.set", apart("uts", Sharing::Own), Some(Effect::Skipped))]
#[case::a_name_of_its_own_is_read("hardware", "hostname.read", apart("uts", Sharing::Own), None)]
#[case::no_network("security", "network.outside", osbuild(), Some(Effect::Fails))]
#[case::the_host_s_network("security", "network.outside", apart("net", Sharing::Shared), None)]
#[case::files_can_be_given_away("identity", "owner.other", osbuild(), None)]
#[case::files_can_t_be_given_away("identity", "owner.other", refused("chown:/var"), Some(Effect::Fails))]
fn a_finding_changes_with_the_contract(
    #[case] spec: &str,
    #[case] rule: &str,
    #[case] contract: Contract,
    #[case] expected: Option<Effect>,
) {
    let found = found(&format!("rules/{spec}.spec"), rule, &contract);
    assert_eq!(found.as_ref().map(|(effect, _)| *effect), expected);
    for clause in found.map(|(_, clauses)| clauses).unwrap_or_default() {
        assert!(contract.clause(&clause).is_some(), "{clause} is in no contract");
    }
}
