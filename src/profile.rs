//! The build roots there are, each a function from where things lie to a [`Plan`].

mod hardened;
mod osbuild_v19;
mod osbuild_v190;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

pub use hardened::{COVERS, Cover, DEFAULT_SIZE, HOST_NAME, SELINUX, SYS, TMPFS};

use crate::plan::{Access, CapabilityPolicy, Grant, HostPath, Op, Plan};

/// A build root that this crate knows how to build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// The first one built with bubblewrap: osbuild commit d1b9304a, released in v19.
    OsbuildV19,
    /// Today's: osbuild tag v190.
    OsbuildV190,
    /// The same, closed as far as scriptlets can do with: nothing in it reaches the host.
    Hardened,
}

impl Profile {
    /// Every profile: osbuild's, oldest first, then ours.
    pub const ALL: [Self; 3] = [Self::OsbuildV19, Self::OsbuildV190, Self::Hardened];

    /// osbuild's own, oldest first: what is meant where none is named and there can be several.
    pub const OSBUILD: [Self; 2] = [Self::OsbuildV19, Self::OsbuildV190];

    /// What `osbuild` without a version means.
    pub const NEWEST_OSBUILD: Self = Self::OsbuildV190;

    /// The name on the command line and in contracts.
    pub fn name(self) -> &'static str {
        match self {
            Self::OsbuildV19 => "osbuild-v19",
            Self::OsbuildV190 => "osbuild-v190",
            Self::Hardened => "hardened",
        }
    }

    /// The capabilities upstream gives its stages: a list since v56; v19 had none and passed everything on. Those of
    /// scriptlets where upstream has no say.
    pub fn default_capabilities(self) -> CapabilityPolicy {
        match self {
            Self::OsbuildV19 => CapabilityPolicy::Inherit,
            Self::OsbuildV190 => CapabilityPolicy::Stage,
            Self::Hardened => CapabilityPolicy::Scriptlet,
        }
    }

    /// How the open root's device nodes come to be.
    pub fn device_nodes(self) -> DeviceNodes {
        let names = &STANDARD_DEVICES;
        match self {
            Self::OsbuildV19 => {
                DeviceNodes { creation: NodeCreation::Mknod, names, optional: &[], furniture: Furniture::Bare }
            }
            Self::OsbuildV190 => {
                DeviceNodes { creation: NodeCreation::Bind, names, optional: &["fuse"], furniture: Furniture::Bare }
            }
            Self::Hardened => {
                DeviceNodes { creation: NodeCreation::Bind, names, optional: &[], furniture: Furniture::Complete }
            }
        }
    }

    /// The same as scriptlets find them, bound by somebody who can make none.
    #[cfg(feature = "rpm")]
    pub(crate) fn scriptlets_devices(self) -> DeviceNodes {
        let nodes = DeviceNodes { creation: NodeCreation::Bind, ..self.device_nodes() };
        match self {
            Self::OsbuildV190 => DeviceNodes { furniture: Furniture::Descriptors, ..nodes },
            Self::OsbuildV19 | Self::Hardened => nodes,
        }
    }

    /// Whether it is one of osbuild's own, argument for argument.
    pub fn is_osbuild(self) -> bool {
        Self::OSBUILD.contains(&self)
    }

    /// What is built for one run: a function of its inputs, nothing is looked up.
    pub fn plan(self, layout: &Layout) -> Plan {
        match self {
            Self::OsbuildV19 => osbuild_v19::plan(layout),
            Self::OsbuildV190 => osbuild_v190::plan(layout),
            Self::Hardened => hardened::plan(layout),
        }
    }
}

/// The nodes both osbuild profiles have (`osbuild/buildroot.py`, unchanged since d1b9304a).
const STANDARD_DEVICES: [&str; 6] = ["full", "null", "random", "urandom", "tty", "zero"];

/// The device nodes of an open root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceNodes {
    /// How they are made.
    pub creation: NodeCreation,
    /// Names below `/dev`; each must be there.
    pub names: &'static [&'static str],
    /// Names below `/dev` that are there if the host has them (`fuse`: osbuild a9a8423f).
    pub optional: &'static [&'static str],
    /// What else is in `/dev`.
    pub furniture: Furniture,
}

/// What is in a `/dev` besides nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Furniture {
    /// Nothing, and the directory has the mode that the kernel gives it (osbuild).
    Bare,
    /// The one link that osbuild's rpm stage makes: `fd` (osbuild 5a58c356).
    Descriptors,
    /// What programs expect of any system: [`DEVICE_LINKS`], pseudo terminals of its own in `pts`, a mode of 0755.
    Complete,
}

/// The links of a complete `/dev`: target and name (`Documentation/admin-guide/devices.txt`, *Compulsory links*, and
/// *Required devices* of the devpts documentation).
pub const DEVICE_LINKS: [(&str, &str); 5] = [
    ("/proc/self/fd", "fd"),
    ("/proc/self/fd/0", "stdin"),
    ("/proc/self/fd/1", "stdout"),
    ("/proc/self/fd/2", "stderr"),
    ("pts/ptmx", "ptmx"),
];

