//! How a run comes out, and what becomes of its output.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rootcontract::buildroot::{Invocation, Outcome, Stdin, Stream, Streams};
use rootcontract::profile::Profile;
use rstest::rstest;

use crate::support::{chain, comes_true, open, run, said, shell, well};

#[rstest]
#[case::well(0)]
#[case::badly(1)]
#[case::by_a_number(42)]
#[case::by_a_number_that_timeout_uses(124)]
#[case::by_a_number_that_env_uses(125)]
#[case::by_a_number_that_means_not_executable(126)]
#[case::by_a_number_that_means_not_found(127)]
#[case::by_the_highest(255)]
fn a_payload_ends_by_its_own_code(
    #[case] code: u8,
    #[values(Profile::OsbuildV19, Profile::OsbuildV190, Profile::Hardened)] profile: Profile,
) {
    let root = open(profile);
    let done = run(&root, shell(&format!("echo out; echo err >&2; exit {code}")));
    root.close().expect("nothing left");
    assert_eq!(done.outcome, Outcome::Exited(code));
    assert_eq!((done.stdout.text().as_str(), done.stderr.text().as_str()), ("out\n", "err\n"));
}

#[rstest]
#[case::hup("HUP", 1)]
#[case::segv("SEGV", 11)]
#[case::kill("KILL", 9)]
#[case::term("TERM", 15)]
fn a_signal_is_128_and_its_number(#[case] name: &str, #[case] number: u8) {
    let root = open(Profile::OsbuildV190);
    let done = run(&root, shell(&format!("kill -{name} $$")));
    root.close().expect("nothing left");
    assert_eq!(done.outcome, Outcome::Exited(128 + number));
}

#[rstest]
#[case::nowhere("/usr/bin/there-is-no-such-program", Outcome::NotFound)]
#[case::not_in_path("there-is-no-such-program", Outcome::NotFound)]
#[case::a_directory("/usr", Outcome::NotExecutable)]
#[case::no_program("/proc/version", Outcome::NotExecutable)]
fn a_program_that_is_none_is_told_from_one_that_fails(#[case] program: &str, #[case] expected: Outcome) {
    let root = open(Profile::OsbuildV190);
    let done = run(&root, Invocation::new([program]));
    root.close().expect("nothing left");
    assert_eq!(done.outcome, expected, "{}", done.stderr.text());
}

/// The words of bubblewrap 0.8.0 to 0.12.
#[test]
fn a_sandbox_that_is_not_built_is_told_from_a_payload_that_fails() {
    let root = open(Profile::OsbuildV190);
    let unbuilt = run(&root, shell("exit 1").bind("/nowhere/at/all", "/run/osbuild/tree"));
    let failing = run(&root, shell("echo 'bwrap: execvp x: No such file or directory' >&2; exit 1"));
    root.close().expect("nothing left");
    let words = "bwrap: Can't find source path /nowhere/at/all: No such file or directory";
    assert_eq!(unbuilt.outcome, Outcome::SetupFailed(words.to_owned()));
    assert_eq!(failing.outcome, Outcome::Exited(1), "whatever it says");
}

#[test]
fn a_bubblewrap_that_is_killed_is_told_from_a_payload_that_is() {
    let root = open(Profile::OsbuildV190);
    // A length of time that nobody else sleeps.
    let mark = format!("{}.0625", 1_000_000 + std::process::id());
    let done = std::thread::scope(|scope| {
        let run = scope.spawn(|| run(&root, Invocation::new(["/usr/bin/sleep", &mark])));
        assert!(comes_true(|| !with_word("/usr/bin/sleep", &mark).is_empty()), "the payload never ran");
        // The outermost one has the lowest number, unless the numbers have just begun anew; the others go with it.
        with_word("bwrap", &mark).into_iter().for_each(|pid| kill(pid, Signal::SIGKILL).unwrap_or_default());
        run.join().expect("a thread")
    });
    root.close().expect("nothing left");
    assert_eq!(done.outcome, Outcome::BubblewrapKilled(9));
}

/// The processes of this program that have `mark` as an argument.
fn with_word(program: &str, mark: &str) -> Vec<Pid> {
    let is = |line: Vec<u8>| {
        let mut words = line.split(|&byte| byte == 0);
        words.next() == Some(program.as_bytes()) && words.any(|word| word == mark.as_bytes())
    };
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    processes
        .filter(|entry| std::fs::read(entry.path().join("cmdline")).is_ok_and(is))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid::from_raw))
        .collect()
}

