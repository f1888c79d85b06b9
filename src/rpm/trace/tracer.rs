//! The tracer: one thread that waits for what it traces.

use std::collections::{HashMap, HashSet};
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, UnixCredentials, recvmsg};
use nix::unistd::{Pid, pipe2};

use super::call::{self, Deed, Flags};
use super::lua;
use super::task::{Asked, Task, Who, is_alive, is_narrow, script};
use super::{Command, Cut, End, MOST_COMMANDS, MOST_REFUSALS, MOST_SCRIPTLETS, Ran, Refusal, Trace, noise};
use crate::plan::Instruction;
use crate::rpm::room::TREE;
use crate::sys::trace::{self as kernel, Change, Stop, Until, stop};

/// How long it may take until there is something to trace. It takes some milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why nothing was traced.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// The filter can't be made.
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
    #[error("make a filter of system calls")]
    Filter(#[from] seccompiler::BackendError),
    /// There is no filter for this machine's architecture.
    #[error("there is no filter of system calls for this machine's architecture")]
    Architecture,
    /// Nothing waits to be traced.
    #[error("what was to be traced did not come up within {} s", PATIENCE.as_secs())]
    Nobody,
    /// The kernel lets nobody trace.
    #[error("trace a process")]
    Refused(#[source] io::Error),
}

/// A tracer at work.
#[derive(Debug)]
pub struct Tracer {
    thread: JoinHandle<Result<Trace, TraceError>>,
    /// Closed when nobody will come up any more.
    expecting: OwnedFd,
}

impl Tracer {
    /// What the kernel is to tell a tracer of.
    ///
    /// # Errors
    /// [`TraceError::Filter`], or [`TraceError::Architecture`] where there is none for this machine's.
    pub fn filter() -> Result<Vec<Instruction>, TraceError> {
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
        return Ok(super::filter::compiled()?);
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
        return Err(TraceError::Architecture);
    }

    /// Waits for a process that says on the other end of `socket` that it is to be traced, and traces it, and whatever comes
    /// of it.
    ///
    /// # Errors
    /// `errno` of `pipe2`.
    pub fn listening(socket: OwnedFd) -> nix::Result<Self> {
        let (over, expecting) = pipe2(OFlag::O_CLOEXEC)?;
        let work = move || begin(&socket, &over).map(|first| Work::new(first).done());
        Ok(Self { thread: std::thread::spawn(work), expecting })
    }

    /// What was seen, once nothing is left of what was traced. Whoever was to come up has come up by now, or never will.
    ///
    /// # Errors
    /// See [`TraceError`].
    pub fn finish(self) -> Result<Trace, TraceError> {
        drop(self.expecting);
        self.thread.join().unwrap_or(Ok(Trace { cut: Some(Cut::Lost), ..Trace::default() }))
    }
}

/// Waits for who is to be traced, and lets it go on, traced.
fn begin(socket: &OwnedFd, over: &OwnedFd) -> Result<Pid, TraceError> {
    let mut waiting = [socket, over].map(|descriptor| PollFd::new(descriptor.as_fd(), PollFlags::POLLIN));
    let patience = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX);
    while poll(&mut waiting, patience) == Err(Errno::EINTR) {}
    // Who comes up and is gone again has said something.
    if !waiting[0].any().unwrap_or(false) {
        return Err(TraceError::Nobody);
    }
    let first = sender(socket).map_err(|errno| TraceError::Refused(errno.into()))?;
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACESECCOMP
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_TRACEFORK
        | Options::PTRACE_O_TRACEVFORK
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_EXITKILL;
    let seized = ptrace::seize(first, options).map_err(io::Error::from).and_then(|()| tells(first));
    let answered = seized.and_then(|()| nix::unistd::write(socket, &[0]).map_err(io::Error::from));
    match answered {
        Ok(_) => Ok(first),
        Err(error) => {
            // It would wait for ever.
            let _gone = kill(first, Signal::SIGKILL);
            Err(TraceError::Refused(error))
        }
    }
}

