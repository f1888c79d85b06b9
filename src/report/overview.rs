//! Many reports for people: a table of places and profiles, then what is broken or unknown, what could not be checked,
//! and what is not the same everywhere.

mod columns;
mod differences;
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use anstyle::Style;

use self::columns::{Field, columns};
use self::differences::{Difference, Wrong, differences, only_there, wrong};
use self::rows::{Cell, Row, Rows};
use super::human::{Sign, word};
use super::show::{self, beside, shown};
use super::{Document, Standing};
use crate::verify::Verdict;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
/// So many clauses are named, more are counted.
const FEW: usize = 8;
/// Where the text begins beside a label.
const INDENT: usize = 12;
/// The same beside a clause.
const CLAUSE: usize = 32;

/// The document with colour, [`WIDTH`](super::show::WIDTH) wide.
pub fn render(document: &Document) -> String {
    let rows = Rows::of(document);
    let mut text = table(&rows);
    for verdict in [Verdict::Broken, Verdict::Unknown] {
        text.extend(wrong(&rows, verdict).iter().map(|wrong| in_full(&rows, wrong)));
    }
    text += &not_checked(document, &rows);
    text.extend(differences(&rows).iter().map(|difference| differing(&rows, difference)));
    text.extend(only_there(&rows).iter().map(|(there, rules)| only(&rows, there, rules)));
    text + &total(&rows)
}

/// A row for each place, a column for each profile.
fn table(rows: &Rows<'_>) -> String {
    let heading = ["place", "arch", "evidence", "kernel", "bwrap"].into_iter().chain(rows.profiles.iter().copied());
    let heading = heading.map(|text| Field { text: shown(text), style: BOLD }).collect();
    let lines = rows.rows.iter().enumerate().map(|(number, row)| {
        let seen = row.seen.as_ref();
        let evidence = seen.and_then(|seen| seen.evidence).map(word).unwrap_or_default();
        let texts = [row.arch, seen.and_then(|seen| seen.kernel), seen.and_then(|seen| seen.bwrap)];
        let [arch, kernel, bwrap] = texts.map(|text| shown(text.unwrap_or_default()));
        let place = row.place.map_or_else(|| rows.label(number), shown);
        let known = [place, arch, evidence, kernel, bwrap].map(|text| Field { text, style: Style::new() });
        known.into_iter().chain(rows.profiles.iter().map(|profile| field(row, profile))).collect()
    });
    columns(&std::iter::once(heading).chain(lines).collect::<Vec<_>>()) + "\n"
}

/// `✔ 399 held`: the count of the worst.
fn field(row: &Row<'_>, profile: &str) -> Field {
    let sign = match row.cells.get(profile) {
        None => return Field::default(),
        Some(cell) => Sign::of(verdict(cell.standing())),
    };
    let text = match row.cells.get(profile) {
        Some(Cell::Checked(report)) => {
            let count = match report.summary.standing() {
                Standing::Broken => report.summary.broken,
                Standing::Unknown => report.summary.unknown,
                Standing::Held => report.summary.held,
            };
            format!("{} {count} {}", sign.mark, sign.word)
        }
        Some(Cell::NotChecked(_)) | None => format!("{} not checked", sign.mark),
    };
    Field { text, style: sign.style() }
}

fn verdict(standing: Standing) -> Verdict {
    match standing {
        Standing::Broken => Verdict::Broken,
        Standing::Unknown => Verdict::Unknown,
        Standing::Held => Verdict::Held,
    }
}

/// A line of a label and a text, the label dimmed.
fn labelled(label: &str, text: &str) -> String {
    beside(&format!("  {DIM}{label}{DIM:#}"), INDENT, text)
}

/// A clause that somebody has to act on.
fn in_full(rows: &Rows<'_>, wrong: &Wrong<'_>) -> String {
    let finding = wrong.finding;
    let sign = Sign::of(finding.verdict);
    let style = sign.style().bold();
    let title = format!("{style}{} {} is {}{style:#} ({})\n", sign.mark, wrong.name, sign.word, finding.level);
    let mut places: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for (row, profile) in &wrong.cells {
        places.entry(*row).or_default().push(profile);
    }
    let places = places.into_iter().map(|(row, profiles)| cell(&rows.label(row), &profiles));
    let found = [("found", &finding.found), ("reason", &finding.reason)];
    let found = found.into_iter().filter_map(|(label, text)| Some(labelled(label, &shown(text.as_ref()?))));
    title
        + &labelled("in", &places.collect::<Vec<_>>().join(", "))
        + &labelled("expected", &shown(&finding.expected))
        + &found.collect::<String>()
        + &labelled("why", &format!("`rootcontract explain {}` says", finding.clause))
        + "\n"
}

/// `target/trees/s390x (osbuild-v19, osbuild-v190)`.
fn cell(place: &str, profiles: &[&str]) -> String {
    format!("{place} ({})", profiles.iter().map(|profile| shown(profile)).collect::<Vec<_>>().join(", "))
}

