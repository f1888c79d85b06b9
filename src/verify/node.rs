//! Expectations about files, directories and devices.

use serde_json::Value;

use crate::contract::{Device, Node, Place, Segment, Word, name_at, node_at};

use super::judge::Outcome;
use super::lookup::{Gap, entry};
use super::show;

/// A device node.
pub fn device(wanted: &Device, facts: &Value) -> Result<Outcome, Gap> {
    let Some(found) = entry(facts, &node_at(&wanted.at))? else {
        return Ok(Outcome::Absent(format!("no {}", wanted.at)));
    };
    let held = wanted.kind.is_none_or(|kind| found["kind"].as_str() == Some(kind.as_str()))
        && number(wanted.major, &found["major"])
        && number(wanted.minor, &found["minor"])
        && words(wanted.mode.as_ref(), &found["mode"])
        && number(wanted.uid, &found["uid"])
        && number(wanted.gid, &found["gid"]);
    Ok(Outcome::of(held, text(&wanted.at, found)))
}

/// A file or directory; the probe says `null` where there is none.
pub fn node(wanted: &Node, facts: &Value) -> Result<Outcome, Gap> {
    let found = match looked_up(&wanted.at, facts)? {
        Some(found) if !found.is_null() => found,
        Some(_) | None => return Ok(Outcome::Absent(format!("no {}", wanted.at))),
    };
    let held = wanted.kind.is_none_or(|kind| found["kind"].as_str() == Some(kind.as_str()))
        && words(wanted.mode.as_ref(), &found["mode"])
        && number(wanted.uid, &found["uid"])
        && number(wanted.gid, &found["gid"])
        && wanted.size.is_none_or(|size| found["size"].as_u64() == Some(size))
        && words(wanted.target.as_ref(), &found["target"]);
    Ok(Outcome::of(held, text(&wanted.at, found)))
}

/// Nothing of this name.
pub fn absent(place: &Place, facts: &Value) -> Result<Outcome, Gap> {
    let path = name_at(place);
    let found = if is_skeleton(path.segments()) { looked_up(place, facts)? } else { entry(facts, &path)? };
    Ok(match found {
        None | Some(Value::Null) => Outcome::Held(format!("no {place}")),
        Some(found) => Outcome::Broken(text(place, found)),
    })
}

/// The node at a place. A place outside the probe's list is a gap, not an absence.
fn looked_up<'facts>(place: &Place, facts: &'facts Value) -> Result<Option<&'facts Value>, Gap> {
    let path = node_at(place);
    match entry(facts, &path)? {
        None if is_skeleton(path.segments()) => Err(Gap::Missing(path.to_string())),
        found => Ok(found),
    }
}

fn is_skeleton(path: &[Segment]) -> bool {
    path.first().is_some_and(|map| map.as_str() == "nodes")
}

fn number(wanted: Option<u32>, found: &Value) -> bool {
    wanted.is_none_or(|number| found.as_u64() == Some(number.into()))
}

fn words(wanted: Option<&String>, found: &Value) -> bool {
    wanted.is_none_or(|text| found.as_str() == Some(text))
}

fn text(place: &Place, found: &Value) -> String {
    let mut text = format!("{place} {}", show::value(&found["kind"]));
    if let (Some(major), Some(minor)) = (found["major"].as_u64(), found["minor"].as_u64()) {
        text.push_str(&format!(" {major}:{minor}"));
    }
    if let Some(mode) = found["mode"].as_str() {
        text.push_str(&format!(" mode {} owner {}:{}", show::text(mode), found["uid"], found["gid"]));
    }
    if let Some(size) = found["size"].as_u64() {
        text.push_str(&format!(" size {size}"));
    }
    if let Some(target) = found["target"].as_str() {
        text.push_str(&format!(" -> {}", show::text(target)));
    }
    text
}
