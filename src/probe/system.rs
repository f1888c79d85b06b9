//! Kernel, binary interface, loader, security modules, namespaces, network, and what `/proc` and `/sys` expose.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Read,
    os::fd::AsFd,
    path::Path,
};

use nix::{
    errno::Errno,
    fcntl::{OFlag, open},
    libc,
    sys::{stat::Mode, utsname::uname},
    unistd::{AccessFlags, access, pipe2, write},
};

use super::{
    files,
    process::auxiliary,
    read::{self, bytes, called, errno, link, parsed, understood, unread},
};
use crate::{
    arch,
    facts::{
        Fact, Unread, auxv,
        ipc::{self, Ipc},
        network::{self, Interface, Network},
        system::{Abi, Exposure, Kernel, Loader, Proc, Security, Sys, elf_machine},
        text::escape,
        user::{self, User},
    },
    sys,
};

/// The namespaces of a process (namespaces(7)).
const NAMESPACES: [&str; 8] = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];

/// What of `/proc` is told, beyond the process's own.
const PROC: [&str; 35] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/bootconfig",
    "/proc/bus",
    "/proc/cio_ignore",
    "/proc/cio_settle",
    "/proc/cmdline",
    "/proc/config.gz",
    "/proc/device-tree",
    "/proc/iomem",
    "/proc/ioports",
    "/proc/irq",
    "/proc/kallsyms",
    "/proc/kcore",
    "/proc/key-users",
    "/proc/keys",
    "/proc/kmsg",
    "/proc/kpagecgroup",
    "/proc/kpagecount",
    "/proc/kpageflags",
    "/proc/modules",
    "/proc/mtrr",
    "/proc/powerpc",
    "/proc/ppc64",
    "/proc/rtas",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/service_levels",
    "/proc/slabinfo",
    "/proc/sys/fs/binfmt_misc/register",
    "/proc/sys/kernel/core_pattern",
    "/proc/sysinfo",
    "/proc/sysrq-trigger",
    "/proc/timer_list",
    "/proc/vmallocinfo",
];

/// What of `/sys` is told.
const SYS: [&str; 15] = [
    "/sys/class/net",
    "/sys/firmware",
    "/sys/firmware/devicetree/base",
    "/sys/firmware/dmi",
    "/sys/firmware/ipl",
    "/sys/fs/bpf",
    "/sys/fs/cgroup",
    "/sys/fs/pstore",
    "/sys/fs/selinux",
    "/sys/kernel/debug",
    "/sys/kernel/security",
    "/sys/kernel/tracing",
    "/sys/kernel/uevent_helper",
    "/sys/module",
    "/sys/power/state",
];

/// The inode behind each namespace's link.
pub fn namespaces() -> BTreeMap<String, Fact<u64>> {
    read::table(&NAMESPACES, |name| {
        let path = format!("/proc/self/ns/{name}");
        let number = link(&path).and_then(|link| {
            let digits = link.split_once(":[").and_then(|(_, rest)| rest.strip_suffix(']'));
            let number = digits.and_then(|digits| digits.parse().ok());
            number.ok_or_else(|| unread(format!("understand {path}"), Errno::EBADMSG))
        });
        number.into()
    })
}

/// The maps of the user namespace.
pub fn user() -> User {
    let [uid_map, gid_map] = ["/proc/self/uid_map", "/proc/self/gid_map"].map(|path| parsed(path, user::parse));
    User {
        uids: uid_map.clone().map(|map| user::count(&map)),
        gids: gid_map.clone().map(|map| user::count(&map)),
        uid_map,
        gid_map,
        setgroups: bytes("/proc/self/setgroups").map(|bytes| escape(bytes.trim_ascii_end())).into(),
    }
}

/// The System V objects of the ipc namespace.
pub fn ipc() -> Ipc {
    Ipc {
        shared_memory: parsed("/proc/sysvipc/shm", ipc::parse),
        semaphores: parsed("/proc/sysvipc/sem", ipc::parse),
        message_queues: parsed("/proc/sysvipc/msg", ipc::parse),
    }
}