/// Whether the kernel says what a process is doing (since Linux 5.3), which it does only while that is stopped.
fn tells(pid: Pid) -> io::Result<()> {
    ptrace::interrupt(pid)?;
    // There is nobody else yet that this thread waits for.
    while !matches!(kernel::wait()?, None | Some((_, Change::Event(_)))) {}
    stop(pid)?;
    Ok(ptrace::cont(pid, None)?)
}

/// Who has said something, by the number that it has here: the kernel tells (unix(7), `SO_PASSCRED`).
fn sender(socket: &OwnedFd) -> nix::Result<Pid> {
    let mut byte = [0];
    let mut told = nix::cmsg_space!(UnixCredentials);
    let mut pieces = [IoSliceMut::new(&mut byte)];
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut pieces, Some(&mut told), MsgFlags::empty())?;
    let credentials = message.cmsgs()?.find_map(|one| match one {
        ControlMessageOwned::ScmCredentials(credentials) => Some(credentials),
        _ => None,
    });
    credentials.map(|credentials| Pid::from_raw(credentials.pid())).filter(|pid| pid.as_raw() > 0).ok_or(Errno::ESRCH)
}

/// What the tracer knows.
struct Work {
    tasks: HashMap<Pid, Task>,
    /// Those that stopped before their parent told of them.
    early: HashSet<Pid>,
    /// The processes whose end is that of a command, or of a scriptlet.
    leaders: HashMap<Pid, (usize, usize)>,
    trace: Trace,
}

impl Work {
    fn new(first: Pid) -> Self {
        let tasks = HashMap::from([(first, Task::first())]);
        Self { tasks, early: HashSet::new(), leaders: HashMap::new(), trace: Trace::default() }
    }

    /// Waits until nobody is left.
    fn done(mut self) -> Trace {
        loop {
            let (pid, change) = match kernel::wait() {
                Ok(Some(seen)) => seen,
                Ok(None) => return self.trace,
                Err(_) => return Trace { cut: Some(Cut::Lost), ..self.trace },
            };
            match change {
                Change::Event(event) => self.event(pid, event),
                Change::AtCall => self.ended(pid),
                Change::Signalled(signal) => let_go(pid, Until::Event, signal),
                Change::Halted => let_go(pid, Until::Continued, 0),
                Change::Exited(code) => self.gone(pid, End::Exited(code)),
                Change::Killed(signal) => self.gone(pid, End::Killed(signal)),
            }
        }
    }

    fn event(&mut self, pid: Pid, event: i32) {
        match event {
            libc::PTRACE_EVENT_SECCOMP => return self.asked(pid),
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => self.forked(pid),
            libc::PTRACE_EVENT_EXEC => self.executed(pid),
            _ if !self.tasks.contains_key(&pid) => {
                self.early.insert(pid);
                return;
            }
            _ => {}
        }
        go_on(pid);
    }

    fn forked(&mut self, pid: Pid) {
        let child = ptrace::getevent(pid).ok().and_then(|child| i32::try_from(child).ok()).map(Pid::from_raw);
        if let (Some(child), Some(parent)) = (child, self.tasks.get(&pid)) {
            let task = parent.child();
            self.tasks.insert(child, task);
            if self.early.remove(&child) {
                go_on(child);
            }
        }
    }

    /// A call begins.
    fn asked(&mut self, pid: Pid) {
        let Some(task) = self.tasks.get_mut(&pid) else { return go_on(pid) };
        let Ok(Stop::Call { number, arguments }) = stop(pid) else { return go_on(pid) };
        let Some(call) = call::numbered(number) else { return go_on(pid) };
        let is_chroot = call.name() == "chroot";
        let is_of_rpm = task.is_rpm();
        if task.who == Who::Outside && !is_of_rpm && !is_chroot && call.deed != Deed::Execute {
            return go_on(pid);
        }
        let asked = Asked::new(pid, call, arguments);
        if is_of_rpm && self.told(pid, &asked) {
            return go_on(pid);
        }
        let Some(task) = self.tasks.get_mut(&pid) else { return go_on(pid) };
        if task.who == Who::Outside && task.in_tree && task.forked {
            if let Some((_, arguments)) = &asked.program {
                if let Some(at) = self.trace.begin(pid, arguments) {
                    task.who = Who::Scriptlet { at, command: 0 };
                    self.leaders.insert(pid, (at, 0));
                }
            }
        }
        task.call = Some(asked);
        let_go(pid, Until::EndOfCall, 0);
    }

