//! The database of packages, asked and changed while packages are installed.

use super::is;
use crate::rpm::finding::Effect;
use crate::rpm::rule::{Rests, Rule, Sees};
use crate::rpm::shell::Act;

pub const RULES: &[Rule] = &[
    Rule {
        id: "rpm.changed",
        catalogue: &[53],
        says: "Packages can be installed, removed or trusted while packages are installed.",
        why: "The rpm that runs holds the lock of its database, and has it open outside the tree.",
        then: "`can't create transaction lock`, and a status that is not 0.",
        instead: "Say it with dependencies: Requires, Obsoletes, Supplements. Ship keys as files.",
        rests: Rests::Rpm(Effect::Fails),
        sees: Sees::Act(|act| {
            let changes = is(act, &["rpm", "rpmkeys", "rpmdb"]) && !asks(act);
            changes || is(act, &["dnf", "yum", "zypper", "microdnf", "dnf5"])
        }),
    },
    Rule {
        id: "rpm.asked",
        catalogue: &[53],
        says: "rpm can be asked about itself.",
        why: "The database within the tree is written to while scriptlets run, and rpm-ostree hides it.",
        then: "It works; what it says of this transaction depends on the moment.",
        instead: "Look for the file instead of the package.",
        rests: Rests::Rpm(Effect::Advice),
        sees: Sees::Act(|act| is(act, &["rpm"]) && asks(act)),
    },
];

/// Whether rpm is only asked.
fn asks(act: &Act) -> bool {
    act.arguments().any(|word| {
        let letters = word.strip_prefix('-').is_some_and(|word| word.starts_with(['q', 'V', 'E']));
        letters || matches!(word, "--eval" | "--query" | "--verify" | "--version" | "--showrc")
    })
}
