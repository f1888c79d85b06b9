//! What a scriptlet asked the kernel for and did not get.
//!
//! A tracer of our own: the process that becomes bubblewrap waits for it and has the kernel stop it, and whatever comes of
//! it, at the calls that matter (`filter`), and at no others. The programs of other architectures are no other
//! matter: qemu-user passes their calls on to this kernel, paths and errors as they are.
//!
//! Only what a scriptlet does is kept, and of that only what failed: rpm is known by its chroot into the tree, a scriptlet
//! as what it then executes, or what rpm itself says is Lua's (`lua`). What is kept is bounded, whatever runs.

mod call;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
mod filter;
mod lua;
mod memory;
mod noise;
mod task;
mod tracer;

use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::sys::socket::sockopt::PassCred;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socketpair};

use crate::buildroot::{BuildRoot, Completed, Invocation, RunError};
pub use call::Deed;
pub use lua::TELL;
pub use tracer::{TraceError, Tracer};

/// The most refusals that are kept of a scriptlet; the others are counted.
const MOST_REFUSALS: usize = 1024;
/// The most of a script that is kept, in bytes.
const MOST_SCRIPT: usize = 256 * 1024;
/// The most commands that are kept of a scriptlet; the others are all taken for one.
const MOST_COMMANDS: usize = 1024;
/// The most scriptlets that are told apart.
const MOST_SCRIPTLETS: usize = 256;

/// Runs a command in an open root, traced.
///
/// # Errors
/// It could not be run. That it could not be traced is no error of the run: it has not run then.
pub fn run(root: &BuildRoot, invocation: Invocation) -> Result<Result<(Completed, Trace), TraceError>, RunError> {
    let filter = match Tracer::filter() {
        Ok(filter) => filter,
        Err(error) => return Ok(Err(error)),
    };
    let listening = line().and_then(|(ours, theirs)| Ok((Tracer::listening(ours)?, theirs)));
    let (tracer, theirs) = match listening {
        Ok(listening) => listening,
        Err(errno) => return Ok(Err(TraceError::Refused(errno.into()))),
    };
    let done = root.run(invocation.awaiting_tracer(filter, theirs));
    match (tracer.finish(), done) {
        (Ok(trace), done) => Ok(Ok((done?, trace))),
        (Err(TraceError::Nobody), Err(error)) => Err(error),
        (Err(error), _) => Ok(Err(error)),
    }
}

/// Two ends of a socket; the first is told who speaks at the other.
fn line() -> nix::Result<(OwnedFd, OwnedFd)> {
    let line = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    setsockopt(&line.0, PassCred, &true)?;
    Ok(line)
}

/// What was seen of a transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// The scriptlets, as they ran.
    pub scriptlets: Vec<Ran>,
    /// Why these are not all, if they are not.
    pub cut: Option<Cut>,
}

/// Why a trace does not have all scriptlets that ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    /// There were more than are told apart.
    #[error("more than {MOST_SCRIPTLETS} scriptlets ran, and the others were not looked at")]
    TooMany,
    /// The kernel ends what has lost its tracer.
    #[error("the tracer broke down, and rpm ended with it")]
    Lost,
}

/// One scriptlet that ran.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ran {
    /// What was executed: the interpreter, the script's file, what rpm passes.
    pub arguments: Vec<Vec<u8>>,
    /// What the script's file held, the beginning if it is long; empty where there was none.
    pub script: Vec<u8>,
    /// What rpm calls it, `%post(name-1-1.noarch)`: of Lua scriptlets, which nothing else tells apart. Empty of others.
    pub name: Vec<u8>,
    /// How it ended; `None` where that was not seen, as with Lua.
    pub end: Option<End>,
    /// What it executed, the interpreter first.
    pub commands: Vec<Command>,
    /// Which of them was the first program of 32 bits.
    pub narrow: Option<usize>,
    /// What it was refused, in the order in which that first happened.
    pub refusals: Vec<Refusal>,
    /// How many refusals were not kept.
    pub dropped: u64,
    /// How many processes of it were still there when it ended.
    pub left_running: usize,
    /// Its first process.
    first: Option<nix::unistd::Pid>,
}

impl Ran {
    /// Whether this was its script, as far as that is kept.
    pub fn has(&self, body: &[u8]) -> bool {
        let (body, script) = (body.trim_ascii(), self.script.trim_ascii());
        body == script || self.script.len() == MOST_SCRIPT && body.starts_with(script)
    }

    /// One that begins with this program.
    fn of(arguments: Vec<Vec<u8>>) -> Self {
        let commands = vec![Command { arguments: arguments.clone(), end: None }];
        Self { arguments, commands, ..Self::default() }
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With this code.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

impl End {
    /// Whether it says that all went well.
    pub fn success(self) -> bool {
        self == Self::Exited(0)
    }
}

/// A program that a scriptlet executed, or a part of a shell that works on its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command {
    /// Its arguments, the first and the beginning of each.
    pub arguments: Vec<Vec<u8>>,
    /// How it ended; `None` where that was not seen.
    pub end: Option<End>,
}

/// Something that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What was to be done.
    pub deed: Deed,
    /// The name of the call.
    pub call: &'static str,
    /// To what: a path, an address, a name; empty where the call has none.
    pub subject: Vec<u8>,
    /// Why not.
    pub errno: Errno,
    /// Which of the commands asked.
    pub command: usize,
    /// How often.
    pub times: u64,
}
