//! The facts document: what a sandbox's inside shows, and how that sandbox was started.
//!
//! One file per area below; each holds the area's type and, where the kernel hands out text,
//! a `parse(&[u8])` that touches nothing. The probe reads, the host judges, both share this.
//!
//! Rules of the document:
//! - a fact that could not be read is an [`Unread`] in its place, never a missing key;
//! - maps are sorted, lists are sorted where order has no meaning, so equal sandboxes give equal bytes;
//! - text from outside goes through [`text::escape`].

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de::Error};

pub mod auxv;
pub mod capability;
pub mod cgroup;
pub mod descriptor;
pub mod environ;
pub mod escape;
pub mod frame;
pub mod ipc;
pub mod keys;
pub mod launch;
pub mod limits;
pub mod mount;
pub mod network;
pub mod node;
pub mod process;
#[cfg(feature = "host")]
mod schema;
pub mod signal;
pub mod status;
pub mod system;
pub mod text;
pub mod user;

pub use launch::Launch;
#[cfg(feature = "host")]
pub use schema::schema;

/// A whole facts document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The schema this document follows.
    pub schema: Schema,
    /// How the sandbox was started; `null` when somebody else started it.
    pub launch: Option<Launch>,
    /// What the probe saw.
    pub probe: Probe,
}

/// The names of the schemas that this version reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
pub enum Schema {
    /// The first one.
    #[serde(rename = "rootcontract.facts/1")]
    V1,
}

/// A value, or the reason why it is not known.
///
/// [`Unread`] comes first: an untagged reader takes the first shape that fits, and a map of
/// strings would fit everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Fact<T> {
    /// It could not be read.
    Unread(Unread),
    /// It was read.
    Known(T),
}

/// Why a fact is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Unread {
    /// The operation and its subject, `read /proc/self/mountinfo`.
    pub what: String,
    /// The name of the errno. `EBADMSG`: read, but not understood. `EFBIG`: more than the probe takes.
    pub errno: String,
}

/// From an object only: a derived reader would also take a list of two texts, which is a value of other facts.
impl<'de> Deserialize<'de> for Unread {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Unread, D::Error> {
        let mut fields = BTreeMap::<String, String>::deserialize(deserializer)?;
        let mut take = |name| fields.remove(name).ok_or_else(|| D::Error::missing_field(name));
        let reason = Unread { what: take("what")?, errno: take("errno")? };
        match fields.pop_first() {
            None => Ok(reason),
            Some((name, _)) => Err(D::Error::unknown_field(&name, &["what", "errno"])),
        }
    }
}

impl<T> Fact<T> {
    /// The value, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Fact::Known(value) => Some(value),
            Fact::Unread(_) => None,
        }
    }

    /// The same fact about something derived from the value.
    pub fn map<U>(self, derive: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Fact::Known(value) => Fact::Known(derive(value)),
            Fact::Unread(reason) => Fact::Unread(reason),
        }
    }
}

impl<T> From<Result<T, Unread>> for Fact<T> {
    fn from(read: Result<T, Unread>) -> Self {
        match read {
            Ok(value) => Fact::Known(value),
            Err(reason) => Fact::Unread(reason),
        }
    }
}

/// Bytes that are not what the kernel documents for this file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    /// What was being looked for, `mount id`.
    pub what: &'static str,
    /// The line it should have been in, counted from 1.
    pub line: usize,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: no {}", self.line, self.what)
    }
}

impl std::error::Error for Malformed {}

/// What the probe was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Look, and try.
    Active,
    /// Look only.
    Passive,
}

