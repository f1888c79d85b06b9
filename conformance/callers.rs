//! Callers in a state of their own: what they have done to themselves is no fault of the build root.

use std::process::Command;
use std::time::Duration;

use assert_cmd::Command as Tried;
use rstest::rstest;

use crate::support::{probe, supervisor};

/// The command, run by a shell that first does `deed` to itself; killed after a time in which it is always done.
fn after(deed: &str, arguments: &[&str]) -> Tried {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("{deed}; exec \"$0\" \"$@\"")]).arg(supervisor()).args(arguments);
    shell.env("ROOTCONTRACT_PROBE", probe());
    let mut tried = Tried::from_std(shell);
    tried.timeout(Duration::from_secs(60));
    tried
}

// bubblewrap up to 0.11.0 hangs when SIGCHLD is ignored, and so would whoever waits for it.
#[test]
fn a_caller_that_ignores_sigchld_gets_its_answer() {
    after("trap '' CHLD", &["run", "--quiet", "--capabilities", "inherit", "--", "/bin/sh", "-c", "exit 7"])
        .assert()
        .code(7)
        .stdout("")
        .stderr("");
}

#[rstest]
#[case::nice("renice -n 5 -p $$ > /dev/null")]
#[case::likely_to_be_killed("echo 200 > /proc/self/oom_score_adj")]
#[case::ignoring_signals("trap '' CHLD HUP PIPE USR1")]
#[case::with_a_private_umask("umask 077")]
#[case::with_few_descriptors("ulimit -n 64")]
#[case::with_fifty_descriptors_open(
    r#"exec bash -c 'for i in {10..59}; do eval "exec $i< /"; done; exec "$0" "$@"' "$0" "$@""#
)]
#[case::with_signals_blocked(r#"exec env --block-signal=TERM,USR1,CHLD,ALRM "$0" "$@""#)]
#[case::with_supplementary_groups(r#"exec setpriv --groups 4,24,4242 "$0" "$@""#)]
#[case::with_a_key_in_its_session(
    r#"exec keyctl session - sh -c 'keyctl add user rootcontract-test secret @s > /dev/null; exec "$0" "$@"' "$0" "$@""#
)]
fn the_contract_is_kept_whatever_the_caller_did_to_itself(#[case] deed: &str) {
    after(deed, &["check", "--format", "json"]).assert().success();
}

/// bubblewrap itself keeps every capability when it is asked for one the caller lacks.
#[rstest]
#[case::one_of_two("CAP_SYS_TIME,CAP_CHOWN", "0000000000000001")]
#[case::the_only_one("CAP_SYS_TIME", "0000000000000000")]
fn a_capability_the_caller_lacks_opens_no_door(#[case] wanted: &str, #[case] granted: &str) {
    let lacking = r#"exec setpriv --bounding-set -sys_time "$0" "$@""#;
    let status = ["--", "grep", "Cap[^B]", "/proc/self/status"];
    let sets: String = ["Inh", "Prm", "Eff", "Amb"].map(|set| format!("Cap{set}:\t{granted}\n")).concat();
    after(lacking, &[&["run", "--quiet", "--capabilities", wanted], &status[..]].concat())
        .assert()
        .success()
        .stdout(sets)
        .stderr("rootcontract: warning: the payload does without CAP_SYS_TIME, which this process does not have\n");
    let strict = ["run", "--quiet", "--strict-capabilities", "--capabilities", wanted];
    after(lacking, &[&strict[..], &status].concat())
        .assert()
        .code(125)
        .stdout("")
        .stderr("rootcontract: the caller lacks CAP_SYS_TIME\n");
}

/// From a number of descriptors at which the loader does its work to one at which everything does.
#[test]
fn too_few_descriptors_are_told_in_a_line_or_are_enough() {
    for number in 4..=40 {
        let arguments = ["run", "--quiet", "--capabilities", "inherit", "--", "/usr/bin/true"];
        let done = after(&format!("ulimit -n {number}"), &arguments).output().expect("a run");
        let told = String::from_utf8_lossy(&done.stderr);
        let enough = done.status.success() && told.is_empty();
        let few = told.lines().count() == 1 && told.starts_with("rootcontract: ") && !told.contains(" is gone");
        let few = few && told.ends_with(": Too many open files\n") && done.status.code() == Some(125);
        assert!(if number < 40 { enough || few } else { enough }, "{number}: {} {told}", done.status);
    }
}
