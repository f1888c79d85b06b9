//! `run` that is asked to end, stopped, or typed at: what the payload notices of it, and what is left.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command as Process, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rstest::rstest;
use tempfile::TempDir;

use crate::support::{comes_true, probe, supervisor};

/// Far above what any of these takes that ends in time, far below what one takes that does not.
const LONG: Duration = Duration::from_secs(8);

/// A payload that does not end when asked to.
const DEAF: &str = "trap '' TERM INT HUP; echo ready; while :; do :; done";

/// `run` of a shell script that has `shared` at `/mnt`, as one line for a shell.
fn line(shared: &Path, options: &str, script: &str) -> String {
    let command = supervisor();
    let (command, shared) = (command.display(), shared.display());
    format!(
        "{command} run --quiet --capabilities inherit {options} --bind {shared} /mnt -- /usr/bin/sh -c \"{script}\""
    )
}

fn started(line: &str) -> Child {
    let mut shell = Process::new("/bin/sh");
    shell.args(["-c", &format!("exec {line}")]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    shell.spawn().expect("started")
}

/// Waits until it has said "ready".
fn ready(mut child: Child) -> Child {
    let mut word = [0; 6];
    child.stdout.as_mut().expect("stdout").read_exact(&mut word).expect("a word");
    assert_eq!(&word, b"ready\n");
    child
}

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().try_into().expect("a pid")), signal).expect("a signal");
}

fn told(done: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (done.status.code(), text(&done.stdout), text(&done.stderr))
}

#[rstest]
#[case::interrupts(Signal::SIGINT, Signal::SIGINT)]
#[case::terminates(Signal::SIGTERM, Signal::SIGTERM)]
#[case::hang_up_and_terminate(Signal::SIGHUP, Signal::SIGTERM)]
fn a_second_signal_hurries(#[case] first: Signal, #[case] second: Signal) {
    let shared = tempfile::tempdir().expect("a directory");
    let script = "trap 'echo asked' TERM; echo ready; while :; do :; done";
    let mut child = ready(started(&line(shared.path(), "--grace 1h", script)));
    send(&child, first);
    let mut word = [0; 6];
    child.stdout.as_mut().expect("stdout").read_exact(&mut word).expect("a word");
    assert_eq!(&word, b"asked\n");
    let since = Instant::now();
    send(&child, second);
    let done = told(&child.wait_with_output().expect("its end"));
    let line = format!("rootcontract: run: ended by signal {}\n", first as i32);
    assert_eq!(done, (Some(128 + first as i32), String::new(), line));
    assert!(since.elapsed() < LONG, "{:?}", since.elapsed());
}

#[test]
fn the_grace_is_as_long_as_it_is_set() {
    let shared = tempfile::tempdir().expect("a directory");
    let child = ready(started(&line(shared.path(), "--grace 300ms", DEAF)));
    let since = Instant::now();
    send(&child, Signal::SIGTERM);
    let done = told(&child.wait_with_output().expect("its end"));
    assert_eq!(done, (Some(143), String::new(), "rootcontract: run: ended by signal 15\n".to_owned()));
    assert!(since.elapsed() >= Duration::from_millis(300) && since.elapsed() < LONG, "{:?}", since.elapsed());
}

