//! What a payload may use up: memory by files, the disk below `/var`, processes.

use std::ffi::OsString;
use std::num::NonZeroU64;
use std::process::Command;
use std::time::Duration;

use rootcontract::argv;
use rootcontract::buildroot::{Invocation, Outcome, UnlimitedPids};
use rootcontract::contract::Contract;
use rootcontract::facts::launch::Phase;
use rootcontract::profile::Profile;
use rstest::rstest;

use crate::command::inside;
use crate::support::{assert_kept, builder, chain, comes_true, executable, facts, run, shell, supervisor, well};

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
    #[values(Profile::OsbuildV19, Profile::OsbuildV190, Profile::Hardened)] profile: Profile,
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
#[case::hardened(Profile::Hardened)]
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
    let look = ["run", "--quiet", "--capabilities", "inherit", "--", "/usr/bin/sh", "-c", fill];
    let after = "trap 'ls -A /var/tmp' EXIT; set +e; \"$0\" \"$@\"; exit $?";
    let done = inside(&["--mount"], &format!("{SMALL_DISK}\n{after}"), &look).output().expect("a run");
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(told.starts_with("yes: standard output: No space left on device\n"), "{told}");
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stdout).as_ref()), (Some(1), ""), "{told}");
}

#[test]
fn a_disk_without_room_for_var_is_told() {
    let full = format!("{SMALL_DISK}\nyes > /var/tmp/full 2> /dev/null || :\nmount -o remount,nr_inodes=2 /var/tmp");
    let run = ["run", "--quiet", "--capabilities", "inherit", "--", "/usr/bin/true"];
    let done = inside(&["--mount"], &full, &run).output().expect("a run");
    let line = "rootcontract: cannot make a scratch directory in /var/tmp: No space left on device\n";
    assert_eq!((String::from_utf8_lossy(&done.stderr).as_ref(), done.status.code()), (line, Some(125)));
}

/// Says a word for each process it could start, of a thousand.
const COUNT: &str = "i=0; while [ $i -lt 1000 ]; do echo $i; /usr/bin/sleep 100 & i=$((i+1)); done";
/// A namespace gives its first three hundred numbers out once, and a limit goes by numbers.
const MORE: usize = 300;

#[rstest]
#[case::v19(Profile::OsbuildV19)]
#[case::v190(Profile::OsbuildV190)]
#[case::hardened(Profile::Hardened)]
fn no_more_processes_are_started_than_are_allowed(#[case] profile: Profile) {
    let allowed = 40;
    let open = builder("/").profile(profile).pids(40).unlimited_pids(UnlimitedPids::Refuse).open();
    let root = open.expect("an open root: Linux 6.14, or a control group of one's own");
    assert_eq!(root.warnings(), Vec::<String>::new());
    let host = std::fs::read_to_string("/proc/sys/kernel/pid_max").expect("the host's");
    for _ in 0..2 {
        let done = run(&root, shell(COUNT));
        let started = done.stdout.text().lines().count();
        assert!((allowed - 5..=allowed + MORE).contains(&started), "{started} processes");
        assert_eq!((done.outcome, done.stderr.text().as_str()), (Outcome::Exited(2), "/usr/bin/sh: 0: Cannot fork\n"));
    }
    root.close().expect("nothing left");
    assert_eq!(std::fs::read_to_string("/proc/sys/kernel/pid_max").expect("the host's"), host);
}

#[test]
fn a_fork_bomb_ends_with_its_run() {
    let open = builder("/").pids(40).unlimited_pids(UnlimitedPids::Refuse).open();
    let root = open.expect("an open root: Linux 6.14, or a control group of one's own");
    // The first process starts no other once the bomb has gone off, so that it is there to be ended.
    let bomb = "exec 2>&-; (bomb() { bomb | bomb & }; bomb) & exec /usr/bin/sleep 100";
    let short = Duration::from_millis(500);
    let done = run(&root, shell(bomb).deadline(short).grace(short));
    let next = well(run(&root, shell("echo well")));
    root.close().expect("nothing left");
    assert_eq!((done.outcome, next.as_str()), (Outcome::DeadlineExceeded, "well\n"));
}

/// In a chroot no user namespace can be made, so nothing is known of `pid_max`.
const CHROOT: &str = "mount --rbind / /mnt";

