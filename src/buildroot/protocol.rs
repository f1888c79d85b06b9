//! What the library and the supervisor say to each other.
//!
//! A request is one packet on the control socket: a byte, and descriptors: a memory file with the request as JSON,
//! a socket for the replies to this request, and what else the request needs. So a request may be of any length,
//! several threads may ask at once, and a caller that goes away is seen by its reply socket closing.
//!
//! The supervisor may be another build than the library. It takes nothing from another version, and nothing that it does not
//! know: what it left out might be a limit.

mod wire;

use std::ffi::OsString;
use std::io;
use std::num::NonZeroU64;
use std::time::Duration;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::privilege::Ids;
use crate::facts::escape::Marks;
use crate::facts::launch::{Canaries, Inherited};
use crate::plan::Preparation;
use crate::profile::{Furniture, NodeCreation};
pub(super) use wire::{
    Arrival, Heard, Received, ask, conclude, heard, is_gone, packet_pair, receive, reply, tell_idle,
};

/// What the supervisor is asked to do.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// The first one. Further descriptors: the locks of the scratch directories.
    Open(Box<Open>),
    /// Start a sandbox. Further descriptors: its stdin, stdout and stderr, then those of [`Run::further`].
    Run(Run),
    /// Put another node into `/dev`.
    AddDevice(AddDevice),
    /// End every run, take everything down, go.
    Close,
}

/// How the root is opened.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Open {
    /// Which users and groups there are.
    pub ids: Ids,
    /// An empty directory for what is held mounted.
    pub held: OsString,
    /// What of the root is held mounted there.
    pub sources: Vec<Source>,
    /// The directory below it that becomes the sandboxes' `/dev`.
    pub dev: OsString,
    /// The most it holds, in bytes.
    pub dev_size: Option<NonZeroU64>,
    /// How its nodes are made.
    pub creation: NodeCreation,
    /// Nodes that must be there.
    pub names: Vec<String>,
    /// Nodes that are there if the host has them.
    pub optional: Vec<String>,
    /// What else is in `/dev`.
    pub furniture: Furniture,
    /// Names below `/proc` to look for.
    pub covers: Vec<String>,
    /// bubblewrap.
    pub bwrap: OsString,
    /// The most processes of a run, if that is to be limited.
    pub pids: Option<u32>,
    /// What is copied first, for the sandboxes to execute.
    pub program: Option<Copied>,
    /// Paths whose mounts every run needs.
    pub needed: Vec<OsString>,
    /// Directories to remove at the end.
    pub scratch: Vec<OsString>,
    /// Directories whose scratch directories without an owner are to be removed first: where ids are mapped they hold what
    /// only user 0 of the build root can remove.
    pub places: Vec<OsString>,
    /// What is around the sandboxes.
    pub surroundings: Surroundings,
}

/// Something of the root, as it was found.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    /// Where it is to be mounted: a name in [`Open::held`].
    pub name: OsString,
    /// Where it lay, a path without a link in it.
    pub path: OsString,
    /// The device and the inode: what has others is something else.
    pub identity: [u64; 2],
}

/// A program that is copied.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Copied {
    /// The program.
    pub from: OsString,
    /// The copy, which everybody may execute.
    pub to: OsString,
}

/// What is around the sandboxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Surroundings {
    /// The host as it is.
    Host,
    /// The host, but for an IPC namespace that holds objects for the probe to look for.
    Canaries,
    /// A decoy: IPC, network, host name and control group namespaces that nothing else lives in, with the same objects.
    Decoy,
    /// Where attempts to leave are made: as root a decoy, but for the control groups, whose files are only opened; with
    /// marks for them to find.
    Marked,
}

/// One sandbox.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Run {
    /// bubblewrap.
    pub program: OsString,
    /// Its arguments, without its own name.
    pub arguments: Vec<OsString>,
    /// Its environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Paths that this run's binds come from.
    pub sources: Vec<OsString>,
    /// How long the run may take.
    pub deadline: Option<Duration>,
    /// How long a run that was asked to end may still take.
    pub grace: Duration,
    /// The process that is left sleeping where bubblewrap runs.
    pub sleeper: Option<i32>,
    /// The payload's umask.
    pub umask: u32,
    /// What the process does first that becomes bubblewrap.
    pub before: Vec<Preparation>,
    /// What the descriptors after stdin, stdout and stderr are, in their order.
    pub further: Vec<Role>,
}

