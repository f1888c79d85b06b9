//! Runners: where they are, what they get, and the room they leave behind.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use rootcontract::buildroot::{Boot, Invocation, Outcome};
use rootcontract::profile::Profile;
use rstest::rstest;

use crate::support::{builder, executable, fixture, run, said, shell, well};

/// Says how it was called, then becomes the command.
const TALKATIVE: &str = "#!/usr/bin/sh\necho \"$0 $#\"\nexec \"$@\"\n";

#[rstest]
#[case::v19(Profile::OsbuildV19, "/run/osbuild/lib/runners/org.example.talkative")]
#[case::v190(Profile::OsbuildV190, "/run/osbuild/runner/org.example.talkative")]
fn a_runner_is_where_osbuild_puts_it_and_gets_the_command(#[case] profile: Profile, #[case] place: &str) {
    let outside = tempfile::tempdir().expect("a directory");
    let runner = outside.path().join("org.example.talkative");
    executable(&runner, TALKATIVE);
    let root = builder("/").profile(profile).runner(&runner).open().expect("an open root");
    let done = run(&root, Invocation::new(["/usr/bin/printf", "<%s>", "two words", ""]));
    root.close().expect("nothing left");
    assert_eq!(well(done), format!("{place} 4\n<two words><>"));
}

#[rstest]
#[case::v19(Profile::OsbuildV19)]
#[case::v190(Profile::OsbuildV190)]
#[case::hardened(Profile::Hardened)]
fn a_runner_that_fails_fails_the_run_and_is_heard(#[case] profile: Profile) {
    let outside = tempfile::tempdir().expect("a directory");
    let runner = outside.path().join("failing");
    executable(&runner, "#!/usr/bin/sh\necho so far; echo no further >&2; exit 1\n");
    let root = builder("/").profile(profile).runner(&runner).open().expect("an open root");
    let done = run(&root, Invocation::new(["/usr/bin/touch", "/var/never"]));
    assert_eq!(done.outcome, Outcome::Exited(1));
    assert_eq!((done.stdout.text().as_str(), done.stderr.text().as_str()), ("so far\n", "no further\n"));
    assert!(!root.var().join("never").exists());
    root.close().expect("nothing left");
}

#[rstest]
#[case::v19(Profile::OsbuildV19)]
#[case::v190(Profile::OsbuildV190)]
#[case::hardened(Profile::Hardened)]
fn a_runner_that_cannot_be_executed_is_told(#[case] profile: Profile) {
    let outside = tempfile::tempdir().expect("a directory");
    let runner = outside.path().join("org.example.foreign");
    executable(&runner, "#!/nowhere/python3\n");
    let root = builder("/").profile(profile).runner(&runner).open().expect("an open root");
    let done = run(&root, Invocation::new(["/usr/bin/true"]));
    root.close().expect("nothing left");
    assert_eq!(done.outcome, Outcome::NotFound, "its interpreter is nowhere: {}", done.stderr.text());
}

/// A libdir as osbuild's: `runners/` with one runner, `osbuild/` with or without the Python package.
fn libdir(place: &Path, package: &[&str]) -> PathBuf {
    let libdir = place.join("lib");
    for directory in ["runners", "osbuild"] {
        std::fs::create_dir_all(libdir.join(directory)).expect("a directory");
    }
    executable(&libdir.join("runners/org.example.talkative"), TALKATIVE);
    for file in package {
        std::fs::write(libdir.join("osbuild").join(file), "").expect("a file");
    }
    libdir
}

#[rstest]
#[case::v190_empty(Profile::OsbuildV190, &[], "module.py\n")]
#[case::v190_full(Profile::OsbuildV190, &["own.py"], "own.py\n")]
#[case::v19_empty(Profile::OsbuildV19, &[], "")]
#[case::v19_full(Profile::OsbuildV19, &["own.py"], "own.py\n")]
fn a_libdir_is_shown_and_its_empty_package_filled_by_v190(
    #[case] profile: Profile,
    #[case] package: &[&str],
    #[case] expected: &str,
) {
    let place = tempfile::tempdir().expect("a directory");
    let libdir = libdir(place.path(), package);
    let module = place.path().join("module");
    std::fs::create_dir(&module).expect("a directory");
    std::fs::write(module.join("module.py"), "").expect("a file");
    let builder = builder("/").profile(profile).libdir(&libdir).module(&module);
    let root = builder.runner(libdir.join("runners/org.example.talkative")).open().expect("an open root");
    let done = well(run(&root, shell("ls /run/osbuild/lib/osbuild; ls /run/osbuild/lib/runners")));
    root.close().expect("nothing left");
    let (_, after_the_runner) = done.split_once('\n').expect("the runner's line");
    assert_eq!(after_the_runner, format!("{expected}org.example.talkative\n"));
}

