//! `run`: the payload's own world passes through, and what became of it is told in a code and a document.

use std::fs::File;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rstest::rstest;
use serde_json::{Value, json};

use super::rootcontract;
use crate::support::supervisor;

/// `run` of a shell script, without a word about capabilities.
fn script(options: &[&str], script: &str) -> Process {
    let mut command = Process::new(supervisor());
    command.args(["run", "--quiet", "--capabilities", "inherit"]).args(options).args([
        "--",
        "/usr/bin/sh",
        "-c",
        script,
    ]);
    command.env("RUST_BACKTRACE", "1");
    command
}

fn status(file: &Path) -> Value {
    super::json(&std::fs::read(file).expect("a status file"))
}

#[rstest]
#[case::well(&["/usr/bin/true"], "exited", json!(0), 0)]
#[case::with_a_code(&["/usr/bin/sh", "-c", "exit 42"], "exited", json!(42), 42)]
#[case::with_our_code(&["/usr/bin/sh", "-c", "exit 125"], "exited", json!(125), 125)]
#[case::by_a_signal(&["/usr/bin/sh", "-c", "kill -SEGV $$"], "exited", json!(139), 139)]
#[case::never_begun(&["/nonexistent"], "not-found", Value::Null, 127)]
#[case::a_directory(&["/usr"], "not-executable", Value::Null, 126)]
fn how_it_ended_is_written_down(
    #[case] command: &[&str],
    #[case] outcome: &str,
    #[case] exited: Value,
    #[case] code: u8,
) {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("status.json");
    let mut run = rootcontract(["run", "--quiet", "--capabilities", "inherit", "--status-file"]);
    run.arg(&file).arg("--").args(command).assert().code(i32::from(code)).stdout("");
    let document = status(&file);
    let report = &document["reports"][0];
    assert_eq!(document["schema"], "rootcontract.status/1");
    let told = (&report["outcome"], &report["exited"], &report["exit_code"]);
    assert_eq!(told, (&outcome.into(), &exited, &code.into()), "{report}");
    assert_eq!((&report["profile"], &report["command"]), (&"osbuild-v190".into(), &json!(command)));
    assert!(report["seconds"].as_f64() > Some(0.0), "{report}");
}

#[test]
fn a_status_file_that_cannot_be_written_is_told() {
    let mut run = rootcontract(["run", "--quiet", "--capabilities", "inherit", "--status-file", "/nonexistent/status"]);
    let line = "rootcontract: write /nonexistent/status: No such file or directory\n";
    run.args(["--", "/usr/bin/true"]).assert().code(125).stdout("").stderr(line);
}

#[test]
fn every_byte_passes_through_on_both_streams() {
    let directory = tempfile::tempdir().expect("a directory");
    // More than a pipe holds, and no multiple of a page.
    let bytes: Vec<u8> = (0..=255).cycle().take(300_001).collect();
    std::fs::write(directory.path().join("bytes"), &bytes).expect("a file");
    let mut run = rootcontract(["run", "--quiet", "--capabilities", "inherit", "--ro-bind"]);
    run.arg(directory.path()).args(["/mnt", "--", "/usr/bin/sh", "-c", "cat /mnt/bytes; cat /mnt/bytes >&2"]);
    let done = run.assert().code(0).get_output().clone();
    assert!(done.stdout == bytes, "{} of {} bytes on stdout", done.stdout.len(), bytes.len());
    assert!(done.stderr == bytes, "{} of {} bytes on stderr", done.stderr.len(), bytes.len());
}

