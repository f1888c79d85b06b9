//! Runs that are ended: by the clock, or by the caller.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rootcontract::buildroot::{Completed, Invocation, Outcome, Stream};
use rootcontract::profile::Profile;
use rstest::rstest;

use crate::support::{comes_true, open, run, said, shell};

/// Far above what any of these takes that ends in time, far below what one takes that does not.
const LONG: Duration = Duration::from_secs(4);

fn ended(invocation: Invocation) -> (Completed, Duration) {
    let root = open(Profile::OsbuildV190);
    let started = Instant::now();
    let done = run(&root, invocation);
    let took = started.elapsed();
    assert_eq!(said(&root, "echo the root goes on"), "the root goes on\n");
    root.close().expect("nothing left");
    (done, took)
}

#[rstest]
#[case::silent("sleep 60", LONG)]
#[case::chatty("while :; do echo on; sleep 0.02; done", LONG)]
#[case::with_children("sleep 60 & sleep 60 & wait", LONG)]
#[case::deaf_to_the_signal("trap '' TERM; while :; do sleep 0.05; done", Duration::from_millis(100))]
#[case::stopped("kill -STOP $$; sleep 60", LONG)]
#[case::with_closed_output("exec >&- 2>&-; sleep 60", LONG)]
fn a_deadline_is_kept(#[case] script: &str, #[case] grace: Duration) {
    let (done, took) = ended(shell(script).deadline(Duration::from_millis(150)).grace(grace));
    assert_eq!(done.outcome, Outcome::DeadlineExceeded);
    assert!(took >= Duration::from_millis(150) && took < LONG, "{took:?}");
}

/// Each process has the next one and goes, so that no list of processes is ever true. There are never more than some
/// hundred of them.
#[test]
fn a_deadline_is_kept_by_processes_that_are_never_the_same() {
    let script = "trap '' TERM; next() { sleep 0.01; next & }; for i in $(seq 50); do next & done; sleep 60";
    let invocation = shell(script).deadline(Duration::from_millis(300)).grace(Duration::from_millis(100));
    let (done, took) = ended(invocation);
    assert_eq!(done.outcome, Outcome::DeadlineExceeded);
    assert!(took < LONG, "{took:?}");
}

#[rstest]
#[case::silent("echo first; sleep 60", "first\n")]
#[case::silent_from_the_start("sleep 60", "")]
#[case::with_closed_output("echo first; exec >&- 2>&-; sleep 60", "first\n")]
#[case::deaf_to_the_signal("trap '' TERM; echo first; while :; do sleep 0.05; done", "first\n")]
fn silence_is_ended_and_told_from_a_deadline(#[case] script: &str, #[case] said: &str) {
    let silent = shell(script).idle_deadline(Duration::from_millis(300)).grace(Duration::from_millis(100));
    let (done, took) = ended(silent.deadline(Duration::from_secs(60)));
    assert_eq!((done.outcome, done.stdout.text().as_str()), (Outcome::IdleExceeded, said));
    assert!(took >= Duration::from_millis(300) && took < LONG, "{took:?}");
}

#[rstest]
#[case::on_stdout("")]
#[case::on_stderr(">&2")]
fn who_goes_on_talking_is_not_idle(#[case] to: &str) {
    let script = format!("for i in $(seq 30); do echo on {to}; sleep 0.1; done; exit 4");
    let (done, _) = ended(shell(&script).idle_deadline(Duration::from_millis(1500)));
    assert_eq!(done.outcome, Outcome::Exited(4));
}

/// A way to give a run a descriptor to be told by.
type Given = fn(Invocation, OwnedFd) -> Invocation;

#[rstest]
#[case::at_once(&[Invocation::hurry as Given])]
#[case::after_it_was_asked(&[Invocation::interrupt as Given, Invocation::hurry])]
fn a_run_that_is_hurried_has_no_grace(#[case] given: &[Given]) {
    let root = open(Profile::OsbuildV190);
    let mut invocation = shell("trap '' TERM; : > /var/ready; while :; do sleep 0.02; done").grace(Duration::MAX);
    let mut callers = Vec::new();
    for give in given {
        let (descriptor, caller) = nix::unistd::pipe().expect("a pipe");
        invocation = give(invocation, descriptor);
        callers.push(caller);
    }
    let (done, took) = std::thread::scope(|scope| {
        let run = scope.spawn(|| run(&root, invocation));
        assert!(comes_true(|| root.var().join("ready").exists()), "the payload never ran");
        let since = Instant::now();
        drop(callers);
        (run.join().expect("a thread"), since.elapsed())
    });
    root.close().expect("nothing left");
    assert_eq!(done.outcome, Outcome::Interrupted);
    assert!(took < LONG, "{took:?}");
}

