//! What is put up around a sandbox for the attempts to leave it: found inside, it shows that they came out.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use super::super::protocol::Failure;
use super::processes;
use crate::facts::escape::Marks;
use crate::facts::mount;
use crate::sys::FileHandle;

/// The marks, and what keeps them there.
#[derive(Debug)]
pub(crate) struct Planted {
    /// What the probe is told.
    pub known: Marks,
    _socket: UnixListener,
    _port: TcpListener,
}

impl Planted {
    /// Plants them: a key in a session of this process's own, two listeners. `own` are directories of the sandbox that
    /// are thrown away. The mounts are to be final.
    pub fn new(own: &[&str]) -> Result<Self, Failure> {
        let failed = |operation: &'static str| move |error: io::Error| Failure::new(operation, error);
        let unique = std::fs::read_to_string("/proc/sys/kernel/random/uuid").map_err(failed("read a random number"))?;
        let name = format!("rootcontract-{}", unique.trim());
        let socket = SocketAddr::from_abstract_name(&name).and_then(|address| UnixListener::bind_addr(&address));
        let socket = socket.map_err(failed("listen on an abstract socket"))?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed("listen on 127.0.0.1"))?;
        let number = port.local_addr().map_err(failed("look at the listener"))?.port();
        // A kernel without keys, or a filter: then there is none to be found, and that is said.
        let key = crate::sys::begin_session_with_key(&name).is_ok().then(|| name.clone());
        let table = std::fs::read("/proc/self/mountinfo").map_err(failed("read /proc/self/mountinfo"))?;
        let rows = mount::parse(&table).unwrap_or_default();
        let file_systems = rows.iter().map(|row| String::from_utf8_lossy(&row.device).into_owned()).collect();
        let known = Marks {
            namespaces: processes::namespaces("self")?,
            mount_namespace: FileHandle::of(c"/proc/self/ns/mnt").ok().map(|handle| handle.to_hex()),
            abstract_socket: Some(name),
            port: Some(number),
            key,
            own: own.iter().map(|&directory| directory.to_owned()).collect(),
            file_systems,
        };
        Ok(Self { known, _socket: socket, _port: port })
    }
}
