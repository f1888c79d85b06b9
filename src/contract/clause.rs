//! One clause of a contract.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::expect::Expect;
use super::vocabulary::{Area, Level, Subject, Word};
use super::when::When;

/// One promise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Clause {
    /// The name of the rule: stable, never used again for another.
    pub id: ClauseId,
    /// How binding it is.
    pub level: Level,
    /// The rule, in one sentence.
    pub says: String,
    /// What it means for somebody who writes a scriptlet.
    pub why: String,
    /// What to do instead, where something is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
    /// Where the rule comes from: a commit, a man page, the kernel.
    pub origin: String,
    /// Since when it is so: a release of osbuild, bubblewrap or the kernel.
    pub since: String,
    /// What must be found.
    pub expect: Expect,
    /// When it applies.
    #[serde(default, skip_serializing_if = "When::is_always")]
    pub when: When,
    /// Whose doing it is, where that is not what the area and the form of the expectation say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// Where the rule was seen to hold, for rules of one architecture: `native`, a version of qemu-user,
    /// or kernel and bubblewrap of an emulated machine. Empty: nobody has seen it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_on: Option<Vec<String>>,
    /// Set where the rule holds and is dangerous: what can happen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hazard: Option<String>,
}

impl Clause {
    /// Whose doing it is. What comes of an attempt the kernel decides, but for reading what was handed down.
    pub fn subject(&self) -> Subject {
        let area = self.id.area();
        match (self.subject, &self.expect) {
            (Some(subject), _) => subject,
            (None, Expect::Attempt(_)) if area != Area::Descriptor => Subject::Kernel,
            (None, _) => area.subject(),
        }
    }

    /// Whether the rule is about this architecture.
    pub fn is_about(&self, arch: &str) -> bool {
        self.when.arch.is_empty() || self.when.arch.iter().any(|one| one.as_str() == arch)
    }
}

/// The name of a rule: dotted words of small letters, digits and `-`; the first word is its area.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClauseId {
    text: String,
    area: Area,
}

impl ClauseId {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What the clause is about.
    pub fn area(&self) -> Area {
        self.area
    }
}

/// A clause id that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownArea {
    /// Not dotted words.
    #[error("`{0}` is no clause id: it is an area, a dot, and dotted words of a-z, 0-9 and `-`")]
    Malformed(String),
    /// The first word is none we know.
    #[error("unknown area `{area}`, expected one of {areas}", areas = list())]
    Unknown {
        /// The first word.
        area: String,
    },
}

fn list() -> String {
    Area::ALL.iter().map(|area| format!("`{area}`")).collect::<Vec<_>>().join(", ")
}

impl TryFrom<String> for ClauseId {
    type Error = UnknownArea;

    fn try_from(text: String) -> Result<Self, UnknownArea> {
        let well_formed =
            |word: &str| !word.is_empty() && word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        let first = match text.split_once('.') {
            Some((first, rest)) if well_formed(first) && rest.split('.').all(well_formed) => first,
            _ => return Err(UnknownArea::Malformed(text)),
        };
        match Area::ALL.iter().find(|area| area.as_str() == first) {
            Some(&area) => Ok(Self { area, text }),
            None => Err(UnknownArea::Unknown { area: first.to_owned() }),
        }
    }
}

impl From<ClauseId> for String {
    fn from(id: ClauseId) -> Self {
        id.text
    }
}

impl fmt::Display for ClauseId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.text)
    }
}

impl JsonSchema for ClauseId {
    fn schema_name() -> Cow<'static, str> {
        "ClauseId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let areas = Area::ALL.iter().map(|area| area.as_str()).collect::<Vec<_>>().join("|");
        json_schema!({
            "type": "string",
            "description": "area.rule: dotted words of small letters, digits and `-`",
            "pattern": format!(r"^({areas})(\.[a-z0-9-]+)+$"),
        })
    }
}
