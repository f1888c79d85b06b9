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
    pid_namespace: u64,
    /// What tells whether it was executed, until that is known.
    execution: Option<Execution>,
    /// Why it was not.
    failed: Option<Failure>,
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

/// A process that is becoming bubblewrap: what has to be done before may have to wait for somebody else.
#[derive(Debug)]
struct Execution {
    program: String,
    /// Here comes the error; it ends without a word when the program is executed.
    errno: File,
}

/// A run stands still, as its caller does.
#[derive(Debug)]
struct Pause {
    since: Instant,
    stopped: Vec<Pid>,
}

impl Run {
    /// Starts bubblewrap. It does not wait until that is executed.
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
            Ok(Launched { init, pid_namespace, execution, status }) => {
                let now = Instant::now();
                Ok(Self {
                    init,
                    attached,
                    reply: Some(reply),
                    pid_namespace,
                    execution: Some(execution),
                    failed: None,
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
        let execution = self.execution.as_ref().map(|execution| execution.errno.as_fd());
        let descriptors = [reply, interrupt, hurry, execution, self.status.waits_for()].into_iter().flatten();
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
        self.hear_of_execution();
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

    /// Hears whether bubblewrap was executed.
    fn hear_of_execution(&mut self) {
        let Some(Execution { program, errno }) = &mut self.execution else { return };
        let mut number = [0; size_of::<i32>()];
        let failed = match errno.read(&mut number) {
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => return,
            Ok(0) => None,
            Ok(_) => Some(io::Error::from_raw_os_error(i32::from_ne_bytes(number))),
            Err(error) => Some(error),
        };
        self.failed = failed.map(|error| Failure::new(format!("execute {program}"), error));
        self.execution = None;
        if self.failed.is_some() {
            processes::kill(self.init);
        }
    }

    /// Stops what runs when the caller was stopped, and lets it go on when the caller does: the time between does not
    /// count.
    fn stand_still_with_caller(&mut self, now: Instant) {
        match (&self.pause, self.attached.caller_is_stopped()) {
            (None, true) => self.pause = Some(Pause { since: now, stopped: processes::stop_below(self.init) }),
            (Some(_), false) => self.go_on(now),
            (None, false) | (Some(_), true) => {}
        }
    }

    /// Lets go on what stands still, if it does. What is due is due later by the time it stood.
    fn go_on(&mut self, now: Instant) {
        let Some(pause) = self.pause.take() else { return };
        processes::wake(&pause.stopped);
        let later = |at: Instant| at.checked_add(now - pause.since);
        self.deadline = self.deadline.and_then(later);
        if let Stage::Asked { kill_at, .. } = &mut self.stage {
            *kill_at = kill_at.and_then(later);
        }
    }

    fn ask_to_end(&mut self, cause: Cause, now: Instant) {
        // Before the grace begins: the pause until now is no part of it.
        self.go_on(now);
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
        self.hear_of_execution();
        self.status.take();
        let cause = match self.stage {
            Stage::Running if self.status.is_flood() => Cause::Flood,
            Stage::Running => Cause::Itself,
            Stage::Asked { cause, .. } | Stage::Killed { cause } => cause,
        };
        let Some(reply) = self.reply else { return };
        let done = Done { wait, status: self.status.text(), cause, pid_namespace: self.pid_namespace };
        protocol::conclude(reply, &self.failed.map_or(Reply::Done(done), Reply::Failed));
    }
}

/// A process that becomes bubblewrap.
struct Launched {
    init: Pid,
    /// The inode of the pid namespace it is in.
    pid_namespace: u64,
    execution: Execution,
    /// bubblewrap's status pipe.
    status: File,
}

/// Starts the process that becomes bubblewrap.
fn launch(
    request: &protocol::Run,
    streams: &[OwnedFd],
    attached: &Attached,
    mounts: &Mounts,
    limited: &Limited,
) -> Result<Launched, Failure> {
    let [stdin, stdout, stderr] = streams else {
        return Err(Failure::new("start a run without three descriptors", Errno::EBADF));
    };
    let (status, status_end) = pipe()?;
    let (errno, errno_end) = pipe()?;
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
            failure: errno_end.as_fd(),
            write: limited.write.as_ref().map(|(file, text)| (file.as_c_str(), text.as_c_str())),
            sleeper: request.sleeper,
            steps: &steps,
            umask: request.umask,
        })
    })
    .map_err(|error| Failure::new("start a process in a pid namespace of its own", error))?;
    let execution = Execution { program: request.program.to_string_lossy().into_owned(), errno };
    Ok(Launched { init, pid_namespace, execution, status })
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

