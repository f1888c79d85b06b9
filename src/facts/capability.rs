//! The capability sets of a process.

use serde::{Deserialize, Serialize};

/// The five sets of a process, as sorted names, and what guards them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Capabilities {
    /// Kept over `execve` where the file allows it.
    pub inheritable: Vec<String>,
    /// What may be made effective.
    pub permitted: Vec<String>,
    /// What counts now.
    pub effective: Vec<String>,
    /// What can ever be gained.
    pub bounding: Vec<String>,
    /// Kept over `execve` of an ordinary file.
    pub ambient: Vec<String>,
    /// `prctl(PR_GET_SECUREBITS)`.
    pub securebits: super::Fact<u32>,
    /// The number of the last capability that the kernel knows.
    pub last: super::Fact<u32>,
}
