//! `--format KIND[=FILE]`.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use nix::errno::Errno;

use super::failure::Failure;
use super::output;

/// How the result is written, and where to.
#[derive(Debug, Args)]
pub struct Formats<K: Kinds = Kind> {
    #[arg(long = "format", value_name = "KIND[=FILE]", help = help::<K>())]
    #[arg(value_parser = OsStringValueParser::new().try_map(Format::<K>::parse))]
    formats: Vec<Format<K>>,
}

/// The formats that a result can have: for people first.
pub trait Kinds: std::fmt::Debug + Copy + Send + Sync + 'static {
    /// Each with its word.
    const ALL: &'static [(&'static str, Self)];
}

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// For people.
    Human,
    /// For programs.
    Json,
}

impl Kinds for Kind {
    const ALL: &'static [(&'static str, Self)] = &[("human", Self::Human), ("json", Self::Json)];
}

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportKind {
    /// For people.
    Human,
    /// For programs.
    Json,
    /// For CI systems.
    Junit,
    /// For GitHub's workflows.
    Github,
    /// For code scanning.
    Sarif,
}

impl Kinds for ReportKind {
    const ALL: &'static [(&'static str, Self)] = &[
        ("human", Self::Human),
        ("json", Self::Json),
        ("junit", Self::Junit),
        ("github", Self::Github),
        ("sarif", Self::Sarif),
    ];
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Format<K> {
    kind: K,
    /// `None` is standard output.
    file: Option<PathBuf>,
}

/// A word that is no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum UnknownFormat {
    #[error("a format is {0}, or with a file {first}=FILE", first = .0.split([',', ' ']).next().unwrap_or_default())]
    Kind(String),
    #[error("there is no file after the =")]
    NoFile,
}

/// `human, json or junit`.
fn words<K: Kinds>() -> String {
    let words: Vec<_> = K::ALL.iter().map(|(word, _)| *word).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

fn help<K: Kinds>() -> String {
    format!("{}, to standard output (also -) or a file; may be repeated [default: human]", words::<K>())
}

impl<K: Kinds> Formats<K> {
    /// Writes the document that `render` makes for each format.
    pub fn write(&self, render: impl Fn(K) -> Result<String, Failure>) -> Result<(), Failure> {
        let default = [Format { kind: K::ALL[0].1, file: None }];
        let formats = if self.formats.is_empty() { &default } else { self.formats.as_slice() };
        formats.iter().try_for_each(|format| format.write(&render(format.kind)?))
    }

    /// Whether each document has a place of its own, in a directory that is there.
    pub fn check(&self) -> Result<(), Failure> {
        let on_stdout = self.formats.iter().filter(|format| format.file.is_none()).count();
        if on_stdout > 1 { Err(Failure::TwoOnStdout) } else { self.formats.iter().try_for_each(Format::check) }
    }
}

impl<K: Kinds> Format<K> {
    /// `human`, `json=FILE`; the file's name may be any bytes.
    fn parse(word: OsString) -> Result<Self, UnknownFormat> {
        let (kind, file) = match word.as_bytes().iter().position(|&byte| byte == b'=') {
            Some(at) => (&word.as_bytes()[..at], Some(OsString::from_vec(word.as_bytes()[at + 1..].to_vec()))),
            None => (word.as_bytes(), None),
        };
        let Some(&(_, kind)) = K::ALL.iter().find(|(word, _)| word.as_bytes() == kind) else {
            return Err(UnknownFormat::Kind(words::<K>()));
        };
        match file {
            Some(file) if file.is_empty() => Err(UnknownFormat::NoFile),
            file => Ok(Self { kind, file: file.filter(|file| file != output::STDOUT).map(PathBuf::from) }),
        }
    }

    /// Whether there is a directory for it: what is made for long should not be lost.
    fn check(&self) -> Result<(), Failure> {
        let Some(file) = &self.file else { return Ok(()) };
        let there = fs::metadata(output::directory_of(file)).and_then(|there| match there.is_dir() {
            true => Ok(()),
            false => Err(Errno::ENOTDIR.into()),
        });
        there.map_err(|source| Failure::Write { file: file.clone(), source })
    }

    /// Puts a document where it belongs. In files there is no colour.
    fn write(&self, text: &str) -> Result<(), Failure> {
        match &self.file {
            None => output::print(text),
            Some(file) => output::save(file, anstream::adapter::strip_str(text).to_string().as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::human("human", Ok((ReportKind::Human, None)))]
    #[case::json_file("json=report.json", Ok((ReportKind::Json, Some("report.json"))))]
    #[case::junit_file("junit=report.xml", Ok((ReportKind::Junit, Some("report.xml"))))]
    #[case::a_dash("json=-", Ok((ReportKind::Json, None)))]
    #[case::github("github", Ok((ReportKind::Github, None)))]
    #[case::sarif("sarif=a.sarif", Ok((ReportKind::Sarif, Some("a.sarif"))))]
    #[case::equals_sign_in_the_name("json=a=b", Ok((ReportKind::Json, Some("a=b"))))]
    #[case::no_kind("xml", Err(UnknownFormat::Kind("human, json, junit, github or sarif".to_owned())))]
    #[case::no_file("json=", Err(UnknownFormat::NoFile))]
    fn a_format_is_read(#[case] word: &str, #[case] expected: Result<(ReportKind, Option<&str>), UnknownFormat>) {
        let expected = expected.map(|(kind, file)| Format { kind, file: file.map(PathBuf::from) });
        assert_eq!(Format::parse(word.into()), expected);
    }

    #[test]
    fn what_has_no_findings_has_no_format_for_them() {
        let error = Format::<Kind>::parse("junit".into()).expect_err("no findings");
        assert_eq!(error.to_string(), "a format is human or json, or with a file human=FILE");
    }
}
