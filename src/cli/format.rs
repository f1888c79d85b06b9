//! `--format KIND[=FILE]`.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

use super::failure::Failure;
use super::output;

/// How the result is written, and where to.
#[derive(Debug, Args)]
pub struct Formats {
    /// human or json, to standard output or a file; may be repeated [default: human]
    #[arg(long = "format", value_name = "KIND[=FILE]", value_parser = OsStringValueParser::new().try_map(Format::parse))]
    formats: Vec<Format>,
}

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// For people.
    Human,
    /// For programs.
    Json,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Format {
    kind: Kind,
    /// `None` is standard output.
    file: Option<PathBuf>,
}

/// A word that is no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum UnknownFormat {
    #[error("a format is human or json, or with a file human=FILE or json=FILE")]
    Kind,
    #[error("there is no file after the =")]
    NoFile,
}

impl Formats {
    /// Writes the document that `render` makes for each format.
    pub fn write(&self, render: impl Fn(Kind) -> Result<String, Failure>) -> Result<(), Failure> {
        let default = [Format { kind: Kind::Human, file: None }];
        let formats = if self.formats.is_empty() { &default } else { self.formats.as_slice() };
        formats.iter().try_for_each(|format| format.write(&render(format.kind)?))
    }

    /// Whether each document has a place of its own.
    pub fn check(&self) -> Result<(), Failure> {
        let on_stdout = self.formats.iter().filter(|format| format.file.is_none()).count();
        if on_stdout > 1 { Err(Failure::TwoOnStdout) } else { Ok(()) }
    }
}

impl Format {
    /// `human`, `json=FILE`; the file's name may be any bytes.
    fn parse(word: OsString) -> Result<Self, UnknownFormat> {
        let (kind, file) = match word.as_bytes().iter().position(|&byte| byte == b'=') {
            Some(at) => (&word.as_bytes()[..at], Some(OsString::from_vec(word.as_bytes()[at + 1..].to_vec()))),
            None => (word.as_bytes(), None),
        };
        let kind = match kind {
            b"human" => Kind::Human,
            b"json" => Kind::Json,
            _ => return Err(UnknownFormat::Kind),
        };
        match file {
            Some(file) if file.is_empty() => Err(UnknownFormat::NoFile),
            file => Ok(Self { kind, file: file.map(PathBuf::from) }),
        }
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
    #[case::human("human", Ok((Kind::Human, None)))]
    #[case::json_file("json=report.json", Ok((Kind::Json, Some("report.json"))))]
    #[case::equals_sign_in_the_name("json=a=b", Ok((Kind::Json, Some("a=b"))))]
    #[case::no_kind("xml", Err(UnknownFormat::Kind))]
    #[case::no_file("json=", Err(UnknownFormat::NoFile))]
    fn a_format_is_read(#[case] word: &str, #[case] expected: Result<(Kind, Option<&str>), UnknownFormat>) {
        let expected = expected.map(|(kind, file)| Format { kind, file: file.map(PathBuf::from) });
        assert_eq!(Format::parse(word.into()), expected);
    }
}
