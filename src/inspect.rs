//! Opens a build root, runs the probe in it, and puts what it saw beside what was asked for: a facts document.

mod host;
mod launched;
#[cfg(feature = "rpm")]
mod scriptlet;

use std::ffi::OsStr;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::arch::{self, Architecture};
use crate::binfmt::{self, CannotRun};
use crate::buildroot::{
    BuildRoot, Builder, CloseError, Completed, Invocation, OpenError, Outcome, RunError, Surroundings,
};
use crate::bwrap::About;
use crate::facts::launch::{Evidence, Phase};
use crate::facts::{Document, Probe, Schema, frame};
use crate::mutant::Change;
use crate::tree::{self, Header, TreeError};

/// Where the probe is bound when a runner goes first: where osbuild binds its stages.
const PROBE_INSIDE: &str = "/run/osbuild/bin/rootcontract-probe";
/// How long the probe may take: it takes milliseconds, and seconds under emulation.
const PATIENCE: Duration = Duration::from_secs(60);
/// The process left sleeping outside. Below the usual `pid_max`, 32768, and far above what a sandbox comes to.
const SLEEPER: i32 = 30_011;

/// What is looked at, besides the root itself.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The architecture of the root; in phase scriptlet that of the tree. Where it is not ours the programs are emulated,
    /// and only they.
    pub arch: &'static Architecture,
    /// What this process runs on.
    pub hardware: Hardware,
    /// In which state of the root.
    pub phase: Phase,
    /// The runner, for [`Phase::Runner`].
    pub runner: Option<PathBuf>,
    /// The probe.
    pub probe: PathBuf,
    /// What the bubblewrap in use says of itself.
    pub about: About,
    /// The C library of the root, where it is told ([`crate::tree::c_library`]).
    pub libc: Option<String>,
    /// What the sandbox is built in.
    pub surroundings: Surroundings,
}

impl Subject {
    /// What is proven for the root's architecture.
    pub fn evidence(&self) -> Evidence {
        match self.hardware {
            _ if arch::native() != Some(self.arch) => Evidence::UserEmulated,
            Hardware::Real => Evidence::Native,
            Hardware::Emulated => Evidence::SystemEmulated,
        }
    }
}

/// What the kernel runs on. Nothing tells it from inside: whoever boots an emulated machine says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hardware {
    /// A processor of its architecture.
    #[default]
    Real,
    /// A program that acts as one, such as qemu-system.
    Emulated,
}

