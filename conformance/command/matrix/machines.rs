//! Machines in a matrix. Those here are shell scripts in the emulator's place: they do what no machine of ours would.

use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::sync::LazyLock;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

use super::{gists, json, rootcontract, talk, valid};
use crate::support::{comes_true, executable, supervisor};

/// What a machine of this architecture would report, once for all: what is seen here, said to be emulated.
static REPORT: LazyLock<Value> = LazyLock::new(|| {
    let mut document = json(&rootcontract(["check", "--format", "json"]).assert().code(0).get_output().stdout);
    for report in document["reports"].as_array_mut().expect("reports") {
        report["evidence"] = "system-emulated".into();
        for finding in report["findings"].as_array_mut().expect("findings") {
            finding["evidence"] = "system-emulated".into();
        }
    }
    document
});

fn native() -> &'static str {
    rootcontract::arch::native().expect("an architecture of the table").name
}

/// Announces `report` and `said`, with the exit code `$code`.
const SENDS: &str = r#"set -- $(cksum < report) $(cksum < said)
echo "rootcontract-machine ${code:-0} $1 $2 $3 $4" >&$port
"#;
/// Where a script finds its files, and the descriptor of its port.
const BEGINS: &str = r#"#!/bin/bash
cd "$(dirname "$0")"
arguments="$*"
port=${arguments##*socket,id=port,fd=}
port=${port%% *}
"#;

/// A machine called `machine` that does this. Bash, for descriptors of more than one digit.
fn machine(script: &str, report: &[u8]) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let machine = directory.path().join("machine");
    std::fs::create_dir(&machine).expect("a directory");
    let description = format!(
        "schema = \"rootcontract.machine/1\"\narch = \"{}\"\nsuite = \"none\"\nkernel = \"1.0\"\nbubblewrap = \"0.8.0\"\n\
         emulator = [\"./emulator\"]\nimage = \"kernel\"\ninitramfs = [\"initramfs\"]\ncmdline = \"quiet\"\n",
        native()
    );
    let files = [("machine.toml", description.as_bytes()), ("report", report), ("said", b""), ("initramfs", b"")];
    for (name, content) in files {
        std::fs::write(machine.join(name), content).expect("a file");
    }
    executable(&machine.join("emulator"), &format!("{BEGINS}{script}\n"));
    directory
}

/// `matrix` of such a machine.
fn matrix(directory: &Path, options: &[&str]) -> Process {
    let mut matrix = Process::new(supervisor());
    matrix.args(["matrix", "--machine"]).arg(directory.join("machine")).args(options).env("RUST_BACKTRACE", "1");
    matrix
}

/// A report that is whole, with `change` made to it.
fn whole(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut document = REPORT.clone();
    change(&mut document);
    serde_json::to_vec_pretty(&document).expect("JSON")
}

#[test]
fn a_machine_is_booted_once_for_all_profiles() {
    let script = format!("echo booted >> boots; {SENDS} cat report said >&$port");
    let directory = machine(&script, &whole(|_| ()));
    let done = matrix(directory.path(), &["--format", "json"]).output().expect("a run");
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(talk(&done.stderr), "rootcontract: 1/1 machine: osbuild-v19 held, osbuild-v190 held (T s)\n");
    let document = json(&done.stdout);
    valid(&document, "report");
    let mut expected = REPORT.clone();
    for report in expected["reports"].as_array_mut().expect("reports") {
        report["place"] = "machine".into();
    }
    assert_eq!(gists(&document), gists(&expected));
    let boots = std::fs::read_to_string(directory.path().join("machine/boots"));
    assert_eq!(boots.expect("the boots"), "booted\n");
}

