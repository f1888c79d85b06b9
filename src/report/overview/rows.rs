//! A document as rows and columns: places, profiles, and what came of each in each.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::launch::Evidence;
use crate::report::show::shown;
use crate::report::{Document, NotChecked, Report, Standing};

/// The rows and their columns, in the order in which the document comes to them.
#[derive(Debug)]
pub struct Rows<'a> {
    pub profiles: Vec<&'a str>,
    pub rows: Vec<Row<'a>>,
}

/// A place.
#[derive(Debug)]
pub struct Row<'a> {
    pub place: Option<&'a str>,
    pub arch: Option<&'a str>,
    /// What was seen there, if anything was checked.
    pub seen: Option<Seen<'a>>,
    /// What came of each profile.
    pub cells: BTreeMap<&'a str, Cell<'a>>,
}

/// On what something was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen<'a> {
    pub evidence: Option<Evidence>,
    pub kernel: Option<&'a str>,
    pub bwrap: Option<&'a str>,
}

/// What came of one profile in one place.
#[derive(Debug, Clone, Copy)]
pub enum Cell<'a> {
    Checked(&'a Report),
    NotChecked(&'a NotChecked),
}

impl<'a> Rows<'a> {
    pub fn of(document: &'a Document) -> Self {
        let mut rows = Self { profiles: Vec::new(), rows: Vec::new() };
        for report in &document.reports {
            let seen = Seen {
                evidence: report.evidence,
                kernel: report.kernel.as_deref(),
                bwrap: report.bwrap.as_ref().map(|bwrap| bwrap.version.as_str()),
            };
            rows.add(report.place.as_deref(), Some(&report.arch), Some(seen), &report.profile, Cell::Checked(report));
        }
        for failure in &document.failures {
            let cell = Cell::NotChecked(failure);
            rows.add(Some(&failure.place), failure.arch.as_deref(), None, &failure.profile, cell);
        }
        rows
    }

    /// Puts a cell into the row that it is of. What was not checked joins what else is known of its place.
    fn add(
        &mut self,
        place: Option<&'a str>,
        arch: Option<&'a str>,
        seen: Option<Seen<'a>>,
        profile: &'a str,
        cell: Cell<'a>,
    ) {
        if !self.profiles.contains(&profile) {
            self.profiles.push(profile);
        }
        let same = |row: &&mut Row<'a>| {
            let agree = (arch.is_none() || row.arch == arch) && (seen.is_none() || row.seen == seen);
            row.place == place && agree && !row.cells.contains_key(profile)
        };
        match self.rows.iter_mut().find(same) {
            Some(row) => drop(row.cells.insert(profile, cell)),
            None => self.rows.push(Row { place, arch, seen, cells: [(profile, cell)].into() }),
        }
    }

    /// The reports about one profile, each with the number of its row.
    pub fn reports_of(&self, profile: &str) -> Vec<(usize, &'a Report)> {
        let cell = |row: &Row<'a>| match row.cells.get(profile) {
            Some(Cell::Checked(report)) => Some(*report),
            Some(Cell::NotChecked(_)) | None => None,
        };
        self.rows.iter().enumerate().filter_map(|(number, row)| Some((number, cell(row)?))).collect()
    }

    /// The rows in which something was checked.
    pub fn checked(&self) -> BTreeSet<usize> {
        self.rows.iter().enumerate().filter(|(_, row)| row.seen.is_some()).map(|(number, _)| number).collect()
    }

    /// What a row is called: its place, and the architecture where that alone does not tell it from others.
    pub fn label(&self, number: usize) -> String {
        let row = &self.rows[number];
        let place = row.place.map_or_else(|| "saved facts".to_owned(), shown);
        match row.arch {
            Some(arch) if self.rows.iter().filter(|other| other.place == row.place).count() > 1 => {
                format!("{place} ({})", shown(arch))
            }
            Some(_) | None => place,
        }
    }
}

impl Cell<'_> {
    /// What it comes to.
    pub fn standing(&self) -> Standing {
        match self {
            Self::Checked(report) => report.summary.standing(),
            Self::NotChecked(_) => Standing::Unknown,
        }
    }
}
