//! Every architecture, both ways: its programs under qemu-user in a tree of their own, and its own kernel and bubblewrap in
//! a machine that qemu-system boots. The cases are the architectures, so that one that is not there fails.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rootcontract::arch::{self, GATED};
use rootcontract::machine::Machine;
use rstest::rstest;
use serde_json::Value;
use serial_test::file_serial;

use crate::support::supervisor;

/// A place below `target/`, which one of our scripts makes.
fn made(place: &str, by: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join(place);
    assert!(path.exists(), "there is no {}: {by} makes it", path.display());
    path
}

fn tree(arch: &str, kind: &str) -> PathBuf {
    made(&format!("trees/{arch}{kind}"), &format!("ci/tree {arch}"))
}

/// The machine of an architecture that `ci/machine` makes unless told otherwise.
fn machine(arch: &str) -> Machine {
    let suite = match arch {
        "x86_64" | "aarch64" => "trixie",
        "ppc64le" | "s390x" => "bookworm",
        _ => "sid",
    };
    let directory = made(&format!("machines/{arch}-{suite}"), &format!("ci/machine {arch}"));
    Machine::open(directory).expect("a machine")
}

fn rootcontract(arguments: &[&str]) -> Output {
    let mut command = Command::new(supervisor());
    command.args(arguments).env_remove("ROOTCONTRACT_PROBE").output().expect("the command")
}

/// What the command printed, which had nothing to object to.
fn said(arguments: &[&str]) -> String {
    let done = rootcontract(arguments);
    assert!(done.status.success(), "{arguments:?}: {}\n{}", done.status, String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("text")
}

fn document(arguments: &[&str]) -> Value {
    serde_json::from_str(&said(arguments)).expect("JSON")
}

/// The verdict and the reason of each clause.
fn verdicts(report: &Value) -> BTreeMap<&str, (&str, &str)> {
    let findings = report["findings"].as_array().expect("findings").iter();
    findings
        .map(|finding| {
            let word = |key: &str| finding[key].as_str().unwrap_or_default();
            (word("clause"), (word("verdict"), word("reason")))
        })
        .collect()
}

/// Both reports of a document: of this architecture, proven like this, with nothing broken or unknown.
fn kept<'a>(document: &'a Value, arch: &str, evidence: &str) -> &'a [Value] {
    let reports = document["reports"].as_array().expect("reports");
    let profiles: Vec<_> = reports.iter().map(|report| report["profile"].as_str().expect("a profile")).collect();
    assert_eq!(profiles, ["osbuild-v19", "osbuild-v190"]);
    assert_eq!(document["failures"], Value::Array(Vec::new()));
    for report in reports {
        assert_eq!((&report["arch"], &report["evidence"]), (&arch.into(), &evidence.into()));
        let amiss: Vec<_> =
            verdicts(report).into_iter().filter(|(_, (word, _))| ["broken", "unknown"].contains(word)).collect();
        assert!(amiss.is_empty(), "{amiss:#?}");
    }
    reports
}

fn held(report: &Value) -> u64 {
    report["summary"]["held"].as_u64().expect("a count")
}

#[rstest]
#[case::x86_64("x86_64")]
#[case::aarch64("aarch64")]
#[case::ppc64le("ppc64le")]
#[case::s390x("s390x")]
#[case::riscv64("riscv64")]
fn a_tree_keeps_what_its_programs_can_tell_and_nothing_is_claimed_of_its_kernel(
    #[case] arch: &str,
    #[values("", "-rpm")] kind: &str,
) {
    let tree = tree(arch, kind);
    let document = document(&["check", "--root", tree.to_str().expect("a path"), "--format", "json"]);
    let native = arch::native().is_some_and(|native| native.name == arch);
    for report in kept(&document, arch, if native { "native" } else { "user-emulated" }) {
        let verdicts = verdicts(report);
        let word = arch.replace('_', "-");
        let told =
            ["loader.path", "link.loader", "loader.machine", "abi.byte-order", "abi.machine", "abi.waiting-request"];
        for clause in told.map(|rule| format!("{rule}.{word}")) {
            assert_eq!(verdicts.get(clause.as_str()).map(|verdict| verdict.0), Some("held"), "{clause}");
        }
        // The kernel's and bubblewrap's part, whoever's they are.
        for clause in ["mount.usr.read-only", "namespace.ipc.own", "capability.effective.granted"] {
            let (verdict, reason) = verdicts.get(clause).unwrap_or_else(|| panic!("no {clause}"));
            let claimed = if native { *verdict == "held" } else { reason.starts_with("user-emulated: ") };
            assert!(claimed, "{clause} is {verdict}: {reason}");
        }
        assert_eq!(verdicts["mount.usr.read-only"].0, if native { "held" } else { "not-applicable" });
        assert!(held(report) >= 100, "only {} held", held(report));
    }
}

