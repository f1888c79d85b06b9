//! Expectations about mounts.

use serde_json::{Map, Value};

use crate::contract::{CallerMounts, FactPath, Mount, MountFlag, MountsBelow, Place, Word, mount_at};

use super::judge::Outcome;
use super::lookup::{self, Gap, entry, find, read};
use super::show;

/// What is mounted at a place.
pub fn mount(wanted: &Mount, facts: &Value) -> Result<Outcome, Gap> {
    let Some(found) = entry(facts, &mount_at(wanted.at.as_str()))? else {
        return Ok(Outcome::Absent(format!("nothing mounted at {}", wanted.at)));
    };
    let same = |wanted: &Option<String>, field: &str| {
        wanted.as_ref().is_none_or(|value| found[field].as_str() == Some(value.as_str()))
    };
    let held = wanted.flags.as_ref().is_none_or(|flags| flags_are(flags, &wanted.also, found))
        && same(&wanted.fstype, "fstype")
        && same(&wanted.source, "source")
        && same(&wanted.root, "root")
        && wanted.stacked.is_none_or(|count| found["stacked"].as_u64() == Some(count));
    let mut text = row(wanted.at.as_str(), found);
    for (field, asked) in [("source", wanted.source.is_some()), ("root", wanted.root.is_some())] {
        if asked {
            text.push_str(&format!(", {field} {}", show::value(&found[field])));
        }
    }
    Ok(Outcome::of(held, text))
}

/// Every mount at or below a place; the place is one.
pub fn below(wanted: &MountsBelow, facts: &Value) -> Result<Outcome, Gap> {
    let inside: Vec<(&String, &Value)> = table(facts)?.iter().filter(|(point, _)| wanted.at.holds(point)).collect();
    if !inside.iter().any(|(point, _)| point.as_str() == wanted.at.as_str()) {
        return Ok(Outcome::Absent(format!("nothing mounted at {}", wanted.at)));
    }
    let mut wrong = Vec::new();
    for (point, found) in &inside {
        let found = read(found)?;
        let propagation = wanted.propagation.as_ref().is_none_or(|kinds| {
            let found = found["propagation"].as_array().map_or(&[][..], Vec::as_slice);
            kinds.len() == found.len() && kinds.iter().all(|kind| found.iter().any(|one| one == kind.as_str()))
        });
        let held = propagation
            && wanted.flags.as_ref().is_none_or(|flags| flags_are(flags, &wanted.also, found))
            && wanted.stacked.is_none_or(|count| found["stacked"].as_u64() == Some(count));
        if !held {
            wrong.push(format!("{} {} ×{}", row(point, found), show::value(&found["propagation"]), found["stacked"]));
        }
    }
    Ok(if wrong.is_empty() {
        Outcome::Held(format!("{} mounts, all of them", inside.len()))
    } else {
        Outcome::Broken(show::list(wrong.iter().map(String::as_str)))
    })
}

/// Nothing mounted at a place.
pub fn none(place: &Place, facts: &Value) -> Result<Outcome, Gap> {
    Ok(match entry(facts, &mount_at(place.as_str()))? {
        None => Outcome::Held(format!("nothing mounted at {place}")),
        Some(found) => Outcome::Broken(row(place.as_str(), found)),
    })
}

/// What the caller asked for.
pub fn callers(wanted: &CallerMounts, facts: &Value) -> Result<Outcome, Gap> {
    find(facts, &FactPath::fields(["launch", wanted.of.as_str()]))?;
    let places = wanted.places(facts);
    if places.is_empty() {
        return Ok(Outcome::Nothing(format!("the launch has no {}", wanted.of)));
    }
    let mounts = table(facts)?;
    let mut wrong = Vec::new();
    for (place, access) in &places {
        let mut flags = wanted.flags.clone();
        flags.extend(MountFlag::ALL.iter().filter(|flag| Some(flag.as_str()) == *access));
        match mounts.get(place).map(read).transpose()? {
            None => wrong.push(format!("nothing mounted at {}", show::text(place))),
            Some(found) if !flags_are(&flags, &wanted.also, found) => wrong.push(row(place, found)),
            Some(_) => {}
        }
    }
    Ok(if wrong.is_empty() {
        Outcome::Held(show::list(places.iter().map(|(place, _)| place.as_str())))
    } else {
        Outcome::Broken(show::list(wrong.iter().map(String::as_str)))
    })
}

fn table(facts: &Value) -> Result<&Map<String, Value>, Gap> {
    lookup::map(facts, &FactPath::fields(["mounts"]))
}

/// Whether a mount has these flags and no others, except maybe `also`, among those a contract speaks about.
fn flags_are(wanted: &[MountFlag], also: &[MountFlag], found: &Value) -> bool {
    let found = found["flags"].as_array().map_or(&[][..], Vec::as_slice);
    let has = |flag: &MountFlag| found.iter().any(|one| one == flag.as_str());
    MountFlag::ALL.iter().all(|flag| has(flag) == wanted.contains(flag) || (has(flag) && also.contains(flag)))
}

fn row(point: &str, found: &Value) -> String {
    let flags: Vec<&str> = found["flags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    format!("{} mounted {}, type {}", show::text(point), show::text(&flags.join(",")), show::value(&found["fstype"]))
}
