//! "Closed" means something: what is closed in one sandbox is open in another, or the reason is known; and the sandboxes
//! of others are judged as they are.

use std::os::unix::net::UnixListener;
use std::process::Command;

use rootcontract::escapes::Escape;
use rstest::rstest;

use super::{Ids, Ordinary, escapes, told, with};
use crate::support::supervisor;

/// Open in no sandbox on a machine of this kind: its kernel has no modules, no sysrq, no kexec.
const NOWHERE: [&str; 13] = [
    "capability.regained",
    "cgroup.release-agent.nested",
    "files.lxcfs",
    "kernel.kexec",
    "kernel.module",
    "mount.fake-proc",
    "network.engine-socket",
    "proc.sysrq-trigger",
    "proc.sysrq-trigger.fresh",
    "process.directory",
    "process.init-program",
    "telling.acpi",
    "terminal.console",
];

#[test]
fn what_is_closed_can_be_open_or_it_is_said_why_not() {
    let (code, document, talk) = escapes(&["--profile", "hardened", "--control"]);
    let nowhere = document["open_nowhere"].as_array().expect("a list");
    let mut ids: Vec<_> = nowhere.iter().map(|one| one["id"].as_str().expect("an id")).collect();
    ids.sort_unstable();
    assert_eq!(ids, NOWHERE);
    assert!(nowhere.iter().all(|one| one["why"].is_string()), "{nowhere:?}");
    let [hardened, control] = document["reports"].as_array().expect("reports").as_slice() else { panic!("{document}") };
    assert_eq!((&control["role"], &control["sandbox"]), (&"control".into(), &"control".into()));
    assert_eq!(with("open", control).len() + NOWHERE.len(), Escape::all().filter(|escape| escape.is_tried()).count());
    assert!(with("open", hardened).is_empty());
    // What contains nothing is not judged.
    assert_eq!(code, Some(0), "{talk}");
}

/// Somebody else's sandbox: what of it is open that is closed in a stricter one, and the other way round.
#[rstest]
#[case::a_tmpfs_for_sys(&["--dev-bind", "/", "/", "--tmpfs", "/sys"], "mount.fake-proc", "open")]
#[case::the_host_s_sys(&["--dev-bind", "/", "/"], "mount.fake-proc", "closed")]
#[case::the_host_s_devices(&["--ro-bind", "/", "/", "--dev-bind", "/dev", "/dev"], "device.disk.there", "open")]
#[case::devices_of_its_own(&["--ro-bind", "/", "/", "--dev", "/dev"], "device.disk.there", "closed")]
#[case::the_host_s_processes(&["--ro-bind", "/", "/"], "process.root", "open")]
#[case::processes_of_its_own(&["--ro-bind", "/", "/", "--unshare-pid", "--proc", "/proc"], "process.root", "closed")]
#[case::a_pid_namespace_without_a_proc_of_its_own(&["--ro-bind", "/", "/", "--unshare-pid"], "process.root", "open")]
#[case::the_host_s_programs_writable(&["--bind", "/", "/"], "files.write", "open")]
#[case::the_host_s_programs_read_only(&["--ro-bind", "/", "/"], "files.write", "closed")]
#[case::all_capabilities_dropped(&["--ro-bind", "/", "/", "--cap-drop", "ALL"], "files.remounted", "closed")]
#[case::all_capabilities_dropped_and_proc_sys_still_writable(&["--ro-bind", "/", "/", "--proc", "/proc", "--cap-drop", "ALL"], "proc.core-pattern", "open")]
#[case::proc_sys_read_only(&["--ro-bind", "/", "/", "--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--cap-drop", "ALL"], "proc.core-pattern", "closed")]
#[case::a_user_namespace_alone_leaves_it(&["--ro-bind", "/", "/", "--unshare-user", "--uid", "0", "--gid", "0", "--proc", "/proc"], "proc.core-pattern", "open")]
#[case::a_network_of_its_own(&["--ro-bind", "/", "/", "--unshare-net"], "network.abstract-socket", "closed")]
#[case::the_network_outside(&["--ro-bind", "/", "/"], "network.abstract-socket", "open")]
#[case::keys_are_passed_on(&["--ro-bind", "/", "/", "--unshare-all", "--cap-drop", "ALL"], "key.session", "open")]
#[case::descriptors_are_up_to_who_starts_it(&["--ro-bind", "/", "/"], "descriptor.directory", "absent")]
fn a_sandbox_of_somebody_else_is_judged(#[case] options: &[&str], #[case] id: &str, #[case] outcome: &str) {
    let all = [&["--only", id, "--", "bwrap"], options, &["--", "/bin/sh", "-c", "exit 3"]].concat();
    let (code, document, talk) = escapes(&all);
    let report = &document["reports"][0];
    assert_eq!(report["outcomes"][id]["outcome"], outcome, "{report:#}");
    let line = [&["bwrap"], options, &["--", "/bin/sh"]].concat().join(" ");
    assert_eq!((&report["sandbox"], &report["role"]), (&line.into(), &"judged".into()));
    assert_eq!((code, talk.as_str()), (Some(i32::from(outcome == "open")), ""));
}

