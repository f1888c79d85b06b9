//! The line for a shell that starts a sandbox without us.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rootcontract::argv;
use rootcontract::buildroot::{BuildRoot, Builder, Invocation};
use rootcontract::plan::{Environment, HostPath, Op, Plan};
use rootcontract::profile::Runner;

use super::failure::Failure;

/// What is started where nothing else is asked for.
pub const SHELL: &str = "/bin/sh";

/// Stands for the scratch directory until the line is whole: a path without a character that a shell minds.
const SCRATCH: &str = "/@scratch@";

/// Opens the root, and gives the line that starts a shell in such a sandbox.
pub fn of(builder: Builder) -> Result<String, Failure> {
    let root = builder.open()?;
    let line = paste(&root, &root.plan(&Invocation::new([SHELL])));
    root.close()?;
    Ok(line)
}

/// The line for this plan: it first makes what the plan finds in our scratch directories, which are gone by then.
pub fn paste(root: &BuildRoot, plan: &Plan) -> String {
    let (plan, ours) = moved(root, plan);
    let mut steps = vec!["d=$(mktemp -d)".to_owned()];
    steps.extend(ours.iter().flat_map(|(from, to)| rebuilt(root, from, to)));
    steps.push(started(root, &plan));
    steps.join(" && ").replace(SCRATCH, "$d")
}

/// The plan with our scratch directories elsewhere, and what it binds from them: where it is, where it is to be.
fn moved(root: &BuildRoot, plan: &Plan) -> (Plan, Vec<(PathBuf, PathBuf)>) {
    let mut plan = plan.clone();
    let mut ours = Vec::new();
    for op in &mut plan.ops {
        let Op::Bind { from, .. } = op else { continue };
        let below = root.scratch().into_iter().find_map(|scratch| from.0.strip_prefix(scratch).ok());
        if let Some(to) = below.map(|below| Path::new(SCRATCH).join(below)) {
            ours.push((from.0.clone(), to.clone()));
            *from = HostPath::new(to);
        }
    }
    (plan, ours)
}

/// The commands that make at `to` what we have at `from`.
fn rebuilt(root: &BuildRoot, from: &Path, to: &Path) -> Vec<String> {
    if from.is_dir() {
        let mut steps = vec![words("mkdir", [OsStr::new("-p"), to.as_os_str()])];
        if from.file_name() == Some(OsStr::new("dev")) {
            steps.push(devices(root, to));
        }
        let mut entries: Vec<_> =
            fs::read_dir(from).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        entries.sort();
        steps.extend(
            entries.iter().flat_map(|entry| rebuilt(root, entry, &to.join(entry.file_name().unwrap_or_default()))),
        );
        if from.file_name() == Some(OsStr::new("tmp")) {
            steps.push(words("chmod", [OsStr::new("1777"), to.as_os_str()]));
        }
        return steps;
    }
    match root.runner() {
        Runner::File { name, path } if to.file_name() == Some(name) => {
            vec![words("cp", [path.0.as_os_str(), to.as_os_str()])]
        }
        Runner::File { .. } | Runner::None => {
            let content = fs::read(from).unwrap_or_default();
            let print = words("printf", [OsStr::new("%s"), OsStr::from_bytes(&content)]);
            vec![format!("{print} > {}", to.display())]
        }
    }
}

/// `/dev` as the supervisor fills it. Only it sees its own, so the names come from the profile.
fn devices(root: &BuildRoot, to: &Path) -> String {
    let nodes = root.profile().device_nodes();
    let there = nodes.optional.iter().filter(|name| Path::new("/dev").join(name).exists());
    let sources = nodes.names.iter().chain(there).map(|name| OsString::from(format!("/dev/{name}")));
    words("cp", [OsString::from("-a")].into_iter().chain(sources).chain([to.as_os_str().to_owned()]))
}

/// bubblewrap with its environment: only what the plan sets. What it would inherit is the business of who pastes it.
fn started(root: &BuildRoot, plan: &Plan) -> String {
    let line = argv::shell_line(root.bwrap().as_os_str(), plan.environment.set(), &argv::arguments(plan));
    match &plan.environment {
        Environment::Clean(_) => line,
        Environment::Inherited(_) => line.replacen("env -i ", "env ", 1),
    }
}

/// A command without an environment of its own.
fn words<A: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = A>) -> String {
    let arguments: Vec<_> = arguments.into_iter().map(|word| word.as_ref().to_owned()).collect();
    argv::shell_line(OsStr::new(program), [], &arguments).replacen("env -i ", "", 1)
}