#[test]
fn a_machine_says_what_is_broken_in_it() {
    let report = whole(|document| {
        let report = &mut document["reports"][1];
        let counts = report["summary"].as_object_mut().expect("counts");
        counts["broken"] = 1.into();
        counts["held"] = (counts["held"].as_u64().expect("a number") - 1).into();
        let mut findings = report["findings"].as_array_mut().expect("findings").iter_mut();
        let held = findings.find(|finding| finding["verdict"] == "held").expect("one that is held");
        held["verdict"] = "broken".into();
        held["found"] = "\u{1b}[31mred".into();
    });
    let directory = machine(&format!("code=1; {SENDS} cat report said >&$port"), &report);
    let done = matrix(directory.path(), &[]).output().expect("a run");
    let talk = talk(&done.stderr);
    assert_eq!(talk, "rootcontract: 1/1 machine: osbuild-v19 held, osbuild-v190 1 broken (T s)\n");
    let table = String::from_utf8(done.stdout).expect("text");
    assert!(done.status.code() == Some(1) && table.contains("\n  in        machine (osbuild-v190)\n"), "{table}");
    assert!(table.contains("\n  found     \\x1b[31mred\n") && !table.contains('\u{1b}'), "{table}");
}

const PANIC: &str = "echo 'Kernel panic - not syncing: no init'";
const WHOLE: &str = "cat report said >&$port";

#[rstest]
#[case::panics(PANIC, &[], "the machine panicked after T s", &["Kernel panic - not syncing: no init"])]
#[case::hangs("echo booting; exec sleep 1000", &["--timeout", "3s"], "the machine did not report within T s; --timeout gives it more", &["booting"])]
#[case::says_nothing("echo booting", &[], "the machine ended after T s without a report", &["booting"])]
#[case::sends_half("echo rootcontract-machine 0 1 5000 1 0 >&$port; head -c 1000 report >&$port", &[], "the machine ended after T s with half a report, 1034 bytes of it", &[])]
#[case::is_damaged("SENDS tr h H < report >&$port", &[], "what the machine sent is no report: the check sum of its stdout is wrong", &[])]
#[case::is_no_machine("echo 'no such device' >&2; exit 1", &[], "./emulator exited with 1: no such device", &[])]
#[case::cannot_run_the_command("code=127; SENDS WHOLE", &[], "the command inside ended with 127: there is no rootcontract in the machine", &[])]
#[case::has_no_bwrap("code=2; : > report; echo 'rootcontract: there is no bwrap' > said; SENDS WHOLE", &[], "the command inside ended with 2: there is no bwrap", &[])]
#[case::reports_of_less("sed -i 's/osbuild-v190/osbuild-v19/' report; SENDS WHOLE", &[], "the machine reports of osbuild-v19, osbuild-v19, not of osbuild-v19, osbuild-v190", &[])]
#[case::is_of_another_architecture("sed -i 's/\"arch\": .*/\"arch\": \"m68k\",/' report; SENDS WHOLE", &[], "the machine says it is m68k, and it is NATIVE", &[])]
#[case::says_it_is_real("sed -i 's/system-emulated/native/' report; SENDS WHOLE", &[], "the machine does not say that it is emulated", &[])]
#[case::has_an_old_contract("sed -i 's/process.no-new-privs.*\"/process.other\"/' report; SENDS WHOLE", &["--profile", "osbuild-v19", "--profile", "osbuild"], "the machine has another contract of osbuild-v19: is it an old one? `ci/machine NATIVE` makes it anew", &[])]
#[case::sends_something_else("echo '{}' > report; SENDS WHOLE", &[], "what the machine sent is no report: not what `rootcontract check --format json` prints: missing field `schema` at line 1 column 2", &[])]
fn a_machine_that(#[case] script: &str, #[case] options: &[&str], #[case] reason: &str, #[case] console: &[&str]) {
    let script = script.replace("SENDS", SENDS).replace("WHOLE", WHOLE);
    let reason = reason.replace("NATIVE", native());
    let directory = machine(&script, &whole(|_| ()));
    let done = matrix(directory.path(), options).output().expect("a run");
    let said: String = console.iter().map(|said| format!("rootcontract: machine: console: {said}\n")).collect();
    let talk = talk(&done.stderr);
    assert_eq!(talk, format!("{said}rootcontract: 1/1 machine: could not be checked: {reason} (T s)\n"));
    let table = String::from_utf8(done.stdout).expect("text");
    assert_eq!(done.status.code(), Some(2), "{table}");
    let arch = native();
    let row = format!("machine  {arch}                           ? not checked  ? not checked\n");
    let end = "\n? 2 cells could not be checked\n  machine (osbuild-v19, osbuild-v190)\n  reason    ";
    assert!(table.contains(&row) && table.contains(end), "{table}");
}

