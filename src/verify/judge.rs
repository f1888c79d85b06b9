//! One expectation against the facts.

use std::path::Path;

use serde_json::Value;

use crate::contract::{
    Attempt, Capabilities, CapabilityReference, Directory, Expect, Fact, FactPath, Launched, Link, Namespace, Place,
    Process, Sharing, Variable, Word, name_at,
};

use super::lookup::{Gap, entry, find, list, map, names};
use super::{closed, mount, node, show};

/// What the facts say to an expectation, with what they have in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is so.
    Held(String),
    /// It is otherwise.
    Broken(String),
    /// What the expectation is about is not there.
    Absent(String),
    /// The facts do not say, with the reason.
    Unknown(String),
    /// There is nothing to look at, with the reason.
    Nothing(String),
}

impl Outcome {
    /// Held or broken, with what was found.
    pub fn of(held: bool, found: impl Into<String>) -> Self {
        if held { Self::Held(found.into()) } else { Self::Broken(found.into()) }
    }
}

impl From<Gap> for Outcome {
    fn from(gap: Gap) -> Self {
        Self::Unknown(gap.reason())
    }
}

/// Holds an expectation against the facts. `named` is what the clauses that apply read.
pub fn judge(expect: &Expect, facts: &Value, named: &closed::Named) -> Outcome {
    let judged = match expect {
        Expect::Mount(wanted) => mount::mount(wanted, facts),
        Expect::MountsBelow(wanted) => mount::below(wanted, facts),
        Expect::NoMount(place) => mount::none(place, facts),
        Expect::CallerMounts(wanted) => mount::callers(wanted, facts),
        Expect::Link(wanted) => link(wanted, facts),
        Expect::Device(wanted) => node::device(wanted, facts),
        Expect::Node(wanted) => node::node(wanted, facts),
        Expect::Absent(place) => node::absent(place, facts),
        Expect::Directory(wanted) => directory(wanted, facts),
        Expect::Variable(wanted) => variable(wanted, facts),
        Expect::NoVariable(name) => no_variable(name, facts),
        Expect::Variables(launched) => variables(*launched, facts),
        Expect::Capabilities(wanted) => capabilities(wanted, facts),
        Expect::Namespace(wanted) => namespace(wanted, facts),
        Expect::Process(wanted) => process(wanted, facts),
        Expect::Attempt(wanted) => attempt(wanted, facts),
        Expect::Fact(wanted) => fact(wanted, facts),
        Expect::Closed(world) => closed::closed(*world, facts, named),
    };
    judged.unwrap_or_else(Outcome::from)
}

fn link(wanted: &Link, facts: &Value) -> Result<Outcome, Gap> {
    let Some(found) = entry(facts, &name_at(&wanted.at))? else {
        return Ok(Outcome::Absent(format!("no {}", wanted.at)));
    };
    let (true, Some(target)) = (found["kind"] == "symlink", found["target"].as_str()) else {
        return Ok(Outcome::Broken(format!("{} is a {}", wanted.at, show::value(&found["kind"]))));
    };
    let resolves = found["resolves"].as_bool();
    let leads = match resolves {
        Some(true) => "which is there",
        Some(false) => "which is not there",
        None => "not known whether it is there",
    };
    let text = format!("{} -> {}, {leads}", wanted.at, show::text(target));
    if target != wanted.target {
        return Ok(Outcome::Broken(text));
    }
    match (wanted.resolves, resolves) {
        (Some(_), None) => Err(Gap::Missing(name_at(&wanted.at).field("resolves").to_string())),
        (Some(wanted), Some(found)) => Ok(Outcome::of(wanted == found, text)),
        (None, _) => Ok(Outcome::Held(text)),
    }
}

fn directory(wanted: &Directory, facts: &Value) -> Result<Outcome, Gap> {
    let names = find(facts, &FactPath::fields(["directories"]).key(wanted.at.as_str()))?;
    let Some(names) = names.as_array() else {
        return Ok(Outcome::Absent(format!("no directory {}", wanted.at)));
    };
    let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
    let has = |name: &String| names.contains(&name.as_str());
    // What the caller asked to have mounted there is the caller's doing, and another clause's subject.
    let binds = facts["launch"]["binds"].as_array();
    let asked = |name: &str| {
        let path = format!("{}/{name}", wanted.at.as_str().trim_end_matches('/'));
        let at = |bind: &Value| bind["at"].as_str().is_some_and(|at| Path::new(at).starts_with(&path));
        binds.is_some_and(|binds| binds.iter().any(at))
    };
    let exact = wanted.exactly.as_ref().is_none_or(|wanted| {
        wanted.iter().all(has) && names.iter().all(|name| wanted.iter().any(|one| one == name) || asked(name))
    });
    Ok(Outcome::of(exact && wanted.contains.iter().all(has), show::list(names)))
}

