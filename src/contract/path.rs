//! Names of facts: `process.umask`, `mounts[/usr].flags`, `launch.capabilities.granted`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The name of a fact: words with dots between, keys of maps in brackets. The probe's half is meant unless the first
/// word is `launch`. A key that ends in `*` stands for every key that begins so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FactPath(Vec<Segment>);

/// One step of a [`FactPath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A field: `.umask`.
    Field(String),
    /// A key of a map: `[/usr]`.
    Key(String),
    /// A key that was found and not written: it stands for itself, whatever it ends in.
    Literal(String),
}

impl Segment {
    /// The name without dots or brackets.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Field(name) | Self::Key(name) | Self::Literal(name) => name,
        }
    }

    /// What the keys begin with that this segment stands for, if it is a wildcard.
    pub fn wildcard(&self) -> Option<&str> {
        match self {
            Self::Field(name) | Self::Key(name) => name.strip_suffix('*'),
            Self::Literal(_) => None,
        }
    }

    /// Whether this segment stands for the other one.
    fn covers(&self, other: &Self) -> bool {
        match self.wildcard() {
            Some(start) => other.as_str().starts_with(start),
            None => self.as_str() == other.as_str(),
        }
    }
}

impl FactPath {
    /// A path of fields.
    pub fn fields<const N: usize>(names: [&str; N]) -> Self {
        Self(names.into_iter().map(|name| Segment::Field(name.to_owned())).collect())
    }

    /// This path and then the key of a map.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.0.push(Segment::Key(key.to_owned()));
        self
    }

    /// This path and then a key that stands for itself alone: one that the launch or a probe named.
    #[must_use]
    pub fn literal(mut self, key: &str) -> Self {
        self.0.push(Segment::Literal(key.to_owned()));
        self
    }

    /// This path and then a field.
    #[must_use]
    pub fn field(mut self, name: &str) -> Self {
        self.0.push(Segment::Field(name.to_owned()));
        self
    }

    /// The steps, from the outside in.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Whether this path, with its wildcards, names the same fact as the other one or a part of it.
    pub fn begins_with(&self, other: &Self) -> bool {
        self.0.len() >= other.0.len() && self.0.iter().zip(&other.0).all(|(mine, theirs)| mine.covers(theirs))
    }

    /// Whether this path, with its wildcards, names the same fact as the other one, a part of it, or what it is part of.
    pub fn touches(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(mine, theirs)| mine.covers(theirs))
    }

    /// Whether this path, with its wildcards, names the same fact as the other one.
    pub fn covers(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(mine, theirs)| mine.covers(theirs))
    }
}

impl FromIterator<Segment> for FactPath {
    fn from_iter<I: IntoIterator<Item = Segment>>(segments: I) -> Self {
        Self(segments.into_iter().collect())
    }
}

/// Text that names no fact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no fact: write words with dots between and keys in brackets, like `mounts[/usr].flags`")]
pub struct MalformedPath(String);

impl FromStr for FactPath {
    type Err = MalformedPath;

    fn from_str(text: &str) -> Result<Self, MalformedPath> {
        let malformed = || MalformedPath(text.to_owned());
        let mut segments = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let segment = if let Some(inside) = rest.strip_prefix('[') {
                let (key, after) = inside.split_once(']').ok_or_else(malformed)?;
                rest = after;
                Segment::Key(key.to_owned())
            } else {
                let word = match rest.strip_prefix('.') {
                    Some(word) if !segments.is_empty() => word,
                    None if segments.is_empty() => rest,
                    Some(_) | None => return Err(malformed()),
                };
                let end = word.find(['.', '[']).unwrap_or(word.len());
                rest = &word[end..];
                Segment::Field(word[..end].to_owned())
            };
            if segment.as_str().is_empty() {
                return Err(malformed());
            }
            segments.push(segment);
        }
        if matches!(segments.first(), Some(Segment::Field(_))) { Ok(Self(segments)) } else { Err(malformed()) }
    }
}

impl TryFrom<String> for FactPath {
    type Error = MalformedPath;

    fn try_from(text: String) -> Result<Self, MalformedPath> {
        text.parse()
    }
}

impl From<FactPath> for String {
    fn from(path: FactPath) -> Self {
        path.to_string()
    }
}

impl fmt::Display for FactPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(key) | Segment::Literal(key) => write!(out, "[{key}]")?,
                Segment::Field(name) if index == 0 => out.write_str(name)?,
                Segment::Field(name) => write!(out, ".{name}")?,
            }
        }
        Ok(())
    }
}

impl JsonSchema for FactPath {
    fn schema_name() -> Cow<'static, str> {
        "FactPath".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "a fact: words with dots between, keys in brackets, like `mounts[/usr].flags`",
            "pattern": r"^[^.\[\]]+(\.[^.\[\]]+|\[[^\]]+\])*$",
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::field("process.umask")]
    #[case::key("mounts[/usr].flags")]
    #[case::key_with_dots("attempts[sysctl:kernel.core_pattern]")]
    #[case::launch("launch.capabilities.granted")]
    fn a_path_prints_as_it_was_written(#[case] text: &str) {
        assert_eq!(text.parse::<FactPath>().unwrap().to_string(), text);
    }

    #[rstest]
    #[case::empty("")]
    #[case::dot(".process")]
    #[case::two_dots("process..umask")]
    #[case::trailing_dot("process.")]
    #[case::open_bracket("mounts[/usr")]
    #[case::empty_key("mounts[]")]
    #[case::key_first("[mounts]")]
    #[case::word_after_bracket("mounts[/usr]flags")]
    fn a_malformed_path_is_refused(#[case] text: &str) {
        assert_eq!(text.parse::<FactPath>(), Err(MalformedPath(text.to_owned())));
    }

    #[rstest]
    #[case::every_key("*")]
    #[case::begins_so("/srv/*")]
    fn a_literal_key_is_no_wildcard(#[case] key: &str) {
        let named = FactPath::fields(["mounts"]).literal(key);
        assert!(!named.covers(&"mounts[/srv/a]".parse().unwrap()));
        assert!(named.covers(&FactPath::fields(["mounts"]).key(key)));
    }

    #[rstest]
    #[case::same("mounts[/usr].flags", "mounts[/usr].flags", true)]
    #[case::field_or_key("mounts[/usr].flags", "mounts./usr.flags", true)]
    #[case::every_key("mounts[*].flags", "mounts[/usr].flags", true)]
    #[case::begins_so("mounts[/sys/*].flags", "mounts[/sys/fs/cgroup].flags", true)]
    #[case::begins_otherwise("mounts[/sys/*].flags", "mounts[/system].flags", false)]
    #[case::shorter("mounts[/usr]", "mounts[/usr].flags", false)]
    fn a_wildcard_covers_what_it_says(#[case] pattern: &str, #[case] path: &str, #[case] covers: bool) {
        let (pattern, path): (FactPath, FactPath) = (pattern.parse().unwrap(), path.parse().unwrap());
        assert_eq!(pattern.covers(&path), covers);
    }
}
