//! The host's half of the facts: how the sandbox was started, and what the host knows about it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Fact;
use super::limits::Limit;

/// How the sandbox was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Launch {
    /// The profile's name, `osbuild-v190`.
    pub profile: String,
    /// Which state of the root was looked at.
    pub phase: Phase,
    /// Where the wanted capabilities came from.
    pub policy: Policy,
    /// What the caller was.
    pub privilege: Privilege,
    /// Why it was not more: subordinate ids that seemed to be there and could not be mapped.
    pub lesser: Option<String>,
    /// The architecture of the root, by our name.
    pub arch: String,
    /// What the facts prove for that architecture.
    pub evidence: Evidence,
    /// The bwrap that was used.
    pub bwrap: Bwrap,
    /// The release of the kernel that ran it.
    pub kernel: String,
    /// The C library of the root, as its loader names it: `Debian GLIBC 2.36-9`. `null`: it does not (glibc before 2.33,
    /// musl), or there is none.
    #[serde(default)]
    pub libc: Option<String>,
    /// Namespace inodes of the process that started bwrap, by the name in `/proc/PID/ns`.
    pub namespaces: BTreeMap<String, u64>,
    /// The capabilities asked for and given.
    pub capabilities: Capabilities,
    /// The environment bwrap was given.
    pub environment: Environment,
    /// What the host has; a clause's `when.host` names these.
    pub host: BTreeMap<String, bool>,
    /// What the root has; a clause's `when.tree` names these.
    pub tree: BTreeMap<String, bool>,
    /// The caller's own binds, in order.
    pub binds: Vec<Bind>,
    /// The registered api endpoints.
    pub api: Vec<String>,
    /// What is covered below `/proc`, by name, besides what bwrap covers by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<String>,
    /// The runner's name; `null` when the command ran without one.
    pub runner: Option<String>,
    /// The resource limits of the process that started bwrap, by name.
    pub limits: BTreeMap<String, Limit>,
    /// What the payload inherits from the process that started bwrap, and nobody sets.
    pub process: Inherited,
    /// What was put up outside for the probe to look for.
    pub canaries: Canaries,
}

/// What the caller should know of what a launch does without, a line each: why it has no subordinate ids though they
/// seemed to be there, and the capabilities that were asked for and are not to be had.
pub fn warnings(lesser: Option<&str>, missing: &str) -> Vec<String> {
    let alone = lesser.map(|why| format!("the build root has one user only: {why}"));
    let lacking = || format!("the payload does without {missing}, which this process does not have");
    alone.into_iter().chain((!missing.is_empty()).then(lacking)).collect()
}

/// Which state of the root is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// What bwrap built.
    Raw,
    /// After osbuild's runner prepared it.
    Runner,
    /// What a package's scriptlet sees: rpm has entered the tree that is being built with chroot.
    Scriptlet,
}

/// Where the wanted capabilities came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// osbuild's list for stages.
    Stage,
    /// What scriptlets need of it.
    Scriptlet,
    /// Whatever the caller has.
    Inherit,
    /// A list of the caller's own.
    List,
}

/// What the caller was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Privilege {
    /// User 0 in the user namespace that owns the host.
    Root,
    /// An ordinary user, mapped alone.
    UsernsSingle,
    /// An ordinary user with subordinate ids.
    UsernsSubid,
}

/// What the facts prove for the architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// The architecture's own kernel and bwrap on its own hardware.
    Native,
    /// Its own kernel and bwrap, the hardware emulated.
    SystemEmulated,
    /// Kernel and bwrap are the host's; only the programs are foreign.
    UserEmulated,
}

/// The bwrap that was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Bwrap {
    /// Where it is.
    pub path: String,
    /// What `bwrap --version` says.
    pub version: String,
    /// The package it came in, if that is known. A version without it says little: distributions backport.
    pub package: Option<String>,
    /// The features that were tried and work.
    pub features: Vec<String>,
}

/// The capabilities asked for and given, as names, sorted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Capabilities {
    /// The permitted set of the process that started bwrap.
    pub caller: Vec<String>,
    /// What was asked for; `null`: whatever the caller has.
    pub wanted: Option<Vec<String>>,
    /// What the payload should hold.
    pub granted: Vec<String>,
    /// What was wanted and the caller does not have.
    pub missing: Vec<String>,
    /// What should also be inheritable and ambient.
    pub raised: Vec<String>,
}

/// The environment bwrap was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// The variables that we set.
    pub set: BTreeMap<String, String>,
    /// The names of the variables that the caller's environment passes on.
    pub inherited: Vec<String>,
}

/// What a process inherits and a build root leaves as it is: facts of [`super::process::Process`], seen outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Inherited {
    /// Supplementary groups, sorted.
    pub groups: Fact<Vec<u32>>,
    /// The nice value.
    pub nice: Fact<i32>,
    /// What the out-of-memory killer adds to its score.
    pub oom_score_adj: Fact<i32>,
    /// The I/O priority.
    pub io_priority: Fact<i32>,
    /// The scheduling policy.
    pub scheduler: Fact<i32>,
    /// The execution domain.
    pub personality: Fact<u32>,
    /// The user who logged in; 4294967295 if nobody did.
    pub loginuid: Fact<u32>,
    /// The audit session; 4294967295 if there is none.
    pub sessionid: Fact<u32>,
    /// The seccomp mode.
    pub seccomp: Fact<u32>,
    /// How many seccomp filters there are.
    pub seccomp_filters: Fact<u32>,
    /// Whether transparent huge pages are off.
    pub thp_disabled: Fact<bool>,
    /// Whether memory that was written may not be made executable.
    pub memory_deny_write_execute: Fact<bool>,
}

/// One bind of the caller's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Bind {
    /// The place in the sandbox.
    pub at: String,
    /// Whether it may be written to.
    pub access: Access,
}

/// Whether a bind may be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Read only.
    Ro,
    /// Read and write.
    Rw,
}

/// Things put up outside the sandbox, which must not be found from inside.
///
/// Also the probe's `--canaries` argument, as JSON. What is `null` is not looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Canaries {
    /// The key of a System V shared memory segment.
    pub shm_key: Option<i32>,
    /// The key of a System V semaphore set.
    pub sem_key: Option<i32>,
    /// The key of a System V message queue.
    pub msg_key: Option<i32>,
    /// The name of a POSIX message queue, with its slash.
    pub mq: Option<String>,
    /// The name of a listening abstract socket, without the leading zero byte.
    #[serde(rename = "abstract")]
    pub abstract_socket: Option<String>,
    /// A TCP port that is listened to on 127.0.0.1.
    pub port: Option<u16>,
    /// The number of a process of the host.
    pub pid: Option<i32>,
}