fn variable(wanted: &Variable, facts: &Value) -> Result<Outcome, Gap> {
    let path = FactPath::fields(["environment"]).key(&wanted.name);
    let Some(found) = entry(facts, &path)? else {
        return Ok(Outcome::Absent(format!("{} is not set", show::text(&wanted.name))));
    };
    let same_as = wanted.same_as.as_ref().map(|path| find(facts, path)).transpose()?;
    if wanted.equals.is_none() && wanted.one_of.is_none() && same_as.is_none() {
        return Ok(Outcome::Held(format!("{} is set", show::text(&wanted.name))));
    }
    let Some(found) = found.as_str() else {
        return Err(Gap::Unread(format!("value of {}: not ours to tell", show::text(&wanted.name))));
    };
    let held = wanted.equals.as_ref().is_none_or(|value| value == found)
        && wanted.one_of.as_ref().is_none_or(|values| values.iter().any(|value| value == found))
        && same_as.is_none_or(|value| value.as_str() == Some(found));
    Ok(Outcome::of(held, format!("{}={}", show::text(&wanted.name), show::text(found))))
}

fn no_variable(name: &str, facts: &Value) -> Result<Outcome, Gap> {
    let found = entry(facts, &FactPath::fields(["environment"]).key(name))?;
    let set = if found.is_some() { "set" } else { "not set" };
    Ok(Outcome::of(found.is_none(), format!("{} is {set}", show::text(name))))
}

/// Every variable the launch names is there; those it sets, with their values.
fn variables(launched: Launched, facts: &Value) -> Result<Outcome, Gap> {
    let path = FactPath::fields(["launch", "environment", launched.as_str()]);
    let environment = map(facts, &FactPath::fields(["environment"]));
    let (count, wrong): (usize, Vec<&str>) = match launched {
        Launched::Set => {
            let (set, environment) = (map(facts, &path)?, environment?);
            // The probe tells no value of a variable that only the caller knows; that it is there, it tells.
            let differs = |(name, value): &(&String, &Value)| match environment.get(name.as_str()) {
                Some(found) => !found.is_null() && found != *value,
                None => true,
            };
            (set.len(), set.iter().filter(differs).map(|(name, _)| name.as_str()).collect())
        }
        Launched::Inherited => {
            let (inherited, environment) = (names(facts, &path)?, environment?);
            (inherited.len(), inherited.into_iter().filter(|name| !environment.contains_key(*name)).collect())
        }
    };
    Ok(match (count, wrong.is_empty()) {
        (0, _) => Outcome::Nothing("the launch names no such variable".to_owned()),
        (_, true) => Outcome::Held("all of them".to_owned()),
        (_, false) => Outcome::Broken(format!("missing or different: {}", show::list(wrong))),
    })
}

fn capabilities(wanted: &Capabilities, facts: &Value) -> Result<Outcome, Gap> {
    let found = names(facts, &FactPath::fields(["capabilities", wanted.set.as_str()]))?;
    let exactly = match (&wanted.equals, wanted.same_as) {
        (Some(listed), _) => Some(listed.iter().map(|name| name.as_str()).collect()),
        (None, Some(reference)) => Some(referenced(reference, facts)?),
        (None, None) => None,
    };
    let mut wrong = Vec::new();
    if let Some(exactly) = exactly {
        let lacks = beyond(&exactly, &found);
        let extra = beyond(&found, &exactly);
        wrong.extend((!lacks.is_empty()).then(|| format!("lacks {}", show::list(lacks))));
        wrong.extend((!extra.is_empty()).then(|| format!("has {} too", show::list(extra))));
    }
    let contains: Vec<&str> = wanted.contains.iter().map(|name| name.as_str()).collect();
    let lacks = beyond(&contains, &found);
    wrong.extend((!lacks.is_empty()).then(|| format!("lacks {}", show::list(lacks))));
    let held: Vec<&str> = wanted.lacks.iter().map(|name| name.as_str()).filter(|name| found.contains(name)).collect();
    wrong.extend((!held.is_empty()).then(|| format!("has {}", show::list(held))));
    Ok(match (wrong.is_empty(), found.len()) {
        (true, 0) => Outcome::Held("nothing".to_owned()),
        (true, count) => Outcome::Held(format!("{count} capabilities")),
        (false, _) => Outcome::Broken(wrong.join("; ")),
    })
}

