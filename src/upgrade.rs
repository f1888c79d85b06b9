//! What changes for everybody when one bubblewrap takes the place of another: for build roots and the scriptlets in them,
//! for launchers that build on what bubblewrap does, for launchers whose arguments we have.

pub mod consumer;
pub mod human;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::baseline::{Baseline, BaselineError};
use crate::contract::Word;
use crate::diff::{Alone, Comparison, Document as Diff, Relevance};
use crate::facts::launch::{Policy, Privilege};
use crate::report::show::shown;
use crate::report::{Bwrap, Look, Standing};
use crate::verify::{Finding, Verdict};
use consumer::Replayed;

/// Everything one `upgrade-check` found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The schema this document follows.
    pub schema: Schema,
    /// The bubblewrap there was.
    pub before: Bwrap,
    /// The one that takes its place.
    pub after: Bwrap,
    /// Options that are no longer there.
    pub lost: Vec<String>,
    /// Options that are new.
    pub gained: Vec<String>,
    /// bubblewrap itself, then the profiles.
    pub reports: Vec<Comparison>,
    /// What was looked at on one side only.
    pub alone: Vec<Alone>,
    /// What the new bubblewrap does not keep, or nobody knows whether it does, changed or not.
    pub not_kept: Vec<NotKept>,
    /// Launchers, by the names of their files.
    pub consumers: Vec<Replayed>,
}

/// The names of the schemas that this version writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Schema {
    /// The first one.
    #[serde(rename = "rootcontract.upgrade/1")]
    V1,
}

/// Why one bubblewrap can't be held against another.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpgradeError {
    /// A baseline has no contract.
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    /// Their sandboxes were not built alike, and what differs need not be bubblewrap's doing.
    #[error(
        "the baseline of bubblewrap {version} was taken as {before}, and this one is {after}: \
         take another with `rootcontract baseline`, alike and of the same bubblewrap"
    )]
    Unlike {
        /// The version of the bubblewrap there was.
        version: String,
        /// How its sandboxes were built.
        before: Built,
        /// How the others were.
        after: Built,
    },
}

/// What a sandbox was built with besides bubblewrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Built {
    privilege: Privilege,
    policy: Policy,
}

impl fmt::Display for Built {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} with capabilities `{}`", self.privilege.as_str(), self.policy.as_str())
    }
}

/// A clause that the new bubblewrap does not keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotKept {
    /// The contract's profile.
    pub profile: String,
    /// What came of the clause.
    pub finding: Finding,
}

impl Document {
    /// Compares what two bubblewraps do.
    ///
    /// # Errors
    /// See [`UpgradeError`].
    pub fn of(before: &Baseline, after: &Baseline, consumers: Vec<Replayed>) -> Result<Self, UpgradeError> {
        if let (Some(was), Some(is)) = (built(before), built(after)) {
            if was != is {
                let version = shown(&before.bwrap.version);
                return Err(UpgradeError::Unlike { version, before: was, after: is });
            }
        }
        let looks = after.looks()?;
        let diff = Diff::of(&before.looks()?, &looks);
        let only = |one: &Baseline, other: &Baseline| -> Vec<String> {
            one.options.iter().filter(|option| !other.options.contains(option)).map(|option| shown(option)).collect()
        };
        Ok(Self {
            schema: Schema::V1,
            before: before.bwrap.clone(),
            after: after.bwrap.clone(),
            lost: only(before, after),
            gained: only(after, before),
            reports: diff.reports,
            alone: diff.alone,
            not_kept: looks.iter().flat_map(not_kept).collect(),
            consumers,
        })
    }

    /// How many changes there are that somebody can see.
    pub fn changes(&self) -> usize {
        let sandboxes: usize = self.reports.iter().map(|report| report.of(Relevance::Contract).count()).sum();
        let consumers = self.consumers.iter().filter(|consumer| consumer.is_changed()).count();
        sandboxes + consumers + self.lost.len() + self.alone.len()
    }

    /// Launchers that neither bubblewrap starts: whether something changes for them is not known.
    pub fn unknown(&self) -> usize {
        self.consumers.iter().filter(|consumer| consumer.is_unknown()).count()
    }

    /// Whether the new bubblewrap can take the old one's place unnoticed.
    pub fn standing(&self) -> Standing {
        if self.changes() > 0 || !self.not_kept.is_empty() {
            Standing::Broken
        } else if self.unknown() > 0 {
            Standing::Unknown
        } else {
            Standing::Held
        }
    }
}

/// How the sandboxes of a baseline were built: all alike.
fn built(baseline: &Baseline) -> Option<Built> {
    let launch = baseline.facts.iter().find_map(|facts| facts.launch.as_ref())?;
    Some(Built { privilege: launch.privilege, policy: launch.policy })
}

/// What a look shows that is not kept.
fn not_kept(look: &Look) -> impl Iterator<Item = NotKept> {
    let profile = &look.report.profile;
    let bad = |finding: &&Finding| matches!(finding.verdict, Verdict::Broken | Verdict::Unknown);
    let of_profile = |finding: &Finding| NotKept { profile: profile.clone(), finding: finding.clone() };
    look.report.findings.iter().filter(bad).map(of_profile)
}

/// The JSON Schema of a [`Document`].
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Document).to_value()
}
