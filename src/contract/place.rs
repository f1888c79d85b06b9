//! Names that are checked when a contract is read: of capabilities, and of places inside the build root.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::capability::{Capability, UnknownCapability};

/// The name of a capability that Linux has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^CAP_[A-Z_]+$"))]
pub struct CapabilityName(String);

impl CapabilityName {
    /// The name, with `CAP_` in front.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CapabilityName {
    type Error = UnknownCapability;

    fn try_from(text: String) -> Result<Self, UnknownCapability> {
        text.parse::<Capability>().map(|capability| Self(capability.to_string()))
    }
}

impl From<CapabilityName> for String {
    fn from(name: CapabilityName) -> Self {
        name.0
    }
}

/// An absolute path inside the build root, in its shortest form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Place(String);

impl Place {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the other path is this one or below it.
    pub fn holds(&self, other: &str) -> bool {
        match other.strip_prefix(self.0.trim_end_matches('/')) {
            Some(rest) => rest.is_empty() || rest.starts_with('/'),
            None => false,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.0)
    }
}

/// A path that is not one inside the build root.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no absolute path in its shortest form: no `//`, `.`, `..` or slash at the end")]
pub struct MalformedPlace(String);

impl TryFrom<String> for Place {
    type Error = MalformedPlace;

    fn try_from(text: String) -> Result<Self, MalformedPlace> {
        let short = |rest: &str| rest.split('/').all(|name| !matches!(name, "" | "." | ".."));
        match text.strip_prefix('/') {
            Some("") => Ok(Self(text)),
            Some(rest) if short(rest) => Ok(Self(text)),
            Some(_) | None => Err(MalformedPlace(text)),
        }
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.0
    }
}

impl JsonSchema for Place {
    fn schema_name() -> Cow<'static, str> {
        "Place".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "an absolute path inside the build root", "pattern": "^/" })
    }
}