    /// Whether rpm tells with this call what becomes of a Lua scriptlet.
    fn told(&mut self, pid: Pid, asked: &Asked) -> bool {
        let Some(task) = self.tasks.get_mut(&pid) else { return false };
        if let (Who::Lua { at }, "fchdir") = (task.who, asked.call.name()) {
            task.who = Who::Outside;
            self.over(at, None);
            return true;
        }
        let path = if asked.call.flags == Flags::None { Vec::new() } else { asked.subject(pid) };
        let Some(name) = lua::begun(&path) else { return false };
        if task.who == Who::Outside {
            task.who = self.trace.begin_lua(name).map_or(Who::Outside, |at| Who::Lua { at });
        }
        true
    }

    /// A call has ended.
    fn ended(&mut self, pid: Pid) {
        let Some(task) = self.tasks.get_mut(&pid) else { return go_on(pid) };
        if let (Some(asked), Ok(Stop::Done(result))) = (task.call.take(), stop(pid)) {
            let errno = (-4095..0).contains(&result).then(|| Errno::from_raw((-result) as i32));
            if asked.call.name() == "chroot" && errno.is_none() {
                // rpm goes in by the tree's name, and out by `.`.
                let directory = asked.subject(pid);
                task.in_tree = directory.strip_suffix(b"/").unwrap_or(&directory) == TREE.as_bytes();
            }
            if let (Some((at, command)), Some(errno)) = (task.who.scriptlet(), errno) {
                self.trace.refuse(at, command, pid, &asked, errno);
            }
        }
        go_on(pid);
    }

    /// A program has taken the place of another.
    fn executed(&mut self, pid: Pid) {
        // A thread that executes takes on the number of its process.
        let former = ptrace::getevent(pid).ok().and_then(|pid| i32::try_from(pid).ok()).map_or(pid, Pid::from_raw);
        let Some(mut task) = self.tasks.remove(&former).or_else(|| self.tasks.remove(&pid)) else { return };
        let program = task.call.take().and_then(|asked| asked.program);
        if let (Who::Scriptlet { at, .. }, Some((_, arguments))) = (task.who, program) {
            let is_first = task.forked && self.leaders.get(&pid) == Some(&(at, 0));
            if !is_first {
                let command = self.trace.command(at, arguments);
                task.who = Who::Scriptlet { at, command };
                // What a process executes last is what ends with it; the scriptlet ends with its first process.
                self.leaders.entry(pid).and_modify(|leader| leader.1 = command).or_insert((at, command));
            }
        }
        if let Some((at, command)) = task.who.scriptlet().filter(|_| is_narrow(pid)) {
            self.trace.scriptlets[at].narrow.get_or_insert(command);
        }
        task.forked = false;
        self.tasks.insert(pid, task);
    }

    fn gone(&mut self, pid: Pid, end: End) {
        if let Some(Task { who: Who::Lua { at }, .. }) = self.tasks.remove(&pid) {
            self.over(at, Some(end));
        }
        self.early.remove(&pid);
        let Some((at, command)) = self.leaders.remove(&pid) else { return };
        let Some(ran) = self.trace.scriptlets.get_mut(at) else { return };
        if let Some(command) = ran.commands.get_mut(command) {
            command.end = Some(end);
        }
        if ran.first == Some(pid) {
            self.over(at, Some(end));
        }
    }

    /// A scriptlet is over.
    fn over(&mut self, at: usize, end: Option<End>) {
        // Who was killed at once has ended before its parent told of it, and is no more.
        let is_its =
            |(pid, task): &(&Pid, &Task)| task.who.scriptlet().is_some_and(|(of, _)| of == at) && is_alive(**pid);
        let left = self.tasks.iter().filter(is_its).count();
        if let Some(ran) = self.trace.scriptlets.get_mut(at) {
            ran.end = end;
            ran.left_running = left;
        }
    }
}

