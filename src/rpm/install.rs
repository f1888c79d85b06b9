//! Installs, upgrades and erases a package for real, in a copy of a tree, where it can do no harm.
//!
//! The room is that of the profile asked for, contained as the profile `hardened` is: whatever a scriptlet does ends with the
//! room. Dependencies are not asked for (`--nodeps`): the tree has what it has.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::bare::Bare;
use super::left::{Devices, Left, NotCompared, Snapshot};
use super::room::{PACKAGES, Room};
use super::scriptlet::{Language, Scriptlet, Slot};
use super::trace::{self, TELL, Trace, TraceError};
use super::verdict::Scenario;
use crate::buildroot::{BuildRoot, CloseError, Completed, Invocation, OpenError, Outcome, RunError, Stdin, Streams};
use crate::contract::Word;
use crate::profile::Profile;

/// How long a transaction may take; emulated programs need ten times what others do.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);
/// How many processes and threads a scriptlet may have at a time.
const PROCESSES: u32 = 4096;
/// How long what somebody has started in a shell may take to end when it is asked to. The shell itself never does.
const GRACE: Duration = Duration::from_secs(1);
/// The package's name in the room.
const FILE: &str = "package.rpm";
/// What rpm is told besides: the tree's packages are of any architecture, and nobody has signed this one.
pub(super) const ANYWHERE: [&str; 5] = ["--verbose", "--nosignature", "--nodeps", "--ignorearch", "--ignoreos"];

/// Where a package is installed.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The root of the system whose rpm does it.
    pub root: PathBuf,
    /// What is in the tree.
    pub tree: Tree,
    /// Whose room it is.
    pub profile: Profile,
}

/// What a tree has in it before the package comes.
#[derive(Debug, Clone)]
pub enum Tree {
    /// The same as this one, which is copied.
    Of(PathBuf),
    /// Nothing but certain packages.
    Bare(Arc<Bare>),
}

