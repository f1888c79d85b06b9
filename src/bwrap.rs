//! The bubblewrap in use: where it is, what it says of itself, what it reports of a run.

mod ask;
mod behaviour;

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::buildroot::Outcome;
use crate::plan::Op;

pub(crate) use ask::ask;
pub use behaviour::behaviour;

/// How long bubblewrap may take to say something of itself.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Where to look besides `PATH`, which on a build host may be as short as osbuild's own.
const USUAL: [&str; 3] = ["/usr/bin", "/usr/local/bin", "/bin"];

/// There is no bubblewrap.
#[derive(Debug, thiserror::Error)]
#[error("there is no bwrap in PATH: install bubblewrap")]
pub struct NotFound;

/// The first `bwrap` in `search`, or where it usually is.
///
/// # Errors
/// There is none.
pub fn find(search: Option<&OsStr>) -> Result<PathBuf, NotFound> {
    search
        .map(std::env::split_paths)
        .into_iter()
        .flatten()
        .chain(USUAL.map(PathBuf::from))
        .map(|directory| directory.join("bwrap"))
        .find(|candidate| candidate.is_file())
        .and_then(|found| std::path::absolute(found).ok())
        .ok_or(NotFound)
}

/// What a bubblewrap says of itself, for reports; nothing is decided by it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// What `--version` prints after the name; empty if it says nothing of the kind.
    pub version: String,
    /// The long options that `--help` lists, sorted: distributions backport, so this says more than the version.
    pub features: Vec<String>,
    /// The package it came in, with its revision, if the package manager knows.
    pub package: Option<String>,
}

/// Asks the bubblewrap at `path`, and the package manager.
pub fn about(path: &Path) -> About {
    let (version, help, package) = std::thread::scope(|scope| {
        let version = scope.spawn(|| said(path, &["--version"]));
        let help = scope.spawn(|| said(path, &["--help"]));
        let package = package(path);
        (version.join().ok().flatten().unwrap_or_default(), help.join().ok().flatten().unwrap_or_default(), package)
    });
    let version = version.trim().strip_prefix("bubblewrap ").unwrap_or_default();
    let mut features: Vec<_> = help
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("--")?.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    features.sort();
    features.dedup();
    About { version: version.to_owned(), features, package }
}

/// The package that owns `path`, as `name version`.
fn package(path: &Path) -> Option<String> {
    let path = path.canonicalize().ok()?;
    // dpkg-query takes sixty milliseconds to search all lists; the one that matters is read here.
    let debian = || {
        let list = std::fs::read("/var/lib/dpkg/info/bubblewrap.list").ok()?;
        let owned = list.split(|&byte| byte == b'\n').any(|line| line == path.as_os_str().as_encoded_bytes());
        owned.then_some(())?;
        said(Path::new("/usr/bin/dpkg-query"), &["--show", "--showformat=${Package} ${Version}", "bubblewrap"])
    };
    let rpm = || {
        let arguments = [OsStr::new("-qf"), "--queryformat=%{NAME} %{VERSION}-%{RELEASE}".as_ref(), path.as_os_str()];
        said(Path::new("/usr/bin/rpm"), &arguments)
    };
    debian().or_else(rpm).filter(|name| name.len() < 200 && !name.chars().any(char::is_control))
}

/// bubblewrap can't be told what it has to be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotUnderstood {
    /// It could not be asked.
    #[error("it can't be asked")]
    Unasked(#[source] io::Error),
    /// It does not know an option, or is no bubblewrap.
    #[error("it says: {}", crate::facts::text::escape(.0.as_bytes()))]
    Refused(String),
}

/// Whether the bubblewrap at `path` knows the options of this operation. It reads them and then says how it is used,
/// which builds nothing.
///
/// # Errors
/// It does not, or can't be asked.
pub fn understands(path: &Path, op: &Op) -> Result<(), NotUnderstood> {
    let options = crate::argv::options(op).into_iter().chain(["--help".into()]);
    let answer = ask(path, options, PATIENCE).map_err(NotUnderstood::Unasked)?;
    if answer.status.success() && answer.stdout.starts_with("usage: ") {
        return Ok(());
    }
    Err(NotUnderstood::Refused(answer.last_words()))
}

