//! What the benchmarks measure with.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs it to its end, which must be a good one.
pub fn finished(command: &mut Command) {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().expect("started");
    assert!(status.success(), "{command:?}: {status}");
}

/// How long it takes.
pub fn timed(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

/// The one in the middle.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Whether a goal is met, in a word.
pub fn verdict(kept: bool) -> &'static str {
    if kept { "ok" } else { "over" }
}
