//! The scriptlet's room: the contract's third phase, held with a real package that a real rpm installs.

use std::path::Path;
use std::process::Command;

use rstest::rstest;
use serde_json::Value;

use crate::support::{executable, fixture, probe, supervisor};
use crate::users::assert_held;
use crate::users::ordinary::{Ids, Ordinary};

#[rstest]
#[case::alone(Ids::Alone, "userns-single")]
#[case::with_subordinate_ids(Ids::Subordinate, "userns-subid")]
fn a_user_s_packages_find_what_the_contract_says(#[case] ids: Ids, #[case] privilege: &str) {
    let user = Ordinary::new();
    let done = user.run(ids, &["check", "--phase", "scriptlet", "--format", "json"]);
    assert_held(&done, privilege);
    assert_eq!(String::from_utf8_lossy(&done.stderr), "");
    assert_eq!(user.left(), [""; 0]);
}

/// This machine's rpm installs a program of another architecture, which qemu-user runs.
#[test]
fn a_package_of_another_architecture_finds_the_same() {
    let arch = "aarch64";
    let probe = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/probes").join(arch).join("rootcontract-probe");
    assert!(probe.is_file(), "there is no {}: ci/probes makes it", probe.display());
    let check = ["check", "--profile", "osbuild", "--phase", "scriptlet", "--arch", arch, "--format", "json"];
    let done = Command::new(supervisor()).args(check).arg("--probe").arg(probe).output().expect("a run");
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(0), "{stderr}");
    let document: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    let report = &document["reports"][0];
    let verdict = |id: &str| {
        let findings = report["findings"].as_array().expect("findings");
        let finding = findings.iter().find(|finding| finding["clause"] == id).expect("a finding");
        finding["verdict"].as_str().expect("a verdict").to_owned()
    };
    assert_eq!((report["arch"].as_str(), report["evidence"].as_str()), (Some(arch), Some("user-emulated")));
    assert_eq!(verdict("environment.scriptlet.path"), "held");
    assert_eq!(verdict("device.scriptlet.fd"), "held");
    assert_eq!(verdict("process.chroot.entered"), "not-applicable");
}

/// Who builds of a system without rpm is told so before anything is built.
#[test]
fn a_root_without_rpm_has_no_such_room() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/trees/x86_64");
    let check = ["check", "--profile", "osbuild", "--phase", "scriptlet", "--root"];
    let done = Command::new(supervisor()).args(check).arg(&root).arg("--probe").arg(probe()).output();
    let done = done.expect("a run");
    let line = format!(
        "rootcontract: look into osbuild-v190: phase scriptlet needs usr/bin/rpm in {}: name the root of a system that has it with --root\n",
        root.display()
    );
    assert_eq!((String::from_utf8_lossy(&done.stderr).as_ref(), done.status.code()), (line.as_str(), Some(2)));
    assert_eq!(done.stdout, b"");
}

/// What rpm of a tree that means harm leaves where the probe's words are looked for.
#[rstest]
#[case::a_pipe_that_nobody_writes_into("mkfifo $facts")]
#[case::a_link_to_a_file_of_the_host("ln -s /etc/hostname $facts")]
fn what_a_hostile_rpm_leaves_is_not_opened(#[case] deed: &str) {
    let place = tempfile::tempdir().expect("a directory");
    let root = place.path().join("root");
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/trees/x86_64");
    let copied = Command::new("cp").arg("-a").args([&tree, &root]).status().expect("cp");
    assert!(copied.success());
    let facts = "facts=/run/osbuild/tree/var/tmp/rootcontract-facts";
    for (name, script) in [("rpm", format!("#!/bin/sh\n{facts}\n{deed}\nexit 0\n")), ("mount", String::new())] {
        executable(&root.join("usr/bin").join(name), &script);
    }
    let check = ["check", "--profile", "hardened", "--phase", "scriptlet", "--arch", "x86_64", "--root"];
    let mut patient = Command::new("timeout");
    patient.args(["--signal", "KILL", "30"]).arg(supervisor()).args(check).arg(&root).arg("--probe").arg(probe());
    let done = patient.output().expect("a run");
    let line = "rootcontract: look into hardened: rpm ended without a word of the probe: nothing\n";
    assert_eq!((String::from_utf8_lossy(&done.stderr).as_ref(), done.status.code()), (line, Some(2)));
    assert_eq!(done.stdout, b"");
}

/// The package that is installed anywhere tells of a place that nobody of ours built.
#[test]
fn the_probe_s_package_tells_of_somebody_else_s_room() {
    let directory = tempfile::tempdir().expect("a directory");
    let place = |name: &str| directory.path().join(name);
    let define = |name: &str, value: &Path| ["--define".to_owned(), format!("{name} {}", value.display())];
    let built = Command::new("rpmbuild")
        .args(define("_topdir", &place("build")))
        .args(define("_rpmdir", directory.path()))
        .args(define("_rpmfilename", Path::new("probe.rpm")))
        .args(define("_libexecdir", Path::new("/usr/libexec")))
        .args(define("version_of_probe", Path::new("1")))
        .args(define("probe", &probe()))
        .args(["--quiet", "-bb"])
        .arg(fixture("rpm/room/probe.spec"))
        .env("HOME", directory.path())
        .output()
        .expect("rpmbuild");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let tree = place("tree");
    std::fs::create_dir_all(tree.join("proc")).expect("a tree");
    // Not as the stage does it: there is no /dev, and PATH is all that rpm sees to.
    let [inside, package] = [&tree, &place("probe.rpm")].map(|path| path.to_str().expect("text").to_owned());
    let proc = format!("{inside}/proc");
    let installed = Command::new("bwrap")
        .args(["--unshare-all", "--ro-bind", "/", "/", "--bind", &inside, &inside, "--proc", &proc])
        .args(["rpm", "--root", &inside, "--dbpath", "/db", "--install", &package])
        .output()
        .expect("bwrap");
    let facts = tree.join("var/tmp/rootcontract-facts");
    assert!(facts.is_file(), "{}", String::from_utf8_lossy(&installed.stderr));
    let check = ["check", "--profile", "osbuild", "--phase", "scriptlet", "--format", "json", "--facts"];
    let judged = Command::new(supervisor()).args(check).arg(&facts).output().expect("a run");
    let document: Value = serde_json::from_slice(&judged.stdout).expect("JSON");
    let findings = document["reports"][0]["findings"].as_array().expect("findings");
    let verdict = |id: &str| findings.iter().find(|finding| finding["clause"] == id).map(|finding| &finding["verdict"]);
    assert_eq!(judged.status.code(), Some(1));
    assert_eq!(verdict("environment.scriptlet.path"), Some(&Value::from("held")));
    assert_eq!(verdict("process.chroot.entered"), Some(&Value::from("held")));
    assert_eq!(verdict("path.scriptlet.machine-id"), Some(&Value::from("broken")));
    assert_eq!(verdict("device.null.number"), Some(&Value::from("unknown")));
    assert_eq!(verdict("mount.usr.read-only"), None);
    let compared =
        Command::new(supervisor()).arg("diff").args([&facts, &facts]).arg("--profile").arg("osbuild").output();
    assert_eq!(compared.expect("a run").status.code(), Some(0));
}
