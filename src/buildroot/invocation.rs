//! What is run in an open root: a command, and all that belongs to this one run.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use crate::plan::{Access, HostPath, Instruction, SandboxPath};
use crate::profile::CallerBind;

/// How long a run that was asked to end may still take, unless said otherwise.
pub const GRACE: Duration = Duration::from_secs(10);

/// The payload's umask: what osbuild's own callers have, and what its modes assume.
const UMASK: u32 = 0o022;

/// A command to run in an open root.
#[derive(Debug)]
pub struct Invocation {
    pub(super) argv: Vec<OsString>,
    pub(super) binds: Vec<CallerBind>,
    pub(super) repeated_below: Option<SandboxPath>,
    pub(super) environment: BTreeMap<OsString, OsString>,
    pub(super) stdin: Stdin,
    pub(super) deadline: Option<Duration>,
    pub(super) idle_deadline: Option<Duration>,
    pub(super) grace: Duration,
    pub(super) streams: Streams,
    pub(super) sink: Option<Sink>,
    pub(super) interrupt: Option<OwnedFd>,
    pub(super) hurry: Option<OwnedFd>,
    pub(super) sleeper: Option<i32>,
    pub(super) umask: u32,
    pub(super) leaked: Option<OwnedFd>,
    pub(super) tracer: Option<(Vec<Instruction>, OwnedFd)>,
}

/// What the payload reads.
#[derive(Debug)]
pub enum Stdin {
    /// Nothing: `/dev/null`.
    Null,
    /// This file. A terminal is not for payloads: with CAP_SYS_ADMIN they can type into it (TIOCSTI).
    File(File),
}

/// Whether stdout and stderr are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Streams {
    /// Two pipes. Which of two lines on different pipes came first is not known.
    Apart,
    /// One pipe, as osbuild has it: everything arrives as [`Stream::Stdout`], in order.
    Merged,
    /// Stdin is a pseudo terminal of the caller's own, and stdout and stderr are the same: nothing of it arrives here.
    Terminal,
}

/// Which stream output came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error. bubblewrap's own messages come here too.
    Stderr,
}

/// Takes output as it comes: bytes, cut anywhere.
pub struct Sink(pub(super) Box<TakesOutput>);

type TakesOutput = dyn FnMut(Stream, &[u8]) -> io::Result<()> + Send;

impl fmt::Debug for Sink {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Sink")
    }
}

impl Invocation {
    /// A command and its arguments. With a runner, the runner gets them as its arguments.
    pub fn new<A: AsRef<OsStr>>(argv: impl IntoIterator<Item = A>) -> Self {
        Self {
            argv: argv.into_iter().map(|word| word.as_ref().to_owned()).collect(),
            binds: Vec::new(),
            repeated_below: None,
            environment: BTreeMap::new(),
            stdin: Stdin::Null,
            deadline: None,
            idle_deadline: None,
            grace: GRACE,
            streams: Streams::Apart,
            sink: None,
            interrupt: None,
            hurry: None,
            sleeper: None,
            umask: UMASK,
            leaked: None,
            tracer: None,
        }
    }

    /// With these words before all others.
    #[must_use]
    pub(crate) fn preceded_by<const N: usize>(mut self, words: [&str; N]) -> Self {
        self.argv.splice(..0, words.map(OsString::from));
        self
    }

    /// Mounts `source` of the host read-write at `target`, an absolute path inside. Either may hold any byte but NUL.
    #[must_use]
    pub fn bind(self, source: impl Into<PathBuf>, target: impl Into<PathBuf>) -> Self {
        self.with_bind(source.into(), target.into(), Access::ReadWrite)
    }

    /// Mounts `source` of the host read-only at `target`.
    #[must_use]
    pub fn read_only_bind(self, source: impl Into<PathBuf>, target: impl Into<PathBuf>) -> Self {
        self.with_bind(source.into(), target.into(), Access::ReadOnly)
    }

    fn with_bind(mut self, source: PathBuf, to: PathBuf, access: Access) -> Self {
        // A relative source is the caller's; the supervisor's directory is `/`.
        let from = HostPath::new(std::path::absolute(&source).unwrap_or(source));
        self.binds.push(CallerBind { from, to, access });
        self
    }

    /// Mounts the root's `/dev`, `/proc` and `/sys`, with all that is below them, once more in the directory `target`.
    #[cfg(feature = "rpm")]
    #[must_use]
    pub(crate) fn repeated_below(mut self, target: &str) -> Self {
        self.repeated_below = Some(SandboxPath::new(target));
        self
    }

    /// Sets a variable, over what the profile sets.
    #[must_use]
    pub fn environment(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// What the payload reads; nothing, unless said otherwise.
    #[must_use]
    pub fn stdin(mut self, stdin: Stdin) -> Self {
        self.stdin = stdin;
        self
    }

    /// How long it may take, by the clock on the wall. Then every process gets SIGTERM, and is killed after the grace.
    /// While the caller is stopped (SIGSTOP, Ctrl-Z) the run is stopped too, and that time does not count.
    #[must_use]
    pub fn deadline(mut self, after: Duration) -> Self {
        self.deadline = Some(after);
        self
    }

    /// How long it may write nothing, to neither stream; then it is ended as at a deadline.
    #[must_use]
    pub fn idle_deadline(mut self, after: Duration) -> Self {
        self.idle_deadline = Some(after);
        self
    }

    /// How long a run that was asked to end may still take; ten seconds, unless said otherwise.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Whether stdout and stderr are kept apart; they are, unless said otherwise.
    #[must_use]
    pub fn streams(mut self, streams: Streams) -> Self {
        self.streams = streams;
        self
    }

    /// Where output goes as it comes. When the sink fails the run is ended, and [`super::RunError::Sink`] says why.
    #[must_use]
    pub fn output(mut self, sink: impl FnMut(Stream, &[u8]) -> io::Result<()> + Send + 'static) -> Self {
        self.sink = Some(Sink(Box::new(sink)));
        self
    }

    /// When this descriptor becomes readable, or its other end is closed, the run is asked to end, as at a deadline.
    /// The supervisor waits for it, whatever the sink is doing: a pipe will do, a signalfd will not.
    #[must_use]
    pub fn interrupt(mut self, descriptor: OwnedFd) -> Self {
        self.interrupt = Some(descriptor);
        self
    }

    /// When this descriptor becomes readable, or its other end is closed, the run is killed without a grace.
    #[must_use]
    pub fn hurry(mut self, descriptor: OwnedFd) -> Self {
        self.hurry = Some(descriptor);
        self
    }

    /// Leaves a process sleeping in the pid namespace bubblewrap runs in, for the probe to look for from inside.
    #[must_use]
    pub(crate) fn sleeper(mut self, pid: i32) -> Self {
        self.sleeper = Some(pid);
        self
    }

    /// Starts the payload with another umask, to see whether a check notices.
    #[must_use]
    pub(crate) fn umask(mut self, umask: u32) -> Self {
        self.umask = umask;
        self
    }

    /// Has the run wait for the tracer at the other end of `socket`, who is told of the system calls that `filter` names.
    #[cfg(feature = "rpm")]
    #[must_use]
    pub(crate) fn awaiting_tracer(mut self, filter: Vec<Instruction>, socket: OwnedFd) -> Self {
        self.tracer = Some((filter, socket));
        self
    }

    /// Lets a descriptor get into the sandbox, to see whether a check notices.
    #[must_use]
    pub(crate) fn leak(mut self, descriptor: OwnedFd) -> Self {
        self.leaked = Some(descriptor);
        self
    }
}
