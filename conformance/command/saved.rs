//! `check --facts`: a saved document is judged anywhere, and a damaged one never.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command as Process, Output};
use std::sync::LazyLock;

use rstest::rstest;

use super::bubblewraps::as_nobody;
use super::{json, rootcontract};
use crate::support::{runnable_by_all, supervisor};

/// What `probe` prints here, once for all.
static FACTS: LazyLock<Vec<u8>> =
    LazyLock::new(|| rootcontract(["probe", "--profile", "osbuild"]).assert().code(0).get_output().stdout.clone());

/// Judges this file.
fn judged(file: &Path) -> Output {
    let mut process = Process::new(supervisor());
    process.args(["check", "--profile", "osbuild", "--facts"]).arg(file).env("RUST_BACKTRACE", "1");
    process.output().expect("a run")
}

/// Demands exit code 2, nothing on stdout, and one line about these facts.
fn refused(file: &Path) {
    let done = judged(file);
    let stderr = String::from_utf8(done.stderr).expect("text");
    assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(2), &b""[..]), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.starts_with(&format!("rootcontract: read facts {}: ", file.display())), "{stderr}");
}

fn refused_bytes(bytes: &[u8]) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(&file, bytes).expect("a file");
    refused(file.path());
}

#[test]
fn facts_cut_off_anywhere_are_refused() {
    let all = FACTS.trim_ascii_end().len();
    for length in (0..all).step_by(all / 12).chain([all - 2, all - 1]) {
        refused_bytes(&FACTS[..length]);
    }
}

#[test]
fn sealed_facts_with_a_bit_flipped_are_refused() {
    let sealed = Process::new(crate::support::probe()).arg("--passive").output().expect("facts").stdout;
    assert!(sealed.len() > 4096, "{} bytes", sealed.len());
    for at in (0..sealed.len() - 1).step_by(sealed.len() / 12) {
        let mut damaged = sealed.clone();
        damaged[at] ^= 1;
        refused_bytes(&damaged);
    }
}

#[rstest]
#[case::of_another_schema("rootcontract.facts/1", "rootcontract.facts/2")]
#[case::without_a_schema("\"schema\"", "\"scheme\"")]
#[case::with_a_further_key("\"schema\"", "\"held\": true, \"schema\"")]
#[case::with_a_key_twice("\"schema\"", "\"schema\": \"rootcontract.facts/1\", \"schema\"")]
#[case::as_a_list("{", "[{")]
#[case::after_another("{", "{} {")]
fn what_is_no_facts_document_is_refused(#[case] good: &str, #[case] bad: &str) {
    let facts = std::str::from_utf8(&FACTS).expect("text");
    let damaged = facts.replacen(good, bad, 1);
    assert_ne!(damaged, facts);
    refused_bytes(damaged.as_bytes());
}

#[rstest]
#[case::zeros(0)]
#[case::letters(b'a')]
#[case::brackets(b'[')]
#[case::bytes_of_no_text(0xff)]
fn ten_mebibytes_of_junk_are_refused(#[case] byte: u8) {
    refused_bytes(&vec![byte; 10 << 20]);
}

#[test]
fn a_directory_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    refused(directory.path());
}

#[test]
fn a_fifo_is_read_to_its_end_and_then_judged_like_a_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let fifo = directory.path().join("facts");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a fifo");
    let there = fifo.clone();
    let writer = std::thread::spawn(move || std::fs::write(there, &FACTS[..1000]));
    refused(&fifo);
    writer.join().expect("a thread").expect("written");
}

#[test]
fn a_hostile_name_is_escaped() {
    let done = judged(Path::new("/nonexistent/\u{1b}]0;title\u{7}\n\u{202e}x"));
    let stderr = String::from_utf8(done.stderr).expect("text");
    assert_eq!(done.status.code(), Some(2));
    assert!(stderr.contains(r"/nonexistent/\x1b]0;title\x07\x0a"), "{stderr:?}");
    assert!(!stderr.contains('\u{1b}') && stderr.lines().count() == 1, "{stderr:?}");
}

/// Nobody, with no bubblewrap in sight: judging takes neither.
#[test]
fn judging_takes_neither_root_nor_bubblewrap() {
    let directory = runnable_by_all();
    let saved = directory.path().join("facts.json");
    std::fs::write(&saved, &*FACTS).expect("a file");
    let mut process = as_nobody(&directory.path().join("rootcontract"));
    process.args(["check", "--format", "json", "--facts"]).arg(&saved).arg0("rootcontract").env_clear();
    let done = process.output().expect("a run");
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(0), ""));
    let report = json(&done.stdout)["reports"][0].take();
    assert_eq!((&report["summary"]["broken"], &report["summary"]["unknown"]), (&0.into(), &0.into()));
    assert!(report["summary"]["held"].as_u64() >= Some(100), "{}", report["summary"]);
}

/// One value changed in otherwise good facts is one broken clause or more, told first.
#[test]
fn a_changed_fact_breaks_its_clause() {
    let changed = json(&FACTS);
    let mut document = changed.clone();
    document["probe"]["process"]["umask"] = "0077".into();
    assert_ne!(document, changed);
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(&file, document.to_string()).expect("a file");
    let done = judged(file.path());
    let table = String::from_utf8(done.stdout).expect("text");
    assert_eq!((done.status.code(), done.stderr.as_slice()), (Some(1), &b""[..]), "{table}");
    let first = table.lines().find(|line| line.contains("is broken")).expect("a broken clause");
    assert!(first.starts_with("✘ process.umask"), "{first}");
    let said = ["\n  expected ", "\n  found ", "\n  why "];
    assert!(said.iter().all(|word| table.contains(word)), "{table}");
    assert_eq!(table, String::from_utf8(judged(file.path()).stdout).expect("text"), "two runs differ");
}
