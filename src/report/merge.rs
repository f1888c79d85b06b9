//! Several documents become one: the shards of a matrix, or what was checked on machines that know nothing of each other.

use std::collections::{BTreeMap, BTreeSet};

use super::show::subject;
use super::{Document, NotChecked, Report, Shard};

/// Why documents can't become one. Each is named by its file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// Two of them are about the same.
    #[error("{first} and {second} both have {cell}: name one of them")]
    SameCell {
        /// What, in words.
        cell: String,
        /// Where it came first.
        first: String,
        /// Where it is again.
        second: String,
    },
    /// Two of them are the same part.
    #[error("{first} and {second} are both shard {number}: name one of them")]
    SameShard {
        /// Which.
        number: usize,
        /// Where it came first.
        first: String,
        /// Where it is again.
        second: String,
    },
    /// They are parts of different matrices.
    #[error("{first} and {second} are shards of different matrices: {differ} differ")]
    OtherMatrix {
        /// One.
        first: String,
        /// The other.
        second: String,
        /// In what.
        differ: &'static str,
    },
    /// A shard has what was not dealt to it.
    #[error("{file} says it is shard {number}, and has {cell}, which is not part of that")]
    NotDealt {
        /// The document.
        file: String,
        /// Its number.
        number: usize,
        /// What it has, in words.
        cell: String,
    },
}

/// One document with everything that is in these, each with the name of its file. What was dealt to a shard that is not
/// among them could not be checked. The shards come first, in the order of the whole; then the others as they are named.
///
/// # Errors
/// See [`MergeError`].
pub fn merge(documents: Vec<(String, Document)>) -> Result<Document, MergeError> {
    no_cell_twice(&documents)?;
    let (shards, others): (Vec<_>, Vec<_>) = documents.into_iter().partition(|(_, document)| document.shard.is_some());
    let mut merged = whole(shards)?;
    for (_, document) in others {
        merged.reports.extend(document.reports);
        merged.failures.extend(document.failures);
    }
    Ok(merged)
}

/// A report's place in the matrix of all of them. What was not checked may be of any architecture.
type Cell<'a> = (Option<&'a str>, &'a str, Option<&'a str>);

fn of_report(report: &Report) -> Cell<'_> {
    (report.place.as_deref(), &report.profile, Some(&report.arch))
}

fn of_failure(failure: &NotChecked) -> Cell<'_> {
    (Some(&failure.place), &failure.profile, failure.arch.as_deref())
}

fn cells(document: &Document) -> impl Iterator<Item = Cell<'_>> {
    document.reports.iter().map(of_report).chain(document.failures.iter().map(of_failure))
}

fn no_cell_twice(documents: &[(String, Document)]) -> Result<(), MergeError> {
    let mut seen: BTreeMap<_, BTreeMap<Option<&str>, &str>> = BTreeMap::new();
    for (file, document) in documents {
        for (place, profile, arch) in cells(document) {
            let there = seen.entry((place, profile)).or_default();
            let unknown = there.get(&None).or_else(|| there.values().next().filter(|_| arch.is_none()));
            if let Some(first) = there.get(&arch).or(unknown) {
                let cell = subject(profile, place, arch);
                return Err(MergeError::SameCell { cell, first: (*first).to_owned(), second: file.clone() });
            }
            there.insert(arch, file);
        }
    }
    Ok(())
}

/// What the shards have, and what they should have and do not.
fn whole(shards: Vec<(String, Document)>) -> Result<Document, MergeError> {
    let mut whole = Document::new(Vec::new());
    let mut first: Option<(String, Shard)> = None;
    let mut numbers: BTreeMap<usize, String> = BTreeMap::new();
    for (file, document) in shards {
        let Some(shard) = document.shard.clone() else { continue };
        let (first_file, first) = first.get_or_insert_with(|| (file.clone(), shard.clone()));
        if let Some(differ) = differ(first, &shard) {
            return Err(MergeError::OtherMatrix { first: first_file.clone(), second: file, differ });
        }
        if let Some((place, profile, arch)) = cells(&document).find(|cell| shard.position(cell.0, cell.1).is_none()) {
            return Err(MergeError::NotDealt { file, number: shard.number, cell: subject(profile, place, arch) });
        }
        if let Some(first) = numbers.insert(shard.number, file.clone()) {
            return Err(MergeError::SameShard { number: shard.number, first, second: file });
        }
        whole.reports.extend(document.reports);
        whole.failures.extend(document.failures);
    }
    if let Some((_, shard)) = first {
        complete(&mut whole, &shard, &numbers);
    }
    Ok(whole)
}

/// In what two matrices differ, if they do.
fn differ(one: &Shard, other: &Shard) -> Option<&'static str> {
    let Shard { number: _, of, profiles, only, places } = one;
    let different = [
        (*of != other.of, "the numbers of shards"),
        (*profiles != other.profiles, "the profiles"),
        (*only != other.only, "the patterns of --only"),
        (*places != other.places, "the places"),
    ];
    different.into_iter().find_map(|(is, what)| is.then_some(what))
}

/// Adds what is missing, and puts everything into the order of the whole.
fn complete(whole: &mut Document, shard: &Shard, numbers: &BTreeMap<usize, String>) {
    let position = |place: Option<&str>, profile: &str| {
        let place = shard.places.iter().position(|dealt| Some(dealt.place.as_str()) == place);
        (place, shard.profiles.iter().position(|one| one == profile))
    };
    let there: BTreeSet<_> = cells(whole).map(|cell| position(cell.0, cell.1)).collect();
    for dealt in &shard.places {
        let reason = match numbers.get(&dealt.shard) {
            None => format!("shard {} of {} is not among the documents", dealt.shard, shard.of),
            Some(file) => format!("{file}, shard {} of {}, does not say what came of it", dealt.shard, shard.of),
        };
        let missing = shard.profiles.iter().filter(|name| !there.contains(&position(Some(&dealt.place), name)));
        whole.failures.extend(missing.map(|profile| NotChecked {
            profile: profile.clone(),
            place: dealt.place.clone(),
            arch: None,
            reason: reason.clone(),
        }));
    }
    whole.reports.sort_by_key(|report| position(report.place.as_deref(), &report.profile));
    whole.failures.sort_by_key(|failure| position(Some(&failure.place), &failure.profile));
}

#[cfg(test)]
mod tests;
