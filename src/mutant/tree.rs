//! Mounts, links and nodes: missing, extra, with other flags, in another order.

use super::edit::{bind_as, drop_at, move_first, replace_at};
use super::{Change, Mutant};
use crate::plan::{Access, HostPath, Op, SandboxPath};
use crate::profile::Profile::{OsbuildV19, OsbuildV190};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "usr-writable",
        says: "/usr is mounted read-write",
        change: Change::Plan(|plan| bind_as(plan, "/usr", Access::ReadWrite)),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
    Mutant {
        id: "usr-devices",
        says: "device nodes work below /usr",
        change: Change::Plan(|plan| bind_as(plan, "/usr", Access::Device)),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
    Mutant {
        id: "boot-missing",
        says: "the tree has a /boot and it is not mounted",
        change: Change::Plan(|plan| drop_at(plan, "/boot")),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
    Mutant {
        id: "boot-writable",
        says: "/boot is mounted read-write",
        change: Change::Plan(|plan| bind_as(plan, "/boot", Access::ReadWrite)),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
    Mutant {
        id: "bin-link-missing",
        says: "there is no /bin",
        change: Change::Plan(|plan| drop_at(plan, "/bin")),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
    Mutant {
        id: "sbin-link-elsewhere",
        says: "/sbin leads to usr/bin",
        change: Change::Plan(|plan| replace_at(plan, "/sbin", Op::symlink("usr/bin", "/sbin"))),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
    Mutant {
        id: "lib64-link-absolute",
        says: "/lib64 says /usr/lib64 instead of usr/lib64",
        change: Change::Plan(|plan| replace_at(plan, "/lib64", Op::symlink("/usr/lib64", "/lib64"))),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
    Mutant {
        id: "dev-without-devices",
        says: "/dev is mounted with nodev",
        change: Change::Plan(|plan| bind_as(plan, "/dev", Access::ReadWrite)),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
    Mutant {
        id: "null-is-zero",
        says: "what is at /dev/null is the zero device",
        change: Change::Plan(|plan| {
            plan.ops.push(Op::bind(&HostPath::new("/dev/zero"), "/dev/null", Access::Device));
        }),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
    Mutant {
        id: "dev-fd-link",
        says: "there is a /dev/fd",
        change: Change::Plan(|plan| plan.ops.push(Op::symlink("/proc/self/fd", "/dev/fd"))),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
    Mutant {
        id: "shm-covered",
        says: "/dev/shm is mounted before /dev, which covers it",
        change: Change::Plan(|plan| move_first(plan, "/dev/shm")),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
    Mutant {
        id: "tmp-not-mounted",
        says: "/tmp is a directory of the root tmpfs",
        change: Change::Plan(|plan| replace_at(plan, "/tmp", Op::Dir(SandboxPath::new("/tmp")))),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
    Mutant {
        id: "tmp-not-empty",
        says: "something lies in /tmp",
        change: Change::Plan(|plan| plan.ops.push(Op::Dir(SandboxPath::new("/tmp/left-over")))),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
    Mutant {
        id: "etc-not-empty",
        says: "something lies in /etc",
        change: Change::Plan(|plan| plan.ops.push(Op::Dir(SandboxPath::new("/etc/left-over")))),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
    Mutant {
        id: "var-read-only",
        says: "/var is mounted read-only",
        change: Change::Plan(|plan| bind_as(plan, "/var", Access::ReadOnly)),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
    Mutant {
        id: "sys-writable",
        says: "/sys is mounted read-write",
        change: Change::Plan(|plan| bind_as(plan, "/sys", Access::ReadWrite)),
        breaks: &[(OsbuildV190, &[])],
    },
    Mutant {
        id: "sys-read-only",
        says: "/sys is mounted read-only",
        change: Change::Plan(|plan| bind_as(plan, "/sys", Access::ReadOnly)),
        breaks: &[(OsbuildV19, &[])],
    },
    Mutant {
        id: "proc-of-outside",
        says: "/proc is the one from outside the sandbox",
        change: Change::Plan(|plan| {
            replace_at(plan, "/proc", Op::bind(&HostPath::new("/proc"), "/proc", Access::ReadWrite));
        }),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
    Mutant {
        id: "cmdline-of-outside",
        says: "/proc/cmdline is the host's",
        change: Change::Plan(|plan| drop_at(plan, "/proc/cmdline")),
        breaks: &[(OsbuildV190, &[])],
    },
    Mutant {
        id: "proc-sys-read-only",
        says: "/proc/sys is covered read-only",
        change: Change::Plan(|plan| {
            plan.ops.push(Op::bind(&HostPath::new("/proc/sys"), "/proc/sys", Access::ReadOnly));
        }),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
    Mutant {
        id: "mount-extra",
        says: "there is a tmpfs at /opt",
        change: Change::Plan(|plan| plan.ops.push(Op::Tmpfs(SandboxPath::new("/opt")))),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
    Mutant {
        id: "libdir-writable",
        says: "/run/osbuild/lib is mounted read-write",
        change: Change::Plan(|plan| bind_as(plan, "/run/osbuild/lib", Access::ReadWrite)),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
    Mutant {
        id: "api-writable",
        says: "/run/osbuild/api is mounted read-write",
        change: Change::Plan(|plan| bind_as(plan, "/run/osbuild/api", Access::ReadWrite)),
        breaks: &[(OsbuildV19, &[])],
    },
    Mutant {
        id: "mke2fs-conf-missing",
        says: "the tree's /etc/mke2fs.conf is not mounted",
        change: Change::Plan(|plan| drop_at(plan, "/etc/mke2fs.conf")),
        breaks: &[(OsbuildV190, &[])],
    },
];
