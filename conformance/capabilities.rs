//! What the payload can do: what was asked for and is to be had, never more.

use rootcontract::buildroot::MissingCapabilities;
use rootcontract::capability::{Capability, CapabilitySet};
use rootcontract::plan::CapabilityPolicy;
use rootcontract::profile::Profile;
use rstest::rstest;

use crate::support::{builder, said};

/// One set of a `/proc/PID/status`.
fn set(status: &str, name: &str) -> CapabilitySet {
    let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
    let value = value.unwrap_or_else(|| panic!("no {name} in {status}"));
    CapabilitySet(u64::from_str_radix(value, 16).expect("a set"))
}

fn own() -> CapabilitySet {
    set(&std::fs::read_to_string("/proc/self/status").expect("a status"), "CapPrm")
}

fn list(names: &str) -> CapabilityPolicy {
    CapabilityPolicy::List(names.parse().expect("names"))
}

/// The sets a payload has, in the order inheritable, permitted, effective, ambient.
fn payload_has(profile: Profile, policy: CapabilityPolicy) -> [CapabilitySet; 4] {
    let root = builder("/").profile(profile).capabilities(policy).open().expect("an open root");
    let status = said(&root, "cat /proc/self/status");
    root.close().expect("nothing left");
    ["CapInh", "CapPrm", "CapEff", "CapAmb"].map(|name| set(&status, name))
}

#[rstest]
#[case::stage_v190(Profile::OsbuildV190, CapabilityPolicy::Stage, CapabilitySet::STAGE)]
#[case::stage_v19(Profile::OsbuildV19, CapabilityPolicy::Stage, CapabilitySet::STAGE)]
#[case::scriptlet(Profile::Hardened, CapabilityPolicy::Scriptlet, CapabilitySet::SCRIPTLET)]
#[case::one(Profile::OsbuildV190, list("CAP_CHOWN"), CapabilitySet(1))]
#[case::two(Profile::OsbuildV190, list("CAP_SYS_ADMIN,CAP_CHOWN"), CapabilitySet(1 | 1 << 21))]
#[case::none(Profile::OsbuildV190, list(""), CapabilitySet::EMPTY)]
#[case::none_v19(Profile::OsbuildV19, list(""), CapabilitySet::EMPTY)]
fn the_payload_has_what_was_asked_for_and_is_to_be_had(
    #[case] profile: Profile,
    #[case] policy: CapabilityPolicy,
    #[case] wanted: CapabilitySet,
) {
    let granted = wanted.intersection(own());
    assert_ne!(granted, own(), "a case that could not tell a cut from none");
    assert_eq!(payload_has(profile, policy), [granted; 4]);
}

/// v190 names none, so bubblewrap leaves the sets as an execution by root makes them. v19 names CAP_MAC_ADMIN, and
/// bubblewrap raises all there are.
#[rstest]
#[case::v190(Profile::OsbuildV190, CapabilitySet::EMPTY)]
#[case::v19(Profile::OsbuildV19, own())]
fn inherited_is_what_the_caller_has(#[case] profile: Profile, #[case] raised: CapabilitySet) {
    let [inheritable, permitted, effective, ambient] = payload_has(profile, CapabilityPolicy::Inherit);
    assert_eq!((permitted, effective), (own(), own()));
    assert_eq!((inheritable, ambient), (raised, raised));
}

#[test]
fn strict_is_content_when_nothing_is_missing() {
    assert!(own().contains(Capability::SYS_ADMIN), "the suite runs as root");
    let strict = builder("/").capabilities(list("CAP_SYS_ADMIN")).missing_capabilities(MissingCapabilities::Refuse);
    let root = strict.open().expect("an open root");
    assert_eq!(root.warnings(), Vec::<String>::new());
    root.close().expect("nothing left");
}
