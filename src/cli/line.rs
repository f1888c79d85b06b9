//! The line for a shell that starts a sandbox without us.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rootcontract::argv;
use rootcontract::buildroot::{BuildRoot, Builder, Invocation};
use rootcontract::facts::launch::Privilege;
use rootcontract::plan::{HostPath, Op, Plan, Preparation};
use rootcontract::profile::{DEVICE_LINKS, Furniture, Runner};

use super::failure::Failure;

/// What is started where nothing else is asked for.
pub const SHELL: &str = "/bin/sh";

/// No more words.
const NOTHING: [&str; 0] = [];

/// Stands for the scratch directory until the line is whole: a path without a character that a shell minds.
pub const SCRATCH: &str = "/@scratch@";

/// Opens the root, and gives the line that starts a shell in such a sandbox.
pub fn of(builder: Builder) -> Result<String, Failure> {
    let root = builder.open()?;
    let line = paste(&root, &root.plan(&Invocation::new([SHELL])));
    root.close()?;
    Ok(line)
}

/// The line for this plan: it first makes what the plan finds in our scratch directories, which are gone by then. A tmpfs of
/// our own is a directory there, and the state of the process is that of who pastes it.
pub fn paste(root: &BuildRoot, plan: &Plan) -> String {
    let (plan, ours) = moved(root, plan);
    let mut made = Made::default();
    for (from, to) in &ours {
        made.add(root, from, to);
    }
    let mut steps = vec!["d=$(mktemp -d)".to_owned(), words("mkdir", [OsStr::new("-p")], &made.directories)];
    if !made.sticky.is_empty() {
        steps.push(words("chmod", [OsStr::new("1777")], &made.sticky));
    }
    steps.extend(made.steps);
    steps.push(started(root, &plan));
    let line = steps.join(" && ").replace(SCRATCH, "$d");
    match root.privilege() {
        Privilege::Root => line,
        Privilege::UsernsSingle => words("unshare", ["--map-root-user", "--mount", "bash", "-c"], [line]),
        Privilege::UsernsSubid => words("unshare", ["--map-root-user", "--map-auto", "--mount", "bash", "-c"], [line]),
    }
}

/// The plan with our scratch directories at [`SCRATCH`], and what it binds from them: where it is, where it is to be.
pub fn moved(root: &BuildRoot, plan: &Plan) -> (Plan, Vec<(PathBuf, PathBuf)>) {
    let mut plan = plan.clone();
    let mut ours = Vec::new();
    for op in &mut plan.ops {
        let (Op::Bind { from, .. } | Op::Seccomp(from)) = op else { continue };
        let below = root.scratch().into_iter().find_map(|scratch| from.0.strip_prefix(scratch).ok());
        if let Some(to) = below.map(|below| Path::new(SCRATCH).join(below)) {
            let one = (from.0.clone(), to.clone());
            if !ours.contains(&one) {
                ours.push(one);
            }
            *from = HostPath::new(to);
        }
    }
    for step in &mut plan.before {
        let Preparation::Tmpfs { at, .. } = step else { continue };
        let below = root.scratch().into_iter().find_map(|scratch| at.0.strip_prefix(scratch).ok());
        if let Some(below) = below {
            *at = HostPath::new(Path::new(SCRATCH).join(below));
        }
    }
    (plan, ours)
}

/// What has to be made before the sandbox can be started.
#[derive(Default)]
struct Made {
    directories: Vec<PathBuf>,
    /// Directories that everybody may write to.
    sticky: Vec<PathBuf>,
    /// What fills them.
    steps: Vec<String>,
}

impl Made {
    /// At `to`, what we have at `from`.
    fn add(&mut self, root: &BuildRoot, from: &Path, to: &Path) {
        if !from.is_dir() {
            self.directories.extend(to.parent().map(Path::to_owned));
            self.steps.push(file(root, from, to));
            return;
        }
        self.directories.push(to.to_owned());
        if to == Path::new(SCRATCH).join("dev") {
            let bare = root.profile().device_nodes().furniture == Furniture::Bare;
            self.sticky.extend((bare && root.privilege() == Privilege::Root).then(|| to.to_owned()));
            self.steps.push(devices(root, to));
        }
        if fs::metadata(from).is_ok_and(|directory| directory.permissions().mode() & 0o1000 != 0) {
            self.sticky.push(to.to_owned());
        }
        let mut entries: Vec<_> = fs::read_dir(from).into_iter().flatten().flatten().collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            self.add(root, &entry.path(), &to.join(entry.file_name()));
        }
    }
}

/// A file: a copy of the runner, or a few bytes of text.
fn file(root: &BuildRoot, from: &Path, to: &Path) -> String {
    match root.runner() {
        Runner::File { name, path } if to.file_name() == Some(name) => words("cp", [path.0.as_os_str()], [to]),
        Runner::File { .. } | Runner::None => {
            let content = fs::read(from).unwrap_or_default();
            let printed = if content.contains(&0) {
                // No argument holds that byte, but a format may name it.
                let format: String = content.iter().map(|byte| format!(r"\{byte:03o}")).collect();
                words("printf", [format], NOTHING)
            } else {
                words("printf", [OsStr::new("%s")], [OsString::from_vec(content)])
            };
            format!("{printed} > {}", to.display())
        }
    }
}

/// `/dev` as the supervisor fills it. Only it sees its own, so the names come from the profile.
fn devices(root: &BuildRoot, to: &Path) -> String {
    let nodes = root.profile().device_nodes();
    let there = nodes.optional.iter().filter(|name| Path::new("/dev").join(name).exists());
    let names = nodes.names.iter().chain(there);
    let made = match root.privilege() {
        Privilege::Root => {
            let sources = names.map(|name| OsString::from(format!("/dev/{name}")));
            words("cp", [OsString::from("-a")].into_iter().chain(sources), [to])
        }
        Privilege::UsernsSingle | Privilege::UsernsSubid => {
            let tmpfs = words("mount", ["-t", "tmpfs", "-o", "mode=0755", "none"], [to]);
            let bound = names.map(|name| {
                let node = to.join(name);
                let bind = words("mount", ["--bind", &format!("/dev/{name}")], [&node]);
                format!(" && {} && {bind}", words("touch", [&node], NOTHING))
            });
            std::iter::once(tmpfs).chain(bound).collect()
        }
    };
    match nodes.furniture {
        Furniture::Bare | Furniture::Descriptors => made,
        Furniture::Complete => format!("{made} && {}", furniture(to)),
    }
}

/// The links and directories of a complete `/dev`. Without a devpts: bubblewrap's own `/dev` has one, and nothing else.
fn furniture(to: &Path) -> String {
    let links = DEVICE_LINKS.iter().map(|(target, name)| words("ln", ["-s", target], [to.join(name)]));
    let directories = words("mkdir", NOTHING, [to.join("shm"), to.join("pts")]);
    links.chain([directories]).collect::<Vec<_>>().join(" && ")
}

/// bubblewrap with its environment: only what the plan sets. What it would inherit is the business of who pastes it.
fn started(root: &BuildRoot, plan: &Plan) -> String {
    argv::shell_line(root.bwrap().as_os_str(), plan)
}

/// A command in whatever environment there is.
fn words<A: AsRef<OsStr>, B: AsRef<OsStr>>(
    program: &str,
    first: impl IntoIterator<Item = A>,
    then: impl IntoIterator<Item = B>,
) -> String {
    let first = first.into_iter().map(|word| word.as_ref().to_owned());
    let then = then.into_iter().map(|word| word.as_ref().to_owned());
    argv::shell_words(std::iter::once(OsString::from(program)).chain(first).chain(then))
}
