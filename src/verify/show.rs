//! Values in words: escaped, so that they can be printed, and bounded.

use serde_json::Value;

/// The longest text that is shown, in characters.
const LONGEST: usize = 200;

/// The most items of a list that are shown.
const MOST: usize = 16;

/// Text with everything that could move a cursor escaped, cut where it gets long.
pub fn text(text: &str) -> String {
    let mut shown = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == LONGEST {
            shown.push('…');
            break;
        }
        match character {
            ' '..='~' => shown.push(character),
            other if other.is_alphanumeric() => shown.push(other),
            other => shown.extend(other.escape_unicode()),
        }
    }
    shown
}

/// A value.
pub fn value(value: &Value) -> String {
    match value {
        Value::String(string) => text(string),
        Value::Array(items) if items.iter().all(Value::is_string) => list(items.iter().filter_map(Value::as_str)),
        Value::Null => "nothing".to_owned(),
        other => text(&other.to_string()),
    }
}

/// A list of names.
pub fn list<'name>(names: impl IntoIterator<Item = &'name str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let mut shown = names.iter().take(MOST).map(|name| text(name)).collect::<Vec<_>>().join(" ");
    if names.is_empty() {
        shown.push_str("nothing");
    }
    if names.len() > MOST {
        shown.push_str(&format!(" and {} more", names.len() - MOST));
    }
    shown
}
