//! Which facts a clause reads. Closed worlds rest on it: what no clause reads is a stranger.

use serde_json::Value;

use super::expect::{CallerMounts, Expect, Process};
use super::kinds::{CallerList, Launched, Which, World};
use super::path::FactPath;
use super::place::Place;
use super::vocabulary::Word;

impl Expect {
    /// The facts this expectation reads. What the launch names (binds, sockets, variables) and where a process of a
    /// role is are looked up in `facts`, the whole document; [`Value::Null`] gives what holds for every launch.
    pub fn reads(&self, facts: &Value) -> Vec<FactPath> {
        match self {
            Self::Mount(mount) => {
                let at = mount_at(mount.at.as_str());
                given([
                    (mount.flags.is_some(), at.clone().field("flags")),
                    (mount.fstype.is_some(), at.clone().field("fstype")),
                    (mount.source.is_some(), at.clone().field("source")),
                    (mount.root.is_some(), at.clone().field("root")),
                    (mount.stacked.is_some(), at.field("stacked")),
                ])
            }
            Self::MountsBelow(below) => {
                let start = below.at.as_str().trim_end_matches('/');
                [mount_at(below.at.as_str()), mount_at(&format!("{start}/*"))]
                    .into_iter()
                    .flat_map(|at| {
                        given([
                            (below.flags.is_some(), at.clone().field("flags")),
                            (below.propagation.is_some(), at.clone().field("propagation")),
                            (below.stacked.is_some(), at.field("stacked")),
                        ])
                    })
                    .collect()
            }
            Self::NoMount(place) => vec![mount_at(place.as_str())],
            Self::CallerMounts(mounts) => caller_mounts(mounts, facts),
            Self::Link(link) => {
                let at = name_at(&link.at);
                let mut reads = vec![at.clone().field("kind"), at.clone().field("target")];
                reads.extend(link.resolves.map(|_| at.field("resolves")));
                reads
            }
            Self::Device(device) => {
                let at = node_at(&device.at);
                given([
                    (device.kind.is_some(), at.clone().field("kind")),
                    (device.major.is_some(), at.clone().field("major")),
                    (device.minor.is_some(), at.clone().field("minor")),
                    (device.mode.is_some(), at.clone().field("mode")),
                    (device.uid.is_some(), at.clone().field("uid")),
                    (device.gid.is_some(), at.field("gid")),
                ])
            }
            Self::Node(node) => {
                let at = node_at(&node.at);
                given([
                    (node.kind.is_some(), at.clone().field("kind")),
                    (node.mode.is_some(), at.clone().field("mode")),
                    (node.uid.is_some(), at.clone().field("uid")),
                    (node.gid.is_some(), at.clone().field("gid")),
                    (node.size.is_some(), at.clone().field("size")),
                    (node.target.is_some(), at.field("target")),
                ])
            }
            Self::Absent(place) => vec![name_at(place)],
            Self::Directory(directory) => vec![FactPath::fields(["directories"]).key(directory.at.as_str())],
            Self::Variable(variable) => {
                let mut reads = vec![FactPath::fields(["environment"]).key(&variable.name)];
                reads.extend(variable.same_as.clone());
                reads
            }
            Self::NoVariable(name) => vec![FactPath::fields(["environment"]).key(name)],
            Self::Variables(launched) => variables(*launched, facts),
            Self::Capabilities(capabilities) => {
                let mut reads = vec![FactPath::fields(["capabilities", capabilities.set.as_str()])];
                reads.extend(capabilities.same_as.and_then(|reference| reference.fact()));
                reads
            }
            Self::Namespace(namespace) => {
                let name = namespace.name.as_str();
                vec![FactPath::fields(["namespaces", name]), FactPath::fields(["launch", "namespaces", name])]
            }
            Self::Process(process) => process_reads(process, facts),
            Self::Attempt(attempt) => vec![FactPath::fields(["attempts"]).key(&attempt.name)],
            Self::Fact(fact) => [Some(fact.path.clone()), fact.same_as.clone()].into_iter().flatten().collect(),
            Self::Closed(world) => world.facts(),
        }
    }
}

impl super::CapabilityReference {
    /// The fact the list is in; `None` for the empty one.
    pub fn fact(self) -> Option<FactPath> {
        match self {
            Self::Granted | Self::Caller | Self::Raised => {
                Some(FactPath::fields(["launch", "capabilities", self.as_str()]))
            }
            Self::Nothing => None,
        }
    }
}

