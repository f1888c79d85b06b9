//! A short question to a program: what it says, whatever it is, in bounded time and size.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

/// The most that is read of each stream: `--help` of bubblewrap 0.12 is 6 KiB.
const LONGEST: u64 = 64 << 10;
/// How long is waited for what was said by a program that has ended. It is there, unless a daemon holds the stream open.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// How a program ended, and what it said.
#[derive(Debug)]
pub(crate) struct Answer {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it said beside that.
    pub stderr: String,
}

impl Answer {
    /// What it said last, or how it ended if it said nothing.
    pub fn last_words(&self) -> String {
        match self.stderr.trim_end().lines().next_back() {
            Some(line) => line.to_owned(),
            None => format!("it ended with {}", self.status),
        }
    }
}

/// Runs `program` without an environment, for as long as `patience` lasts. What it leaves running is killed.
///
/// # Errors
/// `errno` of starting it; `TimedOut`.
pub(crate) fn ask(
    program: &Path,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    patience: Duration,
) -> io::Result<Answer> {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    crate::sys::with_default_signals(&mut command);
    let mut child = command.spawn()?;
    let (stdout, stderr) = (child.stdout.take().map(heard), child.stderr.take().map(heard));
    let group = Pid::from_raw(child.id().try_into().unwrap_or_default());
    let ended = ends_within(group, patience);
    // It has not been waited for yet, so the number is still its own.
    let _nothing_left = killpg(group, Signal::SIGKILL);
    let status = child.wait()?;
    if !ended? {
        let told = format!("it did not end within {} s", patience.as_secs_f32());
        return Err(io::Error::new(io::ErrorKind::TimedOut, told));
    }
    let text = |stream: Option<Receiver<String>>| {
        stream.and_then(|stream| stream.recv_timeout(AFTERWARDS).ok()).unwrap_or_default()
    };
    Ok(Answer { status, stdout: text(stdout), stderr: text(stderr) })
}

/// Whether the process ends in time. It stays to be waited for.
pub(super) fn ends_within(process: Pid, patience: Duration) -> io::Result<bool> {
    let started = Instant::now();
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
    while waitid(Id::Pid(process), flags)? == WaitStatus::StillAlive {
        if started.elapsed() > patience {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(true)
}

/// What comes out of `stream`. The thread is not waited for: a daemon may hold the other end for ever.
fn heard(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (say, hear) = channel();
    std::thread::spawn(move || {
        let mut text = Vec::new();
        let _what_there_is = stream.take(LONGEST).read_to_end(&mut text);
        let _nobody_listens = say.send(String::from_utf8_lossy(&text).into_owned());
    });
    hear
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, patience: Duration) -> io::Result<Answer> {
        ask(Path::new("/bin/sh"), ["-c", script], patience)
    }

    #[test]
    fn what_is_said_on_either_stream_is_heard() {
        let answer = shell("echo out; echo one >&2; echo two >&2; exit 3", Duration::from_secs(20)).expect("an answer");
        assert_eq!((answer.stdout.as_str(), answer.status.code()), ("out\n", Some(3)));
        assert_eq!(answer.last_words(), "two");
    }

    #[test]
    fn one_that_says_nothing_is_told_by_its_end() {
        let answer = shell("exit 3", Duration::from_secs(20)).expect("an answer");
        assert_eq!(answer.last_words(), "it ended with exit status: 3");
    }

    #[test]
    fn one_that_hangs_is_ended() {
        let error = shell("sleep 1000", Duration::from_millis(50)).expect_err("too late");
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (io::ErrorKind::TimedOut, "it did not end within 0.05 s")
        );
    }

    #[test]
    fn what_it_leaves_running_holds_nobody_up() {
        let started = Instant::now();
        let answer = shell("sleep 1000 & echo out", Duration::from_secs(500)).expect("an answer");
        assert_eq!(answer.stdout, "out\n");
        assert!(started.elapsed() < Duration::from_secs(400), "{:?}", started.elapsed());
    }

    #[test]
    fn output_without_end_is_not_kept() {
        let answer = shell("yes", Duration::from_secs(20)).expect("an answer");
        assert_eq!((answer.stdout.len() as u64, answer.status.success()), (LONGEST, false));
    }
}
