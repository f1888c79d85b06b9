//! Specs that mean harm: reading one ends, changes nothing of the machine, and is told in a line.
//!
//! What is tried is harmless where it works: a file in a directory of the test's, or something that is only opened.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use rstest::rstest;

use super::{body, check, document, said, spec, text};
use crate::support::names;
use crate::users::ordinary::{Ids, Ordinary};

/// What a line of shell says where a spec is read, and what it leaves beside the spec.
fn read(line: &str) -> (String, Vec<String>) {
    let (directory, file) = spec(format!("%post\n%({line})\n%files\n"));
    let (document, _) = document(&[text(&file)]);
    (body(&document).to_owned(), names(directory.path()))
}

#[rstest]
#[case::beside_the_spec("touch mine 2>&1", "touch: cannot touch 'mine': Read-only file system")]
#[case::the_spec("(echo >> mypkg.spec) 2>&1 | sed 's/.*: //'", "Read-only file system")]
#[case::programs("touch /usr/bin/mine 2>&1", "touch: cannot touch '/usr/bin/mine': Read-only file system")]
#[case::the_disk("touch /var/mine 2>&1", "touch: cannot touch '/var/mine': Read-only file system")]
#[case::settings("(: >> /proc/sys/kernel/core_pattern) 2>&1 | sed 's/.*: //'", "Read-only file system")]
#[case::the_name("hostname mine 2>&1", "hostname: you must be root to change the host name")]
#[case::mounts("mount -t tmpfs none /tmp 2>&1 | sed -n '1s/.*: //p'", "permission denied.")]
#[case::capabilities("sed -n 's/^CapEff:.//p' /proc/self/status", "0000000000000000")]
#[case::interfaces("sed 's/:.*//;1,2d;s/ //g' /proc/net/dev", "lo")]
#[case::other_processes("ls /proc | grep -c '^[0-9]*$' | sed 's/^.$/few/'", "few")]
#[case::memory("dd if=/dev/zero of=/tmp/mine bs=1M count=300 2>&1 | sed -n '1s/.*: //p'", "No space left on device")]
#[case::what_is_private("cat /etc/shadow 2>&1", "cat: /etc/shadow: No such file or directory")]
fn what_a_spec_tries_when_it_is_read_is_refused(#[case] line: &str, #[case] expected: &str) {
    assert_eq!(read(line), (expected.to_owned(), vec!["mypkg.spec".to_owned()]));
}

/// A program of the machine listens beside the spec, a file is linked there that is not for everybody.
#[test]
fn what_is_beside_a_spec_and_is_no_file_is_not_there() {
    let (directory, file) = spec("%post\n%(ls -A; cat secret 2>&1)\n%files\n");
    let here = directory.path();
    let _listens = UnixListener::bind(here.join("socket")).expect("a socket");
    let secret = tempfile::NamedTempFile::new().expect("a file");
    fs::write(secret.path(), "secret").expect("a file");
    symlink(secret.path(), here.join("secret")).expect("a link");
    fs::create_dir(here.join("directory")).expect("a directory");
    fs::write(here.join("large"), vec![b'x'; (1 << 20) + 1]).expect("a file");
    assert!(Command::new("mkfifo").arg(here.join("pipe")).status().expect("mkfifo").success());
    let (document, _) = document(&[text(&file)]);
    assert_eq!(body(&document), r"mypkg.spec\x0asecret\x0acat: secret: No such file or directory");
}

