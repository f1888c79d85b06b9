//! What the library and the supervisor say to each other.
//!
//! A request is one packet on the control socket: a byte, and descriptors: a memory file with the request as JSON,
//! a socket for the replies to this request, and what else the request needs. So a request may be of any length,
//! several threads may ask at once, and a caller that goes away is seen by its reply socket closing.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Seek};
use std::num::NonZeroU64;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recv, recvmsg, sendmsg,
    socketpair,
};
use serde::{Deserialize, Serialize};

use super::privilege::Ids;
use crate::facts::launch::{Canaries, Inherited};
use crate::profile::NodeCreation;

/// The most a request may weigh: argument vectors are at most 6 MiB (Linux `ARG_MAX` at the largest stack limit),
/// and a byte takes up to four in JSON.
const LARGEST_REQUEST: u64 = 32 << 20;
/// The most a reply may weigh; it holds at most [`super::supervisor::STATUS_LIMIT`] bytes from outside.
const LARGEST_REPLY: usize = 64 << 10;
/// The most descriptors that come with a request: a run's are nine at the most.
const MOST_DESCRIPTORS: usize = 12;

/// What the supervisor is asked to do.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// The first one. Further descriptors: the locks of the scratch directories.
    Open(Open),
    /// Start a sandbox. Further descriptors: its stdin, stdout and stderr, then those of [`Run::further`].
    Run(Run),
    /// Put another node into `/dev`.
    AddDevice(AddDevice),
    /// End every run, take everything down, go.
    Close,
}

/// How the root is opened.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Open {
    /// Which users and groups there are.
    pub ids: Ids,
    /// The directory that becomes the sandboxes' `/dev`.
    pub dev: OsString,
    /// The most it holds, in bytes.
    pub dev_size: Option<NonZeroU64>,
    /// How its nodes are made.
    pub creation: NodeCreation,
    /// Nodes that must be there.
    pub names: Vec<String>,
    /// Nodes that are there if the host has them.
    pub optional: Vec<String>,
    /// bubblewrap.
    pub bwrap: OsString,
    /// The most processes of a run, if that is to be limited.
    pub pids: Option<u32>,
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

/// What is around the sandboxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Surroundings {
    /// The host as it is.
    Host,
    /// The host, but for an IPC namespace that holds objects for the probe to look for.
    Canaries,
    /// A decoy: IPC, network, host name and control group namespaces that nothing else lives in, with the same objects.
    Decoy,
}

/// One sandbox.
#[derive(Debug, Serialize, Deserialize)]
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
    /// The sandbox inherits it.
    Inherited,
}

/// One device node.
#[derive(Debug, Serialize, Deserialize)]
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
    /// bubblewrap was executed. To [`Request::Run`], first.
    Started {
        /// The inode of the pid namespace bubblewrap runs in.
        pid_namespace: u64,
    },
    /// Nothing of the run is left. To [`Request::Run`], last.
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
pub(super) struct Opened {
    /// The namespaces of the supervisor, by their names in `/proc/self/ns`.
    pub namespaces: std::collections::BTreeMap<String, u64>,
    /// The optional nodes that are there.
    pub devices: Vec<String>,
    /// What the probe may look for.
    pub canaries: Canaries,
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
pub(super) struct Done {
    /// How bubblewrap itself ended.
    pub wait: Wait,
    /// What bubblewrap wrote to its status descriptor.
    pub status: Vec<u8>,
    /// Who ended it.
    pub cause: Cause,
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
#[error("cannot {operation}")]
pub struct Failure {
    /// The operation and its subject, as "mount the device tmpfs on /run/…".
    pub operation: String,
    /// `errno`, as a number.
    errno: i32,
    /// The same, for the chain of causes.
    #[source]
    #[serde(skip, default = "no_source")]
    source: Errno,
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

fn no_source() -> Errno {
    Errno::UnknownErrno
}

impl Failure {
    pub(super) fn new(operation: impl Into<String>, errno: impl Into<io::Error>) -> Self {
        let errno = errno.into().raw_os_error().unwrap_or(0);
        Self { operation: operation.into(), errno, source: Errno::from_raw(errno), want: None }
    }

    pub(super) fn for_want_of(mut self, want: Want) -> Self {
        self.want.get_or_insert(want);
        self
    }

    /// Why it failed.
    pub fn errno(&self) -> Errno {
        Errno::from_raw(self.errno)
    }

