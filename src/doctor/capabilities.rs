//! What root may do. An ordinary user may do all of it in a user namespace.

use super::Caller;
use super::check::{Check, Question};
use crate::capability::{Capability, CapabilitySet};
use crate::facts::{Unread, status};
use crate::probe::read;

/// The capabilities that this process can use.
pub(super) fn read() -> Result<CapabilitySet, Unread> {
    const FILE: &str = "/proc/self/status";
    let bytes = read::bytes(FILE)?;
    read::understood(FILE, status::parse(&bytes).and_then(|status| status.mask("CapEff"))).map(CapabilitySet)
}

pub(super) fn checks(caller: Caller, effective: &Result<CapabilitySet, Unread>) -> Vec<Check> {
    let mounts = Question::required("capability.sys-admin", "Root mounts, and makes namespaces, by CAP_SYS_ADMIN.");
    let network = Question::required(
        "capability.net-admin",
        "bubblewrap raises the loopback interface of the build root's network by CAP_NET_ADMIN.",
    );
    let stage = Question::optional(
        "capability.stage",
        "osbuild gives its stages nineteen capabilities, as far as it has them.",
    );
    if caller == Caller::User {
        let reason = "a user namespace has all of them";
        return [mounts, network, stage].map(|question| question.not_needed(reason)).into();
    }
    let has = match effective {
        Ok(has) => *has,
        Err(Unread { what, errno }) => {
            let unknown = |question: Question| question.unknown(format!("{what}: {errno}"), "mount a /proc");
            return [mounts, network, stage].map(unknown).into();
        }
    };
    let one = |question: Question, capability: Capability| {
        if has.contains(capability) {
            return question.ok(format!("this process has {capability}"));
        }
        let mend = format!(
            "start with it (a container: --cap-add {}, or --privileged), or build with --privilege userns-subid",
            capability.to_string().trim_start_matches("CAP_")
        );
        question.missing(format!("this process is root without {capability}"), mend)
    };
    let missing = CapabilitySet::STAGE.difference(has);
    vec![
        one(mounts, Capability::SYS_ADMIN),
        one(network, Capability::NET_ADMIN),
        if missing.is_empty() {
            stage.ok("this process has all of them")
        } else {
            let mend = "start with them where a stage needs them; `--strict-capabilities` refuses to do without";
            stage.missing(format!("payloads do without {missing}"), mend)
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::super::check::{Level, State, said};
    use super::*;
    use nix::errno::Errno;
    use rstest::rstest;

    const ALL: CapabilitySet = CapabilitySet(0x1ff_ffff_ffff);

    fn without(name: &str) -> CapabilitySet {
        ALL.difference(name.parse().expect("a capability"))
    }

    #[rstest]
    #[case::mounting("CAP_SYS_ADMIN", "capability.sys-admin", Level::Required)]
    #[case::the_network("CAP_NET_ADMIN", "capability.net-admin", Level::Required)]
    #[case::what_a_stage_gets("CAP_MKNOD", "capability.stage", Level::Optional)]
    fn root_without_a_capability_is_told_which(#[case] name: &str, #[case] id: &str, #[case] level: Level) {
        let checks = checks(Caller::Root, &Ok(without(name)));
        let (is_level, state, found, _) = said(&checks, id);
        assert_eq!((is_level, state), (level, State::Missing));
        assert!(found.contains(name), "{found}");
    }

    #[test]
    fn root_with_all_of_them_lacks_nothing() {
        assert!(checks(Caller::Root, &Ok(ALL)).iter().all(|check| check.state == State::Ok));
    }

    #[test]
    fn an_ordinary_user_needs_none() {
        let checks = checks(Caller::User, &Ok(CapabilitySet::EMPTY));
        assert_eq!(checks.len(), 3);
        assert!(checks.iter().all(|check| (check.level, check.state) == (Level::NotNeeded, State::Ok)));
    }

    #[test]
    fn where_they_can_t_be_read_nothing_is_known() {
        let checks = checks(Caller::Root, &Err(read::unread("read /proc/self/status", Errno::ENOENT)));
        let expected = (Level::Required, State::Unknown, "read /proc/self/status: ENOENT", "mount a /proc");
        assert_eq!(said(&checks, "capability.sys-admin"), expected);
    }
}