#[test]
fn what_is_no_machine_could_not_be_checked() {
    let directory = tempfile::tempdir().expect("a directory");
    let done = matrix(directory.path(), &[]).output().expect("a run");
    let reason = format!(
        "open machine {}/machine: read machine.toml (`ci/machine ARCH` makes machines in target/machines): No such file \
         or directory",
        directory.path().display()
    );
    let talk = talk(&done.stderr);
    assert_eq!(talk, format!("rootcontract: 1/1 machine: could not be checked: {reason} (T s)\n"));
    assert_eq!(done.status.code(), Some(2));
}

#[test]
fn a_usual_machine_of_another_architecture_is_told() {
    let other = if native() == "s390x" { "riscv64" } else { "s390x" };
    let directory = machine(PANIC, b"");
    let machines = directory.path().join("target/machines");
    std::fs::create_dir_all(&machines).expect("a directory");
    std::fs::rename(directory.path().join("machine"), machines.join(format!("{other}-sid"))).expect("moved");
    let mut matrix = rootcontract(["matrix", "--arch", other, "--in", "machines"]);
    let assert = matrix.current_dir(directory.path()).assert().code(2);
    let reason = format!("it is a machine of {}, not of {other}", native());
    let line = format!("rootcontract: 1/1 {other}-sid: could not be checked: {reason} (T s)\n");
    assert_eq!(talk(&assert.get_output().stderr), line);
}

#[test]
fn two_machines_of_one_name_are_refused() {
    let [one, other] = [machine(PANIC, b""), machine(PANIC, b"")];
    let [first, second] = [&one, &other].map(|directory| directory.path().join("machine").display().to_string());
    let told = format!(
        "rootcontract: {first} and {second} are both called machine in reports: give one directory another name\n"
    );
    let two = ["matrix", "--machine", &first, "--machine", &second];
    rootcontract(two).assert().code(2).stdout("").stderr(told);
}

#[rstest]
#[case::interrupt(Signal::SIGINT)]
#[case::terminate(Signal::SIGTERM)]
#[case::hang_up(Signal::SIGHUP)]
fn a_signal_ends_everything(#[case] signal: Signal) {
    // One machine that hangs and one that waits for its turn, and a time that nobody else sleeps.
    let mark = format!("98{}.{}", signal as i32, std::process::id());
    let directory = machine(&format!("sleep {mark} & echo $! > sleeper; wait"), b"");
    let waiting = machine("echo > booted", b"");
    let second = waiting.path().join("second");
    std::fs::rename(waiting.path().join("machine"), &second).expect("moved");
    let mut matrix = matrix(directory.path(), &["--jobs", "1", "--machine"]);
    let child = matrix.arg(&second).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    let sleeper = || std::fs::read_to_string(directory.path().join("machine/sleeper")).unwrap_or_default();
    assert!(comes_true(|| sleeper().ends_with('\n')), "the machine was never booted");
    let asleep = format!("/proc/{}/cmdline", sleeper().trim());
    assert!(comes_true(|| std::fs::read(&asleep).is_ok_and(|line| line.starts_with(b"sleep"))));
    kill(Pid::from_raw(child.id().try_into().expect("a pid")), signal).expect("a signal");
    let done = child.wait_with_output().expect("its end");
    let line = format!("rootcontract: matrix: ended by signal {}\n", signal as i32);
    assert_eq!((String::from_utf8_lossy(&done.stderr).as_ref(), done.stdout.as_slice()), (line.as_str(), &b""[..]));
    assert_eq!(done.status.code(), Some(128 + signal as i32));
    assert!(comes_true(|| !Path::new(&asleep).exists()), "the machine is still on");
    assert!(!second.join("booted").exists(), "a machine was booted after the end");
}
