//! What is there and should not be: directories, files and nodes that nobody asked for.

use super::{Change, Mutant, both};
use crate::plan::{Op, SandboxPath};
use crate::profile::Profile::{OsbuildV19, OsbuildV190};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "home-there",
        says: "there is an empty /home",
        change: Change::Plan(|plan| plan.ops.push(dir("/home"))),
        breaks: &both(&["root.home.absent"]),
    },
    Mutant {
        id: "root-there",
        says: "there is an empty /root",
        change: Change::Plan(|plan| plan.ops.push(dir("/root"))),
        breaks: &both(&["root.root.absent"]),
    },
    Mutant {
        id: "mnt-there",
        says: "there is an empty /mnt",
        change: Change::Plan(|plan| plan.ops.push(dir("/mnt"))),
        breaks: &both(&["root.mnt.absent"]),
    },
    Mutant {
        id: "media-there",
        says: "there is an empty /media",
        change: Change::Plan(|plan| plan.ops.push(dir("/media"))),
        breaks: &both(&["root.media.absent"]),
    },
    Mutant {
        id: "srv-there",
        says: "there is an empty /srv",
        change: Change::Plan(|plan| plan.ops.push(dir("/srv"))),
        breaks: &both(&["root.srv.absent"]),
    },
    Mutant {
        id: "etc-passwd-there",
        says: "there is an /etc/passwd",
        change: Change::Plan(|plan| plan.ops.push(link("/etc/passwd"))),
        breaks: &[(OsbuildV19, &["directory.etc.empty", "path.passwd.absent"]), (OsbuildV190, &["path.passwd.absent"])],
    },
    Mutant {
        id: "etc-group-there",
        says: "there is an /etc/group",
        change: Change::Plan(|plan| plan.ops.push(link("/etc/group"))),
        breaks: &[(OsbuildV19, &["directory.etc.empty", "path.group.absent"]), (OsbuildV190, &["path.group.absent"])],
    },
    Mutant {
        id: "etc-machine-id-there",
        says: "there is an /etc/machine-id",
        change: Change::Plan(|plan| plan.ops.push(link("/etc/machine-id"))),
        breaks: &[
            (OsbuildV19, &["directory.etc.empty", "path.machine-id.absent"]),
            (OsbuildV190, &["path.machine-id.absent"]),
        ],
    },
    Mutant {
        id: "etc-resolv-conf-there",
        says: "there is an /etc/resolv.conf",
        change: Change::Plan(|plan| plan.ops.push(link("/etc/resolv.conf"))),
        breaks: &[
            (OsbuildV19, &["directory.etc.empty", "path.resolv-conf.absent"]),
            (OsbuildV190, &["path.resolv-conf.absent"]),
        ],
    },
    Mutant {
        id: "etc-hosts-there",
        says: "there is an /etc/hosts",
        change: Change::Plan(|plan| plan.ops.push(link("/etc/hosts"))),
        breaks: &[(OsbuildV19, &["directory.etc.empty", "path.hosts.absent"]), (OsbuildV190, &["path.hosts.absent"])],
    },
    Mutant {
        id: "etc-hostname-there",
        says: "there is an /etc/hostname",
        change: Change::Plan(|plan| plan.ops.push(link("/etc/hostname"))),
        breaks: &[
            (OsbuildV19, &["directory.etc.empty", "path.hostname.absent"]),
            (OsbuildV190, &["path.hostname.absent"]),
        ],
    },
    Mutant {
        id: "etc-localtime-there",
        says: "there is an /etc/localtime",
        change: Change::Plan(|plan| plan.ops.push(link("/etc/localtime"))),
        breaks: &[
            (OsbuildV19, &["directory.etc.empty", "path.localtime.absent"]),
            (OsbuildV190, &["path.localtime.absent"]),
        ],
    },
    Mutant {
        id: "etc-os-release-there",
        says: "there is an /etc/os-release",
        change: Change::Plan(|plan| plan.ops.push(link("/etc/os-release"))),
        breaks: &[
            (OsbuildV19, &["directory.etc.empty", "path.os-release.absent"]),
            (OsbuildV190, &["path.os-release.absent"]),
        ],
    },
    Mutant {
        id: "etc-ld-so-cache-there",
        says: "there is an /etc/ld.so.cache",
        change: Change::Plan(|plan| plan.ops.push(link("/etc/ld.so.cache"))),
        breaks: &[
            (OsbuildV19, &["directory.etc.empty", "path.ld-so-cache.absent"]),
            (OsbuildV190, &["path.ld-so-cache.absent"]),
        ],
    },
    Mutant {
        id: "etc-ld-so-conf-there",
        says: "there is an /etc/ld.so.conf",
        change: Change::Plan(|plan| plan.ops.push(link("/etc/ld.so.conf"))),
        breaks: &[
            (OsbuildV19, &["directory.etc.empty", "path.ld-so-conf.absent"]),
            (OsbuildV190, &["path.ld-so-conf.absent"]),
        ],
    },
    Mutant {
        id: "etc-nsswitch-conf-there",
        says: "there is an /etc/nsswitch.conf",
        change: Change::Plan(|plan| plan.ops.push(link("/etc/nsswitch.conf"))),
        breaks: &[
            (OsbuildV19, &["directory.etc.empty", "path.nsswitch.absent"]),
            (OsbuildV190, &["path.nsswitch.absent"]),
        ],
    },
    Mutant {
        id: "run-systemd-there",
        says: "there is a /run/systemd, as under systemd",
        change: Change::Plan(|plan| plan.ops.push(dir("/run/systemd"))),
        breaks: &both(&["directory.run.osbuild"]),
    },
    Mutant {
        id: "dev-stdin-there",
        says: "there is a /dev/stdin",
        change: Change::Plan(|plan| plan.ops.push(link("/dev/stdin"))),
        breaks: &both(&["device.stdin.absent"]),
    },
    Mutant {
        id: "dev-stdout-there",
        says: "there is a /dev/stdout",
        change: Change::Plan(|plan| plan.ops.push(link("/dev/stdout"))),
        breaks: &both(&["device.stdout.absent"]),
    },
    Mutant {
        id: "dev-stderr-there",
        says: "there is a /dev/stderr",
        change: Change::Plan(|plan| plan.ops.push(link("/dev/stderr"))),
        breaks: &both(&["device.stderr.absent"]),
    },
    Mutant {
        id: "dev-ptmx-there",
        says: "there is a /dev/ptmx",
        change: Change::Plan(|plan| plan.ops.push(link("/dev/ptmx"))),
        breaks: &both(&["device.ptmx.absent"]),
    },
    Mutant {
        id: "dev-console-there",
        says: "there is a /dev/console",
        change: Change::Plan(|plan| plan.ops.push(link("/dev/console"))),
        breaks: &both(&["device.console.absent"]),
    },
    Mutant {
        id: "dev-kmsg-there",
        says: "there is a /dev/kmsg",
        change: Change::Plan(|plan| plan.ops.push(link("/dev/kmsg"))),
        breaks: &both(&["device.kmsg.absent"]),
    },
    Mutant {
        id: "dev-log-there",
        says: "there is a /dev/log",
        change: Change::Plan(|plan| plan.ops.push(link("/dev/log"))),
        breaks: &both(&["device.log.absent"]),
    },
    Mutant {
        id: "dev-loop-control-there",
        says: "there is a /dev/loop-control",
        change: Change::Plan(|plan| plan.ops.push(link("/dev/loop-control"))),
        breaks: &both(&["device.loop-control.absent"]),
    },
    Mutant {
        id: "dev-kvm-there",
        says: "there is a /dev/kvm",
        change: Change::Plan(|plan| plan.ops.push(link("/dev/kvm"))),
        breaks: &both(&["device.kvm.absent"]),
    },
    Mutant {
        id: "dev-mem-there",
        says: "there is a /dev/mem",
        change: Change::Plan(|plan| plan.ops.push(link("/dev/mem"))),
        breaks: &both(&["device.mem.absent"]),
    },
    Mutant {
        id: "dev-core-there",
        says: "there is a /dev/core",
        change: Change::Plan(|plan| plan.ops.push(link("/dev/core"))),
        breaks: &both(&["device.core.absent"]),
    },
    Mutant {
        id: "dev-initctl-there",
        says: "there is a /dev/initctl",
        change: Change::Plan(|plan| plan.ops.push(link("/dev/initctl"))),
        breaks: &both(&["device.initctl.absent"]),
    },
    Mutant {
        id: "dev-pts-there",
        says: "there is a /dev/pts",
        change: Change::Plan(|plan| plan.ops.push(dir("/dev/pts"))),
        breaks: &both(&["device.pts.absent"]),
    },
    Mutant {
        id: "dev-mapper-there",
        says: "there is a /dev/mapper",
        change: Change::Plan(|plan| plan.ops.push(dir("/dev/mapper"))),
        breaks: &both(&["device.mapper.absent"]),
    },
    Mutant {
        id: "dev-disk-there",
        says: "there is a /dev/disk",
        change: Change::Plan(|plan| plan.ops.push(dir("/dev/disk"))),
        breaks: &both(&["device.disk.absent"]),
    },
    Mutant {
        id: "dev-mqueue-there",
        says: "there is a /dev/mqueue",
        change: Change::Plan(|plan| plan.ops.push(dir("/dev/mqueue"))),
        breaks: &both(&["device.mqueue.absent"]),
    },
];

/// A link that leads nowhere: the name is there.
fn link(at: &str) -> Op {
    Op::symlink("nowhere", at)
}

/// An empty directory.
fn dir(at: &str) -> Op {
    Op::Dir(SandboxPath::new(at))
}