/// Programs of the tree, which know nothing of the probe, see what it reports.
#[rstest]
#[case::x86_64("x86_64")]
#[case::aarch64("aarch64")]
#[case::ppc64le("ppc64le")]
#[case::s390x("s390x")]
#[case::riscv64("riscv64")]
fn the_trees_own_programs_agree_with_the_probe(#[case] arch: &str, #[values("", "-rpm")] kind: &str) {
    const SCRIPT: &str = "uname -m; getconf PAGESIZE; printf '\\001\\002' | od -An -tx2; umask; id -u
        stat -c '%a %t:%T' /dev/null; stat -c %a /dev/shm; readlink /bin; pwd; ls /dev | sort | paste -s -d ' '";
    let tree = tree(arch, kind);
    let root = ["--profile", "osbuild-v190", "--root", tree.to_str().expect("a path")];
    let inside = |program: &[&str]| said(&[&["run"], &root[..], &["--"], program].concat());
    let facts = &document(&[&["probe"], &root[..]].concat())["probe"];

    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let octal = |value: &Value| text(value).trim_start_matches('0').to_owned();
    let null = &facts["devices"]["/dev/null"];
    let devices = facts["devices"].as_object().expect("devices").keys();
    let devices: Vec<_> =
        devices.filter_map(|path| path.strip_prefix("/dev/")).filter(|name| !name.contains('/')).collect();
    let expected = [
        text(&facts["kernel"]["machine"]),
        facts["abi"]["page_size"].to_string(),
        if facts["abi"]["byte_order"] == "big" { " 0102" } else { " 0201" }.to_owned(),
        text(&facts["process"]["umask"]),
        facts["user"]["euid"].as_u64().unwrap_or(0).to_string(),
        format!("{} {:x}:{:x}", octal(&null["mode"]), null["major"].as_u64().unwrap(), null["minor"].as_u64().unwrap()),
        octal(&facts["nodes"]["/dev/shm"]["mode"]),
        text(&facts["root"]["bin"]["target"]),
        text(&facts["process"]["cwd"]),
    ];
    let seen = inside(&["/usr/bin/sh", "-c", SCRIPT]);
    let mut lines: Vec<&str> = seen.lines().collect();
    let listing = lines.pop().expect("a listing");
    assert_eq!(lines, expected);
    assert_eq!(listing.split(' ').collect::<Vec<_>>(), devices);

    let environment = inside(&["/usr/bin/env"]);
    let seen: BTreeSet<_> = environment.lines().map(ToOwned::to_owned).collect();
    let variables = facts["environment"].as_object().expect("variables");
    let told: BTreeSet<_> = variables.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
    assert_eq!(seen, told);
}

#[test]
fn a_kernel_with_pages_of_64_kib_is_told_by_the_probe() {
    let probe = made("probes/ppc64le/rootcontract-probe", "ci/probes ppc64le");
    let done = Command::new("qemu-ppc64le-static").args(["-p", "65536"]).arg(probe).arg("--passive").output();
    let done = done.expect("qemu-ppc64le-static: ci/setup test installs it");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), &done.stdout).expect("facts");
    let facts = file.path().to_str().expect("a path");
    let only = ["--only", "abi.page-size.*", "--format", "json"];
    let document = document(&[&["check", "--profile", "osbuild-v190", "--facts", facts], &only[..]].concat());
    let finding = &document["reports"][0]["findings"][0];
    assert_eq!((&finding["clause"], &finding["verdict"]), (&"abi.page-size.ppc64le".into(), &"held".into()));
    assert!(finding["found"].as_str().is_some_and(|found| found.contains("65536")), "{finding}");
}

// Each takes a processor to itself.
#[rstest]
#[case::x86_64("x86_64")]
#[case::aarch64("aarch64")]
#[case::ppc64le("ppc64le")]
#[case::s390x("s390x")]
#[case::riscv64("riscv64")]
#[file_serial(machines)]
fn a_machine_keeps_the_contract_with_its_own_kernel_and_its_own_bubblewrap(#[case] arch: &str) {
    let machine = machine(arch);
    let image = machine.directory().to_str().expect("a path");
    let run = ["machine", "run", image, "--timeout", "10m", "--", "check", "--format", "json"];
    let document = document(&run);
    for report in kept(&document, arch, "system-emulated") {
        assert_eq!(report["kernel"], machine.description().kernel.as_str());
        let package = report["bwrap"]["package"].as_str().expect("a package");
        assert!(package.ends_with(&machine.description().bubblewrap), "{package}");
        // Some twenty fewer than here is what an architecture lacks: no ACPI, no MTRR.
        assert!(held(report) >= 360, "only {} held", held(report));
    }
}

#[test]
fn the_machines_have_three_series_of_kernels() {
    let series = |arch: &str| machine(arch).description().kernel.split('.').take(2).collect::<Vec<_>>().join(".");
    let kernels: BTreeSet<_> = GATED.into_iter().map(series).collect();
    assert!(kernels.len() >= 3, "{kernels:?}");
}

#[rstest]
#[case::no_such_architecture(&["--arch", "m68k"], "error: invalid value 'm68k' for '--arch <ARCH>'\n")]
#[case::tree_of_another(
    &["--root", "{s390x}", "--arch", "riscv64"],
    "rootcontract: the root {s390x} is not of riscv64: its /usr/bin/sh is a program of s390x\n"
)]
#[case::probe_of_another(
    &["--root", "{s390x}", "--profile", "osbuild", "--probe", "{probe}"],
    "rootcontract: look into osbuild-v190: the probe {probe} is a program of riscv64, and the root is of s390x: ci/probes s390x builds the right one\n"
)]
fn what_does_not_go_together_is_told_in_a_line(#[case] arguments: &[&str], #[case] line: &str) {
    let tree = tree("s390x", "");
    let probe = made("probes/riscv64/rootcontract-probe", "ci/probes riscv64");
    let named = |text: &str| {
        text.replace("{s390x}", tree.to_str().expect("a path")).replace("{probe}", probe.to_str().expect("a path"))
    };
    let arguments: Vec<_> = ["check"].iter().chain(arguments).map(|&word| named(word)).collect();
    let done = rootcontract(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let talk = String::from_utf8(done.stderr).expect("text");
    assert_eq!((done.status.code(), done.stdout.len()), (Some(2), 0), "{talk}");
    assert!(talk.starts_with(&named(line)), "{talk}");
}
