//! Contradicts clauses with facts: what no mutant reaches is put to the test without a sandbox.
//!
//! A document in which the clause applies and holds is changed, one field that the clause reads at a time, until the
//! clause breaks. That shows that the comparison can fail; only a mutant shows that the probe sees what it is about.

mod candidates;
mod model;

use serde::Serialize;
use serde_json::Value;

use crate::contract::{Clause, Contract, Expect, FactPath};
use crate::verify::{Verdict, holds, verdict};

/// What came of contradicting one clause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contradicted {
    /// The clause.
    pub clause: String,
    /// Why it was not put to the test with a sandbox.
    pub why: String,
    /// The facts that broke it when they were others.
    pub broke: Vec<String>,
    /// The facts it reads that did not, whatever they were, and what it says of them that made no difference.
    pub survived: Vec<String>,
}

impl Contradicted {
    /// Whether every fact that the clause reads can break it, and there is one.
    pub fn is_proof(&self) -> bool {
        self.survived.is_empty() && !self.broke.is_empty()
    }
}

/// Contradicts a clause, beginning with `facts`, which keep the contract.
pub fn contradict(contract: &Contract, clause: &Clause, facts: &Value, why: String) -> Contradicted {
    let mut document = model::of(clause, facts);
    let mut contradicted = Contradicted { clause: clause.id.to_string(), why, broke: Vec::new(), survived: Vec::new() };
    if verdict(contract, clause, &document) != Verdict::Held {
        contradicted.survived.push("there are no facts that keep it".to_owned());
        return contradicted;
    }
    let reads: Vec<FactPath> =
        clause.expect.reads(&document).iter().flat_map(|path| concrete(path, &document)).collect();
    let words = candidates::words(clause, &document, &reads);
    let mut idle = weaker(&clause.expect);
    for path in reads {
        let mut breaks = false;
        for value in candidates::of(&path, &document, &words) {
            let before = model::put(&mut document, &path, value);
            if verdict(contract, clause, &document) == Verdict::Broken {
                breaks = true;
                idle.retain(|(_, without)| !holds(without, &document));
            }
            model::put(&mut document, &path, before);
            if breaks && idle.is_empty() {
                break;
            }
        }
        let list = if breaks { &mut contradicted.broke } else { &mut contradicted.survived };
        list.push(path.to_string());
    }
    contradicted.survived.extend(idle.into_iter().map(|(property, _)| format!("`{property}`")));
    contradicted
}

/// What the expectation is without one thing that it says; each has to make a difference.
fn weaker(expect: &Expect) -> Vec<(String, Expect)> {
    let Ok(Value::Object(form)) = serde_json::to_value(expect) else { return Vec::new() };
    let Some((name, Value::Object(properties))) = form.into_iter().next() else { return Vec::new() };
    let without = |property: &String| {
        let mut fewer = properties.clone();
        fewer.remove(property);
        // Without its subject there is no expectation.
        let weaker =
            serde_json::from_value(Value::Object([(name.clone(), Value::Object(fewer))].into_iter().collect()));
        weaker.ok().map(|weaker| (property.clone(), weaker))
    };
    // What may come as well makes it weaker already, and where the caller's mounts are is no demand.
    let demands = |property: &&String| *property != "also" && (name != "caller-mounts" || *property != "below");
    properties.keys().filter(demands).filter_map(without).collect()
}

/// The facts that a path with wildcards names in this document; a path without any is itself.
fn concrete(path: &FactPath, document: &Value) -> Vec<FactPath> {
    let segments = path.segments();
    let wildcard = segments.iter().enumerate().find_map(|(at, segment)| Some((at, segment.wildcard()?)));
    let Some((at, start)) = wildcard else { return vec![path.clone()] };
    let above = FactPath::from_iter(segments[..at].iter().cloned());
    let keys = model::find(document, &above).and_then(Value::as_object).into_iter().flat_map(|map| map.keys());
    keys.filter(|key| key.starts_with(start))
        .flat_map(|key| {
            let rest = segments[at + 1..].iter().cloned();
            concrete(&FactPath::from_iter(above.clone().key(key).segments().iter().cloned().chain(rest)), document)
        })
        .collect()
}