/// A pipe that is read without waiting. Its ends are numbered above what a run begins with, since those numbers are always
/// taken in the supervisor.
fn pipe() -> Result<(File, OwnedFd), Failure> {
    let failed = |errno| Failure::new("make a pipe", errno);
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC).map_err(failed)?;
    fcntl(&read, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(failed)?;
    Ok((File::from(read), write))
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};
    use std::process::{Child, Command, Stdio};

    use super::super::super::protocol::Role;
    use super::*;

    /// Long after the test.
    const LONG: Duration = Duration::from_secs(60);

    /// A shell with a child, as if it were a bubblewrap with its payload.
    fn something_running() -> Child {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "sleep 60 & echo ready; wait"]).stdout(Stdio::piped());
        let mut shell = shell.spawn().expect("a shell");
        shell.stdout.as_mut().expect("its stdout").read_exact(&mut [0; 6]).expect("a word");
        shell
    }

    /// A run of it, that nobody waits for, and the ends of its pipes.
    fn run(of: &Child, attached: Attached, start: Instant) -> (Run, [OwnedFd; 2]) {
        let [(errno, errno_end), (status, status_end)] = [pipe(), pipe()].map(|pipe| pipe.expect("a pipe"));
        let run = Run {
            init: Pid::from_raw(of.id().try_into().expect("a pid")),
            attached,
            reply: None,
            pid_namespace: 0,
            execution: Some(Execution { program: "bwrap".to_owned(), errno }),
            failed: None,
            status: Status::new(status),
            stage: Stage::Running,
            deadline: None,
            grace: LONG,
            next_look: start,
            pause: None,
            _limited: Limited::default(),
        };
        (run, [errno_end, status_end])
    }

    #[test]
    fn the_time_for_which_the_caller_was_stopped_is_no_part_of_the_grace() {
        let mut shell = something_running();
        let mut caller = tempfile::tempfile().expect("a file");
        let mut is = |state: &str| {
            caller.rewind().expect("its beginning");
            caller.write_all(format!("1 (caller) {state} 0").as_bytes()).expect("a state");
            OwnedFd::from(caller.try_clone().expect("a descriptor"))
        };
        let (interrupt, asks) = nix::unistd::pipe().expect("a pipe");
        let start = Instant::now();
        let attached = Attached::new(&[Role::Caller, Role::Interrupt], vec![is("T"), interrupt]);
        let (mut run, _ends) = run(&shell, attached, start);
        run.step(start);
        assert!(run.pause.is_some());
        is("R");
        drop(asks);
        let asked = start + 100 * LONG;
        run.step(asked);
        run.step(asked + LOOK);
        shell.kill().and_then(|()| shell.wait()).expect("its end");
        assert_eq!(run.due(), Some(asked + LONG));
    }

    #[test]
    fn what_waits_before_it_becomes_bubblewrap_has_a_deadline_as_well() {
        let mut nobody = Command::new("/bin/sleep").arg("60").spawn().expect("a process");
        let start = Instant::now();
        let (mut run, _never_written_to) = run(&nobody, Attached::default(), start);
        run.deadline = Some(start + LONG);
        run.step(start);
        assert_eq!((run.stage, run.execution.is_some(), run.failed.is_some()), (Stage::Running, true, false));
        run.step(start + LONG);
        assert_eq!(run.stage, Stage::Killed { cause: Cause::Deadline });
        nobody.wait().expect("its end");
    }

    #[test]
    fn what_could_not_be_executed_ends_with_the_reason() {
        let mut nobody = Command::new("/bin/sleep").arg("60").spawn().expect("a process");
        let start = Instant::now();
        let (mut run, [errno, _]) = run(&nobody, Attached::default(), start);
        let (caller, reply) = protocol::packet_pair().expect("sockets");
        run.reply = Some(reply);
        File::from(errno).write_all(&(Errno::ENOEXEC as i32).to_ne_bytes()).expect("an errno");
        run.step(start);
        nobody.wait().expect("its end");
        run.report(Wait::Killed(9));
        let Ok(Reply::Failed(failure)) = protocol::reply(&caller) else { panic!("no failure is told") };
        assert_eq!(failure.line(), "cannot execute bwrap: Exec format error");
    }
}
