//! The probe's own process, and the processes it sees.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Fact, Malformed, text::fields};

/// The four ids of a kind that a process has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Ids {
    /// The real one.
    pub real: u32,
    /// The effective one.
    pub effective: u32,
    /// The saved one.
    pub saved: u32,
    /// The one that counts for files.
    pub filesystem: u32,
}

/// The probe's own process: what a program started in the sandbox inherits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Its number, in its own pid namespace.
    pub pid: i32,
    /// Its parent's number; 0 if that is outside the namespace.
    pub ppid: i32,
    /// Its process group; 0 if its leader is outside the namespace.
    pub pgid: i32,
    /// Its session; 0 if its leader is outside the namespace.
    pub sid: i32,
    /// User ids.
    pub uid: Fact<Ids>,
    /// Group ids.
    pub gid: Fact<Ids>,
    /// Supplementary groups, sorted.
    pub groups: Fact<Vec<u32>>,
    /// The file mode creation mask, four octal digits.
    pub umask: Fact<String>,
    /// The working directory.
    pub cwd: Fact<String>,
    /// Whether `execve` can gain privileges no more.
    pub no_new_privs: Fact<bool>,
    /// 0 none, 1 strict, 2 filter.
    pub seccomp: Fact<u32>,
    /// How many filters there are.
    pub seccomp_filters: Fact<u32>,
    /// `prctl(PR_GET_DUMPABLE)`.
    pub dumpable: Fact<i32>,
    /// The signal sent when the parent dies; 0 for none.
    pub parent_death_signal: Fact<i32>,
    /// `personality(2)`.
    pub personality: Fact<u32>,
    /// The nice value.
    pub nice: Fact<i32>,
    /// The adjustment of the out-of-memory score.
    pub oom_score_adj: Fact<i32>,
    /// Whether the session has a terminal.
    pub controlling_terminal: Fact<bool>,
    /// Whether orphans below are given to this process.
    pub subreaper: Fact<bool>,
    /// Whether its root directory is another than process 1's: what systemd takes for a chroot.
    pub chrooted: Fact<bool>,
    /// Whether capabilities survive a change of user id.
    pub keep_capabilities: Fact<bool>,
    /// `sched_getscheduler(2)`; 0 is the ordinary one.
    pub scheduler: Fact<i32>,
    /// `ioprio_get(2)`; 0: follows the nice value.
    pub io_priority: Fact<i32>,
    /// How many processors it may run on.
    pub affinity: Fact<u32>,
    /// Whether transparent huge pages are off.
    pub thp_disabled: Fact<bool>,
    /// Whether writable memory may not become executable (`PR_GET_MDWE`; Linux 6.3).
    pub memory_deny_write_execute: Fact<bool>,
    /// `AT_SECURE`: the loader and libc distrust the environment.
    pub secure_execution: Fact<bool>,
    /// The login user id; 4294967295 when unset.
    pub loginuid: Fact<u32>,
    /// The audit session id; 4294967295 when unset.
    pub sessionid: Fact<u32>,
    /// Which memory a core dump has, hexadecimal digits.
    pub core_dump_filter: Fact<String>,
    /// How late a timer may be, in nanoseconds.
    pub timer_slack: Fact<u64>,
    /// How many threads it has.
    pub threads: Fact<u32>,
    /// Its first argument.
    pub argv0: Option<String>,
    /// The file it runs.
    pub executable: Fact<String>,
    /// Entries of the environment that are no `NAME=VALUE`, or whose name came before.
    pub environment_malformed: Fact<u32>,
}

/// The processes that can be seen in `/proc`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Pids {
    /// Their numbers, sorted.
    pub visible: Fact<Vec<i32>>,
    /// Their names; empty outside the box, for those are not ours to tell.
    pub commands: BTreeMap<String, String>,
    /// How many pid namespaces deep the probe is, counted from the one `/proc` belongs to; 1 is that one.
    pub depth: Fact<u32>,
    /// Whether process 1 can gain privileges no more.
    pub init_no_new_privs: Fact<bool>,
    /// The effective capabilities of process 1.
    pub init_effective: Fact<Vec<String>>,
    /// The permitted capabilities of process 1.
    pub init_permitted: Fact<Vec<String>>,
}

/// Whether `/proc/PID/stat` names a controlling terminal: field 7, after a name that may hold anything.
pub fn controlling_terminal(stat: &[u8]) -> Result<bool, Malformed> {
    let malformed = Malformed { what: "terminal", line: 1 };
    let name_end = stat.iter().rposition(|&byte| byte == b')').ok_or(malformed)?;
    let number = fields(&stat[name_end + 1..]).nth(4).ok_or(malformed)?;
    let number: i32 = std::str::from_utf8(number).ok().and_then(|digits| digits.parse().ok()).ok_or(malformed)?;
    Ok(number != 0)
}

/// A number that a file holds alone, as `/proc/self/oom_score_adj` does.
pub fn alone<T: std::str::FromStr>(bytes: &[u8]) -> Result<T, Malformed> {
    let text = std::str::from_utf8(bytes.trim_ascii_end()).ok();
    text.and_then(|text| text.parse().ok()).ok_or(Malformed { what: "number", line: 1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case::none("2 (rootcontract-pr) R 1 0 1 0 -1 4194304 0", false)]
    #[case::pts("2 (bash) S 1 2 2 34817 2 4194304 0", true)]
    #[case::negative("2 (bash) S 1 2 2 -2147483648 2 4194304 0", true)]
    #[case::odd_name("2 (a) R 1 1 1 5 (b) R 1 0 1 0 -1 0", false)]
    fn a_terminal_is_seen(#[case] stat: &str, #[case] expected: bool) {
        assert_eq!(controlling_terminal(stat.as_bytes()), Ok(expected));
    }

    #[rstest]
    #[case::empty("")]
    #[case::short("2 (x) R 1 0 1")]
    #[case::no_number("2 (x) R 1 0 1 tty 0")]
    fn a_broken_stat_is_refused(#[case] stat: &str) {
        assert_eq!(controlling_terminal(stat.as_bytes()), Err(Malformed { what: "terminal", line: 1 }));
    }

    proptest! {
        #[test]
        fn a_number_alone_is_read_back(number: i32) {
            prop_assert_eq!(alone(format!("{number}\n").as_bytes()), Ok(number));
        }

        #[test]
        fn anything_is_survived(bytes: Vec<u8>) {
            let _ = (controlling_terminal(&bytes), alone::<u32>(&bytes));
        }
    }
}
