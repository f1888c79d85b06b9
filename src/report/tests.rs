use rstest::rstest;

use super::*;
use crate::contract::Level;
use crate::facts::launch::Evidence;

/// A finding with the words that its verdict comes with.
pub fn finding(clause: &str, verdict: Verdict, text: &str) -> Finding {
    let clause = crate::contract::ClauseId::try_from(clause.to_owned()).expect("a clause's id");
    let seen = matches!(verdict, Verdict::Held | Verdict::Broken);
    Finding {
        area: clause.area(),
        clause,
        level: Level::Must,
        verdict,
        evidence: Some(Evidence::Native),
        expected: "read-only".to_owned(),
        found: seen.then(|| text.to_owned()),
        reason: (!seen).then(|| text.to_owned()),
        hazard: None,
    }
}

/// A report of these findings, about `/` of an x86_64.
pub fn report(findings: Vec<Finding>) -> Report {
    Report {
        profile: "osbuild-v190".to_owned(),
        place: Some("/".to_owned()),
        arch: "x86_64".to_owned(),
        evidence: Some(Evidence::Native),
        phase: Some(Phase::Raw),
        privilege: Some(Privilege::Root),
        bwrap: Some(Bwrap {
            path: "/usr/bin/bwrap".to_owned(),
            version: "0.8.0".to_owned(),
            package: Some("bubblewrap 0.8.0-2".to_owned()),
        }),
        kernel: Some("6.18.5".to_owned()),
        libc: Some("Debian GLIBC 2.36-9".to_owned()),
        lsm: Some("capability,yama".to_owned()),
        summary: Summary::of(&findings),
        findings,
    }
}

/// A cell that was not checked.
pub fn not_checked(place: &str, reason: &str) -> NotChecked {
    NotChecked {
        profile: "osbuild-v190".to_owned(),
        place: place.to_owned(),
        arch: Some("s390x".to_owned()),
        reason: reason.to_owned(),
    }
}

#[rstest]
#[case::nothing_wrong(0, 0, Standing::Held)]
#[case::not_looked(0, 1, Standing::Unknown)]
#[case::broken(1, 0, Standing::Broken)]
#[case::broken_wins(1, 1, Standing::Broken)]
fn counts_come_to(#[case] broken: usize, #[case] unknown: usize, #[case] standing: Standing) {
    assert_eq!(Summary { held: 3, broken, unknown, ..Summary::default() }.standing(), standing);
}

#[rstest]
#[case::nothing_wrong(&[(0, 0)], 0, Standing::Held)]
#[case::one_unknown(&[(0, 0), (0, 2)], 0, Standing::Unknown)]
#[case::one_broken(&[(0, 2), (1, 0), (0, 0)], 0, Standing::Broken)]
#[case::one_not_checked(&[(0, 0)], 1, Standing::Unknown)]
#[case::none_checked(&[], 1, Standing::Unknown)]
#[case::broken_and_not_checked(&[(1, 0)], 1, Standing::Broken)]
fn a_document_stands_as_the_worst_in_it(
    #[case] counts: &[(usize, usize)],
    #[case] failures: usize,
    #[case] standing: Standing,
) {
    let counted = |&(broken, unknown): &(usize, usize)| Report {
        summary: Summary { held: 1, broken, unknown, ..Summary::default() },
        ..report(Vec::new())
    };
    let mut document = Document::new(counts.iter().map(counted).collect());
    document.failures = vec![not_checked("s390x-bookworm", "it does not boot"); failures];
    assert_eq!(document.standing(), standing);
}

#[rstest]
#[case::nothing(Summary::default(), Standing::Unknown)]
#[case::nothing_that_applies(Summary { not_applicable: 2, ..Summary::default() }, Standing::Unknown)]
#[case::something_held(Summary { not_applicable: 2, held: 1, ..Summary::default() }, Standing::Held)]
#[case::something_waived(Summary { not_applicable: 2, waived: 1, ..Summary::default() }, Standing::Held)]
fn a_document_in_which_nothing_held_is_not_held(#[case] summary: Summary, #[case] standing: Standing) {
    let here = Report { summary, ..report(Vec::new()) };
    assert_eq!(Document::new(vec![here]).standing(), standing);
}
