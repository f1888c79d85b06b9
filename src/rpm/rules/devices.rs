//! Devices, and those who look after them.

use super::{does, has, is};
use crate::rpm::finding::Effect;
use crate::rpm::ground::Need;
use crate::rpm::rule::{Rests, Rule, Sees};
use crate::rpm::shell::Act;

pub const RULES: &[Rule] = &[
    Rule {
        id: "udev.control",
        catalogue: &[19],
        says: "udev runs, and reads its rules again.",
        why: "There is no udev: `/run/udev/control` is not there. Today's udevadm says `Running in chroot, ignoring request`, \
              older ones fail.",
        then: "Nothing happens; the rules are read when the image boots.",
        instead: "Drop it (systemd's file triggers do it), or ask first: `[ -S /run/udev/control ] && udevadm control --reload`.",
        rests: Rests::Without(Need::Path("/run/udev/control"), Effect::Skipped),
        sees: Sees::Act(|act| is(act, &["udevadm"]) && does(act, &["control"]) || is(act, &["udevcontrol"])),
    },
    Rule {
        id: "udev.trigger",
        catalogue: &[20],
        says: "Devices can be told to announce themselves.",
        why: "`udevadm trigger` writes to `uevent` files below `/sys`, which is read-only, and whose devices are those of the \
              machine that builds.",
        then: "EROFS, or with today's udevadm nothing.",
        instead: "Ask first: `[ -S /run/udev/control ] && udevadm trigger …`.",
        rests: Rests::Without(Need::Attempt("write:/sys"), Effect::Skipped),
        sees: Sees::Act(|act| is(act, &["udevadm"]) && does(act, &["trigger"]) || is(act, &["udevtrigger"])),
    },
    Rule {
        id: "udev.settle",
        catalogue: &[21],
        says: "udev's queue becomes empty.",
        why: "There is no udev that would say so.",
        then: "It returns at once, or waits for its time limit.",
        instead: "Drop it.",
        rests: Rests::Without(Need::Path("/run/udev/control"), Effect::Skipped),
        sees: Sees::Act(|act| is(act, &["udevadm"]) && does(act, &["settle"]) || is(act, &["udevsettle"])),
    },
    Rule {
        id: "block.devices",
        catalogue: &[34],
        says: "There are disks, or loop devices.",
        why: "`/dev` has null, zero, full, random, urandom, tty, and no block device, no `loop-control` and no mapper.",
        then: "`No such file or directory`, and a status that is not 0.",
        instead: "Do it when the image boots, in a unit that runs once.",
        rests: Rests::Without(Need::Path("/dev/loop-control"), Effect::Fails),
        sees: Sees::Act(|act| {
            let tools = [
                "losetup",
                "mkswap",
                "swapon",
                "swapoff",
                "pvcreate",
                "vgcreate",
                "lvcreate",
                "vgchange",
                "vgscan",
                "dmsetup",
                "cryptsetup",
                "kpartx",
                "multipath",
                "parted",
                "sfdisk",
                "blkid",
                "partprobe",
                "mdadm",
            ];
            is(act, &tools) || act.program().is_some_and(|program| program == "mkfs" || program.starts_with("mkfs."))
        }),
    },
    Rule {
        id: "mount.new",
        catalogue: &[34],
        says: "Something can be mounted.",
        why: "It takes CAP_SYS_ADMIN, which osbuild gives to stages and others do not give to scriptlets.",
        then: "EPERM; the command fails.",
        instead: "Ship a mount unit, or do without.",
        rests: Rests::Without(Need::Attempt("mount:tmpfs"), Effect::Fails),
        sees: Sees::Act(|act| is(act, &["mount"]) && act.verb().is_some()),
    },
    Rule {
        id: "device.made",
        catalogue: &[44],
        says: "A device can be made and used.",
        why: "The tree is mounted nodev: `mknod` succeeds, and opening what it made gives EACCES.",
        then: "The node gets into the image and is of no use before.",
        instead: "Let the kernel and udev make it; where it has to be, a `c` line in tmpfiles.d.",
        rests: Rests::With(Need::Attempt("mknod:/"), Effect::Image),
        sees: Sees::Act(makes_device),
    },
    Rule {
        id: "device.refused",
        catalogue: &[44],
        says: "A device can be made.",
        why: "It takes the host's CAP_MKNOD, which ordinary users have not, and rpm-ostree and others do not give.",
        then: "As root of osbuild it works, to no use.",
        instead: "Let the kernel and udev make it; where it has to be, a `c` line in tmpfiles.d.",
        rests: Rests::Without(Need::Attempt("mknod:/"), Effect::Fails),
        sees: Sees::Act(makes_device),
    },
    Rule {
        id: "terminal.prompt",
        catalogue: &[51],
        says: "Somebody sits at a terminal.",
        why: "rpm gives scriptlets a pipe without anything in it, and nothing has a terminal: `/dev/tty` gives ENXIO.",
        then: "`read` fails at once, `stty` says `Inappropriate ioctl for device`.",
        instead: "Take a default, and let a configuration file say otherwise.",
        rests: Rests::Without(Need::Attempt("open:/dev/tty"), Effect::Fails),
        sees: Sees::Act(|act| {
            let asks = act.redirects.iter().any(|redirect| redirect.file.value.as_deref() == Some("/dev/tty"));
            let reads =
                is(act, &["read"]) && act.arguments().any(|word| word.starts_with("-p") || word.starts_with("-s"));
            asks || reads
                || is(act, &["stty", "dialog", "whiptail", "tput", "chvt"])
                || (is(act, &["passwd"]) && !has(act, &["--stdin", "-l", "-d", "-u"]))
        }),
    },
];

/// A device, and no pipe.
fn makes_device(act: &Act) -> bool {
    let kind = act.arguments().filter(|word| !word.starts_with('-')).nth(1);
    is(act, &["mknod"]) && kind.is_none_or(|kind| kind != "p")
}
