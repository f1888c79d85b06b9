//! Whether a clause is about this build root, with the reason where it is not.

use serde_json::Value;

use crate::contract::{Condition, When, Word};

use super::show;

/// Whether a clause applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applies {
    /// It does.
    Yes,
    /// It does not, for these reasons.
    No(String),
    /// The facts do not say.
    CannotTell(String),
}

impl When {
    /// Whether the conditions are met, by what the launch half says.
    pub(super) fn met(&self, facts: &Value) -> Applies {
        let launch = &facts["launch"];
        let arch = if launch.is_null() { &facts["probe"]["arch"] } else { &launch["arch"] };
        let checks = [
            one_of(self.arch.iter().map(|word| word.as_str()), arch, "the architecture"),
            one_of(self.privilege.iter().map(|word| word.as_str()), &launch["privilege"], "the privilege"),
            one_of(self.phase.iter().map(|word| word.as_str()), &launch["phase"], "the phase"),
            one_of(self.policy.iter().map(|word| word.as_str()), &launch["policy"], "the capability policy"),
        ];
        let host = self.host.iter().map(|wanted| so(*wanted, &launch["host"], |is| wanted.fact.phrase(is)));
        let tree = self.tree.iter().map(|wanted| so(*wanted, &launch["tree"], |is| wanted.fact.phrase(is)));
        let (mut not, mut unsaid) = (Vec::new(), Vec::new());
        for check in checks.into_iter().chain(host).chain(tree) {
            match check {
                Applies::Yes => {}
                Applies::No(reason) => not.push(reason),
                Applies::CannotTell(what) => unsaid.push(what),
            }
        }
        if !not.is_empty() {
            Applies::No(not.join("; "))
        } else if unsaid.is_empty() {
            Applies::Yes
        } else {
            Applies::CannotTell(format!("cannot tell whether the clause applies: {}", unsaid.join("; ")))
        }
    }
}

fn one_of<'word>(wanted: impl Iterator<Item = &'word str>, found: &Value, what: &str) -> Applies {
    let wanted: Vec<&str> = wanted.collect();
    match found.as_str() {
        _ if wanted.is_empty() => Applies::Yes,
        Some(found) if wanted.contains(&found) => Applies::Yes,
        Some(found) => Applies::No(format!("{what} is {}", show::text(found))),
        None => Applies::CannotTell(format!("the facts do not have {what}")),
    }
}

fn so<T: Word>(wanted: Condition<T>, facts: &Value, phrase: impl Fn(bool) -> String) -> Applies {
    match facts.get(wanted.fact.as_str()).and_then(Value::as_bool) {
        Some(found) if found == wanted.wanted => Applies::Yes,
        Some(found) => Applies::No(phrase(found)),
        None => Applies::CannotTell(format!("the facts do not say whether {}", phrase(true))),
    }
}
