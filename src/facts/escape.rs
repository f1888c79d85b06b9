//! What came of the attempts to leave a sandbox, and what is put up outside for them to find.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// What is put up outside, and how whoever starts the sandbox sees itself. Also the probe's `--marks` argument, as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Marks {
    /// The inodes of the namespaces of whoever starts bubblewrap, by their names in `/proc/self/ns`.
    pub namespaces: BTreeMap<String, u64>,
    /// The file handle of its mount namespace, in hexadecimal digits; Linux 6.18 has one.
    pub mount_namespace: Option<String>,
    /// The name of a listening abstract socket, without the leading zero byte.
    #[serde(rename = "abstract")]
    pub abstract_socket: Option<String>,
    /// A TCP port that is listened to on 127.0.0.1.
    pub port: Option<u16>,
    /// The name of a key in its session keyring; what the key holds is its name once more.
    pub key: Option<String>,
    /// Directories in which a node may be made: they are thrown away afterwards.
    pub own: Vec<String>,
    /// The file systems that are mounted outside, as `major:minor`: a tmpfs that is none of them is the sandbox's own.
    pub file_systems: BTreeSet<String>,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(tag = "outcome", content = "why", rename_all = "kebab-case")]
pub enum Outcome {
    /// It worked.
    Open,
    /// It was refused: the name of an errno, or what stands in the way.
    Closed(String),
    /// There is nothing here that could be opened or refused: it is closed to everybody on this machine, and that says
    /// nothing about the sandbox.
    Absent(String),
    /// It was not found out, and why.
    Untried(String),
}

/// What the probe says of all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempts {
    /// The probe's version.
    pub version: String,
    /// The nonce it was given.
    pub nonce: String,
    /// What came of each attempt, by its id.
    pub outcomes: BTreeMap<String, Outcome>,
}
