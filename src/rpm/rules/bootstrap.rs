//! Before anything is there: the empty tree, and rpm's own needs.

use super::is;
use crate::rpm::finding::Effect;
use crate::rpm::rule::{Rests, Rule, Seen, Sees};
use crate::rpm::scriptlet::{Language, Slot};

pub const RULES: &[Rule] = &[
    Rule {
        id: "pretrans.interpreter",
        catalogue: &[1],
        says: "`%pretrans` needs an interpreter in the tree before any package is.",
        why: "`%pretrans` runs before the first file of the transaction is unpacked. In a tree that is being made there is \
              no `/bin/sh` then, and rpm makes of the interpreter a dependency that nothing can satisfy.",
        then: "rpm refuses the whole transaction with `Failed dependencies: /bin/sh is needed by …`, and the build ends.",
        instead: "Write it in Lua (`%pretrans -p <lua>`), which rpm has built in, or drop it.",
        rests: Rests::Rpm(Effect::Refused),
        sees: Sees::Scene(|scene| {
            let needs_program = scene.scriptlet.language() != Language::Lua && !scene.scriptlet.is_empty();
            only(scene.scriptlet.slot == Slot::Pretrans && needs_program)
        }),
    },
    Rule {
        id: "pretrans.program",
        catalogue: &[1],
        says: "`%pretrans` starts a program.",
        why: "Lua runs within rpm, but what it starts has to be in the tree, which may be empty still.",
        then: "The program is not found; `os.execute` tells the script, which has to look.",
        instead: "Use the functions that rpm gives to Lua (`posix.stat`, `posix.unlink`, `os.rename` …).",
        rests: Rests::Rpm(Effect::Fails),
        sees: Sees::ActOf(|_, scene| {
            scene.scriptlet.slot == Slot::Pretrans && scene.scriptlet.language() == Language::Lua
        }),
    },
    Rule {
        id: "scriptlet.empty",
        catalogue: &[2],
        says: "A scriptlet without a body does nothing.",
        why: "A section without a body, or with comments only, still registers its interpreter: rpm starts it, and requires \
              it. For `%pretrans` that is a `/bin/sh` before there is one.",
        then: "An empty `%pretrans` ends the build with `Failed dependencies: /bin/sh is needed by …`; elsewhere a shell is \
               started for nothing.",
        instead: "Leave the section out. Tools that write spec files (fpm, CPack) have options for that.",
        rests: Rests::Rpm(Effect::Advice),
        sees: Sees::Scene(|scene| {
            let refused = scene.scriptlet.slot == Slot::Pretrans && scene.scriptlet.language() != Language::Lua;
            let effect = refused.then_some(Effect::Refused);
            only(scene.scriptlet.is_empty()).into_iter().map(|seen| Seen { effect, ..seen }).collect()
        }),
    },
    Rule {
        id: "var-tmp.removed",
        catalogue: &[4],
        says: "`/var/tmp` is the scriptlet's to remove.",
        why: "rpm writes each scriptlet to a file in `/var/tmp` of the tree, and makes that directory once, when it starts.",
        then: "Every scriptlet after it fails: `error creating temporary file /var/tmp/rpm-tmp.…`.",
        instead: "Remove what the package has put there, by name.",
        rests: Rests::Rpm(Effect::Fails),
        sees: Sees::Act(|act| {
            is(act, &["rm", "rmdir"])
                && act.arguments().any(|word| matches!(word.trim_end_matches('/'), "/var/tmp" | "/var"))
        }),
    },
];

/// The scriptlet as a whole, or nothing.
pub fn only(is_so: bool) -> Vec<Seen> {
    is_so.then_some(Seen::WHOLE).into_iter().collect()
}