/// Why a package was not installed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// The system has no rpm.
    #[error("there is no rpm in {}: it is what installs the package", .0.display())]
    NoRpm(PathBuf),
    /// The room could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// rpm could not be run.
    #[error("cannot run rpm")]
    Run(#[from] RunError),
    /// The tree could not be copied.
    #[error("cannot copy the tree {tree}")]
    Tree {
        /// The tree.
        tree: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// rpm did not install all of the packages that were to be there before.
    #[error("rpm did not install everything that is required: {0}")]
    Incomplete(String),
    /// The package could not be put into the room.
    #[error("cannot copy the package {package}")]
    Package {
        /// The package.
        package: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something is left of the room.
    #[error("cannot close the room")]
    Close(#[from] CloseError),
}

/// What came of all of them.
#[derive(Debug)]
pub struct Installed {
    /// Each one.
    pub transactions: Vec<Transaction>,
    /// How many files and directories of the tree could not be read, and were left out.
    pub unreadable: usize,
}

/// What came of one transaction.
#[derive(Debug)]
pub struct Transaction {
    /// What was done.
    pub scenario: Scenario,
    /// How rpm ended.
    pub outcome: Outcome,
    /// What rpm and the scriptlets said on standard error.
    pub said: String,
    /// What was seen of the scriptlets, or why nothing was.
    pub trace: Result<Trace, TraceError>,
    /// What is in the tree and in `/dev` now, and is not the package's, or why that is not told.
    pub left: Result<Vec<Left>, NotCompared>,
}

/// Does all of these, one after the other: what is to be erased is installed first.
///
/// # Errors
/// See [`InstallError`]. That rpm or a scriptlet fails is none, but what came of the transaction.
pub fn transactions(
    ground: &Ground,
    package: &Path,
    name: &str,
    scenarios: &[Scenario],
) -> Result<Installed, InstallError> {
    let (root, room, unreadable) = opened(ground, package)?;
    let site = Site { root: &root, room: &room, name };
    let owned = site.files()?;
    let mut done = Vec::new();
    for scenario in Scenario::ALL {
        let asked = scenarios.contains(&scenario);
        // What is to be upgraded or erased has to be there.
        if asked || scenario == Scenario::Install {
            let transaction = site.transaction(scenario, owned.as_deref())?;
            done.extend(asked.then_some(transaction));
        }
    }
    root.close()?;
    Ok(Installed { transactions: done, unreadable })
}

/// Whether the system at `root` has an rpm.
///
/// # Errors
/// It has none.
pub fn has_rpm(root: &Path) -> Result<(), InstallError> {
    if root.join("usr/bin/rpm").is_file() { Ok(()) } else { Err(InstallError::NoRpm(root.to_owned())) }
}

/// Opens a room with the package and a copy of the tree in it; how much of the tree could not be read.
fn opened(ground: &Ground, package: &Path) -> Result<(BuildRoot, Room, usize), InstallError> {
    let root = contained(&ground.root, ground.profile)?;
    let (room, unreadable) = match &ground.tree {
        Tree::Of(tree) => {
            Room::with_copy_of(&root, tree).map_err(|source| InstallError::Tree { tree: tree.clone(), source })?
        }
        Tree::Bare(bare) => (bare.copied(&root)?, 0),
    };
    std::fs::copy(package, room.packages().join(FILE))
        .map_err(|source| InstallError::Package { package: package.to_owned(), source })?;
    Ok((root, room, unreadable))
}

/// Opens a build root of a system that has an rpm, with the devices of a profile, and nothing gets out of it.
pub(super) fn contained(root: &Path, profile: Profile) -> Result<BuildRoot, InstallError> {
    has_rpm(root)?;
    Ok(BuildRoot::builder(root)
        .profile(Profile::Hardened)
        .devices(profile.scriptlets_devices())
        .capabilities(Profile::Hardened.default_capabilities())
        .pids(PROCESSES)
        .open()?)
}

/// A scriptlet's moment in a transaction.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// The scriptlet.
    pub scriptlet: &'a Scriptlet,
    /// What is done with the package.
    pub scenario: Scenario,
}

impl Moment<'_> {
    /// The file in the tree that has its script.
    pub fn file(self) -> String {
        format!("/rpm-scriptlet.{}", self.scriptlet.slot.as_str())
    }

    /// What rpm has done by then, without running any scriptlet.
    fn done_before(self) -> &'static [Scenario] {
        match (self.scriptlet.slot, self.scenario) {
            (Slot::Pretrans | Slot::Pre | Slot::Triggerprein, Scenario::Install) => &[],
            (Slot::Postun | Slot::Postuntrans, Scenario::Erase) => &[Scenario::Install, Scenario::Erase],
            (_, _) => &[Scenario::Install],
        }
    }
}

/// A room as it is when a scriptlet would run, for somebody to go there and see.
#[derive(Debug)]
pub struct Visit {
    root: BuildRoot,
    room: Room,
    words: Vec<String>,
}

