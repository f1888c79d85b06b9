//! Many roots at once, and many runs one after another: nothing is mixed up, and nothing grows.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rootcontract::buildroot::{BuildRoot, Outcome};
use rootcontract::profile::Profile;

use crate::lifecycle::{NOTHING, apart, left};
use crate::support::{builder, open, run, said, shell};

/// How many roots are open at once.
const ROOTS: usize = 64;

/// Says its number into every place that a root or a run has for itself, waits until all have, and says what is there.
fn script(number: usize) -> String {
    format!(
        "set -e; for d in /var /dev /tmp /run /dev/shm /etc ''; do echo {number} > $d/mark; done; \
         cd /run/osbuild/meta; : > {number}; while set -- *; [ $# -lt {ROOTS} ]; do sleep 0.05; done; \
         echo $NUMBER >&2; set -- /proc/[0-9]*; echo $# processes; ls /run/osbuild/tree; \
         cat /var/mark /dev/mark /tmp/mark /run/mark /dev/shm/mark /etc/mark /mark"
    )
}

/// Does it for each in a thread of its own, all at once.
fn each<T: Send, U: Send>(all: Vec<T>, work: impl Fn(usize, T) -> U + Sync) -> Vec<U> {
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            all.into_iter().enumerate().map(|(number, one)| scope.spawn(move || work(number, one))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread")).collect()
    })
}

#[test]
fn sixty_four_roots_of_one_tree_at_once_know_nothing_of_each_other() {
    let (builder, place) = apart(Profile::OsbuildV190);
    let mounts = std::fs::read("/proc/self/mountinfo").expect("the mounts");
    let meeting = place.path().join("meeting");
    std::fs::create_dir(&meeting).expect("a directory");

    let roots = each(vec![builder; ROOTS], |_, builder| builder.open().expect("an open root"));
    let done = each(roots.iter().collect(), |number, root| {
        let tree = place.path().join(number.to_string());
        std::fs::create_dir_all(tree.join(format!("of-{number}"))).expect("a directory");
        let mine = shell(&script(number)).environment("NUMBER", number.to_string()).deadline(Duration::from_secs(120));
        run(root, mine.bind(&tree, "/run/osbuild/tree").bind(&meeting, "/run/osbuild/meta"))
    });
    for (number, done) in done.into_iter().enumerate() {
        let expected = format!("2 processes\nof-{number}\n{}", format!("{number}\n").repeat(7));
        assert_eq!(done.outcome, Outcome::Exited(0), "{number}: {}", done.stderr.text());
        assert_eq!((done.stdout.text(), done.stderr.text()), (expected, format!("{number}\n")));
    }
    each(roots, |number, root| {
        let again = said(&root, "cat /var/mark /dev/mark; test -e /tmp/mark || echo new");
        assert_eq!(again, format!("{number}\n{number}\nnew\n"));
        root.close().expect("nothing left");
    });

    assert_eq!(left(&place), NOTHING);
    assert!(std::fs::read("/proc/self/mountinfo").expect("the mounts") == mounts, "the host's mounts have changed");
}

#[test]
fn roots_are_opened_run_in_and_closed_in_threads_that_end() {
    let opened: Vec<_> = (0..8).map(|_| std::thread::spawn(|| open(Profile::OsbuildV190))).collect();
    let opened: Vec<_> = opened.into_iter().map(|thread| thread.join().expect("a thread")).collect();
    for root in &opened {
        let words = std::thread::scope(|scope| {
            let runs = [1, 2, 3].map(|number| scope.spawn(move || said(root, &format!("sleep 0.05; echo {number}"))));
            runs.map(|thread| thread.join().expect("a thread"))
        });
        assert_eq!(words, ["1\n", "2\n", "3\n"]);
    }
    for root in opened {
        std::thread::spawn(|| root.close().expect("nothing left")).join().expect("a thread");
    }
}

/// The variable that says how many runs there are to be, and that this process is the one that has them.
const SOAK: &str = "ROOTCONTRACT_SOAK";
/// How many runs the tests have; `ci/soak` has more.
const RUNS: usize = 500;
/// How many there are before anything is measured, and how often another root is opened and closed.
const WARM: usize = 50;
/// By how much memory may grow: allocators round.
const GROWTH: i64 = 1 << 20;

/// In a process of its own, since what is measured is the process.
#[test]
fn nothing_grows_however_many_runs_there_are() {
    if let Some(runs) = std::env::var_os(SOAK) {
        return soak(runs.to_str().and_then(|runs| runs.parse().ok()).expect("a number of runs"));
    }
    let mut alone = Command::new(std::env::current_exe().expect("this program"));
    alone.args(["--exact", "endurance::nothing_grows_however_many_runs_there_are", "--nocapture"]);
    let done = alone.env(SOAK, RUNS.to_string()).output().expect("this program");
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && told.starts_with("soak: 500 runs and 10 roots in "), "{told}");
}

