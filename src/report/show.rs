//! Text on its way to a terminal.

use std::error::Error;
use std::io;

use nix::errno::Errno;
use textwrap::{Options, WordSplitter};

use super::{Bwrap, Report};
use crate::facts::text;
use crate::verify::{Finding, Verdict};

/// The widest line that is printed, in columns. Lines that are there to be pasted are left whole.
pub const WIDTH: usize = 100;

/// Text from outside, so that it can't speak to the terminal. What has been escaped already stays as it is.
pub fn shown(text: &str) -> String {
    text.split('\\').map(|part| text::escape(part.as_bytes())).collect::<Vec<_>>().join("\\")
}

/// The verdict in words.
pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "held",
        Verdict::Broken => "broken",
        Verdict::Unknown => "unknown",
        Verdict::NotApplicable => "not applicable",
        Verdict::Waived => "waived",
    }
}

/// A bubblewrap: `bubblewrap 0.8.0 (/usr/bin/bwrap, package bubblewrap 0.8.0-2)`.
pub fn bubblewrap(bwrap: &Bwrap) -> String {
    let package = bwrap.package.as_ref().map(|package| format!(", package {}", shown(package))).unwrap_or_default();
    format!("bubblewrap {} ({}{package})", shown(&bwrap.version), shown(&bwrap.path))
}

/// Where a report's sandbox was: `osbuild-v190 in target/trees/s390x (s390x)`.
pub fn subject(profile: &str, place: Option<&str>, arch: Option<&str>) -> String {
    let place = place.map(|place| format!(" in {}", shown(place))).unwrap_or_default();
    let arch = arch.map(|arch| format!(" ({})", shown(arch))).unwrap_or_default();
    format!("{}{place}{arch}", shown(profile))
}

/// The same of a report.
pub fn subject_of(report: &Report) -> String {
    subject(&report.profile, report.place.as_deref(), Some(&report.arch))
}

/// What a finding has to say, in a line: what was expected and found, or why nothing was.
pub fn in_a_line(finding: &Finding) -> String {
    let expected = matches!(finding.verdict, Verdict::Broken | Verdict::Unknown).then_some(&finding.expected);
    let parts = [("expected ", expected), ("found ", finding.found.as_ref()), ("", finding.reason.as_ref())];
    let parts = parts.into_iter().filter_map(|(label, text)| Some(format!("{label}{}", shown(text?))));
    parts.collect::<Vec<_>>().join("; ")
}

/// The error and what caused it, in a line: each cause once, system errors without their numbers.
pub fn line(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = Some(error);
    while let Some(cause) = rest {
        rest = cause.source();
        let text = match cause.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
            Some(code) => Errno::from_raw(code).desc().to_owned(),
            None => cause.to_string(),
        };
        if !parts.iter().any(|part| part.ends_with(&text)) {
            parts.push(text);
        }
    }
    parts.join(": ")
}

/// `label`, filled up to `indent` columns, and beside it `text`, wrapped at [`WIDTH`]. Escape sequences for colour
/// take no room. A label that is too long has a line of its own.
pub fn beside(label: &str, indent: usize, text: &str) -> String {
    beside_within(WIDTH, label, indent, text)
}

/// The same, wrapped at another width.
pub fn beside_within(wide: usize, label: &str, indent: usize, text: &str) -> String {
    let margin = " ".repeat(indent);
    let width = textwrap::core::display_width(label);
    let (first, lead) = match indent.checked_sub(width) {
        Some(room) if room > 0 => (format!("{label}{}", " ".repeat(room)), String::new()),
        _ => (margin.clone(), format!("{label}\n")),
    };
    let options = Options::new(wide).word_splitter(WordSplitter::NoHyphenation);
    let options = options.initial_indent(&first).subsequent_indent(&margin);
    let wrapped = textwrap::fill(text, options);
    format!("{lead}{}\n", wrapped.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::plain("/usr is mounted read-only", "/usr is mounted read-only")]
    #[case::escaped_before(r"a\x0ab", r"a\x0ab")]
    #[case::terminal("\x1b[31m", r"\x1b[31m")]
    #[case::line_feed("a\nb", r"a\x0ab")]
    #[case::right_to_left("a\u{202e}b", r"a\xe2\x80\xaeb")]
    fn text_from_outside_is_shown_as(#[case] text: &str, #[case] as_what: &str) {
        assert_eq!(shown(text), as_what);
    }

    #[rstest]
    #[case::short("says", "one line", "says   one line\n")]
    #[case::label_too_long("expected", "one line", "expected\n       one line\n")]
    #[case::no_text("says", "", "says\n")]
    #[case::colour("\u{1b}[1msays\u{1b}[0m", "one", "\u{1b}[1msays\u{1b}[0m   one\n")]
    fn a_label_stands_beside_its_text(#[case] label: &str, #[case] text: &str, #[case] lines: &str) {
        assert_eq!(beside(label, 7, text), lines);
    }

    #[rstest]
    #[case::words(&"word ".repeat(60))]
    #[case::one_word(&"x".repeat(400))]
    #[case::wide(&"幅".repeat(200))]
    fn no_line_is_wider_than_the_table(#[case] text: &str) {
        let lines = beside("label", 30, text);
        assert!(lines.lines().count() > 1);
        for line in lines.lines() {
            assert!(textwrap::core::display_width(line) <= WIDTH, "{line}");
        }
    }
}
