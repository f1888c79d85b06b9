//! What the sandbox may share with the outside: names, sockets, keys.

use std::{
    net::{Ipv4Addr, SocketAddrV4, TcpStream},
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixStream},
    },
    path::Path,
};

use nix::{
    errno::Errno,
    libc,
    unistd::{gethostname, sethostname},
};

use super::{Attempt, Reached, Stop, called, shares};
use crate::{
    facts::escape::Marks,
    probe::{
        attempts::{PATIENCE, kernel},
        read::errno,
    },
    sys::{self, Keyring},
};

pub(super) const ALL: &[Attempt] = &[
    Attempt { id: "uts.hostname", act: host_name },
    Attempt { id: "ipc.objects", act: |marks| shares(marks, "ipc") },
    Attempt { id: "network.devices", act: |marks| shares(marks, "net") },
    Attempt { id: "network.abstract-socket", act: abstract_socket },
    Attempt { id: "network.loopback", act: loopback },
    Attempt { id: "network.vsock", act: |_| vsock() },
    Attempt { id: "network.engine-socket", act: |_| engine() },
    Attempt { id: "key.session", act: session_key },
    Attempt { id: "key.user", act: user_keyring },
];

/// Give the machine the name it has.
fn host_name(marks: &Marks) -> Reached {
    shares(marks, "uts")?;
    sethostname(gethostname()?)?;
    Ok(())
}

fn abstract_socket(marks: &Marks) -> Reached {
    let name = marks.abstract_socket.as_ref().ok_or_else(|| Stop::Untried("no socket is put up outside".to_owned()))?;
    let address = SocketAddr::from_abstract_name(name).map_err(|error| errno(&error))?;
    UnixStream::connect_addr(&address).map(drop).map_err(|error| errno(&error).into())
}

fn loopback(marks: &Marks) -> Reached {
    let port = marks.port.ok_or_else(|| Stop::Untried("no port is listened to outside".to_owned()))?;
    let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port).into();
    TcpStream::connect_timeout(&address, PATIENCE / 2).map(drop).map_err(|error| errno(&error).into())
}

/// A socket to the hypervisor, of which no namespace of networks knows before Linux 7.0. It is connected to nothing.
fn vsock() -> Reached {
    let families = kernel::column("/proc/net/protocols", 0);
    let families = families.ok_or_else(|| Stop::Untried("/proc/net/protocols is not to be read".to_owned()))?;
    if !families.contains(&b"AF_VSOCK"[..]) && !families.contains(&b"VSOCK"[..]) {
        return Err(Stop::Absent("the kernel has it not loaded".to_owned()));
    }
    sys::socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0)?;
    Ok(())
}

/// Connect to a container engine, and say nothing.
fn engine() -> Reached {
    let sockets =
        ["/run/docker.sock", "/var/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock"];
    let Some(socket) = sockets.into_iter().find(|socket| Path::new(socket).exists()) else {
        return Err(Stop::Way("none is there"));
    };
    UnixStream::connect(socket).map(drop).map_err(|error| errno(&error).into())
}

/// Find and read the key that whoever starts the sandbox has in its session.
fn session_key(marks: &Marks) -> Reached {
    let name = marks.key.as_ref().ok_or_else(|| Stop::Untried("there is no key outside".to_owned()))?;
    let found = called(sys::find_key(Keyring::Session, name), "keyrings")?;
    let held = sys::read_key(found)?;
    if held == name.as_bytes() { Ok(()) } else { Err(Errno::EBADMSG.into()) }
}

/// Read the list of the keys that all processes of the machine's user 0 have in common.
fn user_keyring(_: &Marks) -> Reached {
    // In a user namespace of one's own it is another one.
    super::in_initial_user_namespace()?;
    let number = called(sys::keyring(Keyring::User), "keyrings")?;
    sys::read_key(number)?;
    Ok(())
}
