//! Mounts, from `/proc/self/mountinfo`.

use serde::{Deserialize, Serialize};

/// The mount that is seen at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// The options of the mount itself, sorted: `nodev`, `nosuid`, `relatime`, `ro` or `rw`.
    pub flags: Vec<String>,
    /// The type of the file system.
    pub fstype: String,
    /// What was mounted; may be empty.
    pub source: String,
    /// The path within the file system that is the root of this mount.
    pub root: String,
    /// `private`, or any of `shared`, `slave`, `unbindable`, sorted.
    pub propagation: Vec<String>,
    /// The options of the file system, sorted.
    pub super_options: Vec<String>,
    /// `major:minor` of the file system.
    pub device: String,
    /// How many mounts the table holds for this path.
    pub stacked: u32,
}
