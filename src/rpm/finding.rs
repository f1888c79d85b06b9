//! What was found out about a scriptlet.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scriptlet::Slot;
use super::verdict::Scenario;

/// Something that a scriptlet assumes and the room has not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The rule that says so: `rootcontract explain RULE` has the rest.
    pub rule: String,
    /// When rpm runs the scriptlet.
    pub slot: Slot,
    /// Where in its body, if it is about a place in it.
    pub place: Option<Place>,
    /// The line, escaped.
    pub line: Option<String>,
    /// The number of that line in the spec that was read, if one was and the line stands in it as it is.
    #[serde(default)]
    pub spec_line: Option<usize>,
    /// What is assumed, in a sentence.
    pub says: String,
    /// What comes of it.
    pub effect: Effect,
    /// What hides that a command fails, if something does: `|| :`.
    pub masked: Option<String>,
    /// In which scenarios.
    pub scenarios: Vec<Scenario>,
    /// What it rests on: clauses of the contract. Empty: on rpm and the shell alone.
    pub rests_on: Vec<String>,
    /// Why it is so.
    pub why: String,
    /// What osbuild does then.
    pub then: String,
    /// What to write instead.
    pub instead: String,
    /// How it is known.
    pub evidence: Evidence,
    /// Why it may be so for now: owner, reason, last day.
    pub waived: Option<String>,
}

/// A place in a scriptlet's body, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character of that line.
    pub column: usize,
}

/// What comes of something that is assumed and not there, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Nothing in this build; it is worth knowing all the same.
    Advice,
    /// What the command is for does not happen.
    Skipped,
    /// It can't be told: the contract is silent, or the script can't be read.
    Unjudged,
    /// Something of the build gets into the image, or something is missing there.
    Image,
    /// The machine that builds is changed.
    Host,
    /// The scriptlet fails.
    Fails,
    /// rpm refuses the package before anything is run.
    Refused,
}

/// How something is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// From what the package says.
    Static,
    /// From what it did.
    Traced,
    /// Both.
    Both,
}