/// What a program prints on standard output, if it ends well and in time.
fn said(program: &Path, arguments: &[impl AsRef<OsStr>]) -> Option<String> {
    let answer = ask(program, arguments, PATIENCE).ok()?;
    answer.status.success().then_some(answer.stdout)
}

/// A line of `--json-status-fd`; what is not known is ignored, as bubblewrap's manual asks.
#[derive(Deserialize)]
struct StatusLine {
    #[serde(rename = "exit-code")]
    exit_code: Option<i64>,
}

/// The payload's exit code. It is there if, and only if, the payload was executed.
pub fn exit_code(status: &[u8]) -> Option<u8> {
    status
        .split(|&byte| byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<StatusLine>(line).ok()?.exit_code)
        .find_map(|code| u8::try_from(code).ok())
}

/// What it means that bubblewrap exited with `code` without reporting an exit code; all of `stderr` is its own.
pub(crate) fn failure(code: i32, stderr: &str) -> Outcome {
    let said = stderr.trim_end();
    let last = said.lines().next_back().unwrap_or_default();
    // The name of a program may have line ends in it.
    let exec =
        said.strip_prefix("bwrap: execvp ").or_else(|| said.rsplit_once("\nbwrap: execvp ").map(|(_, exec)| exec));
    if let Some(exec) = exec {
        if exec.ends_with(": No such file or directory") {
            return Outcome::NotFound;
        }
        return Outcome::NotExecutable;
    }
    Outcome::SetupFailed(match (code, last) {
        (0, "") => "it exited with 0 and ran nothing: is it bubblewrap?".to_owned(),
        (code, "") => format!("it exited with {code} and said nothing"),
        (_, said) if said.contains("Unknown option") => format!("{said} (it takes bubblewrap 0.3.2 or newer)"),
        (_, said) if said.contains("RTM_NEWADDR") => {
            format!("{said} (it takes CAP_NET_ADMIN, or `--privilege userns-subid`)")
        }
        (_, said) => said.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::ran(b"{ \"child-pid\": 3 }\n{ \"exit-code\": 42 }\n", Some(42))]
    #[case::killed(b"{ \"child-pid\": 3 }\n{ \"exit-code\": 137 }\n", Some(137))]
    #[case::never_ran(b"{ \"child-pid\": 3 }\n", None)]
    #[case::says_more_than_we_know(b"{ \"exit-code\": 0, \"new\": [] }\n", Some(0))]
    #[case::cut_off(b"{ \"exit-code\": 4", None)]
    #[case::lies(b"{ \"exit-code\": 4000 }\n", None)]
    #[case::says_nothing(b"", None)]
    fn the_exit_code_line_tells_whether_the_payload_ran(#[case] status: &[u8], #[case] expected: Option<u8>) {
        assert_eq!(exit_code(status), expected);
    }

    #[rstest]
    #[case::absent("bwrap: execvp /nope: No such file or directory\n", Outcome::NotFound)]
    #[case::of_two_lines("bwrap: warning\nbwrap: execvp /a\nb: No such file or directory\n", Outcome::NotFound)]
    #[case::a_directory("bwrap: execvp /usr: Permission denied\n", Outcome::NotExecutable)]
    #[case::of_another_machine("bwrap: execvp /usr/bin/x: Exec format error\n", Outcome::NotExecutable)]
    #[case::no_source(
        "bwrap: Can't find source path /x: No such file or directory\n",
        Outcome::SetupFailed("bwrap: Can't find source path /x: No such file or directory".into())
    )]
    #[case::too_old(
        "bwrap: Unknown option --json-status-fd\n",
        Outcome::SetupFailed("bwrap: Unknown option --json-status-fd (it takes bubblewrap 0.3.2 or newer)".into())
    )]
    #[case::no_loopback(
        "bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted\n",
        Outcome::SetupFailed(
            "bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted (it takes CAP_NET_ADMIN, or `--privilege \
             userns-subid`)"
                .into()
        )
    )]
    #[case::silent("", Outcome::SetupFailed("it exited with 1 and said nothing".into()))]
    fn what_bubblewrap_says_last_tells_why_it_failed(#[case] stderr: &str, #[case] expected: Outcome) {
        assert_eq!(failure(1, stderr), expected);
    }
}
