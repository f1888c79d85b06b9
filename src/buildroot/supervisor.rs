//! The supervisor: PID 1 of a pid and mount namespace of its own, one for each open root.
//!
//! It holds the mounts and `/dev`, starts bubblewrap for each run in a further pid namespace, and ends, taking
//! everything with it, when its control socket closes, whatever became of the other side. It has one thread
//! and waits in one `poll`.

mod attached;
mod canaries;
mod devices;
mod group;
mod held;
mod lean;
pub(crate) mod marks;
mod mounts;
mod pids;
mod processes;
mod run;
mod status;
mod user_namespace;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::CloneFlags;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid};

use super::privilege::Ids;
use super::protocol::{self, Arrival, Copied, Failure, Open, Opened, Received, Reply, Request, Surroundings};
use super::scratch;
use marks::Planted;
use mounts::Mounts;
use run::Run;

/// The first argument that makes the command a supervisor.
pub const ARGUMENT: &str = "__supervisor";

/// The most that is kept of what bubblewrap writes to its status descriptor; it writes two short lines.
pub(super) const STATUS_LIMIT: usize = 4 << 10;

/// How many descriptors a run can begin with, at the most.
const LOW_DESCRIPTORS: i32 = 8;

/// Becomes the supervisor. Standard input is the control socket; ends when that closes.
pub fn main() -> ExitCode {
    match supervise() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rootcontract: the supervisor cannot go on: {error}");
            ExitCode::FAILURE
        }
    }
}

fn supervise() -> io::Result<()> {
    crate::sys::close_inherited(3)?;
    crate::sys::reset_signals()?;
    let control = crate::sys::take_standard_input()?;
    // Standard error stays; the low numbers are taken, so that what arrives later is numbered above what a run begins with.
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    for number in (0..LOW_DESCRIPTORS).filter(|&number| number != 2) {
        crate::sys::replace_descriptor(null.as_fd(), number)?;
    }
    let _open_for_good = std::os::fd::IntoRawFd::into_raw_fd(null);
    // A terminal's Ctrl-C is for the caller, who then ends us by going away.
    let _already_a_leader = nix::unistd::setsid();
    let Arrival::Request(received) = protocol::receive(control.as_fd()) else { return Ok(()) };
    let Received { request, reply, descriptors: locks } = *received;
    let open = match request {
        Ok(Request::Open(open)) => open,
        Ok(_) => return Ok(()),
        Err(failure) => {
            protocol::conclude(reply, &Reply::Failed(failure));
            return Ok(());
        }
    };
    let begun = copy(open.program.as_ref()).and_then(|()| user_namespace::enter(&open.ids, namespaces(&open)));
    if let Err(failure) = begun {
        protocol::conclude(reply, &Reply::Failed(failure));
        return Ok(());
    }
    match crate::sys::fork_single_threaded()? {
        ForkResult::Parent { child } => {
            drop((control, reply, locks));
            std::process::exit(i32::from(!ends_well(child)))
        }
        // The locks stay open until the process ends: while they are held nobody else clears our directories away.
        ForkResult::Child => init(&control, reply, &open),
    }
}

/// Copies a program. Here nobody forks meanwhile: what a thread of the caller's starts would hold the copy open for
/// writing until it is another program itself, and who executes the copy so long gets ETXTBSY (execve(2)).
fn copy(program: Option<&Copied>) -> Result<(), Failure> {
    let Some(Copied { from, to }) = program else { return Ok(()) };
    std::fs::copy(from, to)
        .and_then(|_| std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o755)))
        .map_err(|error| Failure::new(format!("copy {} to {}", from.to_string_lossy(), to.to_string_lossy()), error))
}

/// Waits for PID 1; whether it took everything down.
fn ends_well(init: Pid) -> bool {
    loop {
        match waitpid(init, None) {
            Err(Errno::EINTR) => {}
            ended => return matches!(ended, Ok(WaitStatus::Exited(_, 0))),
        }
    }
}

