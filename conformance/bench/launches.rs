//! What a build root costs, in launches of bubblewrap with the same arguments: ratios, since both are measured in the
//! same rounds on the same machine. No test: it prints, and exits with 0.

mod measure;

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
/// What a payload says to see whether memory grows with it.
const CHATTER: &str = "209715200";
const MEBIBYTE: f64 = 1024.0 * 1024.0;

fn main() {
    let [raw, run, open] = launches();
    let check = median((0..CHECKS).map(|_| timed(|| finished(&mut check()))).collect());
    finished(
        Command::new(command())
            .args(["run", "--capabilities", "inherit", "--", "/usr/bin/head", "-c", CHATTER])
            .arg("/dev/zero"),
    );
    chatter_in_the_library();

    println!("{:<52} {:>9} {:>7} {:>7}", "median", "time", "ratio", "goal");
    row("bubblewrap itself, /usr/bin/true", raw, raw, None);
    row("run in an open root", run, raw, Some(1.25));
    row("open and close", open, raw, Some(0.5));
    row("check of one profile, the whole command", check, raw, Some(8.0));
    println!("\n{:<52} {:>9} {:>7} {:>7}", "peak memory", "MiB", "", "goal");
    let children = getrusage(UsageWho::RUSAGE_CHILDREN).expect("usage of the children").max_rss();
    // Not ru_maxrss: that is handed down through execve from whoever started us.
    let status = std::fs::read_to_string("/proc/self/status").expect("our status");
    let own = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
    let own = own.expect("our peak");
    memory("largest process of check and run, 200 MiB of output", children);
    memory("this program, the same in the library", own);
}

/// The three that take turns: bubblewrap itself, a run, an open and a close.
fn launches() -> [Duration; 3] {
    let root = opened();
    let invocation = || Invocation::new(["/usr/bin/true"]);
    let plan = root.plan(&invocation());
    let arguments = argv::arguments(&plan);
    let environment = plan.environment.resolve(std::env::vars_os());
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        times[0].push(timed(|| {
            finished(Command::new(root.bwrap()).args(&arguments).env_clear().envs(&environment));
        }));
        times[1].push(timed(|| {
            let done = root.run(invocation()).expect("a run");
            assert!(done.outcome.success(), "{}", done.stderr.text());
        }));
        times[2].push(timed(|| opened().close().expect("nothing left")));
    }
    root.close().expect("nothing left");
    times.map(median)
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

/// Nothing of it is read, all of it passes through.
fn chatter_in_the_library() {
    let root = opened();
    let done = root.run(Invocation::new(["/usr/bin/head", "-c", CHATTER, "/dev/zero"])).expect("a run");
    assert!(done.outcome.success(), "{}", done.stderr.text());
    root.close().expect("nothing left");
}

fn row(what: &str, time: Duration, raw: Duration, goal: Option<f64>) {
    let ratio = time.as_secs_f64() / raw.as_secs_f64();
    let against = goal.map(|goal| format!("{goal:>7.2}  {}", verdict(ratio <= goal))).unwrap_or_default();
    println!("{what:<52} {:>6.2} ms {ratio:>7.2} {against}", time.as_secs_f64() * 1000.0);
}

/// The kernel tells it in KiB.
fn memory(what: &str, kibibytes: i64) {
    let mebibytes = kibibytes as f64 * 1024.0 / MEBIBYTE;
    println!("{what:<52} {mebibytes:>9.1} {:>7} {:>7.2}  {}", "", 32.0, verdict(mebibytes <= 32.0));
}
