//! What a package comes to in a room: for each scenario, and each rpm that may run there.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scriptlet::Slot;

/// What is done with the package.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Scenario {
    /// It comes into a tree that has not had it.
    Install,
    /// It takes the place of another version.
    Upgrade,
    /// It goes.
    Erase,
}

impl Scenario {
    /// All of them, in the order of a package's life.
    pub const ALL: [Self; 3] = [Self::Install, Self::Upgrade, Self::Erase];

    /// The word that is typed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Upgrade => "upgrade",
            Self::Erase => "erase",
        }
    }

    /// Whether rpm comes to this moment.
    pub fn has(self, slot: Slot) -> bool {
        match slot {
            Slot::Pretrans
            | Slot::Pre
            | Slot::Post
            | Slot::Posttrans
            | Slot::Triggerprein
            | Slot::Triggerin
            | Slot::Filetriggerin
            | Slot::Transfiletriggerin => self != Self::Erase,
            Slot::Preun
            | Slot::Postun
            | Slot::Preuntrans
            | Slot::Postuntrans
            | Slot::Triggerun
            | Slot::Triggerpostun
            | Slot::Filetriggerun
            | Slot::Filetriggerpostun
            | Slot::Transfiletriggerun
            | Slot::Transfiletriggerpostun => self != Self::Install,
            Slot::Verify => false,
        }
    }

    /// What rpm passes as `$1`: how many of the package there are afterwards. Where versions of rpm differ it is not known.
    pub fn argument(self, slot: Slot) -> Option<&'static str> {
        match (slot, self) {
            (Slot::Pretrans | Slot::Pre | Slot::Post | Slot::Posttrans, Self::Install) => Some("1"),
            (Slot::Pretrans | Slot::Pre | Slot::Post, Self::Upgrade) => Some("2"),
            (Slot::Preun | Slot::Postun, Self::Upgrade) => Some("1"),
            (Slot::Preun | Slot::Postun, Self::Erase) => Some("0"),
            _ => None,
        }
    }
}

/// A version of rpm, as far as it matters: that of the build root, not that of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(with = "String")]
pub struct RpmVersion {
    major: u32,
    minor: u32,
}

/// Those that are asked about unless said otherwise.
pub const USUAL: [RpmVersion; 3] = [RpmVersion::new(4, 16), RpmVersion::new(4, 20), RpmVersion::new(6, 0)];
/// Whose they are.
const DISTRIBUTIONS: [&str; 3] = ["EL 9", "Fedora 42", "Fedora 43"];

/// Text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a version of rpm is two numbers with a dot between, as in 4.20")]
pub struct NoVersion;

impl RpmVersion {
    /// A version by its numbers.
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// A distribution that has it, if it is one of the [usual](USUAL) ones.
    pub fn distribution(self) -> Option<&'static str> {
        USUAL.iter().zip(DISTRIBUTIONS).find(|(usual, _)| **usual == self).map(|(_, distribution)| distribution)
    }
}

impl FromStr for RpmVersion {
    type Err = NoVersion;

    fn from_str(text: &str) -> Result<Self, NoVersion> {
        let (major, rest) = text.split_once('.').ok_or(NoVersion)?;
        let minor = rest.split('.').next().unwrap_or_default();
        let number = |text: &str| crate::facts::text::decimal(text.as_bytes()).ok_or(NoVersion);
        Ok(Self { major: number(major)?, minor: number(minor)? })
    }
}

impl TryFrom<String> for RpmVersion {
    type Error = NoVersion;

    fn try_from(text: String) -> Result<Self, NoVersion> {
        text.parse()
    }
}

impl From<RpmVersion> for String {
    fn from(version: RpmVersion) -> Self {
        version.to_string()
    }
}

impl fmt::Display for RpmVersion {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.major, self.minor)
    }
}

/// What a rpm makes of a scriptlet that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failing {
    /// It exits with an error, and osbuild's stage with it.
    Fails,
    /// It warns and exits with 0.
    Warns,
    /// It does not know the moment, and runs nothing.
    Ignores,
}

/// From which version on a failing scriptlet is an error, and from which on it is run at all.
/// rpm commits 7075d8b2c and 586f9a709 (6.0); `%preuntrans` and `%postuntrans` came with 4.19.
const POLICY: [(&[Slot], RpmVersion, RpmVersion); 3] = [
    (&[Slot::Pretrans, Slot::Pre, Slot::Preun], RpmVersion::new(4, 0), RpmVersion::new(4, 0)),
    (&[Slot::Preuntrans], RpmVersion::new(4, 19), RpmVersion::new(4, 19)),
    (&[Slot::Postuntrans], RpmVersion::new(6, 0), RpmVersion::new(4, 19)),
];
/// The same for all others.
const OTHERWISE: (RpmVersion, RpmVersion) = (RpmVersion::new(6, 0), RpmVersion::new(4, 0));

/// What this rpm makes of a scriptlet of this moment that fails.
pub fn failing(slot: Slot, version: RpmVersion) -> Failing {
    let row = POLICY.iter().find(|(slots, _, _)| slots.contains(&slot));
    let (fails, runs) = row.map_or(OTHERWISE, |(_, fails, runs)| (*fails, *runs));
    match version {
        version if version < runs => Failing::Ignores,
        version if version >= fails => Failing::Fails,
        _ => Failing::Warns,
    }
}

/// What becomes of a build with this package, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Its scriptlets do what they are for.
    Works,
    /// They do no harm, and not all that they are for.
    EffectsSkipped,
    /// It can't be told.
    Unknown,
    /// The image has something that it must not have, or lacks what it must.
    BreaksImage,
    /// The machine that builds is changed.
    ChangesHost,
    /// rpm exits with an error, and the build ends.
    FailsBuild,
}

impl Verdict {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::EffectsSkipped => "works, effects skipped",
            Self::Unknown => "unknown",
            Self::BreaksImage => "breaks the image",
            Self::ChangesHost => "would change the host",
            Self::FailsBuild => "fails the build",
        }
    }
}
