//! What is to be built: an ordered list of operations, an environment and a command.
//!
//! A plan is data. [`crate::profile`] makes one, [`crate::mutant`] changes one on purpose,
//! [`crate::argv`] turns one into bubblewrap's arguments. Order is meaning: a later operation
//! covers an earlier one, so operations stay in a `Vec` and are never sorted.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::capability::{Capability, CapabilitySet};

/// A path on the host, as the process that starts bubblewrap sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "OsString", into = "OsString")]
pub struct HostPath(pub PathBuf);

/// A path inside the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SandboxPath(pub PathBuf);

impl From<OsString> for HostPath {
    fn from(path: OsString) -> Self {
        Self(path.into())
    }
}

impl From<HostPath> for OsString {
    fn from(path: HostPath) -> Self {
        path.0.into()
    }
}

impl HostPath {
    /// Takes any path; it is not looked at.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// This path with `below` appended.
    pub fn join(&self, below: impl AsRef<Path>) -> Self {
        Self(self.0.join(below))
    }
}

impl SandboxPath {
    /// Takes any path; it is not looked at.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// This path with `below` appended.
    pub fn join(&self, below: impl AsRef<Path>) -> Self {
        Self(self.0.join(below))
    }
}

/// A namespace that an operation unshares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespace {
    /// System V IPC and POSIX message queues.
    Ipc,
    /// Process ids.
    Pid,
    /// Network.
    Net,
    /// Host and domain name.
    Uts,
    /// The cgroup root.
    Cgroup,
}

/// How a bind is mounted. bubblewrap always adds `nosuid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read-only, without device nodes.
    ReadOnly,
    /// Read-write, without device nodes.
    ReadWrite,
    /// Read-write, device nodes usable.
    Device,
}

/// What to do when a bind's source does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Building the sandbox fails.
    Fail,
    /// The bind is left out.
    Skip,
}

/// One step of building the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Leave the payload no capability but those added later.
    DropAllCapabilities,
    /// Leave the payload all capabilities but this one.
    DropCapability(Capability),
    /// Give the payload this capability, in all its sets.
    AddCapability(Capability),
    /// The payload's working directory.
    Chdir(SandboxPath),
    /// Kill the sandbox when the process that started it dies.
    DieWithParent,
    /// A session of its own, without a controlling terminal.
    NewSession,
    /// Set an environment variable for the payload only.
    SetVariable(OsString, OsString),
    /// Give the sandbox a namespace of its own.
    Unshare(Namespace),
    /// Mount a file or directory of the host, recursively.
    Bind {
        /// What is mounted.
        from: HostPath,
        /// Where it appears.
        to: SandboxPath,
        /// With which flags.
        access: Access,
        /// What to do when `from` is not there.
        missing: Missing,
    },
    /// A symbolic link.
    Symlink {
        /// What the link says.
        target: PathBuf,
        /// Where the link is.
        at: SandboxPath,
    },
    /// An empty tmpfs.
    Tmpfs {
        /// Where it is mounted.
        at: SandboxPath,
        /// The most it holds, in bytes; the kernel's half of the memory where nothing is said.
        size: Option<NonZeroU64>,
    },
    /// An empty directory.
    Dir(SandboxPath),
    /// A procfs of the sandbox's pid namespace.
    Proc(SandboxPath),
    /// Let this filter answer the payload's system calls: a file of `struct sock_filter`s (seccomp(2)).
    Seccomp(HostPath),
}

/// What the process does that becomes bubblewrap, before it does: what bubblewrap has no option for, or not every one has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Preparation {
    /// Mount an empty tmpfs for the sandbox to bind. It is seen by nobody else, and goes with the run.
    Tmpfs {
        /// A directory of the build root's own.
        at: HostPath,
        /// The mode of its root.
        mode: u32,
        /// The most it holds, in bytes.
        size: NonZeroU64,
    },
    /// Have this host name, and no domain name, in a namespace of its own that bubblewrap begins with (uts_namespaces(7)).
    HostName(String),
    /// Leave the session keyring, with whatever keys the caller has in it, for a new one (keyctl(2)).
    LeaveKeyring,
    /// Be the first to go when the memory of the host runs out.
    GoFirst,
    /// Begin with a state that does not depend on the caller's: see `sys::Step::Settle`.
    Settle,
    /// Wait until a tracer is there, and then have the kernel tell it of the system calls that this filter names.
    AwaitTracer(Vec<Instruction>),
}

/// One instruction of a system call filter: `struct sock_filter` (linux/filter.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instruction {
    /// What is done.
    pub code: u16,
    /// How many instructions to jump over where a comparison holds.
    pub jump_true: u8,
    /// The same where it does not.
    pub jump_false: u8,
    /// The operand.
    pub operand: u32,
}

impl Op {
    /// A bind whose source must exist.
    pub fn bind(from: &HostPath, to: impl Into<PathBuf>, access: Access) -> Self {
        Self::Bind { from: from.clone(), to: SandboxPath::new(to), access, missing: Missing::Fail }
    }

    /// A read-only bind that is left out when its source does not exist.
    pub fn bind_try(from: &HostPath, to: impl Into<PathBuf>) -> Self {
        Self::Bind { from: from.clone(), to: SandboxPath::new(to), access: Access::ReadOnly, missing: Missing::Skip }
    }

    /// An empty tmpfs at `at` that holds as much as the kernel lets it.
    pub fn tmpfs(at: impl Into<PathBuf>) -> Self {
        Self::Tmpfs { at: SandboxPath::new(at), size: None }
    }

