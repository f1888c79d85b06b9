//! What the host has that makes a difference to a contract.

use std::collections::BTreeMap;
use std::path::Path;

use nix::sys::statvfs::{FsFlags, statvfs};

use crate::buildroot::BuildRoot;
use crate::capability::Capability;
use crate::sys::{self, Attribute};

/// What a contract's `when.host` can ask for.
pub(super) fn facts(root: &BuildRoot) -> BTreeMap<String, bool> {
    let there = |path: &str| Path::new(path).exists();
    [
        ("selinux", there("/sys/fs/selinux/enforce")),
        ("fuse", root.optional_devices().iter().any(|name| name == "fuse")),
        ("sysrq-trigger", there("/proc/sysrq-trigger")),
        ("root-mapped", root.has_host_root()),
        ("sys-writable", statvfs("/sys").is_ok_and(|sys| !sys.flags().contains(FsFlags::ST_RDONLY))),
        ("ipv6", there("/proc/net/if_inet6")),
        ("yama", std::fs::read("/proc/sys/kernel/yama/ptrace_scope").is_ok_and(|scope| scope.first() != Some(&b'0'))),
        ("sys-admin-reads-log", sys_admin_reads_log()),
        ("mdwe", sys::attribute(Attribute::MemoryDenyWriteExecute).is_ok()),
    ]
    .map(|(name, is)| (name.to_owned(), is))
    .into()
}

/// Whether the kernel's log is open to who has CAP_SYS_ADMIN and lacks CAP_SYSLOG. A thread of its own tries it, because
/// it gives the one up.
fn sys_admin_reads_log() -> bool {
    let tries = || {
        sys::lower_capability_of_this_thread(Capability::SYSLOG.number()).is_ok() && sys::unread_kernel_log().is_ok()
    };
    std::thread::spawn(tries).join().unwrap_or(false)
}
