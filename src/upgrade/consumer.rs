//! Launchers other than osbuild, by the arguments they give to bubblewrap: started with both bubblewraps, looked at from
//! inside.
//!
//! A file has one argument on each line, in order; lines that begin with `#` are notes. `@probe` is our probe: it
//! takes the place of the payload, whose path inside is the last line. `@/NAME` is an empty directory that exists for the
//! launch, and `@/NAME=TEXT` a file of this text in one.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::bwrap::{PATIENCE, ask};
use crate::diff::differing;
use crate::facts::frame;
use crate::report::show::shown;
use crate::source;

/// The largest file that is read, in bytes; Linux takes no argument vector above 6 MiB.
const LIMIT: u64 = 1 << 20;
/// The word for the probe.
const PROBE: &str = "@probe";

/// A launcher's arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// The name of its file, without what follows the last dot.
    pub name: String,
    words: Vec<String>,
}

/// Why there are no arguments in a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConsumerError {
    /// It can't be read.
    #[error("read consumer {file}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is none.
    #[error("read consumer {file}: {why}")]
    Malformed {
        /// The file.
        file: PathBuf,
        /// Why not.
        why: &'static str,
    },
    /// It could not be made ready, or a bubblewrap not be started.
    #[error("replay consumer {name} with {bwrap}")]
    NotStarted {
        /// Its name.
        name: String,
        /// The bubblewrap.
        bwrap: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What came of a launcher with both bubblewraps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Replayed {
    /// Its name.
    pub consumer: String,
    /// What bubblewrap said when it did not start the payload, the first time or again; `null` when it did.
    pub before: Option<String>,
    /// The same of the second one.
    pub after: Option<String>,
    /// What is otherwise inside; empty unless both started it.
    pub changes: Vec<Seen>,
}

/// A fact that is not the same inside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// The fact.
    pub fact: String,
    /// Its value with the first bubblewrap; `null` where there is none.
    pub before: Option<Value>,
    /// The same with the second one.
    pub after: Option<Value>,
}

impl Replayed {
    /// Whether one starts it and the other does not, or something is otherwise inside.
    pub fn is_changed(&self) -> bool {
        self.before.is_some() != self.after.is_some() || !self.changes.is_empty()
    }

    /// Whether neither starts it, so that there was nothing to compare.
    pub fn is_unknown(&self) -> bool {
        self.before.is_some() && self.after.is_some()
    }
}

