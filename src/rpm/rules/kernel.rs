//! The kernel, its modules and its settings: those of the machine that builds.

use super::{does, has, is, read, written};
use crate::rpm::finding::Effect;
use crate::rpm::ground::Need;
use crate::rpm::rule::{Rests, Rule, Sees};
use crate::rpm::shell::Act;

pub const RULES: &[Rule] = &[
    Rule {
        id: "module.load",
        catalogue: &[22],
        says: "A module can be loaded.",
        why: "CAP_SYS_MODULE is not given, and the kernel that runs is not the image's.",
        then: "`Module … not found in directory /lib/modules/…`, or EPERM.",
        instead: "Ship a file in `/usr/lib/modules-load.d`: the module is loaded when the image boots.",
        rests: Rests::Without(Need::Capability("CAP_SYS_MODULE"), Effect::Fails),
        sees: Sees::Act(|act| {
            let only_looks = ["-n", "--dry-run", "--show-depends", "-c", "--showconfig", "--resolve-alias"];
            is(act, &["modprobe", "insmod", "rmmod"]) && !has(act, &only_looks)
        }),
    },
    Rule {
        id: "kernel.release",
        catalogue: &[23],
        says: "The kernel that runs is the image's.",
        why: "`uname -r` names the kernel of the machine that builds.",
        then: "What is done for that kernel is not done for the image's.",
        instead: "Name the kernel's version from its package, or look into `/usr/lib/modules`.",
        rests: Rests::Without(Need::Fact("kernel.release"), Effect::Image),
        sees: Sees::Act(|act| {
            is(act, &["uname"]) && has(act, &["-r", "-a", "-v", "--kernel-release", "--all", "--release"])
        }),
    },
    Rule {
        id: "kernel.depmod",
        catalogue: &[23],
        says: "depmod works on the image's kernel.",
        why: "Without a version depmod takes that of the kernel that runs, which is the machine's that builds.",
        then: "`depmod: ERROR: could not open directory /lib/modules/…`, and a status that is not 0.",
        instead: "`depmod -a VERSION`, with the version that the module was built for.",
        rests: Rests::Without(Need::Fact("kernel.release"), Effect::Fails),
        sees: Sees::Act(|act| is(act, &["depmod"]) && act.verb().is_none() && !has(act, &["--help", "-V"])),
    },
    Rule {
        id: "module.build",
        catalogue: &[24],
        says: "A module can be built when the package is installed.",
        why: "It takes a compiler and the headers of the kernel that runs, which is not the image's.",
        then: "dkms or akmods fail, or build for the wrong kernel.",
        instead: "Build the module as a package (kmod), or when the image boots.",
        rests: Rests::Without(Need::Fact("kernel.release"), Effect::Fails),
        sees: Sees::Act(|act| {
            let builds = is(act, &["dkms"])
                && does(act, &["build", "install", "autoinstall"])
                && !has(act, &["-k", "--kernelver"]);
            builds || is(act, &["akmods", "akmodsbuild"])
        }),
    },
    Rule {
        id: "kernel.settings",
        catalogue: &[32],
        says: "Kernel settings are the image's.",
        why: "There is one kernel, that of the machine that builds, and `/proc/sys` is not covered.",
        then: "As root the setting of the machine that builds is changed. The image gets nothing of it.",
        instead: "Ship a file in `/usr/lib/sysctl.d`: it takes effect when the image boots.",
        rests: Rests::Reaches(Need::Attempt("sysctl:kernel.printk")),
        sees: Sees::Act(|act| {
            let tool = act.words[0].value.as_deref().is_some_and(|path| path.ends_with("/systemd-sysctl"));
            let sysctl = (is(act, &["sysctl"]) && sets(act) && !sets_network(act)) || tool;
            sysctl || written(act).iter().any(|file| file.starts_with("/proc/sys/") && !file.starts_with(NETWORK))
        }),
    },
    Rule {
        id: "network.settings",
        catalogue: &[32],
        says: "Settings of the network are the image's.",
        why: "They are those of the network namespace in which the image is built, and of none that is booted.",
        then: "The setting ends with the build. Where the namespace is the host's, the machine that builds is changed.",
        instead: "Ship a file in `/usr/lib/sysctl.d`: it takes effect when the image boots.",
        rests: Rests::ReachesIn(Need::Attempt("sysctl:kernel.printk"), Need::Own("net")),
        sees: Sees::Act(|act| {
            let sysctl = is(act, &["sysctl"]) && sets(act) && sets_network(act);
            sysctl || written(act).iter().any(|file| file.starts_with(NETWORK))
        }),
    },
    Rule {
        id: "kernel.command-line",
        catalogue: &[27],
        says: "`/proc/cmdline` is the image's.",
        why: "osbuild covers it with a file that says `root=/dev/osbuild`; elsewhere it is that of the machine that builds.",
        then: "What is made of it is made of that.",
        instead: "Look into `/etc/kernel/cmdline`, or decide when the image boots.",
        rests: Rests::Without(Need::Fact("proc.cmdline"), Effect::Image),
        sees: Sees::Act(|act| read(act).contains(&"/proc/cmdline")),
    },
    Rule {
        id: "kernel.fips",
        catalogue: &[33],
        says: "Whether FIPS is on is the image's.",
        why: "`/proc/sys/crypto/fips_enabled` is about the machine that builds.",
        then: "The image gets the policy of that machine.",
        instead: "Decide when the image boots, or by a package that a FIPS image has.",
        rests: Rests::Without(Need::Fact("kernel.release"), Effect::Image),
        sees: Sees::Act(|act| {
            read(act).contains(&"/proc/sys/crypto/fips_enabled")
                || is(act, &["fips-mode-setup"]) && !has(act, &["--help"])
                || is(act, &["sysctl"]) && act.arguments().any(|word| word.starts_with("crypto.fips"))
        }),
    },
];

/// Settings that each network namespace has of its own.
const NETWORK: &str = "/proc/sys/net/";

/// Whether everything that sysctl is told to change is the network's.
fn sets_network(act: &Act) -> bool {
    let mut settings = act.arguments().filter(|word| !word.starts_with('-') && word.contains('=')).peekable();
    settings.peek().is_some() && settings.all(|setting| setting.starts_with("net.") || setting.starts_with("net/"))
}

/// Whether sysctl is told to change something.
fn sets(act: &Act) -> bool {
    act.arguments().any(|word| {
        word.starts_with("--system")
            || word.starts_with("--load")
            || word.starts_with("--write")
            || (word.starts_with('-') && !word.starts_with("--") && word.contains(['p', 'w']))
            || (!word.starts_with('-') && word.contains('='))
    })
}
