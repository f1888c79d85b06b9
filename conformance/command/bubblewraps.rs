//! What calls itself bubblewrap and is not, or is not there at all: a line, and nothing left behind.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command as Process, Output};
use std::time::{Duration, Instant};

use rstest::rstest;
use tempfile::TempDir;

use crate::support::{probe, supervisor};

/// Nobody, everywhere.
const NOBODY: u32 = 65534;

/// A directory with a program called `bwrap` in it.
pub fn with_bwrap(content: &str) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let bwrap = directory.path().join("bwrap");
    std::fs::write(&bwrap, content).expect("a program");
    std::fs::set_permissions(&bwrap, PermissionsExt::from_mode(0o755)).expect("executable");
    directory
}

/// `check` (exits with 2) or `run` (125) of one profile, with whatever options.
fn with_options(verb: &str, options: &[&str]) -> Process {
    let mut command = Process::new(supervisor());
    command.args([verb, "--profile", "osbuild", "--capabilities", "inherit", "--probe"]).arg(probe()).args(options);
    command.env("RUST_BACKTRACE", "1");
    if verb == "run" {
        command.args(["--quiet", "--", "/usr/bin/true"]);
    }
    command
}

/// Demands this exit code, nothing on stdout, and one line of ours that ends so.
fn one_line(done: &Output, code: i32, end: &str) {
    let stderr = String::from_utf8(done.stderr.clone()).expect("escaped, so text");
    assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(code), &b""[..]), "{stderr}");
    let ours: Vec<_> = stderr.lines().filter(|line| line.starts_with("rootcontract: ")).collect();
    assert!(matches!(ours[..], [line] if line.ends_with(end)), "{stderr}");
    assert!(!stderr.contains("backtrace") && !stderr.contains("panicked"), "{stderr}");
}

#[rstest]
#[case::says_nothing("#!/bin/sh\nexit 0", "it exited with 0 and ran nothing: is it bubblewrap?")]
#[case::too_old(
    "#!/bin/sh\necho 'bwrap: Unknown option --json-status-fd' >&2; exit 1",
    "bwrap: Unknown option --json-status-fd (it takes bubblewrap 0.3.2 or newer)"
)]
#[case::floods(
    "#!/bin/sh\nwhile :; do echo '{ \"child-pid\": 2 }'; done >&3",
    "it floods its status descriptor: is it bubblewrap?"
)]
#[case::floods_and_ends_well(
    "#!/bin/sh\necho '{ \"exit-code\": 0 }' >&3; head -c 200000 /dev/zero >&3; exit 0",
    "it floods its status descriptor: is it bubblewrap?"
)]
#[case::says_half(
    "#!/bin/sh\nprintf '{ \"exit-code\": ' >&3; exit 0",
    "it exited with 0 and ran nothing: is it bubblewrap?"
)]
#[case::says_no_number("#!/bin/sh\necho '{ \"exit-code\": \"0\" }' >&3; exit 3", "it exited with 3 and said nothing")]
#[case::no_program("MZ\n", "Exec format error")]
#[case::interpreter_missing("#!/nonexistent\n", "No such file or directory")]
fn what_is_no_bubblewrap_is_told(
    #[case] content: &str,
    #[case] end: &str,
    #[values(("check", 2), ("run", 125))] (verb, code): (&str, i32),
) {
    let directory = with_bwrap(content);
    let bwrap = directory.path().join("bwrap");
    let done = with_options(verb, &["--bwrap", bwrap.to_str().expect("text")]).output().expect("a run");
    one_line(&done, code, end);
}

#[test]
fn control_characters_of_a_bubblewrap_reach_no_line_of_ours() {
    let directory = with_bwrap("#!/bin/sh\nprintf 'bwrap: \\033[31mred\\007\\n' >&2; exit 1");
    let bwrap = directory.path().join("bwrap");
    let done = with_options("check", &["--bwrap", bwrap.to_str().expect("text")]).output().expect("a run");
    one_line(&done, 2, r"the probe never ran: bwrap: \x1b[31mred\x07");
    assert!(!done.stderr.contains(&0x1b), "an escape sequence got through");
}

/// What it says of the payload is believed, whatever it ends with itself.
#[test]
fn the_code_that_is_reported_counts() {
    let directory = with_bwrap("#!/bin/sh\necho '{ \"exit-code\": 7 }' >&3; exit 9");
    let bwrap = directory.path().join("bwrap");
    let done = with_options("run", &["--bwrap", bwrap.to_str().expect("text")]).output().expect("a run");
    assert_eq!((done.status.code(), done.stdout, done.stderr), (Some(7), Vec::new(), Vec::new()));
}

/// The code is believed, as bubblewrap's is; the facts are not.
#[test]
fn one_that_only_claims_to_have_run_the_probe_is_not_believed() {
    let directory = with_bwrap("#!/bin/sh\necho '{ \"exit-code\": 0 }' >&3");
    let bwrap = directory.path().join("bwrap");
    let done = with_options("check", &["--bwrap", bwrap.to_str().expect("text")]).output().expect("a run");
    one_line(&done, 2, "cannot use the probe's output: the probe's output does not end with its seal");
}

#[rstest]
#[case::by_itself("#!/bin/sh\nsleep 1000")]
#[case::and_does_not_want_to_end("#!/bin/sh\ntrap '' TERM; (trap '' TERM; sleep 1000) & wait; wait")]
fn one_that_hangs_is_ended_by_the_deadline(#[case] content: &str) {
    let directory = with_bwrap(content);
    let bwrap = directory.path().join("bwrap");
    let started = Instant::now();
    let options = ["--bwrap", bwrap.to_str().expect("text"), "--timeout", "300ms", "--grace", "300ms"];
    let done = with_options("run", &options).output().expect("a run");
    one_line(&done, 124, "run: ended after 300ms");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

/// Whoever asks for its version must not wait for what it left running.
#[test]
fn one_that_leaves_something_running_holds_nobody_up() {
    let directory = with_bwrap("#!/bin/sh\nsleep 20 & exit 0");
    let bwrap = directory.path().join("bwrap");
    let started = Instant::now();
    let done = with_options("check", &["--bwrap", bwrap.to_str().expect("text")]).output().expect("a run");
    one_line(&done, 2, "it exited with 0 and ran nothing: is it bubblewrap?");
    assert!(started.elapsed() < Duration::from_secs(18), "{:?}", started.elapsed());
}

/// The places where it usually is are looked at too, so an empty `PATH` is no trouble where there is one.
#[test]
fn an_empty_path_is_no_trouble() {
    let done = with_options("run", &[]).env("PATH", "").output().expect("a run");
    assert_eq!((done.status.code(), done.stderr.as_slice()), (Some(0), &b""[..]));
}

/// A process of that uid, in a directory it may be in.
pub fn as_nobody(program: &Path) -> Process {
    let mut command = Process::new(program);
    command.uid(NOBODY).gid(NOBODY).current_dir("/");
    command
}
