//! Annotations for GitHub's workflows: lines that a runner takes from the output of a step and shows beside the change.

use std::collections::BTreeMap;

use super::show::{in_a_line, subject, subject_of};
use super::{Document, Summary};
use crate::verify::Verdict;

/// What GitHub shows of one kind from one step; the rest is dropped without a word there, so we count it.
const SHOWN: usize = 10;

/// An annotation, before it is written.
#[derive(Debug)]
pub(crate) struct Annotation {
    pub(crate) kind: Kind,
    /// What it is about, if that is a file.
    pub(crate) file: Option<String>,
    pub(crate) title: String,
    pub(crate) message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Error,
    Warning,
    Notice,
}

/// A line for each broken clause (an error), each unknown one (a warning) and each cell that was not checked (an error),
/// with the places where it is so; last, what it all comes to.
pub fn render(document: &Document) -> String {
    let mut annotations = findings(document, Verdict::Broken, Kind::Error);
    annotations.extend(document.failures.iter().map(|cell| Annotation {
        kind: Kind::Error,
        file: None,
        title: format!("{} could not be checked", subject(&cell.profile, Some(&cell.place), cell.arch.as_deref())),
        message: super::show::shown(&cell.reason),
    }));
    annotations.extend(findings(document, Verdict::Unknown, Kind::Warning));
    written(&annotations) + &total(document).line()
}

/// Errors and then warnings, as many of each as are shown.
pub(crate) fn written(annotations: &[Annotation]) -> String {
    let mut lines = String::new();
    for kind in [Kind::Error, Kind::Warning] {
        let of_kind: Vec<_> = annotations.iter().filter(|annotation| annotation.kind == kind).collect();
        let room = if of_kind.len() > SHOWN { SHOWN - 1 } else { SHOWN };
        lines.extend(of_kind.iter().take(room).map(|annotation| annotation.line()));
        if let Some(more) = of_kind.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            let message = format!("and {} more, which GitHub would not show", more + 1);
            lines += &Annotation { kind, file: None, title: "rootcontract".to_owned(), message }.line();
        }
    }
    lines
}

/// One annotation for each clause that is `verdict` for the same reason, in the order of the contracts.
fn findings(document: &Document, verdict: Verdict, kind: Kind) -> Vec<Annotation> {
    let mut order = Vec::new();
    let mut places: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for report in &document.reports {
        for finding in report.findings.iter().filter(|finding| finding.verdict == verdict) {
            let key = (finding.clause.to_string(), in_a_line(finding));
            if !places.contains_key(&key) {
                order.push(key.clone());
            }
            places.entry(key).or_default().push(subject_of(report));
        }
    }
    let annotation = |key: (String, String)| {
        let places = places.remove(&key).unwrap_or_default().join(", ");
        let (clause, line) = key;
        let title = format!("{clause} is {}", super::show::word(verdict));
        Annotation { kind, file: None, title, message: format!("{line} ({places})") }
    };
    order.into_iter().map(annotation).collect()
}

/// What it all comes to: a workflow without a line would look as if nothing had run.
fn total(document: &Document) -> Annotation {
    let all = Summary::of(document.reports.iter().flat_map(|report| &report.findings));
    let message = format!(
        "{} checked, {} could not be: {} broken, {} unknown, {} held",
        document.reports.len(),
        document.failures.len(),
        all.broken,
        all.unknown,
        all.held
    );
    Annotation { kind: Kind::Notice, file: None, title: "rootcontract".to_owned(), message }
}

impl Annotation {
    /// As GitHub's runner reads it.
    pub(crate) fn line(&self) -> String {
        let kind = match self.kind {
            Kind::Error => "error",
            Kind::Warning => "warning",
            Kind::Notice => "notice",
        };
        let file = self.file.as_ref().map(|file| format!("file={},", property(file))).unwrap_or_default();
        format!("::{kind} {file}title={}::{}\n", property(&self.title), data(&self.message))
    }
}

/// As GitHub's runner takes it apart again: after this no line can end early and no command begin.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The same for what stands between `::KIND ` and `::`.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Report;
    use crate::report::tests::{finding, not_checked, report};

    #[test]
    fn what_is_wrong_is_annotated_once_for_all_its_places() {
        let broken = || finding("mount.usr.read-only", Verdict::Broken, "100% read-write");
        let other = Report { place: Some("target/trees/s390x".to_owned()), ..report(vec![broken()]) };
        let unknown = finding("device.null.mode", Verdict::Unknown, "not let in");
        let mut document = Document::new(vec![report(vec![broken(), unknown]), other]);
        document.failures = vec![not_checked("s390x:bookworm,\r\n::error::x", "it does not boot\u{1b}[2J")];
        assert_eq!(
            render(&document),
            r"::error title=mount.usr.read-only is broken::expected read-only; found 100%25 read-write (osbuild-v190 in / (x86_64), osbuild-v190 in target/trees/s390x (x86_64))
::error title=osbuild-v190 in s390x%3Abookworm%2C\x0d\x0a%3A%3Aerror%3A%3Ax (s390x) could not be checked::it does not boot\x1b[2J
::warning title=device.null.mode is unknown::expected read-only; not let in (osbuild-v190 in / (x86_64))
::notice title=rootcontract::2 checked, 1 could not be: 2 broken, 1 unknown, 0 held
"
        );
    }

    #[test]
    fn more_than_github_shows_are_counted() {
        let many = (0..25).map(|n| finding(&format!("mount.x{n}"), Verdict::Broken, "x")).collect();
        let text = render(&Document::new(vec![report(many)]));
        let errors: Vec<_> = text.lines().filter(|line| line.starts_with("::error ")).collect();
        assert_eq!(errors.len(), SHOWN);
        assert_eq!(errors[9], "::error title=rootcontract::and 16 more, which GitHub would not show");
        assert_eq!(
            text.lines().last(),
            Some("::notice title=rootcontract::1 checked, 0 could not be: 25 broken, 0 unknown, 0 held")
        );
    }

    #[test]
    fn a_whole_success_is_a_line_too() {
        let text = render(&Document::new(vec![report(vec![finding("process.umask", Verdict::Held, "0022")])]));
        assert_eq!(text, "::notice title=rootcontract::1 checked, 0 could not be: 0 broken, 0 unknown, 1 held\n");
    }

    #[test]
    fn every_character_that_means_something_to_github_is_escaped() {
        assert_eq!(data("a%b\rc\nd:e,f"), "a%25b%0Dc%0Ad:e,f");
        assert_eq!(property("a%b\rc\nd:e,f"), "a%25b%0Dc%0Ad%3Ae%2Cf");
    }
}
