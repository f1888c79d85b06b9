//! Capabilities of a stage that are not there, one at a time.

use super::{Change, Mutant};
use crate::capability::Capability;
use crate::plan::Op;
use crate::profile::Profile::OsbuildV190;

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "chown-missing",
        says: "the payload may not give files away",
        change: Change::Plan(|plan| plan.ops.push(Op::DropCapability(Capability::CHOWN))),
        breaks: &[(
            OsbuildV190,
            &[
                "capability.ambient.raised",
                "capability.effective.granted",
                "capability.files.held",
                "capability.inheritable.raised",
                "capability.permitted.granted",
                "user.chown-tmp.works",
                "user.chown-var.works",
            ],
        )],
    },
    Mutant {
        id: "mknod-missing",
        says: "the payload may not make device nodes",
        change: Change::Plan(|plan| plan.ops.push(Op::DropCapability(Capability::MKNOD))),
        breaks: &[(
            OsbuildV190,
            &[
                "capability.ambient.raised",
                "capability.effective.granted",
                "capability.inheritable.raised",
                "capability.mknod.held",
                "capability.permitted.granted",
                "device.node.make",
                "device.node.open",
                "mount.root.no-devices",
                "mount.root.node-made",
                "mount.run.no-devices",
                "mount.run.node-made",
                "mount.tmp.no-devices",
                "mount.tmp.node-made",
                "mount.var.no-devices",
                "mount.var.node-made",
            ],
        )],
    },
    Mutant {
        id: "dac-read-search-missing",
        says: "the payload may not open files by handle",
        change: Change::Plan(|plan| plan.ops.push(Op::DropCapability(Capability::DAC_READ_SEARCH))),
        breaks: &[(
            OsbuildV190,
            &[
                "capability.ambient.raised",
                "capability.effective.granted",
                "capability.inheritable.raised",
                "capability.permitted.granted",
                "mount.usr.handles",
            ],
        )],
    },
    Mutant {
        id: "setuid-missing",
        says: "the payload may not change its user",
        change: Change::Plan(|plan| plan.ops.push(Op::DropCapability(Capability::SETUID))),
        breaks: &[(
            OsbuildV190,
            &[
                "capability.ambient.raised",
                "capability.effective.granted",
                "capability.inheritable.raised",
                "capability.permitted.granted",
                "capability.users.held",
                "user.setuid.works",
            ],
        )],
    },
    Mutant {
        id: "setgid-missing",
        says: "the payload may not change its groups",
        change: Change::Plan(|plan| plan.ops.push(Op::DropCapability(Capability::SETGID))),
        breaks: &[(
            OsbuildV190,
            &[
                "capability.ambient.raised",
                "capability.effective.granted",
                "capability.inheritable.raised",
                "capability.permitted.granted",
                "capability.users.held",
                "user.setgid.works",
                "user.setgroups.works",
            ],
        )],
    },
    Mutant {
        id: "sys-chroot-missing",
        says: "the payload may not change its root",
        change: Change::Plan(|plan| plan.ops.push(Op::DropCapability(Capability::SYS_CHROOT))),
        breaks: &[(
            OsbuildV190,
            &[
                "capability.ambient.raised",
                "capability.chroot.works",
                "capability.effective.granted",
                "capability.inheritable.raised",
                "capability.permitted.granted",
                "capability.users.held",
                "namespace.mnt.rejoined",
            ],
        )],
    },
    Mutant {
        id: "setfcap-missing",
        says: "the payload may not give files capabilities",
        change: Change::Plan(|plan| plan.ops.push(Op::DropCapability(Capability::SETFCAP))),
        breaks: &[(
            OsbuildV190,
            &[
                "capability.ambient.raised",
                "capability.effective.granted",
                "capability.files.held",
                "capability.inheritable.raised",
                "capability.permitted.granted",
            ],
        )],
    },
];
