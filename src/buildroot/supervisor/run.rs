//! One sandbox, from the start of bubblewrap until nothing of it is left.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags};
use nix::sched::CloneFlags;
use nix::unistd::Pid;

use super::super::protocol::{self, Cause, Done, Failure, Heard, Reply, Wait};
use super::attached::Attached;
use super::mounts::Mounts;
use super::pids::{Limit, Limited};
use super::processes::{self, Payload};
use super::status::Status;
use crate::plan::Preparation;
use crate::sys::Step;

/// How often a run's caller is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// A sandbox that is running, or being ended.
#[derive(Debug)]
pub(super) struct Run {
    /// bubblewrap, as PID 1 of the run's pid namespace.
    pub init: Pid,
    attached: Attached,
    /// Where its end is reported; `None` once nobody is there to hear of it.
    reply: Option<OwnedFd>,
    status: Status,
    stage: Stage,
    deadline: Option<Instant>,
    grace: Duration,
    next_look: Instant,
    pause: Option<Pause>,
    /// Goes when nothing of the run is left.
    _limited: Limited,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// On its own.
    Running,
    /// Asked to end with SIGTERM.
    Asked { cause: Cause, kill_at: Option<Instant> },
    /// Killed; its end is only waited for.
    Killed { cause: Cause },
}

/// A run stands still, as its caller does.
#[derive(Debug)]
struct Pause {
    since: Instant,
    stopped: Vec<Pid>,
}

impl Run {
    /// Starts bubblewrap, and tells the caller.
    ///
    /// # Errors
    /// What could not be done, with the socket to say so on.
    pub fn start(
        request: &protocol::Run,
        reply: OwnedFd,
        mut descriptors: Vec<OwnedFd>,
        mounts: &Mounts,
        limit: &Limit,
    ) -> Result<Self, (Failure, OwnedFd)> {
        let limited = match limit.of_run() {
            Ok(limited) => limited,
            Err(failure) => return Err((failure, reply)),
        };
        let further = descriptors.split_off(descriptors.len().min(3));
        let attached = Attached::new(&request.further, further);
        match launch(request, &descriptors, &attached, mounts, &limited) {
            Ok((init, status, pid_namespace)) => {
                if let Err(error) = protocol::answer(&reply, &Reply::Started { pid_namespace }) {
                    processes::kill(init);
                    return Err((Failure::new("tell that bubblewrap runs", error), reply));
                }
                let now = Instant::now();
                Ok(Self {
                    init,
                    attached,
                    reply: Some(reply),
                    status: Status::new(status),
                    stage: Stage::Running,
                    // What is beyond the clock's end is no deadline.
                    deadline: request.deadline.and_then(|after| now.checked_add(after)),
                    grace: request.grace,
                    next_look: now + LOOK,
                    pause: None,
                    _limited: limited,
                })
            }
            Err(failure) => Err((failure, reply)),
        }
    }

