//! Why the command could not do its work: one line on standard error.

use std::io::{self, Write};
use std::path::PathBuf;

use rootcontract::baseline::BaselineError;
use rootcontract::buildroot::{CloseError, OpenError, RunError};
use rootcontract::bwrap;
use rootcontract::contract::ContractError;
use rootcontract::escapes::line::NoProgram;
use rootcontract::escapes::trial::EscapeError;
use rootcontract::facts::frame::Damage;
use rootcontract::inspect::InspectError;
use rootcontract::machine::MachineError;
use rootcontract::matrix::{Missing, Part, SamePlace};
use rootcontract::profile::Profile;
use rootcontract::prove::ProveError;
use rootcontract::report::ReadError;
use rootcontract::report::merge::MergeError;
use rootcontract::report::show::shown;
use rootcontract::source::SourceError;
use rootcontract::tree::TreeError;
use rootcontract::upgrade::UpgradeError;
use rootcontract::upgrade::consumer::ConsumerError;

use super::output::Waiting;
use super::sandbox::EVIDENCE;

pub use rootcontract::report::show::line;

/// Why a subcommand could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no shell where a scriptlet would run.
    #[cfg(feature = "rpm")]
    #[error("open a shell in {package}: {reason}")]
    NoShell {
        /// The package.
        package: PathBuf,
        /// Why.
        reason: String,
    },
    /// Nothing can be installed where that was asked for.
    #[cfg(feature = "rpm")]
    #[error(transparent)]
    Install(#[from] rootcontract::rpm::install::InstallError),
    /// There is no pseudo terminal to be had.
    #[cfg(feature = "rpm")]
    #[error("make a pseudo terminal")]
    Terminal(#[source] io::Error),
    /// There is no contract.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// The contract that was named is about something we can't build.
    #[error("contract {file} is about profile `{profile}`, which can't be built: name one that can with --profile")]
    ForeignContract {
        /// The contract.
        file: PathBuf,
        /// Its profile.
        profile: String,
    },
    /// The contract that was named is about another profile than the one that was.
    #[error("contract {file} is about {profile}, and --profile says {named}: leave that out, or take its own contract")]
    OtherProfile {
        /// The contract.
        file: PathBuf,
        /// Its profile.
        profile: Profile,
        /// What was named.
        named: Profile,
    },
    /// A contract was there when it was first read.
    #[error("read contract {file} again")]
    ContractChanged {
        /// The contract.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of facts can't be read.
    #[error("read facts {file}")]
    FactsUnreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds no facts.
    #[error("read facts {file}: not what `rootcontract probe` prints")]
    FactsMalformed {
        /// The file.
        file: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A file holds what a probe printed, damaged.
    #[error("read facts {file}")]
    FactsDamaged {
        /// The file.
        file: PathBuf,
        /// Why.
        source: Damage,
    },
    /// A file holds no findings.
    #[error(transparent)]
    Report(#[from] ReadError),
    /// Documents do not fit together.
    #[error("merge reports")]
    Merge(#[from] MergeError),
    /// A matrix or a list of waivers can't be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The machine does not know which day it is.
    #[error("tell whether waivers have expired: the clock is before 1970 or after 9999")]
    NoClock,
    /// Two places of a matrix can't be told apart.
    #[error(transparent)]
    SamePlace(#[from] SamePlace),
    /// A part of a matrix has nothing in it.
    #[error(
        "shard {part} is empty, which is no pass: there are {places} places, so --shard K/{places} has work for each"
    )]
    EmptyShard {
        /// Which.
        part: Part,
        /// How many there are in the whole.
        places: usize,
    },
    /// The facts do not say which profile they are of.
    #[error("facts {file} do not say of which profile they are: say with --profile or --contract what to hold them to")]
    FactsOfNobody {
        /// The file.
        file: PathBuf,
    },
    /// There is nothing to compare with.
    #[error("one side is missing: say BEFORE AFTER, or BEFORE..AFTER")]
    OneSide,
    /// A document has something in it that was not checked.
    #[error("report {file} has nothing to compare of {place}, which could not be checked: {reason}")]
    NothingToCompare {
        /// The document.
        file: PathBuf,
        /// What was not checked.
        place: String,
        /// Why.
        reason: String,
    },
    /// There is nothing to hold anything against.
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    /// What two bubblewraps do can't be compared.
    #[error(transparent)]
    Upgrade(#[from] UpgradeError),
    /// A launcher could not be replayed.
    #[error(transparent)]
    Consumer(#[from] ConsumerError),
    /// What a bubblewrap does was not found out.
    #[error("try what {path} does")]
    NotTried {
        /// The bubblewrap.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An architecture has no tree.
    #[error("{arch}: {why}")]
    NoTree {
        /// The architecture.
        arch: &'static str,
        /// What is missing.
        why: Missing,
    },
    /// osbuild's profiles allow everything already.
    #[error("--allow is for --profile hardened: {profile} keeps a payload from mounting only by --capabilities")]
    NotHardened {
        /// The profile.
        profile: Profile,
    },
    /// What is to be run could reach the host.
    #[error(
        "as root, {profile} keeps no payload from the host (the hazards of its contract), and --deny-hazards was given: \
         take --profile hardened, or run it as an ordinary user"
    )]
    Hazards {
        /// The profile.
        profile: Profile,
    },
    /// No clause has this id.
    #[error("no clause is called `{id}`{}", did_you_mean(.like))]
    NoSuchClause {
        /// What was asked for.
        id: String,
        /// Ids that look like it, the likeliest first.
        like: Vec<String>,
    },
    /// A pattern matches no clause.
    #[error("no clause matches {patterns}: `rootcontract clauses` lists them")]
    NothingMatches {
        /// The patterns.
        patterns: String,
    },
    /// No clause about an architecture matches a pattern.
    #[error("no clause about {arch} matches {patterns}: there is nothing to check")]
    NothingAbout {
        /// The architecture.
        arch: &'static str,
        /// The patterns.
        patterns: String,
    },
    /// Two documents would be mixed.
    #[error("two formats would go to standard output: give all but one a file, as in --format json=FILE")]
    TwoOnStdout,
    /// The tree is not what it has to be.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Nothing that is emulated here can prove as much as was said.
    #[error(
        "--evidence is about this machine, which is {native}: programs of {foreign} are emulated by it whatever it is"
    )]
    EvidenceOfForeign {
        /// The root's architecture.
        foreign: &'static str,
        /// What we are.
        native: &'static str,
    },
    /// The environment says of the machine what makes no sense.
    #[error("{EVIDENCE} is `{value}`: it is native or system-emulated")]
    EvidenceUnknown {
        /// What it says.
        value: String,
    },
    /// There is no bubblewrap.
    #[error("{0}, or name one with --bwrap")]
    NoBubblewrap(#[from] bwrap::NotFound),
    /// The root could not be looked at.
    #[error("look into {profile}")]
    Inspect {
        /// What was built.
        profile: Profile,
        /// Why not.
        source: InspectError,
    },
    /// A contract could not be put to the test.
    #[error("prove the contract of {profile}")]
    Prove {
        /// Whose contract.
        profile: Profile,
        /// Why not.
        source: ProveError,
    },
    /// It was not found out which ways out of a sandbox are open.
    #[error("try to leave {sandbox}")]
    Escape {
        /// The sandbox.
        sandbox: String,
        /// Why not.
        source: Box<EscapeError>,
    },
    /// There is no sandbox in what was given.
    #[error(transparent)]
    NoLine(#[from] NoProgram),
    /// What is to be built with is said, and nothing is to be built.
    #[error("--bwrap, --privilege and --capabilities are about profiles: name one with --profile")]
    NoProfile,
    /// A pattern matches no way out.
    #[error("no way out is called like {patterns}: `rootcontract escapes` lists them")]
    NoWayOut {
        /// The patterns.
        patterns: String,
    },
    /// A machine can't be used.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// There is no probe.
    #[error(transparent)]
    NoProbe(InspectError),
    /// The root was not opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Nothing was run in it.
    #[error("run in the build root")]
    Run(#[from] RunError),
    /// It was not closed.
    #[error("close the build root")]
    Close(#[from] CloseError),
    /// We were asked to end.
    #[error("ended by signal {0}")]
    Signal(u8),
    /// Signals can't be waited for.
    #[error("wait for signals")]
    Signals(#[source] io::Error),
    /// A directory of packages can't be looked into.
    #[cfg(feature = "rpm")]
    #[error("look for packages in {directory}")]
    NoPackages {
        /// The directory.
        directory: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There are no packages at hand.
    #[cfg(feature = "rpm")]
    #[error(transparent)]
    AtHand(#[from] rootcontract::rpm::closure::AtHandError),
    /// A directory has no packages in it.
    #[cfg(feature = "rpm")]
    #[error("{directory} has no package in it: there is no file in it whose name ends in .rpm")]
    NoPackage {
        /// The directory.
        directory: PathBuf,
    },
    /// A file can't be written.
    #[error("write {file}")]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Standard output takes no more.
    #[error("write to standard output")]
    Stdout(#[source] io::Error),
    /// A document can't be written as JSON.
    #[error("write JSON")]
    Json(#[from] serde_json::Error),
    /// A document can't be written as JUnit's XML.
    #[error("write JUnit XML")]
    Junit(#[from] quick_junit::SerializeError),
}

impl Failure {
    /// These patterns match no clause.
    pub fn nothing_matches(patterns: &[glob::Pattern]) -> Self {
        Self::NothingMatches { patterns: listed(patterns) }
    }

    /// These patterns match no way out of a sandbox.
    pub fn no_way_out_matches(patterns: &[glob::Pattern]) -> Self {
        Self::NoWayOut { patterns: listed(patterns) }
    }

    /// These patterns match no clause about this architecture.
    pub fn nothing_about(arch: &'static str, patterns: &[glob::Pattern]) -> Self {
        Self::NothingAbout { arch, patterns: listed(patterns) }
    }
}

fn listed(patterns: &[glob::Pattern]) -> String {
    patterns.iter().map(|pattern| format!("`{pattern}`")).collect::<Vec<_>>().join(" or ")
}

fn did_you_mean(like: &[String]) -> String {
    match like {
        [] => ": `rootcontract clauses` lists them".to_owned(),
        like => format!(": did you mean {}?", like.join(", ")),
    }
}

/// Says something to the person at the terminal. If nobody listens, nobody is told.
pub fn tell(line: &str) {
    let _unheard = writeln!(Waiting(io::stderr()), "rootcontract: {}", shown(line));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_with_its_causes_and_without_numbers() {
        let failure = Failure::Write { file: "/dir/report.json".into(), source: io::Error::from_raw_os_error(28) };
        assert_eq!(line(&failure), "write /dir/report.json: No space left on device");
    }

    #[test]
    fn suggestions_are_told() {
        let failure = |like: &[&str]| Failure::NoSuchClause {
            id: "mount.usr".to_owned(),
            like: like.iter().map(|&id| id.to_owned()).collect(),
        };
        assert_eq!(line(&failure(&[])), "no clause is called `mount.usr`: `rootcontract clauses` lists them");
        assert_eq!(line(&failure(&["a.b", "c.d"])), "no clause is called `mount.usr`: did you mean a.b, c.d?");
    }
}
