//! `rpm shell`: somebody at a terminal, where a scriptlet would run.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{Termios, tcgetattr};
use nix::unistd::Pid;
use rstest::rstest;

use super::{built, host, tree};
use crate::support::{runnable_by_all, supervisor};
use crate::users::ordinary::{Ids, Ordinary};

/// How long anything may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal with `rpm shell` on it.
struct Session {
    keyboard: File,
    terminal: OwnedFd,
    before: Termios,
    command: Child,
    seen: String,
}

impl Session {
    /// Starts a program, which becomes the shell, on a terminal of 30 rows and 90 columns.
    fn start(mut program: Command) -> Self {
        let pair = openpty(None, None).expect("a terminal");
        for end in [&pair.master, &pair.slave] {
            // Who holds an end of its own terminal is never told that the other one is gone.
            fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).expect("a descriptor");
        }
        let before = tcgetattr(&pair.slave).expect("its modes");
        let theirs = || Stdio::from(pair.slave.try_clone().expect("a descriptor"));
        program.stdin(theirs()).stdout(theirs()).stderr(theirs());
        let session = Self {
            keyboard: pair.master.into(),
            command: {
                resize(&pair.slave, 30, 90);
                program.spawn().expect("a shell")
            },
            terminal: pair.slave,
            before,
            seen: String::new(),
        };
        session.prompted()
    }

    /// Waits for the prompt.
    fn prompted(mut self) -> Self {
        self.sees("# ");
        self
    }

    /// Types a line.
    fn types(&mut self, line: &str) {
        self.keyboard.write_all(line.as_bytes()).expect("a terminal");
    }

    /// Waits until this is on the screen, and forgets what was there until then.
    fn sees(&mut self, text: &str) {
        let begun = Instant::now();
        while !self.seen.contains(text) {
            assert!(begun.elapsed() < PATIENCE, "{text:?} is not in {:?}", self.seen);
            let mut waiting = [PollFd::new(self.keyboard.as_fd(), PollFlags::POLLIN)];
            if poll(&mut waiting, PollTimeout::from(200_u8)).expect("poll") > 0 {
                let mut buffer = [0; 4096];
                let got = self.keyboard.read(&mut buffer).expect("a terminal");
                self.seen.push_str(&String::from_utf8_lossy(&buffer[..got]));
            }
        }
        let end = self.seen.find(text).map_or(0, |at| at + text.len());
        self.seen.drain(..end);
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.command.id().try_into().expect("a number")), signal).expect("a process");
    }

    /// Waits for the end; the terminal is then as it was.
    fn end(mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.command.try_wait().expect("a child") {
                assert_eq!(tcgetattr(&self.terminal).expect("its modes"), self.before);
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end: {:?}", self.seen);
            // Nobody may have to wait for the screen.
            let mut waiting = [PollFd::new(self.keyboard.as_fd(), PollFlags::POLLIN)];
            if poll(&mut waiting, PollTimeout::from(20_u8)).expect("poll") > 0 {
                let _shown = self.keyboard.read(&mut [0; 4096]);
            }
        }
    }
}

/// Whatever is wrong, nobody is left behind.
impl Drop for Session {
    fn drop(&mut self) {
        let _may_have_ended = self.command.kill();
        let _ended = self.command.wait();
    }
}

/// Gives a terminal another size.
fn resize(terminal: &OwnedFd, rows: u16, columns: u16) {
    let mut stty = Command::new("stty");
    stty.args(["rows", &rows.to_string(), "cols", &columns.to_string()]);
    stty.stdin(terminal.try_clone().expect("a descriptor"));
    assert!(stty.status().expect("stty").success());
}

/// What opens a shell at a package's `%post`, started by something else.
fn at_post(starter: &[&str], package: &Path) -> Command {
    let mut program = Command::new(starter[0]);
    program.args(&starter[1..]).arg(supervisor()).args(["rpm", "shell", "--at", "post", "--tree"]);
    program.arg(tree("x86_64")).arg(package);
    program
}

/// The same as a user, with a terminal.
fn by_user(user: &Ordinary, package: &Path) -> Command {
    let [program, package] = [&user.program(), package].map(|path| path.to_str().expect("text").to_owned());
    let words = ["setsid", "--ctty", &program, "rpm", "shell", "--at", "post", "--tree"];
    let tree = tree("x86_64");
    user.after(":", Ids::Alone, &[&words, [tree.to_str().expect("text"), &package].as_slice()].concat())
}

/// What somebody does who goes there to see.
fn looks_around(mut session: Session) {
    session.types("echo \"<$1 $(ls /rpm-scriptlet.post) $(stty size)>\"\n");
    session.sees("\n<1 /rpm-scriptlet.post 30 90>");
    // Who waits is told that the size is another.
    session.types("sh -c 'trap \"stty size; exit\" WINCH; echo wait$((1 + 1)); while :; do sleep 0.1; done'\n");
    session.sees("wait2");
    resize(&session.terminal, 41, 101);
    session.sees("41 101");
    // Before it speaks, it is in front: what is typed meanwhile would reach the shell, which takes no notice.
    session.types("sh -c 'echo begin$((1 + 1)); exec sleep 1000'\n");
    session.sees("begin2");
    session.types("\x03");
    session.types("echo goes-on-$((1 + 1))\n");
    session.sees("goes-on-2");
    session.types("\x04");
    let status = session.end();
    assert_eq!((status.code(), status.signal()), (Some(0), None));
}

#[test]
fn a_terminal_is_as_it_is_anywhere() {
    let (_directory, package) = built("refused");
    let before = host();
    looks_around(Session::start(at_post(&["setsid", "--ctty"], &package)));
    assert_eq!(host(), before);
}

