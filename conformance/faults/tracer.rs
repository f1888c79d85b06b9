//! Runs the command with every call of its own processes counted, and one of them failed. What it executes besides
//! itself, bubblewrap among it, is let go.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::registers;

/// How long a run may take, from its start until no process of it is left. It takes some tens of milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// Calls that have no error: the end, one that says where the heap is, and those that the C library and its plugins (that
/// of systemd for users' names) abort without.
const NEVER_FAIL: [u64; 7] = [
    libc::SYS_futex as u64,
    libc::SYS_rt_sigprocmask as u64,
    libc::SYS_exit as u64,
    libc::SYS_exit_group as u64,
    libc::SYS_rt_sigreturn as u64,
    libc::SYS_brk as u64,
    libc::SYS_rseq as u64,
];

/// A process of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The command itself, from its `main` on.
    Harness,
    /// Its threads.
    Thread,
    /// What it forks, until that executes something.
    Spawned,
    /// The supervisor, from its `main` on.
    Supervisor,
    /// The supervisor's PID 1.
    Init,
    /// What that forks, until it executes bubblewrap.
    Launched,
    /// Somebody else.
    Stranger,
}

/// What happens at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is not made and fails so.
    Error(Errno),
    /// It is made, and the command is killed.
    Kill,
}

/// One call, and what happens at it.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub role: Role,
    /// Which of the calls of that role, from 0.
    pub index: usize,
    pub fault: Fault,
}

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}:{}:", self.role, self.index)?;
        match self.fault {
            Fault::Error(errno) => write!(out, "{errno:?}"),
            Fault::Kill => out.write_str("kill"),
        }
    }
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Trace {
    /// How many calls each role made.
    pub calls: BTreeMap<Role, usize>,
    /// The number of the call that was hit.
    pub hit: Option<u64>,
    /// How the command ended, if it did.
    pub end: Option<WaitStatus>,
    /// Something ran on after [`PATIENCE`].
    pub hung: bool,
    pub stdout: String,
    pub stderr: String,
}

/// A thread of a process.
#[derive(Debug)]
struct Task {
    role: Role,
    /// Whether its `main` has begun; before it are the loader and the runtime.
    begun: bool,
    inside: bool,
    failing: Option<Errno>,
}

impl Task {
    fn new(role: Role) -> Self {
        let begun = !matches!(role, Role::Harness | Role::Supervisor);
        Self { role, begun, inside: false, failing: None }
    }
}

/// Runs `command` and fails `case`, if there is one.
// It is waited for by its number, as everybody else here.
#[expect(clippy::zombie_processes)]
pub fn trace(command: &[&str], case: Option<Case>) -> Trace {
    let [stdout, stderr] = ["/tmp/stdout", "/tmp/stderr"].map(|path| File::create(path).expect("a file"));
    let child = Command::new("sh")
        .args(["-c", "kill -STOP $$; exec \"$@\"", "sh"])
        .args(command)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .process_group(0)
        .spawn()
        .expect("sh");
    let harness = Pid::from_raw(child.id().try_into().expect("a pid"));
    waitpid(harness, Some(WaitPidFlag::WUNTRACED)).expect("it stops itself");
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_TRACEFORK
        | Options::PTRACE_O_TRACEVFORK
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_EXITKILL;
    ptrace::seize(harness, options).expect("a tracee");
    kill(harness, Signal::SIGCONT).expect("a signal");

    let mut tracer = Tracer { harness, case, tasks: HashMap::new(), early: Vec::new(), trace: Trace::default() };
    tracer.tasks.insert(harness, Task::new(Role::Harness));
    tracer.trace.hung = within_patience(|| while tracer.step() {});
    let read = |path| String::from_utf8_lossy(&std::fs::read(path).expect("a file")).into_owned();
    Trace { stdout: read("/tmp/stdout"), stderr: read("/tmp/stderr"), ..tracer.trace }
}

/// Does `work`, and kills all there is (this is PID 1 of its namespace) when it takes too long; whether it did.
fn within_patience(work: impl FnOnce()) -> bool {
    let late = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (done, wait) = channel::<()>();
        let late = &late;
        scope.spawn(move || {
            while wait.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                late.store(true, Ordering::Relaxed);
                let _nobody_left = kill(Pid::from_raw(-1), Signal::SIGKILL);
            }
        });
        work();
        drop(done);
    });
    late.into_inner()
}

struct Tracer {
    harness: Pid,
    case: Option<Case>,
    tasks: HashMap<Pid, Task>,
    /// Those that stopped before their parent told of them.
    early: Vec<Pid>,
    trace: Trace,
}

