//! A user who may do nothing, made for one test: no account, only a number.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid, chown};
use tempfile::TempDir;

use super::owned_by;
use crate::support::{comes_true, runnable_by_all};

/// Where the subordinate ids begin; nobody has them.
const SUBORDINATE: u32 = 1 << 24;

/// Which ids the user has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// One.
    Alone,
    /// One, and 65536 that `/etc/subuid` and `/etc/subgid` grant: files of a private mount namespace, where the user has an
    /// account.
    Subordinate,
    /// The same, where the helpers may not map them.
    Refused,
}

/// The user, with the command and the probe, and a temporary directory.
pub struct Ordinary {
    pub id: u32,
    programs: TempDir,
}

impl Ordinary {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let id = 1_000_000 + std::process::id() % 1_000_000 * 10 + NEXT.fetch_add(1, Ordering::Relaxed);
        let user = Self { id, programs: runnable_by_all() };
        std::fs::create_dir(user.temporary()).expect("a directory");
        std::fs::set_permissions(user.temporary(), std::fs::Permissions::from_mode(0o1777)).expect("open to all");
        user
    }

    /// A directory that root owns and everybody may enter.
    pub fn place(&self) -> &Path {
        self.programs.path()
    }

    fn temporary(&self) -> PathBuf {
        self.place().join("tmp")
    }

    pub fn program(&self) -> PathBuf {
        self.place().join("rootcontract")
    }

    /// Makes it the user's.
    pub fn give(&self, path: &Path) {
        chown(path, Some(Uid::from_raw(self.id)), Some(self.id.into())).expect("a new owner");
    }

    /// Makes it and what is below the user's.
    pub fn give_all(&self, path: &Path) {
        let owner = format!("{0}:{0}", self.id);
        let done = Process::new("chown").args(["-hR", &owner]).arg(path).output().expect("chown");
        assert!(done.status.success());
    }

    /// Makes it and what is below root's again.
    pub fn take_back(&self, path: &Path) {
        let done = Process::new("chown").args(["-hR", "0:0"]).arg(path).output().expect("chown");
        assert!(done.status.success());
    }

    /// A copy of this machine's tree that belongs to the user.
    pub fn own_tree(&self) -> PathBuf {
        let arch = rootcontract::arch::native().expect("an architecture of the table").name;
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/trees").join(arch);
        let copy = self.place().join("tree");
        let done = Process::new("cp").arg("-a").arg(tree.canonicalize().expect("ci/tree makes it")).arg(&copy).output();
        assert!(done.expect("cp").status.success());
        self.give_all(&copy);
        copy
    }

    /// The command as this user.
    pub fn command(&self, ids: Ids, arguments: &[&str]) -> Process {
        let mut command = self.after(":", ids, &[self.program().to_str().expect("text")]);
        command.args(arguments);
        command
    }

    /// A shell that reads a line, as this user.
    pub fn shell(&self, ids: Ids, line: &str) -> Process {
        self.after(":", ids, &["bash", "-c", line])
    }

    /// A program as this user, where root did something first, in a mount namespace of its own.
    pub fn after(&self, deed: &str, ids: Ids, program: &[&str]) -> Process {
        let as_user = format!("setpriv --reuid {0} --regid {0} --clear-groups", self.id);
        let account = "for file in passwd group subuid subgid; do mount --bind \"$0/etc/$file\" /etc/$file; done";
        let script = match ids {
            Ids::Alone => format!("{deed}\nexec {as_user} \"$@\""),
            Ids::Subordinate => format!("{deed}\n{account}\nexec {as_user} \"$@\""),
            Ids::Refused => format!("{deed}\n{account}\nexec {as_user} --no-new-privs \"$@\""),
        };
        if ids != Ids::Alone {
            self.make_account();
        }
        self.unshared(&script, program)
    }

    /// The same as root.
    pub fn as_root(&self, deed: &str, program: &[&str]) -> Process {
        self.unshared(&format!("{deed}\nexec \"$@\""), program)
    }

    fn unshared(&self, script: &str, program: &[&str]) -> Process {
        let mut process = Process::new("unshare");
        process.args(["--mount", "--propagation", "private", "sh", "-ec", script]).arg(self.place()).args(program);
        process.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("TERM", "dumb");
        process.env("TMPDIR", self.temporary()).env("RUST_BACKTRACE", "1").current_dir("/");
        process.env("ROOTCONTRACT_PROBE", self.place().join("rootcontract-probe"));
        process
    }

    /// Files that are mounted over those of the machine.
    fn make_account(&self) {
        let id = self.id;
        let here = self.place().join("etc");
        std::fs::create_dir_all(&here).expect("a directory");
        let add = |file: &str, line: String| {
            let there = std::fs::read_to_string(Path::new("/etc").join(file)).unwrap_or_default();
            std::fs::write(here.join(file), there + &line).expect("a file");
        };
        add("passwd", format!("ordinary{id}:x:{id}:{id}::/nonexistent:/bin/sh\n"));
        add("group", format!("ordinary{id}:x:{id}:\n"));
        add("subuid", format!("ordinary{id}:{SUBORDINATE}:65536\n"));
        add("subgid", format!("{id}:{SUBORDINATE}:65536\n"));
    }

    pub fn run(&self, ids: Ids, arguments: &[&str]) -> Output {
        self.command(ids, arguments).output().expect("a run")
    }

    /// Starts the command, to be killed.
    pub fn start(&self, ids: Ids, arguments: &[&str]) -> Child {
        self.start_after(":", Some(ids), arguments)
    }

    /// The same after a deed of root's; root's own where there are no ids.
    pub fn start_after(&self, deed: &str, ids: Option<Ids>, arguments: &[&str]) -> Child {
        let program = self.program();
        let program = [program.to_str().expect("text")];
        let mut command = match ids {
            Some(ids) => self.after(deed, ids, &program),
            None => self.as_root(deed, &program),
        };
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.process_group(0).spawn().expect("the command")
    }

    /// The scratch directories there are of this user.
    pub fn left(&self) -> Vec<String> {
        let mut left = owned_by(Path::new("/var/tmp"), self.id);
        left.extend(owned_by(&self.temporary(), self.id));
        left
    }

    /// The processes of this user, by their directories in `/proc`.
    fn all(&self) -> Vec<PathBuf> {
        owned_by(Path::new("/proc"), self.id).into_iter().map(PathBuf::from).collect()
    }

    /// Kills them, the latest first, so that no supervisor can clear up for its caller.
    pub fn kill_all(&self) {
        let name = |process: &PathBuf| process.file_name().and_then(|name| name.to_str()?.parse().ok());
        let mut all: Vec<i32> = self.all().iter().filter_map(name).collect();
        all.sort_unstable_by(|one, other| other.cmp(one));
        for pid in all {
            let _already_gone = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }

    pub fn processes(&self) -> usize {
        self.all().len()
    }
}

