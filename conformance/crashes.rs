//! The command killed at random instants leaves nothing, and the loop that kills it would notice.

use std::path::Path;
use std::process::{Command, Output};

use rstest::rstest;

use crate::support::{executable, supervisor};

/// `ci/kill-loop` of a command.
fn kill_loop(kills: u32, command: &Path, options: &[&str]) -> Output {
    let mut script = Command::new("ci/kill-loop");
    script.current_dir(env!("CARGO_MANIFEST_DIR")).arg(kills.to_string()).arg("--command").arg(command).args(options);
    script.output().expect("ci/kill-loop")
}

fn told(done: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (done.status.code(), text(&done.stdout), text(&done.stderr))
}

#[test]
fn two_hundred_kills_leave_nothing() {
    let (code, stdout, stderr) = told(&kill_loop(200, &supervisor(), &[]));
    let nothing = "200 kills, 0 leaked: 0 processes, 0 mounts, 0 loop devices, 0 network namespaces, \
                   0 scratch directories, 0 faults (";
    assert!(stdout.starts_with(nothing) && stdout.lines().count() == 1, "{stdout}{stderr}");
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
}

#[rstest]
#[case::a_process("setsid sleep 1000 &", "processes")]
#[case::a_mount("d=$(mktemp -d) && mount -t tmpfs left $d", "mounts")]
#[case::a_directory("mktemp -d /var/tmp/rootcontract-XXXXXX > /dev/null", "scratch directories")]
#[case::a_fault("echo \"thread 'main' panicked\" >&2", "faults")]
fn what_is_left_is_counted(#[case] deed: &str, #[case] what: &str) {
    let place = tempfile::tempdir().expect("a directory");
    let command = place.path().join("command");
    executable(&command, &format!("#!/bin/sh\n{deed}\nexec sleep 0.3\n"));
    let (code, stdout, stderr) = told(&kill_loop(6, &command, &[]));
    assert!(!stdout.contains(&format!(" 0 {what}")) && stdout.contains(&format!(" {what}")), "{stdout}{stderr}");
    assert!(
        !stdout.contains("6 kills, 0 leaked") && stderr.contains(&format!("ci/kill-loop: {what} left:\n")),
        "{stderr}"
    );
    assert_eq!(code, Some(1), "{stdout}{stderr}");
}

#[rstest]
#[case::no_number(&["--as", "root"], "how many kills? ci/kill-loop 1000 [--seed NUMBER]")]
#[case::nobody(&["1", "--as", "nobody"], "nobody called 'nobody' here: it is root or user")]
#[case::half_an_option(&["1", "--seed"], "--seed needs a value")]
#[case::no_command(&["1", "--command", "/nonexistent"], "can't execute /nonexistent")]
#[case::a_command_that_fails(&["1", "--command", "/bin/false"], "run does not work here as root: ")]
fn what_cannot_be_tried_is_told(#[case] arguments: &[&str], #[case] why: &str) {
    let mut script = Command::new("ci/kill-loop");
    let done = script.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output().expect("ci/kill-loop");
    assert_eq!(told(&done), (Some(2), String::new(), format!("ci/kill-loop: {why}\n")));
}