fn namespaces(open: &Open) -> CloneFlags {
    let own = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID;
    own | match open.surroundings {
        Surroundings::Host => CloneFlags::empty(),
        Surroundings::Marked if open.ids == Ids::Kept => DECOY,
        // What a user namespace owns is no host's: nothing would be learned.
        Surroundings::Marked => CloneFlags::empty(),
        Surroundings::Canaries => CloneFlags::CLONE_NEWIPC,
        Surroundings::Decoy => DECOY | CloneFlags::CLONE_NEWCGROUP,
    }
}

/// What a success could change, for those who are root outside.
pub(crate) const DECOY: CloneFlags =
    CloneFlags::CLONE_NEWIPC.union(CloneFlags::CLONE_NEWNET).union(CloneFlags::CLONE_NEWUTS);

/// PID 1: opens the root, serves requests, takes the root down.
fn init(control: &OwnedFd, reply: OwnedFd, open: &Open) -> io::Result<()> {
    let mut children = SigSet::empty();
    children.add(Signal::SIGCHLD);
    children.thread_block()?;
    let children = SignalFd::with_flags(&children, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    let failures = match Supervisor::open(open, children) {
        Ok((mut supervisor, opened)) => {
            protocol::conclude(reply, &Reply::Opened(opened));
            let close = supervisor.serve(control);
            let failures = supervisor.take_down(&open.scratch);
            if let Some(reply) = close? {
                protocol::conclude(reply, &Reply::Closed(failures.clone()));
            }
            failures
        }
        Err(failure) => {
            held::unmount(Path::new(&open.held));
            // Answered last: who hears of it may look at once whether anything was left.
            let failures = mounts::remove(&open.scratch);
            protocol::conclude(reply, &Reply::Failed(failure));
            failures
        }
    };
    std::process::exit(i32::from(!failures.is_empty()))
}

/// Descriptors kept for what must not fail for want of any: to take a request, with the socket for its answer, and to close,
/// which takes directories on the way down in what is removed. A root that could not be closed is not opened.
#[derive(Debug, Default)]
struct Reserve(Vec<OwnedFd>);

impl Reserve {
    /// How many that takes, at the most.
    const ENOUGH: usize = 6;

    /// Keeps as many, copies of any.
    fn keep(&mut self, any: &impl AsFd) -> Result<(), Failure> {
        while self.0.len() < Self::ENOUGH {
            let one = any.as_fd().try_clone_to_owned();
            self.0.push(one.map_err(|error| Failure::new("keep descriptors for closing it", error))?);
        }
        Ok(())
    }

    fn give_up(&mut self) {
        self.0.clear();
    }
}

/// The state of one open root.
#[derive(Debug)]
struct Supervisor {
    mounts: Mounts,
    limit: pids::Limit,
    children: SignalFd,
    reserve: Reserve,
    runs: Vec<Run>,
    /// What must stay open for the canaries and the marks to be found.
    _canaries: canaries::Planted,
    _marks: Option<Planted>,
}

impl Supervisor {
    fn open(open: &Open, children: SignalFd) -> Result<(Self, Opened), Failure> {
        mounts::make_private(&open.ids)?;
        for place in &open.places {
            scratch::clear_abandoned(Path::new(place));
        }
        held::mount_sources(open)?;
        let devices = devices::make(open)?;
        let canaries = canaries::plant(open.surroundings)?;
        let mounts = Mounts::new(open)?;
        let marks = marks(open)?;
        let (limit, pids) = pids::Limit::choose(open.pids);
        let opened = Opened {
            namespaces: processes::namespaces("self")?,
            devices,
            covers: open.covers.iter().filter(|name| Path::new("/proc").join(name).exists()).cloned().collect(),
            canaries: canaries.known.clone(),
            marks: marks.as_ref().map(|marks| Box::new(marks.known.clone())),
            inherited: (open.ids != Ids::Kept).then(|| Box::new(crate::probe::inherited())),
            pids,
        };
        let mut reserve = Reserve::default();
        reserve.keep(&children)?;
        Ok((Self { mounts, limit, children, reserve, runs: Vec::new(), _canaries: canaries, _marks: marks }, opened))
    }

    /// Serves until asked to close, which gives the socket to answer on, or until the other side is gone.
    fn serve(&mut self, control: &OwnedFd) -> io::Result<Option<OwnedFd>> {
        loop {
            if self.wait(control)? {
                self.reserve.give_up();
                match protocol::receive(control.as_fd()) {
                    Arrival::Request(received) => match *received {
                        Received { request: Ok(Request::Close), reply, .. } => return Ok(Some(reply)),
                        received => self.carry_out(received),
                    },
                    Arrival::Unanswerable => {}
                    Arrival::End => return Ok(None),
                }
            }
            while let Ok(Some(_)) = self.children.read_signal() {}
            self.reap();
            let now = Instant::now();
            for run in &mut self.runs {
                run.step(now);
            }
        }
    }

    /// Waits for something to do; whether it is a request.
    fn wait(&self, control: &OwnedFd) -> io::Result<bool> {
        let mut waiting = vec![
            PollFd::new(control.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.children.as_fd(), PollFlags::POLLIN),
        ];
        waiting.extend(self.runs.iter().flat_map(Run::waits_for));
        let next = self.runs.iter().map(Run::next_step).min();
        let timeout = next.map_or(PollTimeout::NONE, |at| {
            let left = at.saturating_duration_since(Instant::now()).as_millis() + 1;
            i32::try_from(left).ok().and_then(|left| PollTimeout::try_from(left).ok()).unwrap_or(PollTimeout::MAX)
        });
        match poll(&mut waiting, timeout) {
            Err(Errno::EINTR) => Ok(false),
            result => {
                result?;
                Ok(waiting[0].any().unwrap_or(false))
            }
        }
    }

    fn carry_out(&mut self, Received { request, reply, descriptors }: Received) {
        let kept = self.reserve.keep(&self.children);
        let failed = match kept.and(request) {
            Ok(Request::Run(request)) => match Run::start(&request, reply, descriptors, &self.mounts, &self.limit) {
                Ok(run) => return self.runs.push(run),
                Err(failed) => failed,
            },
            Ok(Request::AddDevice(request)) => match devices::add(&self.mounts, &request) {
                Ok(()) => return protocol::conclude(reply, &Reply::DeviceAdded),
                Err(failure) => (failure, reply),
            },
            Ok(Request::Open(_) | Request::Close) => (Failure::new("open a root that is open", Errno::EBUSY), reply),
            Err(failure) => (failure, reply),
        };
        let (failure, reply) = failed;
        protocol::conclude(reply, &Reply::Failed(failure));
    }

    /// Collects every child that ended, and reports the runs among them.
    fn reap(&mut self) {
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            let (pid, wait) = match status {
                WaitStatus::Exited(pid, code) => (pid, protocol::Wait::Exited(code)),
                WaitStatus::Signaled(pid, signal, _) => (pid, protocol::Wait::Killed(signal as i32)),
                _ => return,
            };
            if let Some(index) = self.runs.iter().position(|run| run.init == pid) {
                self.runs.swap_remove(index).report(wait);
            }
        }
    }

    /// Ends every run, waits until nothing of it is left, unmounts and removes.
    fn take_down(&mut self, scratch: &[std::ffi::OsString]) -> Vec<Failure> {
        for run in &self.runs {
            processes::kill(run.init);
        }
        while !self.runs.is_empty() && wait_for_child().is_some() {
            self.reap();
        }
        self.mounts.unmount();
        mounts::remove(scratch)
    }
}

/// What attempts to leave may find, where they are made.
fn marks(open: &Open) -> Result<Option<Planted>, Failure> {
    if open.surroundings != Surroundings::Marked {
        return Ok(None);
    }
    if open.ids == Ids::Kept {
        crate::sys::raise_loopback().map_err(|error| Failure::new("bring the loopback interface up", error))?;
    }
    Planted::new(&["/dev", "/var"]).map(Some)
}

/// Waits until some child has ended, without collecting it.
fn wait_for_child() -> Option<Pid> {
    use nix::sys::wait::{Id, waitid};
    loop {
        match waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) {
            Ok(status) => return status.pid(),
            Err(Errno::EINTR) => {}
            Err(_) => return None,
        }
    }
}
