//! Mounts, links and nodes: missing, extra, with other flags, in another order.

use super::edit::{bind_as, drop_at, move_first, replace_at};
use super::{Change, Mutant, both};
use crate::plan::{Access, HostPath, Op, SandboxPath};
use crate::profile::Profile::{OsbuildV19, OsbuildV190};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "usr-writable",
        says: "/usr is mounted read-write",
        change: Change::Plan(|plan| bind_as(plan, "/usr", Access::ReadWrite)),
        breaks: &both(&[
            "mount.usr.create-refused",
            "mount.usr.read-only",
            "mount.usr.remountable",
            "mount.usr.write-refused",
        ]),
    },
    Mutant {
        id: "usr-devices",
        says: "device nodes work below /usr",
        change: Change::Plan(|plan| bind_as(plan, "/usr", Access::Device)),
        breaks: &both(&[
            "mount.usr.create-refused",
            "mount.usr.read-only",
            "mount.usr.remountable",
            "mount.usr.write-refused",
        ]),
    },
    Mutant {
        id: "boot-missing",
        says: "the tree has a /boot and it is not mounted",
        change: Change::Plan(|plan| drop_at(plan, "/boot")),
        breaks: &both(&[
            "mount.boot.read-only",
            "mount.boot.remountable",
            "mount.boot.write-refused",
            "path.boot.directory",
        ]),
    },
    Mutant {
        id: "boot-writable",
        says: "/boot is mounted read-write",
        change: Change::Plan(|plan| bind_as(plan, "/boot", Access::ReadWrite)),
        breaks: &both(&[
            "mount.boot.create-refused",
            "mount.boot.read-only",
            "mount.boot.remountable",
            "mount.boot.write-refused",
        ]),
    },
    Mutant {
        id: "bin-link-missing",
        says: "there is no /bin",
        change: Change::Plan(|plan| drop_at(plan, "/bin")),
        breaks: &both(&["link.bin.resolves", "link.bin.target"]),
    },
    Mutant {
        id: "sbin-link-elsewhere",
        says: "/sbin leads to usr/bin",
        change: Change::Plan(|plan| replace_at(plan, "/sbin", Op::symlink("usr/bin", "/sbin"))),
        breaks: &both(&["link.sbin.resolves", "link.sbin.target"]),
    },
    Mutant {
        id: "lib64-link-absolute",
        says: "/lib64 says /usr/lib64 instead of usr/lib64",
        change: Change::Plan(|plan| replace_at(plan, "/lib64", Op::symlink("/usr/lib64", "/lib64"))),
        breaks: &both(&["link.lib64.resolves", "link.lib64.target"]),
    },
    Mutant {
        id: "dev-without-devices",
        says: "/dev is mounted with nodev",
        change: Change::Plan(|plan| bind_as(plan, "/dev", Access::ReadWrite)),
        breaks: &[
            (
                OsbuildV19,
                &[
                    "device.full.write",
                    "device.node.open",
                    "device.null.write",
                    "device.random.read",
                    "device.tty.open",
                    "device.urandom.read",
                    "device.zero.read",
                    "mount.dev.devices-work",
                ],
            ),
            (
                OsbuildV190,
                &[
                    "device.full.write",
                    "device.node.open",
                    "device.null.write",
                    "device.random.read",
                    "device.tty.open",
                    "device.urandom.read",
                    "device.zero.read",
                    "mount.dev-full.bound",
                    "mount.dev-fuse.bound",
                    "mount.dev-null.bound",
                    "mount.dev-random.bound",
                    "mount.dev-tty.bound",
                    "mount.dev-urandom.bound",
                    "mount.dev-zero.bound",
                    "mount.dev.devices-work",
                ],
            ),
        ],
    },
    Mutant {
        id: "null-is-zero",
        says: "what is at /dev/null is the zero device",
        change: Change::Plan(|plan| {
            plan.ops.push(Op::bind(&HostPath::new("/dev/zero"), "/dev/null", Access::Device));
        }),
        breaks: &[
            (OsbuildV19, &["device.null.number", "device.null.write", "mount.dev-null.not-bound"]),
            (OsbuildV190, &["device.null.number", "device.null.write", "mount.stacked.never"]),
        ],
    },
    Mutant {
        id: "dev-fd-link",
        says: "there is a /dev/fd",
        change: Change::Plan(|plan| plan.ops.push(Op::symlink("/proc/self/fd", "/dev/fd"))),
        breaks: &both(&["device.fd.absent"]),
    },
    Mutant {
        id: "shm-covered",
        says: "/dev/shm is mounted before /dev, which covers it",
        change: Change::Plan(|plan| move_first(plan, "/dev/shm")),
        breaks: &both(&[
            "device.shm.directory",
            "directory.dev-shm.empty",
            "mount.dev-shm.create",
            "mount.dev-shm.executable",
            "mount.dev-shm.fresh",
            "path.dev-shm.mode",
        ]),
    },
    Mutant {
        id: "tmp-not-mounted",
        says: "/tmp is a directory of the root tmpfs",
        change: Change::Plan(|plan| replace_at(plan, "/tmp", Op::Dir(SandboxPath::new("/tmp")))),
        breaks: &both(&["mount.tmp.fresh"]),
    },
    Mutant {
        id: "tmp-not-empty",
        says: "something lies in /tmp",
        change: Change::Plan(|plan| plan.ops.push(Op::Dir(SandboxPath::new("/tmp/left-over")))),
        breaks: &both(&["directory.tmp.empty", "directory.unexpected"]),
    },
    Mutant {
        id: "etc-not-empty",
        says: "something lies in /etc",
        change: Change::Plan(|plan| plan.ops.push(Op::Dir(SandboxPath::new("/etc/left-over")))),
        breaks: &[
            (OsbuildV19, &["directory.etc.empty", "directory.unexpected"]),
            (OsbuildV190, &["directory.unexpected"]),
        ],
    },
    Mutant {
        id: "var-read-only",
        says: "/var is mounted read-only",
        change: Change::Plan(|plan| bind_as(plan, "/var", Access::ReadOnly)),
        breaks: &[
            (
                OsbuildV19,
                &[
                    "mount.var.create",
                    "mount.var.executable",
                    "mount.var.no-devices",
                    "mount.var.node-made",
                    "mount.var.writable",
                    "user.chown-var.works",
                ],
            ),
            (
                OsbuildV190,
                &[
                    "mount.var-tmp.create",
                    "mount.var.create",
                    "mount.var.executable",
                    "mount.var.no-devices",
                    "mount.var.node-made",
                    "mount.var.writable",
                    "user.chown-var.works",
                ],
            ),
        ],
    },
    Mutant {
        id: "sys-writable",
        says: "/sys is mounted read-write",
        change: Change::Plan(|plan| bind_as(plan, "/sys", Access::ReadWrite)),
        breaks: &[(
            OsbuildV190,
            &[
                "mount.sys.read-only",
                "mount.sys.remountable",
                "mount.sys.write-refused",
                "sys.class-net.read-only",
                "sys.firmware.read-only",
                "sys.fs-bpf.read-only",
                "sys.fs-cgroup.read-only",
                "sys.fs-pstore.read-only",
                "sys.kernel-debug.read-only",
                "sys.kernel-security.read-only",
                "sys.kernel-tracing.read-only",
                "sys.module.read-only",
                "sys.power-state.read-only",
                "sys.power.write-refused",
            ],
        )],
    },
    Mutant {
        id: "sys-read-only",
        says: "/sys is mounted read-only",
        change: Change::Plan(|plan| bind_as(plan, "/sys", Access::ReadOnly)),
        breaks: &[(
            OsbuildV19,
            &[
                "mount.sys.writable",
                "sys.class-net.writable",
                "sys.files.writable",
                "sys.firmware.writable",
                "sys.fs-bpf.writable",
                "sys.fs-cgroup.writable",
                "sys.fs-pstore.writable",
                "sys.kernel-debug.writable",
                "sys.kernel-security.writable",
                "sys.kernel-tracing.writable",
                "sys.module.writable",
                "sys.power-state.writable",
                "sys.power.write-allowed",
            ],
        )],
    },
    Mutant {
        id: "proc-of-outside",
        says: "/proc is the one from outside the sandbox",
        change: Change::Plan(|plan| {
            replace_at(plan, "/proc", Op::bind(&HostPath::new("/proc"), "/proc", Access::ReadWrite));
        }),
        breaks: &both(&[
            "mount.proc-bus.remountable",
            "mount.proc-irq.remountable",
            "namespace.pid.rejoined",
            "pid.depth.own",
            "pid.host.invisible",
            "pid.unexpected",
            "proc.bus.read-only",
            "proc.bus.write-refused",
            "proc.irq.read-only",
            "proc.irq.write-refused",
            "process.chroot.none",
        ]),
    },
    Mutant {
        id: "cmdline-of-outside",
        says: "/proc/cmdline is the host's",
        change: Change::Plan(|plan| drop_at(plan, "/proc/cmdline")),
        breaks: &[(
            OsbuildV190,
            &[
                "mount.proc-cmdline.override",
                "mount.proc-cmdline.remountable",
                "mount.proc-cmdline.removable",
                "mount.proc-cmdline.write-refused",
                "proc.cmdline.access",
                "proc.cmdline.text",
            ],
        )],
    },
    Mutant {
        id: "proc-sys-read-only",
        says: "/proc/sys is covered read-only",
        change: Change::Plan(|plan| {
            plan.ops.push(Op::bind(&HostPath::new("/proc/sys"), "/proc/sys", Access::ReadOnly));
        }),
        breaks: &both(&[
            "mount.proc-sys.uncovered",
            "proc.core-pattern.uncovered",
            "proc.core-pattern.writable",
            "proc.drop-caches.writable",
            "proc.printk.writable",
            "uts.hostname.writable",
        ]),
    },
    Mutant {
        id: "mount-extra",
        says: "there is a tmpfs at /opt",
        change: Change::Plan(|plan| plan.ops.push(Op::tmpfs("/opt"))),
        breaks: &both(&["mount.unexpected", "root.opt.absent"]),
    },
    Mutant {
        id: "libdir-writable",
        says: "/run/osbuild/lib is mounted read-write",
        change: Change::Plan(|plan| bind_as(plan, "/run/osbuild/lib", Access::ReadWrite)),
        breaks: &both(&[
            "mount.osbuild-lib.create-refused",
            "mount.osbuild-lib.read-only",
            "mount.osbuild-lib.remountable",
        ]),
    },
    Mutant {
        id: "api-writable",
        says: "/run/osbuild/api is mounted read-write",
        change: Change::Plan(|plan| bind_as(plan, "/run/osbuild/api", Access::ReadWrite)),
        breaks: &[(OsbuildV19, &["mount.api.read-only", "mount.api.remountable"])],
    },
    Mutant {
        id: "mke2fs-conf-missing",
        says: "the tree's /etc/mke2fs.conf is not mounted",
        change: Change::Plan(|plan| drop_at(plan, "/etc/mke2fs.conf")),
        breaks: &[(
            OsbuildV190,
            &[
                "mount.etc-mke2fs-conf.read-only",
                "mount.etc-mke2fs-conf.remountable",
                "mount.etc-mke2fs-conf.write-refused",
            ],
        )],
    },
];
