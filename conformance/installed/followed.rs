//! That nothing a scriptlet does leads the tracer astray.

use std::process::Command;

use rootcontract::buildroot::BuildRoot;
use rootcontract::profile::Profile;
use rootcontract::rpm::room::{PACKAGES, Room};
use rootcontract::rpm::trace;
use rstest::rstest;
use serde_json::{Value, json};

use super::{built, observed, ran, report, tree, words};
use crate::support::supervisor;

/// What installing a package shows, a line each, with the exit code, and how many scriptlets were run.
fn installed(name: &str) -> (Vec<String>, Option<i32>, [u64; 2], Value) {
    let (_directory, package) = built(name);
    let mut words = words(&package, "x86_64");
    words.splice(2..2, ["--scenario".to_owned(), "install".to_owned()]);
    let done = Command::new(supervisor()).args(words).output().expect("a run");
    let report = report(&done);
    (observed(&report), done.status.code(), ran(&report), report["notes"].clone())
}

#[rstest]
#[case::signals_without_a_name_halts_and_interruptions("signals", &[
    "run.refused skipped post:4 mkdir: mkdir /sys/room-halted-147-1-5: EROFS, Read-only file system.",
    "run.refused skipped post:4 mkdir: mkdir /sys/room-killed-168: EROFS, Read-only file system.",
])]
#[case::loops_among_libraries_and_elsewhere("loops", &[
    "run.refused skipped post:2 cat: openat /usr/share/room-loop: ELOOP, Too many symbolic links encountered.",
    "run.refused skipped post:4 cat: openat /usr/lib/room-loop: ELOOP, Too many symbolic links encountered.",
])]
#[case::the_calls_of_today("newer", &[
    "run.refused advice post:1 room-newer: fsopen tmpfs: EPERM, Operation not permitted.",
    "run.refused advice post:1 room-newer: mount_setattr /usr: EPERM, Operation not permitted.",
    "run.refused advice post:1 room-newer: open_tree /usr: EPERM, Operation not permitted.",
    "run.refused skipped post:1 room-newer: fchmodat2 /sys: EROFS, Read-only file system.",
])]
fn a_scriptlet_is_followed(#[case] name: &str, #[case] expected: &[&str]) {
    let (seen, code, run, _) = installed(name);
    assert_eq!(seen, expected);
    assert_eq!((code, run), (Some(0), [1, 0]));
}

/// A script is another when it runs, or too long to be kept, or its interpreter has words of its own.
#[test]
fn a_scriptlet_is_known_however_it_is_written_down() {
    let (_directory, package) = built("odd");
    let done = Command::new(supervisor()).args(words(&package, "x86_64")).output().expect("a run");
    let report = report(&done);
    let expected = [
        "run.refused skipped post:6002 mkdir: mkdir /sys/room-odd-long: EROFS, Read-only file system.",
        "run.refused skipped pre:1 mkdir: mkdir /sys/room-odd-x86_64-: EROFS, Read-only file system.",
        "run.refused skipped preun:1 mkdir: mkdir /sys/room-odd-strict: EROFS, Read-only file system.",
        "script.tangled advice post The scriptlet is short and plain enough to be read here.",
    ];
    assert_eq!(observed(&report), expected);
    assert_eq!((done.status.code(), ran(&report), &report["coverage"]["skipped"]), (Some(0), [3, 0], &json!([])));
}

/// What only the containment ends is no failure of the scriptlet's.
#[test]
fn a_program_of_32_bits_is_not_judged() {
    let (seen, code, run, _) = installed("narrow");
    let expected = [
        "run.failed unjudged post It ended with 159.",
        "run.narrow unjudged post /run/room-narrow is a program of 32 bits, which is let run by osbuild, and not in here.",
    ];
    assert_eq!(seen, expected);
    assert_eq!((code, run), (Some(2), [1, 0]));
}

#[test]
fn scriptlets_that_are_too_many_are_not_judged() {
    let (seen, code, run, notes) = installed("many");
    let says = "It was not seen to run, and others were of which nobody knows whose they are.";
    assert_eq!(seen, [format!("run.unseen unjudged filetriggerin {says}")]);
    assert_eq!((code, run), (Some(2), [256, 0]));
    assert_eq!(notes[0], "install: more than 256 scriptlets ran, and the others were not looked at");
}

/// rpm that fails by itself, or is ended, says nothing of scriptlets: neither do we, nor of what it leaves lying about.
#[rstest]
#[case::a_payload_that_is_damaged("quiet", "post rpm ended with 1: ")]
#[case::rpm_is_killed("killer", "post rpm ended with 137: ")]
fn a_transaction_that_does_not_come_to_its_end_is_not_judged(#[case] name: &str, #[case] how: &str) {
    let (_directory, package) = built(name);
    if name == "quiet" {
        let mut bytes = std::fs::read(&package).expect("a package");
        let last = bytes.len() - 8;
        bytes[last] ^= 0xff;
        std::fs::write(&package, bytes).expect("a package");
    }
    let mut words = words(&package, "x86_64");
    words.splice(2..2, ["--scenario".to_owned(), "install".to_owned()]);
    let done = Command::new(supervisor()).args(words).output().expect("a run");
    let report = report(&done);
    let seen: Vec<_> = observed(&report).into_iter().filter(|told| told.starts_with("run.")).collect();
    assert!(seen.len() == 1 && seen[0].starts_with(&format!("run.unfinished unjudged {how}")), "{seen:#?}");
    let verdicts = report["verdicts"].as_array().expect("verdicts").iter().map(|one| one["verdict"].as_str());
    assert_eq!((done.status.code(), verdicts.collect::<Vec<_>>()), (Some(2), vec![Some("unknown"); 2]));
}

/// What an interpreter is given to read is looked for in the tree, also where a link of the tree's leads elsewhere.
#[test]
fn a_link_in_the_tree_does_not_lead_to_the_host() {
    let (_directory, package) = built("link");
    let root = BuildRoot::builder("/")
        .profile(Profile::Hardened)
        .capabilities(Profile::Hardened.default_capabilities())
        .supervisor(supervisor())
        .open()
        .expect("a root");
    let (room, _) = Room::with_copy_of(&root, &tree("x86_64")).expect("a room");
    std::fs::copy(package, room.packages().join("link.rpm")).expect("a package");
    let package = format!("{PACKAGES}/link.rpm");
    let install = room.rpm(&["--nosignature", "--nodeps", "--force", "--install", &package]);
    let (_, seen) = trace::run(&root, install).expect("a run").expect("a trace");
    root.close().expect("nothing left");
    let told: Vec<_> = seen.scriptlets.iter().map(|ran| (ran.arguments[0].as_slice(), ran.script.as_slice())).collect();
    assert_eq!(told, [(b"/bin/cat".as_slice(), b"".as_slice())]);
}
