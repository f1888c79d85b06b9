//! What the probe tries, inside the box only. Every attempt is harmless also where it works: see [`super`].
//!
//! | name | what is tried |
//! |---|---|
//! | `write:PATH` | open a regular file of the mount at PATH for writing, and nothing more; `no-file` where it has none |
//! | `write:/dev/…`, `read:…` | write a byte to `null` and `full`; read `zero`, `random`, `urandom`, standard input |
//! | `open:PATH` | open for reading |
//! | `sysctl:NAME` | open for writing, and nothing more |
//! | `create:DIR`, `mknod:DIR`, `exec:DIR` | make a file or a null device there, or run a file that is no program |
//! | `chown:DIR` | make a file there and give it to user and group 1 |
//! | `setgroups`, `setgid`, `setuid` | become a member of group 1, and user 1, in a child |
//! | `open-node:DIR` | open the device that `mknod:DIR` made |
//! | `remount-rw:PATH`, `mount:TYPE`, `unmount:PATH` | in a mount namespace of a child |
//! | `chroot`, `unshare:NS`, `setns:init-NS` | in a child |
//! | `canary:…` | find what was put up outside |
//! | `socket:…`, `connect:outside` | make a socket; a datagram socket's route, which sends nothing |
//! | `open-by-handle:/usr`, `ptrace:init`, `tiocsti:…`, `syslog`, `reboot`, `settimeofday`, `load-module` | calls with arguments that can only fail, once permission was checked |
//!
//! Outcomes are `ok`, the name of an errno, or a word: `zeros`, `varies`, `eof`, `no-file`, `not-tried` (it would not
//! have been harmless here), `not-loaded` (it would have loaded a kernel module), `not-made` (see `mknod:DIR`).

mod canaries;
mod devices;
pub(super) mod files;
pub(super) mod kernel;
pub(super) mod mounts;

use std::{collections::BTreeMap, time::Duration};

use nix::errno::Errno;

use crate::{
    facts::{launch::Canaries, mount::Mount},
    sys,
};

/// How long one attempt may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// What came of an attempt.
pub(super) type Outcome = Result<&'static str, Errno>;

/// An attempt that can be made again.
type Act<'a> = Box<dyn Fn() -> Outcome + 'a>;

/// Outcomes by name.
#[derive(Debug, Default)]
pub(super) struct Log(BTreeMap<String, String>);

impl Log {
    /// Try it here.
    fn attempt(&mut self, name: impl Into<String>, act: impl FnOnce() -> Outcome) {
        self.0.insert(name.into(), word(act()));
    }

    /// Try it in a child: for what changes the process, or might never return.
    fn attempt_apart(&mut self, name: impl Into<String>, act: impl FnOnce() -> Outcome) {
        let outcome = sys::in_child(PATIENCE, || word(act()));
        self.0.insert(name.into(), outcome.unwrap_or_else(|errno| word(Err(errno))));
    }

    /// Try several in one child, in this order, or each in its own if something ended that child.
    fn attempt_together(&mut self, attempts: &[(String, Act<'_>)]) {
        let all = || attempts.iter().map(|(_, act)| word(act())).collect::<Vec<_>>().join("\n");
        let words = sys::in_child(PATIENCE, all).unwrap_or_default();
        let words: Vec<&str> = words.split('\n').collect();
        if words.len() == attempts.len() {
            self.0.extend(attempts.iter().zip(words).map(|((name, _), word)| (name.clone(), word.to_owned())));
        } else {
            attempts.iter().for_each(|(name, act)| self.attempt_apart(name, act));
        }
    }
}

fn word(outcome: Outcome) -> String {
    outcome.map_or_else(|errno| format!("{errno:?}"), str::to_owned)
}

/// `ok`, whatever a call returns.
pub(super) fn ok<T>(result: nix::Result<T>) -> Outcome {
    result.map(|_| "ok")
}

/// Try everything.
pub fn attempt(mounts: &BTreeMap<String, Mount>, wanted: &Canaries) -> BTreeMap<String, String> {
    let mut log = Log::default();
    kernel::attempt(&mut log);
    devices::attempt(&mut log, mounts);
    files::attempt(&mut log, mounts);
    mounts::attempt(&mut log, mounts);
    canaries::attempt(&mut log, wanted);
    log.0
}

/// The mount that holds a path: the longest mount point that leads to it.
pub(super) fn holder<'a>(mounts: &'a BTreeMap<String, Mount>, path: &str) -> Option<&'a Mount> {
    let holds = |point: &str| point == "/" || path == point || path.starts_with(&format!("{point}/"));
    mounts.iter().filter(|(point, _)| holds(point)).max_by_key(|(point, _)| point.len()).map(|(_, mount)| mount)
}

