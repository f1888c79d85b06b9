//! `run --profile hardened --allow mounts`: a payload mounts, and that changes nothing outside.

use std::path::PathBuf;
use std::process::{Command as Process, Output};

use rstest::rstest;

use crate::support::{bubblewrap, supervisor};
use crate::users::ordinary::{Ids, Ordinary};

/// Mounts, undoes what is read-only, and tries what that would be good for: an exit code of 0 for each deed that succeeded.
const DEEDS: &str = "mkdir /tmp/m; mount -t tmpfs none /tmp/m; echo mount $?
    mount --bind /etc /tmp/m; echo bind $?
    mount -o remount,bind,rw /proc/sys; echo remount $?
    for setting in kernel/core_pattern vm/drop_caches kernel/printk; do (: >> /proc/sys/$setting); echo write $?; done
    mount -t devtmpfs none /tmp/m; echo devices $?
    mount -t proc none /tmp/m; echo proc $?
    (: >> /tmp/m/sys/kernel/core_pattern); echo write $?
    mount -t sysfs none /tmp/m; echo sys $?
    mknod /tmp/node b 254 0; echo node $?
    unshare --user true; echo user $?
    : > /var/own; echo own $?";

const OUTCOMES: [(&str, bool); 13] = [
    ("mount", true),
    ("bind", true),
    ("remount", true),
    ("write", false),
    ("write", false),
    ("write", false),
    ("devices", false),
    // What is masked shows again, to the extent that it shows to every user of the host.
    ("proc", true),
    ("write", false),
    ("sys", false),
    ("node", false),
    ("user", false),
    ("own", true),
];

fn assert_contained(done: &Output) {
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let outcomes: Vec<_> =
        said.lines().filter_map(|line| line.split_once(' ')).map(|(deed, code)| (deed, code == "0")).collect();
    assert_eq!(outcomes, OUTCOMES, "{}", String::from_utf8_lossy(&done.stderr));
}

const ALLOWED: [&str; 5] = ["run", "--allow", "mounts", "--profile", "hardened"];

fn root(options: &[&str], script: &str) -> Output {
    let mut command = Process::new(supervisor());
    command.args(ALLOWED).args(options).args(["--", "/usr/bin/bash", "-c", script]).output().expect("a run")
}

#[test]
fn root_of_the_host_is_nobody_where_root_s_payload_mounts() {
    let done = root(&[], "cat /proc/self/uid_map; id -u; stat -c %u /usr");
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let words: Vec<_> = said.split_whitespace().collect();
    assert_eq!(words, ["0", "524288", "65536", "0", "65534"], "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn what_a_payload_of_root_s_mounts_reaches_nothing() {
    assert_contained(&root(&[], DEEDS));
}

#[rstest]
fn with_each_bubblewrap_as_well(#[values("0.4.1", "0.8.0", "0.12.0", "0.13.1")] version: &str) {
    assert_contained(&root(&["--bwrap", bubblewrap(version).to_str().expect("text")], DEEDS));
}

#[rstest]
#[case::alone(Ids::Alone)]
#[case::with_subordinate_ids(Ids::Subordinate)]
fn what_a_payload_of_a_user_s_mounts_reaches_nothing(#[case] ids: Ids) {
    let user = Ordinary::new();
    assert_contained(&user.run(ids, &[&ALLOWED[..], &["--", "/usr/bin/bash", "-c", DEEDS]].concat()));
    assert_eq!(user.left(), [""; 0]);
}

/// Files of the payload's belong to ids that nobody has.
#[test]
fn its_scratch_directories_are_told_and_kept() {
    let done = root(&["--keep"], "true");
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    let kept: Vec<PathBuf> =
        told.split_whitespace().filter(|word| word.starts_with("/var/tmp/")).map(PathBuf::from).collect();
    assert_eq!(kept.len(), 2, "{told}");
    assert_eq!(root(&[], "true").status.code(), Some(0));
    assert!(kept.iter().all(|path| path.exists()), "the next one left them: {told}");
    kept.iter().for_each(|path| std::fs::remove_dir_all(path).expect("removed"));
}

#[rstest]
#[case::as_root(
    &["--privilege", "root"],
    "cannot choose what to build with: mounting is contained only where user 0 of the host is nobody: leave out \
     --privilege root"
)]
#[case::as_root_mapped_to_itself(
    &["--privilege", "userns-single"],
    "cannot choose what to build with: mounting is contained only where user 0 of the host is nobody: leave out \
     --privilege userns-single"
)]
fn where_it_would_not_be_contained_it_is_refused(#[case] options: &[&str], #[case] told: &str) {
    let done = root(options, "true");
    let stderr = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!((done.status.code(), stderr), (Some(125), format!("rootcontract: {told}\n")));
}

#[test]
fn osbuild_s_profiles_are_not_for_it() {
    let done = Process::new(supervisor()).args(["run", "--allow", "mounts", "--", "true"]).output().expect("a run");
    let told = "rootcontract: --allow is for --profile hardened: osbuild-v190 keeps a payload from mounting only by --capabilities\n";
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(125), told));
}
