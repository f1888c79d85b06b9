//! One precondition, and what was found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::report::show::shown;

/// One precondition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// What it is called, for good: dotted, from the general to the particular.
    pub id: String,
    /// Whether a build root can do without.
    pub level: Level,
    /// Whether it is so.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do about it; `null` where nothing has to be done.
    pub mend: Option<String>,
    /// What it is needed for.
    pub why: String,
}

/// Whether a build root can do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// It can't.
    Required,
    /// It can, and is less of one.
    Optional,
    /// It can, for this caller.
    NotNeeded,
}

/// Whether a precondition is so; the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is not.
    Missing,
    /// It could not be looked at.
    Unknown,
    /// It is.
    Ok,
}

/// What these come to: the worst state of what is required.
pub(super) fn worst(checks: &[Check]) -> State {
    let required = checks.iter().filter(|check| check.level == Level::Required);
    required.map(|check| check.state).min().unwrap_or(State::Ok)
}

/// What a build root was opened without, whatever came of trying it alone: these are not needed.
pub(super) fn dispense(checks: &mut [Check], ids: &[&str]) {
    for check in checks.iter_mut().filter(|check| check.state != State::Ok && ids.contains(&check.id.as_str())) {
        let found = format!("not needed: {}", check.found);
        *check = Check { level: Level::NotNeeded, state: State::Ok, found, mend: None, ..check.clone() };
    }
}

/// A precondition that has not been looked at yet.
#[derive(Debug)]
pub(super) struct Question {
    id: String,
    level: Level,
    why: &'static str,
}

impl Question {
    /// One that every build root of this caller needs.
    pub fn required(id: impl Into<String>, why: &'static str) -> Self {
        Self { id: id.into(), level: Level::Required, why }
    }

    /// One that a build root is better with.
    pub fn optional(id: impl Into<String>, why: &'static str) -> Self {
        Self { level: Level::Optional, ..Self::required(id, why) }
    }

    /// Nothing was looked at, because this caller does without.
    pub fn not_needed(self, reason: &str) -> Check {
        Self { level: Level::NotNeeded, ..self }.ok(format!("not needed: {reason}"))
    }

    /// It is so.
    pub fn ok(self, found: impl AsRef<str>) -> Check {
        self.answer(State::Ok, found.as_ref(), None)
    }

    /// It is not.
    pub fn missing(self, found: impl AsRef<str>, mend: impl AsRef<str>) -> Check {
        self.answer(State::Missing, found.as_ref(), Some(mend.as_ref()))
    }

    /// It could not be looked at.
    pub fn unknown(self, found: impl AsRef<str>, mend: impl AsRef<str>) -> Check {
        self.answer(State::Unknown, found.as_ref(), Some(mend.as_ref()))
    }

    fn answer(self, state: State, found: &str, mend: Option<&str>) -> Check {
        let Self { id, level, why } = self;
        Check { id, level, state, found: shown(found), mend: mend.map(shown), why: why.to_owned() }
    }
}

/// What judges of an area say of one check, for tests: its state, what was found, and the mend.
#[cfg(test)]
pub(super) fn said<'a>(checks: &'a [Check], id: &str) -> (Level, State, &'a str, &'a str) {
    let check = checks.iter().find(|check| check.id == id).unwrap_or_else(|| panic!("no {id} in {checks:?}"));
    assert_eq!(check.mend.is_none(), check.state == State::Ok, "{check:?}");
    (check.level, check.state, &check.found, check.mend.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const WHY: &str = "an example";

    fn required() -> Question {
        Question::required("a.b", WHY)
    }

    fn optional() -> Question {
        Question::optional("a.b", WHY)
    }

    #[rstest]
    #[case::nothing_asked(vec![], State::Ok)]
    #[case::all_there(vec![required().ok(""), optional().ok("")], State::Ok)]
    #[case::one_missing(vec![required().ok(""), required().missing("", "")], State::Missing)]
    #[case::one_unknown(vec![required().unknown("", ""), required().ok("")], State::Unknown)]
    #[case::missing_wins(vec![required().unknown("", ""), required().missing("", "")], State::Missing)]
    #[case::what_is_optional_does_not_count(vec![optional().missing("", ""), optional().unknown("", "")], State::Ok)]
    #[case::nor_what_is_not_needed(vec![required().not_needed("")], State::Ok)]
    fn the_worst_of_what_is_required_counts(#[case] checks: Vec<Check>, #[case] expected: State) {
        assert_eq!(worst(&checks), expected);
    }

    #[test]
    fn what_a_build_root_does_without_is_not_needed() {
        let mut checks = [required().missing("no /", "make one"), Question::required("c.d", WHY).missing("", "")];
        dispense(&mut checks, &["a.b"]);
        assert_eq!(said(&checks, "a.b"), (Level::NotNeeded, State::Ok, "not needed: no /", ""));
        assert_eq!(worst(&checks), State::Missing);
    }

    #[test]
    fn text_from_outside_can_do_nothing_to_a_terminal() {
        let check = required().missing("\u{1b}[31m", "a\nb");
        assert_eq!((check.found.as_str(), check.mend.as_deref()), (r"\x1b[31m", Some(r"a\x0ab")));
    }
}