/// The network namespace.
pub fn network() -> Network {
    let (addresses, others) = addresses();
    Network {
        interfaces: bytes("/proc/net/dev")
            .and_then(|bytes| understood("/proc/net/dev", network::interfaces(&bytes)))
            .and_then(|names| names.iter().map(|name| interface(name)).collect())
            .into(),
        addresses,
        other_addresses: others,
        routes: parsed("/proc/net/route", network::routes),
        routes6: bytes("/proc/net/ipv6_route").map(|bytes| network::routes6(&bytes)).into(),
        abstract_sockets: parsed("/proc/net/unix", network::abstract_sockets),
    }
}

fn interface(name: &[u8]) -> Result<(String, Interface), Unread> {
    let shown = escape(name);
    let flags = sys::interface_flags(name).map_err(|errno| unread(format!("flags of interface {shown}"), errno))?;
    let has = |flag| flags & flag != 0;
    Ok((shown, Interface { up: has(libc::IFF_UP), loopback: has(libc::IFF_LOOPBACK) }))
}

/// The loopback addresses, and how many others there are. A kernel without IPv6 has no table of it.
fn addresses() -> (Fact<Vec<String>>, Fact<u32>) {
    let v4 = bytes("/proc/net/fib_trie").and_then(|trie| understood("/proc/net/fib_trie", network::addresses(&trie)));
    let v6 = match bytes("/proc/net/if_inet6") {
        Ok(table) => understood("/proc/net/if_inet6", network::addresses6(&table)),
        Err(reason) if reason.errno == "ENOENT" => Ok(BTreeSet::new()),
        Err(reason) => Err(reason),
    };
    match v4.and_then(|v4| v6.map(|v6| (v4, v6))) {
        Err(reason) => (Fact::Unread(reason.clone()), Fact::Unread(reason)),
        Ok((v4, v6)) => {
            let all = v4.len() + v6.len();
            let v4 = v4.iter().filter(|address| address.is_loopback()).map(ToString::to_string);
            let v6 = v6.iter().filter(|address| address.is_loopback()).map(ToString::to_string);
            let loopback: Vec<String> = v4.chain(v6).collect();
            let others = u32::try_from(all - loopback.len()).unwrap_or(u32::MAX);
            (Fact::Known(loopback), Fact::Known(others))
        }
    }
}

/// Linux security modules.
pub fn security() -> Security {
    let label = bytes("/proc/self/attr/current").map(|label| {
        let end = label.iter().position(|&byte| byte == 0).unwrap_or(label.len());
        escape(label[..end].trim_ascii_end())
    });
    Security {
        modules: bytes("/sys/kernel/security/lsm").map(|modules| escape(modules.trim_ascii_end())).into(),
        label: label.into(),
        selinux_mounted: Path::new("/sys/fs/selinux/enforce").exists(),
        apparmor: bytes("/sys/module/apparmor/parameters/enabled").is_ok_and(|enabled| enabled.starts_with(b"Y")),
        landlock: sys::landlock().unwrap_or(0),
    }
}

/// The host name, and what `uname(2)` says of the kernel.
pub fn kernel() -> (Fact<String>, Fact<Kernel>) {
    let text = |text: &std::ffi::OsStr| escape(text.as_encoded_bytes());
    match uname() {
        Err(errno) => (called("uname", Err(errno)), called("uname", Err(errno))),
        Ok(names) => {
            let kernel = Kernel {
                sysname: text(names.sysname()),
                release: text(names.release()),
                machine: text(names.machine()),
            };
            (Fact::Known(text(names.nodename())), Fact::Known(kernel))
        }
    }
}