/// Node and some that run jobs hand out such pipes; who reads them may take its time.
#[rstest]
#[case::payload_on_stdout(&["run", "--quiet", "--capabilities", "inherit", "--", "/usr/bin/head", "-c", "1000000", "/dev/zero"], 1)]
#[case::payload_on_stderr(
    &["run", "--quiet", "--capabilities", "inherit", "--", "/usr/bin/sh", "-c", "head -c 1000000 /dev/zero >&2"],
    2
)]
#[case::our_own_words(&["contract", "--arch", "x86_64"], 1)]
fn a_stream_that_would_not_wait_is_waited_for(#[case] arguments: &[&str], #[case] stream: u8) {
    let expected = if arguments[0] == "run" {
        vec![0; 1_000_000]
    } else {
        Process::new(supervisor()).args(arguments).output().expect("a run").stdout
    };
    let (pipe, end) = nix::unistd::pipe().expect("a pipe");
    fcntl(&end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).expect("a flag");
    let mut command = Process::new(supervisor());
    command.args(arguments).stdin(Stdio::null());
    match stream {
        1 => command.stdout(end).stderr(Stdio::null()),
        _ => command.stderr(end).stdout(Stdio::null()),
    };
    let mut child = command.spawn().expect("started");
    drop(command);
    let capacity = fcntl(&pipe, FcntlArg::F_GETPIPE_SZ).expect("a size");
    while waiting(&pipe) < capacity && child.try_wait().expect("its state").is_none() {
        std::thread::sleep(Duration::from_millis(10));
    }
    // What is to be written next is there by then, most likely.
    std::thread::sleep(Duration::from_millis(300));
    let mut passed = Vec::new();
    File::from(pipe).read_to_end(&mut passed).expect("bytes");
    assert_eq!(child.wait().expect("its end").code(), Some(0));
    assert!(passed == expected, "{} of {} bytes", passed.len(), expected.len());
}

/// How many bytes a pipe holds.
fn waiting(pipe: &impl std::os::fd::AsFd) -> i32 {
    rootcontract::sys::bytes_waiting(pipe.as_fd(), nix::libc::FIONREAD).expect("a number")
}

/// What is kept of it is two mebibytes of each stream; the rest is the program itself.
#[test]
fn a_quarter_of_a_gibibyte_passes_through_in_little_memory() {
    const ALL: u64 = 256 << 20;
    let shared = tempfile::tempdir().expect("a directory");
    let payload = format!("head -c {ALL} /dev/zero; echo done >&2; while ! test -e /mnt/go; do sleep 0.02; done");
    let mut run = script(&["--bind", shared.path().to_str().expect("text"), "/mnt"], &payload);
    let mut child = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    let mut stdout = child.stdout.take().expect("stdout");
    let passed = std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()).expect("bytes"));
    child.stderr.as_mut().expect("stderr").read_exact(&mut [0; 5]).expect("a word");
    let peak = peak_of_memory(child.id());
    std::fs::write(shared.path().join("go"), "").expect("a file");
    assert_eq!(child.wait().expect("its end").code(), Some(0));
    assert_eq!(passed.join().expect("a thread"), ALL);
    assert!(peak < 32 << 10, "{peak} KiB");
}

/// In KiB.
fn peak_of_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn merged_streams_keep_their_order() {
    let done = script(&["--merge"], "for i in 1 2 3; do echo out $i; echo err $i >&2; done").output().expect("a run");
    let told = "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n";
    assert_eq!(
        (done.status.code(), done.stdout.as_slice(), done.stderr.as_slice()),
        (Some(0), told.as_bytes(), &b""[..])
    );
}

#[test]
fn silence_that_is_too_long_is_told_and_written_down() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("status.json");
    let options = ["--timeout", "1m", "--idle-timeout", "300ms", "--status-file", file.to_str().expect("text")];
    let done = script(&options, "echo said; exec sleep 60").output().expect("a run");
    let line = "rootcontract: run: ended: it wrote nothing for 300ms\n";
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(124), line));
    assert_eq!(done.stdout, b"said\n", "what it had said");
    let report = &status(&file)["reports"][0];
    assert_eq!((&report["outcome"], &report["exit_code"]), (&"idle-exceeded".into(), &124.into()), "{report}");
}

#[rstest]
#[case::standard_output("/dev/stdout")]
#[case::its_number("/dev/fd/1")]
#[case::another_descriptor("/proc/self/fd/3")]
#[case::a_dash("-")]
fn what_is_written_to_a_descriptor_goes_on_where_the_caller_was(#[case] file: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let log = directory.path().join("log");
    let words =
        "echo first; \"$0\" run --quiet --capabilities inherit --status-file \"$1\" -- /usr/bin/true; echo last";
    let both = format!("exec >{} 3>&1; {words}", log.display());
    let mut shell = Process::new("sh");
    shell.args(["-c", &both]).arg(supervisor()).arg(file).current_dir(&directory);
    let done = shell.output().expect("a run");
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(0), ""));
    let text = std::fs::read_to_string(&log).expect("the log");
    let document = text.strip_prefix("first\n").and_then(|rest| rest.strip_suffix("last\n")).expect("what was there");
    assert_eq!(super::json(document.as_bytes())["reports"][0]["outcome"], "exited");
    assert_eq!(std::fs::read_dir(&directory).expect("the directory").count(), 1, "nothing but the log");
}