/// Whether something may be made in a directory: it is the sandbox's own, or nothing can come of it. What is inside has
/// been made sure of ([`super::place`]): of a scriptlet's room the tree is its own.
fn may_make(mounts: &BTreeMap<String, Mount>, directory: &str) -> bool {
    let is_root = |mount: &Mount| mounts.get("/") == Some(mount);
    let own = |mount: &Mount| mount.fstype == "tmpfs" || mount.flags.iter().any(|flag| flag == "ro");
    matches!(directory, "/var" | "/var/tmp")
        || holder(mounts, directory).is_some_and(|mount| is_root(mount) || own(mount))
}

/// A path in a directory that nobody else uses.
pub(super) fn unique(directory: &str, purpose: &str) -> String {
    let pid = nix::unistd::getpid();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{}/.rootcontract-probe-{purpose}-{pid}-{now:x}", directory.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::mount;
    use rstest::rstest;

    const BOX: &str = "60 45 0:45 /newroot / rw - tmpfs tmpfs rw\n\
                       61 60 254:0 /usr /usr ro - ext4 /dev/vda rw\n\
                       62 60 254:0 /scratch /var rw - ext4 /dev/vda rw\n\
                       63 60 254:0 /home /mnt/home rw - ext4 /dev/vda rw\n";

    fn mounts() -> BTreeMap<String, Mount> {
        mount::visible(&mount::parse(BOX.as_bytes()).expect("a table"))
    }

    #[rstest]
    #[case::the_sandbox_s_tmpfs("/", true)]
    #[case::a_directory_of_it("/etc", true)]
    #[case::a_longer_name("/usrlocal", true)]
    #[case::what_is_read_only("/usr", true)]
    #[case::its_own_var("/var/tmp", true)]
    #[case::somebody_s_files("/mnt/home", false)]
    #[case::below_them("/mnt/home/x", false)]
    fn files_are_made_only_where_they_are_ours(#[case] directory: &str, #[case] expected: bool) {
        assert_eq!(may_make(&mounts(), directory), expected);
    }

    #[test]
    fn nothing_is_made_where_nothing_is_known() {
        assert!(!may_make(&BTreeMap::new(), "/tmp"));
    }

    #[test]
    fn a_child_s_word_is_its_outcome() {
        let mut log = Log::default();
        log.attempt_apart("word", || Ok("zeros"));
        log.attempt_apart("errno", || Err(Errno::EROFS));
        log.attempt_apart("killed", || {
            let _ = nix::sys::signal::kill(nix::unistd::getpid(), nix::sys::signal::Signal::SIGKILL);
            Ok("ok")
        });
        let expected = [("errno", "EROFS"), ("killed", "SIGKILL"), ("word", "zeros")];
        assert_eq!(log.0, expected.map(|(name, word)| (name.to_owned(), word.to_owned())).into());
    }

    #[test]
    fn several_in_one_child_are_told_one_by_one_also_when_one_ends_it() {
        let end = || -> Outcome {
            let _ = nix::sys::signal::kill(nix::unistd::getpid(), nix::sys::signal::Signal::SIGKILL);
            Ok("ok")
        };
        let mut attempts: Vec<(String, Act<'_>)> =
            vec![("first".to_owned(), Box::new(|| Ok("ok"))), ("second".to_owned(), Box::new(|| Err(Errno::EPERM)))];
        let mut log = Log::default();
        log.attempt_together(&attempts);
        let expected = [("first", "ok"), ("second", "EPERM")].map(|(name, word)| (name.to_owned(), word.to_owned()));
        assert_eq!(log.0, expected.clone().into());
        attempts.insert(0, ("end".to_owned(), Box::new(end)));
        log.attempt_together(&attempts);
        let end = ("end".to_owned(), "SIGKILL".to_owned());
        assert_eq!(log.0, expected.into_iter().chain([end]).collect());
    }

    #[test]
    fn a_child_that_hangs_is_given_up() {
        let started = std::time::Instant::now();
        let heard = sys::in_child(Duration::from_millis(50), || {
            std::thread::sleep(Duration::from_secs(60));
            String::new()
        });
        assert_eq!(heard, Err(Errno::ETIMEDOUT));
        assert!(started.elapsed() < Duration::from_secs(30));
    }
}