#[test]
fn a_user_s_terminal_is_as_it_is_anywhere() {
    let (_directory, package) = built("refused");
    let user = Ordinary::new();
    looks_around(Session::start(by_user(&user, &package)));
    assert_eq!((user.left(), user.processes()), (Vec::new(), 0));
}

/// Who is asked to end gives the terminal back, and takes everything along that runs inside.
#[rstest]
#[case::ended(Signal::SIGTERM)]
#[case::hung_up(Signal::SIGHUP)]
#[case::interrupted(Signal::SIGINT)]
fn a_signal_ends_the_shell_and_restores_the_terminal(#[case] signal: Signal) {
    let (_directory, package) = built("refused");
    let user = Ordinary::new();
    let mut session = Session::start(by_user(&user, &package));
    session.types("echo begin$((1 + 1)); sleep 1000\n");
    session.sees("begin2");
    assert_ne!(tcgetattr(&session.terminal).expect("its modes"), session.before, "a terminal in raw mode");
    session.signal(signal);
    let status = session.end();
    assert_eq!((status.code(), status.signal()), (Some(128 + signal as i32), None));
    assert_eq!((user.left(), user.processes()), (Vec::new(), 0));
}

/// What is piped in is what is typed, also where its last line has no end.
#[rstest]
#[case::a_line("exit 7\n", 7)]
#[case::without_its_end("exit 7", 7)]
#[case::a_command_without_its_end("ls / > /dev/null; (exit 5)", 5)]
#[case::nothing("", 0)]
fn what_is_piped_in_comes_to_an_end(#[case] typed: &str, #[case] code: i32) {
    let (_directory, package) = built("refused");
    let mut shell = at_post(&["timeout", "60"], &package);
    let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a shell");
    shell.stdin.take().expect("a pipe").write_all(typed.as_bytes()).expect("a shell that reads");
    assert_eq!(shell.wait().expect("an end").code(), Some(code));
}

/// Who reads no more ends it, as a pipe does; where there is no output at all, what is typed is done all the same.
#[rstest]
#[case::gone("\"$@\" | head -c 1 > /dev/null; exit ${PIPESTATUS[0]}", "yes\n", 141)]
#[case::closed("exec \"$@\" >&-", "exit 6\n", 6)]
#[case::full("exec \"$@\" > /dev/full", "yes\n", 141)]
fn output_that_nobody_reads_keeps_nothing_waiting(#[case] how: &str, #[case] typed: &str, #[case] code: i32) {
    let (_directory, package) = built("refused");
    let mut bash = at_post(&["bash", "-c", how, "bash", "timeout", "60"], &package);
    let mut shell = bash.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a shell");
    let mut keyboard = shell.stdin.take().expect("a pipe");
    keyboard.write_all(typed.as_bytes()).expect("a shell that reads");
    assert_eq!(shell.wait().expect("an end").code(), Some(code));
}

/// A shell at the moment of a scriptlet: the tree as rpm would have it by then, its number, its script, its PATH.
#[rstest]
#[case::post("post", "install", "1", "there")]
#[case::upgraded("post", "upgrade", "2", "there")]
#[case::erased("postun", "erase", "0", "gone")]
fn a_shell_stands_where_the_scriptlet_would(
    #[case] at: &str,
    #[case] scenario: &str,
    #[case] number: &str,
    #[case] files: &str,
) {
    let (_directory, package) = built("refused");
    let tree = tree("x86_64");
    let before = host();
    let mut shell = Command::new(supervisor())
        .args(["rpm", "shell", "--at", at, "--scenario", scenario, "--tree"])
        .args([&tree, &package])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("a shell");
    // The script is there, and was not run.
    let files_are = "$([ -d /usr/share/room-refused ] && echo there || echo gone)";
    let words = format!("echo \"<$1 $PATH $(pwd) $(ls /rpm-scriptlet.{at}) {files_are} $(ls /run)>\"\nexit 7\n");
    std::io::Write::write_all(&mut shell.stdin.take().expect("a pipe"), words.as_bytes()).expect("a shell that reads");
    let done = shell.wait_with_output().expect("an end");
    let said = String::from_utf8_lossy(&done.stdout).replace('\r', "");
    let path = "/sbin:/bin:/usr/sbin:/usr/bin:/usr/X11R6/bin";
    let there = format!("<{number} {path} / /rpm-scriptlet.{at} {files} ");
    assert!(said.contains(&there) && !said.contains("room-refused.pid"), "{said}");
    let told = format!(
        "rootcontract: %{at}, {scenario}: $1 is {number}, the script is /rpm-scriptlet.{at}; all of it is a copy, and goes when the shell ends\n"
    );
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(7), told.as_str()));
    assert_eq!(host(), before);
}

#[rstest]
#[case::no_such_scriptlet(&["--at", "pre"], "it has no %pre")]
#[case::several_architectures(&["--at", "post", "--arch", "all"], "a shell runs on one architecture: name it with --arch")]
#[case::no_tree(&["--at", "post"], "there is no tree to install it in: name one with --tree, or have ci/tree make one")]
fn a_shell_that_can_t_be_is_refused_in_a_line(#[case] options: &[&str], #[case] why: &str) {
    let (directory, package) = built("refused");
    let elsewhere = runnable_by_all();
    let mut shell = Command::new(elsewhere.path().join("rootcontract"));
    shell.args(["rpm", "shell"]).args(options).arg(&package).current_dir(directory.path());
    let done = shell.output().expect("a run");
    let line = format!("rootcontract: open a shell in {}: {why}\n", package.display());
    assert_eq!((String::from_utf8_lossy(&done.stderr).as_ref(), done.status.code()), (line.as_str(), Some(2)));
    assert_eq!(done.stdout, b"");
}
