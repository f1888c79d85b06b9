//! Running commands in an open root: osbuild's own BuildRoot cases, in our words, and what it got wrong.

use std::time::{Duration, Instant};

use rootcontract::buildroot::{Invocation, Outcome, Streams};
use rootcontract::profile::Profile;
use rstest::rstest;

use crate::support::builder;

#[rstest]
#[case::v19(Profile::OsbuildV19)]
#[case::v190(Profile::OsbuildV190)]
#[case::hardened(Profile::Hardened)]
fn a_root_runs_one_command_after_another(#[case] profile: Profile) {
    let root = builder("/").profile(profile).open().expect("an open root");
    for (command, expected) in [("true", 0), ("false", 1), ("true", 0)] {
        let done = root.run(Invocation::new([format!("/usr/bin/{command}")])).expect("a run");
        assert_eq!(done.outcome, Outcome::Exited(expected), "{}", done.stderr.text());
    }
    root.close().expect("nothing left");
}

#[test]
fn output_arrives_apart_or_merged_in_order() {
    let root = builder("/").open().expect("an open root");
    let script = "echo one; echo two >&2; echo three";
    let apart = root.run(Invocation::new(["/usr/bin/sh", "-c", script])).expect("a run");
    assert_eq!((apart.stdout.text().as_str(), apart.stderr.text().as_str()), ("one\nthree\n", "two\n"));
    let merged = root.run(Invocation::new(["/usr/bin/sh", "-c", script]).streams(Streams::Merged)).expect("a run");
    assert_eq!((merged.stdout.text().as_str(), merged.stderr.text().as_str()), ("one\ntwo\nthree\n", ""));
    root.close().expect("nothing left");
}

#[test]
fn a_deadline_counts_for_a_payload_that_never_stops_talking() {
    let root = builder("/").open().expect("an open root");
    let started = Instant::now();
    let chatty = Invocation::new(["/usr/bin/sh", "-c", "while :; do echo on; sleep 0.05; done"]);
    let done = root.run(chatty.deadline(Duration::from_millis(300)).grace(Duration::from_secs(5))).expect("a run");
    assert_eq!(done.outcome, Outcome::DeadlineExceeded);
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert!(done.stdout.text().starts_with("on\n"), "what it said is kept");
    root.close().expect("nothing left");
}
