//! Looking for what was put up outside. `ok`: it was found, so the sandbox leaks.

use std::{
    net::{Ipv4Addr, SocketAddrV4, TcpStream},
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixStream},
    },
    path::Path,
};

use nix::{errno::Errno, sys::signal::kill, unistd::Pid};

use super::{Log, PATIENCE, kernel::permitted, ok};
use crate::{facts::launch::Canaries, probe::read::errno, sys};

pub fn attempt(log: &mut Log, wanted: &Canaries) {
    if let Some(key) = wanted.shm_key {
        log.attempt("canary:shm", || ok(sys::find_shared_memory(key)));
    }
    if let Some(key) = wanted.sem_key {
        log.attempt("canary:sem", || ok(sys::find_semaphores(key)));
    }
    if let Some(key) = wanted.msg_key {
        log.attempt("canary:msg", || ok(sys::find_message_queue(key)));
    }
    if let Some(name) = &wanted.mq {
        log.attempt("canary:mq", || ok(sys::open_posix_queue(name)));
    }
    if let Some(name) = &wanted.abstract_socket {
        log.attempt_apart("canary:abstract", || {
            let address = SocketAddr::from_abstract_name(name).map_err(|_| Errno::EINVAL)?;
            ok(UnixStream::connect_addr(&address).map_err(|error| errno(&error)))
        });
    }
    if let Some(port) = wanted.port {
        log.attempt_apart("canary:loopback", || {
            let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port).into();
            ok(TcpStream::connect_timeout(&address, PATIENCE / 2).map_err(|error| errno(&error)))
        });
    }
    // 0 and negative numbers are groups of processes, ours among them.
    if let Some(pid) = wanted.pid.filter(|&pid| pid > 0) {
        process(log, pid);
    }
}

/// Signal 0 and a read of nothing: both check what the real thing would need, and do nothing.
fn process(log: &mut Log, pid: i32) {
    log.attempt("canary:pid", || {
        let there = Path::new(&format!("/proc/{pid}")).try_exists().map_err(|error| errno(&error))?;
        if there { Ok("ok") } else { Err(Errno::ENOENT) }
    });
    let pid = Pid::from_raw(pid);
    log.attempt("canary:kill", || ok(kill(pid, None)));
    log.attempt("canary:ptrace", || permitted(sys::read_nothing_of(pid), Errno::EFAULT));
}