    /// A symbolic link at `at` that says `target`.
    pub fn symlink(target: impl Into<PathBuf>, at: impl Into<PathBuf>) -> Self {
        Self::Symlink { target: target.into(), at: SandboxPath::new(at) }
    }
}

/// Where the environment bubblewrap starts with comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Environment {
    /// The caller's, changed by what the plan sets.
    Inherited(BTreeMap<OsString, OsString>),
    /// Exactly these variables.
    Clean(BTreeMap<OsString, OsString>),
}

/// No variable at all.
impl Default for Environment {
    fn default() -> Self {
        Self::Clean(BTreeMap::new())
    }
}

impl Environment {
    /// The variables this plan itself gives a value.
    pub fn set(&self) -> &BTreeMap<OsString, OsString> {
        match self {
            Self::Inherited(set) | Self::Clean(set) => set,
        }
    }

    /// The same, to change.
    pub fn set_mut(&mut self) -> &mut BTreeMap<OsString, OsString> {
        match self {
            Self::Inherited(set) | Self::Clean(set) => set,
        }
    }

    /// What the process that starts bubblewrap passes to `execve`, given the caller's environment.
    pub fn resolve(&self, caller: impl IntoIterator<Item = (OsString, OsString)>) -> BTreeMap<OsString, OsString> {
        match self {
            Self::Clean(set) => set.clone(),
            Self::Inherited(set) => {
                caller.into_iter().chain(set.iter().map(|(name, value)| (name.clone(), value.clone()))).collect()
            }
        }
    }
}

/// Everything needed to start one sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// What bubblewrap does, in order.
    pub ops: Vec<Op>,
    /// The environment bubblewrap is started with.
    pub environment: Environment,
    /// What is executed inside: a runner and its arguments, or the command itself.
    pub command: Vec<OsString>,
    /// What is done before bubblewrap starts, in order.
    pub before: Vec<Preparation>,
}

impl Plan {
    /// Does once more, below `directory`, what is done at or below `/dev`, `/proc` and `/sys`: as if these were bound there
    /// with all that is mounted in them.
    pub fn repeat_below(&mut self, directory: &SandboxPath) {
        let again = |at: &SandboxPath| {
            let repeated = ["/dev", "/proc", "/sys"].iter().any(|above| at.0.starts_with(above));
            repeated.then(|| directory.join(at.0.strip_prefix("/").unwrap_or(&at.0)))
        };
        let repeat = |op: &Op| match op {
            Op::Bind { from, to, access, missing } => {
                again(to).map(|to| Op::Bind { from: from.clone(), to, access: *access, missing: *missing })
            }
            Op::Symlink { target, at } => again(at).map(|at| Op::Symlink { target: target.clone(), at }),
            Op::Tmpfs { at, size } => again(at).map(|at| Op::Tmpfs { at, size: *size }),
            Op::Dir(at) => again(at).map(Op::Dir),
            Op::Proc(at) => again(at).map(Op::Proc),
            _ => None,
        };
        let repeated: Vec<Op> = self.ops.iter().filter_map(repeat).collect();
        self.ops.extend(repeated);
    }

    /// The system call filter, if there is one.
    pub fn filter(&self) -> Option<&HostPath> {
        self.ops.iter().find_map(|op| match op {
            Op::Seccomp(filter) => Some(filter),
            _ => None,
        })
    }

    /// Lets no tmpfs that bubblewrap makes hold more than `size`, not even `/`, which it makes without being asked.
    pub fn limit_tmpfs(&mut self, size: NonZeroU64) {
        for op in &mut self.ops {
            if let Op::Tmpfs { size: limit, .. } = op {
                *limit = Some(size);
            }
        }
        self.ops.insert(0, Op::Tmpfs { at: SandboxPath::new("/"), size: Some(size) });
    }
}

/// Which capabilities the payload is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CapabilityPolicy {
    /// The nineteen that osbuild gives its stages ([`CapabilitySet::STAGE`]).
    Stage,
    /// The nine of them that scriptlets need ([`CapabilitySet::SCRIPTLET`]).
    Scriptlet,
    /// All that the caller has.
    Inherit,
    /// Exactly these.
    List(CapabilitySet),
}

impl CapabilityPolicy {
    /// The capabilities asked for; `None` where the caller's are kept.
    pub fn wanted(&self) -> Option<CapabilitySet> {
        match self {
            Self::Stage => Some(CapabilitySet::STAGE),
            Self::Scriptlet => Some(CapabilitySet::SCRIPTLET),
            Self::Inherit => None,
            Self::List(set) => Some(*set),
        }
    }
}

impl std::str::FromStr for CapabilityPolicy {
    type Err = crate::capability::UnknownCapability;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "stage" => Ok(Self::Stage),
            "scriptlet" => Ok(Self::Scriptlet),
            "inherit" => Ok(Self::Inherit),
            names => names.parse().map(Self::List),
        }
    }
}

/// What the caller has of the capabilities that were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// The caller's permitted set.
    pub caller: CapabilitySet,
    /// What was asked for; `None`: whatever the caller has.
    pub wanted: Option<CapabilitySet>,
}

impl Grant {
    /// What the payload gets. bubblewrap keeps *every* capability when a single wanted one is not
    /// the caller's (0.2.0 to 0.12.0, `drop_all_caps` ignores EPERM), so only these are passed on.
    pub fn granted(&self) -> CapabilitySet {
        self.wanted.unwrap_or(self.caller).intersection(self.caller)
    }

    /// What was asked for and can't be given.
    pub fn missing(&self) -> CapabilitySet {
        self.wanted.unwrap_or(CapabilitySet::EMPTY).difference(self.caller)
    }
}
