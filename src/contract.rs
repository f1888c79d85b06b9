//! The contract: what a build root promises, clause by clause.
//!
//! A contract is a TOML file, one per profile (`conformance/contract/`); users may write their own. [`parse`](Contract::parse)
//! turns bytes into a [`Contract`], [`verify`](crate::verify::verify) holds one against facts, [`lint`](Contract::lint) says
//! what is odd about one, [`document`] writes it down for people.

mod architecture;
mod clause;
pub mod document;
mod expect;
mod extension;
mod kinds;
mod lint;
mod path;
mod place;
mod read;
mod reads;
mod schema;
mod vocabulary;
mod when;
mod words;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use architecture::rule;
pub use clause::{Clause, ClauseId, UnknownArea};
pub use expect::{
    Attempt, CallerMounts, Capabilities, Device, Directory, Expect, Fact, Link, Mount, MountsBelow, Namespace, Node,
    Process, Variable,
};
pub use kinds::{
    CallerList, CapabilityReference, CapabilitySet, Launched, MountFlag, NamespaceKind, NodeKind, Propagation, Sharing,
    Which, World,
};
pub use lint::Remark;
pub use path::{FactPath, MalformedPath, Segment};
pub use place::{CapabilityName, MalformedPlace, Place};
pub use read::{ContractError, MAX_BYTES};
pub use reads::{mount_at, name_at, node_at};
pub use schema::schema;
pub use vocabulary::{
    Architecture, Area, HostFact, Level, Phase, Policy, Privilege, Subject, TreeFact, UnknownArchitecture, Word,
};
pub use when::{Condition, When};
pub use words::{role, strangers};

/// The value of `schema` in every contract file this version reads.
pub const SCHEMA: &str = "rootcontract.contract/1";

/// What a build root promises.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Contract {
    /// Always `rootcontract.contract/1`.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: String,
    /// The profile whose build root this describes, such as `osbuild-v190`.
    pub profile: String,
    /// Counts up with every change of a clause's meaning.
    pub version: u32,
    /// One sentence: what this contract is about.
    pub says: String,
    /// What the build root is a copy of.
    pub upstream: Upstream,
    /// The profile whose contract this one begins as, compiled in. What follows is what differs: a clause of an id that is
    /// there takes its place, any other is added, those below `without` are taken out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<String>,
    /// Clauses of the contract it extends that are not in this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<Without>,
    /// What nobody has looked at yet, a sentence each; printed at the top of the document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub never_observed: Vec<String>,
    /// Facts that no clause reads, with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ignored: BTreeMap<FactPath, String>,
    /// The clauses, in the order of the file.
    #[serde(rename = "clause")]
    pub clauses: Vec<Clause>,
}

/// The software whose behaviour a contract writes down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Upstream {
    /// Its name.
    pub project: String,
    /// The commit that was read.
    pub commit: String,
    /// The release the commit is in, or the nearest one, in words.
    pub release: String,
}

/// Clauses of another contract that a contract goes without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Without {
    /// Their ids.
    pub clauses: Vec<ClauseId>,
    /// Why they are not so here.
    pub reason: String,
}

impl Contract {
    /// The contracts that are compiled in, oldest profile first: profile name and text.
    pub const BUILTIN: [(&'static str, &'static str); 3] = [
        ("osbuild-v19", include_str!("../conformance/contract/osbuild-v19.toml")),
        ("osbuild-v190", include_str!("../conformance/contract/osbuild-v190.toml")),
        ("hardened", include_str!("../conformance/contract/hardened.toml")),
    ];

    /// What bubblewrap itself does: the contract about [`behaviour`](crate::bwrap::behaviour).
    ///
    /// # Errors
    ///
    /// It is compiled in, so none but a fault of ours.
    pub fn of_bubblewrap() -> Result<Self, ContractError> {
        Self::parse("bwrap.toml", include_bytes!("../conformance/contract/bwrap.toml"))
    }

    /// The compiled-in contract of a profile, with what differs by architecture.
    ///
    /// # Errors
    ///
    /// [`ContractError::NoSuchProfile`] for a name that has none.
    pub fn builtin(profile: &str) -> Result<Self, ContractError> {
        let (name, text) = Self::BUILTIN
            .into_iter()
            .find(|(name, _)| *name == profile)
            .ok_or_else(|| ContractError::NoSuchProfile { profile: profile.to_owned() })?;
        let contract = Self::parse(&format!("{name}.toml"), text.as_bytes())?;
        // One that extends another has them from there.
        if contract.extends.is_some() { Ok(contract) } else { contract.with_architectures() }
    }

    /// What it promises on one architecture, and in one state of the root where that is known.
    #[must_use]
    pub fn about(self, arch: &str, phase: Option<Phase>) -> Self {
        let contract = self.on(arch);
        match phase {
            Some(phase) => contract.in_phase(phase),
            None => contract,
        }
    }

    /// What it promises in one state of the root. A scriptlet's room is a place of its own: there the rules are left out
    /// that are about the build root only, and elsewhere those that are about the room only.
    #[must_use]
    pub fn in_phase(mut self, phase: Phase) -> Self {
        let room = [Phase::Scriptlet];
        match phase {
            Phase::Scriptlet => self.clauses.retain_mut(|clause| {
                let phases = std::mem::take(&mut clause.when.phase);
                phases.is_empty() || phases.contains(&Phase::Scriptlet)
            }),
            Phase::Raw | Phase::Runner => self.clauses.retain(|clause| clause.when.phase != room),
        }
        self
    }

    /// The clause of this id.
    pub fn clause(&self, id: &str) -> Option<&Clause> {
        self.clauses.iter().find(|clause| clause.id.as_str() == id)
    }
}
