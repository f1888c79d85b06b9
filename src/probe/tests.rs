use super::*;
use rstest::rstest;

fn told(words: &[&str]) -> (u8, Vec<u8>, String) {
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(&words, &mut out, &mut err);
    (code, out, String::from_utf8(err).expect("what is said is UTF-8"))
}

#[rstest]
#[case::of_itself("nice")]
#[case::of_a_place("private=/etc")]
#[case::unknown("nonsense")]
fn nothing_is_upset_outside_the_box(#[case] what: &str) {
    let (code, out, err) = told(&["--first", what, "--passive"]);
    assert_eq!((code, out.as_slice()), (2, b"".as_slice()));
    assert!(err.starts_with("rootcontract-probe: upset this process: / is "), "{err}");
}

#[test]
fn attempts_outside_the_box_are_refused() {
    let (code, out, err) = told(&["--nonce", "0123456789abcdef"]);
    assert_eq!((code, out.as_slice()), (2, b"".as_slice()));
    assert!(err.starts_with("rootcontract-probe: make attempts: / is "), "{err}");
    assert!(err.ends_with("inside bwrap's box only, --passive runs anywhere\n"), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
}

#[rstest]
#[case::by_whoever_starts_the_sandbox(true, "this is the mount namespace of whoever starts the sandbox")]
#[case::where_nobody_says_what_is_outside(false, "the marks do not say which mount namespace is outside")]
fn nobody_tries_to_leave_from_outside(#[case] is_said: bool, #[case] why: &str) {
    use std::os::unix::fs::MetadataExt;
    let own = std::fs::metadata("/proc/self/ns/mnt").expect("a namespace").ino();
    let marks = if is_said { format!(r#"{{"namespaces":{{"mnt":{own}}}}}"#) } else { "{}".to_owned() };
    let (code, out, err) = told(&["--nonce", "0123456789abcdef", "--escapes", &marks]);
    assert_eq!((code, out.as_slice()), (2, b"".as_slice()));
    let expected = format!("try to leave: {why}; that is tried from the inside of a sandbox only");
    assert_eq!(err, format!("rootcontract-probe: {expected}\n"));
}

#[test]
fn bad_arguments_are_one_line_and_2() {
    let (code, out, err) = told(&["--shout"]);
    assert_eq!((code, out.as_slice()), (2, b"".as_slice()));
    assert_eq!(err, "rootcontract-probe: unknown argument '--shout'; see --help\n");
}

#[test]
fn help_and_version_are_data() {
    let (code, out, err) = told(&["--help"]);
    assert_eq!((code, out, err.as_str()), (0, HELP.as_bytes().to_vec(), ""));
    let (code, out, err) = told(&["--version"]);
    let version = concat!("rootcontract-probe ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!((code, out, err.as_str()), (0, version.as_bytes().to_vec(), ""));
}

#[test]
fn a_passive_look_is_a_sealed_document_without_attempts() {
    let (code, out, err) = told(&["--passive", "--nonce", "feedbeef"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let probe = frame::open(&out, "feedbeef").expect("the seal is whole");
    assert_eq!((probe.mode, probe.attempts), (Mode::Passive, None));
    assert_eq!(probe.proc.cmdline, crate::facts::Fact::Known(None), "the host's command line is not ours to tell");
    assert_eq!(probe.pids.commands.len(), 0, "nor are the names of its processes");
}

/// A pipe that nobody reads, or a full disk.
struct Broken(io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_closed_stdout_is_a_quiet_end_and_a_full_one_is_told() {
    let words = [OsString::from("--passive")];
    let mut err = Vec::new();
    assert_eq!(run(&words, &mut Broken(io::ErrorKind::BrokenPipe), &mut err), 2);
    assert_eq!(err, b"");
    assert_eq!(run(&words, &mut Broken(io::ErrorKind::StorageFull), &mut err), 2);
    let said = String::from_utf8(err).expect("what is said is UTF-8");
    assert_eq!(said, "rootcontract-probe: write the facts: no storage space; give it a stdout with room\n");
}
