//! Keys that can be seen, from `/proc/keys`: counted, never named.

use serde::{Deserialize, Serialize};

/// How many keys `/proc/keys` lists for this process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Keyrings {
    /// All of them.
    pub visible: u32,
    /// Those that are keyrings.
    pub keyrings: u32,
    /// Keyrings that are a session's (`_ses`, `_ses.PID`).
    pub sessions: u32,
    /// Keyrings that are a user's (`_uid.N`, `_uid_ses.N`).
    pub users: u32,
}
