//! Directories that are not what they are on a system that runs.

use super::{is, is_below, written};
use crate::rpm::finding::Effect;
use crate::rpm::ground::Need;
use crate::rpm::rule::{Rests, Rule, Scene, Sees};
use crate::rpm::scriptlet::Language;
use crate::rpm::shell::Act;

pub const RULES: &[Rule] = &[
    Rule {
        id: "tmp.executed",
        catalogue: &[5],
        says: "A file in `/tmp` can be executed.",
        why: "`/tmp` may be mounted noexec.",
        then: "In osbuild's build root it works.",
        instead: "Give the file to its interpreter: `sh FILE`.",
        rests: Rests::Without(Need::Attempt("exec:/tmp"), Effect::Fails),
        sees: Sees::Act(|act| {
            let path = act.words[0].value.as_deref().unwrap_or_default();
            is_below(path, "/tmp") || is_below(path, "/var/tmp")
        }),
    },
    Rule {
        id: "var.content",
        catalogue: &[45],
        says: "What is put into `/var` stays.",
        why: "Image-mode systems (bootc, rpm-ostree) keep `/var` of the machine, and take that of the image at most once.",
        then: "It is in the image; an image-mode system does not update it, and rpm-ostree has `/var` read-only.",
        instead: "Describe it in tmpfiles.d.",
        rests: Rests::Rpm(Effect::Advice),
        sees: Sees::ActOf(|act, scene| made(act, scene).any(|file| is_below(file, "/var") && !is_left_over(file))),
    },
    Rule {
        id: "place.left-over",
        catalogue: &[46],
        says: "What is put into `/run`, `/tmp` or `/dev` is there when the system runs.",
        why: "They are file systems of their own when it runs. While it is built `/run` and `/tmp` are directories of the tree, \
              and `/dev` is the build root's.",
        then: "What needs it does not find it. In `/run` and `/tmp` it stays in the image, below a mount, where nobody sees it.",
        instead: "Describe it in tmpfiles.d (`/run`), or remove it again.",
        rests: Rests::Rpm(Effect::Skipped),
        sees: Sees::ActOf(|act, scene| {
            let stays = |file: &str| is_left_over(file) && !is_removed(file, scene) && !is_handed_on(act, scene);
            made(act, scene).any(stays) || (is(act, &["mktemp"]) && !removes(scene))
        }),
    },
    Rule {
        id: "place.linked",
        catalogue: &[47],
        says: "`/opt`, `/usr/local`, `/home`, `/root`, `/srv` and `/mnt` are directories of the image.",
        why: "On image-mode systems they are links into `/var`, which is the machine's.",
        then: "It works; on image-mode systems the files are not updated.",
        instead: "Put them into `/usr`.",
        rests: Rests::Rpm(Effect::Advice),
        sees: Sees::ActOf(|act, scene| {
            let places = ["/opt", "/usr/local", "/home", "/root", "/srv", "/mnt"];
            made(act, scene).any(|file| places.iter().any(|place| is_below(file, place)))
        }),
    },
    Rule {
        id: "alternatives.state",
        catalogue: &[48],
        says: "The alternatives are kept in `/var/lib/alternatives`.",
        why: "That is the machine's on image-mode systems; newer chkconfig has moved it to `/etc/alternatives.admindir`.",
        then: "It works.",
        instead: "Where only one can be installed ship the link itself.",
        rests: Rests::Rpm(Effect::Advice),
        sees: Sees::Act(|act| {
            is(act, &["alternatives", "update-alternatives"])
                && act.arguments().any(|word| {
                    ["install", "remove", "set", "auto", "remove-all"].contains(&word.trim_start_matches('-'))
                })
        }),
    },
];

/// The files and directories that a command makes; in Lua only with its own functions, which write nothing.
fn made<'act>(act: &'act Act, scene: &Scene<'_>) -> impl Iterator<Item = &'act str> {
    let is_shell = scene.scriptlet.language() != Language::Program;
    written(act).into_iter().filter(move |file| is_shell && *file != "/dev/null")
}

fn is_left_over(file: &str) -> bool {
    ["/run", "/tmp", "/var/run", "/var/lock"].iter().any(|place| is_below(file, place) && file != *place)
        || (is_below(file, "/dev") && !is_device(file))
}

/// Names in `/dev` that are there to be written to.
fn is_device(file: &str) -> bool {
    let names = [
        "null", "zero", "full", "random", "urandom", "tty", "stdout", "stderr", "stdin", "console", "kmsg", "log", "fd",
    ];
    let name = file.strip_prefix("/dev/").and_then(|rest| rest.split('/').next());
    name.is_none_or(|name| names.contains(&name))
}

/// Whether the scriptlet removes the file again, or a directory it lies in.
fn is_removed(file: &str, scene: &Scene<'_>) -> bool {
    let removing = scene.walked.acts.iter().filter(|act| is(act, &["rm", "rmdir", "unlink"]));
    removing.flat_map(|act| act.arguments().collect::<Vec<_>>()).any(|word| is_below(file, word.trim_end_matches('/')))
}

/// Whether another scriptlet of the package removes the file, by the same words.
fn is_handed_on(act: &Act, scene: &Scene<'_>) -> bool {
    let files = act.redirects.iter().map(|redirect| &redirect.file).chain(act.words.iter().skip(1));
    let names: Vec<&str> = files.map(|file| file.written.as_str()).filter(|name| name.starts_with('/')).collect();
    let bodies = scene.package.scriptlets.iter().filter_map(|scriptlet| scriptlet.body.as_deref());
    let removing = bodies.flat_map(str::lines).filter(|line| line.trim_start().starts_with("rm "));
    removing.flat_map(str::split_whitespace).any(|word| names.contains(&word))
}

/// Whether the scriptlet removes something whose name is not known.
fn removes(scene: &Scene<'_>) -> bool {
    let removes = |act: &Act| is(act, &["rm", "mv"]) && act.words.iter().any(|word| word.value.is_none());
    scene.walked.acts.iter().any(|act| removes(act) || is(act, &["trap"]))
}
