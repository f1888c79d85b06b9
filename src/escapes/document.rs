//! What is open where: one document of everything that was tried.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Escape, Setting, Shown};
use crate::facts::escape::Outcome;
use crate::facts::launch::Privilege;
use crate::report::Bwrap;

/// The matrix: ways out, and what came of each in every sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The schema this document follows.
    pub schema: Schema,
    /// The ways out that were asked about, by what they are about.
    pub escapes: Vec<Way>,
    /// One for each sandbox.
    pub reports: Vec<Column>,
    /// Those that are open in none of the sandboxes, the one that contains nothing among them: that they are closed says
    /// nothing here. `null` where there was no such sandbox.
    pub open_nowhere: Option<Vec<Nowhere>>,
}

/// The names of the schemas that this version writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Schema {
    /// The first one.
    #[serde(rename = "rootcontract.escapes/1")]
    V1,
}

/// A way out that is open in no sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nowhere {
    /// Its name.
    pub id: String,
    /// Why it may be so; `null` where nothing is known of it, so that the attempt itself is in doubt.
    pub why: Option<String>,
}

/// A way out, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Way {
    /// Its name.
    pub id: String,
    /// What is done.
    pub says: String,
    /// What it gives.
    pub gives: String,
    /// Where it is known from.
    pub from: String,
    /// What closes it.
    pub closed_by: String,
    /// Where it was found open before.
    pub known: Vec<Setting>,
    /// How it is shown.
    pub shown: How,
}

/// How a way out is shown to be open or closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// It is tried: each report has what came of it.
    Tried,
    /// This test tries it.
    Test(String),
    /// It can't be shown, and why.
    Not(String),
}

/// One sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The profile; `control` for the sandbox that contains nothing; another's arguments as a shell takes them.
    pub sandbox: String,
    /// Whether it is judged, or there to show that what is closed elsewhere can be open.
    pub role: Role,
    /// What a profile was built as.
    pub privilege: Option<Privilege>,
    /// The bubblewrap.
    pub bwrap: Bwrap,
    /// What came of each attempt, by its id.
    pub outcomes: BTreeMap<String, Outcome>,
}

/// What a sandbox is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It is judged.
    Judged,
    /// It contains nothing.
    Control,
}

/// How it stands with all that is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is open.
    Closed,
    /// Something is.
    Open,
    /// Nothing that was tried is, and something was not.
    Unknown,
}

impl Way {
    fn of(escape: &Escape) -> Self {
        Self {
            id: escape.id.to_owned(),
            says: escape.says.to_owned(),
            gives: escape.gives.to_owned(),
            from: escape.from.to_owned(),
            closed_by: escape.closed_by.to_owned(),
            known: escape.known.to_vec(),
            shown: match escape.shown {
                Shown::Tried | Shown::OfLauncher => How::Tried,
                Shown::Test(test) => How::Test(test.to_owned()),
                Shown::Not(why) => How::Not(why.to_owned()),
            },
        }
    }
}

impl Column {
    /// How many came to this.
    pub fn count(&self, is: impl Fn(&Outcome) -> bool) -> usize {
        self.outcomes.values().filter(|outcome| is(outcome)).count()
    }
}

impl Document {
    /// Puts together what was tried. An attempt the probe does not tell of was not made.
    pub fn of(escapes: &[&Escape], mut reports: Vec<Column>) -> Self {
        let tried: BTreeSet<&str> = escapes.iter().filter(|escape| escape.is_tried()).map(|escape| escape.id).collect();
        for column in &mut reports {
            column.outcomes.retain(|id, _| tried.contains(id.as_str()));
            for id in &tried {
                let untold = || Outcome::Untried("the probe does not tell of it".to_owned());
                column.outcomes.entry((*id).to_owned()).or_insert_with(untold);
            }
        }
        let has_control = reports.iter().any(|column| column.role == Role::Control);
        let is_open = |id: &str| reports.iter().any(|column| column.outcomes.get(id) == Some(&Outcome::Open));
        let nowhere = || {
            let closed = escapes.iter().filter(|escape| escape.is_tried() && !is_open(escape.id));
            closed.map(|escape| Nowhere { id: escape.id.to_owned(), why: escape.nowhere.map(str::to_owned) }).collect()
        };
        Self {
            schema: Schema::V1,
            escapes: escapes.iter().map(|escape| Way::of(escape)).collect(),
            open_nowhere: has_control.then(nowhere),
            reports,
        }
    }

    /// How it stands with the sandboxes that are judged: what was not found out is never closed.
    pub fn standing(&self) -> Standing {
        let judged = self.reports.iter().filter(|column| column.role == Role::Judged);
        let outcomes: Vec<&Outcome> = judged.flat_map(|column| column.outcomes.values()).collect();
        if outcomes.contains(&&Outcome::Open) {
            Standing::Open
        } else if outcomes.iter().any(|outcome| matches!(outcome, Outcome::Untried(_))) {
            Standing::Unknown
        } else {
            Standing::Closed
        }
    }
}

/// The JSON Schema of the document.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Document).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn column(role: Role, outcomes: &[(&str, Outcome)]) -> Column {
        Column {
            sandbox: "one".to_owned(),
            role,
            privilege: None,
            bwrap: Bwrap { path: "/bwrap".to_owned(), version: "0".to_owned(), package: None },
            outcomes: outcomes.iter().map(|(id, outcome)| ((*id).to_owned(), outcome.clone())).collect(),
        }
    }

    fn two() -> Vec<&'static Escape> {
        Escape::all().filter(|escape| ["proc.mtrr", "kernel.bpf"].contains(&escape.id)).collect()
    }

    fn closed() -> Outcome {
        Outcome::Closed("EPERM".to_owned())
    }

    #[rstest]
    #[case::all_closed(closed(), closed(), Standing::Closed)]
    #[case::one_open(closed(), Outcome::Open, Standing::Open)]
    #[case::open_and_not_tried(Outcome::Untried("why".to_owned()), Outcome::Open, Standing::Open)]
    #[case::one_not_tried(closed(), Outcome::Untried("why".to_owned()), Standing::Unknown)]
    #[case::one_not_there(closed(), Outcome::Absent("why".to_owned()), Standing::Closed)]
    fn it_stands_as_the_worst(#[case] one: Outcome, #[case] other: Outcome, #[case] standing: Standing) {
        let judged = column(Role::Judged, &[("proc.mtrr", one), ("kernel.bpf", other)]);
        let control = column(Role::Control, &[("proc.mtrr", Outcome::Open), ("kernel.bpf", Outcome::Open)]);
        assert_eq!(Document::of(&two(), vec![judged, control]).standing(), standing);
    }

    #[test]
    fn what_the_probe_does_not_tell_was_not_tried() {
        let document = Document::of(&two(), vec![column(Role::Judged, &[("proc.mtrr", closed())])]);
        assert_eq!(document.standing(), Standing::Unknown);
        assert_eq!(document.open_nowhere, None);
    }

    #[test]
    fn what_is_open_in_no_sandbox_is_named_once_there_is_a_control() {
        let judged = column(Role::Judged, &[("proc.mtrr", closed()), ("kernel.bpf", closed())]);
        let control = column(Role::Control, &[("proc.mtrr", Outcome::Open), ("kernel.bpf", closed())]);
        let document = Document::of(&two(), vec![judged, control]);
        assert_eq!(document.open_nowhere, Some(vec![Nowhere { id: "kernel.bpf".to_owned(), why: None }]));
    }
}
