//! How a run ended: as an exit code, in words, and as the document that `run --status-file` writes.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rootcontract::buildroot::Outcome;
use rootcontract::profile::Profile;
use serde::Serialize;

use super::failure::Failure;
use super::{CouldNot, output};

/// What signal 13 makes of a program that writes where nobody reads.
const SIGPIPE: u8 = 13;

/// How a run ended.
#[derive(Debug)]
pub enum Ending {
    /// By itself, or never having begun.
    Outcome(Outcome),
    /// The time was up.
    TimeUp(Duration),
    /// It wrote nothing for so long.
    Idle(Duration),
    /// A signal asked us to end.
    Interrupted(u8),
    /// Our output has no reader any more.
    NobodyReads,
}

impl Ending {
    /// What we exit with.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Outcome(Outcome::Exited(code)) => *code,
            Self::Outcome(Outcome::DeadlineExceeded | Outcome::IdleExceeded) | Self::TimeUp(_) | Self::Idle(_) => 124,
            Self::Outcome(Outcome::NotExecutable) => 126,
            Self::Outcome(Outcome::NotFound) => 127,
            Self::Outcome(_) => CouldNot::Run as u8,
            Self::Interrupted(signal) => 128 + signal,
            Self::NobodyReads => 128 + SIGPIPE,
        }
    }

    /// What is to be said about it, if the payload has not had the last word.
    pub fn told(&self) -> Option<String> {
        Some(match self {
            Self::Outcome(Outcome::Exited(_)) | Self::NobodyReads => return None,
            Self::Outcome(Outcome::DeadlineExceeded) => "run: the time was up".to_owned(),
            Self::TimeUp(after) => format!("run: ended after {}", humantime::format_duration(*after)),
            Self::Outcome(Outcome::IdleExceeded) => "run: it wrote nothing for too long".to_owned(),
            Self::Idle(after) => format!("run: ended: it wrote nothing for {}", humantime::format_duration(*after)),
            Self::Interrupted(signal) => format!("run: ended by signal {signal}"),
            Self::Outcome(Outcome::NotFound) => "run: no such program in the build root".to_owned(),
            Self::Outcome(Outcome::NotExecutable) => "run: can't be executed in the build root".to_owned(),
            Self::Outcome(Outcome::SetupFailed(why)) => format!("run: the sandbox was not built: {}", why.trim()),
            Self::Outcome(Outcome::BubblewrapKilled(signal)) => format!("run: signal {signal} ended bubblewrap"),
            Self::Outcome(other) => format!("run: {other:?}"),
        })
    }

    /// The word for it in the status file.
    fn word(&self) -> &'static str {
        match self {
            Self::Outcome(Outcome::Exited(_)) => "exited",
            Self::Outcome(Outcome::DeadlineExceeded) | Self::TimeUp(_) => "deadline-exceeded",
            Self::Outcome(Outcome::IdleExceeded) | Self::Idle(_) => "idle-exceeded",
            Self::Outcome(Outcome::NotFound) => "not-found",
            Self::Outcome(Outcome::NotExecutable) => "not-executable",
            Self::Outcome(Outcome::SetupFailed(_)) => "setup-failed",
            Self::Outcome(Outcome::BubblewrapKilled(_)) => "bubblewrap-killed",
            Self::Interrupted(_) | Self::Outcome(_) => "interrupted",
            Self::NobodyReads => "output-closed",
        }
    }
}

/// The document.
#[derive(Debug, Serialize)]
pub struct Status {
    schema: &'static str,
    reports: [Report; 1],
    #[serde(skip)]
    since: Instant,
}

#[derive(Debug, Serialize)]
struct Report {
    profile: &'static str,
    command: Vec<String>,
    /// A word of [`Ending::word`], or `failed`.
    outcome: &'static str,
    /// The payload's own code, if it ran to its end.
    exited: Option<u8>,
    /// What we exit with.
    exit_code: u8,
    message: Option<String>,
    seconds: f64,
}

impl Status {
    /// A run that begins now.
    pub fn new(profile: Profile, command: &[OsString]) -> Self {
        let shown = |word: &OsString| rootcontract::facts::text::escape(word.as_bytes());
        let report = Report {
            profile: profile.name(),
            command: command.iter().map(shown).collect(),
            outcome: "failed",
            exited: None,
            exit_code: CouldNot::Run as u8,
            message: None,
            seconds: 0.0,
        };
        Self { schema: "rootcontract.status/1", reports: [report], since: Instant::now() }
    }

    /// The run is over, or could not be carried out for this reason.
    pub fn end(&mut self, ending: Result<&Ending, String>) {
        let [report] = &mut self.reports;
        report.seconds = self.since.elapsed().as_secs_f64();
        match ending {
            Ok(ending) => {
                report.outcome = ending.word();
                report.exit_code = ending.exit_code();
                report.message = ending.told();
                report.exited = match ending {
                    Ending::Outcome(Outcome::Exited(code)) => Some(*code),
                    Ending::Outcome(_)
                    | Ending::TimeUp(_)
                    | Ending::Idle(_)
                    | Ending::Interrupted(_)
                    | Ending::NobodyReads => None,
                };
            }
            Err(why) => report.message = Some(why),
        }
    }

    /// Writes it.
    pub fn save(&self, file: &Path) -> Result<(), Failure> {
        let document = output::json(self)?;
        if file == Path::new(output::STDOUT) {
            output::print(&document)
        } else {
            output::save(file, document.as_bytes())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::its_own(Ending::Outcome(Outcome::Exited(7)), 7, "exited")]
    #[case::a_signal_inside(Ending::Outcome(Outcome::Exited(139)), 139, "exited")]
    #[case::time_up(Ending::TimeUp(Duration::from_secs(1)), 124, "deadline-exceeded")]
    #[case::silent(Ending::Idle(Duration::from_secs(1)), 124, "idle-exceeded")]
    #[case::not_built(Ending::Outcome(Outcome::SetupFailed(String::new())), 125, "setup-failed")]
    #[case::bubblewrap_killed(Ending::Outcome(Outcome::BubblewrapKilled(9)), 125, "bubblewrap-killed")]
    #[case::not_executable(Ending::Outcome(Outcome::NotExecutable), 126, "not-executable")]
    #[case::not_found(Ending::Outcome(Outcome::NotFound), 127, "not-found")]
    #[case::asked_to_end(Ending::Interrupted(15), 143, "interrupted")]
    #[case::nobody_reads(Ending::NobodyReads, 141, "output-closed")]
    fn an_ending_exits_with(#[case] ending: Ending, #[case] code: u8, #[case] word: &str) {
        assert_eq!((ending.exit_code(), ending.word()), (code, word));
    }
}
