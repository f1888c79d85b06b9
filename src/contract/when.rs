//! When a clause applies.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error as _, IntoDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::vocabulary::{Architecture, HostFact, Phase, Policy, Privilege, TreeFact, Word};

/// Conditions; all must be met, an empty list is no condition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct When {
    /// One of these built the root.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub privilege: Vec<Privilege>,
    /// It is in one of these phases.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phase: Vec<Phase>,
    /// The capability policy is one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policy: Vec<Policy>,
    /// The architecture is one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arch: Vec<Architecture>,
    /// All of these are so on the host; `!` in front: not so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub host: Vec<Condition<HostFact>>,
    /// All of these are in the tree; `!` in front: not there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tree: Vec<Condition<TreeFact>>,
}

impl When {
    /// Whether a clause can apply to a build root that root built, who is every user and whose every tree is.
    pub fn can_be_root(&self) -> bool {
        let named = self.privilege.is_empty() || self.privilege.contains(&Privilege::Root);
        let mapped = self.host.iter().all(|condition| condition.wanted || condition.fact != HostFact::RootMapped);
        let owned = self.tree.iter().all(|condition| condition.wanted || condition.fact != TreeFact::Owned);
        named && mapped && owned
    }

    /// Whether there is no condition at all.
    pub fn is_always(&self) -> bool {
        *self == Self::default()
    }
}

/// A fact, or with `!` its opposite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Condition<T> {
    /// What is looked at.
    pub fact: T,
    /// What it must be.
    pub wanted: bool,
}

impl<T: Word> fmt::Display for Condition<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", if self.wanted { "" } else { "!" }, self.fact.as_str())
    }
}

impl<T: Word> Serialize for Condition<T> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Condition<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let (word, wanted) = match text.strip_prefix('!') {
            Some(word) => (word, false),
            None => (text.as_str(), true),
        };
        let fact = T::deserialize(word.into_deserializer())
            .map_err(|error: serde::de::value::Error| D::Error::custom(error))?;
        Ok(Self { fact, wanted })
    }
}

impl<T: Word + JsonSchema> JsonSchema for Condition<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}Condition", T::schema_name()).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<String> =
            T::ALL.iter().flat_map(|word| [word.as_str().to_owned(), format!("!{}", word.as_str())]).collect();
        json_schema!({ "type": "string", "enum": words })
    }
}
