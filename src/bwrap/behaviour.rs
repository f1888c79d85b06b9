//! What a bubblewrap does, found by trying: everything that this project, or a launcher we know of, builds on and that
//! one version did otherwise than another.
//!
//! Each trial is one sandbox of a few mounts, with a word for what came of it. The words are facts (attempts) that
//! `conformance/contract/bwrap.toml` has clauses about.

mod trials;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::unistd::Pid;

use self::trials::{BARE, IGNORES, PLAIN, TRIALS, Trial, UP, Word};
use super::ask::{Answer, ends_within};
use super::{PATIENCE, ask, exit_code};
use crate::capability::Capability;
use crate::sys;

/// How long bubblewrap may take where a version of it takes for ever.
const SHORT: Duration = Duration::from_secs(2);

/// Tries everything with the bubblewrap at `path`: the words by the names of the attempts.
///
/// # Errors
/// A trial could not be made ready; what bubblewrap does is never an error.
pub fn behaviour(path: &Path) -> io::Result<BTreeMap<String, String>> {
    // Some are started in another directory.
    let path = &std::path::absolute(path)?;
    std::thread::scope(|scope| {
        let trials = TRIALS.map(|trial| (trial.name, scope.spawn(move || trial.word(path))));
        let capabilities = scope.spawn(|| without_one_capability(path));
        let place = scope.spawn(|| mode_of_mount_point(path));
        let thread = scope.spawn(|| started_by_a_thread(path));
        let mut words: BTreeMap<String, String> = BTreeMap::from([("setuid".to_owned(), setuid(path)?)]);
        words.insert("not-found".to_owned(), not_found(path)?);
        let more =
            [("capability:missing", capabilities), ("mount-point:mode", place), ("die-with-parent:thread", thread)];
        for (name, trial) in trials.into_iter().chain(more) {
            let word = trial.join().unwrap_or_else(|_| Err(io::Error::other("the trial gave up")))?;
            words.insert(name.to_owned(), word);
        }
        Ok(words)
    })
}

impl Trial {
    fn word(&self, path: &Path) -> io::Result<String> {
        let directory = tempfile::tempdir()?;
        let _listens = UnixListener::bind(directory.path().join("socket"))?;
        symlink("/usr/share", directory.path().join("link"))?;
        let place = directory.path().to_string_lossy();
        let arguments = self.arguments.split_whitespace().map(|word| word.replace('@', &place));
        let answer = launch(path, self.around, arguments, ["sh", "-c", self.script]);
        Ok(match (answer, self.word) {
            (Err(error), _) if error.kind() == io::ErrorKind::TimedOut => "hangs".to_owned(),
            (Err(error), _) => return Err(error),
            (Ok(answer), Word::Printed) => printed(&answer),
            (Ok(answer), Word::Code) => code(&answer),
            (Ok(answer), Word::Reported) => {
                exit_code(answer.stdout.as_bytes()).map_or("none".to_owned(), |code| code.to_string())
            }
            (Ok(answer), Word::Noise) if answer.status.success() && answer.stderr.is_empty() => "silent".to_owned(),
            (Ok(answer), Word::Noise) if answer.status.success() => "warns".to_owned(),
            (Ok(_), Word::Noise) => "refused".to_owned(),
        })
    }
}

/// One sandbox.
fn launch(
    path: &Path,
    around: &str,
    arguments: impl IntoIterator<Item = String>,
    payload: [&str; 3],
) -> io::Result<Answer> {
    let bare = BARE.split_whitespace().map(str::to_owned);
    let words = bare.chain(arguments).chain(payload.map(str::to_owned)).map(OsString::from);
    let outside = [OsStr::new("-c"), OsStr::new(around), path.as_os_str()].map(OsStr::to_owned);
    let patience = if around == IGNORES { SHORT } else { PATIENCE };
    ask(Path::new("/bin/sh"), outside.into_iter().chain(words), patience)
}

