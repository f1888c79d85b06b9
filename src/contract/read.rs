//! Bytes to contract, strictly.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::{Contract, SCHEMA};

/// The largest contract that is read, in bytes. The built-in ones are a tenth of it.
pub const MAX_BYTES: u64 = 1 << 20;

/// Why there is no contract. Each is one line: file, line where there is one, what is wrong, what is allowed.
#[derive(Debug, thiserror::Error)]
pub enum ContractError {
    /// No contract is compiled in under this name.
    #[error("no contract for profile `{profile}`: there are osbuild-v19 and osbuild-v190")]
    NoSuchProfile {
        /// What was asked for.
        profile: String,
    },
    /// The file cannot be read.
    #[error("read contract {file}")]
    Unreadable {
        /// Its name.
        file: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The file is larger than [`MAX_BYTES`].
    #[error("{file}: larger than {MAX_BYTES} bytes, no contract is")]
    TooLarge {
        /// Its name.
        file: String,
    },
    /// The bytes are no text.
    #[error("{file}: not UTF-8 at byte {at}: save the file as UTF-8")]
    NotText {
        /// Its name.
        file: String,
        /// How many bytes are good.
        at: usize,
    },
    /// The text begins with a byte order mark.
    #[error("{file}: begins with a byte order mark: save the file without one")]
    ByteOrderMark {
        /// Its name.
        file: String,
    },
    /// A line is not what a contract has there.
    #[error("{file}:{line}: {}{what}", key.as_ref().map(|key| format!("{key}: ")).unwrap_or_default())]
    Line {
        /// The name of the file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// The key on that line, if there is one.
        key: Option<String>,
        /// What is wrong and what is allowed.
        what: String,
    },
}

impl Contract {
    /// Reads a contract from a file; never more than [`MAX_BYTES`] of it.
    ///
    /// # Errors
    ///
    /// See [`ContractError`].
    pub fn load(path: &Path) -> Result<Self, ContractError> {
        let name = path.display().to_string().escape_debug().to_string();
        let unreadable = |source| ContractError::Unreadable { file: name.clone(), source };
        let mut bytes = Vec::new();
        File::open(path).map_err(unreadable)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        Self::parse(&name, &bytes)
    }

    /// Reads a contract from bytes; `file` is only for errors.
    ///
    /// # Errors
    ///
    /// See [`ContractError`].
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, ContractError> {
        let source = Source { file, text: text(file, bytes)? };
        let contract: Self = toml::from_str(source.text).map_err(|error| source.error(&error))?;
        if contract.schema != SCHEMA {
            return Err(source.other_schema(&contract.schema, SCHEMA));
        }
        match source.second_of_a_name() {
            Some((line, id)) => Err(source.line(line, Some("id"), format!("duplicate clause id `{id}`"))),
            None => Ok(contract),
        }
    }
}

pub(super) fn text<'bytes>(file: &str, bytes: &'bytes [u8]) -> Result<&'bytes str, ContractError> {
    let file = || file.to_owned();
    if bytes.len() as u64 > MAX_BYTES {
        return Err(ContractError::TooLarge { file: file() });
    }
    let text =
        std::str::from_utf8(bytes).map_err(|error| ContractError::NotText { file: file(), at: error.valid_up_to() })?;
    if text.starts_with('\u{feff}') { Err(ContractError::ByteOrderMark { file: file() }) } else { Ok(text) }
}

/// A contract's text, to say where in it something is.
pub(super) struct Source<'text> {
    pub file: &'text str,
    pub text: &'text str,
}

/// A message of the TOML reader: one line that can be printed, without words only a Rust programmer knows.
fn in_our_words(message: &str) -> String {
    let line: String = message
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .flat_map(|character| match character {
            ' '..='~' => vec![character],
            other => other.escape_unicode().collect(),
        })
        .collect();
    line.replace("unknown field", "unknown key")
        .replace("missing field", "missing key")
        .replace("unknown variant", "unknown word")
        .replace("wanted exactly 1 element, more than 1 element", "more than one form, expected one")
}

/// Only the ids, with where they are.
#[derive(Deserialize)]
struct Ids {
    #[serde(default)]
    clause: Vec<Id>,
}

#[derive(Deserialize)]
struct Id {
    id: Spanned<String>,
}

impl Source<'_> {
    pub fn other_schema(&self, found: &str, expected: &str) -> ContractError {
        self.at_key("schema", format!("`{found}` is not read here, expected `{expected}`"))
    }

    /// Something about the first clause of this id.
    pub fn at_clause(&self, id: &str, what: String) -> ContractError {
        let quoted = format!("\"{id}\"");
        let is_id = |line: &str| line.trim_start().starts_with("id") && line.contains(&quoted);
        self.line(self.text.lines().position(is_id).map_or(1, |index| index + 1), Some("id"), what)
    }

    pub fn error(&self, error: &toml::de::Error) -> ContractError {
        let what = in_our_words(error.message());
        match error.span() {
            // What is missing is on no line; the span is that of the whole table.
            Some(span) if what.starts_with("missing") => self.line(self.line_of(span.start), None, what),
            Some(span) => self.line(self.line_of(span.start), self.key_at(span.start), what),
            None => self.line(1, None, what),
        }
    }

    fn line(&self, line: usize, key: Option<&str>, what: String) -> ContractError {
        ContractError::Line { file: self.file.to_owned(), line, key: key.map(ToOwned::to_owned), what }
    }

    fn at_key(&self, key: &str, what: String) -> ContractError {
        let line = self.text.lines().position(|line| line.trim_start().starts_with(key)).map_or(1, |index| index + 1);
        self.line(line, Some(key), what)
    }

    fn line_of(&self, offset: usize) -> usize {
        1 + self.text.as_bytes()[..offset.min(self.text.len())].iter().filter(|byte| **byte == b'\n').count()
    }

    /// The key whose value begins or lies at an offset: what stands before the `=` on that line.
    fn key_at(&self, offset: usize) -> Option<&str> {
        let line = self.text.lines().nth(self.line_of(offset) - 1)?;
        let (key, _) = line.split_once('=')?;
        let key = key.trim();
        key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)).then_some(key)
    }

    /// The first id that was there before, and its line.
    fn second_of_a_name(&self) -> Option<(usize, String)> {
        let ids: Ids = toml::from_str(self.text).ok()?;
        let mut seen = BTreeMap::new();
        ids.clause.into_iter().find_map(|clause| {
            let line = self.line_of(clause.id.span().start);
            let id = clause.id.into_inner();
            seen.insert(id.clone(), line).map(|_| (line, id))
        })
    }
}

#[cfg(test)]
mod tests;