impl World {
    /// The facts whose keys or items are looked through.
    pub fn facts(self) -> Vec<FactPath> {
        match self {
            Self::Mounts => vec![FactPath::fields(["mounts"])],
            Self::Devices => vec![FactPath::fields(["devices"])],
            Self::Environment => vec![FactPath::fields(["environment"])],
            Self::Descriptors => vec![FactPath::fields(["descriptors"])],
            Self::Root => vec![FactPath::fields(["root"])],
            Self::Processes => vec![FactPath::fields(["pids", "visible"])],
            Self::Capabilities => ["permitted", "effective", "inheritable", "ambient"]
                .into_iter()
                .map(|set| FactPath::fields(["capabilities", set]))
                .collect(),
            Self::Directories => vec![FactPath::fields(["directories"]).key("*")],
        }
    }
}

fn given<const N: usize>(facts: [(bool, FactPath); N]) -> Vec<FactPath> {
    facts.into_iter().filter_map(|(given, path)| given.then_some(path)).collect()
}

/// The fact about what is mounted at a path.
pub fn mount_at(path: &str) -> FactPath {
    FactPath::fields(["mounts"]).key(path)
}

/// The fact about the node of a name. The probe lists `/dev` whole and looks at some names elsewhere.
pub fn node_at(place: &Place) -> FactPath {
    let path = place.as_str();
    let list = if path == "/dev" || path.starts_with("/dev/") { "devices" } else { "nodes" };
    FactPath::fields([list]).key(path)
}

/// The fact about a name, where only the name matters: the probe lists `/` whole too.
pub fn name_at(place: &Place) -> FactPath {
    match place.as_str().strip_prefix('/') {
        Some(name) if !name.is_empty() && !name.contains('/') => FactPath::fields(["root"]).key(name),
        Some(_) | None => node_at(place),
    }
}

fn caller_mounts(mounts: &CallerMounts, facts: &Value) -> Vec<FactPath> {
    let list = match mounts.of {
        CallerList::Binds => FactPath::fields(["launch", "binds"]),
        CallerList::Api => FactPath::fields(["launch", "api"]),
        CallerList::Runner => FactPath::fields(["launch", "runner"]),
        CallerList::Covers => FactPath::fields(["launch", "covers"]),
    };
    let flags =
        mounts.places(facts).into_iter().map(|(place, _)| FactPath::fields(["mounts"]).literal(&place).field("flags"));
    std::iter::once(list).chain(flags).collect()
}

impl CallerMounts {
    /// Where the launch says the mounts are, with the access it says (`ro`, `rw`) where it says one.
    pub fn places<'facts>(&self, facts: &'facts Value) -> Vec<(String, Option<&'facts str>)> {
        let launch = &facts["launch"];
        let below = self.below.as_ref().map_or("", |place| place.as_str().trim_end_matches('/'));
        let named = |name: &Value| name.as_str().map(|name| (format!("{below}/{name}"), None));
        match self.of {
            CallerList::Binds => items(&launch["binds"])
                .filter_map(|bind| Some((bind["at"].as_str()?.to_owned(), bind["access"].as_str())))
                .collect(),
            CallerList::Api => items(&launch["api"]).filter_map(named).collect(),
            CallerList::Runner => named(&launch["runner"]).into_iter().collect(),
            CallerList::Covers => items(&launch["covers"]).filter_map(named).collect(),
        }
    }
}

fn variables(launched: Launched, facts: &Value) -> Vec<FactPath> {
    let list = FactPath::fields(["launch", "environment", launched.as_str()]);
    let environment = &facts["launch"]["environment"];
    let names: Vec<&str> = match launched {
        Launched::Set => environment["set"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect(),
        Launched::Inherited => items(&environment["inherited"]).filter_map(Value::as_str).collect(),
    };
    std::iter::once(list).chain(names.into_iter().map(|name| FactPath::fields(["environment"]).literal(name))).collect()
}

fn process_reads(process: &Process, facts: &Value) -> Vec<FactPath> {
    let role = match process.pid {
        Which::Init => None,
        Which::Payload => Some(FactPath::fields(["process", "pid"])),
        Which::Parent => Some(FactPath::fields(["process", "ppid"])),
    };
    let named = process.command.as_ref().and_then(|_| process.pid.pid(facts));
    let command = named.map(|pid| FactPath::fields(["pids", "commands"]).key(&pid.to_string()));
    role.into_iter().chain([FactPath::fields(["pids", "visible"])]).chain(command).collect()
}

impl Which {
    /// The process id, if the facts have it.
    pub fn pid(self, facts: &Value) -> Option<u64> {
        let process = &facts["probe"]["process"];
        match self {
            Self::Init => Some(1),
            Self::Payload => process["pid"].as_u64(),
            Self::Parent => process["ppid"].as_u64(),
        }
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests;
