//! What a payload may use up: memory by files, the disk below `/var`, processes.

use std::ffi::OsString;
use std::num::NonZeroU64;
use std::process::Command;

use rootcontract::argv;
use rootcontract::buildroot::{Invocation, Outcome};
use rootcontract::contract::Contract;
use rootcontract::facts::launch::Phase;
use rootcontract::profile::Profile;
use rstest::rstest;

use crate::command::inside;
use crate::support::{assert_kept, builder, chain, executable, facts, run, shell, supervisor, well};

const SMALL: NonZeroU64 = NonZeroU64::new(64 << 10).expect("more than nothing");
/// Enough for the probe, and far less than anybody's memory.
const ENOUGH: NonZeroU64 = NonZeroU64::new(8 << 20).expect("more than nothing");

/// Bubblewrap's way to say that it is older than an option.
const OLD: &str =
    "#!/bin/sh\ncase \"$*\" in *--size*) echo 'bwrap: Unknown option --size' >&2; exit 1;; esac\nexec bwrap \"$@\"\n";
/// What becomes of it.
const TOLD: &str = "it says: bwrap: Unknown option --size";

#[rstest]
#[case::top("/")]
#[case::tmp("/tmp/")]
#[case::run("/run/")]
#[case::dev("/dev/")]
#[case::shm("/dev/shm/")]
fn a_tmpfs_of_limited_size_takes_no_more(
    #[case] directory: &str,
    #[values(Profile::OsbuildV19, Profile::OsbuildV190)] profile: Profile,
) {
    let root = builder("/").profile(profile).tmpfs_size(SMALL).open().expect("an open root");
    // A shell that stops at the first failure, so that what is said last is what failed.
    let fill = format!(
        "set -e; yes | head -c 60000 > {directory}fits; rm {directory}fits; yes | head -c 70000 > {directory}not"
    );
    let done = run(&root, shell(&fill));
    let size =
        well(run(&root, shell(&format!("stat -c %s {directory}not; df -B1 --output=size {directory} | tail -1"))));
    root.close().expect("nothing left");
    assert_eq!(done.outcome, Outcome::Exited(1));
    assert!(done.stderr.text().ends_with("No space left on device\n"), "{}", done.stderr.text());
    let numbers: Vec<_> = size.split_whitespace().collect();
    assert!(numbers.last() == Some(&"65536"), "{size}");
}

#[rstest]
#[case::v19(Profile::OsbuildV19)]
#[case::v190(Profile::OsbuildV190)]
fn the_contract_is_kept_with_a_limited_size(#[case] profile: Profile) {
    let contract = Contract::builtin(profile.name()).expect("a contract");
    let limited = builder("/").profile(profile).capabilities(profile.default_capabilities()).tmpfs_size(ENOUGH);
    assert_kept(&contract, &facts(limited, Phase::Raw));
}

/// The difference from what osbuild passes: a size before each tmpfs, and a tmpfs for `/`.
#[rstest]
#[case::v19(Profile::OsbuildV19)]
#[case::v190(Profile::OsbuildV190)]
fn a_limited_size_changes_the_arguments_in_its_own_places_only(#[case] profile: Profile) {
    let root = builder("/").profile(profile).tmpfs_size(SMALL).open().expect("an open root");
    let limited = root.plan(&Invocation::new(["true"]));
    root.close().expect("nothing left");
    let words = argv::arguments(&limited);
    assert_eq!(words[..4], ["--size", "65536", "--tmpfs", "/"]);
    let sizes = words.windows(3).filter(|words| words[0] == "--size");
    assert!(sizes.clone().all(|words| words[1] == "65536" && words[2] == "--tmpfs"), "{words:?}");
    let tmpfs: Vec<_> = words.iter().filter(|&word| word == "--tmpfs").collect();
    assert_eq!(sizes.count(), tmpfs.len());

    let mut unlimited = limited.clone();
    unlimited.ops.remove(0);
    for op in &mut unlimited.ops {
        if let rootcontract::plan::Op::Tmpfs { size, .. } = op {
            *size = None;
        }
    }
    let rest: Vec<OsString> = argv::arguments(&unlimited);
    assert!(!rest.contains(&"--size".into()) && rest.len() == words.len() - 2 * tmpfs.len() - 2, "{rest:?}");
}

