//! The user namespace's maps.

use serde::{Deserialize, Serialize};

use super::Fact;

/// The maps of the user namespace that the probe is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Rows of first id inside, first id outside, how many.
    pub uid_map: Fact<Vec<[u32; 3]>>,
    /// The same for groups.
    pub gid_map: Fact<Vec<[u32; 3]>>,
    /// Whether `setgroups(2)` is allowed: `allow` or `deny`.
    pub setgroups: Fact<String>,
}
