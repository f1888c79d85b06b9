//! Contract × facts → findings.

mod applies;
mod closed;
mod emulation;
mod judge;
mod lookup;
mod mount;
mod node;
mod show;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::applies::Applies;
use self::closed::Named;
use self::judge::{Outcome, judge};
use crate::contract::{Area, Clause, ClauseId, Contract, Expect, Level, Subject};

pub(crate) use self::lookup::is_unread;
pub(crate) use self::show::value as in_words;
pub use crate::facts::launch::Evidence;

/// What came of holding one clause against the facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The facts say otherwise.
    Broken,
    /// The facts do not say; never a pass.
    Unknown,
    /// Broken, and somebody has said why that is all right for now.
    Waived,
    /// The facts say so.
    Held,
    /// The clause is not about this build root.
    NotApplicable,
}

/// One clause, judged. Texts are escaped and bounded: they can be printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The rule.
    pub clause: ClauseId,
    /// What it is about.
    pub area: Area,
    /// How binding it is.
    pub level: Level,
    /// What came of it.
    pub verdict: Verdict,
    /// On what the facts were seen; `None` when they do not say (no launch half).
    pub evidence: Option<Evidence>,
    /// What the clause expects, in words.
    pub expected: String,
    /// What the facts have, in words; `None` when nothing was looked at.
    pub found: Option<String>,
    /// Why the verdict is `unknown`, `not-applicable` or `waived`.
    pub reason: Option<String>,
    /// What can happen because the clause holds; only where it does.
    pub hazard: Option<String>,
}

/// Holds every clause of a contract against a facts document, in the order of the contract.
///
/// `facts` is the whole document (`rootcontract.facts/1`): a launch half, which may be `null`, and a probe half.
pub fn verify(contract: &Contract, facts: &Value) -> Vec<Finding> {
    let evidence = Evidence::deserialize(&facts["launch"]["evidence"]).ok();
    let named = Named::by(in_force(contract, facts), facts);
    contract.clauses.iter().map(|clause| judged(clause, facts, evidence, &named).finding(clause, evidence)).collect()
}

/// What comes of holding one clause of a contract against facts: what [`verify`] says of it, for less.
pub fn verdict(contract: &Contract, clause: &Clause, facts: &Value) -> Verdict {
    let evidence = Evidence::deserialize(&facts["launch"]["evidence"]).ok();
    let named = match clause.expect {
        Expect::Closed(_) => Named::by(in_force(contract, facts), facts),
        _ => Named::default(),
    };
    judged(clause, facts, evidence, &named).verdict
}

/// Whether facts are as an expectation wants them that is about no closed world.
pub(crate) fn holds(expect: &Expect, facts: &Value) -> bool {
    matches!(judge(expect, facts, &Named::default()), Outcome::Held(_))
}

/// The clauses that apply, as far as the facts say.
fn in_force<'contract>(contract: &'contract Contract, facts: &Value) -> impl Iterator<Item = &'contract Clause> {
    contract.clauses.iter().filter(|clause| !matches!(clause.when.met(facts), Applies::No(_)))
}

fn judged(clause: &Clause, facts: &Value, evidence: Option<Evidence>, named: &Named) -> Judged {
    let emulated = evidence == Some(Evidence::UserEmulated);
    if let Some(why) = clause.expect.vacuous() {
        return Judged::without_found(Verdict::Unknown, format!("the clause proves nothing: {why}"));
    }
    match clause.when.met(facts) {
        Applies::Yes | Applies::CannotTell(_) if emulated && clause.subject() == Subject::Kernel => {
            let reason = emulation::reason(clause, judge(&clause.expect, facts, named));
            Judged::without_found(Verdict::NotApplicable, reason)
        }
        Applies::Yes => Judged::from_outcome(clause.level, judge(&clause.expect, facts, named)),
        Applies::No(reason) => Judged::without_found(Verdict::NotApplicable, reason),
        Applies::CannotTell(reason) => Judged::without_found(Verdict::Unknown, reason),
    }
}

/// A verdict with its words.
struct Judged {
    verdict: Verdict,
    found: Option<String>,
    reason: Option<String>,
}

impl Judged {
    fn without_found(verdict: Verdict, reason: String) -> Self {
        Self { verdict, found: None, reason: Some(reason) }
    }

    fn with_found(verdict: Verdict, found: String) -> Self {
        Self { verdict, found: Some(found), reason: None }
    }

    /// What is optional and not there is not judged.
    fn from_outcome(level: Level, outcome: Outcome) -> Self {
        match (outcome, level) {
            (Outcome::Held(found), _) => Self::with_found(Verdict::Held, found),
            (Outcome::Absent(found), Level::May) => Self::without_found(Verdict::NotApplicable, found),
            (Outcome::Absent(found) | Outcome::Broken(found), _) => Self::with_found(Verdict::Broken, found),
            (Outcome::Unknown(reason), _) => Self::without_found(Verdict::Unknown, reason),
            (Outcome::Nothing(reason), _) => Self::without_found(Verdict::NotApplicable, reason),
        }
    }

    fn finding(self, clause: &Clause, evidence: Option<Evidence>) -> Finding {
        Finding {
            clause: clause.id.clone(),
            area: clause.id.area(),
            level: clause.level,
            verdict: self.verdict,
            evidence,
            expected: clause.expect.to_string(),
            found: self.found,
            reason: self.reason,
            hazard: clause.hazard.clone().filter(|_| self.verdict == Verdict::Held),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
