//! Files of `/proc` that are covered, as containers cover them: those that the kernels of all distributions have.

use super::{Change, Mutant, both};
use crate::profile::Profile::{self, OsbuildV19, OsbuildV190};

pub(super) const MUTANTS: &[Mutant] = &[
    cover("iomem-covered", "cover=/proc/iomem", &both(&["proc.iomem.uncovered"])),
    cover("kallsyms-covered", "cover=/proc/kallsyms", &both(&["proc.kallsyms.uncovered"])),
    cover("key-users-covered", "cover=/proc/key-users", &both(&["proc.key-users.uncovered"])),
    cover("keys-covered", "cover=/proc/keys", &both(&["proc.keys.uncovered"])),
    cover(
        "kmsg-covered",
        "cover=/proc/kmsg",
        &[(OsbuildV19, &["proc.kmsg.uncovered"]), (OsbuildV190, &["capability.kmsg.refused", "proc.kmsg.uncovered"])],
    ),
    cover("kpagecount-covered", "cover=/proc/kpagecount", &both(&["proc.kpagecount.uncovered"])),
    cover("kpageflags-covered", "cover=/proc/kpageflags", &both(&["proc.kpageflags.uncovered"])),
    cover("slabinfo-covered", "cover=/proc/slabinfo", &both(&["proc.slabinfo.uncovered"])),
    cover("timer-list-covered", "cover=/proc/timer_list", &both(&["proc.timer-list.uncovered"])),
    cover("vmallocinfo-covered", "cover=/proc/vmallocinfo", &both(&["proc.vmallocinfo.uncovered"])),
];

const fn cover(id: &'static str, first: &'static str, breaks: &'static [(Profile, &'static [&'static str])]) -> Mutant {
    Mutant { id, says: "a file of /proc is covered", change: Change::First(first), breaks }
}
