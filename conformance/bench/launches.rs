//! What a build root costs, in launches of bubblewrap with the same arguments: ratios, since all of it is measured in the
//! same rounds on the same machine. No test: it prints, and exits with 0.

mod measure;
mod tables;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use rootcontract::argv;
use rootcontract::buildroot::{BuildRoot, Invocation};
use rootcontract::plan::CapabilityPolicy;

use measure::{finished, median, timed, verdict};

/// Rounds, of which the median counts.
const ROUNDS: usize = 101;
/// A check is long; so many of them are enough.
const CHECKS: usize = 11;
/// How many mounts a small host has, and a large one.
const FEW: usize = 16;
const MANY: usize = 1000;
/// What a large caller has in memory.
const LARGE: usize = 1 << 30;
/// What a payload says to see whether memory grows with it.
const CHATTER: &str = "209715200";
const MEBIBYTE: f64 = 1024.0 * 1024.0;

fn main() {
    // First, while nothing else has taken memory.
    let own = chatter_in_the_library();
    let ([home, short, long], _place) = tables::made(FEW, MANY);
    short.enter();
    let few = Host::new();
    long.enter();
    let many = Host::new();
    let (mut at_few, mut at_many) = (Times::default(), Times::default());
    for _ in 0..ROUNDS {
        short.enter();
        few.measure(&mut at_few);
        long.enter();
        many.measure(&mut at_many);
    }
    short.enter();
    let check = median((0..CHECKS).map(|_| timed(|| finished(&mut check()))).collect());
    finished(
        Command::new(command())
            .args(["run", "--quiet", "--capabilities", "inherit", "--", "/usr/bin/head", "-c", CHATTER])
            .arg("/dev/zero"),
    );
    // A child shares its parent's memory for a moment, so this comes before the large caller.
    let children = getrusage(UsageWho::RUSAGE_CHILDREN).expect("usage of the children").max_rss();
    let [small, large] = callers(&few);
    [few, many].into_iter().for_each(|host| host.root.close().expect("nothing left"));
    home.enter();

    tell([at_few.medians(), at_many.medians(), small, large], check);
    println!("\n{:<56} {:>9} {:>7} {:>7}", "peak memory", "MiB", "", "goal");
    memory("largest process of check and run, 200 MiB of output", children);
    memory("this program, the same in the library", own);
}

/// The times of a small host, a large one, a small caller and a large one.
fn tell([at_few, at_many, small, large]: [Times<Duration>; 4], check: Duration) {
    println!("{:<56} {:>9} {:>7} {:>7}", format!("at {FEW} mounts, median"), "time", "ratio", "goal");
    row("bubblewrap itself, /usr/bin/true", at_few.raw, at_few.raw, None);
    row("run in an open root", at_few.run, at_few.raw, Some(1.2));
    row("open and close", at_few.open, at_few.raw, None);
    row("open, run and close", at_few.whole, at_few.raw, Some(1.6));
    row("check of one profile, the whole command", check, at_few.raw, Some(8.0));
    println!("\n{:<56} {:>9} {:>7} {:>7}", format!("at {MANY} mounts, median"), "time", "ratio", "goal");
    row("bubblewrap itself, /usr/bin/true", at_many.raw, at_many.raw, None);
    row("run in an open root", at_many.run, at_many.raw, Some(0.35));
    row(&format!("the same, of what it takes at {FEW} mounts"), at_many.run, at_few.run, Some(1.3));
    row("open and close", at_many.open, at_many.raw, None);
    row("open, run and close", at_many.whole, at_many.raw, None);
    println!("\n{:<56} {:>9} {:>7} {:>7}", "with 1 GiB in the caller's memory, median", "time", "ratio", "goal");
    row("run in an open root, of what it takes without", large.run, small.run, Some(1.2));
    row("open, run and close, of what it takes without", large.whole, small.whole, Some(1.2));
}

