//! The matrix for people: what is open where, then each open way with what it gives and what closes it.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::document::{Column, Document, How, Nowhere, Role, Way};
use crate::contract::Word;
use crate::facts::escape::Outcome;
use crate::report::show::{beside, bubblewrap, shown};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
/// How wide a column is: `✔ EOPNOTSUPP`.
const CELL: usize = 13;
/// Where the text begins beside a label.
const INDENT: usize = 13;

/// The document with colour, [`WIDTH`](crate::report::show::WIDTH) wide unless there are many sandboxes.
pub fn render(document: &Document) -> String {
    let mut text = String::new();
    for (number, column) in document.reports.iter().enumerate() {
        text += &beside(&format!("{BOLD}[{}]{BOLD:#}", number + 1), 4, &named(column));
    }
    text += &table(document);
    for way in &document.escapes {
        text += &in_full(document, way);
    }
    text += &elsewhere(document);
    text += &nowhere(document);
    text + "\n" + &total(document)
}

/// `osbuild-v190 as root: bubblewrap 0.8.0 (/usr/bin/bwrap)`.
fn named(column: &Column) -> String {
    let privilege = column.privilege.map(|privilege| format!(" as {}", privilege.as_str())).unwrap_or_default();
    let what = match column.role {
        Role::Judged => shown(&column.sandbox),
        Role::Control => format!("{}: a sandbox that contains nothing", column.sandbox),
    };
    format!("{what}{privilege}: {}", bubblewrap(&column.bwrap))
}

/// A row for each way that was tried, a column for each sandbox.
fn table(document: &Document) -> String {
    let tried = || document.escapes.iter().filter(|way| way.shown == How::Tried);
    let longest = tried().map(|way| way.id.len()).max().unwrap_or_default() + 2;
    let numbers = (1..=document.reports.len()).map(|number| format!("{:CELL$}", format!("[{number}]")));
    let mut text = format!("\n{}{BOLD}{}{BOLD:#}\n", " ".repeat(longest), numbers.collect::<String>().trim_end());
    for way in tried() {
        let cells: String =
            document.reports.iter().filter_map(|column| column.outcomes.get(&way.id)).map(cell).collect();
        text += &format!("{:longest$}{}\n", way.id, cells.trim_end());
    }
    text
}

/// `✔ EPERM`: an errno fits, other reasons are in the document.
fn cell(outcome: &Outcome) -> String {
    let is_errno = |why: &&String| {
        why.len() < CELL - 2 && why.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    let (color, mark, word) = match outcome {
        Outcome::Open => (AnsiColor::Red, '✘', "open"),
        Outcome::Closed(why) => (AnsiColor::Green, '✔', Some(why).filter(is_errno).map_or("closed", String::as_str)),
        Outcome::Absent(_) => (AnsiColor::BrightBlack, '-', "not here"),
        Outcome::Untried(_) => (AnsiColor::Yellow, '?', "not tried"),
    };
    let style = color.on_default();
    format!("{style}{mark} {word}{style:#}{}", " ".repeat((CELL - 2).saturating_sub(word.len())))
}

/// The sandboxes, by their numbers, in which something came of a way.
fn where_it(document: &Document, way: &Way, is: impl Fn(&Outcome) -> bool) -> String {
    let is_it = |column: &&(usize, &Column)| column.1.outcomes.get(&way.id).is_some_and(&is);
    let judged: Vec<_> =
        document.reports.iter().enumerate().filter(|(_, column)| column.role == Role::Judged).collect();
    judged.iter().filter(is_it).map(|(number, _)| format!("[{}]", number + 1)).collect()
}

/// A way that is open somewhere, or was not tried.
fn in_full(document: &Document, way: &Way) -> String {
    let open = where_it(document, way, |outcome| *outcome == Outcome::Open);
    let untried = where_it(document, way, |outcome| matches!(outcome, Outcome::Untried(_)));
    let mut text = String::new();
    if !open.is_empty() {
        let style = AnsiColor::Red.on_default().bold();
        let _infallible = writeln!(text, "\n{style}✘ {} is open{style:#} {open}", way.id);
        for (label, words) in [
            ("one can", &way.says),
            ("which gives", &way.gives),
            ("closed by", &way.closed_by),
            ("known from", &way.from),
        ] {
            text += &beside(&format!("  {DIM}{label}{DIM:#}"), INDENT + 2, words);
        }
    }
    if !untried.is_empty() {
        let style = AnsiColor::Yellow.on_default().bold();
        let _infallible = writeln!(text, "\n{style}? {} was not tried{style:#} {untried}", way.id);
        for column in &document.reports {
            if let Some(Outcome::Untried(why)) = column.outcomes.get(&way.id) {
                text += &beside(&format!("  {DIM}since{DIM:#}"), INDENT + 2, &shown(why));
                break;
            }
        }
    }
    text
}

/// What is shown by other means, or not at all.
fn elsewhere(document: &Document) -> String {
    let mut text = String::new();
    for way in &document.escapes {
        let words = match &way.shown {
            How::Tried => continue,
            How::Test(test) => format!("{}: shown by the test {test}", way.says),
            How::Not(why) => format!("{}: not shown, {why}", way.says),
        };
        text += &beside(&format!("  {}", way.id), 28, &words);
    }
    if text.is_empty() { text } else { format!("\n{BOLD}what nothing inside can show{BOLD:#}\n{text}") }
}

/// What is open in no sandbox, and why that may be so.
fn nowhere(document: &Document) -> String {
    let nowhere = document.open_nowhere.iter().flatten();
    let why = |one: &Nowhere| {
        let unknown = "nothing is known of why: the attempt itself is in doubt";
        beside(&format!("  {}", one.id), 32, one.why.as_deref().unwrap_or(unknown))
    };
    let lines: String = nowhere.map(why).collect();
    let title = "open in no sandbox here, so that \"closed\" says nothing";
    if lines.is_empty() { lines } else { format!("\n{BOLD}{title}{BOLD:#}\n{lines}") }
}

/// `[1] 30 open, 20 closed, 3 not here, 0 not tried`, a line for each sandbox.
fn total(document: &Document) -> String {
    let line = |(number, column): (usize, &Column)| {
        let counts = [
            (column.count(|outcome| *outcome == Outcome::Open), "open"),
            (column.count(|outcome| matches!(outcome, Outcome::Closed(_))), "closed"),
            (column.count(|outcome| matches!(outcome, Outcome::Absent(_))), "not here"),
            (column.count(|outcome| matches!(outcome, Outcome::Untried(_))), "not tried"),
        ];
        let words: Vec<String> = counts.iter().map(|(count, word)| format!("{count} {word}")).collect();
        format!("{BOLD}[{}] {}{BOLD:#}\n", number + 1, words.join(", "))
    };
    document.reports.iter().enumerate().map(line).collect()
}
