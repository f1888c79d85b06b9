//! What the host has that makes a difference to a contract.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use nix::sys::statvfs::{FsFlags, statvfs};

use crate::buildroot::BuildRoot;
use crate::capability::Capability;
use crate::sys::{self, Attribute};

/// What a contract's `when.host` can ask for; what can't be found out is not among it.
pub(super) fn facts(root: &BuildRoot) -> BTreeMap<String, bool> {
    let there = |path: &str| Path::new(path).try_exists().ok();
    [
        ("selinux", there("/sys/fs/selinux/enforce")),
        ("fuse", Some(root.optional_devices().iter().any(|name| name == "fuse"))),
        ("sysrq-trigger", there("/proc/sysrq-trigger")),
        ("root-mapped", Some(root.has_host_root())),
        ("sys-writable", statvfs("/sys").ok().map(|sys| !sys.flags().contains(FsFlags::ST_RDONLY))),
        ("ipv6", there("/proc/net/if_inet6")),
        ("yama", yama_restricts_ptrace()),
        ("sys-admin-reads-log", Some(sys_admin_reads_log())),
        ("mdwe", Some(sys::attribute(Attribute::MemoryDenyWriteExecute).is_ok())),
    ]
    .into_iter()
    .filter_map(|(name, is)| Some((name.to_owned(), is?)))
    .collect()
}

/// Whether Yama narrows who may trace whom; not where the kernel has no such thing.
fn yama_restricts_ptrace() -> Option<bool> {
    match std::fs::read("/proc/sys/kernel/yama/ptrace_scope") {
        Ok(scope) => Some(scope.first() != Some(&b'0')),
        Err(error) => (error.kind() == ErrorKind::NotFound).then_some(false),
    }
}

/// Whether the kernel's log is open to who has CAP_SYS_ADMIN and lacks CAP_SYSLOG. A thread of its own tries it, because
/// it gives the one up.
fn sys_admin_reads_log() -> bool {
    let tries = || {
        sys::lower_capability_of_this_thread(Capability::SYSLOG.number()).is_ok() && sys::unread_kernel_log().is_ok()
    };
    std::thread::spawn(tries).join().unwrap_or(false)
}
