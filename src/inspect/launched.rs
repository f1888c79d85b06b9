//! The host's half of a facts document: how the sandbox was started.

use std::collections::BTreeMap;

use super::{InspectError, PROBE_INSIDE, Subject, host, shown};
use crate::buildroot::{BuildRoot, Completed};
use crate::facts::launch::{self, Canaries, Launch, Phase, Policy};
use crate::plan::{CapabilityPolicy, Environment, Op, Plan};
use crate::profile::Runner;

/// The host's half. It is taken from the plan as it was meant, not as it was built.
pub(super) fn half(
    root: &BuildRoot,
    subject: &Subject,
    plan: &Plan,
    canaries: Canaries,
    done: &Completed,
) -> Result<Launch, InspectError> {
    let limits = std::fs::read("/proc/self/limits")
        .map_err(|source| InspectError::Host { what: "/proc/self/limits", source })?;
    let kernel = nix::sys::utsname::uname()
        .map_err(|errno| InspectError::Host { what: "the kernel's release", source: errno.into() })?;
    let mut namespaces = root.namespaces().clone();
    namespaces.insert("pid".to_owned(), done.pid_namespace);
    Ok(Launch {
        profile: root.profile().name().to_owned(),
        phase: subject.phase,
        policy: match root.policy() {
            CapabilityPolicy::Stage => Policy::Stage,
            CapabilityPolicy::Scriptlet => Policy::Scriptlet,
            CapabilityPolicy::Inherit => Policy::Inherit,
            CapabilityPolicy::List(_) => Policy::List,
        },
        privilege: root.privilege(),
        lesser: root.lesser(),
        arch: subject.arch.name.to_owned(),
        evidence: subject.evidence(),
        bwrap: launch::Bwrap {
            path: shown(root.bwrap().as_os_str()),
            version: subject.about.version.clone(),
            package: subject.about.package.clone(),
            features: subject.about.features.clone(),
        },
        kernel: shown(kernel.release()),
        libc: subject.libc.clone(),
        namespaces,
        capabilities: capabilities(root, plan),
        environment: environment(plan),
        host: host::facts(root),
        tree: root.tree_facts().clone(),
        binds: binds(subject),
        api: root.endpoints(),
        covers: root.covers().to_vec(),
        runner: match root.runner() {
            Runner::None => None,
            Runner::File { name, .. } => Some(shown(name)),
        },
        limits: crate::facts::limits::parse(&limits).unwrap_or_default(),
        process: root.inherited(),
        canaries,
    })
}

fn capabilities(root: &BuildRoot, plan: &Plan) -> launch::Capabilities {
    let grant = root.capabilities();
    // bubblewrap raises what the payload gets into the inheritable and ambient sets as soon as one is named.
    let named = plan.ops.iter().any(|op| matches!(op, Op::AddCapability(_)));
    launch::Capabilities {
        caller: grant.caller.names(),
        wanted: grant.wanted.map(|wanted| wanted.names()),
        granted: grant.granted().names(),
        missing: grant.missing().names(),
        raised: if named { grant.granted().names() } else { Vec::new() },
    }
}

fn environment(plan: &Plan) -> launch::Environment {
    let by_option = plan.ops.iter().filter_map(|op| match op {
        Op::SetVariable(name, value) => Some((name, value)),
        _ => None,
    });
    let set: BTreeMap<_, _> =
        plan.environment.set().iter().chain(by_option).map(|(name, value)| (shown(name), shown(value))).collect();
    let inherited = match plan.environment {
        Environment::Clean(_) => Vec::new(),
        Environment::Inherited(_) => {
            let mut names: Vec<_> = std::env::vars_os().map(|(name, _)| shown(&name)).collect();
            names.retain(|name| !set.contains_key(name));
            names.sort();
            names
        }
    };
    launch::Environment { set, inherited }
}

fn binds(subject: &Subject) -> Vec<launch::Bind> {
    match subject.phase {
        // What is bound for the stage is not seen from the tree.
        Phase::Raw | Phase::Scriptlet => Vec::new(),
        Phase::Runner => vec![launch::Bind { at: PROBE_INSIDE.to_owned(), access: launch::Access::Ro }],
    }
}
