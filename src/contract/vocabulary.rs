//! The closed word lists of a contract: a word that is not here is an error.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

pub use crate::facts::launch::{Phase, Policy, Privilege};

/// A closed list of words.
pub trait Word: Copy + 'static {
    /// Every word of the list.
    const ALL: &'static [Self];

    /// The word as contracts and facts spell it.
    fn as_str(self) -> &'static str;
}

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$note:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum $name {
            $($(#[$note])* #[serde(rename = $word)] $variant,)+
        }

        impl Word for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.pad(self.as_str())
            }
        }
    };
}
pub(super) use words;

/// The word list of an enum that the facts document has already.
macro_rules! spelled {
    ($name:ident { $($variant:ident = $word:literal),+ }) => {
        impl Word for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
    };
}

words! {
    /// How binding a clause is (RFC 2119).
    Level {
        /// Always so; anything else is a broken build root.
        Must = "must",
        /// So, unless there is a good reason.
        Should = "should",
        /// Optional: the thing may be missing; if it is there, it is like this.
        May = "may",
    }
}

words! {
    /// What a clause is about: the first word of its id, and its heading in reports.
    Area {
        /// File systems, their flags, where they are mounted.
        Mount = "mount",
        /// Symbolic links in `/`.
        Link = "link",
        /// The entries of `/`.
        Root = "root",
        /// Directories and files that scriptlets expect: there or not, mode and owner.
        Path = "path",
        /// What directories contain.
        Directory = "directory",
        /// Everything in `/dev`.
        Device = "device",
        /// Environment variables.
        Environment = "environment",
        /// The five capability sets and what they allow.
        Capability = "capability",
        /// Namespaces, shared with the host or not.
        Namespace = "namespace",
        /// Processes that can be seen.
        Pid = "pid",
        /// Shared memory, semaphores, message queues.
        Ipc = "ipc",
        /// Interfaces, addresses, sockets.
        Network = "network",
        /// The host's name.
        Uts = "uts",
        /// Users and groups, and how they map.
        User = "user",
        /// Control groups.
        Cgroup = "cgroup",
        /// Clocks and their offsets.
        Time = "time",
        /// What the payload's process is like.
        Process = "process",
        /// Open file descriptors.
        Descriptor = "descriptor",
        /// Signals: ignored, blocked, caught.
        Signal = "signal",
        /// Resource limits.
        Limit = "limit",
        /// What `/proc` shows and lets change.
        Proc = "proc",
        /// What `/sys` shows and lets change.
        Sys = "sys",
        /// Kernel keyrings.
        Keyring = "keyring",
        /// Security modules, seccomp, system calls that must be refused.
        Security = "security",
        /// The dynamic loader and the libraries it needs.
        Loader = "loader",
        /// Page size, byte order, machine name.
        Abi = "abi",
        /// What osbuild's runners leave behind.
        Runner = "runner",
        /// What bubblewrap itself does, whatever it is asked to build.
        Bubblewrap = "bubblewrap",
    }
}

impl Area {
    /// What the area is about, for a heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Mount => "File systems",
            Self::Link => "Links in /",
            Self::Root => "The top directory",
            Self::Path => "Files and directories",
            Self::Directory => "What directories contain",
            Self::Device => "Devices",
            Self::Environment => "Environment variables",
            Self::Capability => "Capabilities",
            Self::Namespace => "Namespaces",
            Self::Pid => "Processes that can be seen",
            Self::Ipc => "Shared memory, semaphores, queues",
            Self::Network => "Network",
            Self::Uts => "Host name",
            Self::User => "Users and groups",
            Self::Cgroup => "Control groups",
            Self::Time => "Clocks",
            Self::Process => "The process itself",
            Self::Descriptor => "Open descriptors",
            Self::Signal => "Signals",
            Self::Limit => "Resource limits",
            Self::Proc => "/proc",
            Self::Sys => "/sys",
            Self::Keyring => "Keyrings",
            Self::Security => "Security modules and system calls",
            Self::Loader => "The loader",
            Self::Abi => "Kernel and machine",
            Self::Runner => "What runners leave",
            Self::Bubblewrap => "Bubblewrap itself",
        }
    }

    /// Whose doing most of what is in the area is.
    pub fn subject(self) -> Subject {
        match self {
            Self::Link
            | Self::Root
            | Self::Path
            | Self::Directory
            | Self::Device
            | Self::Environment
            | Self::Descriptor
            | Self::Loader
            | Self::Abi
            | Self::Runner => Subject::Program,
            Self::Mount
            | Self::Capability
            | Self::Namespace
            | Self::Pid
            | Self::Ipc
            | Self::Network
            | Self::Uts
            | Self::User
            | Self::Cgroup
            | Self::Time
            | Self::Process
            | Self::Signal
            | Self::Limit
            | Self::Proc
            | Self::Sys
            | Self::Keyring
            | Self::Security
            | Self::Bubblewrap => Subject::Kernel,
        }
    }
}