/// What is in one list and not in another.
fn beyond<'name>(list: &[&'name str], other: &[&str]) -> Vec<&'name str> {
    list.iter().filter(|name| !other.contains(name)).copied().collect()
}

/// The names a list of capabilities is compared with.
pub fn referenced(reference: CapabilityReference, facts: &Value) -> Result<Vec<&str>, Gap> {
    reference.fact().map_or(Ok(Vec::new()), |path| names(facts, &path))
}

fn namespace(wanted: &Namespace, facts: &Value) -> Result<Outcome, Gap> {
    let name = wanted.name.as_str();
    let inside = find(facts, &FactPath::fields(["namespaces", name]))?;
    let outside = find(facts, &FactPath::fields(["launch", "namespaces", name]))?;
    let shared = inside == outside;
    let text = if shared { "the host's" } else { "one of its own" };
    Ok(Outcome::of(shared == (wanted.is == Sharing::Shared), text))
}

fn process(wanted: &Process, facts: &Value) -> Result<Outcome, Gap> {
    let visible = list(facts, &FactPath::fields(["pids", "visible"]))?;
    let pid = wanted.pid.pid(facts).ok_or_else(|| Gap::Missing("process.pid".to_owned()))?;
    if !visible.iter().any(|number| number.as_u64() == Some(pid)) {
        return Ok(Outcome::Absent(format!("no process {pid} to be seen")));
    }
    let Some(command) = &wanted.command else {
        return Ok(Outcome::Held(format!("process {pid}")));
    };
    let found = find(facts, &FactPath::fields(["pids", "commands"]).key(&pid.to_string()))?;
    Ok(Outcome::of(found.as_str() == Some(command), format!("process {pid} is {}", show::value(found))))
}

fn attempt(wanted: &Attempt, facts: &Value) -> Result<Outcome, Gap> {
    let attempts = find(facts, &FactPath::fields(["attempts"]))
        .map_err(|_| Gap::Unread("nothing was tried: the probe was passive".to_owned()))?;
    let name = show::text(&wanted.name);
    let Some(found) = attempts.get(wanted.name.as_str()).and_then(Value::as_str) else {
        return Err(Gap::Unread(format!("{name} was not tried")));
    };
    if found == NOT_TRIED {
        return Err(Gap::Unread(format!(
            "{name} was not tried, for what it would have been tried on is not the sandbox's own"
        )));
    }
    let told = format!("{name} gives {}", show::text(found));
    let expected = wanted.gives.iter().any(|outcome| outcome == found);
    if !expected && NOTHING_TO_TRY.contains(&found) {
        return Ok(Outcome::Absent(format!("{told}: there is nothing to try")));
    }
    Ok(Outcome::of(expected, told))
}

/// The probe would have had to touch something that is not the sandbox's own: what would have come of it, nobody knows.
const NOT_TRIED: &str = "not-tried";

/// Outcomes of an attempt on something that this kernel, or this root, does not have.
const NOTHING_TO_TRY: [&str; 7] =
    ["ENOENT", "ENODEV", "EAFNOSUPPORT", "EPROTONOSUPPORT", "no-file", "not-loaded", "not-made"];

/// What an exposure says of a file that is not there.
const ABSENT: &str = "absent";

fn fact(wanted: &Fact, facts: &Value) -> Result<Outcome, Gap> {
    let found = find(facts, &wanted.path)?;
    let other = wanted.same_as.as_ref().map(|path| Ok::<_, Gap>((path, find(facts, path)?))).transpose()?;
    let strings: Vec<&str> = found.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let number = found.as_i64();
    let below = |place: &Place| found.as_str().is_some_and(|path| Path::new(path).starts_with(place.as_str()));
    let held = wanted.equals.as_ref().is_none_or(|value| value == found)
        && wanted.one_of.as_ref().is_none_or(|values| values.contains(found))
        && (wanted.below.is_empty() || wanted.below.iter().any(below))
        && other.is_none_or(|(_, value)| value == found)
        && wanted.at_least.is_none_or(|least| number.is_some_and(|number| number >= least))
        && wanted.at_most.is_none_or(|most| number.is_some_and(|number| number <= most))
        && wanted.contains.iter().all(|item| strings.contains(&item.as_str()))
        && (wanted.lacks.is_empty() || found.is_array())
        && !wanted.lacks.iter().any(|item| strings.contains(&item.as_str()));
    if !held && found == ABSENT {
        return Ok(Outcome::Absent(format!("no {}", show::text(&wanted.path.to_string()))));
    }
    let beside = other.map(|(path, value)| format!(" ({path} is {})", show::value(value))).unwrap_or_default();
    Ok(Outcome::of(held, format!("{}{beside}", show::value(found))))
}
