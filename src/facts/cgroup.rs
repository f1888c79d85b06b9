//! Control groups, from `/proc/self/cgroup`: counted, the paths are the host's.

use serde::{Deserialize, Serialize};

/// Membership in control groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Cgroup {
    /// How many hierarchies the process is in.
    pub memberships: u32,
    /// Whether one of them is the unified one (version 2).
    pub unified: bool,
    /// Whether the process is at the top of every one, as far as this cgroup namespace shows.
    pub at_root: bool,
}