    /// The descriptors that have news of this run: its caller's, and bubblewrap's.
    pub fn waits_for(&self) -> impl Iterator<Item = PollFd<'_>> {
        let reply = self.reply.as_ref().map(AsFd::as_fd);
        let interrupt = self.attached.interrupt().filter(|_| self.stage == Stage::Running);
        let hurry = self.attached.hurry().filter(|_| !self.is_killed());
        let descriptors = [reply, interrupt, hurry, self.status.waits_for()].into_iter().flatten();
        descriptors.map(|descriptor| PollFd::new(descriptor, PollFlags::POLLIN))
    }

    /// When this run has to be looked at again.
    pub fn next_step(&self) -> Instant {
        let due = if self.pause.is_some() { None } else { self.due() };
        due.map_or(self.next_look, |due| due.min(self.next_look))
    }

    /// When its stage ends.
    fn due(&self) -> Option<Instant> {
        match self.stage {
            Stage::Running => self.deadline,
            Stage::Asked { kill_at, .. } => kill_at,
            Stage::Killed { .. } => None,
        }
    }

    /// Does what is due at `now`.
    pub fn step(&mut self, now: Instant) {
        self.hear(now);
        self.status.take();
        if self.status.is_flood() && !self.is_killed() {
            self.kill(Cause::Flood);
        }
        if now >= self.next_step() {
            self.next_look = now + LOOK;
            self.stand_still_with_caller(now);
        }
        if self.pause.is_none() && self.due().is_some_and(|due| now >= due) {
            match self.stage {
                Stage::Running => self.ask_to_end(Cause::Deadline, now),
                Stage::Asked { cause, .. } => self.kill(cause),
                Stage::Killed { .. } => {}
            }
        }
    }

    /// Does what the caller wants.
    fn hear(&mut self, now: Instant) {
        let heard = self.reply.as_ref().map_or(Heard::Nothing, protocol::heard);
        if heard == Heard::Gone {
            self.reply = None;
        }
        match (self.stage, heard) {
            (Stage::Running, Heard::Idle) => self.ask_to_end(Cause::Idle, now),
            (Stage::Running, Heard::Gone) => self.ask_to_end(Cause::Caller, now),
            (Stage::Running, Heard::Nothing) if self.attached.interrupted() => self.ask_to_end(Cause::Caller, now),
            _ => {}
        }
        match self.stage {
            Stage::Running if self.attached.hurried() => self.kill(Cause::Caller),
            Stage::Asked { cause, .. } if self.attached.hurried() => self.kill(cause),
            Stage::Running | Stage::Asked { .. } | Stage::Killed { .. } => {}
        }
    }

    /// Stops what runs when the caller was stopped, and lets it go on when the caller does: the time between does not
    /// count.
    fn stand_still_with_caller(&mut self, now: Instant) {
        let stopped = self.attached.caller_is_stopped();
        match self.pause.take() {
            None if stopped => self.pause = Some(Pause { since: now, stopped: processes::stop_below(self.init) }),
            Some(pause) if stopped => self.pause = Some(pause),
            Some(pause) => {
                processes::wake(&pause.stopped);
                let later = |at: Instant| at.checked_add(now - pause.since);
                self.deadline = self.deadline.and_then(later);
                if let Stage::Asked { kill_at, .. } = &mut self.stage {
                    *kill_at = kill_at.and_then(later);
                }
            }
            None => {}
        }
    }

    fn ask_to_end(&mut self, cause: Cause, now: Instant) {
        match processes::terminate_below(self.init) {
            Payload::Begun => self.stage = Stage::Asked { cause, kill_at: now.checked_add(self.grace) },
            Payload::NotYet => self.kill(cause),
        }
    }

    fn kill(&mut self, cause: Cause) {
        processes::kill(self.init);
        self.stage = Stage::Killed { cause };
    }

    fn is_killed(&self) -> bool {
        matches!(self.stage, Stage::Killed { .. })
    }

    /// Reports the end: bubblewrap has ended, and with it its pid namespace and all that was in it.
    pub fn report(mut self, wait: Wait) {
        self.status.take();
        let cause = match self.stage {
            Stage::Running if self.status.is_flood() => Cause::Flood,
            Stage::Running => Cause::Itself,
            Stage::Asked { cause, .. } | Stage::Killed { cause } => cause,
        };
        if let Some(reply) = self.reply {
            protocol::conclude(reply, &Reply::Done(Done { wait, status: self.status.text(), cause }));
        }
    }
}

