//! The processes of a run, as the supervisor's own `/proc` shows them.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::linux::fs::MetadataExt;
use std::os::unix::fs::FileExt;
use std::path::Path;

use nix::sys::signal::{Signal, kill as send};
use nix::unistd::Pid;

use super::super::protocol::Failure;

/// The namespaces a process has, by their names below `/proc/PID/ns`; `cgroup` since Linux 4.6, `time` since 5.6.
const NAMESPACES: [&str; 8] = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];

/// How often the table of processes is read to stop them all; those that fork faster than that are left running.
const LOOKS: usize = 8;
/// More than a `/proc/PID/stat` has up to the parent: a command is at most 64 bytes.
const LONGEST_STAT: usize = 256;

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

/// What is below a run's bubblewrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Payload {
    /// Only bubblewrap itself, which is still building the sandbox.
    NotYet,
    /// Something else.
    Begun,
}

/// Sends SIGTERM to every process below `init`, and wakes the stopped ones so that they get it.
///
/// bubblewrap passes no signal on, and as PID 1 of a namespace, without a handler, does not notice any. Who asks it to
/// end before it has executed the payload is not heard.
pub(super) fn terminate_below(init: Pid) -> Payload {
    // What is left sleeping for the probe to look for is a fork of ours.
    let no_payload = [program(init), program(Pid::this())];
    let mut payload = Payload::NotYet;
    for pid in below(init, &table()) {
        if program(pid).is_none_or(|program| !no_payload.contains(&Some(program))) {
            payload = Payload::Begun;
        }
        let _already_gone = send(pid, Signal::SIGTERM).and_then(|()| send(pid, Signal::SIGCONT));
    }
    payload
}

/// What the process executes, by device and inode.
fn program(pid: Pid) -> Option<(u64, u64)> {
    let metadata = std::fs::metadata(format!("/proc/{pid}/exe")).ok()?;
    Some((metadata.st_dev(), metadata.st_ino()))
}

/// Stops every process below `init` that is not stopped already; gives those to be woken again.
pub(super) fn stop_below(init: Pid) -> Vec<Pid> {
    let mut stopped = Vec::new();
    // A process that forks while the table is read has its child stopped by the next look.
    for _ in 0..LOOKS {
        let table = table();
        let running = |pid: &Pid| table.get(&pid.as_raw()).is_some_and(|stat| !stat.is_stopped());
        let before = stopped.len();
        stopped
            .extend(below(init, &table).into_iter().filter(running).filter(|&pid| send(pid, Signal::SIGSTOP).is_ok()));
        if stopped.len() == before {
            break;
        }
    }
    stopped
}

/// Wakes processes that were stopped.
pub(super) fn wake(stopped: &[Pid]) {
    for &pid in stopped {
        let _killed_since = send(pid, Signal::SIGCONT);
    }
}

/// The caller of a run, which may be of a pid namespace that this one does not see: its `/proc/PID/stat`.
#[derive(Debug)]
pub(super) struct Caller(File);

impl Caller {
    /// By its `/proc/PID/stat`, as it opened that itself.
    pub fn new(stat: OwnedFd) -> Self {
        Self(File::from(stat))
    }

    /// Whether it is stopped, by a terminal's Ctrl-Z or otherwise.
    pub fn is_stopped(&self) -> bool {
        let mut text = [0; LONGEST_STAT];
        // One that has ended has no text any more.
        let length = self.0.read_at(&mut text, 0).unwrap_or_default();
        Stat::parse(&text[..length]).is_some_and(|stat| stat.is_stopped())
    }
}

/// What matters here of a `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    state: u8,
    parent: i32,
}

impl Stat {
    /// The command before them may hold anything, so its last `)` is looked for.
    fn parse(text: &[u8]) -> Option<Self> {
        let after = &text[text.iter().rposition(|&byte| byte == b')')? + 1..];
        let mut fields = std::str::from_utf8(after).ok()?.split_ascii_whitespace();
        Some(Self { state: *fields.next()?.as_bytes().first()?, parent: fields.next()?.parse().ok()? })
    }

    fn is_stopped(self) -> bool {
        self.state == b'T'
    }
}

/// Every process this `/proc` shows.
fn table() -> BTreeMap<i32, Stat> {
    let of = |entry: std::fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        Some((pid, Stat::parse(&std::fs::read(entry.path().join("stat")).ok()?)?))
    };
    std::fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(of).collect()
}

/// The descendants of `init`.
fn below(init: Pid, table: &BTreeMap<i32, Stat>) -> Vec<Pid> {
    let descends = |&pid: &i32| {
        let mut at = pid;
        // A chain is never longer than the table; the bound guards against a table torn between reads.
        for _ in 0..table.len() {
            match table.get(&at) {
                Some(stat) if stat.parent == init.as_raw() => return true,
                Some(stat) if stat.parent > 0 => at = stat.parent,
                _ => return false,
            }
        }
        false
    };
    table.keys().copied().filter(descends).map(Pid::from_raw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::odd_command(b"12 (a) R 7 (b)) S 3 12 12 0", Some(Stat { state: b'S', parent: 3 }))]
    #[case::stopped(b"12 (sh) T 3 12", Some(Stat { state: b'T', parent: 3 }))]
    #[case::no_command(b"12 sh S 3 12", None)]
    #[case::cut_off(b"12 (sh) S", None)]
    #[case::gone(b"", None)]
    fn state_and_parent_are_found_behind_any_command(#[case] text: &[u8], #[case] expected: Option<Stat>) {
        assert_eq!(Stat::parse(text), expected);
    }

    #[test]
    fn only_descendants_are_found_even_in_a_torn_table() {
        let parents = [(1, 0), (5, 1), (6, 5), (7, 6), (8, 1), (9, 10), (10, 9)];
        let table = parents.into_iter().map(|(pid, parent)| (pid, Stat { state: b'S', parent })).collect();
        assert_eq!(below(Pid::from_raw(5), &table), [Pid::from_raw(6), Pid::from_raw(7)]);
    }
}
