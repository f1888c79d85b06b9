//! What the suites share.

use std::error::Error;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rootcontract::buildroot::{BuildRoot, Builder, Completed, Invocation, Outcome, Surroundings};
use rootcontract::contract::Contract;
use rootcontract::facts::launch::Phase;
use rootcontract::inspect::{Hardware, Subject, inspect};
use rootcontract::profile::Profile;
use rootcontract::verify::{Verdict, verify};
use serde_json::Value;
use tempfile::TempDir;

/// A builder for `root`, with the supervisor this build made.
pub fn builder(root: impl Into<PathBuf>) -> Builder {
    BuildRoot::builder(root).supervisor(supervisor())
}

/// An open root of this machine.
pub fn open(profile: Profile) -> BuildRoot {
    builder("/").profile(profile).open().expect("an open root")
}

/// A shell script as what is run.
pub fn shell(script: &str) -> Invocation {
    Invocation::new(["/usr/bin/sh", "-c", script])
}

/// Runs it.
pub fn run(root: &BuildRoot, invocation: Invocation) -> Completed {
    root.run(invocation).expect("a run")
}

/// What a script that ends well says.
pub fn said(root: &BuildRoot, script: &str) -> String {
    well(run(root, shell(script)))
}

/// What a run that ended well said on standard output.
pub fn well(done: Completed) -> String {
    assert_eq!(done.outcome, Outcome::Exited(0), "{}", done.stderr.text());
    done.stdout.text()
}

/// An error and its causes, as a line.
pub fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Waits until `is` holds, five seconds at the most; whether it came to hold.
pub fn comes_true(is: impl Fn() -> bool) -> bool {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(5) {
        if is() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    is()
}

/// The names in a directory of the host, sorted.
pub fn names(directory: &Path) -> Vec<String> {
    let entries = directory.read_dir().unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The command and the probe, where everybody may run them: a build directory may be closed to others.
pub fn runnable_by_all() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).expect("open to all");
    for (file, name) in [(supervisor(), "rootcontract"), (probe(), "rootcontract-probe")] {
        let there = directory.path().join(name);
        // A copy takes long, and while it is written no other test may start a program: that would keep it busy.
        std::fs::hard_link(&file, &there).or_else(|_| std::fs::copy(&file, &there).map(drop)).expect("a program");
        std::fs::set_permissions(there, PermissionsExt::from_mode(0o755)).expect("executable");
    }
    directory
}

/// An executable file.
pub fn executable(path: &Path, content: &str) {
    std::fs::write(path, content).expect("a file");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
}

/// The command this build made.
pub fn supervisor() -> PathBuf {
    env!("CARGO_BIN_EXE_rootcontract").into()
}

/// The static probe, which runs in any root.
pub fn probe() -> PathBuf {
    let arch = rootcontract::arch::native().expect("an architecture of the table").name;
    let probe = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/probes").join(arch).join("rootcontract-probe");
    assert!(probe.is_file(), "there is no {}: ci/probes builds it", probe.display());
    probe
}

/// What the probe sees in the root that `builder` opens, as JSON. Canaries are out for it to look for.
pub fn facts(builder: Builder, phase: Phase) -> Value {
    let bwrap = rootcontract::bwrap::find(None).expect("bwrap is installed");
    let subject = Subject {
        arch: rootcontract::arch::native().expect("an architecture of the table"),
        hardware: Hardware::Real,
        phase,
        runner: Some(fixture("runners/org.rootcontract.plain")),
        probe: probe(),
        about: rootcontract::bwrap::about(&bwrap),
        libc: None,
        surroundings: Surroundings::Canaries,
    };
    serde_json::to_value(inspect(builder, &subject).expect("facts")).expect("facts are JSON")
}

/// A file of `fixtures/`.
pub fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// Every clause of the contract is held by the facts or does not apply, and most of them are held.
pub fn assert_kept(contract: &Contract, facts: &Value) {
    let findings = verify(contract, facts);
    let not_kept: Vec<_> = findings
        .iter()
        .filter(|finding| matches!(finding.verdict, Verdict::Broken | Verdict::Unknown))
        .map(|finding| format!("{finding:#?}"))
        .collect();
    assert!(not_kept.is_empty(), "{}", not_kept.join("\n"));
    let held = findings.iter().filter(|finding| finding.verdict == Verdict::Held).count();
    assert!(held >= 200, "only {held} clauses were held against anything");
}

/// The versions of bubblewrap that `ci/bwraps` brings, in their order.
pub const BUBBLEWRAPS: [&str; 4] = ["0.4.1", "0.8.0", "0.12.0", "0.13.1"];

/// The bubblewrap of this version.
pub fn bubblewrap(version: &str) -> PathBuf {
    let pattern = format!("{}/target/bwraps/{version}-*/bwrap", env!("CARGO_MANIFEST_DIR"));
    let found = glob::glob(&pattern).expect("a pattern").flatten().next();
    found.unwrap_or_else(|| panic!("there is no {pattern}: ci/bwraps brings it"))
}