/// The probe's half of the document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// The version of the probe.
    pub version: String,
    /// The nonce it was given, hexadecimal; `null` without one.
    pub nonce: Option<String>,
    /// Whether it only looked.
    pub mode: Mode,
    /// The architecture it was built for, by our name ([`crate::arch`]).
    pub arch: String,
    /// The topmost reachable mount of each mount point.
    pub mounts: Fact<BTreeMap<String, mount::Mount>>,
    /// Everything below `/dev`, by path.
    pub devices: Fact<BTreeMap<String, node::Node>>,
    /// What is in `/`, by name.
    pub root: Fact<BTreeMap<String, node::Entry>>,
    /// The skeleton: a closed list of paths, `null` where there is nothing.
    pub nodes: BTreeMap<String, Fact<Option<node::Node>>>,
    /// The names in a closed list of directories, `null` where there is no such directory.
    pub directories: BTreeMap<String, Fact<Option<Vec<String>>>>,
    /// Variables by name; the value only where `BuildRoot` is the one that sets it, else `null`.
    pub environment: Fact<BTreeMap<String, Option<String>>>,
    /// The five sets and what guards them.
    pub capabilities: Fact<capability::Capabilities>,
    /// The probe's own process: what a program started in the sandbox inherits.
    pub process: process::Process,
    /// Resource limits by name, as in `prlimit(1)`.
    pub limits: Fact<BTreeMap<String, limits::Limit>>,
    /// Signal dispositions and masks.
    pub signals: Fact<signal::Signals>,
    /// Open descriptors by number, without the probe's own.
    pub descriptors: Fact<BTreeMap<String, descriptor::Descriptor>>,
    /// Namespace inodes by the name in `/proc/self/ns`.
    pub namespaces: BTreeMap<String, Fact<u64>>,
    /// The other processes that can be seen.
    pub pids: process::Pids,
    /// The user namespace's maps.
    pub user: user::User,
    /// How many System V objects can be seen.
    pub ipc: ipc::Ipc,
    /// How many keys can be seen.
    pub keyrings: Fact<keys::Keyrings>,
    /// Linux security modules.
    pub security: system::Security,
    /// Control groups.
    pub cgroup: Fact<cgroup::Cgroup>,
    /// What of the network can be seen.
    pub network: network::Network,
    /// The time namespace's offsets.
    pub time: Fact<system::Time>,
    /// The host name.
    pub hostname: Fact<String>,
    /// `uname`.
    pub kernel: Fact<system::Kernel>,
    /// The binary interface.
    pub abi: system::Abi,
    /// The dynamic loader of the probe's architecture.
    pub loader: system::Loader,
    /// What `/proc` exposes.
    pub proc: system::Proc,
    /// What `/sys` exposes.
    pub sys: system::Sys,
    /// What was tried, and the outcome: `ok`, the name of an errno, or a word that describes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<BTreeMap<String, String>>,
}

impl Probe {
    /// Read the probe's half of a document from JSON.
    pub fn from_json(json: &[u8]) -> Result<Probe, serde_json::Error> {
        serde_json::from_slice(json)
    }
}

impl Document {
    /// Join the two halves.
    pub fn new(launch: Option<Launch>, probe: Probe) -> Document {
        Document { schema: Schema::V1, launch, probe }
    }

    /// The architecture that was looked at, by our name.
    pub fn arch(&self) -> &str {
        self.launch.as_ref().map_or(&self.probe.arch, |launch| &launch.arch)
    }

    /// The state of the root that was looked at, if somebody says so.
    pub fn phase(&self) -> Option<launch::Phase> {
        self.launch.as_ref().map(|launch| launch.phase)
    }

    /// Read a whole document from JSON.
    pub fn from_json(json: &[u8]) -> Result<Document, serde_json::Error> {
        serde_json::from_slice(json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn read<T: serde::de::DeserializeOwned>(json: &str) -> Option<Fact<T>> {
        serde_json::from_str(json).ok()
    }

    #[test]
    fn a_reason_is_told_from_every_kind_of_value() {
        let reason = r#"{"what":"read x","errno":"EACCES"}"#;
        let unread = Unread { what: "read x".to_owned(), errno: "EACCES".to_owned() };
        assert_eq!(read::<u32>(reason), Some(Fact::Unread(unread.clone())));
        assert_eq!(read::<Option<String>>(reason), Some(Fact::Unread(unread.clone())));
        assert_eq!(read::<BTreeMap<String, Option<String>>>(reason), Some(Fact::Unread(unread)));
    }

    #[test]
    fn a_value_that_looks_like_a_reason_is_a_value() {
        let names = vec!["127.0.0.1".to_owned(), "::1".to_owned()];
        assert_eq!(read::<Vec<String>>(r#"["127.0.0.1","::1"]"#), Some(Fact::Known(names)));
        let variables = BTreeMap::from([("what".to_owned(), None), ("errno".to_owned(), None)]);
        assert_eq!(
            read::<BTreeMap<String, Option<String>>>(r#"{"what":null,"errno":null}"#),
            Some(Fact::Known(variables))
        );
        assert_eq!(read::<Option<String>>("null"), Some(Fact::Known(None)));
    }

    #[rstest]
    #[case::one_key(r#"{"what":"x"}"#)]
    #[case::three_keys(r#"{"what":"x","errno":"EPERM","why":"y"}"#)]
    #[case::number(r#"{"what":"x","errno":13}"#)]
    #[case::word("\"EPERM\"")]
    fn half_a_reason_is_nothing(#[case] json: &str) {
        assert_eq!(read::<u32>(json), None);
    }

    #[test]
    fn a_document_of_another_schema_is_refused() {
        let probe = serde_json::to_value(crate::probe::sample("0123456789abcdef")).expect("a document is JSON");
        let document = |schema| serde_json::json!({"schema": schema, "launch": null, "probe": probe}).to_string();
        assert!(Document::from_json(document("rootcontract.facts/1").as_bytes()).is_ok());
        let error = Document::from_json(document("rootcontract.facts/2").as_bytes()).expect_err("it is of the future");
        assert!(error.to_string().contains("rootcontract.facts/2"), "{error}");
    }
}