/// One that has no end, and others that are too much of something.
#[rstest]
#[case::no_end("%post\n%(while :; do :; done)\n", "3s", "rpm has not read it after 3s: does it come to an end? ")]
#[case::waiting("%post\n%(sleep 1000)\n", "3s", "rpm has not read it after 3s: does it come to an end? ")]
#[case::left_running("%post\n%(setsid sleep 1000 &)\n", "3s", "rpm has not read it after 3s: does it come to an end? ")]
#[case::lua("%{lua: while true do end}\n", "3s", "rpm has not read it after 3s: does it come to an end? ")]
#[case::talk("%post\n%(yes >&2)\n", "60s", "rpm says more of it than the 32 MiB that are read here\n")]
#[case::a_long_script(
    "%post\n%{lua: print(string.rep('x', 100 * 1024 * 1024))}\n",
    "60s",
    "rpm says more of it than the 32 MiB that are read here\n"
)]
#[case::memory(
    "%{lua: local all = {}; while true do all[#all + 1] = string.rep('x', 1 << 20) end}\n",
    "60s",
    "rpm can't read it: lua script failed: not enough memory\n"
)]
#[case::packages(
    "%{lua: for i = 1, 600 do print('%package p' .. i .. '\\nSummary: x\\n%description p' .. i .. '\\nx\\n%files p' .. i .. '\\n') end}\n",
    "60s",
    "it makes 601 packages, where at most 512 are read here\n"
)]
#[case::depth("%define a %b\n%define b %a\n%post\n%a\n", "60s", "rpm can't read it: ")]
#[case::killing_rpm("%post\n%(kill -9 $PPID)\n", "60s", "rpm can't read it: it ended with 137, and said nothing\n")]
#[case::escapes(
    "%package -n a\x1b[2Jb\n",
    "60s",
    "rpm can't read it: line 9: Illegal char '[' (0x5b) in: %package -n a\\x1b[2Jb\n"
)]
#[case::escapes_of_the_script("%post\necho \x1b[2J\u{202e}\n", "60s", "")]
fn a_hostile_spec_ends_in_a_line(#[case] rest: &str, #[case] patience: &str, #[case] expected: &str) {
    let (_directory, file) = spec(format!("{rest}%files\n"));
    let (stdout, stderr, code) = check(&["--spec-timeout", patience, "--arch", "x86_64", text(&file)]);
    assert!(!stdout.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{stdout:?}");
    assert_eq!(stderr, "");
    if expected.is_empty() {
        assert_eq!(code, Some(0), "{stdout}");
        return;
    }
    let begins = format!("? {}: {expected}", file.display());
    assert!(stdout.starts_with(&begins) && stdout.lines().count() == 1, "{stdout}");
    assert_eq!(code, Some(2));
}

/// Bytes that are no text.
#[rstest]
#[case::name(b"%package -n a\xffb\n", r"line 9: Illegal char '?' (0xffffffff) in: %package -n a\xffb")]
#[case::script(b"%post\necho \xff\n", "Package mypkg: invalid utf-8 encoding in Postin: echo ")]
fn what_is_no_text_is_told_in_a_line(#[case] rest: &[u8], #[case] expected: &str) {
    let (_directory, file) = spec([rest, b"%files\n"].concat());
    let (stdout, stderr, code) = check(&["--arch", "x86_64", text(&file)]);
    let begins = format!("? {}: rpm can't read it: {expected}", file.display());
    assert!(stdout.starts_with(&begins) && stdout.is_ascii() && stdout.lines().count() == 1, "{stdout}");
    assert_eq!((stderr.as_str(), code), ("", Some(2)));
}

/// As many processes as there may be, and all of them gone: by their number nobody is kept from working.
#[rstest]
#[case::root(None)]
#[case::ordinary(Some(Ids::Alone))]
fn processes_that_multiply_are_few_and_go(#[case] ids: Option<Ids>) {
    let user = Ordinary::new();
    let mark = 100_000 + user.id;
    let line =
        format!("i=0; while [ $i -lt 2000 ]; do sleep {mark} </dev/null >/dev/null 2>&1 & i=$((i+1)); done; echo all");
    let file = user.place().join("mypkg.spec");
    fs::write(&file, format!("{}%post\n%({line})\n%files\n", super::PREAMBLE)).expect("a spec");
    let words = ["rpm", "check", "--format", "json", "--arch", "x86_64", text(&file)];
    let done = match ids {
        Some(ids) => user.run(ids, &words),
        None => Command::new(user.program()).args(words).output().expect("a run"),
    };
    let (stdout, stderr, _) = said(&done);
    assert!(!stdout.contains("\"all\"") && stderr.is_empty(), "{stdout}{stderr}");
    let processes = fs::read_dir("/proc").expect("/proc").flatten().map(|entry| entry.path());
    let sleeps =
        |process: &Path| fs::read_to_string(process.join("cmdline")).is_ok_and(|line| line.contains(&mark.to_string()));
    assert_eq!(processes.filter(|process| sleeps(process)).count(), 0);
    assert_eq!(user.left(), [""; 0]);
}
