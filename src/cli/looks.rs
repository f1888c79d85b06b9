//! What stands for a look at a build root: a file that was saved, or something to look at now.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use glob::Pattern;
use rootcontract::arch::{self, Architecture};
use rootcontract::baseline::Baseline;
use rootcontract::contract::{ClauseId, Contract};
use rootcontract::facts::Document as Facts;
use rootcontract::profile::Profile;
use rootcontract::report::show::shown;
use rootcontract::report::{Document, Look, Report};

use super::clauses::matches;
use super::failure::Failure;
use super::sandbox::Sandbox;
use super::{contracts, facts};

/// What a word stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// A document: a report, facts, or a baseline.
    Saved(PathBuf),
    /// The version of a bubblewrap whose baseline is built in.
    Version(PathBuf),
    /// A profile, built now.
    Profile(Profile),
    /// An architecture's usual tree.
    Architecture(&'static Architecture),
    /// The root directory of a system.
    Root(PathBuf),
    /// A bubblewrap.
    Bubblewrap(PathBuf),
}

/// What the looks are taken of besides, and judged by.
#[derive(Debug)]
pub struct Around<'a> {
    /// The sandbox, as far as a side does not say otherwise.
    pub sandbox: &'a Sandbox,
    /// What clauses have to match.
    pub only: &'a [Pattern],
}

impl Side {
    /// A profile, an architecture, a version, a directory, a bubblewrap, a document: the first of these that the word is.
    pub fn of(word: &OsStr) -> Self {
        let text = word.to_str().unwrap_or_default();
        let path = PathBuf::from(word);
        match (text.parse(), arch::named(text)) {
            (Ok(profile), _) => Self::Profile(profile),
            (Err(_), Some(arch)) => Self::Architecture(arch),
            (Err(_), None) if Baseline::versions().any(|version| version == text) => Self::Version(path),
            (Err(_), None) if path.is_dir() => Self::Root(path),
            (Err(_), None) if begins_with(&path, b"\x7fELF") || begins_with(&path, b"#!") => Self::Bubblewrap(path),
            (Err(_), None) => Self::Saved(path),
        }
    }

    /// The looks: as many as there are reports in a document, or profiles to be built.
    pub fn looks(&self, around: &Around<'_>) -> Result<Vec<Look>, Failure> {
        match self {
            Self::Saved(file) => saved(file, around),
            Self::Version(version) => around.baseline(&Baseline::find(version)?),
            Self::Profile(profile) => around.now(around.sandbox.clone(), &[*profile]),
            Self::Architecture(arch) => {
                around.now(around.sandbox.clone().of_architecture(arch)?, &around.sandbox.wanted())
            }
            Self::Root(root) => around.now(around.sandbox.clone().of_root(root), &around.sandbox.wanted()),
            Self::Bubblewrap(path) => {
                around.now(around.sandbox.clone().with_bubblewrap(path), &around.sandbox.wanted())
            }
        }
    }
}

/// `BEFORE..AFTER` in two; the dots between directories (`../x`) are no such dots.
pub fn in_two(word: &OsStr) -> Option<[OsString; 2]> {
    let bytes = word.as_bytes();
    let is_one = |at: &usize| {
        let (left, right) = (&bytes[..*at], &bytes[at + 2..]);
        let plain = |byte: Option<&u8>| byte.is_some_and(|byte| !b"/.".contains(byte));
        bytes[*at..].starts_with(b"..") && plain(left.last()) && right.first().is_some_and(|byte| *byte != b'.')
    };
    let at = (1..bytes.len().saturating_sub(2)).find(is_one)?;
    Some([&bytes[..at], &bytes[at + 2..]].map(|part| OsString::from_vec(part.to_vec())))
}

impl Around<'_> {
    /// Builds each profile and looks at it from inside.
    pub fn now(&self, sandbox: Sandbox, profiles: &[Profile]) -> Result<Vec<Look>, Failure> {
        let about = sandbox.about()?;
        let look = |profile: &Profile| {
            let facts = sandbox.look(*profile, &about)?;
            let mut look = self.look(Contract::builtin(profile.name())?, &facts)?;
            look.report.place = Some(sandbox.place());
            Ok(look)
        };
        profiles.iter().map(look).collect()
    }

    /// What a baseline has of the sandboxes that are meant.
    fn baseline(&self, baseline: &Baseline) -> Result<Vec<Look>, Failure> {
        let wanted = self.sandbox.wanted();
        let is_meant = |look: &Look| wanted.iter().any(|profile| profile.name() == look.report.profile);
        let mut looks = baseline.looks()?;
        looks.retain(is_meant);
        looks.iter_mut().for_each(|look| look.narrow(|clause| self.is_meant(clause)));
        Ok(looks)
    }

    /// Judges facts.
    pub fn look(&self, contract: Contract, facts: &Facts) -> Result<Look, Failure> {
        Ok(Look::of(contract.about(facts.arch(), facts.phase()), facts, |clause| self.is_meant(clause))?)
    }

    fn is_meant(&self, clause: &ClauseId) -> bool {
        matches(self.only, clause.as_str())
    }
}

