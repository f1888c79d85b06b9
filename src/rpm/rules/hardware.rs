//! The machine: its name, its clock, what it is made of. It is the one that builds.

use super::{has, is, is_below, read, written};
use crate::rpm::finding::Effect;
use crate::rpm::ground::Need;
use crate::rpm::rule::{Rests, Rule, Sees};
use crate::rpm::shell::Act;

pub const RULES: &[Rule] = &[
    Rule {
        id: "hardware.detected",
        catalogue: &[35],
        says: "The hardware is that of the image.",
        why: "Processors, devices and virtualisation are those of the machine that builds; under emulation `/proc/cpuinfo` is \
              not even of the image's architecture.",
        then: "The image is made for the machine that builds.",
        instead: "Decide when the image boots, in a unit that runs once.",
        rests: Rests::Without(Need::Fact("kernel.release"), Effect::Image),
        sees: Sees::Act(|act| {
            let tools = [
                "dmidecode",
                "lscpu",
                "systemd-detect-virt",
                "virt-what",
                "lspci",
                "lsusb",
                "lshw",
                "hwinfo",
                "nproc",
                "lsblk",
            ];
            let is_hardware = |file: &&str| {
                matches!(*file, "/proc/cpuinfo" | "/proc/meminfo" | "/proc/partitions") || is_below(file, "/sys/class")
            };
            is(act, &tools) || read(act).iter().any(is_hardware)
        }),
    },
    Rule {
        id: "hostname.read",
        catalogue: &[36],
        says: "The host's name is the image's.",
        why: "The UTS namespace is the host's: `hostname` names the machine that builds.",
        then: "Its name gets into configuration and certificates of the image.",
        instead: "Decide when the image boots; for a default write `localhost`.",
        rests: Rests::Without(Need::Own("uts"), Effect::Image),
        sees: Sees::Act(|act| {
            let asks = is(act, &["hostname", "dnsdomainname", "domainname"]) && !names(act);
            asks || (is(act, &["uname"]) && has(act, &["-n", "--nodename"]))
                || read(act).contains(&"/proc/sys/kernel/hostname")
        }),
    },
    Rule {
        id: "hostname.set",
        catalogue: &[36],
        says: "The host's name can be set.",
        why: "The UTS namespace is the host's, and root has the host's CAP_SYS_ADMIN.",
        then: "The machine that builds gets another name.",
        instead: "Write `/etc/hostname`.",
        rests: Rests::Shares(Need::Own("uts")),
        sees: Sees::Act(|act| is(act, &["hostname", "domainname", "nisdomainname"]) && names(act)),
    },
    Rule {
        id: "network.files",
        catalogue: &[37],
        says: "`/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf` are ordinary files.",
        why: "In containers they are bind mounts, which can't be renamed or replaced (EBUSY); in osbuild's tree they need not \
              be there.",
        then: "It works, where the file is there.",
        instead: "Write into the file, and take it that it may be missing.",
        rests: Rests::Rpm(Effect::Advice),
        sees: Sees::Act(|act| {
            let files = ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"];
            is(act, &["mv", "ln", "rm"]) && act.arguments().any(|word| files.contains(&word))
                || is(act, &["sed"]) && written(act).iter().any(|file| files.contains(file))
        }),
    },
    Rule {
        id: "time.clock",
        catalogue: &[38],
        says: "The clock can be set.",
        why: "CAP_SYS_TIME is not given, there is no `/dev/rtc`, and no network.",
        then: "`Operation not permitted`.",
        instead: "Let chrony or systemd-timesyncd do it when the image boots.",
        rests: Rests::Without(Need::Capability("CAP_SYS_TIME"), Effect::Fails),
        sees: Sees::Act(|act| {
            let sets = act.arguments().any(|word| word.starts_with("--set") || word == "-s");
            is(act, &["hwclock", "ntpdate", "rdate", "sntp"])
                || (is(act, &["date"]) && sets)
                || (is(act, &["chronyd"]) && has(act, &["-q"]))
        }),
    },
];

/// Whether a name is given.
fn names(act: &Act) -> bool {
    act.verb().is_some() || has(act, &["-F", "--file", "-b"])
}