/// What could not be checked, each place with its reason.
fn not_checked(document: &Document, rows: &Rows<'_>) -> String {
    let mut cells: Vec<(usize, &str, Vec<&str>)> = Vec::new();
    for (number, row) in rows.rows.iter().enumerate() {
        for (profile, cell) in &row.cells {
            let Cell::NotChecked(failure) = cell else { continue };
            match cells.iter_mut().find(|(row, reason, _)| *row == number && *reason == failure.reason) {
                Some((_, _, profiles)) => profiles.push(profile),
                None => cells.push((number, &failure.reason, vec![profile])),
            }
        }
    }
    if cells.is_empty() {
        return String::new();
    }
    let sign = Sign::of(Verdict::Unknown);
    let style = sign.style().bold();
    let title =
        format!("{style}{} {} could not be checked{style:#}\n", sign.mark, cells_in_words(document.failures.len()));
    let one = |(row, reason, profiles): (usize, &str, Vec<&str>)| {
        beside("", 2, &cell(&rows.label(row), &profiles)) + &labelled("reason", &shown(reason))
    };
    title + &cells.into_iter().map(one).collect::<String>() + "\n"
}

/// What does not apply here, and does elsewhere.
fn differing(rows: &Rows<'_>, difference: &Difference<'_>) -> String {
    let count = difference.reasons.iter().map(|(_, rules)| rules.len()).sum();
    let title = format!("{} {}", counted(count), show::word(difference.verdict));
    let reason = |(reason, rules): &(&str, BTreeSet<&str>)| match rules.first() {
        Some(rule) if rules.len() == 1 => beside(&format!("  {rule}"), CLAUSE, &shown(reason)),
        Some(_) | None => beside(&format!("  {}", counted(rules.len())), CLAUSE, &shown(reason)) + &named(rules),
    };
    heading(&title, rows, &difference.rows) + &difference.reasons.iter().map(reason).collect::<String>() + "\n"
}

/// What is only said of some places, and no clause elsewhere.
fn only(rows: &Rows<'_>, there: &BTreeSet<usize>, rules: &BTreeSet<&str>) -> String {
    heading(&format!("{} only", counted(rules.len())), rows, there) + &named(rules) + "\n"
}

/// `254 clauses not applicable in 4 of 5 places` and which those are: all of some architectures, if they are that.
fn heading(title: &str, rows: &Rows<'_>, there: &BTreeSet<usize>) -> String {
    let checked = rows.checked();
    let archs: BTreeSet<Option<&str>> = there.iter().map(|row| rows.rows[*row].arch).collect();
    let all_of_them = checked.iter().filter(|row| archs.contains(&rows.rows[**row].arch)).count() == there.len();
    let places = if all_of_them && archs.len() < there.len() {
        format!("all of {}", archs.into_iter().flatten().map(shown).collect::<Vec<_>>().join(", "))
    } else {
        there.iter().map(|row| rows.label(*row)).collect::<Vec<_>>().join(", ")
    };
    format!("{BOLD}{title} in {} of {} places{BOLD:#}\n", there.len(), checked.len()) + &beside("", 2, &places)
}

/// Their names, if they are few.
fn named(rules: &BTreeSet<&str>) -> String {
    let names = || rules.iter().copied().collect::<Vec<_>>().join(", ");
    if rules.len() > FEW { String::new() } else { beside("", 4, &format!("{DIM}{}{DIM:#}", names())) }
}

fn counted(clauses: usize) -> String {
    if clauses == 1 { "1 clause".to_owned() } else { format!("{clauses} clauses") }
}

fn cells_in_words(cells: usize) -> String {
    if cells == 1 { "1 cell".to_owned() } else { format!("{cells} cells") }
}

/// The last line: what it all comes to, in cells.
fn total(rows: &Rows<'_>) -> String {
    let cells: Vec<&Cell<'_>> = rows.rows.iter().flat_map(|row| row.cells.values()).collect();
    let counted = |is: fn(&Cell<'_>) -> bool, word: &str| {
        let count = cells.iter().filter(|cell| is(cell)).count();
        (count > 0).then(|| format!("{count} {word}"))
    };
    let words = [
        counted(|cell| cell.standing() == Standing::Broken, "broken"),
        counted(|cell| cell.standing() == Standing::Unknown && matches!(cell, Cell::Checked(_)), "unknown"),
        counted(|cell| matches!(cell, Cell::NotChecked(_)), "could not be checked"),
        counted(|cell| cell.standing() == Standing::Held, "held"),
    ];
    let worst = cells.iter().map(|cell| cell.standing()).min().unwrap_or(Standing::Held);
    let style = Sign::of(verdict(worst)).style().bold();
    let words = words.into_iter().flatten().collect::<Vec<_>>().join(", ");
    format!("{style}{}: {words}{style:#}\n", cells_in_words(cells.len()))
}

#[cfg(test)]
mod tests;
