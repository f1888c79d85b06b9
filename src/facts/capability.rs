//! Capability sets, and their names.

use serde::{Deserialize, Serialize};

/// The five sets of a process, as sorted names, and what guards them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Capabilities {
    /// Kept over `execve` where the file allows it.
    pub inheritable: Vec<String>,
    /// What may be made effective.
    pub permitted: Vec<String>,
    /// What counts now.
    pub effective: Vec<String>,
    /// What can ever be gained.
    pub bounding: Vec<String>,
    /// Kept over `execve` of an ordinary file.
    pub ambient: Vec<String>,
    /// `prctl(PR_GET_SECUREBITS)`.
    pub securebits: super::Fact<u32>,
    /// The number of the last capability that the kernel knows.
    pub last: super::Fact<u32>,
}

/// Names by number, as in `linux/capability.h`; the last came with Linux 5.9.
pub const NAMES: [&str; 41] = [
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

/// The names of a set of bits, sorted; what has no name yet is `CAP_` and its number.
pub fn names(mask: u64) -> Vec<String> {
    let mut names: Vec<String> = (0..64usize)
        .filter(|bit| mask >> bit & 1 == 1)
        .map(|bit| NAMES.get(bit).map_or_else(|| format!("CAP_{bit}"), |&name| name.to_owned()))
        .collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_sorted_names() {
        assert_eq!(names(0), Vec::<String>::new());
        assert_eq!(names(1 << 21 | 1), ["CAP_CHOWN", "CAP_SYS_ADMIN"]);
        assert_eq!(names(1 << 63 | 1 << 40), ["CAP_63", "CAP_CHECKPOINT_RESTORE"]);
    }

    #[test]
    fn every_bit_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<String> = names(u64::MAX).into_iter().collect();
        assert_eq!(names.len(), 64);
    }
}