#[test]
fn where_pid_max_may_be_the_hosts_a_control_group_limits_or_nothing_does_and_that_is_told() {
    let run = ["run", "--quiet", "--capabilities", "inherit", "--pids", "40", "--", "/usr/bin/sh", "-c", COUNT];
    let host = std::fs::read_to_string("/proc/sys/kernel/pid_max").expect("the host's");
    let done =
        inside(&["--mount"], &format!("{CHROOT}\nexec chroot /mnt \"$0\" \"$@\""), &run).output().expect("a run");
    let (told, started) =
        (String::from_utf8_lossy(&done.stderr), String::from_utf8_lossy(&done.stdout).lines().count());
    match done.status.code() {
        Some(2) => {
            assert!(told == "/usr/bin/sh: 0: Cannot fork\n" && (35..=40).contains(&started), "{started}: {told}")
        }
        code => {
            assert_eq!((code, started), (Some(0), 1000), "{told}");
            assert!(told.starts_with("rootcontract: warning: the number of processes is unlimited: "), "{told}");
        }
    }
    assert_eq!(std::fs::read_to_string("/proc/sys/kernel/pid_max").expect("the host's"), host);
}

#[rstest]
#[case::told(&[], "warning: the number of processes is unlimited", 0)]
#[case::refused(&["--strict-pids"], "cannot limit the number of processes", 125)]
fn where_nothing_limits_processes_it_is_told_or_refused(
    #[case] strict: &[&str],
    #[case] start: &str,
    #[case] code: i32,
) {
    let without =
        format!("{CHROOT}\numount --lazy /mnt/sys/fs/cgroup 2> /dev/null || :\nexec chroot /mnt \"$0\" \"$@\"");
    let run =
        [&["run", "--quiet", "--capabilities", "inherit", "--pids", "40"], strict, &["--", "/usr/bin/true"]].concat();
    let done = inside(&["--mount"], &without, &run).output().expect("a run");
    let line = format!(
        "rootcontract: {start}: no control groups that have the controller pids are mounted, and pid namespaces are not \
         known to have a pid_max of their own (it takes Linux 6.14)\n"
    );
    assert_eq!((String::from_utf8_lossy(&done.stderr).as_ref(), done.status.code()), (line.as_str(), Some(code)));
}

/// The supervisor holds some descriptors for each run. Where there are none for another one, that is refused, and nobody
/// else's goes: also where the last are gone while it is asked for, as comes about at one of these numbers.
#[rstest]
fn runs_that_find_no_descriptors_are_refused_and_all_others_go_on(#[values(58, 59, 60, 61, 62, 63)] number: u32) {
    const ALL: usize = 16;
    let place = tempfile::tempdir().expect("a directory");
    let few = place.path().join("rootcontract");
    executable(&few, &format!("#!/bin/sh\nulimit -n {number}\nexec {} \"$@\"\n", supervisor().display()));
    let root = builder("/").profile(Profile::Hardened).supervisor(&few).open().expect("an open root");
    let (mut went, mut refused) = (0, Vec::new());
    std::thread::scope(|scope| {
        let start = |_| {
            let ends = [(), ()].map(|()| nix::unistd::pipe().expect("a pipe"));
            let [(interrupt, caller), (hurry, second)] = ends;
            let wait = "while ! test -e /var/go; do sleep 0.05; done; exit 7";
            let invocation = shell(wait).interrupt(interrupt).hurry(hurry);
            let root = &root;
            scope.spawn(move || (root.run(invocation), caller, second).0)
        };
        let runs: Vec<_> = (0..ALL).map(start).collect();
        // Who is refused is told at once.
        assert!(comes_true(|| runs.iter().any(std::thread::ScopedJoinHandle::is_finished)), "all had room");
        std::fs::write(root.var().join("go"), "").expect("a file");
        for run in runs {
            match run.join().expect("a thread") {
                Ok(done) => assert_eq!((done.outcome, went += 1), (Outcome::Exited(7), ())),
                Err(error) => refused.push(chain(&error)),
            }
        }
    });
    let next = well(run(&root, shell("echo well")));
    root.close().expect("nothing left");
    assert_eq!(next, "well\n");
    assert!(went > 0 && went + refused.len() == ALL, "{went}: {refused:?}");
    for error in refused {
        let few = error.starts_with("cannot start bubblewrap: ") && error.ends_with(": EMFILE: Too many open files");
        assert!(few, "{error}");
    }
}

#[rstest]
#[case::none("0", "0 is not in 1..=4000000")]
#[case::a_word("many", "invalid digit found in string")]
fn a_number_of_processes_that_is_none_is_told(#[case] number: &str, #[case] why: &str) {
    let done =
        Command::new(supervisor()).args(["run", "--pids", number, "--", "/usr/bin/true"]).output().expect("a run");
    let line = format!("error: invalid value '{number}' for '--pids <N>': {why}\n");
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(told.starts_with(&line), "{told}");
    assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(125), &b""[..]));
}
