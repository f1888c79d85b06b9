//! The probe's arguments.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use crate::facts::{Mode, escape::Marks, frame, launch::Canaries, text::escape};

/// The most that `--canaries` or `--escapes` may have, in bytes.
const JSON_LIMIT: usize = 16 * 1024;
/// The most that a script of arguments may have, in bytes.
pub const SCRIPT_LIMIT: usize = 2 * JSON_LIMIT;

/// The script that holds the arguments: as the interpreter of a scriptlet the probe is given a file, an absolute path,
/// and then the numbers that rpm passes.
pub fn script(arguments: &[OsString]) -> Option<&Path> {
    arguments.first().map(Path::new).filter(|first| first.is_absolute())
}

/// The arguments of a script: one for each line; lines that are empty or begin with `#` say nothing.
pub fn of_script(script: &[u8]) -> Vec<OsString> {
    use std::os::unix::ffi::OsStrExt;
    let lines = script.split(|&byte| byte == b'\n').filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    lines.map(|line| OsStr::from_bytes(line).to_owned()).collect()
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// The help.
    Help,
    /// The version.
    Version,
    /// Facts.
    Facts(Arguments),
    /// To be upset, and to start again with the rest of the arguments.
    First(String, Vec<OsString>),
    /// Attempts to leave, sealed with this nonce.
    Escapes(String, Marks),
}

/// How facts are asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Arguments {
    /// Whether to try things.
    pub mode: Mode,
    /// What to seal with.
    pub nonce: Option<String>,
    /// What to look for.
    pub canaries: Canaries,
    /// Where to put the facts, if not on stdout.
    pub output: Option<PathBuf>,
}

/// Read the arguments, without the program's name; the error is one line.
pub fn parse(arguments: &[OsString]) -> Result<Request, String> {
    let mut asked = Arguments { mode: Mode::Active, nonce: None, canaries: Canaries::default(), output: None };
    let mut marks = None;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = |name: &str| {
            let value = rest.next().ok_or_else(|| format!("{name} needs a value; see --help"))?;
            value.to_str().ok_or_else(|| format!("the value of {name} is not UTF-8"))
        };
        match argument.to_str() {
            Some("--help" | "-h") => return Ok(Request::Help),
            Some("--version" | "-V") => return Ok(Request::Version),
            Some("--first") => return Ok(Request::First(value("--first")?.to_owned(), rest.cloned().collect())),
            Some("--passive") => asked.mode = Mode::Passive,
            Some("--nonce") => asked.nonce = Some(nonce(value("--nonce")?)?),
            Some("--canaries") => asked.canaries = object("--canaries", "canaries", value("--canaries")?)?,
            Some("--output") => asked.output = Some(value("--output")?.into()),
            Some("--escapes") => marks = Some(object("--escapes", "marks", value("--escapes")?)?),
            _ => {
                let shown = escape(argument.as_encoded_bytes());
                return Err(format!("unknown argument '{shown}'; see --help"));
            }
        }
    }
    match (marks, asked.mode, asked.nonce.take()) {
        (Some(_), Mode::Passive, _) => Err("--escapes are attempts; --passive only looks".to_owned()),
        (_, Mode::Active, None) => Err("attempts need a --nonce; --passive only looks".to_owned()),
        (Some(marks), Mode::Active, Some(nonce)) => Ok(Request::Escapes(nonce, marks)),
        (None, _, nonce) => Ok(Request::Facts(Arguments { nonce, ..asked })),
    }
}

fn nonce(value: &str) -> Result<String, String> {
    if frame::is_nonce(value) {
        return Ok(value.to_owned());
    }
    Err("--nonce takes 8 to 64 lower-case hexadecimal digits".to_owned())
}

