//! What must be so after every run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;

use super::tracer::{Case, Fault, Trace};

/// Where scratch directories are.
const PLACES: [&str; 3] = ["/run/rootcontract", "/var/tmp", "/tmp"];

/// What the undisturbed run came to, and what there was before it.
#[derive(Debug)]
pub struct Calm {
    pub trace: Trace,
    mounts: String,
}

impl Calm {
    /// `code`: what it has to end with.
    pub fn new(trace: Trace, code: i32) -> Self {
        assert!(!trace.hung && left().is_empty(), "the undisturbed run leaves something: {trace:?}");
        assert_eq!(self::code(&trace), Some(code), "the undisturbed run: {}", trace.stderr);
        Self { trace, mounts: mounts() }
    }

    /// What is wrong after a run of `command` in which `case` happened.
    pub fn judge(&self, command: &[&str], case: Case, trace: &Trace) -> Vec<String> {
        let mut wrong = Vec::new();
        if trace.hung {
            wrong.push("something ran on".to_owned());
        }
        match (case.fault, trace.end) {
            (Fault::Kill, Some(WaitStatus::Signaled(_, Signal::SIGKILL, _))) | (_, None) => {}
            (_, Some(WaitStatus::Exited(_, code))) => wrong.extend(self.ending(code, trace)),
            (_, Some(end)) => wrong.push(format!("it ended by {end:?}")),
        }
        if ["panicked", "a fault in rootcontract", "RUST_BACKTRACE"].iter().any(|word| trace.stderr.contains(word)) {
            wrong.push("it panicked".to_owned());
        }
        if mounts() != self.mounts {
            wrong.push("it left a mount".to_owned());
        }
        let left = left();
        if !left.is_empty() {
            let told = case.fault == Fault::Kill || trace.stderr.contains("remove") || code(trace) != code(&self.trace);
            let next = Command::new(command[0])
                .args(&command[1..])
                .args(["run", "--", "/usr/bin/true"])
                .stderr(Stdio::null())
                .status();
            if !told || !next.is_ok_and(|next| next.success()) || !self::left().is_empty() {
                wrong.push(format!("it left {left:?}"));
            }
        }
        wrong
    }

    /// Who ends as always has said what is always said; who does not has said why, in a line or in a report.
    fn ending(&self, code: i32, trace: &Trace) -> Option<String> {
        if Some(code) == self::code(&self.trace) {
            let other: Vec<_> = said(trace).filter(|line| !said(&self.trace).any(|usual| usual == *line)).collect();
            let less = said(trace).count() < said(&self.trace).count();
            return (less || !other.is_empty()).then(|| format!("it ended as always and said {other:?}"));
        }
        let lines = trace.stderr.lines().filter(|line| line.starts_with("rootcontract: ")).count();
        let found = |word: &str| trace.stdout.contains(word);
        match code {
            2 | 125..=127 if lines > 0 => None,
            1 if found(" is broken (") => None,
            2 if found(" is unknown (") => None,
            code => Some(format!("it exited with {code} and {lines} lines")),
        }
    }
}

/// What it said on stdout, but for the package that bubblewrap came in, which is nice to know and no more.
fn said(trace: &Trace) -> impl Iterator<Item = &str> {
    trace.stdout.lines().filter(|line| !line.starts_with("bubblewrap "))
}

fn code(trace: &Trace) -> Option<i32> {
    match trace.end {
        Some(WaitStatus::Exited(_, code)) => Some(code),
        _ => None,
    }
}

fn left() -> Vec<PathBuf> {
    let ours =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("rootcontract-"));
    let within = |place: &str| Path::new(place).read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    PLACES.iter().flat_map(|place| within(place)).filter(ours).collect()
}

fn mounts() -> String {
    std::fs::read_to_string("/proc/self/mountinfo").expect("the mounts")
}
