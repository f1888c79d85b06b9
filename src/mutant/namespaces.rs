//! A namespace too few, or one too many; a session or a leash missing.

use super::edit::drop_op;
use super::{Change, Mutant};
use crate::plan::{Namespace, Op};
use crate::profile::Profile::{OsbuildV19, OsbuildV190};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "ipc-namespace-shared",
        says: "the sandbox shares the IPC namespace",
        change: Change::Plan(|plan| drop_op(plan, &Op::Unshare(Namespace::Ipc))),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
    Mutant {
        id: "pid-namespace-shared",
        says: "the sandbox shares the pid namespace",
        change: Change::Plan(|plan| drop_op(plan, &Op::Unshare(Namespace::Pid))),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
    Mutant {
        id: "net-namespace-shared",
        says: "the sandbox shares the network namespace",
        change: Change::Plan(|plan| drop_op(plan, &Op::Unshare(Namespace::Net))),
        breaks: &[(OsbuildV190, &[])],
    },
    Mutant {
        id: "net-namespace-own",
        says: "the sandbox has a network namespace of its own",
        change: Change::Plan(|plan| plan.ops.push(Op::Unshare(Namespace::Net))),
        breaks: &[(OsbuildV19, &[])],
    },
    Mutant {
        id: "uts-namespace-own",
        says: "the sandbox has a host name of its own",
        change: Change::Plan(|plan| plan.ops.push(Op::Unshare(Namespace::Uts))),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
    Mutant {
        id: "cgroup-namespace-own",
        says: "the sandbox has a cgroup namespace of its own",
        change: Change::Plan(|plan| plan.ops.push(Op::Unshare(Namespace::Cgroup))),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
    Mutant {
        id: "session-shared",
        says: "the payload stays in the session of whoever started it",
        change: Change::Plan(|plan| drop_op(plan, &Op::NewSession)),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
    Mutant {
        id: "no-leash",
        says: "the sandbox does not die with the process that started it",
        change: Change::Plan(|plan| drop_op(plan, &Op::DieWithParent)),
        breaks: &[(OsbuildV19, &[]), (OsbuildV190, &[])],
    },
];
