use rstest::rstest;

use super::*;
use crate::facts::launch::Evidence;
use crate::report::tests::{finding, not_checked, report};
use crate::report::{NotChecked, Report, Summary};
use crate::verify::Finding;

/// Held, but for those that are named.
fn findings(clauses: &[&str], others: &[(&str, Verdict, &str)]) -> Vec<Finding> {
    let held = clauses.iter().map(|clause| finding(clause, Verdict::Held, "x"));
    held.chain(others.iter().map(|(clause, verdict, text)| finding(clause, *verdict, text))).collect()
}

fn checked(profile: &str, place: &str, arch: &str, findings: Vec<Finding>) -> Report {
    let evidence = Some(if arch == "x86_64" { Evidence::Native } else { Evidence::UserEmulated });
    let (profile, place, arch) = (profile.to_owned(), Some(place.to_owned()), arch.to_owned());
    Report { profile, place, arch, evidence, ..report(findings) }
}

fn plain(document: &Document) -> String {
    anstream::adapter::strip_str(&render(document)).to_string()
}

const HOSTS: &str = "user-emulated: the kernel and bubblewrap are the host's";

/// Three trees, two profiles, and a machine that does not boot.
fn matrix() -> Document {
    let emulated = |arch: &str, others: &[(&str, Verdict, &str)]| {
        let own = [format!("abi.byte-order.{arch}"), "environment.exact".to_owned()];
        let others = [&[("mount.usr.read-only", Verdict::NotApplicable, HOSTS)], others].concat();
        findings(&own.each_ref().map(String::as_str), &others)
    };
    let native = findings(&["abi.byte-order.x86-64", "environment.exact", "mount.usr.read-only"], &[]);
    let broken = ("loader.link.s390x", Verdict::Broken, "/lib/ld64.so.2");
    let unknown = ("sys.ipl", Verdict::Unknown, "the probe was not let in");
    let mut document = Document::new(vec![
        checked("osbuild-v19", "trees/x86_64", "x86_64", native.clone()),
        checked("osbuild-v190", "trees/x86_64", "x86_64", native),
        checked("osbuild-v19", "trees/s390x", "s390x", emulated("s390x", &[broken])),
        checked("osbuild-v190", "trees/s390x", "s390x", emulated("s390x", &[broken])),
        checked("osbuild-v19", "trees/s390x-rpm", "s390x", emulated("s390x", &[])),
        checked("osbuild-v190", "trees/s390x-rpm", "s390x", emulated("s390x", &[unknown])),
    ]);
    for profile in ["osbuild-v19", "osbuild-v190"] {
        let failure = not_checked("s390x-bookworm", "the machine panicked after 0.1 s");
        document.failures.push(NotChecked { profile: profile.to_owned(), ..failure });
    }
    document
}

#[test]
fn a_matrix_is_a_table_and_what_is_not_the_same_everywhere() {
    assert_eq!(
        plain(&matrix()),
        "\
place            arch    evidence       kernel  bwrap  osbuild-v19    osbuild-v190
trees/x86_64     x86_64  native         6.18.5  0.8.0  ✔ 3 held       ✔ 3 held
trees/s390x      s390x   user-emulated  6.18.5  0.8.0  ✘ 1 broken     ✘ 1 broken
trees/s390x-rpm  s390x   user-emulated  6.18.5  0.8.0  ✔ 2 held       ? 1 unknown
s390x-bookworm   s390x                                 ? not checked  ? not checked

✘ loader.link.s390x is broken (must)
  in        trees/s390x (osbuild-v19, osbuild-v190)
  expected  read-only
  found     /lib/ld64.so.2
  why       `rootcontract explain loader.link.s390x` says

? sys.ipl is unknown (must)
  in        trees/s390x-rpm (osbuild-v190)
  expected  read-only
  reason    the probe was not let in
  why       `rootcontract explain sys.ipl` says

? 2 cells could not be checked
  s390x-bookworm (osbuild-v19, osbuild-v190)
  reason    the machine panicked after 0.1 s

1 clause not applicable in 2 of 3 places
  all of s390x
  mount.usr.read-only           user-emulated: the kernel and bubblewrap are the host's

1 clause only in 1 of 3 places
  trees/s390x
    loader.link

1 clause only in 1 of 3 places
  trees/s390x-rpm
    sys.ipl

8 cells: 2 broken, 1 unknown, 2 could not be checked, 3 held
"
    );
}

