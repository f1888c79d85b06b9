//! A contract that is another one but for what it says.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::{Clause, Contract, ContractError};
use crate::source::{Source, SourceError};

/// Where in the text it says what it extends, and what it goes without.
#[derive(Deserialize)]
struct Places {
    extends: Option<Spanned<String>>,
    #[serde(default)]
    without: Vec<WithoutPlace>,
}

#[derive(Deserialize)]
struct WithoutPlace {
    clauses: Vec<Spanned<String>>,
    reason: Spanned<String>,
}

impl Contract {
    /// The whole contract, where the text that was read is only what differs from another one.
    pub(super) fn extended(self, source: &Source<'_>) -> Result<Self, ContractError> {
        let places: Places = source.read()?;
        let Some(extends) = &places.extends else {
            return match places.without.first() {
                Some(odd) => Err(odd.refused(source, "nothing is extended: say what with `extends`").into()),
                None => Ok(self),
            };
        };
        let base = Self::builtin(extends.get_ref()).map_err(|error| {
            ContractError::from(source.line(source.line_of(extends.span().start), Some("extends"), error.to_string()))
        })?;
        let own: BTreeSet<String> = self.clauses.iter().map(|clause| clause.id.to_string()).collect();
        let removed = removed(&places, source, &base, &own)?;
        Ok(self.on_top_of(base, &removed))
    }

    /// Its own clauses in the places of those with the same ids, and after the others.
    fn on_top_of(mut self, base: Self, removed: &BTreeSet<String>) -> Self {
        let read: BTreeSet<String> = self
            .clauses
            .iter()
            .flat_map(|clause| clause.expect.reads(&Value::Null))
            .map(|path| path.to_string())
            .collect();
        for (path, reason) in base.ignored {
            // What a clause of its own reads is not ignored any more.
            if !read.contains(&path.to_string()) {
                self.ignored.entry(path).or_insert(reason);
            }
        }
        let mut own = std::mem::take(&mut self.clauses);
        for clause in base.clauses {
            match own.iter().position(|instead| instead.id == clause.id) {
                Some(index) => self.clauses.push(own.remove(index)),
                None if removed.contains(clause.id.as_str()) => {}
                None => self.clauses.push(clause),
            }
        }
        self.clauses.append(&mut own);
        self
    }

    /// Its clauses that are not the extended contract's, in its order; all of them where it extends none.
    pub(super) fn own(&self) -> Vec<&Clause> {
        let base = self.extends.as_deref().and_then(|extends| Self::builtin(extends).ok());
        let known = |clause: &Clause| {
            base.as_ref().and_then(|base| base.clause(clause.id.as_str())).is_some_and(|same| same == clause)
        };
        self.clauses.iter().filter(|clause| !known(clause)).collect()
    }
}

/// The ids it goes without, each of which has to be one of `base` that nothing takes the place of.
fn removed(
    places: &Places,
    source: &Source<'_>,
    base: &Contract,
    own: &BTreeSet<String>,
) -> Result<BTreeSet<String>, SourceError> {
    let mut removed = BTreeSet::new();
    for without in &places.without {
        if without.reason.get_ref().trim().is_empty() {
            return Err(without.refused(source, "`reason` is empty: say why they are not so here"));
        }
        for id in &without.clauses {
            let (id, line) = (id.get_ref(), source.line_of(id.span().start));
            let odd = if base.clause(id).is_none() {
                Some(format!("there is no clause `{id}` in {}", base.profile))
            } else if own.contains(id) {
                Some(format!("`{id}` is taken out, and has another in its place: it can't be both"))
            } else {
                (!removed.insert(id.clone())).then(|| format!("`{id}` is taken out twice"))
            };
            if let Some(what) = odd {
                return Err(source.line(line, Some("without"), what));
            }
        }
    }
    Ok(removed)
}

impl WithoutPlace {
    fn refused(&self, source: &Source<'_>, what: &str) -> SourceError {
        source.line(source.line_of(self.reason.span().start), Some("without"), what.to_owned())
    }
}

#[cfg(test)]
mod tests;
