//! The packets that requests and replies are.

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Read, Seek, Write};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, recv, sendmsg, socketpair};
use serde::{Deserialize, Serialize};

use super::{Failure, Reply, Request};

/// The most a request may weigh: argument vectors are at most 6 MiB (Linux `ARG_MAX` at the largest stack limit),
/// and a byte takes up to four in JSON.
const LARGEST_REQUEST: u64 = 32 << 20;
/// The most a reply may weigh; it holds at most [`STATUS_LIMIT`](super::super::supervisor::STATUS_LIMIT) bytes from outside.
const LARGEST_REPLY: usize = 64 << 10;

/// Sends `request` with `descriptors` and gives the socket on which its replies arrive.
pub(in crate::buildroot) fn ask(
    control: BorrowedFd<'_>,
    request: &Request,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<OwnedFd> {
    let mut body = File::from(memfd_create(c"rootcontract-request", MFdFlags::MFD_CLOEXEC)?);
    write(request, &mut body)?;
    let (ours, theirs) = packet_pair()?;
    let mut raw: Vec<RawFd> = vec![body.as_raw_fd(), theirs.as_raw_fd()];
    raw.extend(descriptors.iter().map(AsRawFd::as_raw_fd));
    let rights = [ControlMessage::ScmRights(&raw)];
    again(|| sendmsg::<()>(control.as_raw_fd(), &[IoSlice::new(b"?")], &rights, MsgFlags::MSG_NOSIGNAL, None))?;
    Ok(ours)
}

/// A request as it is read by [`read`].
fn write(request: &Request, to: impl Write) -> io::Result<()> {
    let mut buffered = io::BufWriter::new(to);
    serde_json::to_writer(&mut buffered, &Versioned { version: VERSION, request })?;
    // Dropped, it would keep to itself what goes wrong with the rest.
    buffered.flush()
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

/// What arrives where requests are received.
#[derive(Debug)]
pub(in crate::buildroot) enum Arrival {
    /// A request.
    Request(Box<Received>),
    /// What can't be answered: the socket to do that on did not come with it. Who asked sees that it has been closed.
    Unanswerable,
    /// The other side is gone.
    End,
}

/// The next request; waits for it.
pub(in crate::buildroot) fn receive(control: BorrowedFd<'_>) -> Arrival {
    let message = match crate::sys::receive(control, &mut [0]) {
        Ok(message) if message.length > 0 => message,
        Ok(_) | Err(_) => return Arrival::End,
    };
    let mut descriptors = message.descriptors.into_iter();
    let (Some(body), Some(reply)) = (descriptors.next(), descriptors.next()) else { return Arrival::Unanswerable };
    let request = if message.cut {
        Err(Failure::new("take all the descriptors of a request", Errno::EMFILE))
    } else {
        read(File::from(body))
    };
    Arrival::Request(Box::new(Received { request, reply, descriptors: descriptors.collect() }))
}

/// A request as it was written into its memory file.
fn read(mut body: File) -> Result<Request, Failure> {
    let failed = |error: io::Error| Failure::new("read a request", error);
    let mut json = Vec::new();
    body.rewind().map_err(failed)?;
    body.take(LARGEST_REQUEST).read_to_end(&mut json).map_err(failed)?;
    // First, since all the rest may be other in other versions.
    let Version { version } = serde_json::from_slice(&json).map_err(|error| failed(error.into()))?;
    if version != VERSION {
        return Err(failed(io::Error::other(format!(
            "it is of rootcontract {}, and this supervisor of {VERSION}: both have to be the same",
            crate::facts::text::escape(version.as_bytes())
        ))));
    }
    let Versioned::<String, Request> { request, .. } =
        serde_json::from_slice(&json).map_err(|error| failed(error.into()))?;
    Ok(request)
}

/// Who can read a request: those of the same version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A request, and the version of who asks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Versioned<V, R> {
    version: V,
    request: R,
}

/// The one half of it.
#[derive(Debug, Deserialize)]
struct Version {
    version: String,
}

/// Sends the reply. One that can't be sent is told by the socket being closed; that the caller has gone is no failure of ours.
pub(in crate::buildroot) fn conclude(socket: OwnedFd, reply: &Reply) {
    let _told_by_its_end = serde_json::to_vec(reply).map_err(Into::into).and_then(|packet| send(&socket, &packet));
}

/// The next reply on `socket`; waits for it.
pub(in crate::buildroot) fn reply(socket: &OwnedFd) -> io::Result<Reply> {
    let mut json = vec![0; LARGEST_REPLY];
    // The length is that of the packet, also where it is more than there is room for.
    match again(|| recv(socket.as_raw_fd(), &mut json, MsgFlags::MSG_TRUNC))? {
        0 => Err(Errno::ECONNRESET.into()),
        length => Ok(serde_json::from_slice(json.get(..length).ok_or(Errno::EMSGSIZE)?)?),
    }
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

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;
    use rstest::rstest;

    #[test]
    fn a_request_that_could_not_be_written_is_no_request() {
        let mut room_for_some = [0; 8];
        let error = write(&Request::Close, room_for_some.as_mut_slice()).expect_err("no room");
        assert_eq!(error.kind(), ErrorKind::WriteZero);
    }

    #[rstest]
    #[case::ours(&format!(r#"{{"version":"{VERSION}","request":"Close"}}"#), None)]
    #[case::of_another_version(
        r#"{"version":"0.0.9\u001b","request":{"Open":{"strange":1}}}"#,
        Some("it is of rootcontract 0.0.9\\x1b, and this supervisor of VERSION: both have to be the same")
    )]
    #[case::without_a_version(r#""Close""#, Some("invalid type: string \"Close\", expected struct Version"))]
    #[case::with_something_new(
        &format!(r#"{{"version":"{VERSION}","request":{{"AddDevice":{{"name":{{"Unix":[]}},"source":{{"Unix":[]}},"limit":1}}}}}}"#),
        Some("unknown field `limit`, expected `name` or `source`")
    )]
    fn only_requests_of_the_same_build_are_read(#[case] text: &str, #[case] refused: Option<&str>) {
        let mut body = tempfile::tempfile().expect("a file");
        body.write_all(text.as_bytes()).expect("a request");
        let told = read(body).err().map(|failure| failure.line());
        let told = told.map(|line| line.split(" at line ").next().unwrap_or_default().to_owned());
        let line = |why: &str| format!("cannot read a request: {}", why.replace("VERSION", VERSION));
        assert_eq!(told, refused.map(line));
    }

    #[test]
    fn a_packet_that_was_cut_is_no_reply() {
        let (ours, theirs) = packet_pair().expect("sockets");
        conclude(theirs, &Reply::Failed(Failure::new("x".repeat(LARGEST_REPLY), Errno::EIO)));
        let error = reply(&ours).expect_err("a large reply");
        assert_eq!(error.raw_os_error(), Some(Errno::EMSGSIZE as i32));
    }

    #[test]
    fn a_request_that_arrives_cut_is_answered_if_it_can_be_and_the_next_one_is_read() {
        let (control, theirs) = packet_pair().expect("sockets");
        let null = File::open("/dev/null").expect("a file");
        let too_many = [null.as_fd(); 60];
        let asked = ask(control.as_fd(), &Request::Close, &too_many).expect("asked");
        send(&control, b"?").expect("a packet");
        let _next = ask(control.as_fd(), &Request::Close, &too_many[..4]).expect("asked");
        let Arrival::Request(received) = receive(theirs.as_fd()) else { panic!("no request") };
        let failure = received.request.expect_err("a request that was cut");
        assert_eq!(failure.line(), "cannot take all the descriptors of a request: Too many open files");
        drop(received.reply);
        assert!(is_gone(&self::reply(&asked).expect_err("no reply")), "what came is closed");
        assert!(matches!(receive(theirs.as_fd()), Arrival::Unanswerable));
        let Arrival::Request(received) = receive(theirs.as_fd()) else { panic!("no request") };
        assert!(matches!(received.request, Ok(Request::Close)) && received.descriptors.len() == 4);
        drop(control);
        assert!(matches!(receive(theirs.as_fd()), Arrival::End));
    }
}
