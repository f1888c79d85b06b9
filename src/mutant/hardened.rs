//! Mutants of the profile `hardened`: what it adds, taken away.

mod instead;

use super::edit::{drop_at, drop_op, replace_at};
use super::{Change, Mutant};
use crate::capability::Capability;
use crate::plan::{Access, HostPath, Namespace, Op, Plan, Preparation};
use crate::profile::Profile::Hardened;

pub(super) use instead::INSTEAD;

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
        change: Change::Plan(|plan| {
            drop_op(plan, &Op::Unshare(Namespace::Uts));
            plan.before.retain(|step| !matches!(step, Preparation::HostName(_)));
        }),
        breaks: &[(Hardened, &["namespace.uts.own", "uts.hostname.own"])],
    },
    Mutant {
        id: "host-name-of-the-host",
        says: "the host name is the build host's",
        change: Change::Plan(|plan| plan.before.retain(|step| !matches!(step, Preparation::HostName(_)))),
        breaks: &[(Hardened, &["uts.hostname.own"])],
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
                "mount.sys.no-file",
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