#[test]
fn the_example_of_a_mount_works() {
    let help = rootcontract(["run", "--help"]).output().expect("help").stdout;
    let help = String::from_utf8(help).expect("text");
    let example = help.lines().find(|line| line.contains("--allow mounts")).expect("an example");
    rootcontract([]).args(example.split_whitespace().skip(1)).assert().code(0).stdout("").stderr("");
}

#[test]
fn our_stdin_is_not_the_payloads() {
    let mut run = rootcontract(["run", "--quiet", "--capabilities", "inherit", "--", "/usr/bin/sh", "-c"]);
    let assert = run.arg("readlink /proc/self/fd/0; cat").write_stdin("secret\n").assert();
    assert.code(0).stdout("/dev/null\n").stderr("");
}

#[test]
fn what_is_kept_is_named_and_there() {
    let done = script(&["--keep"], "echo kept > /var/word").output().expect("a run");
    let stderr = String::from_utf8(done.stderr).expect("text");
    let named = stderr.strip_prefix("rootcontract: keeping ").expect("what is kept").trim_end();
    let (one, other) = named.split_once(" and ").expect("two directories");
    let word = std::fs::read_to_string(Path::new(other).join("var/word"));
    for directory in [one, other] {
        assert!(Path::new(directory).is_absolute() && Path::new(directory).is_dir(), "{directory}");
        std::fs::remove_dir_all(directory).expect("removed");
    }
    assert_eq!((done.status.code(), word.expect("the payload's file").as_str()), (Some(0), "kept\n"));
}

/// Starts a script and waits until it has said "ready".
fn ready(run: &mut Process) -> Child {
    let mut child = run.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    let mut word = [0; 6];
    child.stdout.as_mut().expect("stdout").read_exact(&mut word).expect("a word");
    assert_eq!(&word, b"ready\n");
    child
}

#[rstest]
#[case::interrupt(Signal::SIGINT)]
#[case::terminate(Signal::SIGTERM)]
#[case::hang_up(Signal::SIGHUP)]
#[case::quit(Signal::SIGQUIT)]
fn a_signal_ends_the_payload_and_is_written_down(#[case] signal: Signal) {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("status.json");
    let traps = "trap 'echo trapped; exit 3' TERM; echo ready; while :; do :; done";
    let child = ready(&mut script(&["--status-file", file.to_str().expect("text")], traps));
    kill(Pid::from_raw(child.id().try_into().expect("a pid")), signal).expect("a signal");
    let done = child.wait_with_output().expect("its end");
    let code = 128 + signal as i32;
    let line = format!("rootcontract: run: ended by signal {}\n", signal as i32);
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(code), line.as_str()));
    assert_eq!(done.stdout, b"trapped\n", "the payload was not asked to end");
    let report = &status(&file)["reports"][0];
    assert_eq!((&report["outcome"], &report["exit_code"]), (&"interrupted".into(), &code.into()), "{report}");
}

/// A name in the process table that is nobody else's.
fn marked(mark: &str) -> usize {
    let commands = std::fs::read_dir("/proc").expect("/proc").flatten();
    let commands = commands.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    commands.filter(|line| line.windows(mark.len()).any(|window| window == mark.as_bytes())).count()
}

#[rstest]
#[case::killed(Signal::SIGKILL)]
#[case::terminated(Signal::SIGTERM)]
fn nothing_is_left_running(#[case] signal: Signal) {
    let mark = format!("10{}.{}", signal as i32, std::process::id());
    // Two that ignore what they are asked, one of them a daemon.
    let stubborn = format!("trap '' TERM INT HUP; setsid sleep {mark} & sleep {mark} & echo ready; wait");
    let mut child = ready(&mut script(&[], &stubborn));
    assert!(marked(&mark) >= 2, "the payload is not running");
    kill(Pid::from_raw(child.id().try_into().expect("a pid")), signal).expect("a signal");
    let ended = child.wait().expect("its end");
    assert!(ended.signal() == Some(signal as i32) || ended.code() == Some(128 + signal as i32), "{ended}");
    let since = Instant::now();
    while marked(&mark) > 0 {
        assert!(since.elapsed() < Duration::from_secs(15), "{} processes are left", marked(&mark));
        std::thread::sleep(Duration::from_millis(20));
    }
}
