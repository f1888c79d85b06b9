//! The packets that requests and replies are.

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Seek};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recv, recvmsg, sendmsg,
    socketpair,
};

use super::{Failure, Reply, Request};

/// The most a request may weigh: argument vectors are at most 6 MiB (Linux `ARG_MAX` at the largest stack limit),
/// and a byte takes up to four in JSON.
const LARGEST_REQUEST: u64 = 32 << 20;
/// The most a reply may weigh; it holds at most [`STATUS_LIMIT`](super::super::supervisor::STATUS_LIMIT) bytes from outside.
const LARGEST_REPLY: usize = 64 << 10;
/// The most descriptors that come with a request: a run's are ten at the most.
const MOST_DESCRIPTORS: usize = 12;

/// Sends `request` with `descriptors` and gives the socket on which its replies arrive.
pub(in crate::buildroot) fn ask(
    control: BorrowedFd<'_>,
    request: &Request,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<OwnedFd> {
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
pub(in crate::buildroot) fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::NotConnected)
}

/// A request as it arrived.
#[derive(Debug)]
pub(in crate::buildroot) struct Received {
    /// What is asked, unless it could not be read.
    pub request: Result<Request, Failure>,
    pub reply: OwnedFd,
    pub descriptors: Vec<OwnedFd>,
}

/// The next request; `None` when the other side is gone.
pub(in crate::buildroot) fn receive(control: BorrowedFd<'_>) -> io::Result<Option<Received>> {
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
pub(in crate::buildroot) fn answer(socket: &OwnedFd, reply: &Reply) -> io::Result<()> {
    send(socket, &serde_json::to_vec(reply)?)
}

/// Sends the last reply there is. One that can't be sent is told by the socket being closed.
pub(in crate::buildroot) fn conclude(socket: OwnedFd, reply: &Reply) {
    let _told_by_its_end = answer(&socket, reply);
}

/// The next reply on `socket`; waits for it.
pub(in crate::buildroot) fn reply(socket: &OwnedFd) -> io::Result<Reply> {
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
pub(in crate::buildroot) fn tell_idle(socket: &OwnedFd) -> io::Result<()> {
    send(socket, b"!")
}

/// Sends a packet, unless nobody is there any more.
fn send(socket: &OwnedFd, packet: &[u8]) -> io::Result<()> {
    match again(|| sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(packet)], &[], MsgFlags::MSG_NOSIGNAL, None)) {
        Ok(_) | Err(Errno::EPIPE | Errno::ECONNRESET) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// What a caller has said of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::buildroot) enum Heard {
    /// Nothing so far.
    Nothing,
    /// It is idle.
    Idle,
    /// The caller is not interested any more.
    Gone,
}

/// What the caller at the other end of `socket` has said. Does not wait.
pub(in crate::buildroot) fn heard(socket: &OwnedFd) -> Heard {
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
pub(in crate::buildroot) fn packet_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?)
}
