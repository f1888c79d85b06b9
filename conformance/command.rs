//! The command: what it prints, where to, and what it exits with.

mod bubblewraps;
mod compared;
mod doctor;
mod documents;
mod foreign;
mod hazards;
mod interrupted;
mod matrix;
mod privacy;
mod runs;
mod saved;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command as Process, Stdio};

use assert_cmd::Command;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use predicates::prelude::*;
use rstest::rstest;
use serde_json::Value;

use crate::support::supervisor;

/// The command, with backtraces asked for: none may be seen.
fn rootcontract<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new(supervisor());
    command.args(arguments).env("RUST_BACKTRACE", "1").env_remove("ROOTCONTRACT_PROBE");
    command
}

/// The command in namespaces of its own, made by `unshare` with these options, where `deed` was done first.
pub fn inside(unshare: &[&str], deed: &str, arguments: &[&str]) -> Process {
    let mut process = Process::new("unshare");
    process.args(unshare).args(["sh", "-c", &format!("set -e; {deed}\nexec \"$0\" \"$@\"")]).arg(supervisor());
    process.args(arguments).env("RUST_BACKTRACE", "1").env_remove("ROOTCONTRACT_PROBE");
    process
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

#[rstest]
#[case::root_missing(&["--root", "/nonexistent"], "cannot open the root /nonexistent: No such file or directory")]
#[case::root_empty(&["--root", "/proc/self/fdinfo"], "the root /proc/self/fdinfo has no usr directory: name the root of an installed system")]
#[case::no_bwrap(&["--bwrap", "/nonexistent"], "cannot use /nonexistent as bwrap: No such file or directory")]
#[case::bwrap_is_a_directory(&["--bwrap", "/usr"], "cannot use /usr as bwrap: Is a directory")]
#[case::bwrap_not_executable(&["--bwrap", "/etc/passwd"], "cannot use /etc/passwd as bwrap: Permission denied")]
#[case::libdir_missing(&["--libdir", "/nonexistent"], "cannot use /nonexistent as the libdir: No such file or directory")]
fn what_cannot_be_opened_is_told_in_a_line(#[case] options: &[&str], #[case] line: &str) {
    for (verb, code, start) in [("check", 2, "look into osbuild-v19: "), ("run", 125, "")] {
        let mut command = rootcontract([verb, "--capabilities", "inherit"]);
        command.args(options);
        if verb == "run" {
            command.args(["--", "/usr/bin/true"]);
        }
        // The tree is looked at before any profile is.
        let start = if options[0] == "--root" { "" } else { start };
        command.assert().code(code).stdout("").stderr(format!("rootcontract: {start}{line}\n"));
    }
}

#[rstest]
#[case::no_contract(&["check", "--contract", "/nonexistent"], "read contract /nonexistent: No such file or directory")]
#[case::no_facts(&["check", "--facts", "/nonexistent"], "read facts /nonexistent: No such file or directory")]
#[case::facts_without_end(&["check", "--facts", "/dev/zero"], "read facts /dev/zero: the probe's output is longer than 4 MiB")]
#[case::empty_facts(&["check", "--facts", "/dev/null"], "read facts /dev/null: not what `rootcontract probe` prints: EOF while parsing a value at line 1 column 0")]
#[case::two_on_stdout(&["check", "--format", "json", "--format", "human"], "two formats would go to standard output: give all but one a file, as in --format json=FILE")]
#[case::no_such_clause(&["clauses", "--only", "mount.\u{1b}2J"], r"no clause matches `mount.\x1b2J`: `rootcontract clauses` lists them")]
#[case::a_typo(&["explain", "--profile", "osbuild", "mount.usr.read-onyl"], "no clause is called `mount.usr.read-onyl`: did you mean mount.usr.read-only, mount.sys.read-only, mount.usr.remountable?")]
#[case::nothing_like_it(&["explain", "zzz"], "no clause is called `zzz`: `rootcontract clauses` lists them")]
#[case::another_architecture(&["probe", "--arch", "s390x"], "the root / is not of s390x: its /usr/bin/sh is a program of x86_64")]
#[case::full_disk(&["schema", "report"], "write to standard output: No space left on device")]
fn what_cannot_be_done_is_told_in_a_line(#[case] arguments: &[&str], #[case] line: &str) {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    let mut process = Process::new(supervisor());
    let done = process.args(arguments).env("RUST_BACKTRACE", "1").stdout(full).output().expect("a run");
    assert_eq!(String::from_utf8_lossy(&done.stderr), format!("rootcontract: {line}\n"));
    assert_eq!(done.status.code(), Some(2));
}

#[rstest]
#[case::check(&["check", "--bogus"], 2)]
#[case::no_subcommand(&[], 2)]
#[case::unknown_profile(&["probe", "--profile", "v1"], 2)]
#[case::two_profiles_where_one_can_be(&["plan", "--profile", "osbuild", "--profile", "osbuild-v19"], 2)]
#[case::unknown_capability(&["check", "--capabilities", "CAP_FLY"], 2)]
#[case::run(&["run", "--bogus"], 125)]
#[case::run_without_a_command(&["run"], 125)]
#[case::run_with_a_bad_time(&["run", "--timeout", "soon", "--", "/usr/bin/true"], 125)]
fn bad_usage_is_told_on_stderr(#[case] arguments: &[&str], #[case] code: i32) {
    let told = predicate::str::contains("Usage: rootcontract").or(predicate::str::contains("For more information"));
    rootcontract([]).args(arguments).assert().code(code).stdout("").stderr(told);
}

#[rstest]
#[case::check("check")]
#[case::probe("probe")]
#[case::run("run")]
#[case::plan("plan")]
#[case::contract("contract")]
#[case::clauses("clauses")]
#[case::explain("explain")]
#[case::prove("prove")]
#[case::matrix("matrix")]
#[case::machine("machine")]
#[case::report("report")]
#[case::doctor("doctor")]
#[case::diff("diff")]
#[case::baseline("baseline")]
#[case::upgrade_check("upgrade-check")]
#[case::schema("schema")]
fn help_has_examples_and_fits(#[case] verb: &str) {
    let fits = predicate::function(|help: &str| help.lines().all(|line| line.chars().count() <= 100));
    let examples = predicate::str::contains(format!("\nExamples:\n  rootcontract {verb}"));
    rootcontract([verb, "--help"]).assert().code(0).stderr("").stdout(examples.and(fits));
}

#[test]
fn output_passes_through_byte_for_byte_with_the_status() {
    let script = r"printf '\377\000out'; printf 'err\033' >&2; exit 7";
    let assert =
        rootcontract(["run", "--quiet", "--capabilities", "inherit", "--", "/usr/bin/sh", "-c", script]).assert();
    assert.code(7).stdout(&b"\xff\0out"[..]).stderr(&b"err\x1b"[..]);
}

#[rstest]
#[case::not_found("/usr/bin/nonexistent", 127, "rootcontract: run: no such program in the build root\n")]
#[case::not_executable("/usr", 126, "rootcontract: run: can't be executed in the build root\n")]
fn a_program_that_cannot_start_has_a_code_of_its_own(#[case] program: &str, #[case] code: i32, #[case] line: &str) {
    let told = predicate::str::starts_with("bwrap: ").and(predicate::str::ends_with(line.to_owned()));
    rootcontract(["run", "--quiet", "--capabilities", "inherit", "--", program])
        .assert()
        .code(code)
        .stdout("")
        .stderr(told);
}

#[test]
fn a_signal_inside_is_128_and_its_number() {
    let script = "kill -KILL $$";
    rootcontract(["run", "--quiet", "--capabilities", "inherit", "--", "/usr/bin/sh", "-c", script])
        .assert()
        .code(137)
        .stderr("");
}

#[test]
fn time_that_is_up_is_told_and_written_down() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("status.json");
    let mut command =
        rootcontract(["run", "--quiet", "--capabilities", "inherit", "--timeout", "300ms", "--status-file"]);
    command.arg(&file).args(["--", "/usr/bin/sleep", "60"]);
    command.assert().code(124).stdout("").stderr("rootcontract: run: ended after 300ms\n");
    let status = json(&std::fs::read(&file).expect("a status"));
    let report = &status["reports"][0];
    assert_eq!(status["schema"], "rootcontract.status/1");
    assert_eq!((&report["outcome"], &report["exit_code"]), (&"deadline-exceeded".into(), &124.into()), "{report}");
    assert_eq!(std::fs::read_dir(directory.path()).expect("the directory").count(), 1);
}

