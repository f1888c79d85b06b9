//! Calls that reach past the sandbox, and its sockets.

use std::{collections::BTreeSet, net::UdpSocket, os::fd::AsFd};

use nix::{
    errno::Errno,
    fcntl::{OFlag, open},
    libc,
    sched::{CloneFlags, setns, unshare},
    sys::stat::Mode,
    unistd::{Gid, Pid, Uid, chroot, setgid, setgroups, setuid},
};

use super::{Act, Log, Outcome, ok};
use crate::{
    facts::text::fields,
    probe::read::{bytes, errno},
    sys,
};

/// What is opened for reading, beyond what everybody may read.
const OPENED: [&str; 9] = [
    "/dev/kmsg",
    "/dev/tty",
    "/proc/1/environ",
    "/proc/1/exe",
    "/proc/1/mem",
    "/proc/1/root",
    "/proc/kallsyms",
    "/proc/kcore",
    "/proc/kmsg",
];

/// Kernel settings that are the host's: opened for writing.
const SETTINGS: [&str; 7] = [
    "fs.binfmt_misc.register",
    "kernel.core_pattern",
    "kernel.hostname",
    "kernel.modprobe",
    "kernel.printk",
    "kernel.sysrq",
    "vm.drop_caches",
];

/// The user namespace last: who makes one holds every capability in it.
const NAMESPACES: [(&str, CloneFlags); 7] = [
    ("cgroup", CloneFlags::CLONE_NEWCGROUP),
    ("ipc", CloneFlags::CLONE_NEWIPC),
    ("mnt", CloneFlags::CLONE_NEWNS),
    ("net", CloneFlags::CLONE_NEWNET),
    ("pid", CloneFlags::CLONE_NEWPID),
    ("uts", CloneFlags::CLONE_NEWUTS),
    ("user", CloneFlags::CLONE_NEWUSER),
];

pub fn attempt(log: &mut Log) {
    for path in OPENED {
        log.attempt(format!("open:{path}"), || open_for(path, OFlag::O_RDONLY));
    }
    for name in SETTINGS {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        log.attempt(format!("sysctl:{name}"), || open_for(&path, OFlag::O_WRONLY));
    }
    log.attempt("load-module", || permitted(sys::load_no_module(), Errno::EBADF));
    log.attempt("open-by-handle:/usr", || ok(sys::open_by_handle(c"/usr")));
    log.attempt("ptrace:init", || permitted(sys::read_nothing_of(Pid::from_raw(1)), Errno::EFAULT));
    log.attempt("reboot", || permitted(sys::reboot_without_magic(), Errno::EINVAL));
    log.attempt("syslog", || ok(sys::unread_kernel_log()));
    log.attempt("tiocsti:stdin", || permitted(sys::push_no_input(std::io::stdin().as_fd()), Errno::EFAULT));
    log.attempt("tiocsti:stdout", || permitted(sys::push_no_input(std::io::stdout().as_fd()), Errno::EFAULT));
    log.attempt("tiocsti:stderr", || permitted(sys::push_no_input(std::io::stderr().as_fd()), Errno::EFAULT));
    // qemu-user 7.2 does not survive a time that is not given: then only a child of ours dies of it.
    log.attempt_together(&[
        act("settimeofday".to_owned(), || ok(sys::set_no_time())),
        act("chroot".to_owned(), || ok(chroot("/tmp"))),
    ]);
    // The user last: who becomes another one may do nothing more.
    log.attempt_together(&[
        act("setgroups".to_owned(), || ok(setgroups(&[Gid::from_raw(1)]))),
        act("setgid".to_owned(), || ok(setgid(Gid::from_raw(1)))),
        act("setuid".to_owned(), || ok(setuid(Uid::from_raw(1)))),
    ]);
    let unshared = NAMESPACES.map(|(name, flag)| act(format!("unshare:{name}"), move || ok(unshare(flag))));
    log.attempt_together(&unshared);
    let entered = NAMESPACES.map(|(name, _)| act(format!("setns:init-{name}"), move || enter(name)));
    log.attempt_together(&entered);
    sockets(log);
}

fn act(name: String, act: impl Fn() -> Outcome + 'static) -> (String, Act<'static>) {
    (name, Box::new(act))
}

/// Open with no side effect: nothing made, cut, waited for or made a terminal.
pub fn open_for(path: &str, access: OFlag) -> Outcome {
    let quiet = OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | OFlag::O_LARGEFILE;
    ok(open(path, access | quiet, Mode::empty()))
}

/// `ok` where a call failed only because of what it was given.
pub fn permitted<T>(result: nix::Result<T>, empty: Errno) -> Outcome {
    match result {
        Err(errno) if errno == empty => Ok("ok"),
        result => ok(result),
    }
}

/// Enter a namespace of process 1. A process's own user namespace is `EINVAL` (setns(2)).
fn enter(name: &str) -> Outcome {
    let path = format!("/proc/1/ns/{name}");
    let namespace = open(path.as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    ok(setns(namespace, CloneFlags::empty()))
}

/// Sockets of families that a network namespace does not hold, or that need a capability. A family that the kernel
/// has not loaded is left alone: `socket(2)` would load it.
fn sockets(log: &mut Log) {
    let raw = libc::SOCK_RAW;
    let all = [
        ("alg", libc::AF_ALG, libc::SOCK_SEQPACKET, 0, ["ALG", ""]),
        // A type that there is not for packets: to close a real one, the kernel waits for all processors.
        ("packet", libc::AF_PACKET, libc::SOCK_STREAM, 0, ["PACKET", ""]),
        ("raw", libc::AF_INET, raw, libc::IPPROTO_ICMP, ["RAW", ""]),
        ("vsock", libc::AF_VSOCK, libc::SOCK_STREAM, 0, ["AF_VSOCK", "VSOCK"]),
    ];
    let families = column("/proc/net/protocols", 0);
    for (name, family, kind, protocol, listed) in all {
        let loaded = families.as_ref().map(|families| listed.iter().any(|name| families.contains(name.as_bytes())));
        log.attempt(format!("socket:{name}"), || socket(loaded, family, kind, protocol));
    }
    let protocols = column("/proc/net/netlink", 1);
    for (name, protocol) in
        [("audit", libc::NETLINK_AUDIT), ("route", libc::NETLINK_ROUTE), ("uevent", libc::NETLINK_KOBJECT_UEVENT)]
    {
        let number = protocol.to_string();
        let loaded = protocols.as_ref().map(|protocols| protocols.contains(number.as_bytes()));
        log.attempt(format!("socket:netlink-{name}"), || socket(loaded, libc::AF_NETLINK, raw, protocol));
    }
    // A documentation address (RFC 5737): only the route is looked up, nothing is sent.
    log.attempt("connect:outside", || {
        let route = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.connect("192.0.2.1:9"));
        ok(route.map_err(|error| errno(&error)))
    });
}

pub fn socket(loaded: Option<bool>, family: i32, kind: i32, protocol: i32) -> Outcome {
    match loaded {
        None => Ok("not-tried"),
        Some(false) => Ok("not-loaded"),
        Some(true) => permitted(sys::socket(family, kind, protocol), Errno::ESOCKTNOSUPPORT),
    }
}

/// The values in a column of a table.
pub fn column(path: &str, number: usize) -> Option<BTreeSet<Vec<u8>>> {
    let table = bytes(path).ok()?;
    Some(table.split(|&byte| byte == b'\n').filter_map(|row| fields(row).nth(number)).map(<[u8]>::to_vec).collect())
}
