//! Mutants of the profile `hardened`: what it adds taken away, and what those of `osbuild-v190` come to in it.

use super::edit::{drop_at, drop_op, replace_at};
use super::{Change, Mutant};
use crate::capability::Capability;
use crate::plan::{Access, HostPath, Namespace, Op, Plan, Preparation};
use crate::profile::Profile::Hardened;

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "filter-missing",
        says: "no system call is filtered",
        change: Change::Plan(|plan| {
            plan.ops.retain(|op| !matches!(op, Op::Seccomp(_)));
        }),
        breaks: &[(
            Hardened,
            &[
                "namespace.user.not-nested",
                "network.vsock.refused",
                "process.seccomp",
                "process.seccomp-filters",
                "process.stderr.no-terminal",
                "process.stdin.no-terminal",
                "process.stdout.no-terminal",
            ],
        )],
    },
    Mutant {
        id: "host-name-shared",
        says: "the sandbox shares the host name",
        change: Change::Plan(|plan| drop_op(plan, &Op::Unshare(Namespace::Uts))),
        breaks: &[(Hardened, &["namespace.uts.own"])],
    },
    Mutant {
        id: "cgroup-shared",
        says: "the sandbox shares the control group namespace",
        change: Change::Plan(|plan| drop_op(plan, &Op::Unshare(Namespace::Cgroup))),
        breaks: &[(Hardened, &["namespace.cgroup.own"])],
    },
    Mutant {
        id: "settings-uncovered",
        says: "`/proc/sys` is not covered",
        change: Change::Plan(|plan| drop_at(plan, "/proc/sys")),
        breaks: &[(
            Hardened,
            &[
                "mount.proc-sys.covered",
                "mount.proc-sys.not-remountable",
                "mount.proc.covers",
                "proc.core-pattern.read-only",
                "proc.core-pattern.write-refused",
                "proc.drop-caches.write-refused",
                "proc.printk.write-refused",
                "uts.hostname.write-refused",
            ],
        )],
    },
    Mutant {
        id: "keys-shown",
        says: "`/proc/keys` is not masked",
        change: Change::Plan(|plan| drop_at(plan, "/proc/keys")),
        breaks: &[(Hardened, &["keyring.visible.none", "mount.proc.covers", "proc.keys.masked"])],
    },
    Mutant {
        id: "symbols-shown",
        says: "`/proc/kallsyms` is not masked",
        change: Change::Plan(|plan| drop_at(plan, "/proc/kallsyms")),
        breaks: &[(Hardened, &["mount.proc.covers", "proc.kallsyms.masked"])],
    },
    Mutant {
        id: "timers-shown",
        says: "`/proc/timer_list` is not masked",
        change: Change::Plan(|plan| drop_at(plan, "/proc/timer_list")),
        breaks: &[(Hardened, &["mount.proc.covers", "proc.timer-list.masked"])],
    },
    Mutant {
        id: "memory-map-shown",
        says: "`/proc/iomem` is not masked",
        change: Change::Plan(|plan| drop_at(plan, "/proc/iomem")),
        breaks: &[(Hardened, &["mount.proc.covers", "proc.iomem.masked"])],
    },
    Mutant {
        id: "log-shown",
        says: "`/proc/kmsg` is not masked",
        change: Change::Plan(|plan| drop_at(plan, "/proc/kmsg")),
        breaks: &[(Hardened, &["mount.proc.covers", "proc.kmsg.masked", "proc.kmsg.opened"])],
    },
    Mutant {
        id: "registers-shown",
        says: "`/proc/mtrr` is not masked",
        change: Change::Plan(|plan| drop_at(plan, "/proc/mtrr")),
        breaks: &[(Hardened, &["mount.proc.covers", "proc.mtrr.masked", "proc.mtrr.write-refused"])],
    },
    Mutant {
        id: "pressure-writable",
        says: "`/proc/pressure` is not read-only",
        change: Change::Plan(|plan| drop_at(plan, "/proc/pressure")),
        breaks: &[(Hardened, &["mount.proc.covers"])],
    },
    Mutant {
        id: "sys-whole",
        says: "all of `/sys` is shown",
        change: Change::Plan(|plan| {
            replace_at(plan, "/sys", Op::bind(&HostPath::new("/sys"), "/sys", Access::ReadOnly))
        }),
        breaks: &[(
            Hardened,
            &[
                "mount.sys.write-attempt",
                "mount.unexpected",
                "path.sys.mode",
                "sys.firmware.absent",
                "sys.fs-bpf.absent",
                "sys.fs-cgroup.absent",
                "sys.fs-pstore.absent",
                "sys.kernel-debug.absent",
                "sys.kernel-security.absent",
                "sys.kernel-tracing.absent",
                "sys.module.absent",
                "sys.power-state.absent",
                "sys.power.unwritable",
            ],
        )],
    },
    Mutant {
        id: "sys-devices-missing",
        says: "`/sys/devices` is not shown",
        change: Change::Plan(|plan| drop_at(plan, "/sys/devices")),
        breaks: &[(Hardened, &["mount.sys-devices.shown"])],
    },
    Mutant {
        id: "sys-admin-back",
        says: "the payload has CAP_SYS_ADMIN",
        change: Change::Plan(|plan| {
            plan.ops.push(Op::AddCapability(Capability::SYS_ADMIN));
        }),
        breaks: &[(
            Hardened,
            &[
                "capability.ambient.raised",
                "capability.effective.granted",
                "capability.inheritable.raised",
                "capability.permitted.granted",
                "capability.scriptlet.held",
                "capability.sys-admin.left-out",
                "capability.unexpected",
                "mount.boot.not-remountable",
                "mount.etc-containers.not-remountable",
                "mount.etc-mke2fs-conf.not-remountable",
                "mount.etc-selinux.not-remountable",
                "mount.new.debugfs",
                "mount.new.devtmpfs",
                "mount.new.mqueue",
                "mount.new.proc",
                "mount.new.sysfs",
                "mount.new.tmpfs",
                "mount.osbuild-lib.not-remountable",
                "mount.ostree.not-remountable",
                "mount.proc-cmdline.not-remountable",
                "mount.proc-cmdline.not-removable",
                "mount.proc-sys.not-remountable",
                "mount.sys.not-remountable",
                "mount.usr.not-remountable",
                "mount.usr.not-removable",
                "namespace.cgroup.not-nested",
                "namespace.cgroup.not-rejoined",
                "namespace.ipc.not-nested",
                "namespace.ipc.not-rejoined",
                "namespace.mnt.not-nested",
                "namespace.mnt.not-rejoined",
                "namespace.net.not-nested",
                "namespace.net.not-rejoined",
                "namespace.pid.not-nested",
                "namespace.pid.not-rejoined",
                "namespace.uts.not-nested",
                "namespace.uts.not-rejoined",
            ],
        )],
    },
    Mutant {
        id: "mknod-back",
        says: "the payload has CAP_MKNOD",
        change: Change::Plan(|plan| {
            plan.ops.push(Op::AddCapability(Capability::MKNOD));
        }),
        breaks: &[(
            Hardened,
            &[
                "capability.ambient.raised",
                "capability.effective.granted",
                "capability.inheritable.raised",
                "capability.mknod.left-out",
                "capability.permitted.granted",
                "capability.scriptlet.held",
                "capability.unexpected",
                "device.node.refused",
                "mount.root.node-refused",
                "mount.run.node-refused",
                "mount.tmp.node-refused",
                "mount.var.node-refused",
            ],
        )],
    },
    Mutant {
        id: "handles-back",
        says: "the payload has CAP_DAC_READ_SEARCH",
        change: Change::Plan(|plan| {
            plan.ops.push(Op::AddCapability(Capability::DAC_READ_SEARCH));
        }),
        breaks: &[(
            Hardened,
            &[
                "capability.ambient.raised",
                "capability.dac-read-search.left-out",
                "capability.effective.granted",
                "capability.inheritable.raised",
                "capability.permitted.granted",
                "capability.scriptlet.held",
                "capability.unexpected",
                "mount.usr.handles-refused",
            ],
        )],
    },
    Mutant {
        id: "chroot-missing",
        says: "the payload does not have CAP_SYS_CHROOT",
        change: Change::Plan(|plan| {
            plan.ops.push(Op::DropCapability(Capability::SYS_CHROOT));
        }),
        breaks: &[(
            Hardened,
            &[
                "capability.ambient.raised",
                "capability.chroot.works",
                "capability.effective.granted",
                "capability.inheritable.raised",
                "capability.permitted.granted",
                "capability.scriptlet.held",
            ],
        )],
    },
    Mutant {
        id: "memory-as-others",
        says: "the payload is as likely to go as any other process when memory runs out",
        change: Change::Plan(|plan| {
            plan.before.retain(|step| *step != Preparation::GoFirst);
        }),
        breaks: &[(Hardened, &["process.oom-score-adj.value"])],
    },
    Mutant {
        id: "tmp-private",
        says: "`/tmp` is 0755",
        change: Change::Plan(|plan| make_private(plan, "tmp")),
        breaks: &[(Hardened, &["path.tmp.mode"])],
    },
    Mutant {
        id: "shm-private",
        says: "`/dev/shm` is 0755",
        change: Change::Plan(|plan| make_private(plan, "shm")),
        breaks: &[(Hardened, &["path.dev-shm.mode"])],
    },
    Mutant {
        id: "api-stranger",
        says: "something nobody asked for is in `/run/osbuild/api`",
        change: Change::Plan(|plan| {
            plan.ops.push(Op::symlink("nowhere", "/run/osbuild/api/stranger"));
        }),
        breaks: &[(Hardened, &["directory.unexpected"])],
    },
    Mutant {
        id: "fuse-there",
        says: "there is a `/dev/fuse`",
        change: Change::Plan(|plan| {
            plan.ops.push(Op::symlink("null", "/dev/fuse"));
        }),
        breaks: &[(Hardened, &["device.fuse.never"])],
    },
];