/// bubblewrap does not notice a signal while it builds the sandbox: then there is nobody to wait for.
#[test]
fn a_run_that_is_interrupted_before_the_payload_begins_has_no_grace() {
    let root = open(Profile::OsbuildV190);
    let (interrupt, caller) = nix::unistd::pipe().expect("a pipe");
    drop(caller);
    let since = Instant::now();
    let done = run(&root, shell("sleep 60").interrupt(interrupt).grace(Duration::MAX));
    root.close().expect("nothing left");
    assert_eq!(done.outcome, Outcome::Interrupted);
    assert!(since.elapsed() < LONG, "{:?}", since.elapsed());
}

/// Whoever takes the output may be stuck; the payload is asked to end nevertheless.
#[test]
fn a_sink_that_is_stuck_keeps_nobody_from_being_heard() {
    let root = open(Profile::OsbuildV190);
    let heard = root.var().join("heard");
    let (interrupt, caller) = nix::unistd::pipe().expect("a pipe");
    let script = "trap 'echo heard > /var/heard; exit 0' TERM; echo on; while :; do sleep 0.02; done";
    let mut caller = Some(caller);
    let stuck = move |_: Stream, _: &[u8]| {
        drop(caller.take());
        assert!(comes_true(|| heard.exists()), "the payload was not asked to end");
        Ok(())
    };
    let done = run(&root, shell(script).interrupt(interrupt).output(stuck));
    root.close().expect("nothing left");
    assert_eq!(done.outcome, Outcome::Interrupted);
}

#[test]
fn who_takes_the_signal_may_still_say_something() {
    let script = "trap 'echo farewell; exit 0' TERM; echo hello; while :; do sleep 0.02; done";
    let (done, took) = ended(shell(script).deadline(Duration::from_millis(150)).grace(LONG));
    assert_eq!(done.outcome, Outcome::DeadlineExceeded);
    assert_eq!(done.stdout.text(), "hello\nfarewell\n");
    assert!(took < LONG, "{took:?}");
}

#[test]
fn who_ends_in_time_notices_no_deadline() {
    let (done, _) = ended(shell("sleep 0.05; exit 3").deadline(Duration::from_secs(20)));
    assert_eq!(done.outcome, Outcome::Exited(3));
}

#[test]
fn one_run_past_its_deadline_takes_no_other_with_it() {
    let root = open(Profile::OsbuildV190);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| run(&root, shell("sleep 0.4; exit 7")));
        let late = run(&root, shell("sleep 60").deadline(Duration::from_millis(100)));
        assert_eq!(late.outcome, Outcome::DeadlineExceeded);
        assert_eq!(other.join().expect("a thread").outcome, Outcome::Exited(7));
    });
    root.close().expect("nothing left");
}

#[rstest]
#[case::v19(Profile::OsbuildV19)]
#[case::v190(Profile::OsbuildV190)]
fn the_caller_can_ask_for_the_end_and_the_payload_hears_of_it(#[case] profile: Profile) {
    let root = open(profile);
    let (interrupt, caller) = nix::unistd::pipe().expect("a pipe");
    let script = "trap 'echo heard > /var/heard; exit 0' TERM; : > /var/ready; while :; do sleep 0.02; done";
    let done = std::thread::scope(|scope| {
        let run = scope.spawn(|| run(&root, shell(script).interrupt(interrupt)));
        assert!(comes_true(|| root.var().join("ready").exists()), "the payload never ran");
        File::from(caller).write_all(b"!").expect("a word");
        run.join().expect("a thread")
    });
    assert_eq!(done.outcome, Outcome::Interrupted);
    assert_eq!(std::fs::read_to_string(root.var().join("heard")).expect("a file"), "heard\n");
    root.close().expect("nothing left");
}