/// What was printed, on one line; `refused` if bubblewrap said why it did not start the shell, `not-tried` if what is
/// done around it failed.
fn printed(answer: &Answer) -> String {
    let word = answer.stdout.trim().replace('\n', " ");
    match answer.status.success() && !word.is_empty() {
        true => word,
        false if answer.last_words().starts_with("bwrap: ") => "refused".to_owned(),
        false => "not-tried".to_owned(),
    }
}

fn code(answer: &Answer) -> String {
    answer.status.code().map_or("killed".to_owned(), |code| code.to_string())
}

/// Whether a program that is not there can be told from one that failed: `told` when bubblewrap says so.
fn not_found(path: &Path) -> io::Result<String> {
    let answer = launch(path, PLAIN, [], ["/nonexistent", "", ""])?;
    let words = "bwrap: execvp /nonexistent: No such file or directory";
    Ok(if answer.last_words() == words { "told".to_owned() } else { answer.last_words() })
}

/// What the payload holds when it was to get two capabilities and the caller lacks one of them: `the-other`, `all` that
/// the caller has, `none`, or `refused`.
fn without_one_capability(path: &Path) -> io::Result<String> {
    let tries = || {
        sys::drop_from_bounding_set_of_this_thread(Capability::AUDIT_CONTROL.number())?;
        let arguments = "--cap-drop ALL --cap-add CAP_AUDIT_CONTROL --cap-add CAP_CHOWN".split(' ').map(str::to_owned);
        launch(path, PLAIN, arguments, ["sh", "-c", "sed -n s/CapEff:.//p /proc/self/status"])
    };
    let answer = std::thread::scope(|scope| scope.spawn(tries).join());
    let answer = answer.unwrap_or_else(|_| Err(io::Error::other("the trial gave up")));
    match answer {
        // An ordinary user has none to drop.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok("not-tried".to_owned()),
        Err(error) => Err(error),
        Ok(answer) => Ok(match u64::from_str_radix(&printed(&answer), 16) {
            Ok(1) => "the-other".to_owned(),
            Ok(0) => "none".to_owned(),
            Ok(_) => "all".to_owned(),
            Err(_) => "refused".to_owned(),
        }),
    }
}

/// Whether a sandbox that goes with its parent goes with the thread that started it, `gone`, or is `left`.
fn started_by_a_thread(path: &Path) -> io::Result<String> {
    let start = || {
        let mut command = Command::new(path);
        command.args(BARE.split_whitespace()).args(["--die-with-parent", "sh", "-c", UP]).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        sys::with_default_signals(&mut command);
        let mut child = command.spawn()?;
        let up = child.stdout.as_mut().map(|output| output.read_exact(&mut [0; 3]));
        Ok::<_, io::Error>((child, matches!(up, Some(Ok(())))))
    };
    let started = std::thread::scope(|scope| scope.spawn(start).join());
    let (mut child, is_up) = started.unwrap_or_else(|_| Err(io::Error::other("the trial gave up")))?;
    let is_gone = ends_within(Pid::from_raw(child.id().try_into().unwrap_or_default()), SHORT);
    child.kill()?;
    child.wait()?;
    Ok(match is_gone? {
        _ if !is_up => "refused",
        true => "gone",
        false => "left",
    }
    .to_owned())
}

/// The mode of the file that bubblewrap makes to mount another one on.
fn mode_of_mount_point(path: &Path) -> io::Result<String> {
    let directory = tempfile::tempdir()?;
    let arguments = ["--bind", &directory.path().to_string_lossy(), "/d", "--ro-bind", "/bin/sh", "/d/file"];
    launch(path, PLAIN, arguments.map(str::to_owned), ["sh", "-c", "exit 0"])?;
    match fs::metadata(directory.path().join("file")) {
        Ok(metadata) => Ok(format!("0{:o}", metadata.permissions().mode() & 0o7777)),
        Err(_) => Ok("refused".to_owned()),
    }
}

/// Whether bubblewrap takes on its owner's rights.
fn setuid(path: &Path) -> io::Result<String> {
    let mode = fs::metadata(path)?.permissions().mode();
    Ok(if mode & 0o4000 == 0 { "no" } else { "yes" }.to_owned())
}
