//! The environment: variables that are there, or say something else.

use super::edit::set_variable;
use super::{Change, Mutant};
use crate::plan::Op;
use crate::profile::Profile::OsbuildV190;

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "home-set",
        says: "HOME is set",
        change: Change::Plan(|plan| plan.ops.push(Op::SetVariable("HOME".into(), "/root".into()))),
        breaks: &[(OsbuildV190, &["environment.home.unset"])],
    },
    Mutant {
        id: "user-set",
        says: "USER is set",
        change: Change::Plan(|plan| plan.ops.push(Op::SetVariable("USER".into(), "root".into()))),
        breaks: &[(OsbuildV190, &["environment.user.unset"])],
    },
    Mutant {
        id: "logname-set",
        says: "LOGNAME is set",
        change: Change::Plan(|plan| plan.ops.push(Op::SetVariable("LOGNAME".into(), "root".into()))),
        breaks: &[(OsbuildV190, &["environment.logname.unset"])],
    },
    Mutant {
        id: "shell-set",
        says: "SHELL is set",
        change: Change::Plan(|plan| plan.ops.push(Op::SetVariable("SHELL".into(), "/bin/sh".into()))),
        breaks: &[(OsbuildV190, &["environment.shell.unset"])],
    },
    Mutant {
        id: "lang-set",
        says: "LANG is set",
        change: Change::Plan(|plan| plan.ops.push(Op::SetVariable("LANG".into(), "C".into()))),
        breaks: &[(OsbuildV190, &["environment.lang.unset"])],
    },
    Mutant {
        id: "tmpdir-set",
        says: "TMPDIR is set",
        change: Change::Plan(|plan| plan.ops.push(Op::SetVariable("TMPDIR".into(), "/tmp".into()))),
        breaks: &[(OsbuildV190, &["environment.tmpdir.unset"])],
    },
    Mutant {
        id: "dbus-system-bus-address-set",
        says: "DBUS_SYSTEM_BUS_ADDRESS is set",
        change: Change::Plan(|plan| {
            plan.ops.push(Op::SetVariable("DBUS_SYSTEM_BUS_ADDRESS".into(), "unix:path=/run/x".into()))
        }),
        breaks: &[(OsbuildV190, &["environment.dbus.unset"])],
    },
    Mutant {
        id: "pythonpath-other",
        says: "PYTHONPATH says another thing",
        change: Change::Plan(|plan| set_variable(plan, "PYTHONPATH", "/usr/lib/python")),
        breaks: &[(OsbuildV190, &["environment.pythonpath.value", "environment.set.values"])],
    },
    Mutant {
        id: "lc-ctype-other",
        says: "LC_CTYPE says another thing",
        change: Change::Plan(|plan| set_variable(plan, "LC_CTYPE", "C")),
        breaks: &[(OsbuildV190, &["environment.lc-ctype.value", "environment.set.values"])],
    },
    Mutant {
        id: "term-other",
        says: "TERM says another thing",
        change: Change::Plan(|plan| set_variable(plan, "TERM", "dumb-terminal")),
        breaks: &[(OsbuildV190, &["environment.set.values", "environment.term.value"])],
    },
];