impl Tracer {
    /// Takes the next event; whether there may be more. As PID 1 this is everybody's parent in the end: who has no
    /// child here is alone.
    fn step(&mut self) -> bool {
        match waitpid(None, Some(WaitPidFlag::__WALL)) {
            Err(Errno::ECHILD) => return false,
            Err(errno) => panic!("waitpid: {errno}"),
            Ok(WaitStatus::PtraceSyscall(pid)) => self.call(pid),
            Ok(WaitStatus::PtraceEvent(pid, _, event)) => self.event(pid, event),
            Ok(WaitStatus::Stopped(pid, signal)) => {
                let _ended = ptrace::syscall(pid, signal);
            }
            Ok(end @ (WaitStatus::Exited(..) | WaitStatus::Signaled(..))) => {
                if end.pid() == Some(self.harness) {
                    self.trace.end = Some(end);
                }
            }
            Ok(_) => {}
        }
        true
    }

    fn event(&mut self, pid: Pid, event: i32) {
        match event {
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
                let child = ptrace::getevent(pid).ok().and_then(|child| i32::try_from(child).ok());
                if let (Some(child), Some(parent)) = (child.map(Pid::from_raw), self.tasks.get(&pid)) {
                    let role = match parent.role {
                        Role::Harness | Role::Thread if is_thread(child, self.harness) => Role::Thread,
                        Role::Harness | Role::Thread => Role::Spawned,
                        Role::Supervisor => Role::Init,
                        Role::Init => Role::Launched,
                        Role::Spawned | Role::Launched | Role::Stranger => Role::Stranger,
                    };
                    self.tasks.insert(child, Task::new(role));
                    if let Some(at) = self.early.iter().position(|&early| early == child) {
                        self.early.swap_remove(at);
                        let _ended = ptrace::syscall(child, None);
                    }
                }
            }
            libc::PTRACE_EVENT_EXEC => {
                let role = match self.tasks.get(&pid).map(|task| task.role) {
                    Some(Role::Harness) => Role::Harness,
                    Some(Role::Spawned) if is_supervisor(pid) => Role::Supervisor,
                    _ => {
                        self.tasks.remove(&pid);
                        let _ended = ptrace::detach(pid, None);
                        return;
                    }
                };
                // The call that executed it has yet to end.
                self.tasks.insert(pid, Task { inside: true, ..Task::new(role) });
            }
            _ if !self.tasks.contains_key(&pid) => {
                self.early.push(pid);
                return;
            }
            _ => {}
        }
        let _ended = ptrace::syscall(pid, None);
    }

    /// A call begins or ends.
    fn call(&mut self, pid: Pid) {
        if let Some(task) = self.tasks.get_mut(&pid) {
            task.inside = !task.inside;
            let (number, argument) = registers::call(pid).unwrap_or_default();
            if task.inside {
                let begins = match task.role {
                    Role::Harness => (number, argument) == (libc::SYS_rt_sigaction as u64, libc::SIGCHLD as u64),
                    Role::Supervisor => number == libc::SYS_close_range as u64,
                    _ => true,
                };
                task.begun |= begins;
                if task.begun {
                    let index = self.trace.calls.entry(task.role).or_default();
                    let hit = self.case.filter(|case| case.role == task.role && case.index == *index);
                    *index += 1;
                    match hit.map(|case| case.fault) {
                        Some(Fault::Error(_)) if NEVER_FAIL.contains(&number) => {}
                        Some(Fault::Error(errno)) => {
                            task.failing = Some(errno);
                            // A descriptor is closed whatever close says of it.
                            if number != libc::SYS_close as u64 {
                                let _ended = registers::leave_out(pid);
                            }
                        }
                        Some(Fault::Kill) => {
                            let _ended = kill(self.harness, Signal::SIGKILL);
                        }
                        None => {}
                    }
                    self.trace.hit = self.trace.hit.or(hit.map(|_| number));
                }
            } else if let Some(errno) = task.failing.take() {
                let _ended = registers::fail(pid, errno);
            }
        }
        let _ended = ptrace::syscall(pid, None);
    }
}

fn is_thread(pid: Pid, of: Pid) -> bool {
    std::fs::exists(format!("/proc/{of}/task/{pid}")).unwrap_or(false)
}

fn is_supervisor(pid: Pid) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|&byte| byte == 0).nth(1) == Some(rootcontract::buildroot::supervisor::ARGUMENT.as_bytes())
}