#[test]
fn many_clauses_are_counted_and_few_are_named() {
    let names: Vec<String> = (0..FEW).map(|number| format!("mount.m{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let own = findings(&names, &[("sys.more", Verdict::Held, "")]);
    let other = |reason| names.iter().map(|name| finding(name, Verdict::NotApplicable, reason)).collect::<Vec<_>>();
    let documents = [1, 2].map(|more| {
        let waived = [finding("sys.more", Verdict::NotApplicable, HOSTS)];
        let emulated = other(HOSTS).into_iter().chain(waived.into_iter().take(more - 1)).collect();
        let native = own.iter().take(names.len() + more - 1).cloned().collect();
        Document::new(vec![checked("p", "a", "x86_64", native), checked("p", "b", "s390x", emulated)])
    });
    let [few, many] = documents.map(|document| plain(&document));
    assert!(
        few.contains("\n  8 clauses                     user-emulated: ") && few.contains("\n    mount.m0, mount.m1, "),
        "{few}"
    );
    assert!(many.contains("\n  9 clauses                     user-emulated: ") && !many.contains("mount.m0"), "{many}");
}

#[test]
fn where_all_is_the_same_there_is_only_the_table() {
    let both = ["a", "b"].map(|place| checked("p", place, "x86_64", findings(&["process.umask"], &[])));
    let table = "place  arch    evidence  kernel  bwrap  p\na      x86_64  native    6.18.5  0.8.0  ✔ 1 held\n\
                 b      x86_64  native    6.18.5  0.8.0  ✔ 1 held\n\n2 cells: 2 held\n";
    assert_eq!(plain(&Document::new(both.to_vec())), table);
}

#[test]
fn a_place_of_which_a_part_was_checked_is_one_row() {
    let mut document = Document::new(vec![checked("osbuild-v19", "tree", "s390x", findings(&["process.umask"], &[]))]);
    for arch in [None, Some("s390x".to_owned())] {
        document.failures = vec![NotChecked { arch, ..not_checked("tree", "no loader") }];
        let text = plain(&document);
        let row = "tree   s390x  user-emulated  6.18.5  0.8.0  ✔ 1 held     ? not checked\n";
        assert!(text.lines().count() == 8 && text.contains(row), "{text}");
    }
}

#[test]
fn what_has_the_same_name_is_told_apart_by_its_architecture() {
    let mut document = Document::new(vec![
        checked("p", "/", "x86_64", findings(&["process.umask"], &[])),
        checked("p", "/", "s390x", findings(&[], &[("process.umask", Verdict::Broken, "0077")])),
    ]);
    assert!(plain(&document).contains("\n  in        / (s390x) (p)\n"), "{}", plain(&document));
    document.reports.iter_mut().for_each(|report| report.place = None);
    assert!(plain(&document).contains("\n  in        saved facts (s390x) (p)\n"), "{}", plain(&document));
}

/// The same cell twice is two rows: nothing is hidden behind anything.
#[test]
fn no_report_hides_another() {
    let held = checked("p", "/", "x86_64", findings(&["process.umask"], &[]));
    let broken = checked("p", "/", "x86_64", findings(&[], &[("process.umask", Verdict::Broken, "0077")]));
    let text = plain(&Document::new(vec![held, broken]));
    assert!(text.contains("✔ 1 held\n") && text.contains("✘ 1 broken\n"), "{text}");
    assert!(text.ends_with("\n2 cells: 1 broken, 1 held\n"), "{text}");
}

#[rstest]
#[case::place(|document: &mut Document, text: String| document.reports[0].place = Some(text))]
#[case::profile(|document: &mut Document, text: String| document.reports[0].profile = text)]
#[case::architecture(|document: &mut Document, text: String| document.reports[0].arch = text)]
#[case::kernel(|document: &mut Document, text: String| document.reports[0].kernel = Some(text))]
#[case::found(|document: &mut Document, text: String| document.reports[2].findings[3].found = Some(text))]
#[case::why_not_applicable(|document: &mut Document, text: String| document.reports[2].findings[2].reason = Some(text))]
#[case::why_not_checked(|document: &mut Document, text: String| document.failures[0].reason = text)]
#[case::place_not_checked(|document: &mut Document, text: String| document.failures[0].place = text)]
fn nothing_from_outside_speaks_to_the_terminal_or_is_too_wide(#[case] put: impl FnOnce(&mut Document, String)) {
    let mut document = matrix();
    put(&mut document, format!("\u{1b}[2J\n\u{202e}{}", "幅 wide ".repeat(30)));
    let text = plain(&document);
    assert!(text.contains(r"\x1b") && !text.contains(['\u{1b}', '\u{202e}']), "{text}");
    assert!(text.lines().all(|line| textwrap::core::display_width(line) <= show::WIDTH), "{text}");
}

#[rstest]
#[case::nothing(&[], "✔ 0 held")]
#[case::held(&[Verdict::Held, Verdict::NotApplicable], "✔ 1 held")]
#[case::unknown(&[Verdict::Held, Verdict::Unknown], "? 1 unknown")]
#[case::broken(&[Verdict::Unknown, Verdict::Broken, Verdict::Broken], "✘ 2 broken")]
#[case::waived(&[Verdict::Waived], "✔ 0 held")]
fn a_field_counts_the_worst(#[case] verdicts: &[Verdict], #[case] field: &str) {
    let one = |(number, verdict): (usize, &Verdict)| finding(&format!("mount.m{number}"), *verdict, "x");
    let findings: Vec<_> = verdicts.iter().enumerate().map(one).collect();
    let mut report = report(findings);
    report.summary = Summary::of(&report.findings);
    let text = plain(&Document::new(vec![report]));
    assert!(text.lines().nth(1).expect("a row").ends_with(field), "{text}");
}
