//! Parts of a matrix that several machines share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which part of a matrix a document is about, and what the whole is: every profile in every place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// Which one, counted from 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
    /// The profiles of the whole, in their order.
    pub profiles: Vec<String>,
    /// The patterns that clauses had to match; none if all were meant.
    pub only: Vec<String>,
    /// The places of the whole, in their order.
    pub places: Vec<Dealt>,
}

/// A place, and the part that it was dealt to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dealt {
    /// The place, as in a report.
    pub place: String,
    /// The number of its shard.
    pub shard: usize,
}

impl Shard {
    /// Where a cell stands in the whole; `None` if it is not of this shard.
    pub fn position(&self, place: Option<&str>, profile: &str) -> Option<(usize, usize)> {
        let dealt = |dealt: &Dealt| Some(dealt.place.as_str()) == place && dealt.shard == self.number;
        let place = self.places.iter().position(dealt)?;
        Some((place, self.profiles.iter().position(|one| one == profile)?))
    }

    /// Whether the numbers make sense.
    pub(super) fn is_sound(&self) -> bool {
        let is_one = |number: usize| (1..=self.of).contains(&number);
        is_one(self.number) && self.places.iter().all(|dealt| is_one(dealt.shard))
    }
}
