//! What a bubblewrap does, found by trying: everything that this project, or a launcher we know of, builds on and that
//! one version did otherwise than another.
//!
//! Each trial is one sandbox of a few mounts, with a word for what came of it. The words are facts (attempts) that
//! `conformance/contract/bwrap.toml` has clauses about.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use super::ask::Answer;
use super::{PATIENCE, ask, exit_code};
use crate::capability::Capability;
use crate::sys;

/// How long bubblewrap may take where a version of it takes for ever.
const SHORT: Duration = Duration::from_secs(2);

/// A file system for a shell: `/usr`, and what leads there.
const BARE: &str = "--ro-bind /usr /usr --ro-bind-try /bin /bin --ro-bind-try /lib /lib --ro-bind-try /lib64 /lib64 \
                    --proc /proc --unshare-pid";

/// What is done around bubblewrap, which is `"$0" "$@"`.
const PLAIN: &str = r#"exec "$0" "$@""#;
/// What it reports goes to standard output, like what the payload prints.
const REPORTS: &str = r#"exec "$0" --json-status-fd 3 "$@" 3>&1"#;

/// One sandbox and how it is read.
#[derive(Debug, Clone, Copy)]
struct Trial {
    /// The name of the attempt.
    name: &'static str,
    /// What is done around bubblewrap.
    around: &'static str,
    /// Arguments besides [`BARE`]; `@` is a directory of the trial's own.
    arguments: &'static str,
    /// What the shell inside does.
    script: &'static str,
    /// What is made of it.
    word: Word,
}

/// How an answer becomes a word.
#[derive(Debug, Clone, Copy)]
enum Word {
    /// What was printed, or `refused`.
    Printed,
    /// bubblewrap's own exit code.
    Code,
    /// The exit code in bubblewrap's report, or `none`.
    Reported,
    /// `silent`, or `warns` when something is on standard error.
    Noise,
}

/// Every trial that is a sandbox and nothing else.
const TRIALS: [Trial; 17] = [
    trial("code:exit", PLAIN, "", "exit 7", Word::Code),
    trial("code:signal", PLAIN, "", "kill -9 $$", Word::Code),
    trial("report:exit", REPORTS, "", "exit 7", Word::Reported),
    trial("report:signal", REPORTS, "", "kill -9 $$", Word::Reported),
    trial("report:not-set-up", REPORTS, "--ro-bind /nonexistent /x", "exit 7", Word::Reported),
    trial("parent:mode", PLAIN, "--ro-bind /usr /x/y", "stat -c 0%a /x", Word::Printed),
    trial("dir:mode", PLAIN, "--dir /x", "stat -c 0%a /x", Word::Printed),
    trial("tmpfs:mode", PLAIN, "--tmpfs /x", "stat -c 0%a /x", Word::Printed),
    trial("symlink-destination:relative", PLAIN, "--symlink usr/share /x --tmpfs /x", "echo ok", Word::Printed),
    trial("symlink-destination:absolute", PLAIN, "--symlink /usr/share /x --tmpfs /x", "echo ok", Word::Printed),
    trial("symlink-parent:absolute", PLAIN, "--dir /d --symlink /d /x --tmpfs /x/y", "ls /d", Word::Printed),
    trial("symlink:twice", PLAIN, "--symlink usr/bin /x --symlink usr/bin /x", "echo ok", Word::Printed),
    trial("option:twice", PLAIN, "--hostname a --hostname a --unshare-uts", "exit 0", Word::Noise),
    trial("socket-destination", PLAIN, "--bind @ /d --bind @/socket /d/socket", "echo ok", Word::Printed),
    trial("proc-sys", PLAIN, "", "test -w /proc/sys/kernel/hostname && echo rw || echo ro", Word::Printed),
    trial("sigchld:ignored", IGNORES, "", "echo ok", Word::Printed),
    trial("die-with-parent", DIES, "--die-with-parent", "echo up; exec sleep 1000", Word::Printed),
];

/// A launcher that does not care about its children. A shell does not hand that on.
const IGNORES: &str = r#"exec env --ignore-signal=CHLD "$0" "$@""#;
/// A launcher that starts bubblewrap and is killed, when the sandbox is up. Says whether bubblewrap goes too, which it
/// has two seconds for; whether somebody then collects it is not its affair.
const DIES: &str = r#"
up=$(mktemp -u) && mkfifo "$up" || exit 1
sh -c '"$0" "$@" & echo $!; wait' "$0" "$@" > "$up" 2>&1 &
{ read -r one && read -r other; } < "$up"
rm "$up"
[ "$one" = up ] && bwrap=$other || bwrap=$one
kill -9 $!
wait
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    read -r _ _ state _ 2> /dev/null < "/proc/$bwrap/stat" || state=Z
    [ "$state" != Z ] || { echo gone; exit 0; }
    sleep 0.1
done
echo left
kill -9 "$bwrap"
"#;

const fn trial(
    name: &'static str,
    around: &'static str,
    arguments: &'static str,
    script: &'static str,
    word: Word,
) -> Trial {
    Trial { name, around, arguments, script, word }
}

/// Tries everything with the bubblewrap at `path`: the words by the names of the attempts.
///
/// # Errors
/// A trial could not be made ready; what bubblewrap does is never an error.
pub fn behaviour(path: &Path) -> io::Result<BTreeMap<String, String>> {
    std::thread::scope(|scope| {
        let trials = TRIALS.map(|trial| (trial.name, scope.spawn(move || trial.word(path))));
        let capabilities = scope.spawn(|| without_one_capability(path));
        let place = scope.spawn(|| mode_of_mount_point(path));
        let mut words: BTreeMap<String, String> = BTreeMap::from([("setuid".to_owned(), setuid(path)?)]);
        words.insert("not-found".to_owned(), not_found(path)?);
        let more = [("capability:missing", capabilities), ("mount-point:mode", place)];
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

/// What was printed, on one line; `refused` if bubblewrap did not start the shell.
fn printed(answer: &Answer) -> String {
    let word = answer.stdout.trim().replace('\n', " ");
    if answer.status.success() && !word.is_empty() { word } else { "refused".to_owned() }
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
