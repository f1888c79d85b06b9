//! What the fuzzers begin with, and what they once found, read again.

#[path = "fuzz/targets.rs"]
mod targets;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use targets::TARGETS;

/// A target and the directories of its inputs in a line; `ci/fuzz` reads it too.
const CORPORA: &str = include_str!("fuzz/corpora");
/// As many inputs are a corpus.
const FEW: usize = 3;

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The directories of each target.
fn corpora() -> Vec<(&'static str, Vec<&'static str>)> {
    let words = CORPORA.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    words.map(|words| (words[0], words[1..].to_vec())).collect()
}

fn inputs(directories: &[&str]) -> Vec<PathBuf> {
    let files = |directory: &&str| {
        let entries = package().join(directory).read_dir().unwrap_or_else(|error| panic!("{directory}: {error}"));
        let paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.into_iter().filter(|path| path.is_file())
    };
    directories.iter().flat_map(files).collect()
}

/// Whole, cut off, and with a byte changed here and there.
#[test]
fn every_input_of_every_corpus_is_survived() {
    for ((name, read), (_, directories)) in TARGETS.iter().zip(corpora()) {
        let inputs = inputs(&directories);
        assert!(inputs.len() >= FEW, "{name} has {} inputs", inputs.len());
        for input in inputs {
            let bytes = std::fs::read(&input).expect("an input");
            read(&bytes);
            for at in (0..bytes.len()).step_by(bytes.len() / 50 + 1) {
                read(&bytes[..at]);
                let mut changed = bytes.clone();
                changed[at] ^= 0x81;
                read(&changed);
            }
        }
    }
}

/// cargo-fuzz wants a program for each target, and each needs something to begin with.
#[test]
fn every_target_has_a_program_and_a_corpus() {
    let manifest = std::fs::read_to_string(package().join("conformance/fuzz/Cargo.toml")).expect("a manifest");
    let manifest: toml::Table = manifest.parse().expect("TOML");
    let programs =
        manifest["bin"].as_array().expect("programs").iter().map(|bin| bin["name"].as_str().expect("a name"));
    let targets = TARGETS.map(|(name, _)| name);
    assert_eq!(programs.collect::<Vec<_>>(), targets);
    assert_eq!(corpora().iter().map(|(name, _)| *name).collect::<Vec<_>>(), targets);
}

/// An input that nothing reads proves nothing.
#[test]
fn every_corpus_belongs_to_a_target() {
    let there = package().join("fixtures/corpus").read_dir().expect("corpora");
    let there = there.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir());
    let read: BTreeSet<_> = corpora().into_iter().flat_map(|(_, directories)| directories).collect();
    let unread: Vec<_> =
        there.filter(|path| !read.iter().any(|directory| package().join(directory) == *path)).collect();
    assert_eq!(unread, Vec::<PathBuf>::new());
}
