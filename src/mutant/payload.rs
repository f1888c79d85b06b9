//! The payload's environment, capabilities and directory.

use super::edit::{drop_op, set_variable};
use super::{Change, Mutant, both};
use crate::capability::Capability;
use crate::plan::{Op, SandboxPath};
use crate::profile::Profile::{OsbuildV19, OsbuildV190};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "variable-extra",
        says: "a variable that nobody asked for is set",
        change: Change::Plan(|plan| plan.ops.push(Op::SetVariable("STRANGER".into(), "1".into()))),
        breaks: &both(&["environment.unexpected"]),
    },
    Mutant {
        id: "variable-missing",
        says: "PYTHONUNBUFFERED is not set",
        change: Change::Plan(|plan| {
            plan.environment.set_mut().remove(std::ffi::OsStr::new("PYTHONUNBUFFERED"));
        }),
        breaks: &[(OsbuildV190, &["environment.pythonunbuffered.value", "environment.set.values"])],
    },
    Mutant {
        id: "path-longer",
        says: "PATH has /usr/local/bin in it",
        change: Change::Plan(|plan| plan.ops.push(Op::SetVariable("PATH".into(), "/usr/local/bin:/usr/bin".into()))),
        breaks: &both(&["environment.path.value", "environment.set.values"]),
    },
    Mutant {
        id: "container-other",
        says: "container says another thing",
        change: Change::Plan(|plan| set_variable(plan, "container", "podman")),
        breaks: &[(OsbuildV190, &["environment.container.value", "environment.set.values"])],
    },
    Mutant {
        id: "directory-other",
        says: "the payload starts in /tmp",
        change: Change::Plan(|plan| plan.ops.push(Op::Chdir(SandboxPath::new("/tmp")))),
        breaks: &both(&["environment.pwd.value", "process.cwd.value"]),
    },
    Mutant {
        id: "capability-extra",
        says: "the payload has CAP_MAC_ADMIN as well",
        change: Change::Plan(|plan| plan.ops.push(Op::AddCapability(Capability::MAC_ADMIN))),
        breaks: &[(
            OsbuildV190,
            &[
                "capability.ambient.raised",
                "capability.effective.granted",
                "capability.inheritable.raised",
                "capability.mac-admin.missing",
                "capability.permitted.granted",
                "capability.unexpected",
            ],
        )],
    },
    Mutant {
        id: "capability-missing",
        says: "the payload does not have CAP_SYS_ADMIN",
        change: Change::Plan(|plan| plan.ops.push(Op::DropCapability(Capability::SYS_ADMIN))),
        breaks: &[
            (
                OsbuildV19,
                &[
                    "capability.ambient.mac-admin",
                    "capability.ambient.raised",
                    "capability.effective.granted",
                    "capability.inheritable.raised",
                    "capability.permitted.granted",
                    "capability.sys-admin.held",
                    "mount.new.devtmpfs",
                    "mount.new.proc",
                    "mount.new.sysfs",
                    "mount.new.tmpfs",
                    "mount.usr.remountable",
                ],
            ),
            (
                OsbuildV190,
                &[
                    "capability.ambient.raised",
                    "capability.effective.granted",
                    "capability.inheritable.raised",
                    "capability.permitted.granted",
                    "capability.sys-admin.held",
                    "mount.new.devtmpfs",
                    "mount.new.proc",
                    "mount.new.sysfs",
                    "mount.new.tmpfs",
                    "mount.proc-cmdline.removable",
                    "mount.usr.remountable",
                ],
            ),
        ],
    },
    Mutant {
        id: "capabilities-kept",
        says: "the payload keeps every capability of the caller: what bubblewrap does when one it is asked for is missing",
        change: Change::Plan(|plan| {
            plan.ops.retain(|op| !matches!(op, Op::DropAllCapabilities | Op::AddCapability(_)));
        }),
        breaks: &[(
            OsbuildV190,
            &[
                "capability.ambient.raised",
                "capability.audit-control.missing",
                "capability.boot.missing",
                "capability.bpf.missing",
                "capability.clock.refused",
                "capability.effective.granted",
                "capability.inheritable.raised",
                "capability.kill.missing",
                "capability.mac-admin.missing",
                "capability.modules.missing",
                "capability.net-admin.missing",
                "capability.net-raw.missing",
                "capability.packet.refused",
                "capability.permitted.granted",
                "capability.ptrace.missing",
                "capability.rawio.missing",
                "capability.reboot.refused",
                "capability.syslog.missing",
                "capability.syslog.refused",
                "capability.time.missing",
                "capability.unexpected",
            ],
        )],
    },
    Mutant {
        id: "capabilities-not-raised",
        says: "no capability is raised into the ambient set",
        change: Change::Plan(|plan| drop_op(plan, &Op::AddCapability(Capability::MAC_ADMIN))),
        breaks: &[(
            OsbuildV19,
            &["capability.ambient.mac-admin", "capability.ambient.raised", "capability.inheritable.raised"],
        )],
    },
];