#[test]
fn a_failure_of_ours_is_written_down_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("status.json");
    let mut command = rootcontract(["run", "--bwrap", "/nonexistent", "--status-file"]);
    command.arg(&file).args(["--", "/usr/bin/true"]).assert().code(125);
    let report = json(&std::fs::read(&file).expect("a status"))["reports"][0].take();
    assert_eq!(report["outcome"], "failed");
    assert_eq!(report["message"], "cannot use /nonexistent as bwrap: No such file or directory");
}

#[test]
fn binds_are_pairs_so_that_colons_are_no_trouble() {
    let directory = tempfile::tempdir().expect("a directory");
    let source = directory.path().join("a:b");
    std::fs::create_dir(&source).expect("a directory");
    std::fs::write(source.join("file"), "content").expect("a file");
    let script = "cat /mnt/r:o/file; echo new > /mnt/r:w/new; echo no > /mnt/r:o/no; echo $WORD";
    let mut command =
        rootcontract(["run", "--quiet", "--capabilities", "inherit", "--setenv", "WORD", "-x=y", "--bind"]);
    command.arg(&source).arg("/mnt/r:w").arg("--ro-bind").arg(&source).arg("/mnt/r:o");
    let refused = predicate::str::contains("Read-only file system");
    command.args(["--", "/usr/bin/sh", "-c", script]).assert().code(0).stdout("content-x=y\n").stderr(refused);
    assert_eq!(std::fs::read_to_string(source.join("new")).expect("the new file"), "new\n");
    assert!(!source.join("no").exists());
}

