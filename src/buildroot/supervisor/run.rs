//! One sandbox, from the start of bubblewrap until nothing of it is left.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags};
use nix::sched::CloneFlags;
use nix::sys::socket::{MsgFlags, recv};
use nix::unistd::Pid;

use super::super::protocol::{self, Cause, Done, Failure, Reply, Wait};
use super::mounts::Mounts;
use super::pids::{Limit, Limited};
use super::{STATUS_LIMIT, processes};

/// A sandbox that is running, or being ended.
#[derive(Debug)]
pub(super) struct Run {
    /// bubblewrap, as PID 1 of the run's pid namespace.
    pub init: Pid,
    reply: OwnedFd,
    status: File,
    stage: Stage,
    deadline: Option<Instant>,
    grace: Duration,
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

impl Run {
    /// Starts bubblewrap, and tells the caller.
    ///
    /// # Errors
    /// What could not be done, with the socket to say so on.
    pub fn start(
        request: &protocol::Run,
        reply: OwnedFd,
        descriptors: Vec<OwnedFd>,
        mounts: &Mounts,
        limit: &Limit,
    ) -> Result<Self, (Failure, OwnedFd)> {
        let limited = match limit.of_run() {
            Ok(limited) => limited,
            Err(failure) => return Err((failure, reply)),
        };
        match launch(request, descriptors, mounts, &limited) {
            Ok((init, status, pid_namespace)) => {
                protocol::answer(&reply, &Reply::Started { pid_namespace });
                // What is beyond the clock's end is no deadline.
                let deadline = request.deadline.and_then(|after| Instant::now().checked_add(after));
                Ok(Self {
                    init,
                    reply,
                    status,
                    stage: Stage::Running,
                    deadline,
                    grace: request.grace,
                    _limited: limited,
                })
            }
            Err(failure) => Err((failure, reply)),
        }
    }

    /// The descriptor that has news of this run: its caller's.
    pub fn waits_for(&self) -> Option<PollFd<'_>> {
        (self.stage == Stage::Running).then(|| PollFd::new(self.reply.as_fd(), PollFlags::POLLIN))
    }

    /// When this run has to be looked at again.
    pub fn next_deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Running => self.deadline,
            Stage::Asked { kill_at, .. } => kill_at,
            Stage::Killed { .. } => None,
        }
    }

    /// Does what is due at `now`.
    pub fn step(&mut self, now: Instant) {
        match self.stage {
            Stage::Running if self.caller_spoke() => self.ask_to_end(Cause::Caller, now),
            Stage::Running if self.deadline.is_some_and(|deadline| now >= deadline) => {
                self.ask_to_end(Cause::Deadline, now);
            }
            Stage::Asked { cause, kill_at: Some(kill_at) } if now >= kill_at => {
                processes::kill(self.init);
                self.stage = Stage::Killed { cause };
            }
            Stage::Running | Stage::Asked { .. } | Stage::Killed { .. } => {}
        }
    }

    fn ask_to_end(&mut self, cause: Cause, now: Instant) {
        processes::terminate_below(self.init);
        self.stage = Stage::Asked { cause, kill_at: now.checked_add(self.grace) };
    }

    /// Whether the caller asked for the end, or is gone.
    fn caller_spoke(&self) -> bool {
        recv(self.reply.as_raw_fd(), &mut [0], MsgFlags::MSG_DONTWAIT) != Err(Errno::EAGAIN)
    }

    /// Reports the end: bubblewrap has ended, and with it its pid namespace and all that was in it.
    pub fn report(self, wait: Wait) {
        let mut status = Vec::new();
        // What is longer than the limit is no status of bubblewrap's; it is cut and then not understood.
        let _unreadable = self.status.take(STATUS_LIMIT).read_to_end(&mut status);
        let cause = match self.stage {
            Stage::Running => Cause::Itself,
            Stage::Asked { cause, .. } | Stage::Killed { cause } => cause,
        };
        protocol::answer(&self.reply, &Reply::Done(Done { wait, status, cause }));
    }
}

/// Executes bubblewrap: its process, the status pipe, and the inode of the pid namespace it runs in.
fn launch(
    request: &protocol::Run,
    descriptors: Vec<OwnedFd>,
    mounts: &Mounts,
    limited: &Limited,
) -> Result<(Pid, File, u64), Failure> {
    let [stdin, stdout, stderr, further @ ..] = descriptors.as_slice() else {
        return Err(Failure::new("start a run without three descriptors", Errno::EBADF));
    };
    let (status, status_end) = pipe()?;
    let (failure, failure_end) = pipe()?;
    let strings = Strings::new(request).map_err(|error| Failure::new("pass an argument with a NUL byte", error))?;
    let (init, pid_namespace) = in_new_pid_namespace(|| {
        crate::sys::start(&crate::sys::Start {
            program: &strings.program,
            arguments: &strings.arguments.iter().map(CString::as_c_str).collect::<Vec<_>>(),
            environment: &strings.environment.iter().map(CString::as_c_str).collect::<Vec<_>>(),
            descriptors: &[stdin, stdout, stderr, &status_end]
                .into_iter()
                .chain(further)
                .map(AsFd::as_fd)
                .collect::<Vec<_>>(),
            mount_namespace: mounts.namespace_with(&request.sources),
            failure: failure_end.as_fd(),
            write: limited.write.as_ref().map(|(file, text)| (file.as_c_str(), text.as_c_str())),
            sleeper: request.sleeper,
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
        Ok(Self { program: CString::new(request.program.as_bytes())?, arguments, environment })
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