words! {
    /// Whose doing it is what a clause says. It decides what emulated programs can prove.
    Subject {
        /// The tree's, its programs' or the way an architecture passes things to them: the same whoever runs them.
        Program = "program",
        /// The kernel's or bubblewrap's: only those of the architecture itself can prove it.
        Kernel = "kernel",
    }
}

spelled! {
    Phase { Raw = "raw", Runner = "runner", Scriptlet = "scriptlet" }
}

spelled! {
    Policy { Stage = "stage", Scriptlet = "scriptlet", Inherit = "inherit", List = "list" }
}

spelled! {
    Privilege { Root = "root", UsernsSingle = "userns-single", UsernsSubid = "userns-subid" }
}

/// The name of an architecture that [`crate::arch`] knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Architecture(String);

impl Architecture {
    /// The name, which is osbuild's.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn names() -> impl Iterator<Item = &'static str> {
        crate::arch::ALL.iter().map(|arch| arch.name)
    }
}

/// A word that names no architecture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown architecture `{name}`, expected one of {known}")]
pub struct UnknownArchitecture {
    name: String,
    known: String,
}

impl TryFrom<String> for Architecture {
    type Error = UnknownArchitecture;

    fn try_from(name: String) -> Result<Self, UnknownArchitecture> {
        if Self::names().any(|known| known == name) {
            return Ok(Self(name));
        }
        let known = Self::names().map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ");
        Err(UnknownArchitecture { name, known })
    }
}

impl From<Architecture> for String {
    fn from(architecture: Architecture) -> Self {
        architecture.0
    }
}

impl JsonSchema for Architecture {
    fn schema_name() -> Cow<'static, str> {
        "Architecture".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Self::names().collect::<Vec<_>>() })
    }
}

words! {
    /// Facts about the host that decide whether a clause applies.
    HostFact {
        /// An SELinux policy is loaded.
        Selinux = "selinux",
        /// `/dev/fuse` is there.
        Fuse = "fuse",
        /// `/proc/sysrq-trigger` is there.
        SysrqTrigger = "sysrq-trigger",
        /// The kernel speaks IPv6.
        Ipv6 = "ipv6",
        /// Yama restricts ptrace.
        Yama = "yama",
        /// The kernel's log is open to CAP_SYS_ADMIN without CAP_SYSLOG, as it was in older kernels (seen in Linux 6.1,
        /// no longer in 6.12).
        SysAdminReadsLog = "sys-admin-reads-log",
        /// The owner of the host's devices is one of the build root's users, as it is for root.
        RootMapped = "root-mapped",
        /// `/sys` is mounted read-write, as it is but in containers.
        SysWritable = "sys-writable",
        /// A process can refuse memory that is writable and executable (prctl PR_SET_MDWE, Linux 6.3).
        Mdwe = "mdwe",
    }
}

words! {
    /// Facts about the tree that serves as root: is this there, and no link out of it?
    TreeFact {
        /// The directory `boot`, and the profile is told to mount it.
        Boot = "boot",
        /// `usr/bin`.
        Bin = "bin",
        /// `usr/sbin`.
        Sbin = "sbin",
        /// `usr/lib`.
        Lib = "lib",
        /// `usr/lib64`.
        Lib64 = "lib64",
        /// `etc/mke2fs.conf`.
        Mke2fsConf = "mke2fs-conf",
        /// `etc/containers`.
        Containers = "containers",
        /// `etc/selinux`.
        Selinux = "selinux",
        /// `ostree`.
        Ostree = "ostree",
        /// The owner of `usr` is one of the build root's users, as everybody is for root.
        Owned = "owned",
    }
}
