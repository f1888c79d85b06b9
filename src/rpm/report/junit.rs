//! JUnit's XML: a suite for each package and room, a test case for each verdict.

use quick_junit::{NonSuccessKind, Report as Junit, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::super::finding::Finding;
use super::super::verdict::Verdict;
use super::{Document, Judgement, NotJudged, Report};
use crate::report::junit::text;

/// The document as XML. What fails or does harm is a failure, what can't be told an error.
///
/// # Errors
/// Times that XML has no words for: there are none here.
pub fn render(document: &Document) -> Result<String, SerializeError> {
    let mut junit = Junit::new("rootcontract rpm");
    junit.add_test_suites(document.reports.iter().map(|report| suite(&document.called(report), report)));
    junit.add_test_suites(document.failures.iter().map(not_judged));
    junit.to_string()
}

fn suite(called: &str, report: &Report) -> TestSuite {
    let mut suite = TestSuite::new(text(&format!("{called} in {} on {}", report.profile, report.arch)));
    let skipped = report.coverage.reasons().join("; ");
    let properties = [
        ("file", &report.file),
        ("profile", &report.profile),
        ("arch", &report.arch),
        ("coverage", &report.coverage.line()),
        ("coverage.skipped", &skipped),
    ];
    for (name, value) in properties {
        suite.add_property((name, text(value).as_str()));
    }
    suite.add_test_cases(report.verdicts.iter().map(|judgement| case(judgement, report)));
    suite
}

fn case(judgement: &Judgement, report: &Report) -> TestCase {
    let because = |finding: &&Finding| {
        finding.scenarios.contains(&judgement.scenario) && finding.verdict(judgement.rpm) == judgement.verdict
    };
    let reasons = report.findings.iter().filter(because).map(|finding| format!("{} {}", finding.slot, finding.rule));
    let message = text(&format!("{}: {}", judgement.verdict.words(), reasons.collect::<Vec<_>>().join(", ")));
    let mut status = match judgement.verdict {
        Verdict::Works | Verdict::EffectsSkipped => TestCaseStatus::success(),
        Verdict::Unknown => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::BreaksImage | Verdict::ChangesHost | Verdict::FailsBuild => {
            TestCaseStatus::non_success(NonSuccessKind::Failure)
        }
    };
    status.set_type(judgement.verdict.words()).set_message(message);
    let name = format!("{} with rpm {}", judgement.scenario.as_str(), judgement.rpm);
    let mut case = TestCase::new(name, status);
    case.set_classname(text(&format!("{}.{}", report.profile, report.package.name.replace('.', "_"))));
    case
}

/// A suite that says so, and fails.
fn not_judged(one: &NotJudged) -> TestSuite {
    let mut suite = TestSuite::new(text(&one.file));
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type("not judged").set_message(text(&one.reason));
    suite.add_test_case(TestCase::new("judged", status));
    suite
}
