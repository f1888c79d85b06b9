//! Nodes that are another device than their names say.

use super::{Change, Mutant};
use crate::plan::{Access, HostPath, Op};
use crate::profile::Profile::{OsbuildV19, OsbuildV190};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "full-is-zero",
        says: "what is at /dev/full is the zero device",
        change: Change::Plan(|plan| plan.ops.push(Op::bind(&HostPath::new("/dev/zero"), "/dev/full", Access::Device))),
        breaks: &[
            (OsbuildV19, &["device.full.number", "device.full.write", "mount.unexpected"]),
            (OsbuildV190, &["device.full.number", "device.full.write", "mount.stacked.never"]),
        ],
    },
    Mutant {
        id: "random-is-null",
        says: "what is at /dev/random is the null device",
        change: Change::Plan(|plan| {
            plan.ops.push(Op::bind(&HostPath::new("/dev/null"), "/dev/random", Access::Device))
        }),
        breaks: &[
            (OsbuildV19, &["device.random.number", "device.random.read", "mount.unexpected"]),
            (OsbuildV190, &["device.random.number", "device.random.read", "mount.stacked.never"]),
        ],
    },
    Mutant {
        id: "urandom-is-null",
        says: "what is at /dev/urandom is the null device",
        change: Change::Plan(|plan| {
            plan.ops.push(Op::bind(&HostPath::new("/dev/null"), "/dev/urandom", Access::Device))
        }),
        breaks: &[
            (OsbuildV19, &["device.urandom.number", "device.urandom.read", "mount.unexpected"]),
            (OsbuildV190, &["device.urandom.number", "device.urandom.read", "mount.stacked.never"]),
        ],
    },
    Mutant {
        id: "tty-is-null",
        says: "what is at /dev/tty is the null device",
        change: Change::Plan(|plan| plan.ops.push(Op::bind(&HostPath::new("/dev/null"), "/dev/tty", Access::Device))),
        breaks: &[
            (OsbuildV19, &["device.tty.number", "device.tty.open", "mount.unexpected"]),
            (OsbuildV190, &["device.tty.number", "device.tty.open", "mount.stacked.never"]),
        ],
    },
    Mutant {
        id: "zero-is-null",
        says: "what is at /dev/zero is the null device",
        change: Change::Plan(|plan| plan.ops.push(Op::bind(&HostPath::new("/dev/null"), "/dev/zero", Access::Device))),
        breaks: &[
            (OsbuildV19, &["device.zero.number", "device.zero.read", "mount.unexpected"]),
            (OsbuildV190, &["device.zero.number", "device.zero.read", "mount.stacked.never"]),
        ],
    },
    Mutant {
        id: "fuse-is-null",
        says: "what is at /dev/fuse is the null device",
        change: Change::Plan(|plan| plan.ops.push(Op::bind(&HostPath::new("/dev/null"), "/dev/fuse", Access::Device))),
        breaks: &[
            (OsbuildV19, &["device.fuse.never", "mount.unexpected"]),
            (OsbuildV190, &["device.fuse.number", "mount.stacked.never"]),
        ],
    },
];
