//! bubblewrap: whether it is there, knows what it is told, and builds a sandbox.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::check::{Check, Question};
use crate::arch;
use crate::argv;
use crate::binfmt::trial::{self, Ended};
use crate::bwrap::{self, About, PATIENCE, ask};
use crate::capability::CapabilitySet;
use crate::plan::{Access, HostPath, Missing, Namespace, Op, Plan, SandboxPath};
use crate::report::show::{line, shown};

/// The bubblewrap that would be used.
#[derive(Debug)]
pub(super) enum Bubblewrap {
    /// There is none.
    NotFound(bwrap::NotFound),
    /// It can't be executed.
    Unusable { path: PathBuf, why: String },
    /// It is a program.
    Found(Program),
}

/// A program that may be bubblewrap.
#[derive(Debug)]
pub(super) struct Program {
    pub path: PathBuf,
    /// Its permissions.
    mode: u32,
    /// What came of a sandbox with the namespaces of a build root.
    starts: io::Result<Ended>,
    /// What it says; `None` if it was not asked because it comes to no end.
    answers: Option<Answers>,
}

/// What a program that ends when it is asked says.
#[derive(Debug)]
struct Answers {
    /// What came of a `/proc` in a sandbox, if there is any sandbox.
    proc: Option<io::Result<Ended>>,
    about: About,
    features: Features,
}

/// Whether it knows the options and capabilities of our plans.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Features {
    All,
    Lacks(Vec<String>),
    /// It does not read options as bubblewrap does.
    Unheard(String),
}

impl Bubblewrap {
    /// One that starts sandboxes.
    pub fn working(&self) -> Option<&Path> {
        match self {
            Self::Found(Program { path, starts: Ok(Ended::Ran), .. }) => Some(path),
            Self::NotFound(_) | Self::Unusable { .. } | Self::Found(_) => None,
        }
    }

    /// One that comes to an end when it is asked for a sandbox.
    pub fn answering(&self) -> Option<&Path> {
        match self {
            Self::Found(Program { path, starts: Ok(_), .. }) => Some(path),
            Self::NotFound(_) | Self::Unusable { .. } | Self::Found(_) => None,
        }
    }

    /// What came of a `/proc` in a sandbox, where that could be tried.
    pub fn proc(&self) -> Option<&Ended> {
        match self {
            Self::Found(Program { answers: Some(Answers { proc: Some(Ok(ended)), .. }), .. }) => Some(ended),
            Self::NotFound(_) | Self::Unusable { .. } | Self::Found(_) => None,
        }
    }
}

/// Asks the bubblewrap that was named, or the one that would be used.
pub(super) fn read(named: Option<&Path>) -> Bubblewrap {
    let path = match named {
        Some(path) => path.to_owned(),
        None => match bwrap::find(std::env::var_os("PATH").as_deref()) {
            Ok(path) => path,
            Err(not_found) => return Bubblewrap::NotFound(not_found),
        },
    };
    let unusable = |why: &str| Bubblewrap::Unusable { path: path.clone(), why: why.to_owned() };
    let metadata = match path.metadata() {
        Err(error) => return unusable(&line(&error)),
        Ok(metadata) if metadata.is_dir() => return unusable("Is a directory"),
        Ok(metadata) => metadata,
    };
    let mode = metadata.permissions().mode();
    if mode & 0o111 == 0 {
        return unusable("Permission denied");
    }
    let starts = tried(&path, &[Op::Unshare(Namespace::Ipc), Op::Unshare(Namespace::Pid), Op::Unshare(Namespace::Net)]);
    // Once is enough to wait for one that comes to no end, or is no program.
    let answers = starts.is_ok().then(|| Answers {
        proc: matches!(starts, Ok(Ended::Ran))
            .then(|| tried(&path, &[Op::Unshare(Namespace::Pid), Op::Proc(SandboxPath::new("/proc"))])),
        about: bwrap::about(&path),
        features: features(&path),
    });
    Bubblewrap::Found(Program { path, mode, starts, answers })
}