/// The binary interface.
pub fn abi() -> Abi {
    let order = if cfg!(target_endian = "big") { arch::ByteOrder::Big } else { arch::ByteOrder::Little };
    Abi {
        page_size: auxiliary(auxv::AT_PAGESZ),
        clock_ticks: auxiliary(auxv::AT_CLKTCK),
        byte_order: order.name().to_owned(),
        pointer_bits: usize::BITS,
        char_signed: std::ffi::c_char::MIN != 0,
        waiting_request: waiting_request().into(),
        directory_flag: directory_flag().into(),
        old_calls: sys::has_old_calls(),
    }
}

/// Which request a pipe answers as `FIONREAD`. The kernel is asked, not the headers that this was built with.
fn waiting_request() -> Result<u64, Unread> {
    // asm-generic/ioctls.h, and those that count the size in: arch/powerpc, arch/mips.
    const REQUESTS: [u64; 2] = [0x541b, 0x4004_667f];
    const WAITING: &[u8] = b"seven b";
    let failed = |errno| unread("FIONREAD of a pipe", errno);
    let (hear, say) = pipe2(OFlag::O_CLOEXEC).map_err(failed)?;
    write(&say, WAITING).map_err(failed)?;
    let answers = |request: &u64| sys::bytes_waiting(hear.as_fd(), *request) == Ok(WAITING.len() as i32);
    REQUESTS.into_iter().find(answers).ok_or_else(|| failed(Errno::ENOTTY))
}

/// Which flag makes `open(2)` refuse what is no directory. Asked of a file that qemu-user does not replace by its own.
fn directory_flag() -> Result<u32, Unread> {
    // asm-generic/fcntl.h; arch/arm, arch/arm64, arch/powerpc.
    const FLAGS: [u32; 2] = [0o200_000, 0o40_000];
    let refuses = |flag: &u32| {
        let flags = OFlag::from_bits_retain(*flag as i32) | OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        open("/proc/self/mountinfo", flags, Mode::empty()).is_err_and(|errno| errno == Errno::ENOTDIR)
    };
    FLAGS.into_iter().find(refuses).ok_or_else(|| unread("O_DIRECTORY of a file", Errno::ENOTDIR))
}

/// The dynamic loader of the architecture that the probe was built for.
pub fn loader() -> Loader {
    let path = arch::native().map_or("", |arch| arch.loader);
    Loader {
        path: path.to_owned(),
        present: Path::new(path).exists(),
        target: files::resolved(path),
        elf_machine: header(path).map(|header| elf_machine(&header)).into(),
    }
}

/// The start of a file; empty where there is none.
fn header(path: &str) -> Result<Vec<u8>, Unread> {
    let failed = |error: &std::io::Error| unread(format!("read {path}"), errno(error));
    let mut header = Vec::new();
    match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(header),
        Err(error) => Err(failed(&error)),
        Ok(file) => {
            file.take(64).read_to_end(&mut header).map_err(|error| failed(&error))?;
            Ok(header)
        }
    }
}

/// What `/proc` exposes. The command line is told where something of ours was put over it, else it is the host's.
pub fn proc(covered: bool) -> Proc {
    let cmdline = if covered { bytes("/proc/cmdline").map(|line| Some(shown_line(&line))) } else { Ok(None) };
    Proc { cmdline: cmdline.into(), entries: read::table(&PROC, exposure) }
}

/// A line with its end, which is told: `escape` would show it as `\x0a`.
fn shown_line(line: &[u8]) -> String {
    let (body, end) = line.strip_suffix(b"\n").map_or((line, ""), |body| (body, "\n"));
    escape(body) + end
}

/// What `/sys` exposes.
pub fn sys_files() -> Sys {
    Sys { entries: read::table(&SYS, exposure) }
}

fn exposure(path: &str) -> Exposure {
    let may = |how| access(path, how).is_ok();
    match (may(AccessFlags::F_OK), may(AccessFlags::R_OK), may(AccessFlags::W_OK)) {
        (false, _, _) => Exposure::Absent,
        (true, false, false) => Exposure::Closed,
        (true, true, false) => Exposure::Read,
        (true, false, true) => Exposure::Write,
        (true, true, true) => Exposure::ReadWrite,
    }
}
