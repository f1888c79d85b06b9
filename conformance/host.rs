//! The host is as it was: before, during and after, also when the command is killed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rootcontract::buildroot::Invocation;
use rootcontract::facts::launch::Phase;
use rootcontract::profile::Profile;
use serial_test::file_serial;
use tempfile::TempDir;

use crate::support::{builder, facts, supervisor};

/// What of the kernel's nobody changes by the way.
const SETTINGS: [&str; 9] = [
    "/proc/sys/kernel/[a-mo-z]*",
    "/proc/sys/vm/*",
    "/proc/sys/fs/binfmt_misc/status",
    "/proc/mtrr",
    "/proc/cmdline",
    "/proc/irq/default_smp_affinity",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/power/state",
    "/sys/fs/cgroup/*/release_agent",
];

/// What a sandbox could leave on a host, or change of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Host {
    mounts: String,
    hostname: String,
    domain: String,
    devices: Vec<String>,
    system_v: BTreeMap<&'static str, String>,
    settings: BTreeMap<String, String>,
    /// The list of keys of user 0, and how many are in it.
    keys: Vec<String>,
    /// Which hierarchies of control groups there are.
    hierarchies: String,
}

impl Host {
    pub fn now() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let mut devices: Vec<_> = fs::read_dir("/dev")
            .expect("/dev")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        devices.sort();
        let table = |paths: [&'static str; 3]| paths.map(|path| (path, read(path))).into();
        Self {
            mounts: read("/proc/self/mountinfo"),
            hostname: read("/proc/sys/kernel/hostname"),
            domain: read("/proc/sys/kernel/domainname"),
            devices,
            system_v: table(["/proc/sysvipc/shm", "/proc/sysvipc/sem", "/proc/sysvipc/msg"]),
            settings: SETTINGS
                .iter()
                .flat_map(|pattern| glob::glob(pattern).expect("a pattern"))
                .flatten()
                .map(|path| {
                    let path = path.display().to_string();
                    let value = read(&path);
                    (path, value)
                })
                .collect(),
            keys: read("/proc/keys").lines().filter(|line| line.contains(" _uid.0:")).map(str::to_owned).collect(),
            hierarchies: read("/proc/cgroups")
                .lines()
                .map(|line| line.split('\t').take(2).collect::<Vec<_>>().join(" ") + "\n")
                .collect(),
        }
    }
}

/// Processes whose command line has `mark` in it.
pub fn processes_with(mark: &str) -> Vec<String> {
    fs::read_dir("/proc")
        .expect("/proc")
        .flatten()
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(mark))
        .collect()
}

/// Places for scratch directories that nothing else uses.
fn places() -> (TempDir, TempDir) {
    (TempDir::new().expect("a directory"), TempDir::new().expect("a directory"))
}

fn is_empty(place: &Path) -> bool {
    fs::read_dir(place).expect("a directory").next().is_none()
}

// The mount table is the one thing that every process of the machine shares.
#[test]
#[file_serial(host)]
fn the_host_is_as_it_was_before_during_and_after() {
    let (run, var) = places();
    let before = Host::now();
    for profile in Profile::ALL {
        let placed = || builder("/").profile(profile).rundir(run.path()).vardir(var.path());
        let root = placed().open().expect("an open root");
        assert_eq!(Host::now(), before, "while {profile} is open");
        let done = root.run(Invocation::new(["/usr/bin/sh", "-c", "echo 1 > /var/file"])).expect("a run");
        assert!(done.outcome.success(), "{:?}", done.outcome);
        assert_eq!(Host::now(), before, "while {profile} is open and was run in");
        root.close().expect("nothing left");
        let _seen = facts(placed(), Phase::Raw);
        assert_eq!(Host::now(), before, "after {profile} was looked at");
        assert!(is_empty(run.path()) && is_empty(var.path()), "{profile} left scratch directories");
    }
}

#[test]
#[file_serial(host)]
fn a_killed_command_leaves_nothing() {
    let before = Host::now();
    // A length of time that nobody else sleeps.
    let mark = format!("{}.125", 1_000_000 + std::process::id());
    let mut command = Command::new(supervisor())
        .args(["run", "--", "/usr/bin/sleep", &mark])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command");
    let inside = format!("/usr/bin/sleep {mark}");
    let running = || processes_with(&inside).iter().any(|line| line.starts_with("/usr/bin/sleep"));
    assert!(within_a_while(running), "the payload never ran");

    command.kill().expect("a kill");
    command.wait().expect("an end");

    assert!(within_a_while(|| processes_with(&inside).is_empty()), "{:?}", processes_with(&inside));
    assert_eq!(Host::now(), before);
}

fn within_a_while(condition: impl Fn() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(10);
    while Instant::now() < end {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}
