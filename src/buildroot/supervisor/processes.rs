//! The processes of a run, as the supervisor's own `/proc` shows them.

use std::collections::BTreeMap;
use std::os::linux::fs::MetadataExt;
use std::path::Path;

use nix::sys::signal::{Signal, kill as send};
use nix::unistd::Pid;

use super::super::protocol::Failure;

/// The namespaces a process has, by their names below `/proc/PID/ns`; `cgroup` since Linux 4.6, `time` since 5.6.
const NAMESPACES: [&str; 8] = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];

/// The inode of one namespace of the process `pid`, a number or `self`.
pub(super) fn namespace(pid: &str, name: &str) -> Result<u64, Failure> {
    let path = format!("/proc/{pid}/ns/{name}");
    std::fs::metadata(&path)
        .map(|metadata| metadata.st_ino())
        .map_err(|error| Failure::new(format!("look at {path}"), error))
}

/// The inodes of all namespaces of the process `pid` that this kernel has.
pub(super) fn namespaces(pid: &str) -> Result<BTreeMap<String, u64>, Failure> {
    NAMESPACES
        .into_iter()
        .filter(|name| Path::new(&format!("/proc/{pid}/ns/{name}")).exists())
        .map(|name| Ok((name.to_owned(), namespace(pid, name)?)))
        .collect()
}

/// Kills the PID 1 of a pid namespace, and so all that is in it.
pub(super) fn kill(init: Pid) {
    let _already_gone = send(init, Signal::SIGKILL);
}

/// Sends SIGTERM to every process below `init`, and wakes the stopped ones so that they get it.
///
/// bubblewrap passes no signal on. A PID 1 of a namespace without a handler does not notice the signal.
pub(super) fn terminate_below(init: Pid) {
    for pid in below(init, &parents()) {
        let _already_gone = send(pid, Signal::SIGTERM).and_then(|()| send(pid, Signal::SIGCONT));
    }
}

/// Every process this `/proc` shows, with its parent.
fn parents() -> BTreeMap<i32, i32> {
    let of = |entry: std::fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        Some((pid, parent(&std::fs::read(entry.path().join("stat")).ok()?)?))
    };
    std::fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(of).collect()
}

/// The parent in a `/proc/PID/stat`; the command before it may hold anything, so its last `)` is looked for.
fn parent(stat: &[u8]) -> Option<i32> {
    let after = &stat[stat.iter().rposition(|&byte| byte == b')')? + 1..];
    std::str::from_utf8(after).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// The descendants of `init`.
fn below(init: Pid, parents: &BTreeMap<i32, i32>) -> Vec<Pid> {
    let descends = |&pid: &i32| {
        let mut at = pid;
        // A chain is never longer than the table; the bound guards against a table torn between reads.
        for _ in 0..parents.len() {
            match parents.get(&at) {
                Some(&parent) if parent == init.as_raw() => return true,
                Some(&parent) if parent > 0 => at = parent,
                _ => return false,
            }
        }
        false
    };
    parents.keys().copied().filter(descends).map(Pid::from_raw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_behind_any_command() {
        assert_eq!(parent(b"12 (a) R 7 (b)) S 3 12 12 0"), Some(3));
        assert_eq!(parent(b"12 (sh) S 3 12"), Some(3));
        assert_eq!(parent(b"12 sh S 3 12"), None);
    }

    #[test]
    fn only_descendants_are_found_even_in_a_torn_table() {
        let parents = BTreeMap::from([(1, 0), (5, 1), (6, 5), (7, 6), (8, 1), (9, 10), (10, 9)]);
        assert_eq!(below(Pid::from_raw(5), &parents), [Pid::from_raw(6), Pid::from_raw(7)]);
    }
}