impl Visit {
    /// Does what rpm has done by that moment, unless `interrupt` becomes readable, and puts the script there.
    ///
    /// # Errors
    /// See [`InstallError`].
    pub fn prepare(
        ground: &Ground,
        package: &Path,
        name: &str,
        moment: Moment<'_>,
        interrupt: BorrowedFd<'_>,
    ) -> Result<Self, InstallError> {
        let (root, room, _) = opened(ground, package)?;
        let site = Site { root: &root, room: &room, name };
        for scenario in moment.done_before() {
            let arguments = site.arguments(*scenario);
            let quiet: Vec<&str> = ["--noscripts"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
            let copied = interrupt.try_clone_to_owned();
            let interrupt = copied.map_err(|source| RunError::Descriptor { what: "a copy of a descriptor", source })?;
            root.run(room.rpm(&quiet).deadline(PATIENCE).interrupt(interrupt))?;
        }
        let script = room.tree().join(moment.file().trim_start_matches('/'));
        File::create_new(&script)
            .and_then(|mut file| file.write_all(moment.scriptlet.body.as_deref().unwrap_or_default().as_bytes()))
            .map_err(|source| InstallError::Tree { tree: room.tree().to_owned(), source })?;
        let is_shell = moment.scriptlet.language() == Language::Shell;
        let shell = if is_shell { moment.scriptlet.program() } else { "/bin/sh" };
        let number = moment.scenario.argument(moment.scriptlet.slot);
        let words = [shell, "-i", "-s"].into_iter().chain(number).map(ToOwned::to_owned).collect();
        Ok(Self { root, room, words })
    }

    /// Starts a shell with `$1` set on `terminal`, a pseudo terminal of the caller's own, and waits for its end. When
    /// `interrupt` becomes readable it is asked to end, when `hurry` does it is killed.
    ///
    /// # Errors
    /// See [`InstallError`].
    pub fn enter(self, terminal: File, interrupt: OwnedFd, hurry: OwnedFd) -> Result<Outcome, InstallError> {
        let visit = self.room.visit(self.words.iter().map(String::as_str));
        let visit = visit.stdin(Stdin::File(terminal)).streams(Streams::Terminal);
        let done = self.root.run(visit.interrupt(interrupt).hurry(hurry).grace(GRACE))?;
        self.root.close()?;
        Ok(done.outcome)
    }
}

/// An open room with the package in it.
struct Site<'a> {
    root: &'a BuildRoot,
    room: &'a Room,
    name: &'a str,
}

impl Site<'_> {
    /// The paths that the package brings, if rpm lists them all.
    fn files(&self) -> Result<Option<Vec<Vec<u8>>>, RunError> {
        let package = format!("{PACKAGES}/{FILE}");
        let query = self.room.rpm(&["--query", "--list", "--nosignature", "--package", &package]).deadline(PATIENCE);
        let done = self.root.run(query)?;
        let listed = done.stdout.bytes();
        let paths = listed.split(|&byte| byte == b'\n').filter(|path| path.starts_with(b"/")).map(<[u8]>::to_vec);
        let is_all = done.outcome.success() && done.stdout.dropped() == 0;
        Ok(is_all.then(|| paths.collect()))
    }

    /// What rpm is told to do.
    fn arguments(&self, scenario: Scenario) -> Vec<String> {
        let package = format!("{PACKAGES}/{FILE}");
        let words: Vec<&str> = match scenario {
            Scenario::Install => ANYWHERE.into_iter().chain(["--force", "--install", &package]).collect(),
            Scenario::Upgrade => ANYWHERE.into_iter().chain(["--force", "--upgrade", &package]).collect(),
            Scenario::Erase => vec!["--verbose", "--nodeps", "--erase", "--", self.name],
        };
        words.into_iter().map(ToOwned::to_owned).collect()
    }

    /// What is in `/dev`, which the tree shares with the build root around it.
    fn devices(&self) -> Result<Devices, RunError> {
        let listed = self.root.run(Invocation::new(Devices::LISTING).deadline(PATIENCE))?;
        Ok(Devices::parse(&listed.stdout.bytes()))
    }

    fn transaction(&self, scenario: Scenario, owned: Option<&[Vec<u8>]>) -> Result<Transaction, RunError> {
        let (before, devices) = (Snapshot::of(self.room.tree()), self.devices()?);
        let arguments = self.arguments(scenario);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (done, trace) = self.traced(&arguments)?;
        let mut left = Snapshot::of(self.room.tree()).since(&before, owned);
        let made = self.devices()?.since(&devices);
        if let Ok(left) = &mut left {
            left.extend(made);
        }
        Ok(Transaction { scenario, said: done.stderr.text(), outcome: done.outcome, trace, left })
    }

    /// Runs rpm traced, or where that can't be, as it is.
    fn traced(&self, arguments: &[&str]) -> Result<(Completed, Result<Trace, TraceError>), RunError> {
        let rpm = |arguments: &[&str]| self.room.rpm(arguments).deadline(PATIENCE);
        match trace::run(self.root, rpm(&[&[TELL], arguments].concat()))? {
            Ok((done, trace)) => Ok((done, Ok(trace))),
            Err(error) => Ok((self.root.run(rpm(arguments))?, Err(error))),
        }
    }
}