#[rstest]
#[case::v19(Profile::OsbuildV19)]
#[case::v190(Profile::OsbuildV190)]
#[case::hardened(Profile::Hardened)]
fn without_a_libdir_the_module_is_the_package(#[case] profile: Profile) {
    let module = tempfile::tempdir().expect("a directory");
    std::fs::write(module.path().join("module.py"), "").expect("a file");
    let root = builder("/").profile(profile).module(module.path()).open().expect("an open root");
    let seen = said(&root, "ls /run/osbuild/lib/osbuild");
    root.close().expect("nothing left");
    assert_eq!(seen, "module.py\n");
}

#[rstest]
#[case::mounted(Boot::Mount, "there\n")]
#[case::left_out(Boot::Leave, "gone\n")]
fn boot_is_mounted_or_left_out(
    #[case] boot: Boot,
    #[case] expected: &str,
    #[values(Profile::OsbuildV19, Profile::OsbuildV190, Profile::Hardened)] profile: Profile,
) {
    let tree = tempfile::tempdir().expect("a directory");
    crate::tree::grow(tree.path());
    std::fs::create_dir(tree.path().join("boot")).expect("a directory");
    std::fs::write(tree.path().join("boot/vmlinuz"), "").expect("a file");
    let root = builder(tree.path()).profile(profile).boot(boot).open().expect("an open root");
    let seen = said(&root, "test -e /boot/vmlinuz && echo there || echo gone");
    root.close().expect("nothing left");
    assert_eq!(seen, expected);
}

#[test]
fn the_plain_runner_prepares_etc_and_starts_the_command() {
    let root = builder("/").runner(fixture("runners/org.rootcontract.plain")).open().expect("an open root");
    let script = "cd /etc; stat -c '%n %a' passwd group machine-id ld.so.cache; cat machine-id; id -un; id -gn; \
                  test -e nsswitch.conf || echo no nsswitch.conf";
    let seen = well(run(&root, shell(script)));
    assert_eq!(
        seen,
        "passwd 644\ngroup 644\nmachine-id 444\nld.so.cache 644\nffffffffffffffffffffffffffffffff\n\
         root\nroot\nno nsswitch.conf\n"
    );
    assert_eq!(run(&root, shell("exit 42")).outcome, Outcome::Exited(42));
    assert_eq!(well(run(&root, shell("grep -c ^root: /etc/passwd"))), "1\n", "each run is prepared anew");
    root.close().expect("nothing left");
}

/// While it is written a program can't be executed, and every process that is on its way to another program has what was
/// open for writing when it was forked (execve(2): ETXTBSY).
#[test]
fn a_runner_is_not_held_open_by_what_the_caller_starts_meanwhile() {
    let outside = tempfile::tempdir().expect("a directory");
    let runner = outside.path().join("org.example.large");
    // Copying it takes its time.
    executable(&runner, &format!("#!/usr/bin/sh\nexec \"$@\"\n{}", "#".repeat(32 << 20)));
    let over = AtomicBool::new(false);
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                // It takes long to find that there is none.
                let mut nowhere = Command::new("there-is-none");
                nowhere.env("PATH", "/nowhere:".repeat(20_000));
                while !over.load(Ordering::Relaxed) {
                    nowhere.spawn().expect_err("there is none");
                }
            });
        }
        let runs = (0..12).map(|_| {
            let root = builder("/").profile(Profile::OsbuildV19).runner(&runner).open().expect("an open root");
            let done = run(&root, Invocation::new(["/usr/bin/true"]));
            root.close().expect("nothing left");
            (done.outcome, done.stderr.text())
        });
        let outcomes = runs.collect();
        over.store(true, Ordering::Relaxed);
        outcomes
    });
    assert_eq!(outcomes, vec![(Outcome::Exited(0), String::new()); 12]);
}