/// The root could not be looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// There is no probe to run.
    #[error("there is no rootcontract-probe for {0}: build it with ci/probes {0}, or name one with --probe")]
    NoProbe(String),
    /// This program is of an architecture that is not in the table.
    #[error("this machine's architecture, {0}, is none that rootcontract knows")]
    UnknownArchitecture(&'static str),
    /// The probe is a program of another architecture.
    #[error(
        "the probe {probe} is a program of {found}, and the root is of {wanted}: ci/probes {wanted} builds the right one"
    )]
    ForeignProbe {
        /// The probe.
        probe: PathBuf,
        /// What it is.
        found: String,
        /// What the root is.
        wanted: &'static str,
    },
    /// The root is not of the architecture that was said, or its programs can't start.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The phase needs a runner.
    #[error("phase runner needs a runner: name one with --runner (osbuild's are in /usr/lib/osbuild/runners)")]
    NoRunner,
    /// This command was built without what the phase needs.
    #[error("phase scriptlet takes a rootcontract with the feature `rpm`, and this one was built without it")]
    NoRpmFeature,
    /// The root has no rpm.
    #[error("phase scriptlet needs {missing} in {root}: name the root of a system that has it with --root")]
    NoRpm {
        /// What is not there.
        missing: &'static str,
        /// The root.
        root: PathBuf,
    },
    /// The package that holds the probe could not be made.
    #[cfg(feature = "rpm")]
    #[error("cannot make a package of the probe {probe}")]
    Package {
        /// The probe.
        probe: PathBuf,
        /// Why.
        source: Box<rpm::Error>,
    },
    /// rpm did not come to executing the scriptlet.
    #[error("rpm ended without a word of the probe: {said}")]
    NoScriptlet {
        /// What it said last.
        said: String,
    },
    /// The runner did not execute what it was given.
    #[error("the runner ended without running the probe: it has to execute its arguments")]
    RunnerAlone,
    /// The root was not opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The probe was not run.
    #[error("cannot run the probe")]
    Run(#[from] RunError),
    /// Programs of the root's architecture do not run here.
    #[error(transparent)]
    CannotRun(#[from] CannotRun),
    /// The probe did not come to its end.
    #[error("the probe {}", ending(.outcome, .stderr))]
    Probe {
        /// How it ended.
        outcome: Outcome,
        /// What it said last.
        stderr: String,
    },
    /// What the probe printed is not what a probe prints.
    #[error("cannot use the probe's output")]
    Damaged(#[from] frame::Damage),
    /// Something is left of the root.
    #[error("cannot close the root")]
    Close(#[from] CloseError),
    /// A fact of the host's half could not be read.
    #[error("cannot read {what}")]
    Host {
        /// Which.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
}

/// How a probe ended that has told nothing.
pub(crate) fn ending(outcome: &Outcome, stderr: &str) -> String {
    let last = stderr.trim_end().lines().next_back().unwrap_or_default();
    let how = match outcome {
        Outcome::Exited(code) => format!("exited with {code}"),
        Outcome::DeadlineExceeded => format!("did not end within {} s", PATIENCE.as_secs()),
        Outcome::IdleExceeded => "wrote nothing for too long".to_owned(),
        Outcome::Interrupted => "was interrupted".to_owned(),
        Outcome::NotFound => "was not found in the sandbox".to_owned(),
        Outcome::NotExecutable => "could not be executed in the sandbox".to_owned(),
        Outcome::SetupFailed(why) => return format!("never ran: {}", shown(why.as_ref())),
        Outcome::BubblewrapKilled(signal) => format!("never ended: bubblewrap was killed by signal {signal}"),
    };
    if last.is_empty() { how } else { format!("{how}: {}", shown(last.as_ref())) }
}

/// The architecture that this program was built for.
///
/// # Errors
/// It is none of the table.
pub fn native() -> Result<&'static Architecture, InspectError> {
    arch::native().ok_or(InspectError::UnknownArchitecture(std::env::consts::ARCH))
}

/// The probe for `arch`: `$ROOTCONTRACT_PROBE` if that is set, else in `../libexec/rootcontract/ARCH/` or
/// `../probes/ARCH/` as seen from the command, or beside it where `arch` is our own.
///
/// # Errors
/// It is in none of these places.
pub fn find_probe(arch: &str) -> Result<PathBuf, InspectError> {
    const NAME: &str = "rootcontract-probe";
    let named = std::env::var_os("ROOTCONTRACT_PROBE").map(PathBuf::from);
    let own = std::env::current_exe().ok();
    let beside = own.as_deref().and_then(Path::parent);
    let installed = beside.map(|bin| bin.join("../libexec/rootcontract").join(arch).join(NAME));
    let built = beside.map(|bin| bin.join("../probes").join(arch).join(NAME));
    let beside = beside.filter(|_| arch::native().is_some_and(|native| native.name == arch));
    // One that is named is meant. One beside the command in a build directory is linked dynamically: it comes last.
    let candidates: Vec<PathBuf> = match named {
        Some(named) => vec![named],
        None => installed.into_iter().chain(built).chain(beside.map(|bin| bin.join(NAME))).collect(),
    };
    candidates.into_iter().find(|candidate| candidate.is_file()).ok_or_else(|| InspectError::NoProbe(arch.to_owned()))
}

/// Opens the root, runs the probe, closes the root.
///
/// # Errors
/// See [`InspectError`]. A probe that came to no end, or whose output is damaged in any way, gives no facts.
pub fn inspect(builder: Builder, subject: &Subject) -> Result<Document, InspectError> {
    look(builder, subject, None, None)
}

/// The same, ended as soon as `interrupt` can be read.
///
/// # Errors
/// As above; a probe that was ended has not come to its end.
pub fn inspect_until(builder: Builder, subject: &Subject, interrupt: OwnedFd) -> Result<Document, InspectError> {
    look(builder, subject, None, Some(interrupt))
}

/// The same, with something wrong on purpose. The host's half tells what was meant.
pub(crate) fn inspect_mutant(
    builder: Builder,
    subject: &Subject,
    change: Option<Change>,
    interrupt: Option<OwnedFd>,
) -> Result<Document, InspectError> {
    look(builder, subject, change, interrupt)
}

fn look(
    builder: Builder,
    subject: &Subject,
    change: Option<Change>,
    interrupt: Option<OwnedFd>,
) -> Result<Document, InspectError> {
    let builder = match (subject.phase, &subject.runner) {
        (Phase::Raw, _) => builder.runner(&subject.probe),
        (Phase::Runner, Some(runner)) => builder.runner(runner),
        (Phase::Runner, None) => return Err(InspectError::NoRunner),
        // Whatever a stage's runner does to the box, the scriptlet is in the tree.
        (Phase::Scriptlet, _) => builder,
    };
    ready(&builder, subject)?;
    let mutate_plan = match change {
        Some(Change::Plan(mutate)) => Some(mutate),
        _ => None,
    };
    let root = builder.surroundings(subject.surroundings).mutation(mutate_plan).open()?;
    let nonce = nonce()?;
    let mut canaries = root.canaries().clone();
    let sleeper = (subject.surroundings != Surroundings::Host).then_some(SLEEPER);
    canaries.pid = sleeper;
    let asked = serde_json::to_string(&canaries).unwrap_or_default();
    let payload = Payload::new(&root, subject, ["--nonce", &nonce, "--canaries", &asked])?;
    let mut invocation = payload.invocation.deadline(PATIENCE);
    if let Some(pid) = sleeper {
        invocation = invocation.sleeper(pid);
    }
    if let Some(interrupt) = interrupt {
        invocation = invocation.interrupt(interrupt);
    }
    let plan = root.plan(&invocation);
    invocation = match change {
        Some(Change::Launch(mutate)) => mutate(invocation),
        Some(Change::First(what)) => invocation.preceded_by(["--first", what]),
        Some(Change::Plan(_)) | None => invocation,
    };
    let done = root.run(invocation)?;
    let facts = payload.facts;
    let probe = seen(&facts, subject, &nonce, &done).map_err(|error| explained(error, subject, root.bwrap()))?;
    let launch = launched::half(&root, subject, &plan, canaries, &done)?;
    root.close()?;
    Ok(Document { schema: Schema::V1, launch: Some(launch), probe })
}

/// What is executed to look, and where it tells what it saw.
struct Payload {
    invocation: Invocation,
    facts: Telling,
}

/// Where the probe tells what it saw.
enum Telling {
    /// On standard output.
    Stdout,
    /// In a file of a tree, in which whoever was run had a free hand. It is rpm's output that goes to stdout.
    #[cfg_attr(not(feature = "rpm"), expect(dead_code, reason = "only the scriptlet's room has one"))]
    File {
        /// The tree, on the host.
        tree: PathBuf,
        /// The file, as seen from inside.
        path: &'static Path,
    },
}

impl Payload {
    /// The probe as the runner, the probe after the runner, or the probe as the `%post` of a package.
    fn new(root: &BuildRoot, subject: &Subject, arguments: [&str; 4]) -> Result<Self, InspectError> {
        let invocation = match subject.phase {
            Phase::Raw => Invocation::new(arguments),
            Phase::Runner => Invocation::new([PROBE_INSIDE].into_iter().chain(arguments))
                .read_only_bind(&subject.probe, PROBE_INSIDE),
            #[cfg(feature = "rpm")]
            Phase::Scriptlet => return scriptlet::payload(root, subject, arguments),
            #[cfg(not(feature = "rpm"))]
            Phase::Scriptlet => return no_room(root),
        };
        Ok(Self { invocation, facts: Telling::Stdout })
    }
}

/// Without the feature `rpm` there is no package to put into a room.
#[cfg(not(feature = "rpm"))]
fn no_room(_root: &BuildRoot) -> Result<Payload, InspectError> {
    Err(InspectError::NoRpmFeature)
}

/// What the probe saw.
fn seen(facts: &Telling, subject: &Subject, nonce: &str, done: &Completed) -> Result<Probe, InspectError> {
    if !done.outcome.success() {
        return Err(InspectError::Probe { stderr: done.stderr.text(), outcome: done.outcome.clone() });
    }
    if subject.phase == Phase::Runner && done.stdout.bytes().is_empty() {
        return Err(InspectError::RunnerAlone);
    }
    match facts {
        Telling::Stdout => Ok(frame::open(&done.stdout.bytes(), nonce)?),
        Telling::File { tree, path } => {
            let sealed = crate::source::bytes_below(tree, path, frame::LIMIT as u64).map_err(|_| no_scriptlet(done))?;
            Ok(frame::open(&sealed, nonce)?)
        }
    }
}

/// What rpm said instead of executing the probe. A scriptlet that fails is no failure of rpm before 6.0.
fn no_scriptlet(done: &Completed) -> InspectError {
    let said = done.stderr.text();
    let told = said.trim_end().lines().rfind(|line| line.contains("rootcontract-probe"));
    InspectError::NoScriptlet {
        said: shown(told.or(said.trim_end().lines().next_back()).unwrap_or("nothing").as_ref()),
    }
}

/// Why there is nothing of the probe: perhaps because no program of its architecture runs here. It takes a sandbox to
/// know, so this is asked only now.
fn explained(error: InspectError, subject: &Subject, bwrap: &Path) -> InspectError {
    let interrupted = matches!(error, InspectError::Probe { outcome: Outcome::Interrupted, .. });
    if interrupted || subject.evidence() != Evidence::UserEmulated {
        return error;
    }
    match binfmt::runs(subject.arch, bwrap) {
        Err(cannot) if !cannot.why.is_unknown() => cannot.into(),
        Err(_) | Ok(()) => error,
    }
}

/// Whether the tree and the probe are what they have to be. What is wrong is said before anything is built.
fn ready(builder: &Builder, subject: &Subject) -> Result<(), InspectError> {
    if subject.phase == Phase::Scriptlet {
        // rpm and its helpers are this machine's; the probe is all there is in the tree.
        for missing in ["usr/bin/rpm", "usr/bin/mount", "usr/bin/env"] {
            if !builder.tree().join(missing).exists() {
                return Err(InspectError::NoRpm { missing, root: builder.tree().to_owned() });
            }
        }
        tree::holds(builder.tree(), native()?)?;
    } else {
        tree::holds(builder.tree(), subject.arch)?;
    }
    // A probe that is no ELF program at all is told by what comes of executing it.
    let header = std::fs::File::open(&subject.probe).ok().and_then(|file| Header::read(&file).ok().flatten());
    match header {
        Some(header) if !header.is_of(subject.arch) => Err(InspectError::ForeignProbe {
            probe: subject.probe.clone(),
            found: header.to_string(),
            wanted: subject.arch.name,
        }),
        Some(_) | None => Ok(()),
    }
}

/// Text from outside this program, to be shown.
fn shown(text: &OsStr) -> String {
    use std::os::unix::ffi::OsStrExt;
    crate::facts::text::escape(text.as_bytes())
}

/// A number nobody can guess, so that nothing in the sandbox can pass itself off as the probe.
pub(crate) fn nonce() -> Result<String, InspectError> {
    let mut bytes = [0_u8; 16];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|source| InspectError::Host { what: "/dev/urandom", source })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
