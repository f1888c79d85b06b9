//! Packages that are installed where something for it is refused or missing: that is said, and the rest is found.

use std::path::Path;
use std::process::{Command, Output};

use nix::libc;
use rstest::rstest;
use serde_json::{Value, json};

use super::{built, observed, ran, report, words};
use crate::support::supervisor;

/// `PTRACE_GET_SYSCALL_INFO` (linux/ptrace.h), which came with Linux 5.3.
const GET_SYSCALL_INFO: u32 = 0x420e;

/// A system call filter as bubblewrap takes it: `ptrace`, or only this request of it, fails with an errno.
fn no_ptrace(request: Option<u32>, errno: i32) -> Vec<u8> {
    // BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, BPF_RET | BPF_K, and what SECCOMP_RET_ERRNO and ALLOW are.
    let (load, equal, end) = (0x20, 0x15, 0x06);
    let argument = if cfg!(target_endian = "big") { 20 } else { 16 };
    let (skip, is_request) = match request {
        None => (1, Vec::new()),
        Some(request) => (3, vec![(load, 0, 0, argument), (equal, 0, 1, request)]),
    };
    let ptrace = u32::try_from(libc::SYS_ptrace).expect("a number");
    let mut program: Vec<(u16, u8, u8, u32)> = vec![(load, 0, 0, 0), (equal, 0, skip, ptrace)];
    program.extend(is_request);
    program.extend([(end, 0, 0, 0x0005_0000 | errno.unsigned_abs()), (end, 0, 0, 0x7fff_0000)]);
    let bytes = |(code, yes, no, operand): (u16, u8, u8, u32)| {
        [code.to_ne_bytes().as_slice(), &[yes, no], &operand.to_ne_bytes()].concat()
    };
    program.into_iter().flat_map(bytes).collect()
}

/// The command with these words, in a sandbox with this filter.
fn filtered(filter: &[u8], words: &[String]) -> Output {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("filter");
    std::fs::write(&file, filter).expect("a file");
    let sandbox = "exec bwrap --bind / / --dev-bind /dev /dev --seccomp 9 -- \"$@\" 9< \"$0\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", sandbox]).arg(&file).arg(supervisor()).args(words);
    shell.output().expect("a run")
}

/// Where nobody may trace, or the kernel is too old to tell, the package is installed all the same.
#[rstest]
#[case::everything(None, libc::EPERM, "Operation not permitted")]
#[case::what_is_new(Some(GET_SYSCALL_INFO), libc::EIO, "I/O error")]
fn without_a_tracer_what_rpm_says_and_what_is_left_is_told(
    #[case] request: Option<u32>,
    #[case] errno: i32,
    #[case] why: &str,
) {
    let (_directory, package) = built("refused");
    let done = filtered(&no_ptrace(request, errno), &words(&package, "x86_64"));
    let report = report(&done);
    let expected = [
        "run.failed fails post rpm says: warning: %post(room-refused-1-1.noarch) scriptlet failed, exit status 3",
        "run.left-behind advice post /etc/room-refused is new, and not the package's.",
        "run.left-behind image post /run/room-refused.pid is new, and not the package's.",
    ];
    assert_eq!(observed(&report), expected);
    let note = format!("not traced, so that only what rpm says and what is left can tell: trace a process: {why}");
    let notes = report["notes"].as_array().expect("notes");
    assert_eq!((notes.len(), &notes[0]), (2, &Value::from(note)), "{notes:?}");
    let nobody_knows = "it was not traced, so nobody knows whether it ran";
    let skipped = |slot: &str, scenarios: &[&str]| json!({ "slot": slot, "scenarios": scenarios, "why": nobody_knows });
    let expected = json!([skipped("post", &["install", "upgrade"]), skipped("postun", &["upgrade", "erase"])]);
    assert_eq!((ran(&report), &report["coverage"]["skipped"]), ([0, 0], &expected));
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(1), ""));
}

#[test]
fn without_a_tracer_lua_that_fails_is_told_with_its_line() {
    let (_directory, package) = built("lua");
    let done = filtered(&no_ptrace(None, libc::EPERM), &words(&package, "x86_64"));
    let expected = [
        "run.failed fails posttrans:2 It ended with an error: attempt to index a nil value (local 'settings').",
        "run.failed fails preun:1 It ended with an error: not now.",
        "run.left-behind image post /run/room-lua.pid is new, and not the package's.",
        "run.unfinished unjudged preun rpm ended with 1: \"room-lua\" specifies multiple packages.",
    ];
    assert_eq!(observed(&report(&done)), expected);
}

/// What is missing is named, and what can be read is read.
#[rstest]
#[case::bubblewrap("mount --bind /dev/null /usr/bin/bwrap", "there is no bwrap in PATH: install bubblewrap")]
#[case::rpm("mount --bind /dev/null /usr/bin/rpm", "there is no rpm in /: it is what installs the package")]
#[case::cp("PATH=/nonexistent", "cannot copy the tree TREE: start cp: No such file or directory")]
fn without_a_program_only_reading_counts(#[case] deed: &str, #[case] why: &str) {
    let (_directory, package) = built("refused");
    let words = words(&package, "x86_64");
    let tree = Path::new(&words[words.len() - 2]).display().to_string();
    let mut shell = Command::new("unshare");
    shell.args(["--mount", "sh", "-c", &format!("{deed}; exec \"$0\" \"$@\"")]).arg(supervisor()).args(&words);
    let done = shell.output().expect("a run");
    let report = report(&done);
    let reasons = report["coverage"]["skipped"].as_array().expect("what was skipped").iter().map(|one| &one["why"]);
    let expected = Value::from(why.replace("TREE", &tree));
    assert_eq!(reasons.collect::<Vec<_>>(), [&expected, &expected]);
    assert_eq!((observed(&report), ran(&report)), (Vec::new(), [0, 0]));
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(1), ""));
}
