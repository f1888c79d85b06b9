//! Facts by their names.

use serde_json::{Map, Value};

use crate::contract::{FactPath, Segment};

use super::show::text;

/// Why there is no value under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gap {
    /// The probe could not read it.
    Unread(String),
    /// The document has no such key.
    Missing(String),
    /// The document has no launch half.
    NoLaunch,
}

impl Gap {
    /// The reason, in words.
    pub fn reason(&self) -> String {
        match self {
            Self::Unread(why) => format!("the probe could not look: {why}"),
            Self::Missing(path) => format!("the facts do not have {path}"),
            Self::NoLaunch => "the facts do not say how the sandbox was started (no launch half)".to_owned(),
        }
    }
}

/// The value under a name.
///
/// # Errors
///
/// The [`Gap`] there is instead.
pub fn find<'facts>(facts: &'facts Value, path: &FactPath) -> Result<&'facts Value, Gap> {
    let missing = || Gap::Missing(text(&path.to_string()));
    let (half, rest) = match path.segments() {
        [Segment::Field(first), rest @ ..] if first == "launch" => ("launch", rest),
        all => ("probe", all),
    };
    let mut value = match facts.get(half) {
        Some(Value::Null) | None if half == "launch" => return Err(Gap::NoLaunch),
        Some(value) => value,
        None => return Err(missing()),
    };
    for segment in rest {
        value = read(value)?.get(segment.as_str()).ok_or_else(missing)?;
    }
    read(value)
}

/// The value itself, unless it is the probe's note that it could not look.
pub fn read(value: &Value) -> Result<&Value, Gap> {
    match (value.get("what").and_then(Value::as_str), value.get("errno").and_then(Value::as_str)) {
        (Some(what), Some(errno)) if value.as_object().is_some_and(|map| map.len() == 2) => {
            Err(Gap::Unread(format!("{}: {}", text(what), text(errno))))
        }
        _ => Ok(value),
    }
}

/// Whether it is the probe's note that it could not look.
pub fn is_unread(value: &Value) -> bool {
    read(value).is_err()
}

/// The map under a name.
///
/// # Errors
///
/// The [`Gap`] there is instead; something else than a map is one.
pub fn map<'facts>(facts: &'facts Value, path: &FactPath) -> Result<&'facts Map<String, Value>, Gap> {
    find(facts, path)?.as_object().ok_or_else(|| Gap::Missing(format!("{path}, or it is no map")))
}

/// The list under a name.
///
/// # Errors
///
/// The [`Gap`] there is instead; something else than a list is one.
pub fn list<'facts>(facts: &'facts Value, path: &FactPath) -> Result<&'facts [Value], Gap> {
    let items = find(facts, path)?.as_array().ok_or_else(|| Gap::Missing(format!("{path}, or it is no list")))?;
    Ok(items)
}

/// The strings of the list under a name.
///
/// # Errors
///
/// As [`list`].
pub fn names<'facts>(facts: &'facts Value, path: &FactPath) -> Result<Vec<&'facts str>, Gap> {
    Ok(list(facts, path)?.iter().filter_map(Value::as_str).collect())
}

/// The entry of a map of which the probe lists all there is; `None`: it is not there.
///
/// # Errors
///
/// The map itself could not be read, or the entry.
pub fn entry<'facts>(facts: &'facts Value, path: &FactPath) -> Result<Option<&'facts Value>, Gap> {
    let (key, above) = path.segments().split_last().ok_or_else(|| Gap::Missing(path.to_string()))?;
    let above = above.iter().fold(FactPath::fields([]), |path, step| path.field(step.as_str()));
    map(facts, &above)?.get(key.as_str()).map(read).transpose()
}