/// Nobody takes what the payload writes, so that we wait to pass it on.
#[test]
fn asking_twice_ends_us_even_when_our_output_is_stuck() {
    let shared = tempfile::tempdir().expect("a directory");
    let script = ": > /mnt/ready; exec yes";
    let mut child = started(&line(shared.path(), "--grace 100ms", script));
    assert!(comes_true(|| shared.path().join("ready").exists()), "the payload never ran");
    send(&child, Signal::SIGTERM);
    send(&child, Signal::SIGINT);
    let ended = || child.try_wait().expect("its state").and_then(|status| status.code());
    let mut code = None;
    let since = Instant::now();
    let mut ended = ended;
    while code.is_none() && since.elapsed() < LONG {
        code = ended();
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(matches!(code, Some(143 | 130)), "{code:?}");
}

#[rstest]
#[case::deadline("--timeout 3s")]
#[case::idle_deadline("--idle-timeout 3s")]
fn while_we_are_stopped_the_payload_is_too_and_no_deadline_comes_nearer(#[case] options: &str) {
    let shared = tempfile::tempdir().expect("a directory");
    let script = "echo ready; while ! test -e /mnt/go; do echo on >> /mnt/log; sleep 0.02; done; exit 7";
    let child = ready(started(&line(shared.path(), options, script)));
    assert!(comes_true(|| shared.path().join("log").exists()), "the payload does nothing");
    send(&child, Signal::SIGSTOP);
    assert!(comes_true(|| stands_still(&shared)), "the payload goes on");
    let then = size(&shared);
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(size(&shared), then, "the payload goes on");
    std::fs::write(shared.path().join("go"), "").expect("a file");
    send(&child, Signal::SIGCONT);
    assert_eq!(told(&child.wait_with_output().expect("its end")), (Some(7), String::new(), String::new()));
}

/// How much the payload has written down.
fn size(shared: &TempDir) -> u64 {
    shared.path().join("log").metadata().map(|log| log.len()).unwrap_or_default()
}

fn stands_still(shared: &TempDir) -> bool {
    let then = size(shared);
    std::thread::sleep(Duration::from_millis(200));
    size(shared) == then
}

/// A terminal, with a shell in it that runs `line`.
fn terminal(line: &str) -> Child {
    let mut script = Process::new("script");
    script.args(["--quiet", "--return", "--command", line, "/dev/null"]).env("SHELL", "/bin/sh");
    script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a terminal")
}

fn type_at(terminal: &mut Child, key: u8) {
    terminal.stdin.as_mut().expect("a keyboard").write_all(&[key]).expect("a key");
}

/// What TIOCSTI needs: a terminal to type into.
#[rstest]
#[case::v19("--profile osbuild-v19")]
#[case::v190("--profile osbuild-v190")]
fn a_payload_has_no_terminal_even_if_we_have_one(#[case] options: &str) {
    let shared = tempfile::tempdir().expect("a directory");
    let script = "for i in 0 1 2; do test -t \\$i && echo a terminal; done; (: < /dev/tty) 2>&1; \
                  cut -d ' ' -f 7 < /proc/self/stat";
    let mut child =
        terminal(&format!("tty > {}/tty; exec {}", shared.path().display(), line(shared.path(), options, script)));
    let keyboard = child.stdin.take();
    let (code, said, _) = told(&child.wait_with_output().expect("its end"));
    drop(keyboard);
    assert!(std::fs::read_to_string(shared.path().join("tty")).expect("a name").starts_with("/dev/pts/"));
    assert_eq!(code, Some(0), "{said}");
    let lines: Vec<_> = said.lines().map(str::trim_end).collect();
    assert!(matches!(lines[..], [line, "0"] if line.ends_with("/dev/tty: No such device or address")), "{said}");
}

#[rstest]
#[case::value("run --timeout $(printf '\\033[31mred\\007') -- true", 125)]
#[case::subcommand("$(printf '\\033[31mred\\007')", 2)]
fn what_was_typed_wrong_does_not_speak_to_the_terminal(#[case] words: &str, #[case] code: i32) {
    let child = terminal(&format!("exec {} {words}", supervisor().display()));
    let (exit, said, _) = told(&child.wait_with_output().expect("its end"));
    assert_eq!(exit, Some(code), "{said}");
    assert!(said.contains("'red'") && !said.contains(['\u{1b}', '\u{7}']), "{said:?}");
}

#[test]
fn control_c_asks_the_payload_to_end() {
    let shared = tempfile::tempdir().expect("a directory");
    let script = "trap 'echo asked; exit 3' TERM; trap 'echo typed at' INT; : > /mnt/ready; while :; do :; done";
    let mut child = terminal(&format!("exec {}", line(shared.path(), "", script)));
    assert!(comes_true(|| shared.path().join("ready").exists()), "the payload never ran");
    type_at(&mut child, 3);
    let keyboard = child.stdin.take();
    let (code, said, _) = told(&child.wait_with_output().expect("its end"));
    drop(keyboard);
    assert_eq!(code, Some(130), "{said}");
    assert_eq!(said.replace('\r', ""), "^Casked\nrootcontract: run: ended by signal 2\n");
}

#[test]
fn control_z_stops_the_payload_until_we_are_in_the_foreground_again() {
    let shared = tempfile::tempdir().expect("a directory");
    let script = "while ! test -e /mnt/end; do echo on >> /mnt/log; sleep 0.02; done; exit 7";
    let wait = format!("while ! test -e {}/go; do sleep 0.02; done", shared.path().display());
    let run = line(shared.path(), "--timeout 1m", script);
    let mut child = terminal(&format!("set -m; {run}; {wait}; fg > /dev/null; exit $?"));
    assert!(comes_true(|| size(&shared) > 0), "the payload never ran");
    type_at(&mut child, 26);
    assert!(comes_true(|| stands_still(&shared)), "the payload goes on");
    let then = size(&shared);
    std::fs::write(shared.path().join("go"), "").expect("a file");
    assert!(comes_true(|| size(&shared) > then), "the payload does not go on");
    std::fs::write(shared.path().join("end"), "").expect("a file");
    let keyboard = child.stdin.take();
    let (code, said, _) = told(&child.wait_with_output().expect("its end"));
    drop(keyboard);
    assert_eq!(code, Some(7), "{said}");
}

/// A probe that does not end, in a runner's stead, so that whoever looks has to be interrupted.
#[rstest]
#[case::check("check")]
#[case::probe("probe")]
fn whoever_looks_is_ended_by_a_signal_and_says_so(
    #[case] verb: &str,
    #[values(Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP)] signal: Signal,
) {
    let place = tempfile::tempdir().expect("a directory");
    let runner = place.path().join("runner");
    // Whoever is asked for a word by name is bubblewrap's own test of its version; everybody else is the runner.
    crate::support::executable(&runner, "#!/bin/sh\necho begun >&2; exec sleep 1000\n");
    let mut command = Process::new(supervisor());
    command.args([verb, "--profile", "osbuild", "--capabilities", "inherit", "--runner"]).arg(&runner);
    command.env("ROOTCONTRACT_PROBE", probe()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("started");
    let mark = format!("{}", runner.display());
    assert!(comes_true(|| runs_with(&mark)), "the runner never ran");
    send(&child, signal);
    let done = told(&child.wait_with_output().expect("its end"));
    let line = format!("rootcontract: ended by signal {}\n", signal as i32);
    assert_eq!(done, (Some(128 + signal as i32), String::new(), line));
    assert!(!runs_with(&mark), "something is left");
}

/// Whether a process with `mark` in its command line runs, besides the command itself: bubblewrap.
fn runs_with(mark: &str) -> bool {
    let lines = std::fs::read_dir("/proc").expect("/proc").flatten();
    let mut lines = lines.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.any(|line| line.starts_with(b"bwrap\0") && line.windows(mark.len()).any(|at| at == mark.as_bytes()))
}

#[test]
fn a_proof_that_is_interrupted_leaves_no_decoy() {
    let place = tempfile::tempdir().expect("a directory");
    let mut command = Process::new(supervisor());
    command.args(["prove", "--profile", "osbuild"]).env("ROOTCONTRACT_PROBE", probe()).env("TMPDIR", place.path());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    let mut stderr = child.stderr.take().expect("stderr");
    stderr.read_exact(&mut [0; 12]).expect("a word of the first mutant");
    send(&child, Signal::SIGTERM);
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).expect("the rest");
    let done = child.wait_with_output().expect("its end");
    assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(143), &b""[..]), "{rest}");
    assert!(rest.ends_with("rootcontract: ended by signal 15\n"), "{rest}");
    assert_eq!(crate::support::names(place.path()), [""; 0]);
}