/// Executes bubblewrap: its process, the status pipe, and the inode of the pid namespace it runs in.
fn launch(
    request: &protocol::Run,
    streams: &[OwnedFd],
    attached: &Attached,
    mounts: &Mounts,
    limited: &Limited,
) -> Result<(Pid, File, u64), Failure> {
    let [stdin, stdout, stderr] = streams else {
        return Err(Failure::new("start a run without three descriptors", Errno::EBADF));
    };
    let (status, status_end) = pipe()?;
    let (failure, failure_end) = pipe()?;
    let strings = Strings::new(request).map_err(|error| Failure::new("pass an argument with a NUL byte", error))?;
    let steps: Vec<_> = strings.before.iter().map(|one| one.step(attached)).collect();
    let (init, pid_namespace) = in_new_pid_namespace(|| {
        crate::sys::start(&crate::sys::Start {
            program: &strings.program,
            arguments: &strings.arguments.iter().map(CString::as_c_str).collect::<Vec<_>>(),
            environment: &strings.environment.iter().map(CString::as_c_str).collect::<Vec<_>>(),
            descriptors: &[stdin, stdout, stderr, &status_end]
                .into_iter()
                .chain(&attached.inherited)
                .map(AsFd::as_fd)
                .collect::<Vec<_>>(),
            mount_namespace: mounts.namespace_with(&request.sources),
            failure: failure_end.as_fd(),
            write: limited.write.as_ref().map(|(file, text)| (file.as_c_str(), text.as_c_str())),
            sleeper: request.sleeper,
            steps: &steps,
            umask: request.umask,
        })
    })
    .map_err(|error| Failure::new("start a process in a pid namespace of its own", error))?;
    drop((failure_end, status_end));
    executed(failure).map_err(|error| {
        processes::kill(init);
        Failure::new(format!("execute {}", request.program.to_string_lossy()), error)
    })?;
    fcntl(&status, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(|errno| {
        processes::kill(init);
        Failure::new("make the status pipe non-blocking", errno)
    })?;
    Ok((init, File::from(status), pid_namespace))
}

/// A request's strings as the kernel takes them.
struct Strings {
    program: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    before: Vec<Prepared>,
}

/// What is done first, with what it takes.
enum Prepared {
    Tmpfs { at: CString, options: CString },
    HostName(CString),
    LeaveKeyring,
    GoFirst,
    Settle,
    AwaitTracer(Vec<crate::sys::Filter>),
}

impl Prepared {
    fn new(preparation: &Preparation) -> io::Result<Self> {
        Ok(match preparation {
            Preparation::Tmpfs { at, mode, size } => Self::Tmpfs {
                at: CString::new(at.0.as_os_str().as_bytes())?,
                options: CString::new(format!("mode={mode:o},size={size}"))?,
            },
            Preparation::HostName(name) => Self::HostName(CString::new(name.as_bytes())?),
            Preparation::LeaveKeyring => Self::LeaveKeyring,
            Preparation::GoFirst => Self::GoFirst,
            Preparation::Settle => Self::Settle,
            Preparation::AwaitTracer(filter) => Self::AwaitTracer(filter.iter().map(crate::sys::instruction).collect()),
        })
    }

    fn step<'a>(&'a self, attached: &'a Attached) -> Step<'a> {
        match self {
            Self::Tmpfs { at, options } => Step::Tmpfs { at, options },
            Self::HostName(name) => Step::HostName(name),
            Self::LeaveKeyring => Step::LeaveKeyring,
            Self::GoFirst => Step::GoFirst,
            Self::Settle => Step::Settle,
            Self::AwaitTracer(filter) => {
                Step::AwaitTracer { filter, tracer: attached.tracer.as_ref().map(AsFd::as_fd) }
            }
        }
    }
}

impl Strings {
    fn new(request: &protocol::Run) -> io::Result<Self> {
        let arguments = std::iter::once(Ok(c"bwrap".to_owned()))
            .chain(request.arguments.iter().map(|argument| CString::new(argument.as_bytes())))
            .collect::<Result<_, _>>()?;
        let environment = request
            .environment
            .iter()
            .map(|(name, value)| CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()))
            .collect::<Result<_, _>>()?;
        let before = request.before.iter().map(Prepared::new).collect::<Result<_, _>>()?;
        Ok(Self { program: CString::new(request.program.as_bytes())?, arguments, environment, before })
    }
}

/// Forks by `fork` so that the child is PID 1 of a new pid namespace, whose inode is given too,
/// and goes back to the supervisor's own.
fn in_new_pid_namespace(fork: impl FnOnce() -> io::Result<Pid>) -> io::Result<(Pid, u64)> {
    let own = File::open("/proc/self/ns/pid")?;
    nix::sched::unshare(CloneFlags::CLONE_NEWPID)?;
    let forked = fork();
    // Looked at from here, since the child may be gone already.
    let inode = std::fs::metadata("/proc/self/ns/pid_for_children").map(|metadata| metadata.ino());
    let back = nix::sched::setns(own, CloneFlags::CLONE_NEWPID);
    let init = forked?;
    match back.map_err(io::Error::from).and(inode) {
        Ok(inode) => Ok((init, inode)),
        Err(error) => {
            processes::kill(init);
            Err(error)
        }
    }
}

/// Waits until the program is executed; the error it was not executed with.
fn executed(failure: OwnedFd) -> io::Result<()> {
    let mut errno = [0; size_of::<i32>()];
    match File::from(failure).read_exact(&mut errno) {
        Ok(()) => Err(io::Error::from_raw_os_error(i32::from_ne_bytes(errno))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
        Err(error) => Err(error),
    }
}

/// A pipe, its ends numbered above what a run begins with, since those numbers are always taken in the supervisor.
fn pipe() -> Result<(OwnedFd, OwnedFd), Failure> {
    nix::unistd::pipe2(OFlag::O_CLOEXEC).map_err(|errno| Failure::new("make a pipe", errno))
}
