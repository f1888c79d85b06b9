//! Kernel, binary interface, loader, security modules, clocks, and what `/proc` and `/sys` expose.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Fact;

/// Linux security modules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Security {
    /// The modules, in the kernel's order, from `/sys/kernel/security/lsm`.
    pub modules: Fact<String>,
    /// The label of the probe, from `/proc/self/attr/current`; without a labelling module this is unread.
    pub label: Fact<String>,
    /// Whether selinuxfs is at `/sys/fs/selinux`.
    pub selinux_mounted: bool,
    /// Whether AppArmor says it is on.
    pub apparmor: bool,
    /// The version of Landlock; 0 where there is none.
    pub landlock: u32,
}

/// The offsets of the time namespace, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Time {
    /// Added to `CLOCK_MONOTONIC`.
    pub monotonic_offset: i64,
    /// Added to `CLOCK_BOOTTIME`.
    pub boottime_offset: i64,
}

/// What `uname(2)` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    /// `Linux`.
    pub sysname: String,
    /// The release.
    pub release: String,
    /// The machine.
    pub machine: String,
}

/// The binary interface that the probe runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Abi {
    /// In bytes, from `AT_PAGESZ`.
    pub page_size: Fact<u64>,
    /// Ticks a second in `times(2)` and `/proc`, from `AT_CLKTCK`.
    pub clock_ticks: Fact<u64>,
    /// `little` or `big`.
    pub byte_order: String,
    /// 32 or 64.
    pub pointer_bits: u32,
}

/// The dynamic loader that programs of the probe's architecture name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Loader {
    /// The path in `PT_INTERP`.
    pub path: String,
    /// Whether there is a file.
    pub present: bool,
    /// The file it is once all links are followed.
    pub target: Fact<Option<String>>,
    /// `e_machine` in its header; `null` if there is none or it is no ELF file.
    pub elf_machine: Fact<Option<u16>>,
}

/// What `/proc` exposes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Proc {
    /// The kernel's command line; outside the box `null`, for it is the host's.
    pub cmdline: Fact<Option<String>>,
    /// A closed list of paths: see [`Exposure`].
    pub entries: BTreeMap<String, Exposure>,
}

/// What `/sys` exposes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Sys {
    /// A closed list of paths: see [`Exposure`].
    pub entries: BTreeMap<String, Exposure>,
}

/// What `access(2)` allows at a path. It changes nothing, and is not always the last word: see the attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
pub enum Exposure {
    /// There is nothing.
    #[serde(rename = "absent")]
    Absent,
    /// Neither.
    #[serde(rename = "--")]
    Closed,
    /// Reading.
    #[serde(rename = "r-")]
    Read,
    /// Writing.
    #[serde(rename = "-w")]
    Write,
    /// Both.
    #[serde(rename = "rw")]
    ReadWrite,
}
