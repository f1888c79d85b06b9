use rstest::rstest;

use super::*;
use crate::report::tests::{finding, not_checked, report};

fn rendered(document: &Document, around: &Around<'_>) -> Value {
    serde_json::from_str(&render(document, around).expect("a log")).expect("JSON")
}

/// The one result of a document with one finding.
fn result(finding: Finding) -> Value {
    rendered(&Document::new(vec![report(vec![finding])]), &Around::default())["runs"][0]["results"][0].clone()
}

#[rstest]
#[case::broken(Verdict::Broken, Level::Must, "fail", "error")]
#[case::broken_and_less_binding(Verdict::Broken, Level::Should, "fail", "warning")]
#[case::broken_and_not_binding(Verdict::Broken, Level::May, "fail", "note")]
#[case::waived(Verdict::Waived, Level::Must, "fail", "error")]
#[case::held(Verdict::Held, Level::Must, "pass", "none")]
#[case::unknown(Verdict::Unknown, Level::Must, "open", "none")]
#[case::not_applicable(Verdict::NotApplicable, Level::Must, "notApplicable", "none")]
fn a_verdict_is_a_kind_and_a_level(
    #[case] verdict: Verdict,
    #[case] binding: Level,
    #[case] kind: &str,
    #[case] level: &str,
) {
    let result = result(Finding { level: binding, ..finding("mount.usr.read-only", verdict, "x") });
    assert_eq!((&result["kind"], &result["level"]), (&json!(kind), &json!(level)));
    assert_eq!(result["ruleId"], "mount.usr.read-only");
}

#[test]
fn what_is_waived_is_suppressed_for_the_reason_and_the_rest_says_that_it_is_not() {
    let waived = finding("uts.hostname.writable", Verdict::Waived, "ours to change; me, until 2027");
    let held = finding("process.umask", Verdict::Held, "0022");
    let log = rendered(&Document::new(vec![report(vec![waived, held])]), &Around::default());
    let results = &log["runs"][0]["results"];
    let expected =
        json!([{ "kind": "external", "status": "accepted", "justification": "ours to change; me, until 2027" }]);
    assert_eq!((&results[0]["suppressions"], &results[1]["suppressions"]), (&expected, &json!([])));
}

#[test]
fn a_rule_has_the_words_of_its_clause() {
    let broken = finding("mount.usr.read-only", Verdict::Broken, "read-write");
    let log = rendered(&Document::new(vec![report(vec![broken])]), &Around::default());
    let rule = &log["runs"][0]["tool"]["driver"]["rules"][0];
    let contract = Contract::builtin("osbuild-v190").expect("a contract");
    let clause = contract.clause("mount.usr.read-only").expect("a clause");
    assert_eq!(rule["shortDescription"]["text"], clause.says.as_str());
    let help = rule["help"]["text"].as_str().expect("help");
    assert!(help.starts_with(&format!("Why: {}", clause.why)), "{help}");
    assert_eq!(log["runs"][0]["tool"]["driver"]["version"], env!("CARGO_PKG_VERSION"));
}

/// Code scanning takes results with one fingerprint for one alert.
#[test]
fn a_fingerprint_is_the_same_every_day_and_for_one_result_only() {
    let fingerprints = |reports: Vec<Report>| {
        let log = rendered(&Document::new(reports), &Around::default());
        let results = log["runs"][0]["results"].as_array().expect("results").clone();
        let of = |result: &Value| result["partialFingerprints"]["primaryLocationLineHash"].to_string();
        results.iter().map(of).collect::<Vec<_>>()
    };
    let broken = |found: &str| finding("mount.usr.read-only", Verdict::Broken, found);
    let first = fingerprints(vec![report(vec![broken("read-write")])]);
    let other_day = Report { kernel: Some("7.0".to_owned()), ..report(vec![broken("gone")]) };
    assert_eq!(first, fingerprints(vec![other_day]));
    let elsewhere = Report { arch: "s390x".to_owned(), ..report(vec![broken("read-write")]) };
    let mut two = fingerprints(vec![report(vec![broken("read-write"), broken("read-write")]), elsewhere]);
    two.dedup();
    assert_eq!((two.len(), &two[0]), (3, &first[0]));
}

#[test]
fn what_was_not_checked_is_told_and_the_run_is_no_success() {
    let document =
        Document { failures: vec![not_checked("s390x:bookworm", "it does not boot")], ..Document::new(vec![]) };
    let log = rendered(&document, &Around::default());
    let invocation = &log["runs"][0]["invocations"][0];
    let note = &invocation["toolExecutionNotifications"][0];
    let text = "osbuild-v190 in s390x:bookworm (s390x) could not be checked: it does not boot";
    assert_eq!((&invocation["executionSuccessful"], &note["message"]["text"]), (&json!(false), &json!(text)));
    assert_eq!(note["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "s390x%3Abookworm");
}

#[test]
fn nothing_from_outside_is_a_placeholder_a_link_or_speaks_to_a_terminal() {
    let text = rendered(
        &Document::new(vec![report(vec![finding("process.umask", Verdict::Broken, "{0} [x](y) \u{1b}[2J\u{202e}")])]),
        &Around::default(),
    );
    let message = text["runs"][0]["results"][0]["message"]["text"].as_str().expect("text");
    assert!(message.contains(r"found {{0}} [x] (y) \x1b[2J\xe2\x80\xae"), "{message}");
}
