//! Resource limits, from `/proc/self/limits`.

use serde::{Deserialize, Serialize};

/// A soft and a hard limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// What counts now.
    pub soft: Amount,
    /// How far the soft limit may be raised.
    pub hard: Amount,
}

/// A number in the unit of the limit, or no limit at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Amount {
    /// This much.
    Number(u64),
    /// Anything.
    Unlimited(Infinity),
}

/// The word for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
pub enum Infinity {
    /// No limit.
    #[serde(rename = "infinity")]
    Infinity,
}