/// What a file holds: the reports of `check` and `matrix`, the facts of `probe`, or a baseline.
fn saved(file: &Path, around: &Around<'_>) -> Result<Vec<Look>, Failure> {
    match schema(file).as_deref() {
        Some(b"rootcontract.report") => reports(file, around),
        Some(b"rootcontract.baseline") => around.baseline(&Baseline::find(file)?),
        Some(_) | None => {
            let facts = facts::load(file)?;
            let contracts = contracts::of_facts(&facts, file, &around.sandbox.profiles)?;
            contracts.into_iter().map(|contract| around.look(contract, &facts)).collect()
        }
    }
}

fn reports(file: &Path, around: &Around<'_>) -> Result<Vec<Look>, Failure> {
    let document = Document::load(file)?;
    if let Some(failure) = document.failures.first() {
        let place = format!("{} in {}", shown(&failure.profile), shown(&failure.place));
        return Err(Failure::NothingToCompare { file: file.to_owned(), place, reason: failure.reason.clone() });
    }
    let look = |report: Report| {
        let contract = Contract::builtin(&report.profile)?.about(&report.arch, report.phase);
        let mut look = Look { report, contract, facts: None };
        look.narrow(|clause| around.is_meant(clause));
        Ok(look)
    };
    document.reports.into_iter().map(look).collect()
}

/// The name of the schema that a document says it follows, without its number. It comes first in all of ours.
fn schema(file: &Path) -> Option<Vec<u8>> {
    let mut first = Vec::new();
    File::open(file).and_then(|file| file.take(64).read_to_end(&mut first)).ok()?;
    first.retain(|byte| !byte.is_ascii_whitespace());
    let name = first.strip_prefix(b"{\"schema\":\"")?;
    Some(name[..name.iter().position(|&byte| byte == b'/')?].to_vec())
}

/// Whether a file's first bytes are these. One that can't be read begins with nothing: whoever reads it says why.
fn begins_with(file: &Path, bytes: &[u8]) -> bool {
    let mut first = vec![0; bytes.len()];
    File::open(file).and_then(|mut file| file.read_exact(&mut first)).is_ok() && first == bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::profiles("osbuild-v19..osbuild-v190", Some(["osbuild-v19", "osbuild-v190"]))]
    #[case::paths("a/bwrap..b/bwrap", Some(["a/bwrap", "b/bwrap"]))]
    #[case::absolute("/a/bwrap../b/bwrap", Some(["/a/bwrap", "/b/bwrap"]))]
    #[case::above("../a/bwrap..../b/bwrap", None)]
    #[case::above_first("../a/bwrap..b", Some(["../a/bwrap", "b"]))]
    #[case::one("osbuild-v19", None)]
    #[case::version("bwrap-0.8.0", None)]
    #[case::nothing_after("osbuild-v19..", None)]
    #[case::nothing_before("..osbuild-v19", None)]
    #[case::through("a/../b", None)]
    #[case::empty("", None)]
    fn two_sides_are_taken_from_one_word(#[case] word: &str, #[case] sides: Option<[&str; 2]>) {
        assert_eq!(in_two(OsStr::new(word)), sides.map(|sides| sides.map(OsString::from)));
    }

    #[test]
    fn a_word_is_what_it_looks_like() {
        let directory = tempfile::tempdir().expect("a directory");
        let (program, document) = (directory.path().join("bwrap"), directory.path().join("facts.json"));
        std::fs::write(&program, "#!/bin/sh\n").expect("a program");
        std::fs::write(&document, "{}").expect("a document");
        let of = |path: &Path| Side::of(path.as_os_str());
        assert_eq!(of(Path::new("osbuild")), Side::Profile(Profile::NEWEST_OSBUILD));
        assert!(matches!(of(Path::new("s390x")), Side::Architecture(arch) if arch.name == "s390x"));
        assert_eq!(of(directory.path()), Side::Root(directory.path().to_owned()));
        assert_eq!(of(&program), Side::Bubblewrap(program.clone()));
        assert_eq!(of(&document), Side::Saved(document.clone()));
        assert_eq!(of(Path::new("0.8.0")), Side::Version("0.8.0".into()));
        assert_eq!(of(Path::new("/nowhere")), Side::Saved("/nowhere".into()));
    }
}
