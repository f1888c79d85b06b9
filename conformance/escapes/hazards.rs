//! The contract tells what is open, and what it calls a hazard is open.

use std::collections::{BTreeMap, BTreeSet};

use rootcontract::contract::Contract;

use super::{escapes, with};

/// Which clauses of osbuild-v190 tell of each way out that is open in it as root.
const TOLD: [(&str, &[&str]); 38] = [
    ("cgroup.devices", &["namespace.cgroup.shared"]),
    ("cgroup.processes", &["namespace.cgroup.shared"]),
    ("cgroup.release-agent", &["namespace.cgroup.shared"]),
    ("device.disk", &["device.node.open", "mount.dev.devices-work"]),
    ("device.loop-control", &["device.node.open", "mount.dev.devices-work"]),
    ("files.attributes", &["mount.usr.remountable"]),
    ("files.by-handle", &["mount.usr.handles"]),
    ("files.remounted", &REMOUNTED),
    ("kernel.bpf", &["capability.sys-admin.held"]),
    ("kernel.fanotify", &["capability.sys-admin.held"]),
    ("kernel.perf", &["capability.sys-admin.held"]),
    ("key.session", &["proc.keys.uncovered"]),
    ("key.user", &["namespace.user.shared", "proc.keys.uncovered"]),
    ("mount.binfmt-misc", &["capability.sys-admin.held"]),
    ("mount.debugfs", &["mount.new.debugfs"]),
    ("mount.devtmpfs", &["mount.new.devtmpfs"]),
    ("mount.namespace-by-handle", &["capability.sys-admin.held"]),
    ("mount.tracefs", &["capability.sys-admin.held"]),
    ("network.vsock", &["network.vsock.opened"]),
    ("proc.cmdline", &["mount.proc-cmdline.removable"]),
    ("proc.core-pattern", &["proc.core-pattern.writable"]),
    ("proc.core-pattern.fresh", &["mount.new.proc"]),
    ("proc.core-pattern.nested", &["proc.core-pattern.writable", "namespace.user.shared"]),
    ("proc.core-pattern.nowhere", &["mount.new.proc"]),
    ("proc.core-pattern.uncovered", &["mount.proc-sys.uncovered"]),
    ("proc.irq.uncovered", &["mount.proc-irq.remountable", "mount.proc-bus.remountable"]),
    ("proc.mtrr", &["proc.mtrr.writable"]),
    (
        "proc.settings",
        &["proc.printk.writable", "proc.drop-caches.writable", "proc.modprobe.writable", "proc.sysrq.writable"],
    ),
    ("process.init-libraries", &["pid.init-exe.busy"]),
    ("sys.write.fresh", &["mount.new.sysfs"]),
    ("sys.write.remounted", &["mount.sys.remountable", "mount.sys.remountable-again"]),
    ("telling.cgroup", &["namespace.cgroup.shared"]),
    ("telling.firmware", &["sys.firmware.read-only"]),
    ("telling.keys", &["proc.keys.uncovered"]),
    ("telling.memory-map", &["proc.iomem.uncovered"]),
    ("telling.modules", &["sys.module.read-only"]),
    ("telling.timers", &["proc.timer-list.uncovered"]),
    ("uts.hostname", &["uts.hostname.writable", "namespace.uts.shared"]),
];

/// Mounts that can be made writable again, each by itself.
const REMOUNTED: [&str; 7] = [
    "mount.usr.remountable",
    "mount.boot.remountable",
    "mount.osbuild-lib.remountable",
    "mount.etc-mke2fs-conf.remountable",
    "mount.etc-containers.remountable",
    "mount.etc-selinux.remountable",
    "mount.ostree.remountable",
];

/// Hazards that lead nowhere outside, or are closed on this kernel.
const ELSEWHERE: [&str; 5] = [
    // `/tmp` and `/dev` are the sandbox's own.
    "path.tmp.mode",
    "device.directory.mode",
    // From one room of the build root to another.
    "pid.init-root.opened",
    // Linux 5.8 and later want CAP_SYSLOG.
    "capability.syslog.by-sys-admin",
    "capability.kmsg.by-sys-admin",
];

#[test]
fn the_contract_tells_of_every_way_out_that_is_open_and_every_hazard_of_it_is_one() {
    let told: BTreeMap<&str, &[&str]> = TOLD.into();
    let (_, document, talk) = escapes(&["--profile", "osbuild-v190"]);
    let open = with("open", &document["reports"][0]);
    assert_eq!(open.iter().map(String::as_str).collect::<Vec<_>>(), told.keys().copied().collect::<Vec<_>>(), "{talk}");

    let arch = rootcontract::arch::native().expect("an architecture of the table").name;
    let contract = Contract::builtin("osbuild-v190").expect("a contract").on(arch);
    // A scriptlet's room is another one.
    let hazards =
        contract.clauses.iter().filter(|clause| clause.hazard.is_some() && !clause.id.as_str().contains(".scriptlet."));
    let hazards: BTreeSet<&str> = hazards.map(|clause| clause.id.as_str()).collect();
    let known: BTreeSet<&str> = told.values().copied().flatten().copied().chain(ELSEWHERE).collect();
    assert_eq!(hazards, known);
}