#[test]
fn a_signal_to_us_reaches_the_payload_first() {
    // No child: the shell would talk about its end too.
    let script = "trap 'echo ended; exit 3' TERM; echo ready; while :; do :; done";
    let mut child = Process::new(supervisor())
        .args(["run", "--quiet", "--capabilities", "inherit", "--", "/usr/bin/sh", "-c", script])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    let mut stdout = BufReader::new(child.stdout.take().expect("stdout"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\n");
    kill(Pid::from_raw(child.id().try_into().expect("a pid")), Signal::SIGTERM).expect("a signal");
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("the rest");
    let done = child.wait_with_output().expect("its end");
    assert_eq!((rest.as_str(), done.status.code()), ("ended\n", Some(143)));
    assert_eq!(String::from_utf8_lossy(&done.stderr), "rootcontract: run: ended by signal 15\n");
}

#[rstest]
#[case::a_table(&["clauses"], 0)]
#[case::help(&["--help"], 0)]
#[case::a_payload(&["run", "--quiet", "--capabilities", "inherit", "--", "/usr/bin/yes"], 141)]
fn a_closed_pipe_is_a_quiet_end(#[case] arguments: &[&str], #[case] code: i32) {
    let (reader, writer) = std::os::unix::net::UnixStream::pair().expect("a pair");
    drop(reader);
    let stdout = Stdio::from(std::os::fd::OwnedFd::from(writer));
    let done = Process::new(supervisor()).args(arguments).stdout(stdout).output().expect("a run");
    assert_eq!((String::from_utf8_lossy(&done.stderr).as_ref(), done.status.code()), ("", Some(code)));
}

#[test]
fn a_check_is_a_table_and_a_document_at_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("report.json");
    let format = format!("json={}", file.display());
    let check = ["check", "--format", "human", "--format", &format];
    let no_colour = predicate::str::contains('\u{1b}').not();
    let lines = predicate::function(|table: &str| table.lines().all(|line| line.chars().count() <= 100));
    let total = predicate::str::contains("\nosbuild-v19: ").and(predicate::str::contains("\nosbuild-v190: "));
    rootcontract(check).assert().code(0).stdout(total.and(no_colour).and(lines));
    let report = json(&std::fs::read(&file).expect("a report"));
    valid(&report, "report");
    let counts = |report: &Value| report["summary"].as_object().expect("counts").clone();
    for report in report["reports"].as_array().expect("reports") {
        let findings = report["findings"].as_array().expect("findings").len() as u64;
        assert!(findings >= 120, "{findings} clauses");
        assert_eq!(findings, counts(report).values().filter_map(Value::as_u64).sum::<u64>(), "{}", report["summary"]);
        assert_eq!(report["summary"]["unknown"], 0);
    }
}

#[test]
fn saved_facts_are_judged_like_fresh_ones() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("facts.json");
    let printed = rootcontract(["probe"]).assert().code(0).get_output().stdout.clone();
    valid(&json(&printed), "facts");
    std::fs::write(&file, printed).expect("a file");
    let total =
        predicate::str::is_match(r"\nosbuild-v190: \d+ held, \d+ not applicable; ⚠ \d+ that hold are hazards\n$");
    let check = rootcontract(["check", "--facts"]).arg(&file).assert();
    check.code(0).stderr("").stdout(total.expect("a pattern"));
}

#[test]
fn facts_of_somebody_elses_sandbox_are_never_all_held() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("facts");
    let sealed = Process::new(crate::support::probe()).arg("--passive").output().expect("facts").stdout;
    std::fs::write(&file, &sealed).expect("a file");
    let whose = format!(
        "rootcontract: facts {} do not say of which profile they are: say with --profile or --contract what to hold \
         them to\n",
        file.display()
    );
    rootcontract(["check", "--facts"]).arg(&file).assert().code(2).stdout("").stderr(whose);
    let broken = predicate::str::is_match(r"\nosbuild-v190: \d+ broken, \d+ unknown, ").expect("a pattern");
    rootcontract(["check", "--profile", "osbuild", "--facts"]).arg(&file).assert().code(1).stderr("").stdout(broken);
    std::fs::write(&file, sealed.split_last_chunk::<90>().expect("more than that").0).expect("a file");
    let cut = format!("rootcontract: read facts {}: the probe's output does not end with its seal\n", file.display());
    rootcontract(["check", "--facts"]).arg(&file).assert().code(2).stdout("").stderr(cut);
}

