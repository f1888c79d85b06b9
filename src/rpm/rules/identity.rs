//! Users, and what only root may do to files.

use super::{has, is};
use crate::rpm::finding::Effect;
use crate::rpm::ground::Need;
use crate::rpm::rule::{Rests, Rule, Scene, Seen, Sees};

pub const RULES: &[Rule] = &[
    Rule {
        id: "owner.other",
        catalogue: &[41],
        says: "A file can be given to another user.",
        why: "In a user namespace with a single user there is nobody to give it to: EINVAL.",
        then: "As root it works.",
        instead: "List the file in `%files` with `%attr`, or in tmpfiles.d: rpm and systemd know what to do.",
        rests: Rests::Without(Need::Attempt("chown:/var"), Effect::Fails),
        sees: Sees::Act(|act| is(act, &["chown", "chgrp"]) || (is(act, &["install"]) && has(act, &["-o", "-g"]))),
    },
    Rule {
        id: "file.capabilities",
        catalogue: &[42],
        says: "Files can be given capabilities.",
        why: "It takes CAP_SETFCAP, and a file system that keeps them.",
        then: "As root of osbuild it works.",
        instead: "Use `%caps(…)` in `%files`.",
        rests: Rests::Without(Need::Capability("CAP_SETFCAP"), Effect::Fails),
        sees: Sees::Act(|act| is(act, &["setcap"])),
    },
    Rule {
        id: "file.attributes",
        catalogue: &[43],
        says: "Files can be given attributes of their file system.",
        why: "Overlays and FUSE have none (EOPNOTSUPP), and an immutable file can't be copied into the image as it is.",
        then: "The attribute is lost when the tree is copied into the image, and stands in the way until then.",
        instead: "Set it when the image boots (tmpfiles.d, `h`).",
        rests: Rests::Rpm(Effect::Skipped),
        sees: Sees::Act(|act| is(act, &["chattr"])),
    },
    Rule {
        id: "home.unset",
        catalogue: &[49],
        says: "`HOME` is set.",
        why: "rpm passes on what it was given, and osbuild gives it no HOME.",
        then: "`$HOME/.config` is `/.config`; gpg and ssh-keygen look into `/root`.",
        instead: "Set it: `HOME=/root`, or better a directory that is removed again.",
        rests: Rests::Without(Need::Variable("HOME"), Effect::Image),
        sees: Sees::Scene(|scene| uses(scene, &["HOME"])),
    },
    Rule {
        id: "locale.unset",
        catalogue: &[50],
        says: "`LANG` says what language is wanted.",
        why: "It is not set; `LC_CTYPE` is `C.UTF-8`, and that is all.",
        then: "It is empty.",
        instead: "Write into `/etc/locale.conf` what the image shall have.",
        rests: Rests::Without(Need::Variable("LANG"), Effect::Advice),
        sees: Sees::Scene(|scene| uses(scene, &["LANG", "LC_ALL", "LANGUAGE"])),
    },
    Rule {
        id: "user.unset",
        catalogue: &[49],
        says: "`USER` says who is installing.",
        why: "It is not set, nor are LOGNAME and SHELL.",
        then: "It is empty.",
        instead: "Take root, or a user that the package makes.",
        rests: Rests::Without(Need::Variable("USER"), Effect::Advice),
        sees: Sees::Scene(|scene| uses(scene, &["USER", "LOGNAME", "SUDO_USER"])),
    },
];

/// Where one of these variables is used and has not been set.
fn uses(scene: &Scene<'_>, names: &[&str]) -> Vec<Seen> {
    let uses = scene.walked.uses.iter().filter(|(name, _)| names.contains(&name.as_str()));
    uses.map(|(_, place)| Seen::at(*place)).collect()
}