#[test]
fn a_container_engine_is_found_where_its_socket_is_shown() {
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("socket");
    let _engine = UnixListener::bind(&socket).expect("a socket");
    let socket = socket.display().to_string();
    let shown = ["--ro-bind", "/", "/", "--tmpfs", "/run", "--bind", &socket, "/run/docker.sock"];
    let (code, document, talk) = escapes(&[&["--only", "network.engine-socket", "--", "bwrap"], &shown[..]].concat());
    assert_eq!(document["reports"][0]["outcomes"]["network.engine-socket"]["outcome"], "open");
    assert_eq!((code, talk.as_str()), (Some(1), ""));
}

/// As an ordinary user at a terminal, who may push input into it where the kernel lets everybody do that.
#[rstest]
#[case::the_session_of_the_terminal(&[], "/proc/sys/dev/tty/legacy_tiocsti")]
#[case::a_session_of_its_own(&["--new-session"], "/dev/null")]
fn a_terminal_takes_input_from_its_own_session_only(#[case] session: &[&str], #[case] allowed: &str) {
    let is_allowed = std::fs::read_to_string(allowed).expect("a setting").trim() == "1";
    let user = Ordinary::new();
    let line =
        [&["escapes", "--format", "json", "--only", "terminal.input*", "--", "bwrap", "--ro-bind", "/", "/"], session]
            .concat();
    let (code, document, talk) = told(&user.run(Ids::Alone, &line));
    let outcomes = &document["reports"][0]["outcomes"];
    let expected = if is_allowed { "open" } else { "closed" };
    for id in ["terminal.input", "terminal.input.unfiltered"] {
        assert_eq!(outcomes[id]["outcome"], expected, "{outcomes:#}");
    }
    assert_eq!((code, talk.as_str()), (Some(i32::from(is_allowed)), ""));
}

#[rstest]
#[case::no_bubblewrap(&["/nonexistent", "--ro-bind", "/", "/"], "cannot execute /nonexistent: ENOENT: No such file or directory")]
#[case::an_option_there_is_not(&["bwrap", "--no-such-option"], "bwrap: Unknown option --no-such-option")]
#[case::a_command_without_an_end_before_it(&["bwrap", "--ro-bind", "/", "/", "/bin/false"], "it ended with exit status: 1")]
#[case::nothing_to_start_in(&["bwrap", "--ro-bind", "/nonexistent", "/"], "bwrap: Can't find source path /nonexistent: No such file or directory")]
fn a_sandbox_that_does_not_come_up_is_told_and_never_closed(#[case] line: &[&str], #[case] why: &str) {
    let words = [&["escapes", "--"], line].concat();
    let by_root = Command::new(supervisor()).args(&words).output().expect("the command");
    let by_user = Ordinary::new().run(Ids::Alone, &words);
    let shell = line.join(" ");
    let expected = format!(
        "rootcontract: try to leave {shell}: the probe did not start in the sandbox: {why} (what follows bwrap is its options, then `--` and a command, whose place the probe takes)\n"
    );
    for done in [by_root, by_user] {
        assert_eq!(String::from_utf8_lossy(&done.stderr), expected);
        assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(2), &b""[..]));
    }
}

#[rstest]
#[case::no_way_out(&["--only", "nothing.*"], "no way out is called like `nothing.*`: `rootcontract escapes` lists them")]
#[case::nothing_to_be_built(&["--bwrap", "/nonexistent", "--", "bwrap", "--ro-bind", "/", "/"], "--bwrap, --privilege and --capabilities are about profiles: name one with --profile")]
#[case::no_profile_s_bwrap(&["--bwrap", "/nonexistent"], "try to leave osbuild-v19: cannot use /nonexistent as bwrap: No such file or directory")]
#[case::no_probe(&["--probe", "/nonexistent", "--", "bwrap", "--ro-bind", "/", "/"], "try to leave bwrap --ro-bind / /: the probe did not start in the sandbox: bwrap: Can't find source path /nonexistent: No such file or directory (what follows bwrap is its options, then `--` and a command, whose place the probe takes)")]
fn what_cannot_be_begun_is_told_in_a_line(#[case] options: &[&str], #[case] line: &str) {
    let done = Command::new(supervisor()).arg("escapes").args(options).output().expect("the command");
    assert_eq!(String::from_utf8_lossy(&done.stderr), format!("rootcontract: {line}\n"));
    assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(2), &b""[..]));
}
