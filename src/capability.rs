//! Linux capabilities: their numbers, their names, sets of them.

use std::fmt;
use std::str::FromStr;

/// Names by number, from the kernel's `include/uapi/linux/capability.h`; 40 is the last one (since Linux 5.9).
const NAMES: [&str; 41] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
];

/// One capability, by its number (0 to 63).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capability(u8);

impl Capability {
    /// Give files away.
    pub const CHOWN: Self = Self(0);
    /// Make device nodes.
    pub const MKNOD: Self = Self(27);
    /// Read files past their modes, and open them by handle.
    pub const DAC_READ_SEARCH: Self = Self(2);
    /// Change the root directory.
    pub const SYS_CHROOT: Self = Self(18);
    /// Set and read SELinux labels the policy does not know.
    pub const MAC_ADMIN: Self = Self(33);
    /// Configure the network: bubblewrap raises the loopback interface of a network namespace.
    pub const NET_ADMIN: Self = Self(12);
    /// Become another group.
    pub const SETGID: Self = Self(6);
    /// Become another user.
    pub const SETUID: Self = Self(7);
    /// Give files capabilities.
    pub const SETFCAP: Self = Self(31);
    /// Mount, among much else.
    pub const SYS_ADMIN: Self = Self(21);
    /// CAP_AUDIT_CONTROL.
    pub const AUDIT_CONTROL: Self = Self(30);
    /// Read the kernel's log.
    pub const SYSLOG: Self = Self(34);

    /// Its number, 0 to 63.
    pub fn number(self) -> u8 {
        self.0
    }
}

/// `CAP_CHOWN`, or `CAP_41` for a number this build has no name for.
impl fmt::Display for Capability {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.get(usize::from(self.0)) {
            Some(name) => out.write_str(name),
            None => write!(out, "CAP_{}", self.0),
        }
    }
}

/// A word that names no capability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownCapability(pub String);

impl fmt::Display for UnknownCapability {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?} names no capability (CAP_CHOWN does, and so does chown)", self.0)
    }
}

impl std::error::Error for UnknownCapability {}

/// A name in either case, with or without `CAP_`.
impl FromStr for Capability {
    type Err = UnknownCapability;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let upper = text.trim().to_ascii_uppercase();
        let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
        NAMES
            .iter()
            .position(|name| &name["CAP_".len()..] == bare)
            .and_then(|number| u8::try_from(number).ok())
            .map(Self)
            .ok_or_else(|| UnknownCapability(text.to_owned()))
    }
}

/// A set of capabilities, as the kernel writes it: bit *n* is capability *n*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CapabilitySet(pub u64);

impl CapabilitySet {
    /// No capability.
    pub const EMPTY: Self = Self(0);

    /// What osbuild gives its stages: `DEFAULT_CAPABILITIES` of `osbuild/pipeline.py` at f6b23dbc (since v56, bdcc9ea2).
    /// AUDIT_WRITE CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID IPC_LOCK LINUX_IMMUTABLE MAC_OVERRIDE MKNOD
    /// NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_ADMIN SYS_CHROOT SYS_NICE SYS_RESOURCE.
    pub const STAGE: Self = Self(0x1_a9a4_47df);

    /// What a scriptlet gets in the profile `hardened`: of osbuild's nineteen the nine that rpm-ostree runs the scriptlets
    /// of every package with (rpm-ostree d5ef5f0, `rust/src/bwrap.rs`; its tenth, KILL, osbuild does not give).
    /// CHOWN DAC_OVERRIDE FOWNER FSETID SETFCAP SETGID SETPCAP SETUID SYS_CHROOT.
    pub const SCRIPTLET: Self = Self(0x8004_01db);

    /// Those in both.
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those in either.
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those in this set that are not in `other`.
    pub fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether `capability` is in it.
    pub fn contains(self, capability: Capability) -> bool {
        self.0 >> capability.0 & 1 == 1
    }

    /// Whether nothing is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// In order of number.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        (0..64).map(Capability).filter(move |&capability| self.contains(capability))
    }

    /// Names in alphabetical order: the order osbuild passes them in.
    pub fn names(self) -> Vec<String> {
        let mut names: Vec<_> = self.iter().map(|capability| capability.to_string()).collect();
        names.sort();
        names
    }
}

impl FromIterator<Capability> for CapabilitySet {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        Self(capabilities.into_iter().fold(0, |set, capability| set | 1 << capability.0))
    }
}

/// Names separated by commas; the empty text is the empty set.
impl FromStr for CapabilitySet {
    type Err = UnknownCapability;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',').filter(|word| !word.trim().is_empty()).map(str::parse).collect()
    }
}

impl fmt::Display for CapabilitySet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.names().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stage_set_is_osbuilds_nineteen() {
        assert_eq!(
            CapabilitySet::STAGE.to_string(),
            "CAP_AUDIT_WRITE,CAP_CHOWN,CAP_DAC_OVERRIDE,CAP_DAC_READ_SEARCH,CAP_FOWNER,CAP_FSETID,CAP_IPC_LOCK,\
             CAP_LINUX_IMMUTABLE,CAP_MAC_OVERRIDE,CAP_MKNOD,CAP_NET_BIND_SERVICE,CAP_SETFCAP,CAP_SETGID,\
             CAP_SETPCAP,CAP_SETUID,CAP_SYS_ADMIN,CAP_SYS_CHROOT,CAP_SYS_NICE,CAP_SYS_RESOURCE"
        );
    }

    #[test]
    fn what_a_scriptlet_gets_are_nine_of_them() {
        assert_eq!(
            CapabilitySet::SCRIPTLET.to_string(),
            "CAP_CHOWN,CAP_DAC_OVERRIDE,CAP_FOWNER,CAP_FSETID,CAP_SETFCAP,CAP_SETGID,CAP_SETPCAP,CAP_SETUID,\
             CAP_SYS_CHROOT"
        );
        assert!(CapabilitySet::SCRIPTLET.difference(CapabilitySet::STAGE).is_empty());
    }

    #[test]
    fn names_are_read_in_either_case_and_without_the_prefix() {
        let set: CapabilitySet = "CAP_CHOWN, sys_admin,cap_mac_admin".parse().expect("three names");
        assert_eq!(set.to_string(), "CAP_CHOWN,CAP_MAC_ADMIN,CAP_SYS_ADMIN");
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_name() {
        let error = "CAP_CHOWN,CAP_FLY".parse::<CapabilitySet>().expect_err("no such capability");
        assert_eq!(error.to_string(), "\"CAP_FLY\" names no capability (CAP_CHOWN does, and so does chown)");
    }

    #[test]
    fn a_number_without_a_name_is_still_shown() {
        assert_eq!(CapabilitySet(1 << 63).to_string(), "CAP_63");
    }
}