/// Runs the smallest program of this machine in a sandbox to which this is done.
fn tried(path: &Path, ops: &[Op]) -> io::Result<Ended> {
    match arch::native() {
        Some(native) => trial::run(native, path, ops),
        None => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// One operation of each kind there is in a plan, and each capability of a stage.
fn everything() -> Vec<Op> {
    let nowhere = HostPath::new("/nonexistent");
    let at = SandboxPath::new("/nonexistent");
    let binds = [Access::ReadOnly, Access::ReadWrite, Access::Device].into_iter().flat_map(|access| {
        [Missing::Fail, Missing::Skip].map(|missing| Op::Bind {
            from: nowhere.clone(),
            to: at.clone(),
            access,
            missing,
        })
    });
    let namespaces = [Namespace::Ipc, Namespace::Pid, Namespace::Net, Namespace::Uts, Namespace::Cgroup];
    let others = [
        Op::DropAllCapabilities,
        Op::Chdir(at.clone()),
        Op::DieWithParent,
        Op::NewSession,
        Op::SetVariable("NAME".into(), "value".into()),
        Op::symlink("/nonexistent", "/nonexistent"),
        Op::tmpfs("/nonexistent"),
        Op::Dir(at.clone()),
        Op::Proc(at.clone()),
    ];
    let capabilities = CapabilitySet::STAGE.iter().map(Op::AddCapability);
    others.into_iter().chain(binds).chain(namespaces.map(Op::Unshare)).chain(capabilities).collect()
}

/// Has it read every option that a plan can have, and then say how it is used, which it does without building anything.
/// What it does not know it names, one at a time.
fn features(path: &Path) -> Features {
    let mut ops = everything();
    let mut lacks = Vec::new();
    let started = Instant::now();
    loop {
        let answer = match ask(path, options(&ops), PATIENCE.saturating_sub(started.elapsed())) {
            Ok(answer) => answer,
            Err(error) => return Features::Unheard(line(&error)),
        };
        if answer.status.success() && answer.stdout.starts_with("usage: ") {
            return if lacks.is_empty() { Features::All } else { Features::Lacks(lacks) };
        }
        let said = answer.last_words();
        let Some(unknown) = unknown(&said) else { return Features::Unheard(said) };
        let before = ops.len();
        ops.retain(|op| !words(op).iter().any(|word| word == unknown));
        if ops.len() == before {
            return Features::Lacks(vec![unknown.to_owned()]);
        }
        lacks.push(unknown.to_owned());
    }
}

/// The options, ours for the status among them, and what ends the reading of them.
fn options(ops: &[Op]) -> Vec<std::ffi::OsString> {
    let [name, descriptor] = argv::status_option(2);
    let options = ops.iter().flat_map(words);
    [name, descriptor].into_iter().chain(options).chain(["--help".into()]).collect()
}

fn words(op: &Op) -> Vec<std::ffi::OsString> {
    let plan = Plan { ops: vec![op.clone()], ..Plan::default() };
    let mut words = argv::arguments(&plan);
    words.retain(|word| word != OsStr::new("--"));
    words
}

/// What bubblewrap says it does not know.
fn unknown(said: &str) -> Option<&str> {
    ["Unknown option ", "unknown cap: "]
        .into_iter()
        .find_map(|words| said.split_once(words))
        .map(|(_, what)| what.trim())
}

/// What bubblewrap says when it can't build a sandbox, and what that means. All releases to 0.12.
const TROUBLES: [(&str, &str); 9] = [
    ("overflow", "see proc.unmasked: it reads /proc/sys"),
    ("make / slave", "see root.mount-point"),
    ("pivot_root", "`/` is the kernel's first file system, which can't be left: start in a tree that is mounted"),
    ("RTM_NEWADDR", "see capability.net-admin"),
    ("setuid use", "see bwrap.setuid"),
    ("Unexpected capabilities", "start without capabilities: `setpriv --inh-caps -all --ambient-caps -all`"),
    ("uid map", "see user-namespace.apparmor"),
    ("new namespace", "see user-namespace.allowed"),
    ("Function not implemented", "see kernel.openat2"),
];

pub(super) fn checks(bubblewrap: &Bubblewrap) -> Vec<Check> {
    let found = Question::required("bwrap.found", "bubblewrap builds the sandbox.");
    let setuid = Question::optional(
        "bwrap.setuid",
        "Set-uid bubblewraps of old releases can be made root by any user, and newer ones refuse to run so.",
    );
    let starts = Question::required(
        "bwrap.starts",
        "A sandbox with the namespaces of a build root is built, and a program run in it.",
    );
    let version = Question::optional("bwrap.version", "Nothing is decided by it: distributions backport.");
    let package =
        Question::optional("bwrap.package", "It names what a distribution changed, which the version does not.");
    let features = Question::required("bwrap.features", "Every option and capability of our plans is given to it.");
    let program = match bubblewrap {
        Bubblewrap::Found(program) => program,
        Bubblewrap::NotFound(_) | Bubblewrap::Unusable { .. } => {
            let others = [setuid, starts, version, package, features];
            let unknown = others.map(|question| question.unknown("there is no bubblewrap to ask", "see bwrap.found"));
            return std::iter::once(not_found(found, bubblewrap)).chain(unknown).collect();
        }
    };
    let path = shown(&program.path.to_string_lossy());
    let mut checks = vec![found.ok(&path), set_uid(setuid, &path, program.mode), started(starts, &program.starts)];
    checks.extend(match &program.answers {
        Some(answers) => [
            match answers.about.version.as_str() {
                "" => version.unknown("it says none", "is it bubblewrap? --bwrap names another"),
                says => version.ok(says),
            },
            package.ok(answers.about.package.as_deref().unwrap_or("of none that dpkg or rpm knows")),
            known(features, &answers.features),
        ],
        None => [version, package, features].map(|question| question.unknown("it was not asked", "see bwrap.starts")),
    });
    checks
}

fn not_found(question: Question, bubblewrap: &Bubblewrap) -> Check {
    match bubblewrap {
        Bubblewrap::Unusable { path, why } => {
            let found = format!("{} can't be executed: {why}", path.display());
            question.missing(found, "name one that can with --bwrap, or install the package bubblewrap")
        }
        Bubblewrap::NotFound(_) | Bubblewrap::Found(_) => {
            question.missing("there is no bwrap in PATH", "install the package bubblewrap, or name one with --bwrap")
        }
    }
}

fn set_uid(question: Question, path: &str, mode: u32) -> Check {
    if mode & 0o4000 == 0 {
        return question.ok("it is not set-uid");
    }
    question.missing("it is set-uid", format!("as root: `chmod u-s {path}`, where users can make user namespaces"))
}

fn started(question: Question, tried: &io::Result<Ended>) -> Check {
    let said = match tried {
        Ok(Ended::Ran) => return question.ok("a program ran in a sandbox"),
        Ok(Ended::Not(said)) => said.clone(),
        Err(error) => line(error),
    };
    let known = TROUBLES.iter().find(|(words, _)| said.contains(words)).map(|(_, mend)| *mend);
    let other = "if nothing else is missing: is it bubblewrap? `bwrap --ro-bind / / /bin/true` by hand says more";
    question.missing(format!("no program ran in a sandbox: {said}"), known.unwrap_or(other))
}

fn known(question: Question, features: &Features) -> Check {
    match features {
        Features::All => question.ok(format!("it knows all {} of them", everything().len() + 1)),
        Features::Lacks(lacks) => {
            let mend = "a newer bubblewrap (0.3.2 or later), or for capabilities a newer libcap";
            question.missing(format!("it does not know {}", lacks.join(", ")), mend)
        }
        Features::Unheard(said) => {
            question.missing(format!("it does not read options as bubblewrap does: {said}"), "is it bubblewrap?")
        }
    }
}

#[cfg(test)]
mod tests;
