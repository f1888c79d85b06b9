//! What of the network can be seen.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Fact;

/// The network namespace, as seen from inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Interfaces by name.
    pub interfaces: Fact<BTreeMap<String, Interface>>,
    /// Loopback addresses, sorted. Others are counted only.
    pub addresses: Fact<Vec<String>>,
    /// How many addresses are not loopback.
    pub other_addresses: Fact<u32>,
    /// How many IPv4 routes do not lead to a loopback interface.
    pub routes: Fact<u32>,
    /// How many IPv6 routes do not lead to a loopback interface; without IPv6 this is unread.
    pub routes6: Fact<u32>,
    /// How many Unix sockets with an abstract name there are.
    pub abstract_sockets: Fact<u32>,
}

/// A network interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Interface {
    /// `IFF_UP`.
    pub up: bool,
    /// `IFF_LOOPBACK`.
    pub loopback: bool,
}
