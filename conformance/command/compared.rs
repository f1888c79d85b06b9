//! `diff`, `check --baseline`, `check --waivers`: what is compared with what was, or was agreed on.

use std::path::{Path, PathBuf};

use predicates::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::{json, rootcontract, valid};

/// What `probe` prints of the newest profile, with another value at a JSON pointer.
fn facts_with(directory: &Path, pointer: &str, value: Value) -> PathBuf {
    let printed = rootcontract(["probe", "--profile", "osbuild"]).assert().code(0).get_output().stdout.clone();
    let mut facts = json(&printed);
    *facts.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value;
    let file = directory.join("facts.json");
    std::fs::write(&file, facts.to_string()).expect("a file");
    file
}

#[test]
fn two_looks_at_one_build_root_are_the_same() {
    let same = predicate::str::ends_with("nothing changed that a contract speaks of\n");
    rootcontract(["diff", "osbuild", "osbuild-v190"]).assert().code(0).stdout(same);
}

#[test]
fn two_profiles_differ_in_what_their_contracts_say() {
    let done = rootcontract(["diff", "osbuild-v19..osbuild-v190", "--format", "json"]).assert().code(1);
    let document = json(&done.get_output().stdout);
    valid(&document, "diff");
    let changes = document["reports"][0]["changes"].as_array().expect("changes");
    let network = changes.iter().find(|change| change["fact"] == "attempts[connect:outside]").expect("the network");
    assert_eq!((&network["relevance"], &network["after"]), (&json!("contract"), &json!("ENETUNREACH")));
}

#[test]
fn a_saved_look_is_compared_with_one_taken_now() {
    let directory = tempfile::tempdir().expect("a directory");
    let saved = facts_with(directory.path(), "/probe/process/umask", json!("0077"));
    let mut command = rootcontract(["diff"]);
    let done = command.arg(&saved).arg("osbuild").assert().code(1);
    let text = String::from_utf8(done.get_output().stdout.clone()).expect("text");
    assert!(text.contains("1 change of the contract\n  process.umask "), "{text}");
    assert!(text.contains("0077 → 0022\n") && text.contains(": broken → held\n"), "{text}");
}

#[rstest]
#[case::one_side(&["osbuild"], "one side is missing: say BEFORE AFTER, or BEFORE..AFTER")]
#[case::nothing_there(&["/nonexistent", "osbuild"], "read facts /nonexistent: No such file or directory")]
#[case::not_ours(&["/etc/passwd", "osbuild"], "read facts /etc/passwd: not what `rootcontract probe` prints: ")]
#[case::no_tree(&["osbuild", "armv7"], "armv7: there is no such tree: `ci/tree armv7` makes it")]
fn what_cannot_be_compared_is_told_in_a_line(#[case] sides: &[&str], #[case] line: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let mut command = rootcontract(["diff"]);
    let done = command.args(sides).current_dir(directory.path()).assert().code(2).stdout("");
    let stderr = String::from_utf8_lossy(&done.get_output().stderr).into_owned();
    let last = stderr.lines().rfind(|line| !line.contains("warning: ")).unwrap_or_default();
    assert!(last.starts_with(&format!("rootcontract: {line}")), "{stderr}");
}

#[rstest]
#[case::two_profiles(&["diff", "osbuild-v19", "osbuild-v190"])]
#[case::two_versions(&["diff", "--profile", "osbuild", "0.8.0", "0.12.0"])]
fn a_comparison_of_nothing_is_no_pass(#[case] words: &[&str]) {
    let line = "rootcontract: no clause matches `mount.usr.read-onyl`: `rootcontract clauses` lists them\n";
    let mut diff = rootcontract([]);
    diff.args(words).args(["--only", "mount.usr.read-onyl"]).assert().code(2).stdout("").stderr(line);
}

/// What else differs, such as bubblewrap's own and the kernel's name, was not asked about.
#[test]
fn only_what_was_asked_for_is_compared() {
    let only = ["--profile", "osbuild", "--only", "uts.*", "--only", "process.umask.*"];
    let nothing = || {
        let told = predicate::str::contains("of the host").not().and(predicate::str::contains("run/osbuild").not());
        told.and(predicate::str::ends_with("\nnothing changed that a contract speaks of\n"))
    };
    rootcontract(["diff", "0.4.1", "0.13.1"]).args(only).assert().code(0).stderr("").stdout(nothing());
    rootcontract(["check", "--baseline", "0.4.1"]).args(only).assert().code(0).stdout(nothing());
}

