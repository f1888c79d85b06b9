//! The attempts in somebody else's sandbox, by the arguments they give to bubblewrap.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use super::trial::{EscapeError, PATIENCE};
use super::{Escape, Shown, launcher};
use crate::argv;
use crate::buildroot::command;
use crate::bwrap::ask;
use crate::facts::escape::{Attempts, Outcome};
use crate::facts::frame;
use crate::inspect::nonce;

/// What is said of what bubblewrap's arguments have no part in.
const OF_LAUNCHER: &str = "it is up to whoever starts bubblewrap, and not to its arguments";

/// A sandbox of somebody else's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The bubblewrap.
    pub program: PathBuf,
    options: Vec<OsString>,
    command: Option<OsString>,
    /// What it is started in.
    kind: launcher::Kind,
}

/// Words that are no sandbox.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no bubblewrap to start: say `-- bwrap OPTION... -- COMMAND`")]
pub struct NoProgram;

impl Line {
    /// Divides what would be typed: the bubblewrap, its options, and after `--` the command.
    ///
    /// # Errors
    /// There is nothing to start.
    pub fn parse(words: &[OsString]) -> Result<Self, NoProgram> {
        let (program, rest) = words.split_first().ok_or(NoProgram)?;
        let end = rest.iter().position(|word| word == "--").unwrap_or(rest.len());
        Ok(Self {
            program: program.into(),
            options: rest[..end].to_vec(),
            command: rest.get(end + 1).cloned(),
            kind: launcher::Kind::Line,
        })
    }

    /// A sandbox that contains nothing, so that what is closed in it is closed by this machine.
    pub fn control(bwrap: &Path) -> Self {
        Self { program: bwrap.to_owned(), options: argv::uncontained(), command: None, kind: launcher::Kind::Control }
    }

    /// Starts it with the probe in the place of the command, and makes all attempts. `program` is the bubblewrap as it was
    /// found.
    ///
    /// # Errors
    /// See [`EscapeError`].
    pub fn attempt(&self, program: &Path, probe: &Path) -> Result<Attempts, EscapeError> {
        let starter = command(None)?;
        let nonce = nonce()?;
        let failed = |source: io::Error| EscapeError::NotStarted { program: starter.clone(), source };
        let probe = std::path::absolute(probe).map_err(failed)?;
        // A file that is there already need not be made where the sandbox shows the host's.
        let at = match &self.command {
            Some(command) if Path::new(command).is_absolute() => command,
            Some(_) | None => probe.as_os_str(),
        };
        let mut words = vec![launcher::ARGUMENT.into(), self.kind.word().into(), program.as_os_str().to_owned()];
        words.extend(argv::with_program(&self.options, &probe, at));
        words.extend(["--nonce", &nonce].map(OsString::from));
        let answer = ask(&starter, words.iter().map(OsString::as_os_str), PATIENCE).map_err(failed)?;
        match frame::open_attempts(answer.stdout.as_bytes(), &nonce) {
            Ok(attempts) => Ok(self.judged(attempts)),
            Err(_) if !answer.status.success() => Err(EscapeError::Line(answer.last_words())),
            Err(damage) => Err(damage.into()),
        }
    }

    /// What is true of the line: some of it is not its, but ours.
    fn judged(&self, mut attempts: Attempts) -> Attempts {
        if self.kind == launcher::Kind::Line {
            for escape in Escape::all().filter(|escape| escape.shown == Shown::OfLauncher) {
                attempts.outcomes.insert(escape.id.to_owned(), Outcome::Absent(OF_LAUNCHER.to_owned()));
            }
        }
        attempts
    }

    /// The line as it would be typed, for a shell.
    pub fn shell(&self) -> String {
        let command = self.command.iter().flat_map(|command| [OsStr::new("--"), command]);
        argv::shell_words(
            [self.program.as_os_str()].into_iter().chain(self.options.iter().map(OsString::as_os_str)).chain(command),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::with_a_command(&["bwrap", "--ro-bind", "/", "/", "--", "/bin/sh", "-c", "--"], &["--ro-bind", "/", "/"], Some("/bin/sh"))]
    #[case::without(&["bwrap", "--ro-bind", "/", "/"], &["--ro-bind", "/", "/"], None)]
    #[case::with_an_end_only(&["bwrap", "--"], &[], None)]
    fn a_line_is_options_and_a_command(
        #[case] words: &[&str],
        #[case] options: &[&str],
        #[case] command: Option<&str>,
    ) {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        let line = Line::parse(&words).expect("a line");
        assert_eq!(
            (
                line.options.iter().map(|word| word.to_str()).collect::<Option<Vec<_>>>(),
                line.command.as_deref().and_then(OsStr::to_str)
            ),
            (Some(options.to_vec()), command)
        );
    }

    #[test]
    fn nothing_is_no_line() {
        assert_eq!(Line::parse(&[]), Err(NoProgram));
    }
}
