//! Things outside the sandboxes for the probe to look for: a check that could never find anything proves nothing.
//!
//! All of them live in the supervisor's IPC namespace or are descriptors of its, and go with it.

use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use super::super::protocol::{Failure, Surroundings};
use crate::facts::launch::Canaries;

/// The key of the System V objects. Any number will do: the namespace is empty.
const KEY: i32 = 0x0c0f_fee0;
/// The name of the POSIX message queue, and of nothing else in the namespace.
const QUEUE: &std::ffi::CStr = c"/rootcontract";

/// What was planted, and what keeps it there.
#[derive(Debug, Default)]
pub(super) struct Planted {
    /// What the probe is told.
    pub known: Canaries,
    _queue: Option<OwnedFd>,
    _socket: Option<UnixListener>,
    _port: Option<TcpListener>,
}

/// Plants everything, or nothing where the surroundings are the host's.
pub(super) fn plant(surroundings: Surroundings) -> Result<Planted, Failure> {
    let failed = |operation: &'static str| move |error: std::io::Error| Failure::new(operation, error);
    match surroundings {
        Surroundings::Host | Surroundings::Marked => return Ok(Planted::default()),
        Surroundings::Canaries => {}
        // A new network namespace has its loopback interface down.
        Surroundings::Decoy => crate::sys::raise_loopback().map_err(failed("bring the loopback interface up"))?,
    }
    crate::sys::create_system_v_objects(KEY).map_err(failed("make the System V canaries"))?;
    let queue = crate::sys::create_message_queue(QUEUE).map_err(failed("make the message queue canary"))?;
    let unique = std::fs::read_to_string("/proc/sys/kernel/random/uuid").map_err(failed("read a random number"))?;
    let name = format!("rootcontract-{}", unique.trim());
    let socket = SocketAddr::from_abstract_name(&name)
        .and_then(|address| UnixListener::bind_addr(&address))
        .map_err(failed("listen on an abstract socket"))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed("listen on 127.0.0.1"))?;
    let port = listener.local_addr().map_err(failed("look at the listener"))?.port();
    let known = Canaries {
        shm_key: Some(KEY),
        sem_key: Some(KEY),
        msg_key: Some(KEY),
        mq: Some(QUEUE.to_string_lossy().into_owned()),
        abstract_socket: Some(name),
        port: Some(port),
        ..Canaries::default()
    };
    Ok(Planted { known, _queue: Some(queue), _socket: Some(socket), _port: Some(listener) })
}
