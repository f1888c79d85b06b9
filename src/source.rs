//! Files that somebody wrote: bounded, and where they are TOML read strictly, and what is wrong with it said with file, line and key.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::libc;
use serde::de::DeserializeOwned;

/// What a file is, where something is said about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// In a word: `contract`.
    pub name: &'static str,
    /// The largest that is read, in bytes.
    pub limit: u64,
}

/// Why a file is not read. Each is one line: file, line where there is one, what is wrong, what is allowed.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be read.
    #[error("read {} {file}", kind.name)]
    Unreadable {
        /// What it was to be.
        kind: Kind,
        /// Its name.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// The file is larger than any of its kind.
    #[error("{file}: larger than {} bytes, no {} is", kind.limit, kind.name)]
    TooLarge {
        /// What it was to be.
        kind: Kind,
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
    /// A line is not what such a file has there.
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

/// A file's name, fit to be shown, and its bytes: never more than one above the limit, which is then too much.
///
/// # Errors
/// It can't be read.
pub fn load(path: &Path, kind: Kind) -> Result<(String, Vec<u8>), SourceError> {
    let file = path.display().to_string().escape_debug().to_string();
    match bytes(path, kind.limit) {
        Ok(bytes) => Ok((file, bytes)),
        Err(source) => Err(SourceError::Unreadable { kind, file, source }),
    }
}

/// A file's bytes: never more than one above `limit`, which is then too much.
///
/// # Errors
/// `errno` of opening or reading it.
pub fn bytes(file: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The bytes of a file that somebody hostile may have made, and all that is on the way to it: below the directory `root`,
/// links taken as if that were `/`. It is not waited for anybody, and nothing but a plain file is opened.
///
/// # Errors
/// `errno` of opening or reading it; `EINVAL` for what is no plain file.
pub fn bytes_below(root: &Path, file: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let root = File::options().read(true).custom_flags(libc::O_DIRECTORY).open(root)?;
    let file =
        crate::tree::plain_file(root.as_fd(), &CString::new(file.as_os_str().as_bytes())?)?.ok_or(Errno::EINVAL)?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A file's text, to say where in it something is.
#[derive(Debug, Clone, Copy)]
pub struct Source<'text> {
    file: &'text str,
    text: &'text str,
}

impl<'text> Source<'text> {
    /// `file` is only for errors.
    ///
    /// # Errors
    /// There are too many bytes, or they are no text.
    pub fn new(file: &'text str, kind: Kind, bytes: &'text [u8]) -> Result<Self, SourceError> {
        let name = || file.to_owned();
        if bytes.len() as u64 > kind.limit {
            return Err(SourceError::TooLarge { kind, file: name() });
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| SourceError::NotText { file: name(), at: error.valid_up_to() })?;
        if text.starts_with('\u{feff}') {
            return Err(SourceError::ByteOrderMark { file: name() });
        }
        Ok(Self { file, text })
    }

    /// What the text says.
    ///
    /// # Errors
    /// It is not what is asked for.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, SourceError> {
        toml::from_str(self.text).map_err(|error| {
            let what = in_our_words(error.message());
            match error.span() {
                // What is missing is on no line; the span is that of the whole table.
                Some(span) if what.starts_with("missing") => self.line(self.line_of(span.start), None, what),
                Some(span) => self.line(self.line_of(span.start), self.key_at(span.start), what),
                None => self.line(1, None, what),
            }
        })
    }

    /// Whether the file names no other schema than the one that is read: asked first, because one of another schema lacks
    /// keys, and has others.
    ///
    /// # Errors
    /// It names another.
    pub fn follows(&self, expected: &str) -> Result<(), SourceError> {
        // What is no TOML is told by who reads it.
        let table: toml::Table = toml::from_str(self.text).unwrap_or_default();
        match table.get("schema").and_then(toml::Value::as_str) {
            Some(found) if found != expected => Err(self.other_schema(found, expected)),
            Some(_) | None => Ok(()),
        }
    }

    /// The file follows another schema than the one that is read.
    pub fn other_schema(&self, found: &str, expected: &str) -> SourceError {
        self.at_key("schema", format!("`{}` is not read here, expected `{expected}`", found.escape_debug()))
    }

    /// Something about the first line with this key.
    pub fn at_key(&self, key: &str, what: String) -> SourceError {
        let line = self.text.lines().position(|line| line.trim_start().starts_with(key)).map_or(1, |index| index + 1);
        self.line(line, Some(key), what)
    }

    /// Something about the first table with this value of a key.
    pub fn at_value(&self, key: &str, value: &str, what: String) -> SourceError {
        let quoted = format!("\"{value}\"");
        let is_it = |line: &str| line.trim_start().starts_with(key) && line.contains(&quoted);
        self.line(self.text.lines().position(is_it).map_or(1, |index| index + 1), Some(key), what)
    }

    /// Something about a line, counted from 1.
    pub fn line(&self, line: usize, key: Option<&str>, what: String) -> SourceError {
        SourceError::Line { file: self.file.to_owned(), line, key: key.map(ToOwned::to_owned), what }
    }

    /// The line on which a byte is.
    pub fn line_of(&self, offset: usize) -> usize {
        1 + self.text.as_bytes()[..offset.min(self.text.len())].iter().filter(|byte| **byte == b'\n').count()
    }

    /// The key whose value begins or lies at an offset: what stands before the `=` on that line.
    fn key_at(&self, offset: usize) -> Option<&str> {
        let line = self.text.lines().nth(self.line_of(offset) - 1)?;
        let (key, _) = line.split_once('=')?;
        let key = key.trim();
        key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)).then_some(key)
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::a_file("echo word > file", Ok("word\n"))]
    #[case::a_link_inside("echo word > other; ln -s other file", Ok("word\n"))]
    #[case::a_link_that_begins_at_the_top("echo word > other; ln -s /other file", Ok("word\n"))]
    #[case::a_link_to_the_host("ln -s /etc/passwd file", Err(Errno::ENOENT))]
    #[case::a_link_that_climbs("ln -s ../outside file", Err(Errno::ENOENT))]
    #[case::a_pipe("mkfifo file", Err(Errno::EINVAL))]
    #[case::a_directory("mkdir file", Err(Errno::EINVAL))]
    #[case::a_device("mknod file c 1 5", Err(Errno::EINVAL))]
    #[case::nothing(":", Err(Errno::ENOENT))]
    fn what_somebody_hostile_made_is_read_only_if_it_is_a_plain_file_of_theirs(
        #[case] deed: &str,
        #[case] expected: Result<&str, Errno>,
    ) {
        let place = tempfile::tempdir().expect("a directory");
        std::fs::write(place.path().join("outside"), "secret").expect("a file");
        let root = place.path().join("root");
        std::fs::create_dir(&root).expect("a directory");
        let done = std::process::Command::new("/bin/sh").args(["-ec", deed]).current_dir(&root).status();
        assert!(done.expect("a shell").success());
        let read = bytes_below(&root, Path::new("/file"), 4096);
        let read = read.map_err(|error| Errno::from_raw(error.raw_os_error().expect("an errno")));
        assert_eq!(read, expected.map(|text| text.as_bytes().to_vec()));
    }
}
