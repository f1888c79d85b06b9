//! What other architectures cost: a check of an emulated tree beside a native one, and whole matrices. No test: it prints,
//! and exits with 0. Takes what `ci/probes all`, `ci/tree all` and `ci/machine all` make.

mod measure;

use std::process::Command;
use std::time::Duration;

use rootcontract::arch::{self, GATED};

use measure::{finished, median, timed, verdict};

/// Checks of a tree, of which the median counts.
const CHECKS: usize = 11;

fn main() {
    let native = arch::native().expect("an architecture of the table").name;
    println!("{:<52} {:>9} {:>7} {:>7}", "check of a tree, both profiles", "time", "ratio", "goal");
    let own = check(native);
    for name in GATED {
        let time = if name == native { own } else { check(name) };
        let ratio = time.as_secs_f64() / own.as_secs_f64();
        println!("{name:<52} {:>6.0} ms {ratio:>7.2} {:>7.2}  {}", milliseconds(time), 10.0, verdict(ratio <= 10.0));
    }
    println!("\n{:<52} {:>9} {:>7} {:>7}", "all five, both profiles", "time", "", "goal");
    for (place, goal) in [("trees", 5), ("machines", 40)] {
        let time = timed(|| finished(&mut rootcontract(&["matrix", "--arch", "all", "--in", place])));
        row(&format!("matrix of {place}"), time, goal);
    }
    let made = || {
        ["probes", "tree", "machine"].iter().for_each(|what| finished(Command::new(format!("ci/{what}")).arg("all")))
    };
    row("ci/probes, ci/tree and ci/machine, once made", timed(made), 3);
}

fn check(arch: &str) -> Duration {
    let tree = format!("target/trees/{arch}");
    median((0..CHECKS).map(|_| timed(|| finished(&mut rootcontract(&["check", "--root", &tree])))).collect())
}

/// The command, where the trees and machines are.
fn rootcontract(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rootcontract"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn row(what: &str, time: Duration, goal: u64) {
    let kept = verdict(time <= Duration::from_secs(goal));
    println!("{what:<52} {:>6.0} ms {:>7} {:>5} s  {kept}", milliseconds(time), "", goal);
}
