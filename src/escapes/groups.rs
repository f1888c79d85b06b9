//! Control groups.

use super::{Escape, NO_SYS_ADMIN, NOWHERE, ROOT, Shown};

pub(super) const ALL: &[Escape] = &[
    Escape {
        id: "cgroup.release-agent",
        says: "open the release_agent of a hierarchy of version 1 for writing",
        gives: "a program of one's choice, run by the host's kernel as root, outside",
        from: "cgroup v1 release_agent",
        closed_by: NO_SYS_ADMIN,
        known: ROOT,
        shown: Shown::Tried,
        nowhere: None,
    },
    Escape {
        id: "cgroup.release-agent.nested",
        says: "write what is there into it, from a user namespace",
        gives: "the same",
        from: "CVE-2022-0492",
        closed_by: "Linux 5.17, or no CAP_SYS_ADMIN and no CAP_DAC_OVERRIDE",
        known: NOWHERE,
        shown: Shown::Tried,
        nowhere: Some("Linux 5.17 and later refuse it to all but root of the host"),
    },
    Escape {
        id: "cgroup.devices",
        says: "open the list of devices of a hierarchy of version 1 for writing",
        gives: "devices that the group was kept from",
        from: "CDK rewrite-cgroup-devices",
        closed_by: NO_SYS_ADMIN,
        known: ROOT,
        shown: Shown::Tried,
        nowhere: None,
    },
    Escape {
        id: "cgroup.processes",
        says: "open the list of processes of the top group for writing",
        gives: "a life beyond the limits and the end of the sandbox",
        from: "root cgroup.procs writable",
        closed_by: NO_SYS_ADMIN,
        known: ROOT,
        shown: Shown::Tried,
        nowhere: None,
    },
];
