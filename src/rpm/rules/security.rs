//! Labels, secrets, networks.

use super::{does, has, is};
use crate::rpm::finding::Effect;
use crate::rpm::ground::Need;
use crate::rpm::rule::{Rests, Rule, Sees};
use crate::rpm::shell::Act;

pub const RULES: &[Rule] = &[
    Rule {
        id: "selinux.policy",
        catalogue: &[54],
        says: "The policy that is loaded is the image's.",
        why: "What is loaded, if anything, is the policy of the machine that builds, and `/sys/fs/selinux` is read-only.",
        then: "The tree's store is changed; nothing is loaded, and the tool may complain about that.",
        instead: "`semodule -n -i`, `semanage -N`; the policy is loaded when the image boots.",
        rests: Rests::Without(Need::Attempt("write:/sys"), Effect::Skipped),
        sees: Sees::Act(|act| {
            let store = is(act, &["semodule", "semanage", "setsebool"]) && !has(act, &["-n", "-N", "-l", "--noreload"]);
            store && !does(act, &["list", "export"]) || is(act, &["load_policy", "setenforce"])
        }),
    },
    Rule {
        id: "selinux.labels",
        catalogue: &[54],
        says: "Labels that are set stay.",
        why: "Labels are those of the policy of the machine that builds, or none at all.",
        then: "osbuild labels the whole tree at the end, by the image's own policy.",
        instead: "Ship a policy module, or `file_contexts.local`.",
        rests: Rests::Rpm(Effect::Advice),
        sees: Sees::Act(|act| is(act, &["restorecon", "fixfiles", "chcon", "setfiles"])),
    },
    Rule {
        id: "network.outside",
        catalogue: &[55],
        says: "There is a network.",
        why: "The build root has a network namespace of its own with nothing in it but loopback, and no `/etc/resolv.conf`.",
        then: "`Could not resolve host`, `Network is unreachable`; the command fails.",
        instead: "Bring what is needed in the package, or fetch it when the image boots.",
        rests: Rests::With(Need::Own("net"), Effect::Fails),
        sees: Sees::Act(is_network),
    },
    Rule {
        id: "secret.made",
        catalogue: &[56],
        says: "A key or a certificate is made for one machine.",
        why: "It is made once, when the image is built.",
        then: "Every machine that boots the image has the same secret, and no two images are the same.",
        instead: "Make it at the first boot: a unit with `ConditionFirstBoot=yes` or `ConditionPathExists=!…`.",
        rests: Rests::Rpm(Effect::Image),
        sees: Sees::Act(|act| {
            let keys = is(act, &["ssh-keygen"]) && !has(act, &["-l", "-R", "-F", "-y", "-B", "-e"]);
            let certificates = is(act, &["openssl"])
                && does(act, &["genrsa", "genpkey", "req", "rand", "dhparam", "ecparam", "gendsa"]);
            let others = ["sscg", "uuidgen", "rndc-confgen", "certtool", "pwgen", "mkpasswd", "wg"];
            keys || certificates || is(act, &others)
        }),
    },
    Rule {
        id: "trust.store",
        catalogue: &[57],
        says: "The store of trusted certificates keeps what was added to it.",
        why: "`update-ca-trust` makes the store anew from the sources in `/etc/pki/ca-trust`; under emulation p11-kit has been \
              seen to crash.",
        then: "It works.",
        instead: "Put the certificate into `/etc/pki/ca-trust/source/anchors`: ca-certificates has a trigger.",
        rests: Rests::Rpm(Effect::Advice),
        sees: Sees::Act(|act| {
            is(act, &["update-ca-trust", "update-ca-certificates"])
                || (is(act, &["trust"]) && does(act, &["anchor", "extract"]))
        }),
    },
];

/// Whether a command speaks with somebody outside.
fn is_network(act: &Act) -> bool {
    let names_server = |word: &str| word.contains("://") && !word.starts_with("file:");
    let clients = [
        "ssh",
        "scp",
        "sftp",
        "ping",
        "nslookup",
        "dig",
        "host",
        "ftp",
        "telnet",
        "nc",
        "subscription-manager",
        "aria2c",
    ];
    let installs = ["install", "download", "update", "upgrade", "i", "ci", "fetch", "add"];
    match act.program() {
        Some("curl") => !act.arguments().any(|word| word.starts_with("file:")) && !has(act, &["--version", "-V"]),
        Some("wget") => !has(act, &["--version", "-V"]),
        Some("git") => does(act, &["clone", "fetch", "pull", "push", "ls-remote"]),
        Some("pip" | "pip3" | "gem" | "npm" | "yarn" | "cargo" | "flatpak" | "snap" | "podman" | "docker") => {
            act.verb().is_some_and(|verb| installs.contains(&verb) || matches!(verb, "pull" | "run"))
                && !has(act, &["--no-index", "--local", "--offline"])
        }
        Some("rsync") => act.arguments().any(|word| word.contains("::") || names_server(word)),
        Some(program) => clients.contains(&program),
        None => false,
    }
}
