//! Mounts that are missing, writable, or something else.

use super::edit::{bind_as, drop_at, replace_at};
use super::{Change, Mutant, both};
use crate::plan::{Access, Op, SandboxPath};
use crate::profile::Profile::{OsbuildV19, OsbuildV190};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "containers-writable",
        says: "/etc/containers is mounted read-write",
        change: Change::Plan(|plan| bind_as(plan, "/etc/containers", Access::ReadWrite)),
        breaks: &[(
            OsbuildV190,
            &[
                "mount.etc-containers.read-only",
                "mount.etc-containers.remountable",
                "mount.etc-containers.write-refused",
            ],
        )],
    },
    Mutant {
        id: "containers-missing",
        says: "the tree has /etc/containers and it is not mounted",
        change: Change::Plan(|plan| drop_at(plan, "/etc/containers")),
        breaks: &[(
            OsbuildV190,
            &[
                "mount.etc-containers.read-only",
                "mount.etc-containers.remountable",
                "mount.etc-containers.write-refused",
            ],
        )],
    },
    Mutant {
        id: "selinux-writable",
        says: "/etc/selinux is mounted read-write",
        change: Change::Plan(|plan| bind_as(plan, "/etc/selinux", Access::ReadWrite)),
        breaks: &[(
            OsbuildV190,
            &["mount.etc-selinux.read-only", "mount.etc-selinux.remountable", "mount.etc-selinux.write-refused"],
        )],
    },
    Mutant {
        id: "selinux-missing",
        says: "the tree has /etc/selinux and it is not mounted",
        change: Change::Plan(|plan| drop_at(plan, "/etc/selinux")),
        breaks: &[(
            OsbuildV190,
            &["mount.etc-selinux.read-only", "mount.etc-selinux.remountable", "mount.etc-selinux.write-refused"],
        )],
    },
    Mutant {
        id: "ostree-writable",
        says: "/ostree is mounted read-write",
        change: Change::Plan(|plan| bind_as(plan, "/ostree", Access::ReadWrite)),
        breaks: &[(OsbuildV190, &["mount.ostree.read-only", "mount.ostree.remountable", "mount.ostree.write-refused"])],
    },
    Mutant {
        id: "ostree-missing",
        says: "the tree has /ostree and it is not mounted",
        change: Change::Plan(|plan| drop_at(plan, "/ostree")),
        breaks: &[(OsbuildV190, &["mount.ostree.read-only", "mount.ostree.remountable", "mount.ostree.write-refused"])],
    },
    Mutant {
        id: "run-not-mounted",
        says: "/run is a plain directory",
        change: Change::Plan(|plan| replace_at(plan, "/run", Op::Dir(SandboxPath::new("/run")))),
        breaks: &both(&["mount.run.fresh"]),
    },
    Mutant {
        id: "etc-mounted",
        says: "/etc is a file system of its own",
        change: Change::Plan(|plan| replace_at(plan, "/etc", Op::tmpfs("/etc"))),
        breaks: &both(&["mount.etc.plain"]),
    },
    Mutant {
        id: "sys-empty",
        says: "what is at /sys is an empty tmpfs",
        change: Change::Plan(|plan| replace_at(plan, "/sys", Op::tmpfs("/sys"))),
        breaks: &[
            (OsbuildV19, &["mount.sys.type", "path.sys.mode"]),
            (
                OsbuildV190,
                &[
                    "mount.sys.read-only",
                    "mount.sys.remountable",
                    "mount.sys.type",
                    "mount.sys.write-refused",
                    "path.sys.mode",
                ],
            ),
        ],
    },
    Mutant {
        id: "var-not-mounted",
        says: "/var is a plain directory",
        change: Change::Plan(|plan| replace_at(plan, "/var", Op::Dir(SandboxPath::new("/var")))),
        breaks: &[
            (OsbuildV19, &["mount.var.writable"]),
            (OsbuildV190, &["directory.var.tmp", "mount.var-tmp.create", "mount.var.writable", "path.var-tmp.mode"]),
        ],
    },
    Mutant {
        id: "usr-over-nothing",
        says: "/usr is not mounted and an empty directory",
        change: Change::Plan(|plan| replace_at(plan, "/usr", Op::Dir(SandboxPath::new("/usr")))),
        breaks: &both(&[
            "link.bin.resolves",
            "link.lib.resolves",
            "link.lib64.resolves",
            "link.loader.x86-64",
            "link.sbin.resolves",
            "loader.machine.x86-64",
            "loader.present",
            "loader.target.x86-64",
            "mount.usr.create-refused",
            "mount.usr.read-only",
            "mount.usr.remountable",
            "mount.usr.removable",
            "mount.usr.write-refused",
        ]),
    },
    Mutant {
        id: "lib-link-elsewhere",
        says: "/lib leads to usr/share",
        change: Change::Plan(|plan| replace_at(plan, "/lib", Op::symlink("usr/share", "/lib"))),
        breaks: &both(&["link.lib.resolves", "link.lib.target"]),
    },
    Mutant {
        id: "lib-link-missing",
        says: "there is no /lib",
        change: Change::Plan(|plan| drop_at(plan, "/lib")),
        breaks: &both(&["link.lib.resolves", "link.lib.target"]),
    },
    Mutant {
        id: "run-osbuild-stranger",
        says: "something more is in /run/osbuild",
        change: Change::Plan(|plan| plan.ops.push(Op::Dir(SandboxPath::new("/run/osbuild/stranger")))),
        breaks: &both(&["directory.unexpected"]),
    },
];
