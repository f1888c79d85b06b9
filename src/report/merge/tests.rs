use rstest::rstest;

use super::*;
use crate::report::Dealt;
use crate::report::tests::{finding, not_checked, report};
use crate::verify::Verdict;

const PLACES: [(&str, usize); 3] = [("tree", 1), ("other", 2), ("machine", 2)];

fn checked(place: &str, profile: &str) -> Report {
    let findings = vec![finding("process.umask", Verdict::Held, "0022")];
    Report { place: Some(place.to_owned()), profile: profile.to_owned(), ..report(findings) }
}

/// A document about these places with both profiles.
fn document(places: &[&str]) -> Document {
    let both = |place: &&str| ["osbuild-v19", "osbuild-v190"].map(|profile| checked(place, profile));
    Document::new(places.iter().flat_map(both).collect())
}

fn shard(number: usize) -> Document {
    let places: Vec<_> = PLACES.iter().filter(|(_, shard)| *shard == number).map(|(place, _)| *place).collect();
    let shard = Shard {
        number,
        of: 2,
        profiles: ["osbuild-v19", "osbuild-v190"].map(str::to_owned).to_vec(),
        only: Vec::new(),
        places: PLACES.map(|(place, shard)| Dealt { place: place.to_owned(), shard }).to_vec(),
    };
    Document { shard: Some(shard), ..document(&places) }
}

fn named<const N: usize>(documents: [Document; N]) -> Vec<(String, Document)> {
    documents.into_iter().enumerate().map(|(index, document)| (format!("{index}.json"), document)).collect()
}

#[test]
fn all_shards_are_the_whole_in_whatever_order_they_come() {
    let whole = document(&PLACES.map(|(place, _)| place));
    assert_eq!(merge(named([shard(1), shard(2)])), Ok(whole.clone()));
    assert_eq!(merge(named([shard(2), shard(1)])), Ok(whole));
}

#[test]
fn what_was_dealt_to_a_missing_shard_was_not_checked() {
    let merged = merge(named([shard(2)])).expect("a document");
    let told = merged.failures.iter().map(|cell| (cell.place.as_str(), cell.profile.as_str(), cell.reason.as_str()));
    let reason = "shard 1 of 2 is not among the documents";
    assert_eq!(told.collect::<Vec<_>>(), [("tree", "osbuild-v19", reason), ("tree", "osbuild-v190", reason)]);
    assert_eq!((merged.reports.len(), merged.shard), (4, None));
}

#[test]
fn a_shard_that_does_not_have_what_was_dealt_to_it_is_noticed() {
    let mut half = shard(1);
    half.reports.pop();
    let merged = merge(named([half, shard(2)])).expect("a document");
    assert_eq!(merged.failures.len(), 1);
    assert_eq!(merged.failures[0].reason, "0.json, shard 1 of 2, does not say what came of it");
}

#[test]
fn what_could_not_be_checked_in_a_shard_stays_so() {
    let mut failed = shard(1);
    failed.reports.clear();
    for profile in ["osbuild-v190", "osbuild-v19"] {
        let failure = NotChecked { profile: profile.to_owned(), ..not_checked("tree", "it has no loader") };
        failed.failures.push(failure);
    }
    let merged = merge(named([shard(2), failed])).expect("a document");
    let told = merged.failures.iter().map(|cell| (cell.profile.as_str(), cell.reason.as_str()));
    assert_eq!(told.collect::<Vec<_>>(), ["osbuild-v19", "osbuild-v190"].map(|name| (name, "it has no loader")));
}

#[test]
fn documents_of_machines_that_know_nothing_of_each_other_are_put_together() {
    let mut elsewhere = document(&["/"]);
    elsewhere.reports.iter_mut().for_each(|report| report.arch = "s390x".to_owned());
    let merged = merge(named([document(&["/"]), shard(2), elsewhere, shard(1)])).expect("a document");
    let places =
        merged.reports.iter().map(|report| (report.place.as_deref().unwrap_or_default(), report.arch.as_str()));
    let one_profile: Vec<_> = places.step_by(2).collect();
    let expected = [("tree", "x86_64"), ("other", "x86_64"), ("machine", "x86_64"), ("/", "x86_64"), ("/", "s390x")];
    assert_eq!(one_profile, expected);
    assert!(merged.failures.is_empty());
}

fn changed(mut document: Document, change: impl FnOnce(&mut Shard)) -> Document {
    document.shard.iter_mut().for_each(|shard| shard.number = 2);
    document.shard.as_mut().map(change);
    document
}

#[rstest]
#[case::the_same_cell([document(&["/"]), document(&["/"])], "0.json and 1.json both have osbuild-v19 in / (x86_64): name one of them")]
#[case::the_same_shard([shard(1), shard(1)], "0.json and 1.json both have osbuild-v19 in tree (x86_64): name one of them")]
#[case::more_shards([shard(1), changed(shard(2), |shard| shard.of = 3)], "0.json and 1.json are shards of different matrices: the numbers of shards differ")]
#[case::other_profiles([shard(1), changed(shard(2), |shard| shard.profiles.reverse())], "0.json and 1.json are shards of different matrices: the profiles differ")]
#[case::other_patterns([shard(1), changed(shard(2), |shard| shard.only.push("mount.*".to_owned()))], "0.json and 1.json are shards of different matrices: the patterns of --only differ")]
#[case::other_places([shard(1), changed(shard(2), |shard| shard.places.truncate(2))], "0.json and 1.json are shards of different matrices: the places differ")]
#[case::what_is_another_shards([changed(shard(1), |_| ()), document(&[])], "0.json says it is shard 2, and has osbuild-v19 in tree (x86_64), which is not part of that")]
fn what_does_not_fit_is_refused(#[case] documents: [Document; 2], #[case] line: &str) {
    assert_eq!(merge(named(documents)).expect_err("they do not fit").to_string(), line);
}

#[test]
fn an_empty_shard_twice_is_refused_too() {
    let empty = || Document { reports: Vec::new(), ..shard(1) };
    let error = merge(named([empty(), empty()])).expect_err("the same shard");
    assert_eq!(error.to_string(), "0.json and 1.json are both shard 1: name one of them");
}

#[test]
fn what_could_not_be_checked_may_be_of_any_architecture() {
    let mut failed = Document::new(Vec::new());
    failed.failures.push(NotChecked { arch: None, ..not_checked("/", "no") });
    for documents in [[document(&["/"]), failed.clone()], [failed, document(&["/"])]] {
        let error = merge(named(documents)).expect_err("the same cell").to_string();
        assert!(error.starts_with("0.json and 1.json both have osbuild-v190 in /"), "{error}");
    }
}