/// What a descriptor is to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Role {
    /// The caller's `/proc/PID/stat`: a run stands still while its caller is stopped.
    Caller,
    /// When it becomes readable the run is asked to end.
    Interrupt,
    /// When it becomes readable the run is killed.
    Hurry,
    /// A socket: who is to be traced says so on it, and waits for an answer.
    Tracer,
    /// bubblewrap reads the system call filter from it.
    Filter,
    /// The sandbox inherits it.
    Inherited,
}

/// One device node.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AddDevice {
    /// Its name below `/dev`.
    pub name: OsString,
    /// The host's node.
    pub source: OsString,
}

/// What the supervisor answers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    /// To [`Request::Open`].
    Opened(Opened),
    /// Nothing of the run is left. To [`Request::Run`].
    Done(Done),
    /// To [`Request::AddDevice`].
    DeviceAdded,
    /// To [`Request::Close`], just before the supervisor goes.
    Closed(Vec<Failure>),
    /// The request was not carried out.
    Failed(Failure),
}

/// How the root was opened.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Opened {
    /// The namespaces of the supervisor, by their names in `/proc/self/ns`.
    pub namespaces: std::collections::BTreeMap<String, u64>,
    /// The optional nodes that are there.
    pub devices: Vec<String>,
    /// What of [`Open::covers`] there is in `/proc`.
    pub covers: Vec<String>,
    /// What the probe may look for.
    pub canaries: Canaries,
    /// What attempts to leave may find, in [`Surroundings::Marked`].
    pub marks: Option<Box<Marks>>,
    /// What the runs inherit, as it is seen in the build root's user namespace; `None` where that is the caller's.
    pub inherited: Option<Box<Inherited>>,
    /// What became of the limit of processes, if one was asked for.
    pub pids: Option<Pids>,
}

/// What became of a limit of processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Pids {
    /// There is one.
    Limited,
    /// There is none, and this is why.
    Unlimited(String),
}

/// How a run ended.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Done {
    /// How bubblewrap itself ended.
    pub wait: Wait,
    /// What bubblewrap wrote to its status descriptor.
    pub status: Vec<u8>,
    /// Who ended it.
    pub cause: Cause,
    /// The inode of the pid namespace bubblewrap ran in.
    pub pid_namespace: u64,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Wait {
    /// It exited with this code.
    Exited(i32),
    /// This signal killed it.
    Killed(i32),
}

/// Who ended a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Cause {
    /// Nobody: the payload came to its end.
    Itself,
    /// The deadline passed.
    Deadline,
    /// Nothing was written for too long.
    Idle,
    /// The caller asked, or is gone.
    Caller,
    /// We did: it wrote more to its status descriptor than bubblewrap does.
    Flood,
}

/// An operation of the supervisor that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(deny_unknown_fields)]
#[error("cannot {operation}")]
pub struct Failure {
    /// The operation and its subject, as "mount the device tmpfs on /run/…".
    pub operation: String,
    /// Why.
    #[source]
    why: Why,
    /// What was missing, where that is known.
    pub(super) want: Option<Want>,
}

/// What the supervisor can lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Want {
    /// Root's way was taken, and not allowed.
    Root,
    /// A user namespace.
    UserNamespace,
    /// The same, in a chroot, where the kernel makes none.
    NoChroot,
    /// The caller's own id in it.
    Map,
    /// More ids than the caller's own.
    SubordinateIds,
    /// The right to make device nodes.
    Mknod,
    /// A `/proc` of which nothing is covered: the kernel mounts none in a user namespace that shows more than is seen.
    WholeProc,
}

impl Failure {
    pub(crate) fn new(operation: impl Into<String>, why: impl Into<io::Error>) -> Self {
        Self { operation: operation.into(), why: Why::of(&why.into()), want: None }
    }

    pub(super) fn for_want_of(mut self, want: Want) -> Self {
        self.want.get_or_insert(want);
        self
    }

    /// What the kernel refused it with; `None` where it was not the kernel.
    pub fn errno(&self) -> Option<Errno> {
        match self.why {
            Why::Errno(errno) => Some(Errno::from_raw(errno)),
            Why::Other(_) => None,
        }
    }

    /// In a line, without the name of an errno.
    pub(super) fn line(&self) -> String {
        let why = self.errno().map_or_else(|| self.why.to_string(), |errno| errno.desc().to_owned());
        format!("{self}: {why}")
    }
}

/// Why an operation failed, as far as it can be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
enum Why {
    /// The kernel refused: `errno`.
    #[error("{}", Errno::from_raw(*.0))]
    Errno(i32),
    /// Something else, in words.
    #[error("{0}")]
    Other(String),
}

impl Why {
    fn of(error: &io::Error) -> Self {
        error.raw_os_error().map_or_else(|| Self::Other(error.to_string()), Self::Errno)
    }
}
