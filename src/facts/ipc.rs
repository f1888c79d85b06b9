//! System V objects that can be seen, from `/proc/sysvipc`.

use serde::{Deserialize, Serialize};

use super::Fact;

/// How many objects of each kind there are in this ipc namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Ipc {
    /// Shared memory segments.
    pub shared_memory: Fact<u32>,
    /// Semaphore sets.
    pub semaphores: Fact<u32>,
    /// Message queues.
    pub message_queues: Fact<u32>,
}