#[test]
fn a_check_tells_what_changed_since_its_baseline() {
    let directory = tempfile::tempdir().expect("a directory");
    let changed = facts_with(directory.path(), "/probe/nodes/~1run~1osbuild/mode", json!("0755"));
    let report = directory.path().join("report.json");
    let format = format!("json={}", report.display());
    rootcontract(["check", "--profile", "osbuild", "--format", &format]).assert().code(0).stdout("");
    let against = |baseline: &Path| {
        let mut command = rootcontract(["check", "--profile", "osbuild", "--baseline"]);
        command.arg(baseline).assert()
    };
    against(&report).code(0).stdout(predicate::str::ends_with("nothing changed that a contract speaks of\n"));
    let told = "rootcontract: check: changed since the baseline: 1 of the contract, 0 without a counterpart\n";
    against(&changed).code(1).stdout(predicate::str::contains("0755 → 0700")).stderr(predicate::str::ends_with(told));
    // What the baseline does not have has no counterpart.
    let told = "rootcontract: check: changed since the baseline: 0 of the contract, 1 without a counterpart\n";
    let mut command = rootcontract(["check", "--baseline"]);
    command.arg(&report).assert().code(1).stderr(predicate::str::ends_with(told));
}

/// A file of one waiver.
fn waivers(directory: &Path, clause: &str, day: &str) -> PathBuf {
    let file = directory.join("waivers.toml");
    let text = format!(
        "schema = \"rootcontract.waivers/1\"\n[[waiver]]\nclause = \"{clause}\"\nreason = \"for a test\"\n\
         owner = \"the suite\"\nexpires = {day}\n"
    );
    std::fs::write(&file, text).expect("a file");
    file
}

#[rstest]
#[case::waived("process.umask.value", "9999-12-31", 0, "1 waived", "")]
#[case::expired("process.umask.value", "2020-01-01", 1, "1 broken", "")]
#[case::not_needed(
    "process.cwd.value",
    "9999-12-31",
    1,
    "1 broken",
    ": process.cwd.value of the suite is not broken: remove the waiver\n"
)]
fn what_is_broken_may_be_waived(
    #[case] clause: &str,
    #[case] day: &str,
    #[case] code: i32,
    #[case] count: &str,
    #[case] told: &str,
) {
    let directory = tempfile::tempdir().expect("a directory");
    let facts = facts_with(directory.path(), "/probe/process/umask", json!("0077"));
    let mut command = rootcontract(["check", "--profile", "osbuild", "--facts"]);
    command.arg(facts).arg("--waivers").arg(waivers(directory.path(), clause, day));
    command.assert().code(code).stdout(predicate::str::contains(count)).stderr(predicate::str::ends_with(told));
}

#[test]
fn a_waiver_that_is_not_needed_fails_what_would_have_passed() {
    let directory = tempfile::tempdir().expect("a directory");
    let facts = facts_with(directory.path(), "/probe/process/umask", json!("0022"));
    let file = waivers(directory.path(), "process.umask.value", "9999-12-31");
    let told = format!(
        "rootcontract: {}: process.umask.value of the suite is not broken: remove the waiver\n",
        file.display()
    );
    let mut command = rootcontract(["check", "--profile", "osbuild", "--facts"]);
    command.arg(facts).arg("--waivers").arg(&file).assert().code(1).stderr(told);
}

#[rstest]
#[case::a_clause(
    "process.umask.valeu",
    ":3: clause: no clause is called `process.umask.valeu`: `rootcontract clauses` lists them\n"
)]
#[case::a_profile("process.umask.value\"\nprofile = \"osbuid", ":4: profile: no contract is of a profile `osbuid`\n")]
fn a_waiver_of_what_is_not_there_is_refused(#[case] clause: &str, #[case] told: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let file = waivers(directory.path(), clause, "9999-12-31");
    let line = format!("rootcontract: {}{told}", file.display());
    rootcontract(["check", "--waivers"]).arg(&file).assert().code(2).stdout("").stderr(line.clone());
    rootcontract(["matrix", "--waivers"]).arg(&file).assert().code(2).stdout("").stderr(line);
}

/// With a bubblewrap that is not there: whoever builds first, says so.
#[rstest]
#[case::waivers(&["--waivers", "/nonexistent"], "read list of waivers /nonexistent: No such file or directory")]
#[case::a_baseline(&["--baseline", "/etc/passwd"], "read facts /etc/passwd: not what `rootcontract probe` prints: ")]
#[case::a_contract(&["--contract", "/nonexistent"], "read contract /nonexistent: No such file or directory")]
#[case::a_pattern(&["--only", "nosuch"], "no clause matches `nosuch`: `rootcontract clauses` lists them")]
#[case::a_report(&["--format", "json=/nonexistent/x"], "write /nonexistent/x: No such file or directory")]
#[case::no_directory(&["--format", "json=/etc/passwd/x"], "write /etc/passwd/x: Not a directory")]
fn what_is_named_is_read_before_anything_is_built(#[case] options: &[&str], #[case] line: &str) {
    let told = predicate::str::starts_with(format!("rootcontract: {line}"));
    let one = predicate::str::is_match("^[^\n]*\n$").expect("a pattern");
    let mut check = rootcontract(["check", "--bwrap", "/nonexistent"]);
    check.args(options).assert().code(2).stdout("").stderr(told.and(one));
}

#[test]
fn a_baseline_is_what_its_schema_says() {
    let printed = rootcontract(["baseline", "--profile", "osbuild"]).assert().code(0).get_output().stdout.clone();
    let baseline = json(&printed);
    valid(&baseline, "baseline");
    assert_eq!(baseline["behaviour"]["code:exit"], "7");
}