fn soak(runs: usize) {
    // Whoever loses its parent becomes a child of this process, and is counted.
    nix::sys::prctl::set_child_subreaper(true).expect("a reaper");
    let started = Instant::now();
    let mounts = std::fs::read("/proc/self/mountinfo").expect("the mounts");
    let mut roots = 0;
    let root = open(Profile::OsbuildV190);
    for number in 0..WARM {
        once(&root, number);
    }
    another_root();
    let before = Usage::now();
    for number in 1..=runs {
        once(&root, number);
        if number % WARM == 0 {
            another_root();
            roots += 1;
            progress(number, runs);
        }
    }
    let grown = Usage::now().since(&before);
    root.close().expect("nothing left");
    let processes = descendants();
    eprintln!("soak: {runs} runs and {roots} roots in {} s: {grown}", started.elapsed().as_secs());
    assert!(processes.is_empty(), "processes are left: {processes:?}");
    assert!(std::fs::read("/proc/self/mountinfo").expect("the mounts") == mounts, "the mounts have changed");
    assert!(grown.descriptors == 0 && grown.memory <= GROWTH, "this process has grown");
    assert!(grown.processes == 0 && grown.namespaces == 0, "there are more than before");
    assert!(grown.supervisors_descriptors == 0 && grown.supervisors_memory <= GROWTH, "the supervisor has grown");
}

fn once(root: &BuildRoot, number: usize) {
    assert_eq!(said(root, &format!("echo {number}")), format!("{number}\n"));
}

fn another_root() {
    let root = builder("/").profile(Profile::OsbuildV19).open().expect("an open root");
    once(&root, 0);
    root.close().expect("nothing left");
}

fn progress(done: usize, runs: usize) {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        let _nobody_looks = write!(terminal, "\rsoak: {done} of {runs} runs\r");
    }
}

/// What this process and those it has started take up.
#[derive(Debug)]
struct Usage {
    descriptors: i64,
    memory: i64,
    supervisors_descriptors: i64,
    supervisors_memory: i64,
    processes: i64,
    namespaces: i64,
}

impl Usage {
    fn now() -> Self {
        let own = Path::new("/proc/self");
        let others: Vec<_> = descendants().iter().map(|pid| Path::new("/proc").join(pid.to_string())).collect();
        let mut namespaces: Vec<_> =
            others.iter().chain([&own.to_owned()]).flat_map(|process| namespaces(process)).collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        Self {
            descriptors: descriptors(own),
            memory: memory(own),
            supervisors_descriptors: others.iter().map(|process| descriptors(process)).sum(),
            supervisors_memory: others.iter().map(|process| memory(process)).sum(),
            processes: count(others.len()),
            namespaces: count(namespaces.len()),
        }
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            descriptors: self.descriptors - before.descriptors,
            memory: self.memory - before.memory,
            supervisors_descriptors: self.supervisors_descriptors - before.supervisors_descriptors,
            supervisors_memory: self.supervisors_memory - before.supervisors_memory,
            processes: self.processes - before.processes,
            namespaces: self.namespaces - before.namespaces,
        }
    }
}

impl std::fmt::Display for Usage {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kibibytes = |bytes: i64| bytes / 1024;
        write!(out, "descriptors {:+}, memory {:+} KiB", self.descriptors, kibibytes(self.memory))?;
        let (descriptors, memory) = (self.supervisors_descriptors, kibibytes(self.supervisors_memory));
        write!(out, "; the supervisor's {descriptors:+} and {memory:+} KiB")?;
        write!(out, "; processes {:+}, namespaces {:+}", self.processes, self.namespaces)
    }
}

/// The processes below this one, whoever started them.
fn descendants() -> Vec<i32> {
    let stat = |entry: std::fs::DirEntry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        Some((pid, parent))
    };
    let parents: BTreeMap<i32, i32> = std::fs::read_dir("/proc").expect("/proc").flatten().filter_map(stat).collect();
    let own = i32::try_from(std::process::id()).expect("a pid");
    let is_below =
        |&pid: &i32| std::iter::successors(parents.get(&pid), |&pid| parents.get(pid)).any(|&pid| pid == own);
    parents.keys().copied().filter(is_below).collect()
}

fn descriptors(process: &Path) -> i64 {
    count(process.join("fd").read_dir().expect("descriptors").count())
}

/// What is resident, in bytes.
fn memory(process: &Path) -> i64 {
    let status = std::fs::read_to_string(process.join("status")).expect("a status");
    let line =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse::<i64>().ok());
    line.expect("a size") * 1024
}

fn namespaces(process: &Path) -> Vec<String> {
    let links = process.join("ns").read_dir().expect("namespaces").flatten();
    links.filter_map(|entry| Some(entry.path().read_link().ok()?.to_string_lossy().into_owned())).collect()
}

fn count(many: usize) -> i64 {
    i64::try_from(many).expect("not that many")
}
