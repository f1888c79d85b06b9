//! Preconditions for people: what is missing first and how it is mended, then all of them, then what it comes to.

use anstyle::{AnsiColor, Style};

use super::{Caller, Check, Document, Level, State};
use crate::report::show::beside;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// The document, with colour; [`WIDTH`](crate::report::show::WIDTH) wide. Its text has been escaped when it was made.
pub fn render(document: &Document) -> String {
    let who = match document.caller {
        Caller::Root => "root",
        Caller::User => "an ordinary user",
    };
    let mut text = format!("{BOLD}What a build root needs here, as {who}{BOLD:#}\n\n");
    let first = [Level::Required, Level::Optional];
    for level in first {
        let missing = |check: &&Check| check.level == level && check.state == State::Missing;
        text.extend(document.checks.iter().filter(missing).map(in_full));
    }
    let longest = document.checks.iter().map(|check| check.id.len()).max().unwrap_or_default();
    text.extend(document.checks.iter().map(|check| in_a_line(check, longest + 4)));
    text + "\n" + &total(document)
}

/// One that somebody has to act on.
fn in_full(check: &Check) -> String {
    let (style, mark) = (style(check).bold(), mark(check));
    let level = if check.level == Level::Required { "required" } else { "optional" };
    let title = format!("{style}{mark} {} is missing{style:#} ({level})\n", check.id);
    let rows = [("found", Some(&check.found)), ("mend:", check.mend.as_ref()), ("why", Some(&check.why))];
    let rows = rows.into_iter().filter_map(|(label, text)| Some(beside(&format!("  {DIM}{label}{DIM:#}"), 9, text?)));
    title + &rows.collect::<String>() + "\n"
}

/// `✔ bwrap.found   /usr/bin/bwrap`; what is not known has its mend below.
fn in_a_line(check: &Check, indent: usize) -> String {
    let (style, mark) = (style(check), mark(check));
    let line = beside(&format!("{style}{mark}{style:#} {}", check.id), indent, &check.found);
    match (&check.mend, check.state) {
        (Some(mend), State::Unknown) => line + &beside("", indent, &format!("{DIM}mend: {mend}{DIM:#}")),
        (_, _) => line,
    }
}

/// `1 missing, 2 unknown, 20 ok`, of what is required; then the rest.
fn total(document: &Document) -> String {
    let count = |level: Level, state: State| {
        document.checks.iter().filter(|check| (check.level, check.state) == (level, state)).count()
    };
    let words = [
        (count(Level::Required, State::Missing), "missing"),
        (count(Level::Required, State::Unknown), "unknown"),
        (count(Level::Optional, State::Missing), "optional and missing"),
        (count(Level::Optional, State::Unknown), "optional and unknown"),
        (count(Level::Required, State::Ok) + count(Level::Optional, State::Ok), "ok"),
        (count(Level::NotNeeded, State::Ok), "not needed"),
    ];
    let words: Vec<_> =
        words.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    let style = of(document.state).bold();
    format!("{style}doctor: {}{style:#}\n", words.join(", "))
}

fn mark(check: &Check) -> char {
    match (check.state, check.level) {
        (_, Level::NotNeeded) => '–',
        (State::Ok, _) => '✔',
        (State::Missing, _) => '✘',
        (State::Unknown, _) => '?',
    }
}

fn style(check: &Check) -> Style {
    match (check.state, check.level) {
        (_, Level::NotNeeded) => AnsiColor::BrightBlack.on_default(),
        (State::Missing, Level::Optional) => AnsiColor::Yellow.on_default(),
        (state, _) => of(state),
    }
}

fn of(state: State) -> Style {
    match state {
        State::Ok => AnsiColor::Green.on_default(),
        State::Missing => AnsiColor::Red.on_default(),
        State::Unknown => AnsiColor::Yellow.on_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Schema, check::Question};
    use super::*;

    #[test]
    fn what_is_missing_comes_first_with_its_mend() {
        let checks = vec![
            Question::required("kernel.release", "An example.").ok("Linux 6.12"),
            Question::optional("device.fuse", "Some tools mount by it.").missing("it is not there", "load it"),
            Question::required("bwrap.found", "It builds.").missing("there is no bwrap in PATH", "install it"),
            Question::required("bwrap.starts", "It runs.").unknown("there is none to ask", "see bwrap.found"),
            Question::required("user-namespace.allowed", "Users.").not_needed("root builds without one"),
        ];
        let document = Document { schema: Schema::V1, caller: Caller::Root, state: State::Missing, checks };
        assert_eq!(
            anstream::adapter::strip_str(&render(&document)).to_string(),
            "What a build root needs here, as root

✘ bwrap.found is missing (required)
  found  there is no bwrap in PATH
  mend:  install it
  why    It builds.

✘ device.fuse is missing (optional)
  found  it is not there
  mend:  load it
  why    Some tools mount by it.

✔ kernel.release          Linux 6.12
✘ device.fuse             it is not there
✘ bwrap.found             there is no bwrap in PATH
? bwrap.starts            there is none to ask
                          mend: see bwrap.found
– user-namespace.allowed  not needed: root builds without one

doctor: 1 missing, 1 unknown, 1 optional and missing, 1 ok, 1 not needed
"
        );
    }
}
