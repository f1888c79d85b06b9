//! What has to be in the tree before a scriptlet runs.

use super::is;
use crate::rpm::finding::Effect;
use crate::rpm::package::Package;
use crate::rpm::rule::{Rests, Rule, Scene, Sees};
use crate::rpm::scriptlet::Slot;
use crate::rpm::shell::Act;

pub const RULES: &[Rule] = &[
    Rule {
        id: "requires.missing",
        catalogue: &[3],
        says: "A program that no dependency brings is there.",
        why: "In one big transaction packages come in the order of their dependencies. What a scriptlet starts has to be \
              required for it, or it may come later.",
        then: "`command not found`, exit code 127, in some images and not in others.",
        instead: "Add `Requires(pre): shadow-utils`, `Requires(post): …` or whatever brings the program.",
        rests: Rests::Rpm(Effect::Advice),
        sees: Sees::ActOf(|act, scene| {
            let provider = act.program().and_then(|program| PROVIDERS.iter().find(|(name, _)| *name == program));
            provider.is_some_and(|(program, packages)| !is_brought(program, packages, act, scene))
        }),
    },
    Rule {
        id: "user.unordered",
        catalogue: &[39],
        says: "A user is there that another package makes.",
        why: "Whose user it is is known to rpm only by a dependency on `user(NAME)`, or on the package that makes it.",
        then: "`chown: invalid user`, or files that belong to root.",
        instead: "Require `user(NAME)`, or make the user in a sysusers.d file of this package.",
        rests: Rests::Rpm(Effect::Advice),
        sees: Sees::ActOf(|act, scene| {
            is(act, &["chown", "chgrp"]) && owner(act).is_some_and(|owner| !is_known(owner, scene))
        }),
    },
];

/// Programs that scriptlets start, and the packages that have them; only those that not every tree has from the start.
/// Names are those of Fedora, openSUSE, Azure Linux and Photon.
const PROVIDERS: [(&str, &[&str]); 29] = [
    ("useradd", &["shadow-utils", "shadow", "pwdutils", "sysuser-shadow"]),
    ("groupadd", &["shadow-utils", "shadow", "pwdutils", "sysuser-shadow"]),
    ("usermod", &["shadow-utils", "shadow", "pwdutils"]),
    ("groupmod", &["shadow-utils", "shadow", "pwdutils"]),
    ("userdel", &["shadow-utils", "shadow", "pwdutils"]),
    ("groupdel", &["shadow-utils", "shadow", "pwdutils"]),
    ("getent", &["glibc-common", "glibc", "shadow-utils", "shadow"]),
    ("depmod", &["kmod", "suse-kernel-server", "module-init-tools"]),
    ("dracut", &["dracut"]),
    ("systemctl", &["systemd", "systemd-units", "systemd-sysv", "systemd-rpm-macros"]),
    ("systemd-tmpfiles", &["systemd"]),
    ("systemd-sysusers", &["systemd"]),
    ("update-alternatives", &["chkconfig", "alternatives", "update-alternatives"]),
    ("alternatives", &["chkconfig", "alternatives"]),
    ("chkconfig", &["chkconfig", "aaa_base", "insserv"]),
    ("service", &["initscripts", "initscripts-service", "aaa_base"]),
    ("install-info", &["info", "texinfo", "install-info"]),
    ("semodule", &["policycoreutils", "selinux-policy"]),
    ("semanage", &["policycoreutils-python-utils", "policycoreutils-python", "policycoreutils"]),
    ("restorecon", &["policycoreutils"]),
    ("setsebool", &["policycoreutils"]),
    ("xmlcatalog", &["libxml2", "xml-common"]),
    ("update-ca-trust", &["ca-certificates", "p11-kit-trust"]),
    ("update-crypto-policies", &["crypto-policies", "crypto-policies-scripts"]),
    ("update-desktop-database", &["desktop-file-utils"]),
    ("update-mime-database", &["shared-mime-info"]),
    ("gtk-update-icon-cache", &["gtk3", "gtk2", "gtk-update-icon-cache", "gtk4"]),
    ("glib-compile-schemas", &["glib2", "glib2-tools"]),
    ("setcap", &["libcap", "libcap-progs"]),
];

/// RPMSENSE_SCRIPT_PRE, POST, PREUN, POSTUN and RPMSENSE_PRETRANS. rpm, `include/rpm/rpmds.h`.
const SCRIPT: [(Slot, u32); 5] = [
    (Slot::Pre, 1 << 9),
    (Slot::Post, 1 << 10),
    (Slot::Preun, 1 << 11),
    (Slot::Postun, 1 << 12),
    (Slot::Pretrans, 1 << 7),
];

/// Whether the program is there when the scriptlet comes: required for it, its own, or asked for by the script.
fn is_brought(program: &str, packages: &[&str], act: &Act, scene: &Scene<'_>) -> bool {
    let bit = SCRIPT.iter().find(|(slot, _)| *slot == scene.scriptlet.slot).map(|(_, bit)| bit);
    // Other moments come when everything that is required is there.
    let counts = |flags: u32| bit.is_none_or(|bit| flags & bit != 0);
    let brings = |name: &str| packages.contains(&name) || name.rsplit('/').next() == Some(program);
    scene.package.requires.iter().any(|required| counts(required.flags) && brings(&required.name))
        || packages.contains(&scene.package.name.as_str())
        || act.checked.iter().any(|checked| checked == program)
}

/// The user or group that a file is given to, if it is named and no number.
fn owner(act: &Act) -> Option<&str> {
    let name = act.verb()?.split([':', '.']).find(|name| !name.is_empty())?;
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    (is_name && !name.bytes().all(|byte| byte.is_ascii_digit())).then_some(name)
}

/// Users that every tree has: those of the setup package, from which all others depend.
const ALWAYS: [&str; 20] = [
    "root", "bin", "daemon", "adm", "lp", "sync", "shutdown", "halt", "mail", "operator", "games", "ftp", "nobody",
    "tty", "disk", "wheel", "utmp", "kmem", "users", "man",
];

/// Whether a user is of every tree, required, or made by this package.
fn is_known(name: &str, scene: &Scene<'_>) -> bool {
    let named = [format!("user({name})"), format!("group({name})")];
    ALWAYS.contains(&name)
        || scene.package.requires.iter().any(|required| named.contains(&required.name))
        || named.iter().any(|name| scene.package.provides.contains(name))
        || makes(scene.package, name)
}

/// Whether a scriptlet of the package makes the user.
fn makes(package: &Package, name: &str) -> bool {
    let bodies = package.scriptlets.iter().filter_map(|scriptlet| scriptlet.body.as_deref());
    bodies.flat_map(str::lines).any(|line| {
        let makes = ["useradd", "groupadd", "adduser", "addgroup", "sysusers"].iter().any(|maker| line.contains(maker));
        makes && line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').any(|word| word == name)
    })
}
