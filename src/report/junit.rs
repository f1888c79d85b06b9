//! JUnit's XML, as CI systems read it: a suite for each report, a test case for each clause. No times, so that the same
//! findings are the same bytes.

use quick_junit::{NonSuccessKind, Report as Junit, SerializeError, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;

use super::show::{in_a_line, subject, subject_of, word};
use super::{Document, NotChecked, Report, show};
use crate::verify::{Finding, Verdict};

/// The one test case of a suite that could not be checked.
const CHECKED: &str = "checked";

/// The document as XML. A broken clause is a failure, an unknown one and whatever was not checked an error; what does
/// not apply or is waived is skipped, with the reason.
///
/// # Errors
/// Times that XML has no words for: there are none here.
pub fn render(document: &Document) -> Result<String, SerializeError> {
    let mut junit = Junit::new("rootcontract");
    junit.add_test_suites(document.reports.iter().map(suite));
    junit.add_test_suites(document.failures.iter().map(not_checked));
    junit.to_string()
}

fn suite(report: &Report) -> TestSuite {
    let mut suite = TestSuite::new(text(&subject_of(report)));
    let bwrap = report.bwrap.as_ref();
    let properties = [
        ("profile", Some(report.profile.clone())),
        ("arch", Some(report.arch.clone())),
        ("place", report.place.clone()),
        ("evidence", report.evidence.and_then(name)),
        ("phase", report.phase.and_then(name)),
        ("privilege", report.privilege.and_then(name)),
        ("bwrap", bwrap.map(|bwrap| bwrap.version.clone())),
        ("bwrap.path", bwrap.map(|bwrap| bwrap.path.clone())),
        ("bwrap.package", bwrap.and_then(|bwrap| bwrap.package.clone())),
        ("kernel", report.kernel.clone()),
        ("libc", report.libc.clone()),
        ("lsm", report.lsm.clone()),
    ];
    for (name, value) in properties {
        if let Some(value) = value {
            suite.add_property((name, text(&value).as_str()));
        }
    }
    suite.add_test_cases(report.findings.iter().map(|finding| case(finding, report)));
    suite
}

/// The word that JSON has for it.
fn name(value: impl Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}

fn case(finding: &Finding, report: &Report) -> TestCase {
    let line = text(&in_a_line(finding));
    let mut status = match finding.verdict {
        Verdict::Held => TestCaseStatus::success(),
        Verdict::Broken => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Unknown => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::NotApplicable | Verdict::Waived => TestCaseStatus::skipped(),
    };
    status.set_type(word(finding.verdict));
    match finding.verdict {
        Verdict::Waived => status.set_message(format!("waived: {line}")),
        Verdict::Held | Verdict::Broken | Verdict::Unknown | Verdict::NotApplicable => status.set_message(line),
    };
    let mut case = TestCase::new(finding.clause.to_string(), status);
    case.set_classname(class(&report.profile, report.place.as_deref(), &finding.area.to_string()));
    case.add_property(("level", finding.level.to_string().as_str()));
    case
}

/// A suite that says so, and fails.
fn not_checked(cell: &NotChecked) -> TestSuite {
    let mut suite = TestSuite::new(text(&subject(&cell.profile, Some(&cell.place), cell.arch.as_deref())));
    let arch = cell.arch.as_ref().map(|arch| ("arch", arch));
    for (name, value) in [("profile", &cell.profile), ("place", &cell.place)].into_iter().chain(arch) {
        suite.add_property((name, text(value).as_str()));
    }
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type("not checked").set_message(text(&cell.reason));
    let mut case = TestCase::new(CHECKED, status);
    case.set_classname(class(&cell.profile, Some(&cell.place), CHECKED));
    suite.add_test_case(case);
    suite
}

/// What CI systems group cases by. Dots are levels to them, so there are none but ours.
fn class(profile: &str, place: Option<&str>, area: &str) -> String {
    let level = |text: &str| show::shown(text).replace('.', "_");
    [Some(profile), place, Some(area)]
        .into_iter()
        .flatten()
        .map(level)
        .map(|part| text(&part))
        .collect::<Vec<_>>()
        .join(".")
}

/// Text that XML can hold and a terminal too: what neither can is escaped, not left out.
pub(crate) fn text(text: &str) -> String {
    let not_xml = |character| matches!(character, '\u{fffe}' | '\u{ffff}');
    show::shown(text).replace(not_xml, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{finding, not_checked, report};

    const HOSTILE: &str = "\u{1b}[31m]]>\u{0}\u{8}\u{ffff}<!--&\"'\r\n\u{202e}";

    fn document() -> Document {
        let mut document = Document::new(vec![report(vec![
            finding("mount.usr.read-only", Verdict::Broken, "read-write"),
            finding("device.null.mode", Verdict::Unknown, "the probe was not let in"),
            finding("mount.boot.read-only", Verdict::NotApplicable, "the tree has no /boot"),
            finding("uts.hostname.writable", Verdict::Waived, "ours to change; me, until 2027"),
            finding("process.umask", Verdict::Held, "0022"),
        ])]);
        document.failures = vec![not_checked("s390x-bookworm", "it does not boot")];
        document
    }

    #[test]
    fn a_report_is_a_suite_and_a_clause_is_a_case() {
        let xml = render(&document()).expect("XML");
        assert_eq!(
            xml,
            r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="rootcontract" tests="6" skipped="2" failures="1" errors="2">
    <testsuite name="osbuild-v190 in / (x86_64)" tests="5" skipped="2" errors="1" failures="1">
        <properties>
            <property name="profile" value="osbuild-v190"/>
            <property name="arch" value="x86_64"/>
            <property name="place" value="/"/>
            <property name="evidence" value="native"/>
            <property name="phase" value="raw"/>
            <property name="privilege" value="root"/>
            <property name="bwrap" value="0.8.0"/>
            <property name="bwrap.path" value="/usr/bin/bwrap"/>
            <property name="bwrap.package" value="bubblewrap 0.8.0-2"/>
            <property name="kernel" value="6.18.5"/>
            <property name="libc" value="Debian GLIBC 2.36-9"/>
            <property name="lsm" value="capability,yama"/>
        </properties>
        <testcase name="mount.usr.read-only" classname="osbuild-v190./.mount">
            <properties>
                <property name="level" value="must"/>
            </properties>
            <failure message="expected read-only; found read-write" type="broken"/>
        </testcase>
        <testcase name="device.null.mode" classname="osbuild-v190./.device">
            <properties>
                <property name="level" value="must"/>
            </properties>
            <error message="expected read-only; the probe was not let in" type="unknown"/>
        </testcase>
        <testcase name="mount.boot.read-only" classname="osbuild-v190./.mount">
            <properties>
                <property name="level" value="must"/>
            </properties>
            <skipped message="the tree has no /boot" type="not applicable"/>
        </testcase>
        <testcase name="uts.hostname.writable" classname="osbuild-v190./.uts">
            <properties>
                <property name="level" value="must"/>
            </properties>
            <skipped message="waived: ours to change; me, until 2027" type="waived"/>
        </testcase>
        <testcase name="process.umask" classname="osbuild-v190./.process">
            <properties>
                <property name="level" value="must"/>
            </properties>
        </testcase>
    </testsuite>
    <testsuite name="osbuild-v190 in s390x-bookworm (s390x)" tests="1" skipped="0" errors="1" failures="0">
        <properties>
            <property name="profile" value="osbuild-v190"/>
            <property name="place" value="s390x-bookworm"/>
            <property name="arch" value="s390x"/>
        </properties>
        <testcase name="checked" classname="osbuild-v190.s390x-bookworm.checked">
            <error message="it does not boot" type="not checked"/>
        </testcase>
    </testsuite>
</testsuites>
"#
        );
    }

    #[test]
    fn nothing_from_outside_can_end_the_document_or_speak_to_a_terminal() {
        let mut report = report(vec![finding("process.umask", Verdict::Broken, HOSTILE)]);
        report.place = Some(HOSTILE.to_owned());
        report.kernel = Some(HOSTILE.to_owned());
        let xml = render(&Document { failures: vec![not_checked(HOSTILE, HOSTILE)], ..Document::new(vec![report]) });
        let xml = xml.expect("XML");
        let allowed = |c: char| matches!(c, '\n' | ' '..='~' | '\u{fffd}');
        assert!(xml.chars().all(allowed), "{xml:?}");
        let read = Junit::deserialize_from_str(&xml).expect("XML that can be read");
        let place = read.test_suites[0].properties.iter().find(|property| property.name.as_str() == "place");
        let place = place.expect("the place").value.as_str();
        assert_eq!(place, "\\x1b[31m]]>\\x00\\x08\u{fffd}<!--&\"'\\x0d\\x0a\\xe2\\x80\\xae");
    }

    #[test]
    fn what_is_read_back_is_what_was_written() {
        let read = Junit::deserialize_from_str(&render(&document()).expect("XML")).expect("XML that can be read");
        assert_eq!((read.tests, read.failures, read.errors), (6, 1, 2));
        assert_eq!(read.to_string().expect("XML"), render(&document()).expect("XML"));
    }
}