#[test]
fn a_contract_of_ones_own_is_held_against_the_root() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("mine.toml");
    let contract = r#"
schema = "rootcontract.contract/1"
profile = "mine"
version = 1
says = "an example"
upstream = { project = "none", commit = "none", release = "none" }

[[clause]]
id = "process.umask"
level = "must"
says = "Nobody else can write."
why = "An example."
origin = "this test"
since = "today"
expect.fact = { path = "process.umask", equals = "0077" }
"#;
    std::fs::write(&file, contract).expect("a file");
    let which = format!(
        "rootcontract: contract {} is about profile `mine`, which can't be built: name one that can with --profile\n",
        file.display()
    );
    rootcontract(["check", "--contract"]).arg(&file).assert().code(2).stdout("").stderr(which);
    let first = "✘ process.umask is broken (must)\n  says      Nobody else can write.\n  expected  ";
    let told = predicate::str::contains(first).and(predicate::str::contains("\nmine: 1 broken\n"));
    let line = predicate::str::contains("\nd=$(mktemp -d) && ");
    let mut check = rootcontract(["check", "--profile", "osbuild", "--capabilities", "inherit", "--contract"]);
    check.arg(&file).assert().code(1).stderr("").stdout(told.and(line));
    let remark = predicate::str::contains("mine.toml:1: no clause closes mounts");
    rootcontract(["contract", "lint"]).arg(&file).assert().code(1).stderr("").stdout(remark);
    std::fs::write(&file, contract.replace("must", "shall")).expect("a file");
    let line = predicate::str::starts_with(format!("rootcontract: {}:10: level: ", file.display()));
    rootcontract(["contract", "lint"]).arg(&file).assert().code(2).stdout("").stderr(line);
}

/// A report has the name of its contract, and is about no sandbox of another.
#[test]
fn a_contract_of_one_profile_is_not_held_against_another() {
    let contract = concat!(env!("CARGO_MANIFEST_DIR"), "/conformance/contract/osbuild-v190.toml");
    let line = format!(
        "rootcontract: contract {contract} is about osbuild-v190, and --profile says hardened: leave that out, or take its own contract\n"
    );
    let check = ["check", "--contract", contract, "--profile", "hardened"];
    rootcontract(check).assert().code(2).stdout("").stderr(line);
    let held = predicate::str::starts_with("osbuild-v190 on ");
    let check = ["check", "--contract", contract, "--profile", "osbuild", "--only", "uts.*"];
    rootcontract(check).assert().code(0).stdout(held);
}

#[rstest]
#[case::v19("osbuild-v19")]
#[case::v190("osbuild-v190")]
fn the_line_of_a_plan_works_when_it_is_pasted(#[case] profile: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let script = "cat /dev/full | head -c 1; test -c /dev/null && test -d /run/osbuild/lib && echo pasted";
    let plan = rootcontract(["plan", "--profile", profile, "--", "/usr/bin/sh", "-c", script]).assert().code(0);
    let text = String::from_utf8(plan.get_output().stdout.clone()).expect("text");
    let line = text.lines().last().expect("a line");
    let done = Process::new("bash").args(["-c", line]).env("TMPDIR", directory.path()).output().expect("bash");
    assert_eq!(String::from_utf8_lossy(&done.stderr), "", "{line}");
    assert_eq!(done.stdout, b"\0pasted\n");
}

#[rstest]
#[case::contract("contract")]
#[case::facts("facts")]
#[case::report("report")]
#[case::doctor("doctor")]
#[case::diff("diff")]
#[case::baseline("baseline")]
#[case::upgrade("upgrade")]
fn the_schemas_in_the_tree_are_those_printed(#[case] document: &str) {
    rootcontract(["schema", document]).assert().code(0).stderr("").stdout(kept(document));
}

fn kept(document: &str) -> String {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/schema");
    std::fs::read_to_string(directory.join(format!("{document}.schema.json"))).expect("a schema in the tree")
}

pub fn valid(document: &Value, of: &str) {
    let validator = jsonschema::validator_for(&json(kept(of).as_bytes())).expect("a schema");
    let errors: Vec<_> = validator.iter_errors(document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
}