/// Only root may use this tmpfs.
fn make_private(plan: &mut Plan, name: &str) {
    for step in &mut plan.before {
        if let Preparation::Tmpfs { at, mode, .. } = step {
            if at.0.ends_with(name) {
                *mode = 0o755;
            }
        }
    }
}

/// What mutants of `osbuild-v190` break here, where that is not the same; `None`: they are no mutants of this profile.
pub(super) const INSTEAD: &[(&str, Option<&[&str]>)] = &[
    ("uts-namespace-own", None),
    ("cgroup-namespace-own", None),
    (
        "usr-writable",
        Some(&[
            "mount.usr.create-refused",
            "mount.usr.not-remountable",
            "mount.usr.read-only",
            "mount.usr.write-refused",
        ]),
    ),
    (
        "usr-devices",
        Some(&[
            "mount.usr.create-refused",
            "mount.usr.not-remountable",
            "mount.usr.read-only",
            "mount.usr.write-refused",
        ]),
    ),
    (
        "boot-missing",
        Some(&[
            "mount.boot.not-remountable",
            "mount.boot.read-only",
            "mount.boot.write-refused",
            "path.boot.directory",
        ]),
    ),
    (
        "boot-writable",
        Some(&[
            "mount.boot.create-refused",
            "mount.boot.not-remountable",
            "mount.boot.read-only",
            "mount.boot.write-refused",
        ]),
    ),
    (
        "dev-without-devices",
        Some(&[
            "device.full.write",
            "device.null.write",
            "device.random.read",
            "device.tty.open",
            "device.urandom.read",
            "device.zero.read",
            "mount.dev-full.bound",
            "mount.dev-null.bound",
            "mount.dev-pts.own",
            "mount.dev-random.bound",
            "mount.dev-tty.bound",
            "mount.dev-urandom.bound",
            "mount.dev-zero.bound",
            "mount.dev.devices-work",
        ]),
    ),
    ("null-is-zero", Some(&["device.null.number", "device.null.write", "mount.dev.not-stacked"])),
    ("dev-fd-link", None),
    ("shm-covered", Some(&["mount.dev-shm.fresh", "path.dev-shm.mode"])),
    ("tmp-not-mounted", Some(&["mount.tmp.fresh", "path.tmp.mode"])),
    (
        "var-read-only",
        Some(&[
            "mount.var-tmp.create",
            "mount.var.create",
            "mount.var.executable",
            "mount.var.node-refused",
            "mount.var.writable",
            "user.chown-var.works",
        ]),
    ),
    ("sys-writable", Some(&["mount.sys.not-remountable", "mount.sys.read-only"])),
    ("proc-of-outside", Some(&["pid.depth.own", "pid.host.invisible", "pid.unexpected"])),
    (
        "cmdline-of-outside",
        Some(&[
            "mount.proc-cmdline.not-remountable",
            "mount.proc-cmdline.override",
            "mount.proc-cmdline.write-refused",
            "proc.cmdline.access",
            "proc.cmdline.text",
        ]),
    ),
    ("proc-sys-read-only", None),
    (
        "libdir-writable",
        Some(&["mount.osbuild-lib.create-refused", "mount.osbuild-lib.not-remountable", "mount.osbuild-lib.read-only"]),
    ),
    (
        "mke2fs-conf-missing",
        Some(&[
            "mount.etc-mke2fs-conf.not-remountable",
            "mount.etc-mke2fs-conf.read-only",
            "mount.etc-mke2fs-conf.write-refused",
        ]),
    ),
    (
        "containers-writable",
        Some(&[
            "mount.etc-containers.not-remountable",
            "mount.etc-containers.read-only",
            "mount.etc-containers.write-refused",
        ]),
    ),
    (
        "containers-missing",
        Some(&[
            "mount.etc-containers.not-remountable",
            "mount.etc-containers.read-only",
            "mount.etc-containers.write-refused",
        ]),
    ),
    (
        "selinux-writable",
        Some(&["mount.etc-selinux.not-remountable", "mount.etc-selinux.read-only", "mount.etc-selinux.write-refused"]),
    ),
    (
        "selinux-missing",
        Some(&["mount.etc-selinux.not-remountable", "mount.etc-selinux.read-only", "mount.etc-selinux.write-refused"]),
    ),
    (
        "ostree-writable",
        Some(&["mount.ostree.not-remountable", "mount.ostree.read-only", "mount.ostree.write-refused"]),
    ),
    ("ostree-missing", Some(&["mount.ostree.not-remountable", "mount.ostree.read-only", "mount.ostree.write-refused"])),
    ("run-not-mounted", Some(&["mount.run.fresh", "mount.run.not-stacked"])),
    ("sys-empty", Some(&["mount.sys.not-remountable", "mount.sys.read-only"])),
    (
        "usr-over-nothing",
        Some(&[
            "link.bin.resolves",
            "link.lib.resolves",
            "link.lib64.resolves",
            "link.loader.x86-64",
            "link.sbin.resolves",
            "loader.machine.x86-64",
            "loader.present",
            "loader.target.x86-64",
            "mount.usr.create-refused",
            "mount.usr.not-remountable",
            "mount.usr.not-stacked",
            "mount.usr.read-only",
            "mount.usr.write-refused",
        ]),
    ),
    ("dev-stdin-there", None),
    ("dev-stdout-there", None),
    ("dev-stderr-there", None),
    ("dev-ptmx-there", None),
    ("dev-pts-there", None),
    ("full-is-zero", Some(&["device.full.number", "device.full.write", "mount.dev.not-stacked"])),
    ("random-is-null", Some(&["device.random.number", "device.random.read", "mount.dev.not-stacked"])),
    ("urandom-is-null", Some(&["device.urandom.number", "device.urandom.read", "mount.dev.not-stacked"])),
    ("tty-is-null", Some(&["device.tty.number", "device.tty.open", "mount.dev.not-stacked"])),
    ("zero-is-null", Some(&["device.zero.number", "device.zero.read", "mount.dev.not-stacked"])),
    ("fuse-is-null", Some(&["device.fuse.never", "mount.unexpected"])),
    (
        "capability-extra",
        Some(&[
            "capability.ambient.raised",
            "capability.effective.granted",
            "capability.inheritable.raised",
            "capability.mac.left-out",
            "capability.permitted.granted",
            "capability.scriptlet.held",
            "capability.unexpected",
        ]),
    ),
    ("capability-missing", None),
    (
        "capabilities-kept",
        Some(&[
            "capability.ambient.raised",
            "capability.audit-control.missing",
            "capability.audit-write.left-out",
            "capability.boot.missing",
            "capability.bpf.missing",
            "capability.checkpoint-restore.left-out",
            "capability.clock.refused",
            "capability.dac-read-search.left-out",
            "capability.effective.granted",
            "capability.immutable.left-out",
            "capability.inheritable.raised",
            "capability.kill.missing",
            "capability.mac.left-out",
            "capability.memory-lock.left-out",
            "capability.mknod.left-out",
            "capability.modules.missing",
            "capability.net-admin.missing",
            "capability.net-raw.missing",
            "capability.packet.refused",
            "capability.permitted.granted",
            "capability.ports.left-out",
            "capability.priority.left-out",
            "capability.ptrace.missing",
            "capability.raw.refused",
            "capability.rawio.missing",
            "capability.reboot.refused",
            "capability.scriptlet.held",
            "capability.sys-admin.left-out",
            "capability.syslog.missing",
            "capability.syslog.refused",
            "capability.time.missing",
            "capability.unexpected",
            "device.node.refused",
            "mount.boot.not-remountable",
            "mount.etc-containers.not-remountable",
            "mount.etc-mke2fs-conf.not-remountable",
            "mount.etc-selinux.not-remountable",
            "mount.new.debugfs",
            "mount.new.devtmpfs",
            "mount.new.mqueue",
            "mount.new.proc",
            "mount.new.sysfs",
            "mount.new.tmpfs",
            "mount.osbuild-lib.not-remountable",
            "mount.ostree.not-remountable",
            "mount.proc-cmdline.not-remountable",
            "mount.proc-cmdline.not-removable",
            "mount.proc-sys.not-remountable",
            "mount.root.node-refused",
            "mount.run.node-refused",
            "mount.sys.not-remountable",
            "mount.tmp.node-refused",
            "mount.usr.handles-refused",
            "mount.usr.not-remountable",
            "mount.usr.not-removable",
            "mount.var.node-refused",
            "namespace.cgroup.not-nested",
            "namespace.cgroup.not-rejoined",
            "namespace.ipc.not-nested",
            "namespace.ipc.not-rejoined",
            "namespace.mnt.not-nested",
            "namespace.mnt.not-rejoined",
            "namespace.net.not-nested",
            "namespace.net.not-rejoined",
            "namespace.pid.not-nested",
            "namespace.pid.not-rejoined",
            "namespace.uts.not-nested",
            "namespace.uts.not-rejoined",
        ]),
    ),
];
