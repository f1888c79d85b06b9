//! A namespace too few, or one too many; a session or a leash missing.

use super::edit::drop_op;
use super::{Change, Mutant, both};
use crate::plan::{Namespace, Op};
use crate::profile::Profile::{OsbuildV19, OsbuildV190};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "ipc-namespace-shared",
        says: "the sandbox shares the IPC namespace",
        change: Change::Plan(|plan| drop_op(plan, &Op::Unshare(Namespace::Ipc))),
        breaks: &both(&[
            "ipc.mq.host-invisible",
            "ipc.msg.empty",
            "ipc.msg.host-invisible",
            "ipc.sem.empty",
            "ipc.sem.host-invisible",
            "ipc.shm.empty",
            "ipc.shm.host-invisible",
            "namespace.ipc.own",
        ]),
    },
    Mutant {
        id: "pid-namespace-shared",
        says: "the sandbox shares the pid namespace",
        change: Change::Plan(|plan| drop_op(plan, &Op::Unshare(Namespace::Pid))),
        breaks: &both(&[
            "namespace.pid.own",
            "pid.host.invisible",
            "pid.host.kill",
            "pid.host.ptrace",
            "pid.unexpected",
            "process.chroot.none",
            "process.group",
            "process.session",
        ]),
    },
    Mutant {
        id: "net-namespace-shared",
        says: "the sandbox shares the network namespace",
        change: Change::Plan(|plan| drop_op(plan, &Op::Unshare(Namespace::Net))),
        breaks: &[(
            OsbuildV190,
            &[
                "namespace.net.own",
                "network.abstract.empty",
                "network.host-abstract.refused",
                "network.host-loopback.refused",
            ],
        )],
    },
    Mutant {
        id: "net-namespace-own",
        says: "the sandbox has a network namespace of its own",
        change: Change::Plan(|plan| plan.ops.push(Op::Unshare(Namespace::Net))),
        breaks: &[(
            OsbuildV19,
            &["namespace.net.shared", "network.host-abstract.answers", "network.host-loopback.answers"],
        )],
    },
    Mutant {
        id: "uts-namespace-own",
        says: "the sandbox has a host name of its own",
        change: Change::Plan(|plan| plan.ops.push(Op::Unshare(Namespace::Uts))),
        breaks: &both(&["namespace.uts.shared"]),
    },
    Mutant {
        id: "cgroup-namespace-own",
        says: "the sandbox has a cgroup namespace of its own",
        change: Change::Plan(|plan| plan.ops.push(Op::Unshare(Namespace::Cgroup))),
        breaks: &both(&["namespace.cgroup.shared"]),
    },
    Mutant {
        id: "session-shared",
        says: "the payload stays in the session of whoever started it",
        change: Change::Plan(|plan| drop_op(plan, &Op::NewSession)),
        breaks: &both(&["process.group", "process.session"]),
    },
    Mutant {
        id: "no-leash",
        says: "the sandbox does not die with the process that started it",
        change: Change::Plan(|plan| drop_op(plan, &Op::DieWithParent)),
        breaks: &both(&["process.parent-death"]),
    },
];
