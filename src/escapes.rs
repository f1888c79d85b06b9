//! The ways out of a sandbox that are known, each tried: what it would give, what closes it, and whether it is open.
//!
//! The probe makes the attempts (`probe/escapes`), inside, each harmless also where it works; here is what they are
//! called, where they come from, and how they are put to the test: in the build roots of this crate ([`trial`]), in the
//! sandboxes of others ([`line`](mod@line)), and in one that contains nothing, so that "closed" means something.

mod devices;
pub mod document;
mod groups;
mod harness;
pub mod human;
mod kernel;
pub mod launcher;
pub mod line;
mod mounts;
mod processes;
mod settings;
mod shared;
mod telling;
pub mod trial;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Escape {
    /// A name, stable.
    pub id: &'static str,
    /// What is done.
    pub says: &'static str,
    /// What it gives who does it.
    pub gives: &'static str,
    /// Where it is known from: CVEs, or a row of the experiments that this crate began with.
    pub from: &'static str,
    /// What closes it.
    pub closed_by: &'static str,
    /// Where the experiments found it open.
    pub known: &'static [Setting],
    /// How it is shown.
    pub shown: Shown,
    /// Why it may be open in no sandbox at all, not even in one that contains nothing; what is not known to be so ought to
    /// be open there.
    pub nowhere: Option<&'static str>,
}

/// What the experiments were made in, on Linux 6.18 with bubblewrap 0.8 and 0.11.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Setting {
    /// The osbuild-v19 build root, as root.
    V19,
    /// The osbuild-v190 build root, as root, with all capabilities.
    V190Inherit,
    /// The same with those of stages.
    V190Stage,
    /// The same as an ordinary user.
    User,
}

/// How a way out is shown to be open or closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// It is tried, inside.
    Tried,
    /// The same; but it is whoever starts a sandbox who opens or closes it, and not bubblewrap's arguments.
    OfLauncher,
    /// A test of ours tries it: it is about how a sandbox is built and cleared away, of which nothing is seen inside.
    Test(&'static str),
    /// It can't be shown here, and this is why.
    Not(&'static str),
}

/// As root, everywhere.
const ROOT: &[Setting] = &[Setting::V19, Setting::V190Inherit, Setting::V190Stage];
/// Where nothing is taken from root.
const ALL_CAPABILITIES: &[Setting] = &[Setting::V19, Setting::V190Inherit];
/// In the first build root only.
const FIRST: &[Setting] = &[Setting::V19];
/// Whoever starts it.
const EVERYWHERE: &[Setting] = &[Setting::V19, Setting::V190Inherit, Setting::V190Stage, Setting::User];
/// Nowhere.
const NOWHERE: &[Setting] = &[];

/// Takes what can undo mounts.
const NO_SYS_ADMIN: &str = "no CAP_SYS_ADMIN";

impl Escape {
    /// All there are, by what they are about.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        let tables = [
            settings::ALL,
            mounts::ALL,
            groups::ALL,
            devices::ALL,
            processes::ALL,
            kernel::ALL,
            shared::ALL,
            telling::ALL,
            harness::ALL,
        ];
        tables.into_iter().flatten()
    }

    /// Whether the probe tries it.
    pub fn is_tried(&self) -> bool {
        matches!(self.shown, Shown::Tried | Shown::OfLauncher)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_probe_tries_what_the_table_says_and_nothing_else() {
        let tried: BTreeSet<_> = Escape::all().filter(|escape| escape.is_tried()).map(|escape| escape.id).collect();
        assert_eq!(crate::probe::escape_ids().collect::<BTreeSet<_>>(), tried);
        assert_eq!(crate::probe::escape_ids().count(), tried.len());
    }

    #[test]
    fn every_way_out_has_a_name_of_its_own_and_words_for_everything() {
        let ids: BTreeSet<_> = Escape::all().map(|escape| escape.id).collect();
        assert_eq!(ids.len(), Escape::all().count());
        for Escape { id, says, gives, from, closed_by, .. } in Escape::all() {
            for words in [says, gives, from, closed_by] {
                assert!(!words.is_empty() && !words.ends_with('.') && !words.contains('\n'), "{id}: {words:?}");
            }
        }
    }
}