#[test]
fn a_payload_may_close_its_output_and_go_on() {
    let root = open(Profile::OsbuildV190);
    let done = run(&root, shell("echo said; exec >&- 2>&-; sleep 0.1; echo late > /var/late; exit 5"));
    assert_eq!(done.outcome, Outcome::Exited(5));
    assert_eq!(done.stdout.text(), "said\n");
    assert_eq!(std::fs::read_to_string(root.var().join("late")).expect("a file"), "late\n");
    root.close().expect("nothing left");
}

#[test]
fn a_daemon_left_behind_ends_with_its_run() {
    let root = open(Profile::OsbuildV190);
    let started = Instant::now();
    let script = "(trap '' HUP TERM; while :; do echo on >> /var/daemon; sleep 0.01; done) & \
                  while ! test -e /var/daemon; do sleep 0.01; done; echo gone";
    assert_eq!(said(&root, script), "gone\n");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let size = || root.var().join("daemon").metadata().expect("a file").len();
    let then = size();
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(size(), then, "nobody writes any more");
    root.close().expect("nothing left");
}

#[test]
fn a_hundred_mebibytes_stream_through_and_little_is_kept() {
    const ALL: u64 = 100 << 20;
    let root = open(Profile::OsbuildV190);
    let count = Arc::new(AtomicU64::new(0));
    let largest = Arc::new(AtomicU64::new(0));
    let (counting, measuring) = (Arc::clone(&count), Arc::clone(&largest));
    let done = run(
        &root,
        shell(&format!("head -c {ALL} /dev/zero")).output(move |stream, bytes| {
            assert_eq!(stream, Stream::Stdout);
            counting.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            measuring.fetch_max(bytes.len() as u64, Ordering::Relaxed);
            Ok(())
        }),
    );
    root.close().expect("nothing left");
    assert_eq!(done.outcome, Outcome::Exited(0));
    assert_eq!(count.load(Ordering::Relaxed), ALL);
    assert!(largest.load(Ordering::Relaxed) <= 64 << 10, "at most a pipe's worth at a time");
    assert_eq!(done.stdout.bytes().len(), 2 << 20, "the first and the last mebibyte");
    assert_eq!(done.stdout.dropped(), ALL - (2 << 20));
}

#[test]
fn a_sink_that_fails_ends_the_run() {
    let root = open(Profile::OsbuildV190);
    let script = "while :; do echo on | tee -a /var/log; sleep 0.01; done";
    let invocation = shell(script).grace(Duration::from_millis(100));
    let full = |_: Stream, _: &[u8]| Err(io::Error::from(io::ErrorKind::StorageFull));
    let error = root.run(invocation.output(full)).expect_err("a sink that fails");
    assert_eq!(chain(&error), "cannot pass on the payload's output: no storage space");
    let size = || root.var().join("log").metadata().expect("a file").len();
    let stands_still = || {
        let then = size();
        std::thread::sleep(Duration::from_millis(60));
        size() == then
    };
    assert!(comes_true(stands_still), "the payload goes on");
    assert_eq!(said(&root, "echo the root goes on"), "the root goes on\n");
    root.close().expect("nothing left");
}

#[test]
fn a_character_cut_in_two_is_whole_again_and_bytes_stay_bytes() {
    let root = open(Profile::OsbuildV190);
    let pieces = Arc::new(Mutex::new(Vec::new()));
    let collecting = Arc::clone(&pieces);
    let script = r"printf '\303'; sleep 0.1; printf '\251\377\n'";
    let done = run(
        &root,
        shell(script).output(move |_, bytes| {
            collecting.lock().expect("a lock").push(bytes.to_vec());
            Ok(())
        }),
    );
    root.close().expect("nothing left");
    assert_eq!(*pieces.lock().expect("a lock"), [b"\xc3".to_vec(), b"\xa9\xff\n".to_vec()]);
    assert_eq!(done.stdout.bytes(), "é".bytes().chain(*b"\xff\n").collect::<Vec<_>>());
    assert_eq!(done.stdout.text(), "é\u{fffd}\n");
}

#[test]
fn the_last_words_are_not_lost() {
    let root = open(Profile::OsbuildV190);
    for _ in 0..20 {
        let done = run(&root, shell("head -c 60000 /dev/zero; echo last; echo words >&2").streams(Streams::Apart));
        assert_eq!(done.stdout.bytes().len(), 60_005);
        assert_eq!(done.stderr.text(), "words\n");
    }
    root.close().expect("nothing left");
}

#[test]
fn a_payload_reads_nothing_or_the_file_it_is_given() {
    let given = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(given.path(), "given\n").expect("a file");
    let root = open(Profile::OsbuildV190);
    assert_eq!(said(&root, "cat; readlink /proc/self/fd/0"), "/dev/null\n");
    let file = std::fs::File::open(given.path()).expect("a file");
    assert_eq!(well(run(&root, shell("cat").stdin(Stdin::File(file)))), "given\n");
    root.close().expect("nothing left");
}