impl Consumer {
    /// Reads a file; never more than a mebibyte of it.
    ///
    /// # Errors
    /// See [`ConsumerError`].
    pub fn load(file: &Path) -> Result<Self, ConsumerError> {
        let bytes =
            source::bytes(file, LIMIT).map_err(|source| ConsumerError::Unreadable { file: file.to_owned(), source })?;
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        Self::parse(&shown(&name), &bytes).map_err(|why| ConsumerError::Malformed { file: file.to_owned(), why })
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, &'static str> {
        if bytes.len() as u64 > LIMIT {
            return Err("longer than a mebibyte");
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8")?;
        if text.contains('\0') {
            return Err("a zero byte, which no argument can have");
        }
        let words: Vec<String> = text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
        // Joined to a directory, what begins with / would be a path of the host's.
        let leads_out = |name: &str| name.starts_with('/') || name.split('/').any(|part| part == "..");
        let stays_inside = |word: &String| !word.strip_prefix("@/").is_some_and(leads_out);
        if !words.iter().any(|word| word == PROBE) {
            return Err("no @probe, which takes the payload's place");
        }
        if !words.iter().all(stays_inside) {
            return Err("a path of the launch that leads out of its directory");
        }
        Ok(Self { name: name.to_owned(), words })
    }

    /// Starts it with both bubblewraps. What differs between two launches with the first is no difference.
    ///
    /// # Errors
    /// See [`ConsumerError`]. That a bubblewrap refuses to start it is no error.
    pub fn replay(&self, [before, after]: [&Path; 2], probe: &Path) -> Result<Replayed, ConsumerError> {
        let launch = |bwrap: &Path| {
            self.launch(bwrap, probe).map_err(|source| ConsumerError::NotStarted {
                name: self.name.clone(),
                bwrap: bwrap.to_owned(),
                source,
            })
        };
        let (was, again, is) = (launch(before)?, launch(before)?, launch(after)?);
        let changes = match (&was, &again, &is) {
            (Ok(was), Ok(again), Ok(is)) => {
                let noise: BTreeSet<String> = differing(was, again).iter().map(|leaf| leaf.path.to_string()).collect();
                let leaves = differing(was, is).into_iter();
                leaves
                    .map(|leaf| (leaf.path.to_string(), leaf))
                    .filter(|(fact, leaf)| !noise.contains(fact) && !leaf.is_volatile())
                    .map(|(fact, leaf)| Seen { fact, before: leaf.before.cloned(), after: leaf.after.cloned() })
                    .collect()
            }
            (_, _, _) => Vec::new(),
        };
        Ok(Replayed { consumer: self.name.clone(), before: was.err().or(again.err()), after: is.err(), changes })
    }

    /// One launch: the facts from inside, or what bubblewrap said instead.
    fn launch(&self, bwrap: &Path, probe: &Path) -> io::Result<Result<Value, String>> {
        let directory = tempfile::tempdir()?;
        let made = |word: &String| made(word, directory.path(), probe);
        let words = self.words.iter().map(made).collect::<io::Result<Vec<String>>>()?;
        let place = directory.path().to_string_lossy();
        let answer = ask(bwrap, words.iter().map(String::as_str).chain(["--passive"]), PATIENCE)?;
        let facts = frame::open_saved(answer.stdout.as_bytes());
        Ok(match facts.map(serde_json::to_value) {
            Ok(Ok(probe)) => Ok(without(&place, json!({ "launch": null, "probe": probe }))),
            Ok(Err(_)) | Err(_) => Err(shown(&answer.last_words().replace(&*place, "@"))),
        })
    }
}

/// The argument, with what it names in `place` made.
fn made(word: &str, place: &Path, probe: &Path) -> io::Result<String> {
    let Some(name) = word.strip_prefix("@/") else {
        return Ok(if word == PROBE { probe.to_string_lossy().into_owned() } else { word.to_owned() });
    };
    let (name, text) = match name.split_once('=') {
        Some((name, text)) => (name, Some(text)),
        None => (name, None),
    };
    let path = place.join(name);
    match text {
        Some(text) => {
            fs::create_dir_all(path.parent().unwrap_or(place))?;
            fs::write(&path, text)?;
        }
        None if !path.exists() => fs::create_dir_all(&path)?,
        None => {}
    }
    Ok(path.to_string_lossy().into_owned())
}

/// The facts with one name for the directory of the launch.
fn without(place: &str, facts: Value) -> Value {
    match facts {
        Value::String(text) => Value::String(text.replace(place, "@")),
        Value::Array(items) => items.into_iter().map(|item| without(place, item)).collect(),
        Value::Object(map) => {
            map.into_iter().map(|(key, value)| (key.replace(place, "@"), without(place, value))).collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::a_bind("--bind\n@/etc\n/etc\n@probe\n", Ok(()))]
    #[case::a_file("@/etc/hosts=127.0.0.1 a\n@probe\n", Ok(()))]
    #[case::notes("# @/../x\n@probe\n", Ok(()))]
    #[case::no_probe("--bind\n", Err("no @probe, which takes the payload's place"))]
    #[case::above("@/../x\n@probe\n", Err("a path of the launch that leads out of its directory"))]
    #[case::of_the_host("@//etc/x=y\n@probe\n", Err("a path of the launch that leads out of its directory"))]
    #[case::a_zero_byte("a\0b\n@probe\n", Err("a zero byte, which no argument can have"))]
    fn what_is_made_for_a_launch_stays_in_its_directory(#[case] text: &str, #[case] expected: Result<(), &str>) {
        assert_eq!(Consumer::parse("one", text.as_bytes()).map(drop), expected);
    }
}
