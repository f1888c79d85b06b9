//! What findings rest on: what a contract says of the room in which scriptlets run.
//!
//! A rule asks for what a scriptlet needs, and gets the clause that promises or denies it. Nothing about a build root is
//! known here but through a contract, so a finding changes when the contract does.

use std::collections::HashMap;

use crate::contract::{
    CapabilityName, CapabilitySet, Clause, Contract, Expect, HostFact, Phase, Policy, Privilege, Sharing, Which, Word,
    World,
};
use crate::profile::Profile;

/// Something that a scriptlet can need of its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A file, a directory, a device.
    Path(&'static str),
    /// A variable that is set.
    Variable(&'static str),
    /// A capability.
    Capability(&'static str),
    /// An attempt that succeeds.
    Attempt(&'static str),
    /// A process of this name with number 1.
    Init(&'static str),
    /// A namespace apart from the host's.
    Own(&'static str),
    /// This directory to begin in.
    Cwd(&'static str),
    /// A fact that is the image's; a clause about it says whose it is instead.
    Fact(&'static str),
}

/// Whether there is what is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The contract says that there is.
    Met,
    /// It says that there is not.
    Unmet,
    /// It says nothing about it.
    Unsaid,
}

/// What a contract says about a need.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'contract> {
    /// Whether it is met.
    pub standing: Standing,
    /// The clause that says so.
    pub clause: Option<&'contract Clause>,
}

/// What a contract says of one room.
#[derive(Debug)]
pub struct Ground<'contract> {
    clauses: Vec<&'contract Clause>,
    paths: HashMap<&'contract str, (bool, &'contract Clause)>,
    attempts: HashMap<&'contract str, &'contract Clause>,
}

impl<'contract> Ground<'contract> {
    /// What the contract says on an architecture, where root builds with the capabilities that the command gives.
    pub fn of(contract: &'contract Contract, arch: &str) -> Self {
        let policy = policy(&contract.profile);
        let clauses: Vec<_> = contract.clauses.iter().filter(|clause| applies(clause, arch, policy)).collect();
        let mut paths = HashMap::new();
        let mut attempts = HashMap::new();
        for clause in &clauses {
            match &clause.expect {
                Expect::Absent(place) => paths.insert(place.as_str(), (false, *clause)),
                Expect::Device(device) => paths.insert(device.at.as_str(), (true, *clause)),
                Expect::Node(node) => paths.insert(node.at.as_str(), (true, *clause)),
                Expect::Mount(mount) => paths.insert(mount.at.as_str(), (true, *clause)),
                Expect::Directory(directory) => paths.insert(directory.at.as_str(), (true, *clause)),
                Expect::Attempt(attempt) => {
                    attempts.insert(attempt.name.as_str(), *clause);
                    None
                }
                _ => None,
            };
        }
        Self { clauses, paths, attempts }
    }

    /// Whether there is what is needed.
    pub fn answer(&self, need: Need) -> Answer<'contract> {
        match need {
            Need::Path(path) => self.path(path),
            Need::Attempt(name) => self.attempt(name),
            Need::Variable(name) => self.first(|clause| match &clause.expect {
                Expect::NoVariable(unset) if unset == name => Some(Standing::Unmet),
                Expect::Variable(variable) if variable.name == name => Some(Standing::Met),
                _ => None,
            }),
            Need::Capability(name) => self.first(|clause| match &clause.expect {
                Expect::Capabilities(set) if set.set == CapabilitySet::Effective => {
                    let is_in = |list: &[CapabilityName]| list.iter().any(|one| one.as_str() == name);
                    let exactly = set.equals.as_deref().map(|list| met(is_in(list)));
                    let at_least = is_in(&set.contains).then_some(Standing::Met);
                    at_least.or(is_in(&set.lacks).then_some(Standing::Unmet)).or(exactly)
                }
                _ => None,
            }),
            Need::Init(name) => self.first(|clause| match &clause.expect {
                Expect::Process(process) if process.pid == Which::Init => {
                    Some(met(process.command.as_deref() == Some(name)))
                }
                _ => None,
            }),
            Need::Own(name) => self.first(|clause| match &clause.expect {
                Expect::Namespace(namespace) if namespace.name.as_str() == name => {
                    Some(met(namespace.is == Sharing::Own))
                }
                _ => None,
            }),
            Need::Cwd(place) => self.first(|clause| match &clause.expect {
                Expect::Fact(fact) if fact.path.to_string() == "process.cwd" => {
                    Some(met(fact.equals.as_ref().and_then(|value| value.as_str()) == Some(place)))
                }
                _ => None,
            }),
            Need::Fact(path) => self.first(|clause| match &clause.expect {
                Expect::Fact(fact) if fact.path.to_string() == path => Some(Standing::Unmet),
                _ => None,
            }),
        }
    }

    /// Whether there is a file: a clause about it, about a directory above it that is not there or lists what is in it,
    /// or about all devices.
    pub fn path(&self, path: &str) -> Answer<'contract> {
        if let Some(&(is_there, clause)) = self.paths.get(path) {
            return Answer { standing: met(is_there), clause: Some(clause) };
        }
        let mut above = path;
        while let Some((parent, _)) = above.rsplit_once('/') {
            let name = &above[parent.len() + 1..];
            above = parent;
            let denies = self.clauses.iter().find(|clause| match &clause.expect {
                Expect::Absent(place) => place.as_str() == parent,
                Expect::Directory(directory) if directory.at.as_str() == parent => {
                    directory.exactly.as_ref().is_some_and(|names| names.iter().all(|one| one != name))
                }
                Expect::Closed(World::Devices) => parent == "/dev",
                // The tree's own, in which no package has anything: it is made by what runs.
                Expect::NoMount(place) => place.as_str() == parent && matches!(parent, "/run" | "/tmp"),
                _ => false,
            });
            if let Some(clause) = denies {
                return Answer { standing: Standing::Unmet, clause: Some(clause) };
            }
        }
        Answer { standing: Standing::Unsaid, clause: None }
    }

    fn attempt(&self, name: &str) -> Answer<'contract> {
        let Some(&clause) = self.attempts.get(name) else { return Answer { standing: Standing::Unsaid, clause: None } };
        let succeeds =
            matches!(&clause.expect, Expect::Attempt(attempt) if attempt.gives.iter().any(|one| one == "ok"));
        Answer { standing: met(succeeds), clause: Some(clause) }
    }

    fn first(&self, says: impl Fn(&Clause) -> Option<Standing>) -> Answer<'contract> {
        let answer = self.clauses.iter().find_map(|clause| Some((says(clause)?, *clause)));
        match answer {
            Some((standing, clause)) => Answer { standing, clause: Some(clause) },
            None => Answer { standing: Standing::Unsaid, clause: None },
        }
    }
}

fn met(is_so: bool) -> Standing {
    if is_so { Standing::Met } else { Standing::Unmet }
}

/// The capabilities that scriptlets have in a profile; osbuild gives them those of its stages.
fn policy(profile: &str) -> Policy {
    match profile.parse() {
        Ok(Profile::Hardened) => Policy::Scriptlet,
        Ok(Profile::OsbuildV19 | Profile::OsbuildV190) | Err(_) => Policy::Stage,
    }
}

/// Whether a clause is about the room: what a condition on the host would say is known of its users only.
fn applies(clause: &Clause, arch: &str, policy: Policy) -> bool {
    let when = &clause.when;
    let any = |is_empty: bool, is_among: bool| is_empty || is_among;
    clause.is_about(arch)
        && any(when.phase.is_empty(), when.phase.contains(&Phase::Scriptlet))
        && any(when.privilege.is_empty(), when.privilege.contains(&Privilege::Root))
        && any(when.policy.is_empty(), when.policy.contains(&policy))
        && when.host.iter().all(|condition| condition.fact != HostFact::RootMapped || condition.wanted)
}
