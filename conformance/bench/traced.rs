//! What tracing costs: a scriptlet of a thousand commands, traced and not, one after the other in the same room. No test: it
//! prints, and exits with 0. Takes rpmbuild, and what `ci/tree` makes.

mod measure;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rootcontract::buildroot::BuildRoot;
use rootcontract::profile::Profile;
use rootcontract::rpm::room::{PACKAGES, Room};
use rootcontract::rpm::trace;

use measure::{finished, median, timed, verdict};

/// Installations of each kind, of which the median counts.
const ROUNDS: usize = 7;
/// The most that a traced one may take, in untraced ones.
const GOAL: f64 = 3.0;

fn main() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = BuildRoot::builder("/")
        .profile(Profile::Hardened)
        .capabilities(Profile::Hardened.default_capabilities())
        .supervisor(env!("CARGO_BIN_EXE_rootcontract"))
        .open()
        .expect("a root");
    let arch = rootcontract::arch::native().expect("an architecture of the table").name;
    let (room, _) = Room::with_copy_of(&root, &home.join("target/trees").join(arch)).expect("a room");
    let packages = room.packages().to_str().expect("text");
    finished(
        Command::new("rpmbuild")
            .args([
                "--quiet",
                "--define",
                &format!("_topdir {packages}/build"),
                "--define",
                &format!("_rpmdir {packages}"),
            ])
            .args(["--define", "_rpmfilename busy.rpm", "-bb"])
            .arg(home.join("fixtures/rpm/room/busy.spec"))
            .env("HOME", packages),
    );
    let package = format!("{PACKAGES}/busy.rpm");
    let install = || room.rpm(&["--nosignature", "--nodeps", "--force", "--install", &package]);
    let (mut plain, mut traced) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        plain.push(timed(|| assert!(root.run(install()).expect("a run").outcome.success())));
        traced.push(timed(|| {
            let (done, seen) = trace::run(&root, install()).expect("a run").expect("a trace");
            assert!(done.outcome.success() && seen.scriptlets.len() == 1, "{seen:?}");
        }));
    }
    root.close().expect("nothing left");
    let [plain, traced] = [plain, traced].map(median);
    let ratio = traced.as_secs_f64() / plain.as_secs_f64();
    println!("{:<52} {:>9} {:>7} {:>7}", "a scriptlet of a thousand commands", "time", "ratio", "goal");
    println!("{:<52} {:>6.0} ms {:>7} {:>7}", "as it is", milliseconds(plain), "", "");
    println!("{:<52} {:>6.0} ms {ratio:>7.2} {GOAL:>7.2}  {}", "traced", milliseconds(traced), verdict(ratio <= GOAL));
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