/// The command of a directory as an ordinary user, in a user namespace in which no further one may be made, with all users of
/// this machine.
pub fn without_user_namespaces(directory: &Path, arguments: &[&str]) -> Output {
    let none = "read go; echo 0 > /proc/sys/user/max_user_namespaces; cd /; exec setpriv --reuid 65534 --regid 65534 \
                --clear-groups --inh-caps -all --ambient-caps -all --bounding-set -all \"$0\" \"$@\"";
    let mut unshared = Process::new("unshare")
        .args(["-U", "--keep-caps", "sh", "-c", none])
        .arg(directory.join("rootcontract"))
        .args(arguments)
        .env("ROOTCONTRACT_PROBE", directory.join("rootcontract-probe"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("unshare");
    let of = format!("/proc/{}", unshared.id());
    let own = std::fs::read_link("/proc/self/ns/user").expect("a namespace");
    let apart = || std::fs::read_link(format!("{of}/ns/user")).is_ok_and(|namespace| namespace != own);
    assert!(comes_true(apart), "no user namespace was made");
    for map in ["uid_map", "gid_map"] {
        std::fs::write(format!("{of}/{map}"), "0 0 65536").expect("a map");
    }
    unshared.stdin.take().expect("stdin").write_all(b"go\n").expect("told");
    unshared.wait_with_output().expect("its end")
}

/// How many mounts each bubblewrap sees whose payload sleeps for `mark` seconds, once that runs.
pub fn tables_of(mark: &str) -> Vec<usize> {
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten().map(|entry| entry.path());
    let read = |process: &PathBuf, file: &str| std::fs::read_to_string(process.join(file)).unwrap_or_default();
    let of_mark: Vec<_> = processes.filter(|process| read(process, "cmdline").contains(mark)).collect();
    let named = |name: &str| of_mark.iter().filter(|process| read(process, "comm").trim() == name).collect::<Vec<_>>();
    if named("sleep").is_empty() {
        return Vec::new();
    }
    named("bwrap").into_iter().map(|bwrap| read(bwrap, "mountinfo").lines().count()).collect()
}