/// A host with an open root.
struct Host {
    root: BuildRoot,
    raw: Vec<std::ffi::OsString>,
    environment: std::collections::BTreeMap<std::ffi::OsString, std::ffi::OsString>,
}

/// What takes turns: bubblewrap itself, a run, an open and a close, all of it.
#[derive(Default)]
struct Times<T = Vec<Duration>> {
    raw: T,
    run: T,
    open: T,
    whole: T,
}

impl Host {
    fn new() -> Self {
        let root = opened();
        let plan = root.plan(&nothing());
        let environment = plan.environment.resolve(std::env::vars_os());
        Self { root, raw: argv::arguments(&plan), environment }
    }

    fn measure(&self, times: &mut Times) {
        let mut raw = Command::new(self.root.bwrap());
        raw.args(&self.raw).env_clear().envs(&self.environment);
        times.raw.push(timed(|| finished(&mut raw)));
        times.run.push(timed(|| runs(&self.root)));
        times.open.push(timed(|| opened().close().expect("nothing left")));
        times.whole.push(timed(|| {
            let root = opened();
            runs(&root);
            root.close().expect("nothing left");
        }));
    }
}

impl Times {
    fn medians(self) -> Times<Duration> {
        let Self { raw, run, open, whole } = self;
        Times { raw: median(raw), run: median(run), open: median(open), whole: median(whole) }
    }
}

/// The same from a small caller and a large one, in turns that are long because growing takes its time.
fn callers(host: &Host) -> [Times<Duration>; 2] {
    let mut times = [Times::default(), Times::default()];
    for _ in 0..5 {
        for (times, size) in times.iter_mut().zip([1, LARGE]) {
            let resident = vec![1_u8; size];
            (0..ROUNDS / 5).for_each(|_| host.measure(times));
            std::hint::black_box(resident);
        }
    }
    times.map(Times::medians)
}

fn nothing() -> Invocation {
    Invocation::new(["/usr/bin/true"])
}

fn runs(root: &BuildRoot) {
    let done = root.run(nothing()).expect("a run");
    assert!(done.outcome.success(), "{}", done.stderr.text());
}
fn opened() -> BuildRoot {
    let builder = BuildRoot::builder("/").supervisor(command()).capabilities(CapabilityPolicy::Inherit);
    builder.open().expect("an open root")
}

fn command() -> PathBuf {
    env!("CARGO_BIN_EXE_rootcontract").into()
}

fn check() -> Command {
    let arch = rootcontract::arch::native().expect("an architecture of the table").name;
    let probe = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/probes").join(arch).join("rootcontract-probe");
    let mut check = Command::new(command());
    check.args(["check", "--profile", "osbuild", "--capabilities", "inherit", "--probe"]).arg(probe);
    check
}

/// Nothing of it is read, all of it passes through; the peak of our memory then, in KiB.
fn chatter_in_the_library() -> i64 {
    let root = opened();
    let done = root.run(Invocation::new(["/usr/bin/head", "-c", CHATTER, "/dev/zero"])).expect("a run");
    assert!(done.outcome.success(), "{}", done.stderr.text());
    root.close().expect("nothing left");
    // Not ru_maxrss: that is handed down through execve from whoever started us.
    let status = std::fs::read_to_string("/proc/self/status").expect("our status");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
    peak.expect("our peak")
}

fn row(what: &str, time: Duration, raw: Duration, goal: Option<f64>) {
    let ratio = time.as_secs_f64() / raw.as_secs_f64();
    let against = goal.map(|goal| format!("{goal:>7.2}  {}", verdict(ratio <= goal))).unwrap_or_default();
    println!("{what:<56} {:>6.2} ms {ratio:>7.2} {against}", time.as_secs_f64() * 1000.0);
}

/// The kernel tells it in KiB.
fn memory(what: &str, kibibytes: i64) {
    let mebibytes = kibibytes as f64 * 1024.0 / MEBIBYTE;
    println!("{what:<56} {mebibytes:>9.1} {:>7} {:>7.2}  {}", "", 32.0, verdict(mebibytes <= 32.0));
}
