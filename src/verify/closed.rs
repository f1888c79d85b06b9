//! Closed worlds: what no clause names is a stranger.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::contract::{Capabilities, CapabilitySet, Clause, Directory, Expect, FactPath, World, strangers};

use super::judge::{Outcome, referenced};
use super::lookup::{Gap, find, list, map, names};
use super::show;

/// What the clauses that apply name.
#[derive(Debug, Default)]
pub struct Named {
    facts: Vec<FactPath>,
    capabilities: BTreeSet<String>,
    listed: BTreeSet<String>,
    pids: BTreeSet<u64>,
}

impl Named {
    /// What these clauses name. What is said about every mount names none, and so does how mounts lie on each other.
    pub fn by<'clause>(clauses: impl Iterator<Item = &'clause Clause>, facts: &Value) -> Self {
        let mut named = Self::default();
        for clause in clauses {
            match &clause.expect {
                Expect::Closed(_) => continue,
                Expect::MountsBelow(below) if below.at.as_str() == "/" || below.flags.is_none() => continue,
                Expect::Capabilities(wanted) => named.capabilities.extend(capabilities(wanted, facts)),
                Expect::Process(wanted) => named.pids.extend(wanted.pid.pid(facts)),
                Expect::Directory(wanted) => named.listed.extend(entries(wanted)),
                _ => {}
            }
            named.facts.extend(clause.expect.reads(facts));
        }
        named
    }

    /// Whether a key of a map is named.
    fn key(&self, map: &str, key: &str) -> bool {
        let wanted = FactPath::fields([map]).key(key);
        self.facts.iter().any(|path| path.begins_with(&wanted))
    }

    /// Whether something at or below a path is named, whatever it is.
    fn place(&self, path: &str) -> bool {
        let below = format!("{path}/");
        ["mounts", "nodes", "devices", "directories"].into_iter().any(|map| {
            self.key(map, path)
                || self.facts.iter().any(|fact| match fact.segments() {
                    [first, key, ..] => first.as_str() == map && key.as_str().starts_with(&below),
                    _ => false,
                })
        })
    }
}

fn capabilities(wanted: &Capabilities, facts: &Value) -> Vec<String> {
    if wanted.set == CapabilitySet::Bounding {
        return Vec::new();
    }
    let listed = wanted.equals.iter().flatten().chain(&wanted.contains).map(|name| name.as_str().to_owned());
    let referenced = wanted.same_as.and_then(|reference| referenced(reference, facts).ok()).unwrap_or_default();
    listed.chain(referenced.into_iter().map(ToOwned::to_owned)).collect()
}

fn entries(wanted: &Directory) -> impl Iterator<Item = String> + '_ {
    let below = wanted.at.as_str().trim_end_matches('/');
    wanted.exactly.iter().flatten().chain(&wanted.contains).map(move |name| format!("{below}/{name}"))
}

/// No strangers in a world.
pub fn closed(world: World, facts: &Value, named: &Named) -> Result<Outcome, Gap> {
    let found = strangers_in(world, facts, named)?;
    if found.is_empty() {
        return Ok(Outcome::Held(format!("no other {}", strangers(world))));
    }
    let strangers_found = show::list(found.iter().map(String::as_str));
    if facts["launch"].is_null() {
        return Err(Gap::Unread(format!(
            "the facts do not say what the caller asked for (no launch half), and no clause names {strangers_found}"
        )));
    }
    Ok(Outcome::Broken(format!("strangers: {strangers_found}")))
}

fn strangers_in(world: World, facts: &Value, named: &Named) -> Result<BTreeSet<String>, Gap> {
    let unnamed = |name: &'static str| {
        let found = map(facts, &FactPath::fields([name]))?;
        Ok(found.keys().filter(|key| !named.key(name, key)).cloned().collect())
    };
    match world {
        World::Mounts => unnamed("mounts"),
        World::Devices => unnamed("devices"),
        World::Environment => unnamed("environment"),
        World::Descriptors => unnamed("descriptors"),
        World::Root => {
            let is_named = |name: &String| named.key("root", name) || named.place(&format!("/{name}"));
            Ok(map(facts, &FactPath::fields(["root"]))?.keys().filter(|name| !is_named(name)).cloned().collect())
        }
        World::Processes => processes(facts, named),
        World::Capabilities => {
            let mut found = BTreeSet::new();
            for set in world.facts() {
                found.extend(names(facts, &set)?.into_iter().map(ToOwned::to_owned));
            }
            Ok(found.difference(&named.capabilities).cloned().collect())
        }
        World::Directories => directories(facts, named),
    }
}

/// Entries of the directories that the probe lists; a directory that is not there has none.
fn directories(facts: &Value, named: &Named) -> Result<BTreeSet<String>, Gap> {
    let all = FactPath::fields(["directories"]);
    let mut found = BTreeSet::new();
    for directory in map(facts, &all)?.keys() {
        let path = all.clone().key(directory);
        if find(facts, &path)?.is_null() {
            continue;
        }
        let below = directory.trim_end_matches('/');
        let paths = names(facts, &path)?.into_iter().map(|name| format!("{below}/{name}"));
        found.extend(paths.filter(|path| !named.listed.contains(path) && !named.place(path)));
    }
    Ok(found)
}

fn processes(facts: &Value, named: &Named) -> Result<BTreeSet<String>, Gap> {
    let visible = list(facts, &FactPath::fields(["pids", "visible"]))?;
    let command = |pid: u64| {
        let path = FactPath::fields(["pids", "commands"]).key(&pid.to_string());
        find(facts, &path).map_or_else(|_| pid.to_string(), |name| format!("{pid} ({})", show::value(name)))
    };
    Ok(visible.iter().filter_map(Value::as_u64).filter(|pid| !named.pids.contains(pid)).map(command).collect())
}
