//! Runs that are ended: by the clock, or by the caller.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use rootcontract::buildroot::{Completed, Invocation, Outcome};
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
