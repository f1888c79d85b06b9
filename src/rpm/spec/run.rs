//! One run of rpm in the build root, and what it said.

use std::ffi::OsStr;
use std::io;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::error::SpecError;
use super::{SKELETONS, SOURCES, SPECS, Spec};
use crate::buildroot::{Invocation, Outcome, RunError, Stream};
use crate::facts::text;
use crate::rpm::package::Package;

/// The most that each tmpfs holds, in bytes.
pub const SIZE: NonZeroU64 = NonZeroU64::MIN.saturating_add((256 << 20) - 1);
/// The most that rpm may say, in bytes.
const MOST_OUTPUT: usize = 32 << 20;
/// How long what was asked to end may go on.
const GRACE: Duration = Duration::from_secs(1);
/// How many of rpm's lines are quoted, and how much of each, in characters.
const QUOTED: usize = 3;
const LONGEST_QUOTE: usize = 200;

/// Runs the script `$0` with a gibibyte of memory for each process, without core files, in the spec's directory.
const LIMITED: &str = r#"ulimit -v 1048576 && ulimit -c 0 && cd "$1" && shift && eval "$0""#;

impl Spec {
    /// Runs a script of ours; what it wrote on standard output.
    pub(super) fn run(&self, script: &str, arguments: &[&OsStr]) -> Result<Vec<u8>, SpecError> {
        let said = Arc::new(Mutex::new(Said::default()));
        let words = ["/bin/sh", "-c", LIMITED, script, SPECS].map(OsStr::new);
        let invocation = Invocation::new(words.iter().chain(arguments))
            .read_only_bind(&self.copies.specs, SPECS)
            .read_only_bind(&self.copies.sources, SOURCES)
            .read_only_bind(&self.copies.skeletons, SKELETONS)
            // It is on disk, and as large as that.
            .read_only_bind(&self.copies.empty, "/var")
            .environment("HOME", "/tmp")
            .environment("TMPDIR", "/tmp")
            .environment("LC_ALL", "C.UTF-8")
            .deadline(self.patience)
            .grace(GRACE)
            .output({
                let said = Arc::clone(&said);
                move |stream, bytes| said.lock().unwrap_or_else(PoisonError::into_inner).hear(stream, bytes)
            });
        let done = match self.root.run(invocation) {
            Err(RunError::Sink(_)) => return Err(SpecError::TooMuch(MOST_OUTPUT)),
            done => done?,
        };
        match done.outcome {
            Outcome::Exited(0) => Ok(std::mem::take(&mut said.lock().unwrap_or_else(PoisonError::into_inner).stdout)),
            Outcome::Exited(code) => Err(refused(code, &done.stderr.bytes())),
            Outcome::DeadlineExceeded => Err(SpecError::TooLong(self.patience)),
            Outcome::SetupFailed(words) => Err(SpecError::Sandbox(words)),
            other => Err(SpecError::Sandbox(format!("rpm did not come to its end: {other:?}"))),
        }
    }
}

/// What was written, within bounds.
#[derive(Debug, Default)]
struct Said {
    stdout: Vec<u8>,
    bytes: usize,
}

impl Said {
    fn hear(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len();
        if self.bytes > MOST_OUTPUT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if stream == Stream::Stdout {
            self.stdout.extend_from_slice(bytes);
        }
        Ok(())
    }
}

/// rpm's own words: its errors, or its last line where it calls nothing an error.
fn refused(code: u8, stderr: &[u8]) -> SpecError {
    let lines = || stderr.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let errors = lines().filter_map(|line| line.strip_prefix(b"error: "));
    // That it could not be queried says what the errors before it say.
    let errors: Vec<&[u8]> = errors.filter(|error| !error.starts_with(b"query of specfile ")).take(QUOTED).collect();
    // rpm, `build/parsePreamble.c`.
    if errors.iter().any(|error| error.starts_with(b"Architecture is ")) {
        return SpecError::OtherArchitecture;
    }
    let told: Vec<String> = match (errors.is_empty(), lines().next_back()) {
        (true, Some(last)) => vec![quoted(last)],
        (true, None) => vec![format!("it ended with {code}, and said nothing")],
        (false, _) => errors.into_iter().map(quoted).collect(),
    };
    SpecError::Refused(told.join("; "))
}

fn quoted(line: &[u8]) -> String {
    let line = text::escape(line);
    match line.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Packages, by their names, that come each with its size in a line before it.
pub fn taken_apart(mut bytes: &[u8]) -> Result<Vec<Package>, SpecError> {
    let mut packages = Vec::new();
    while !bytes.is_empty() {
        let end = bytes.iter().position(|&byte| byte == b'\n').ok_or(SpecError::Packages)?;
        let size = text::decimal::<usize>(bytes[..end].trim_ascii()).ok_or(SpecError::Packages)?;
        let (mut package, rest) = bytes[end + 1..].split_at_checked(size).ok_or(SpecError::Packages)?;
        packages.push(Package::read(&mut package)?);
        bytes = rest;
    }
    if packages.is_empty() {
        return Err(SpecError::Packages);
    }
    packages.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(packages)
}
