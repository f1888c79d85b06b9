//! How a run came out, told by what bubblewrap reported and how it ended.

use super::output::Captured;
use super::protocol::{Cause, Done, Wait};

/// A run that is over: nothing of it is left.
#[derive(Debug)]
pub struct Completed {
    /// How it came out.
    pub outcome: Outcome,
    /// The first and last of what it wrote to standard output.
    pub stdout: Captured,
    /// The first and last of what it wrote to standard error; empty where streams are merged.
    pub stderr: Captured,
    /// The pid namespace bubblewrap ran in: not the payload's, unless something is wrong.
    pub(crate) pid_namespace: u64,
}

/// How a run came out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The payload ran and ended with this code. Above 128 it is that code, or signal code − 128 killed it:
    /// bubblewrap does not tell the two apart, and neither do we.
    Exited(u8),
    /// The deadline passed. The payload got SIGTERM, and was killed if it did not go.
    DeadlineExceeded,
    /// Nothing was written for as long as the idle deadline. The payload was ended as at a deadline.
    IdleExceeded,
    /// The caller asked for the end.
    Interrupted,
    /// There is no such program inside.
    NotFound,
    /// There is one, and it can't be executed.
    NotExecutable,
    /// The sandbox was not built; the payload never ran. bubblewrap's own words.
    SetupFailed(String),
    /// bubblewrap was killed by this signal before it could report.
    BubblewrapKilled(i32),
}

impl Outcome {
    /// Whether the payload ran and ended with 0.
    pub fn success(&self) -> bool {
        *self == Self::Exited(0)
    }

    /// `stderr`: what was written there, which is bubblewrap's alone if the payload never ran.
    pub(super) fn judge(done: &Done, stderr: &[u8]) -> Self {
        match done.cause {
            Cause::Deadline => return Self::DeadlineExceeded,
            Cause::Idle => return Self::IdleExceeded,
            Cause::Caller => return Self::Interrupted,
            Cause::Flood => return Self::SetupFailed("it floods its status descriptor: is it bubblewrap?".to_owned()),
            Cause::Itself => {}
        }
        if let Some(code) = crate::bwrap::exit_code(&done.status) {
            return Self::Exited(code);
        }
        match done.wait {
            Wait::Killed(signal) => Self::BubblewrapKilled(signal),
            Wait::Exited(code) => crate::bwrap::failure(code, &String::from_utf8_lossy(stderr)),
        }
    }
}
