//! One sandbox, from the start of bubblewrap until nothing of it is left.

mod launch;

use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags};
use nix::unistd::Pid;

use super::super::protocol::{self, Cause, Done, Failure, Heard, Reply, Wait};
use super::attached::Attached;
use super::mounts::Mounts;
use super::pids::{Limit, Limited};
use super::processes::{self, Payload};
use super::status::Status;
use launch::{Execution, Launched, launch};

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

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Seek, Write};
    use std::process::{Child, Command, Stdio};

    use nix::errno::Errno;

    use super::super::super::protocol::Role;
    use super::launch::pipe;
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
