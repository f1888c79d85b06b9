//! Messages on sockets of the family `AF_UNIX`, and the descriptors that come with them.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;

/// A message as it arrived.
#[derive(Debug)]
pub struct Message {
    /// How many bytes it has.
    pub length: usize,
    /// What came with it, close-on-exec.
    pub descriptors: Vec<OwnedFd>,
    /// Whether not all descriptors came: there were no more numbers for them, or too many of them.
    pub cut: bool,
}

/// Receives a message on a socket of the family `AF_UNIX`; waits for it. nix owns no descriptor, and tells none of a
/// message that was cut.
///
/// # Errors
/// `errno` of `recvmsg`.
pub fn receive(socket: BorrowedFd<'_>, bytes: &mut [u8]) -> io::Result<Message> {
    // As many descriptors as anybody sends, and aligned as a header has to be.
    let mut control = [0_u64; 16];
    let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    // SAFETY: the message is plain data and points to what lives on this stack or is the caller's. The headers are read by
    // the macros made for it, as far as the kernel has filled them; each descriptor in one is new, and ours alone.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&control) as _;
        let length = loop {
            match Errno::result(libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC)) {
                Err(Errno::EINTR) => {}
                length => break length?.unsigned_abs(),
            }
        };
        let mut descriptors = Vec::new();
        let mut header = libc::CMSG_FIRSTHDR(&raw const message);
        while let Some(found) = header.as_ref() {
            if (found.cmsg_level, found.cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
                let whole: usize = found.cmsg_len as _;
                let size = whole - libc::CMSG_LEN(0) as usize;
                let data = libc::CMSG_DATA(header).cast::<RawFd>();
                let numbers = (0..size / size_of::<RawFd>()).map(|index| data.add(index).read_unaligned());
                descriptors.extend(numbers.map(|number| OwnedFd::from_raw_fd(number)));
            }
            header = libc::CMSG_NXTHDR(&raw const message, header);
        }
        Ok(Message { length, descriptors, cut: message.msg_flags & libc::MSG_CTRUNC != 0 })
    }
}
