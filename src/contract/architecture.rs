//! What differs by architecture: a file each, said once and part of every profile's contract.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::read::{ContractError, KIND};
use super::vocabulary::Architecture;
use super::{Clause, ClauseId, Contract};
use crate::source::Source;

/// The value of `schema` in every such file.
const SCHEMA: &str = "rootcontract.architecture/1";

/// The files that are compiled in: architecture and text.
pub const BUILTIN: [(&str, &str); 7] = [
    ("x86_64", include_str!("../../conformance/contract/architecture/x86_64.toml")),
    ("aarch64", include_str!("../../conformance/contract/architecture/aarch64.toml")),
    ("ppc64le", include_str!("../../conformance/contract/architecture/ppc64le.toml")),
    ("s390x", include_str!("../../conformance/contract/architecture/s390x.toml")),
    ("riscv64", include_str!("../../conformance/contract/architecture/riscv64.toml")),
    ("i686", include_str!("../../conformance/contract/architecture/i686.toml")),
    ("armv7", include_str!("../../conformance/contract/architecture/armv7.toml")),
];

/// The rules of one architecture. That each is only about it goes without saying.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Delta {
    schema: String,
    arch: Architecture,
    /// In a sentence, what is its own.
    says: String,
    #[serde(rename = "clause")]
    clauses: Vec<Clause>,
}

/// In a sentence, what is an architecture's own.
pub(super) fn says(arch: &str) -> Option<String> {
    let (_, text) = BUILTIN.iter().find(|(name, _)| *name == arch)?;
    toml::from_str::<Delta>(text).ok().map(|delta| delta.says)
}

/// What a clause is about wherever it is: its id without the architecture at the end. Rules that every architecture
/// has in words of its own are one rule.
pub fn rule<'id>(clause: &'id ClauseId, arch: &str) -> &'id str {
    let id = clause.as_str();
    id.strip_suffix(&arch.replace('_', "-")).and_then(|start| start.strip_suffix('.')).unwrap_or(id)
}

impl Contract {
    /// Adds what is compiled in about every architecture.
    pub(super) fn with_architectures(self) -> Result<Self, ContractError> {
        BUILTIN.iter().try_fold(self, |contract, (name, text)| {
            contract.with_architecture(&format!("architecture/{name}.toml"), text.as_bytes())
        })
    }

    /// Adds the rules of a file about one architecture.
    fn with_architecture(mut self, file: &str, bytes: &[u8]) -> Result<Self, ContractError> {
        let source = Source::new(file, KIND, bytes)?;
        let delta: Delta = source.read()?;
        if delta.schema != SCHEMA {
            return Err(source.other_schema(&delta.schema, SCHEMA).into());
        }
        let mut known: BTreeSet<String> = self.clauses.iter().map(|clause| clause.id.to_string()).collect();
        for mut clause in delta.clauses {
            let id = clause.id.to_string();
            let odd = if !clause.when.arch.is_empty() {
                Some("`when.arch` is not said here: the file is about one architecture".to_owned())
            } else if clause.observed_on.is_none() {
                Some("missing key `observed-on`: say where the rule was seen to hold, `[]` for nowhere yet".to_owned())
            } else {
                (!known.insert(id.clone())).then(|| format!("duplicate clause id `{id}`"))
            };
            if let Some(what) = odd {
                return Err(source.at_value("id", &id, what).into());
            }
            clause.when.arch = vec![delta.arch.clone()];
            self.clauses.push(clause);
        }
        Ok(self)
    }

    /// What it promises on one architecture: without the rules that are about others.
    #[must_use]
    pub fn on(mut self, arch: &str) -> Self {
        self.clauses.retain(|clause| clause.is_about(arch));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Area;
    use rstest::rstest;

    const DELTA: &str = r#"schema = "rootcontract.architecture/1"
arch = "s390x"
says = "IBM Z."

[[clause]]
id = "abi.byte-order.s390x"
level = "must"
says = "Numbers are big endian."
why = "x"
origin = "x"
since = "x"
observed-on = ["qemu-user 7.2"]
expect.fact = { path = "abi.byte_order", equals = "big" }
"#;

    fn good() -> Contract {
        Contract::parse("good.toml", include_bytes!("../../fixtures/contract/good.toml")).expect("a contract")
    }

    #[test]
    fn a_delta_is_about_its_architecture_and_no_other() {
        let contract = good().with_architecture("delta.toml", DELTA.as_bytes()).expect("a contract");
        let clause = contract.clause("abi.byte-order.s390x").expect("the clause");
        assert!(clause.is_about("s390x") && !clause.is_about("x86_64"));
        assert_eq!(clause.when.to_string(), "when the architecture is s390x");
        assert!(contract.clone().on("s390x").clause("abi.byte-order.s390x").is_some());
        let elsewhere = contract.on("riscv64");
        assert!(
            elsewhere.clause("abi.byte-order.s390x").is_none() && elsewhere.clause("mount.usr.read-only").is_some()
        );
    }

    #[rstest]
    #[case::schema(
        "architecture/1",
        "contract/1",
        "1: schema: `rootcontract.contract/1` is not read here, expected `rootcontract.architecture/1`"
    )]
    #[case::architecture(
        "\"s390x\"",
        "\"s390\"",
        "2: arch: unknown architecture `s390`, expected one of `x86_64`, `aarch64`, `ppc64le`, `s390x`, `riscv64`, `i686`, `armv7`"
    )]
    #[case::not_observed(
        "observed-on = [\"qemu-user 7.2\"]\n",
        "",
        "6: id: missing key `observed-on`: say where the rule was seen to hold, `[]` for nowhere yet"
    )]
    #[case::architecture_again(
        "since = \"x\"",
        "since = \"x\"\nwhen = { arch = [\"s390x\"] }",
        "6: id: `when.arch` is not said here: the file is about one architecture"
    )]
    #[case::taken_id("abi.byte-order.s390x", "mount.usr.read-only", "6: id: duplicate clause id `mount.usr.read-only`")]
    #[case::unknown_key(
        "since",
        "sinec",
        "11: sinec: unknown key `sinec`, expected one of `id`, `level`, `says`, `why`, `instead`, `origin`, `since`, `expect`, `when`, `subject`, `observed-on`, `hazard`"
    )]
    fn a_delta_is_read_strictly(#[case] from: &str, #[case] to: &str, #[case] line: &str) {
        let text = DELTA.replace(from, to);
        let error = good().with_architecture("delta.toml", text.as_bytes()).expect_err("an odd delta");
        assert_eq!(error.to_string(), format!("delta.toml:{line}"));
    }

    #[test]
    fn every_architecture_has_one_that_says_the_same_things() {
        let contract = Contract::builtin("osbuild-v190").expect("a contract");
        let rules = |arch: &str| -> BTreeSet<String> {
            // What `/proc` and `/sys` have only there is nobody else's.
            let shared = |clause: &&Clause| !matches!(clause.id.area(), Area::Proc | Area::Sys);
            let own = contract.clauses.iter().filter(|clause| !clause.when.arch.is_empty() && clause.is_about(arch));
            let own = own.filter(shared).map(|clause| (rule(&clause.id, arch), clause.id.as_str()));
            own.filter(|(rule, id)| rule != id).map(|(rule, _)| rule.to_owned()).collect()
        };
        let first = rules("x86_64");
        for arch in &crate::arch::ALL {
            assert!(BUILTIN.iter().any(|(name, _)| *name == arch.name), "{}", arch.name);
            let missing: Vec<_> = first.difference(&rules(arch.name)).cloned().collect();
            assert_eq!(missing, Vec::<String>::new(), "{}", arch.name);
        }
    }
}
