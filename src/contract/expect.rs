//! What a clause expects to find: a closed set of forms, each with a name of its own.
//!
//! In TOML the form is the only key below `expect`: `expect.mount = { at = "/usr", flags = ["ro"] }`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kinds::{
    CallerList, CapabilityReference, CapabilitySet, Launched, MountFlag, NamespaceKind, NodeKind, Propagation, Sharing,
    Which, World,
};
use super::path::FactPath;
use super::place::{CapabilityName, Place};

/// One expectation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Expect {
    /// Something is mounted, and it is like this.
    Mount(Mount),
    /// Everything mounted at or below a place is like this.
    MountsBelow(MountsBelow),
    /// Nothing is mounted here.
    NoMount(Place),
    /// What the caller asked for is mounted, and it is like this.
    CallerMounts(CallerMounts),
    /// A symbolic link in `/`.
    Link(Link),
    /// A device node.
    Device(Device),
    /// A file or directory.
    Node(Node),
    /// Nothing has this name.
    Absent(Place),
    /// The names in a directory.
    Directory(Directory),
    /// A variable is set, and to this.
    Variable(Variable),
    /// A variable of this name is not set.
    NoVariable(String),
    /// Every variable the launch says it sets or passes on is there.
    Variables(Launched),
    /// A capability set.
    Capabilities(Capabilities),
    /// A namespace, the host's or one of its own.
    Namespace(Namespace),
    /// A process that can be seen.
    Process(Process),
    /// What happens when it is tried.
    Attempt(Attempt),
    /// Any fact.
    Fact(Fact),
    /// Nothing is there that no clause of this contract names.
    Closed(World),
}

/// A mount. Every property that is given must match; flags exactly, among `ro rw nosuid nodev noexec nosymfollow`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Mount {
    /// Where.
    pub at: Place,
    /// The flags, no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flags: Option<Vec<MountFlag>>,
    /// Flags that may come with the host's mount.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<MountFlag>,
    /// The type of file system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fstype: Option<String>,
    /// The source as mountinfo has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The part of the file system that is mounted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// How many mounts lie on top of each other here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stacked: Option<u64>,
}

/// Everything mounted at or below a place; there must be something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MountsBelow {
    /// The place.
    pub at: Place,
    /// The flags, no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flags: Option<Vec<MountFlag>>,
    /// Flags that may come with the host's mounts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<MountFlag>,
    /// How mounts propagate, all of these and no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagation: Option<Vec<Propagation>>,
    /// How many mounts lie on top of each other at each place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stacked: Option<u64>,
}

/// What the caller asked for and the launch reports, each one mounted like this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CallerMounts {
    /// Which list of the launch.
    pub of: CallerList,
    /// The directory they are mounted in; left out for binds, which say it themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<Place>,
    /// The flags, no others; binds bring `ro` or `rw` of their own.
    pub flags: Vec<MountFlag>,
    /// Flags that may come with the host's mounts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<MountFlag>,
}

/// A symbolic link in `/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Link {
    /// The link.
    pub at: Place,
    /// Where it points, as written.
    pub target: String,
    /// Whether the target is there; left out: either way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolves: Option<bool>,
}

/// A device node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Device {
    /// Its name, below `/dev`.
    pub at: Place,
    /// `char` or `block`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<NodeKind>,
    /// Major number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub major: Option<u32>,
    /// Minor number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minor: Option<u32>,
    /// Permissions in octal, such as `0666`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
}

/// A file or directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Node {
    /// Its name.
    pub at: Place,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<NodeKind>,
    /// Permissions in octal, such as `1777`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// Size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Where it points, of a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// The names in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Directory {
    /// The directory.
    pub at: Place,
    /// These names and no others; an empty list: the directory is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exactly: Option<Vec<String>>,
    /// These names, and maybe others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<String>,
}

/// A variable of the environment; without a value: it is set, to whatever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<String>,
    /// One of these is its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<String>>,
    /// Its value is this fact's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<FactPath>,
}

/// A capability set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Capabilities {
    /// Which of the five.
    pub set: CapabilitySet,
    /// Exactly these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Vec<CapabilityName>>,
    /// Exactly those of another list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<CapabilityReference>,
    /// At least these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<CapabilityName>,
    /// None of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<CapabilityName>,
}

/// A namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Namespace {
    /// Which.
    pub name: NamespaceKind,
    /// Whose.
    pub is: Sharing,
}

/// A process that can be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Process {
    /// Which.
    pub pid: Which,
    /// Its name, as `/proc/PID/comm` has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// What happens when something is tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Attempt {
    /// The attempt, such as `write:/usr`.
    pub name: String,
    /// One of these comes of it: `ok`, an errno name, or a word the probe has for it.
    pub gives: Vec<String>,
}

/// Any fact; every property that is given must match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Fact {
    /// The name of the fact.
    pub path: FactPath,
    /// Its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Value>,
    /// One of these is its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<Value>>,
    /// Its value is another fact's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<FactPath>,
    /// A path below one of these directories.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub below: Vec<Place>,
    /// A number not below this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<i64>,
    /// A number not above this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<i64>,
    /// A list with at least these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<String>,
    /// A list with none of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<String>,
}