#[test]
fn a_bubblewrap_without_sizes_is_refused_by_who_asks_for_one_and_nobody_else() {
    let place = tempfile::tempdir().expect("a directory");
    let old = place.path().join("bwrap");
    executable(&old, OLD);
    let refused = builder("/").bwrap(&old).tmpfs_size(SMALL).open().expect_err("an old bubblewrap");
    assert_eq!(chain(&refused), format!("cannot limit the size of a tmpfs with {}: {TOLD}", old.display()));
    let root = builder("/").bwrap(&old).open().expect("an open root");
    let done = run(&root, shell("echo well"));
    root.close().expect("nothing left");
    assert_eq!(well(done), "well\n");
}

#[rstest]
#[case::run(&["run", "--tmpfs-size", "64KiB", "--", "/usr/bin/true"], 125, "")]
#[case::check(&["check", "--profile", "osbuild", "--tmpfs-size", "64KiB"], 2, "look into osbuild-v190: ")]
#[case::probe(&["probe", "--tmpfs-size", "64KiB"], 2, "look into osbuild-v190: ")]
#[case::plan(&["plan", "--tmpfs-size", "64KiB"], 2, "")]
fn a_bubblewrap_without_sizes_is_told_in_a_line(#[case] arguments: &[&str], #[case] code: i32, #[case] start: &str) {
    let place = tempfile::tempdir().expect("a directory");
    let old = place.path().join("bwrap");
    executable(&old, OLD);
    let [verb, rest @ ..] = arguments else { panic!("no subcommand") };
    let mut command = Command::new(supervisor());
    let done = command.args([verb, "--bwrap"]).arg(&old).args(rest).output().expect("a run");
    let line = format!("rootcontract: {start}cannot limit the size of a tmpfs with {}: {TOLD}\n", old.display());
    assert_eq!((String::from_utf8_lossy(&done.stderr), done.status.code()), (line.into(), Some(code)));
    assert!(done.stdout.is_empty());
}

#[rstest]
#[case::none("0", "nothing fits in there")]
#[case::no_number("much", "it takes a number of bytes, as 65536, 64KiB or 64MB")]
fn a_size_that_is_none_is_told(#[case] size: &str, #[case] why: &str) {
    let mut command = Command::new(supervisor());
    let done = command.args(["run", "--tmpfs-size", size, "--", "/usr/bin/true"]).output().expect("a run");
    let told = String::from_utf8_lossy(&done.stderr);
    let line = format!("error: invalid value '{size}' for '--tmpfs-size <SIZE>': {why}\n");
    assert!(told.starts_with(&line), "{told}");
    assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(125), &b""[..]));
}

/// A disk of four MiB where `/var` is kept.
const SMALL_DISK: &str = "mount -t tmpfs -o size=4m none /var/tmp";

#[test]
fn a_full_var_is_the_payloads_failure_and_is_cleared_away() {
    let fill = "yes > /var/full; code=$?; mkdir -p /var/a/b; ln -s x /var/a/l; exit $code";
    let look = ["run", "--capabilities", "inherit", "--", "/usr/bin/sh", "-c", fill];
    let after = "trap 'ls -A /var/tmp' EXIT; set +e; \"$0\" \"$@\"; exit $?";
    let done = inside(&["--mount"], &format!("{SMALL_DISK}\n{after}"), &look).output().expect("a run");
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(told.starts_with("yes: standard output: No space left on device\n"), "{told}");
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stdout).as_ref()), (Some(1), ""), "{told}");
}

#[test]
fn a_disk_without_room_for_var_is_told() {
    let full = format!("{SMALL_DISK}\nyes > /var/tmp/full 2> /dev/null || :\nmount -o remount,nr_inodes=2 /var/tmp");
    let run = ["run", "--capabilities", "inherit", "--", "/usr/bin/true"];
    let done = inside(&["--mount"], &full, &run).output().expect("a run");
    let line = "rootcontract: cannot make a scratch directory in /var/tmp: No space left on device\n";
    assert_eq!((String::from_utf8_lossy(&done.stderr).as_ref(), done.status.code()), (line, Some(125)));
}
