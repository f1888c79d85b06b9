//! Open file descriptors.

use serde::{Deserialize, Serialize};

use super::node::Kind;

/// An open descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Descriptor {
    /// What it leads to; for pipes and sockets without their number.
    pub target: String,
    /// The kind of node behind it.
    pub kind: Kind,
    /// What it may be used for.
    pub access: Access,
    /// `major:minor`, for a device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Whether it waits (`O_NONBLOCK` is not set).
    pub blocking: bool,
    /// Whether `execve` closes it.
    pub cloexec: bool,
}

/// What a descriptor may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// `O_RDONLY`.
    Read,
    /// `O_WRONLY`.
    Write,
    /// `O_RDWR`.
    ReadWrite,
    /// `O_PATH`.
    Path,
}
