use std::os::unix::fs::PermissionsExt;

use rstest::rstest;

use super::super::check::{Level, State, said};
use super::*;

fn program(starts: io::Result<Ended>) -> Program {
    let about =
        About { version: "0.11.0".to_owned(), features: Vec::new(), package: Some("bubblewrap 0.11.0-2".to_owned()) };
    let answers = Answers { proc: Some(Ok(Ended::Ran)), about, features: Features::All };
    Program { path: "/usr/bin/bwrap".into(), mode: 0o100_755, starts, answers: Some(answers) }
}

fn not(said: &str) -> io::Result<Ended> {
    Ok(Ended::Not(said.to_owned()))
}

#[test]
fn a_good_one_is_told_with_its_package() {
    let checks = checks(&Bubblewrap::Found(program(Ok(Ended::Ran))));
    assert!(checks.iter().all(|check| check.state == State::Ok), "{checks:?}");
    assert_eq!(said(&checks, "bwrap.found").2, "/usr/bin/bwrap");
    assert_eq!(said(&checks, "bwrap.version").2, "0.11.0");
    assert_eq!(said(&checks, "bwrap.package").2, "bubblewrap 0.11.0-2");
}

#[rstest]
#[case::not_found(Bubblewrap::NotFound(bwrap::NotFound), "there is no bwrap in PATH")]
#[case::not_executable(
    Bubblewrap::Unusable { path: "/x".into(), why: "Permission denied".to_owned() },
    "/x can't be executed: Permission denied"
)]
fn without_one_nothing_of_it_is_known(#[case] bubblewrap: Bubblewrap, #[case] found: &str) {
    let checks = checks(&bubblewrap);
    let (level, state, says, _) = said(&checks, "bwrap.found");
    assert_eq!((level, state, says), (Level::Required, State::Missing, found));
    let others = checks.iter().filter(|check| check.id != "bwrap.found");
    assert_eq!(others.clone().filter(|check| check.state == State::Unknown).count(), 5, "{checks:?}");
}

/// What each release was seen to say, or says in its source.
#[rstest]
#[case::masked_proc("bwrap: Can't read /proc/sys/kernel/overflowuid: No such file or directory", "proc.unmasked")]
#[case::chroot("bwrap: Failed to make / slave: Invalid argument", "root.mount-point")]
#[case::initramfs("bwrap: pivot_root: Invalid argument", "can't be left")]
#[case::no_net_admin("bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted", "capability.net-admin")]
#[case::set_uid("bwrap: setuid use of bubblewrap is not supported in this build", "bwrap.setuid")]
#[case::ambient("bwrap: Unexpected capabilities but not setuid, old file caps config?", "setpriv")]
#[case::apparmor("bwrap: setting up uid map: Permission denied", "user-namespace.apparmor")]
#[case::no_sys_admin("bwrap: Creating new namespace failed: Operation not permitted", "user-namespace.allowed")]
#[case::no_user_namespaces(
    "bwrap: No permissions to create new namespace, likely because the kernel does not allow it",
    "user-namespace.allowed"
)]
#[case::no_openat2("bwrap: Can't resolve /usr: Function not implemented", "kernel.openat2")]
#[case::anything_else("it ended with exit status: 0", "is it bubblewrap?")]
fn what_it_says_leads_to_what_is_missing(#[case] says: &str, #[case] mend: &str) {
    let checks = checks(&Bubblewrap::Found(program(not(says))));
    let (level, state, found, how) = said(&checks, "bwrap.starts");
    assert_eq!((level, state), (Level::Required, State::Missing));
    assert_eq!(found, format!("no program ran in a sandbox: {says}"));
    assert!(how.contains(mend), "{how}");
}

#[test]
fn one_that_comes_to_no_end_is_not_asked_again() {
    let hangs = Program { answers: None, ..program(Err(io::ErrorKind::TimedOut.into())) };
    let checks = checks(&Bubblewrap::Found(hangs));
    assert_eq!(said(&checks, "bwrap.starts").2, "no program ran in a sandbox: timed out");
    for id in ["bwrap.version", "bwrap.package", "bwrap.features"] {
        assert_eq!(said(&checks, id).1, State::Unknown);
    }
}

#[test]
fn a_set_uid_one_is_a_remark() {
    let checks = checks(&Bubblewrap::Found(Program { mode: 0o104_755, ..program(Ok(Ended::Ran)) }));
    let (level, state, _, mend) = said(&checks, "bwrap.setuid");
    assert_eq!((level, state), (Level::Optional, State::Missing));
    assert!(mend.contains("chmod u-s /usr/bin/bwrap"), "{mend}");
}

fn stub(script: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("bwrap");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a program");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("executable");
    directory
}

/// A bubblewrap that reads its options as an old one does: it dies of the first that it does not know.
const OLD: &str = r#"for word; do case $word in
    --json-status-fd | --unshare-cgroup) echo "bwrap: Unknown option $word" >&2; exit 1 ;;
    CAP_MAC_OVERRIDE) echo "bwrap: unknown cap: $word" >&2; exit 1 ;;
    --help) echo "usage: bwrap [OPTIONS...] COMMAND"; exit 0 ;;
esac; done"#;

#[rstest]
#[case::two_it_does_not_know(
    r#"for word; do case $word in
        --unshare-cgroup) echo "bwrap: Unknown option $word" >&2; exit 1 ;;
        CAP_MAC_OVERRIDE) echo "bwrap: unknown cap: $word" >&2; exit 1 ;;
        --help) echo "usage: bwrap [OPTIONS...] COMMAND"; exit 0 ;;
    esac; done"#,
    Features::Lacks(vec!["--unshare-cgroup".to_owned(), "CAP_MAC_OVERRIDE".to_owned()])
)]
#[case::one_that_can_t_be_done_without(OLD, Features::Lacks(vec!["--json-status-fd".to_owned()]))]
#[case::one_that_says_yes_to_everything("exit 0", Features::Unheard("it ended with exit status: 0".to_owned()))]
#[case::one_that_says_no_to_everything("echo no >&2; exit 1", Features::Unheard("no".to_owned()))]
fn options_are_tried(#[case] script: &str, #[case] expected: Features) {
    let directory = stub(script);
    assert_eq!(features(&directory.path().join("bwrap")), expected);
}

#[test]
fn the_one_of_this_machine_knows_them_all() {
    let path = bwrap::find(None).expect("bwrap is installed");
    assert_eq!(features(&path), Features::All);
}

/// What osbuild passes is tried, all of it: else something would be missed.
#[rstest]
#[case::v19(include_str!("../../../fixtures/argv/osbuild-v19-libdir.txt"))]
#[case::v190(include_str!("../../../fixtures/argv/osbuild-v190-caps.txt"))]
fn every_option_of_osbuilds_is_tried(#[case] recorded: &str) {
    let tried = options(&everything());
    let used = recorded.split_whitespace().filter(|word| word.starts_with("--") && *word != "--");
    assert!(used.clone().count() > 5);
    for option in used {
        assert!(tried.iter().any(|word| word == option), "{option} is not tried");
    }
}
