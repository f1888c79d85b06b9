//! What a clause expects to find: a closed set of forms, each with a name of its own.
//!
//! In TOML the form is the only key below `expect`: `expect.mount = { at = "/usr", flags = ["ro"] }`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::capability::{Capability, UnknownCapability};

use super::path::FactPath;
use super::vocabulary::{Word, words};

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

words! {
    /// Flags of a mount that a contract speaks about.
    MountFlag {
        /// Read-only.
        Ro = "ro",
        /// Read-write.
        Rw = "rw",
        /// Set-user-id bits and file capabilities do nothing.
        Nosuid = "nosuid",
        /// Device nodes cannot be opened.
        Nodev = "nodev",
        /// Programs cannot be executed.
        Noexec = "noexec",
        /// Symbolic links are not followed.
        Nosymfollow = "nosymfollow",
    }
}

words! {
    /// How a mount shares what is mounted below it.
    Propagation {
        /// Not at all.
        Private = "private",
        /// Both ways.
        Shared = "shared",
        /// From the host.
        Slave = "slave",
        /// Not at all, and it cannot be bound.
        Unbindable = "unbindable",
    }
}

words! {
    /// Lists of mounts that a launch reports.
    CallerList {
        /// Binds of the caller.
        Binds = "binds",
        /// Sockets of the api.
        Api = "api",
        /// The runner.
        Runner = "runner",
    }
}

words! {
    /// Variables that a launch reports.
    Launched {
        /// Those it sets, with their values.
        Set = "set",
        /// Those it passes on, by name.
        Inherited = "inherited",
    }
}

words! {
    /// Kinds of nodes.
    NodeKind {
        /// A directory.
        Directory = "directory",
        /// A file.
        File = "file",
        /// A symbolic link.
        Symlink = "symlink",
        /// A character device.
        Char = "char",
        /// A block device.
        Block = "block",
        /// A socket.
        Socket = "socket",
        /// A named pipe.
        Fifo = "fifo",
    }
}

words! {
    /// The five capability sets.
    CapabilitySet {
        /// What may be raised across an exec.
        Inheritable = "inheritable",
        /// What may be made effective.
        Permitted = "permitted",
        /// What counts.
        Effective = "effective",
        /// What can ever be gained.
        Bounding = "bounding",
        /// What survives the exec of any program.
        Ambient = "ambient",
    }
}

words! {
    /// Lists a capability set is compared with.
    CapabilityReference {
        /// What the launch granted.
        Granted = "granted",
        /// What the process that starts bubblewrap has.
        Caller = "caller",
        /// What the launch raised, so that it survives an exec.
        Raised = "raised",
        /// Nothing at all.
        Nothing = "nothing",
    }
}

words! {
    /// Kinds of namespaces, as `/proc/PID/ns` names them.
    NamespaceKind {
        /// Mounts.
        Mnt = "mnt",
        /// Processes.
        Pid = "pid",
        /// System V and POSIX objects.
        Ipc = "ipc",
        /// Network.
        Net = "net",
        /// Host name.
        Uts = "uts",
        /// Users and capabilities.
        User = "user",
        /// Control groups.
        Cgroup = "cgroup",
        /// Clock offsets.
        Time = "time",
    }
}

words! {
    /// Whose a namespace is.
    Sharing {
        /// The same as that of the process that starts bubblewrap.
        Shared = "shared",
        /// Another one.
        Own = "own",
    }
}

words! {
    /// Processes with a role.
    Which {
        /// Process 1.
        Init = "init",
        /// The payload: the probe itself.
        Payload = "payload",
        /// The payload's parent.
        Parent = "parent",
    }
}

words! {
    /// What there is to be a stranger in.
    World {
        /// The mount table.
        Mounts = "mounts",
        /// Everything below `/dev`.
        Devices = "devices",
        /// The environment.
        Environment = "environment",
        /// Open file descriptors.
        Descriptors = "descriptors",
        /// The entries of `/`.
        Root = "root",
        /// The processes that can be seen.
        Processes = "processes",
        /// Capabilities in force: permitted, effective, inheritable, ambient.
        Capabilities = "capabilities",
        /// The directories the probe lists.
        Directories = "directories",
    }
}

/// The name of a capability that Linux has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^CAP_[A-Z_]+$"))]
pub struct CapabilityName(String);

impl CapabilityName {
    /// The name, with `CAP_` in front.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CapabilityName {
    type Error = UnknownCapability;

    fn try_from(text: String) -> Result<Self, UnknownCapability> {
        text.parse::<Capability>().map(|capability| Self(capability.to_string()))
    }
}

impl From<CapabilityName> for String {
    fn from(name: CapabilityName) -> Self {
        name.0
    }
}

/// An absolute path inside the build root, in its shortest form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Place(String);

impl Place {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the other path is this one or below it.
    pub fn holds(&self, other: &str) -> bool {
        match other.strip_prefix(self.0.trim_end_matches('/')) {
            Some(rest) => rest.is_empty() || rest.starts_with('/'),
            None => false,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.0)
    }
}

/// A path that is not one inside the build root.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no absolute path in its shortest form: no `//`, `.`, `..` or slash at the end")]
pub struct MalformedPlace(String);

impl TryFrom<String> for Place {
    type Error = MalformedPlace;

    fn try_from(text: String) -> Result<Self, MalformedPlace> {
        let short = |rest: &str| rest.split('/').all(|name| !matches!(name, "" | "." | ".."));
        match text.strip_prefix('/') {
            Some("") => Ok(Self(text)),
            Some(rest) if short(rest) => Ok(Self(text)),
            Some(_) | None => Err(MalformedPlace(text)),
        }
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.0
    }
}

impl JsonSchema for Place {
    fn schema_name() -> Cow<'static, str> {
        "Place".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "an absolute path inside the build root", "pattern": "^/" })
    }
}
