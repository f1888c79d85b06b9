//! The script itself: its language, its words, its status.

use super::bootstrap::only;
use crate::rpm::finding::Effect;
use crate::rpm::ground::Need;
use crate::rpm::reading::Unread;
use crate::rpm::rule::{Rests, Rule, Seen, Sees};
use crate::rpm::scriptlet::Language;

/// Rules about what reading does not tell and running does.
pub const SHOWN_BY_A_RUN: [&str; 4] = ["script.language", "script.syntax", "script.tangled", "script.unfollowed"];

pub const RULES: &[Rule] = &[
    Rule {
        id: "script.language",
        catalogue: &[],
        says: "The scriptlet is in a language that is not read here.",
        why: "Shell and Lua are gone through; what a Perl or Python script does shows only when it runs. Its interpreter has \
              to be in the tree before, which takes a `Requires(pre)` or `Requires(post)`.",
        then: "It is run as it is.",
        instead: "Write it in shell, or let `rootcontract rpm check` run it, without `--static`.",
        rests: Rests::Rpm(Effect::Unjudged),
        sees: Sees::Scene(|scene| only(scene.scriptlet.language() == Language::Other && !scene.scriptlet.is_empty())),
    },
    Rule {
        id: "script.syntax",
        catalogue: &[],
        says: "The scriptlet can't be parsed.",
        why: "What is no script to the parser here is most likely none to a shell.",
        then: "The shell says so when it comes to the place, and exits with 2.",
        instead: "See what `sh -n` says of it.",
        rests: Rests::Rpm(Effect::Unjudged),
        sees: Sees::Scene(|scene| only(scene.unread == Some(Unread::Syntax))),
    },
    Rule {
        id: "script.tangled",
        catalogue: &[],
        says: "The scriptlet is short and plain enough to be read here.",
        why: "A script of more than 256 KiB, with very much in each other or with loops that come to thousands of commands is \
              not gone through, or not to its end.",
        then: "It is run as it is.",
        instead: "Keep what is long in a program of its own, or let `rootcontract rpm check` run it, without `--static`.",
        rests: Rests::Rpm(Effect::Unjudged),
        sees: Sees::Scene(|scene| only(scene.unread == Some(Unread::TooMuch))),
    },
    Rule {
        id: "script.unfollowed",
        catalogue: &[],
        says: "All that the scriptlet does is written in it.",
        why: "What `eval` puts together, `. FILE` reads, a shell takes from its input or a variable names shows only when it is \
              run.",
        then: "It is run as it is.",
        instead: "Write the commands out, or let `rootcontract rpm check` run it, without `--static`.",
        rests: Rests::Rpm(Effect::Unjudged),
        sees: Sees::Scene(|scene| scene.walked.unfollowed.iter().copied().map(Seen::at).collect()),
    },
    Rule {
        id: "script.status",
        catalogue: &[],
        says: "The scriptlet succeeds although its last command fails.",
        why: "A scriptlet's status is that of its last command. `[ \"$1\" -eq 1 ] && command` at the end fails whenever the test \
              does not hold.",
        then: "rpm takes the scriptlet for failed, though it has done all that it should.",
        instead: "Write `if …; then …; fi`, or end with `exit 0`.",
        rests: Rests::Rpm(Effect::Fails),
        sees: Sees::Scene(|scene| scene.walked.fails_at.map(Seen::at).into_iter().collect()),
    },
    Rule {
        id: "script.macro",
        catalogue: &[6],
        says: "A macro is expanded when the package is installed.",
        why: "Macros are expanded when the package is built. One that was not known there is left in the scriptlet as it is, \
              and the shell takes `%name` for a job.",
        then: "The shell says `fg: no job control` or `command not found`.",
        instead: "Add the package that brings the macro to BuildRequires (systemd-rpm-macros has `%systemd_post`).",
        rests: Rests::Rpm(Effect::Fails),
        sees: Sees::ActOf(|act, scene| {
            let word = act.words[0].written.as_bytes();
            !scene.scriptlet.flags.expands() && matches!(word, [b'%', b'a'..=b'z' | b'_' | b'{' | b'?', ..])
        }),
    },
    Rule {
        id: "script.process-substitution",
        catalogue: &[7],
        says: "`<(…)` works in a scriptlet.",
        why: "The shell hands such a file on as `/dev/fd/63`, which there has to be. And `/bin/sh` need not be bash.",
        then: "`/dev/fd/63: No such file or directory` where osbuild's rpm stage is older than November 2023.",
        instead: "Use a pipe, or a file that is removed again.",
        rests: Rests::Without(Need::Path("/dev/fd"), Effect::Fails),
        sees: Sees::Scene(|scene| scene.walked.substitutions.iter().copied().map(Seen::at).collect()),
    },
    Rule {
        id: "script.relative-path",
        catalogue: &[8],
        says: "The scriptlet is run in `/`.",
        why: "rpm runs scriptlets in `/` of the tree, others that run them (OBS, rpm-ostree, people) need not.",
        then: "It works.",
        instead: "Write the whole path.",
        rests: Rests::With(Need::Cwd("/"), Effect::Advice),
        sees: Sees::ActOf(|act, scene| {
            let changes = scene.walked.acts.iter().any(|act| matches!(act.program(), Some("cd" | "pushd")));
            let is_relative = |path: &str| !path.is_empty() && !path.starts_with(['/', '$', '&', '"', '\'', '~', '`']);
            let opened = act.redirects.iter().filter_map(|redirect| redirect.file.value.as_deref());
            let name = act.words[0].value.as_deref().unwrap_or_default();
            !changes && (opened.into_iter().any(is_relative) || (name.contains('/') && is_relative(name)))
        }),
    },
];