/// How a device node comes into a build root's `/dev`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum NodeCreation {
    /// A node of its own (osbuild up to v161).
    Mknod,
    /// The host's node, bind-mounted (osbuild bc4693ce, v162).
    Bind,
}

impl fmt::Display for Profile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// A word that names no profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no profile {0:?}: it is one of osbuild-v19, osbuild-v190, osbuild (the newest), hardened")]
pub struct UnknownProfile(String);

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "osbuild" => Ok(Self::NEWEST_OSBUILD),
            name => Self::ALL
                .into_iter()
                .find(|profile| profile.name() == name)
                .ok_or_else(|| UnknownProfile(name.to_owned())),
        }
    }
}

/// Where everything lies that one run is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The root's `usr`; `None` when it has none, or a link.
    pub usr: Option<HostPath>,
    /// The root's `boot`; `None` when it has none, or a link, or it is left out on purpose.
    pub boot: Option<HostPath>,
    /// The root's `etc/mke2fs.conf`, there or not.
    pub mke2fs_conf: HostPath,
    /// The root's `etc/containers`, there or not.
    pub containers: HostPath,
    /// The root's `etc/selinux/`, there or not.
    pub selinux: HostPath,
    /// The root's `ostree`, there or not.
    pub ostree: HostPath,
    /// The `/dev` of the open root.
    pub dev: HostPath,
    /// The `/var` of the open root.
    pub var: HostPath,
    /// The directory that holds `runners/` and `osbuild/`.
    pub libdir: HostPath,
    /// The `osbuild` Python package, where the libdir has none.
    pub module: Option<HostPath>,
    /// The file shown as `/proc/cmdline`.
    pub proc_overrides: BTreeMap<String, HostPath>,
    /// The directory of api sockets (v19).
    pub api: HostPath,
    /// Api sockets by endpoint name (v190).
    pub endpoints: Vec<(String, HostPath)>,
    /// The runner.
    pub runner: Runner,
    /// Which capabilities the payload gets.
    pub capabilities: Grant,
    /// `TERM` of the caller, if it has one.
    pub term: Option<OsString>,
    /// The caller's own binds.
    pub binds: Vec<CallerBind>,
    /// The caller's own variables.
    pub environment: BTreeMap<OsString, OsString>,
    /// What is to be executed, after the runner if there is one.
    pub argv: Vec<OsString>,
    /// What only [`Profile::Hardened`] takes.
    pub shelter: Shelter,
}

/// What [`Profile::Hardened`] covers things with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shelter {
    /// An empty file.
    pub file: HostPath,
    /// An empty directory.
    pub directory: HostPath,
    /// The directory of [`TMPFS`]' mount points.
    pub tmpfs: HostPath,
    /// The most that each tmpfs holds, in bytes.
    pub size: NonZeroU64,
    /// The system call filter.
    pub filter: HostPath,
    /// What is `/sys`, but for what is shown in it.
    pub sys: HostPath,
    /// Which of [`COVERS`] the kernel has.
    pub covers: Vec<String>,
}

/// What prepares the sandbox before the command runs in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runner {
    /// Nothing: the command itself is executed.
    None,
    /// An executable; it gets the command as its arguments.
    File {
        /// Its name inside.
        name: OsString,
        /// Where it lies.
        path: HostPath,
    },
}

/// A bind that the caller of one run asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerBind {
    /// What is mounted.
    pub from: HostPath,
    /// Where it appears, an absolute path.
    pub to: std::path::PathBuf,
    /// Read-only or read-write.
    pub access: Access,
}

/// The links that stand for a merged `/usr`, on every architecture, dangling or not (osbuild d1b9304a).
fn usr_links() -> [Op; 4] {
    [
        Op::symlink("usr/lib", "/lib"),
        Op::symlink("usr/lib64", "/lib64"),
        Op::symlink("usr/bin", "/bin"),
        Op::symlink("usr/sbin", "/sbin"),
    ]
}

/// The caller's binds, read-write ones first, as osbuild passes them.
fn caller_binds(layout: &Layout) -> impl Iterator<Item = Op> + '_ {
    let of = |wanted: Access| {
        layout
            .binds
            .iter()
            .filter(move |bind| bind.access == wanted)
            .map(|bind| Op::bind(&bind.from, &bind.to, bind.access))
    };
    of(Access::ReadWrite).chain(of(Access::ReadOnly))
}

/// The runner below `directory` and the command after it, or the command alone.
fn command(layout: &Layout, directory: &str) -> Vec<OsString> {
    let runner = match &layout.runner {
        Runner::None => None,
        Runner::File { name, .. } => Some(std::path::Path::new(directory).join(name).into_os_string()),
    };
    runner.into_iter().chain(layout.argv.iter().cloned()).collect()
}

/// Capabilities as osbuild asks for a list of them, cut down to what the caller has.
fn capability_list(grant: &Grant) -> Vec<Op> {
    match grant.wanted {
        None => Vec::new(),
        Some(_) => {
            let mut granted: Vec<_> = grant.granted().iter().collect();
            granted.sort_by_key(ToString::to_string);
            std::iter::once(Op::DropAllCapabilities).chain(granted.into_iter().map(Op::AddCapability)).collect()
        }
    }
}