    /// What serde can't carry over the wire.
    fn with_source(mut self) -> Self {
        self.source = self.errno();
        self
    }
}

/// Sends `request` with `descriptors` and gives the socket on which its replies arrive.
pub(super) fn ask(control: BorrowedFd<'_>, request: &Request, descriptors: &[BorrowedFd<'_>]) -> io::Result<OwnedFd> {
    let mut body = File::from(memfd_create(c"rootcontract-request", MFdFlags::MFD_CLOEXEC)?);
    serde_json::to_writer(&mut io::BufWriter::new(&mut body), request)?;
    let (ours, theirs) = packet_pair()?;
    let mut raw: Vec<RawFd> = vec![body.as_raw_fd(), theirs.as_raw_fd()];
    raw.extend(descriptors.iter().map(AsRawFd::as_raw_fd));
    let rights = [ControlMessage::ScmRights(&raw)];
    again(|| sendmsg::<()>(control.as_raw_fd(), &[IoSlice::new(b"?")], &rights, MsgFlags::MSG_NOSIGNAL, None))?;
    Ok(ours)
}

/// Whether an error of asking, or of waiting for a reply, means that nobody is there any more.
pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::NotConnected)
}

/// A request as it arrived.
#[derive(Debug)]
pub(super) struct Received {
    /// What is asked, unless it could not be read.
    pub request: Result<Request, Failure>,
    pub reply: OwnedFd,
    pub descriptors: Vec<OwnedFd>,
}

/// The next request; `None` when the other side is gone.
pub(super) fn receive(control: BorrowedFd<'_>) -> io::Result<Option<Received>> {
    let mut byte = [0_u8; 1];
    let mut iov = [IoSliceMut::new(&mut byte)];
    let mut space = nix::cmsg_space!([RawFd; MOST_DESCRIPTORS]);
    let message = loop {
        match recvmsg::<()>(control.as_raw_fd(), &mut iov, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC) {
            Err(Errno::EINTR) => {}
            message => break message?,
        }
    };
    let mut raw = Vec::new();
    for part in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(descriptors) = part {
            raw.extend(descriptors);
        }
    }
    let mut descriptors = crate::sys::received(raw).into_iter();
    if message.bytes == 0 {
        return Ok(None);
    }
    let (Some(body), Some(reply)) = (descriptors.next(), descriptors.next()) else {
        return Err(io::Error::from(Errno::EPROTO));
    };
    let request = read(File::from(body)).map_err(|error| Failure::new("read a request", error));
    Ok(Some(Received { request, reply, descriptors: descriptors.collect() }))
}

/// A request as it was written into its memory file.
fn read(mut body: File) -> io::Result<Request> {
    body.rewind()?;
    let mut json = Vec::new();
    body.take(LARGEST_REQUEST).read_to_end(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}

/// Sends a reply. That the caller has gone is no failure of ours: it shows when its socket is polled.
///
/// # Errors
/// What keeps the caller from ever hearing of it, unless the socket is closed.
pub(super) fn answer(socket: &OwnedFd, reply: &Reply) -> io::Result<()> {
    let json = serde_json::to_vec(reply)?;
    let packet = [IoSlice::new(&json)];
    match again(|| sendmsg::<()>(socket.as_raw_fd(), &packet, &[], MsgFlags::MSG_NOSIGNAL, None)) {
        Ok(_) | Err(Errno::EPIPE | Errno::ECONNRESET) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Sends the last reply there is. One that can't be sent is told by the socket being closed.
pub(super) fn conclude(socket: OwnedFd, reply: &Reply) {
    let _told_by_its_end = answer(&socket, reply);
}

/// The next reply on `socket`; waits for it.
pub(super) fn reply(socket: &OwnedFd) -> io::Result<Reply> {
    let mut json = vec![0; LARGEST_REPLY];
    let length = again(|| recv(socket.as_raw_fd(), &mut json, MsgFlags::empty()))?;
    if length == 0 {
        return Err(io::Error::from(Errno::ECONNRESET));
    }
    Ok(match serde_json::from_slice(&json[..length])? {
        Reply::Failed(failure) => Reply::Failed(failure.with_source()),
        Reply::Closed(failures) => Reply::Closed(failures.into_iter().map(Failure::with_source).collect()),
        reply => reply,
    })
}

/// Says of the run behind `socket` that it has written nothing for too long. That it is over already is no failure:
/// the reply says so.
pub(super) fn tell_idle(socket: &OwnedFd) -> io::Result<()> {
    match again(|| sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(b"!")], &[], MsgFlags::MSG_NOSIGNAL, None)) {
        Ok(_) | Err(Errno::EPIPE | Errno::ECONNRESET) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// What a caller has said of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing so far.
    Nothing,
    /// It is idle.
    Idle,
    /// The caller is not interested any more.
    Gone,
}

/// What the caller at the other end of `socket` has said. Does not wait.
pub(super) fn heard(socket: &OwnedFd) -> Heard {
    match again(|| recv(socket.as_raw_fd(), &mut [0], MsgFlags::MSG_DONTWAIT)) {
        Err(Errno::EAGAIN) => Heard::Nothing,
        Ok(1..) => Heard::Idle,
        Ok(0) | Err(_) => Heard::Gone,
    }
}

/// Does `call`, again and again while a signal interrupts it.
fn again<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}

/// Two connected sockets that keep packets apart.
pub(super) fn packet_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?)
}