fn object<T: serde::de::DeserializeOwned>(name: &str, of: &str, value: &str) -> Result<T, String> {
    if value.len() > JSON_LIMIT {
        return Err(format!("{name} takes at most {JSON_LIMIT} bytes"));
    }
    serde_json::from_str(value).map_err(|error| format!("{name} is no JSON object of {of}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn parsed(words: &[&str]) -> Result<Request, String> {
        parse(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn a_passive_look_needs_nothing_else() {
        let expected = Arguments { mode: Mode::Passive, nonce: None, canaries: Canaries::default(), output: None };
        assert_eq!(parsed(&["--passive"]), Ok(Request::Facts(expected)));
    }

    #[test]
    fn a_nonce_and_canaries_are_taken() {
        let canaries = Canaries { port: Some(7), abstract_socket: Some("x".to_owned()), ..Canaries::default() };
        let expected =
            Arguments { mode: Mode::Active, nonce: Some("0123456789abcdef".to_owned()), canaries, output: None };
        let words = ["--nonce", "0123456789abcdef", "--canaries", r#"{"port":7,"abstract":"x"}"#];
        assert_eq!(parsed(&words), Ok(Request::Facts(expected)));
    }

    #[test]
    fn a_script_is_told_by_its_path_and_says_an_argument_a_line() {
        let given = ["/var/tmp/rpm-tmp.x", "1"].map(OsString::from);
        assert_eq!(script(&given), Some(Path::new("/var/tmp/rpm-tmp.x")));
        assert_eq!(script(&["--passive"].map(OsString::from)), None);
        let said = of_script(b"# rpm\n--passive\n\n--output\n/a b");
        assert_eq!(said, ["--passive", "--output", "/a b"].map(OsString::from));
        let output = Some("/a b".into());
        let expected = Arguments { mode: Mode::Passive, nonce: None, canaries: Canaries::default(), output };
        assert_eq!(parse(&said), Ok(Request::Facts(expected)));
    }

    #[test]
    fn what_comes_first_takes_the_rest_along_as_it_is() {
        let expected = Request::First("nice".to_owned(), vec!["--nonce".into(), "x".into()]);
        assert_eq!(parsed(&["--first", "nice", "--nonce", "x"]), Ok(expected));
    }

    #[test]
    fn attempts_to_leave_take_marks_and_a_nonce() {
        let marks = Marks { port: Some(7), ..Marks::default() };
        let words = ["--nonce", "0123456789abcdef", "--escapes", r#"{"port":7}"#];
        assert_eq!(parsed(&words), Ok(Request::Escapes("0123456789abcdef".to_owned(), marks)));
    }

    #[rstest]
    #[case::first_what(&["--first"], "--first needs a value")]
    #[case::escapes_without_a_nonce(&["--escapes", "{}"], "attempts need a --nonce")]
    #[case::escapes_that_only_look(&["--passive", "--escapes", "{}"], "--escapes are attempts")]
    #[case::unknown_mark(&["--escapes", r#"{"bird":1}"#], "--escapes is no JSON object of marks: unknown field")]
    #[case::nothing(&[], "attempts need a --nonce")]
    #[case::unknown(&["--pasive"], "unknown argument '--pasive'; see --help")]
    #[case::escaped(&["a\nb"], "unknown argument 'a\\x0ab'")]
    #[case::no_value(&["--passive", "--nonce"], "--nonce needs a value")]
    #[case::short_nonce(&["--nonce", "abc"], "--nonce takes 8 to 64")]
    #[case::no_hex(&["--nonce", "0123456789ABCDEF"], "--nonce takes 8 to 64")]
    #[case::no_json(&["--passive", "--canaries", "{"], "--canaries is no JSON")]
    #[case::unknown_canary(&["--passive", "--canaries", r#"{"bird":1}"#], "--canaries is no JSON object of canaries: unknown field")]
    fn bad_arguments_are_one_line(#[case] words: &[&str], #[case] start: &str) {
        let error = parsed(words).expect_err("these are bad");
        assert!(error.starts_with(start) && !error.contains('\n'), "{error}");
    }

    #[rstest]
    #[case(&["--passive", "--help", "--nonsense"], Request::Help)]
    #[case(&["-V"], Request::Version)]
    fn help_and_version_come_before_the_rest(#[case] words: &[&str], #[case] request: Request) {
        assert_eq!(parsed(words), Ok(request));
    }
}
