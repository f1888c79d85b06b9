//! What makes an image boot: osbuild's stages do that, not scriptlets.

use super::{does, has, is, is_below, read, written};
use crate::rpm::finding::Effect;
use crate::rpm::ground::Need;
use crate::rpm::rule::{Rests, Rule, Sees};

pub const RULES: &[Rule] = &[
    Rule {
        id: "initramfs.host-only",
        catalogue: &[25],
        says: "The initramfs is made on the machine that it is for.",
        why: "In its host-only mode dracut puts in what it finds in `/proc`, `/sys` and `/dev` of the machine that builds; \
              disks are not there at all.",
        then: "An initramfs without the drivers and file systems of the image. osbuild makes its own afterwards (`dracut` \
               stage), and can keep scriptlets from it (`disable_dracut`).",
        instead: "`dracut --no-hostonly`, or leave it to the kernel's own scripts.",
        rests: Rests::Without(Need::Path("/dev/disk"), Effect::Image),
        sees: Sees::Act(|act| {
            let makes = is(act, &["dracut", "mkinitrd", "update-initramfs", "mkinitcpio"]);
            makes && !has(act, &["--no-hostonly", "-N", "--help", "--version"])
        }),
    },
    Rule {
        id: "kernel.install",
        catalogue: &[26],
        says: "The image's kernel is put where its loader looks.",
        why: "kernel-install looks for the machine-id and for where `/boot` is mounted, which are not the image's yet.",
        then: "osbuild's rpm stage has an option for it (`kernel_install_env`); without it entries carry an id that is \
               taken away again.",
        instead: "Leave it to the kernel packages.",
        rests: Rests::Rpm(Effect::Advice),
        sees: Sees::Act(|act| is(act, &["kernel-install", "installkernel", "new-kernel-pkg"])),
    },
    Rule {
        id: "machine-id.read",
        catalogue: &[28],
        says: "The machine has an id.",
        why: "`/etc/machine-id` is a placeholder while the image is built, 32 times `f`, and emptied afterwards.",
        then: "What is made of the id is the same in every image, and wrong.",
        instead: "Use systemd's `%m` in a unit, or do it when the image boots.",
        rests: Rests::Rpm(Effect::Image),
        sees: Sees::Act(|act| read(act).contains(&"/etc/machine-id")),
    },
    Rule {
        id: "machine-id.made",
        catalogue: &[28],
        says: "The machine's id can be made now.",
        why: "Every machine that boots the image would have the same.",
        then: "osbuild takes it away again; others do not.",
        instead: "Leave `/etc/machine-id` alone: systemd makes it at the first boot.",
        rests: Rests::Rpm(Effect::Image),
        sees: Sees::Act(|act| {
            let tool =
                is(act, &["systemd-machine-id-setup"]) || (is(act, &["dbus-uuidgen"]) && has(act, &["--ensure"]));
            tool || written(act).contains(&"/etc/machine-id")
        }),
    },
    Rule {
        id: "grub.probe",
        catalogue: &[29],
        says: "The boot loader can find its disks.",
        why: "`/` is no disk that grub2-probe could find, and there are no disks in `/dev`.",
        then: "`grub2-probe: error: failed to get canonical path of …`, and a status that is not 0. osbuild's grub2 stages \
               write the configuration afterwards.",
        instead: "Ship a file in `/etc/default/grub.d` or `/usr/lib/bootc/kargs.d`; leave the rest to the image's builder.",
        rests: Rests::Without(Need::Path("/dev/disk"), Effect::Fails),
        sees: Sees::Act(|act| {
            let tools = [
                "grub2-probe",
                "grub2-mkconfig",
                "grub2-install",
                "grub-probe",
                "grub-mkconfig",
                "grub-install",
                "update-grub",
                "update-bootloader",
                "grubby",
                "zipl",
            ];
            is(act, &tools) && !has(act, &["--version", "--help"])
        }),
    },
    Rule {
        id: "efi.firmware",
        catalogue: &[30],
        says: "There is an EFI firmware, and its variables can be set.",
        why: "`/sys` is read-only and the machine's that builds; s390x and ppc64le have no EFI at all.",
        then: "`EFI variables are not supported on this system`, or EROFS.",
        instead: "Leave it to the image's builder, or do it when the image boots.",
        rests: Rests::Without(Need::Attempt("write:/sys"), Effect::Fails),
        sees: Sees::Act(|act| {
            is(act, &["efibootmgr", "mokutil"])
                || (is(act, &["bootctl"]) && does(act, &["install", "update", "set-default"]))
                || written(act).iter().any(|file| is_below(file, "/sys/firmware/efi"))
        }),
    },
    Rule {
        id: "boot.files",
        catalogue: &[31],
        says: "`/etc/fstab`, `/etc/default/grub` and `/boot` are as on a system that boots.",
        why: "They are written by later stages of the image's build: they need not be there yet, and what is changed in them \
              is overwritten.",
        then: "`No such file or directory`, or a change that is lost.",
        instead: "Ship a drop-in (`/usr/lib/bootc/kargs.d`, `/etc/kernel/cmdline.d`, a mount unit).",
        rests: Rests::Rpm(Effect::Skipped),
        sees: Sees::Act(|act| {
            let is_boot = |file: &&str| matches!(*file, "/etc/fstab" | "/etc/default/grub") || is_below(file, "/boot");
            written(act).iter().any(is_boot)
        }),
    },
];
