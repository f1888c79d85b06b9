//! Other values for a fact, of which one should be forbidden.

use serde_json::{Value, json};

use super::model::{find, sibling};
use crate::contract::{Clause, FactPath};

/// A name that nothing has.
const STRANGER: &str = "x-stranger";

/// The values that the clause itself speaks of, and those of the other facts it reads.
pub fn words(clause: &Clause, document: &Value, reads: &[FactPath]) -> Vec<Value> {
    let mut words = vec![json!(true), json!(false), json!(STRANGER), json!("ok"), json!(0), json!(u32::MAX)];
    if let Ok(expect) = serde_json::to_value(&clause.expect) {
        collect(&expect, &mut words);
    }
    words.extend(reads.iter().filter_map(|path| find(document, path)).cloned());
    words.dedup();
    words
}

fn collect(value: &Value, words: &mut Vec<Value>) {
    match value {
        Value::Object(map) => map.values().for_each(|value| collect(value, words)),
        Value::Array(items) => {
            items.iter().for_each(|item| collect(item, words));
            words.push(value.clone());
        }
        Value::Number(number) => {
            words.push(value.clone());
            words.extend(number.as_i64().into_iter().flat_map(|number| [json!(number - 1), json!(number + 1)]));
        }
        Value::Null => {}
        Value::Bool(_) | Value::String(_) => words.push(value.clone()),
    }
}

/// What the fact could be instead; `None`: not there.
pub fn of(path: &FactPath, document: &Value, words: &[Value]) -> Vec<Option<Value>> {
    let mut values = vec![None, Some(Value::Null)];
    let now = find(document, path);
    match now {
        Some(Value::Bool(is)) => values.push(Some(json!(!is))),
        Some(Value::Number(number)) => {
            values.extend(
                number.as_i64().into_iter().flat_map(|number| [number - 1, number + 1]).map(|n| Some(json!(n))),
            );
        }
        Some(Value::Array(items)) => values.extend(lists(items, words).into_iter().map(Some)),
        Some(Value::Object(map)) => {
            let mut more = map.clone();
            more.insert(STRANGER.to_owned(), map.values().next().cloned().unwrap_or(json!({})));
            values.extend([Some(Value::Object(more)), Some(json!({}))]);
        }
        Some(Value::String(_) | Value::Null) | None => {}
    }
    // Something where there is nothing looks like what is beside it.
    values.extend(sibling(document, path).cloned().map(Some));
    values.extend(words.iter().cloned().map(Some));
    values.retain(|value| value.as_ref() != now);
    values
}

/// A list with less or more in it.
fn lists(items: &[Value], words: &[Value]) -> Vec<Value> {
    let mut lists = vec![json!([])];
    lists.extend((0..items.len()).map(|gone| {
        items.iter().enumerate().filter(|(at, _)| *at != gone).map(|(_, item)| item.clone()).collect::<Value>()
    }));
    // A bind of the caller's that is not there.
    let bind = json!({ "at": format!("/{STRANGER}"), "access": "ro" });
    let more = words.iter().chain([&bind]).filter(|word| !word.is_array());
    lists.extend(more.map(|word| items.iter().chain([word]).cloned().collect::<Value>()));
    lists
}
