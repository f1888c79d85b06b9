//! Signals: names, and the four masks of a process.

use serde::{Deserialize, Serialize};

/// What happens to signals, as names in the order of their numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Signals {
    /// Ignored; survives `execve`.
    pub ignored: Vec<String>,
    /// Blocked; survives `execve`.
    pub blocked: Vec<String>,
    /// Handled by the program itself.
    pub caught: Vec<String>,
    /// Sent and not yet delivered, to the thread or to the process.
    pub pending: Vec<String>,
}
