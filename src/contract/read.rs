//! Bytes to contract, strictly.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::{Contract, SCHEMA};
use crate::source::{self, Kind, Source, SourceError};

/// The largest contract that is read, in bytes. The built-in ones are a tenth of it.
pub const MAX_BYTES: u64 = 1 << 20;

/// What is read here.
pub(super) const KIND: Kind = Kind { name: "contract", limit: MAX_BYTES };

/// Why there is no contract, in one line.
#[derive(Debug, thiserror::Error)]
pub enum ContractError {
    /// No contract is compiled in under this name.
    #[error("no contract for profile `{profile}`: there are osbuild-v19, osbuild-v190 and hardened")]
    NoSuchProfile {
        /// What was asked for.
        profile: String,
    },
    /// The file is none.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl Contract {
    /// Reads a contract from a file; never more than [`MAX_BYTES`] of it.
    ///
    /// # Errors
    ///
    /// See [`ContractError`].
    pub fn load(path: &Path) -> Result<Self, ContractError> {
        let (name, bytes) = source::load(path, KIND)?;
        Self::parse(&name, &bytes)
    }

    /// Reads a contract from bytes; `file` is only for errors.
    ///
    /// # Errors
    ///
    /// See [`ContractError`].
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, ContractError> {
        let source = Source::new(file, KIND, bytes)?;
        source.follows(SCHEMA)?;
        let contract: Self = source.read()?;
        match second_of_a_name(&source) {
            Some((line, id)) => Err(source.line(line, Some("id"), format!("duplicate clause id `{id}`")).into()),
            None => match contract.extended(&source)? {
                contract if contract.clauses.is_empty() => Err(source
                    .at_key("clause", "no clause: a contract that says nothing proves nothing".to_owned())
                    .into()),
                contract => Ok(contract),
            },
        }
    }
}

/// Only the ids, with where they are.
#[derive(Deserialize)]
struct Ids {
    #[serde(default)]
    clause: Vec<Id>,
}

#[derive(Deserialize)]
struct Id {
    id: Spanned<String>,
}

/// The first id that was there before, and its line.
fn second_of_a_name(source: &Source<'_>) -> Option<(usize, String)> {
    let ids: Ids = source.read().ok()?;
    let mut seen = BTreeSet::new();
    let again = ids.clause.into_iter().map(|clause| clause.id).find(|id| !seen.insert(id.get_ref().clone()))?;
    Some((source.line_of(again.span().start), again.into_inner()))
}

#[cfg(test)]
mod tests;