impl Trace {
    /// A scriptlet begins: which it is. `None`: there are too many.
    fn begin(&mut self, pid: Pid, arguments: &[Vec<u8>]) -> Option<usize> {
        self.add(Ran { script: script(pid, arguments), first: Some(pid), ..Ran::of(arguments.to_vec()) })
    }

    /// The same for one of Lua.
    fn begin_lua(&mut self, name: &[u8]) -> Option<usize> {
        self.add(Ran { name: name.to_vec(), ..Ran::of(vec![b"<lua>".to_vec()]) })
    }

    fn add(&mut self, ran: Ran) -> Option<usize> {
        let at = self.scriptlets.len();
        if at == MOST_SCRIPTLETS {
            self.cut = Some(Cut::TooMany);
        }
        (at < MOST_SCRIPTLETS).then(|| self.scriptlets.push(ran)).map(|()| at)
    }

    /// A command of a scriptlet begins: which it is.
    fn command(&mut self, at: usize, arguments: Vec<Vec<u8>>) -> usize {
        let Some(ran) = self.scriptlets.get_mut(at) else { return 0 };
        if ran.commands.len() < MOST_COMMANDS {
            ran.commands.push(Command { arguments, end: None });
        }
        ran.commands.len() - 1
    }

    fn refuse(&mut self, at: usize, command: usize, pid: Pid, asked: &Asked, errno: Errno) {
        let Some(ran) = self.scriptlets.get_mut(at) else { return };
        let deed = asked.deed(pid);
        let subject = match &asked.program {
            Some((path, _)) => path.clone(),
            None => asked.subject(pid),
        };
        if noise::is_search(deed, &subject, errno) {
            return;
        }
        let call = asked.call.name();
        let is_same = |refusal: &&mut Refusal| {
            (refusal.call, refusal.errno, refusal.command) == (call, errno, command) && refusal.subject == subject
        };
        if let Some(same) = ran.refusals.iter_mut().find(is_same) {
            same.times += 1;
        } else if ran.refusals.len() < MOST_REFUSALS {
            ran.refusals.push(Refusal { deed, call, subject, errno, command, times: 1 });
        } else {
            ran.dropped += 1;
        }
    }
}

/// Lets a thread go on.
fn go_on(pid: Pid) {
    let_go(pid, Until::Event, 0);
}

/// The same with a signal, or not as far. One that is no more has been let go already.
fn let_go(pid: Pid, until: Until, signal: i32) {
    let _ended = kernel::let_go(pid, until, signal);
}

#[cfg(test)]
mod tests {
    use std::process::Command as Program;
    use std::time::Instant;

    use nix::sys::wait::{Id, WaitPidFlag, waitid};

    use super::*;
    use crate::rpm::trace::line;

    /// Its parent's word of it comes later than its end, where it is killed at once.
    #[test]
    fn who_has_ended_before_anybody_told_of_it_is_not_left_running() {
        let mut ended = Program::new("true").spawn().expect("a process");
        let number = Pid::from_raw(ended.id().try_into().expect("a number"));
        waitid(Id::Pid(number), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).expect("an end");
        let (first, here) = (Pid::from_raw(i32::MAX), Pid::this());
        let mut work = Work::new(first);
        let at = work.trace.add(Ran { first: Some(first), ..Ran::default() }).expect("room");
        work.leaders.insert(first, (at, 0));
        let task = Task { who: Who::Scriptlet { at, command: 0 }, ..Task::first() };
        work.tasks.extend([(number, task.clone()), (here, task)]);
        work.gone(first, End::Exited(0));
        assert_eq!((work.trace.scriptlets[at].end, work.trace.scriptlets[at].left_running), (Some(End::Exited(0)), 1));
        ended.wait().expect("an end");
    }

    #[test]
    fn who_never_comes_up_is_not_waited_for() {
        let (ours, _theirs) = line().expect("a socket");
        let begun = Instant::now();
        let seen = Tracer::listening(ours).expect("a tracer").finish();
        assert!(matches!(seen, Err(TraceError::Nobody)), "{seen:?}");
        assert!(begun.elapsed() < PATIENCE / 2, "{:?}", begun.elapsed());
    }
}
