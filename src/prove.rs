//! Holds the contract's own clauses to account: builds each mutant for real and demands that exactly the clauses
//! named for it break.
//!
//! It all happens in a decoy: a throw-away tree, and IPC, network, host name, cgroup and mount namespaces that nothing
//! else lives in. A mutant that works can do no harm there.

pub mod contradict;
pub(crate) mod decoy;

use std::collections::BTreeSet;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use crate::arch::Architecture;
use crate::buildroot::{BuildRoot, Builder, Surroundings};
use crate::bwrap::About;
use crate::contract::{Contract, ContractError};
use crate::facts::launch::{Phase, Privilege};
use crate::inspect::{Hardware, InspectError, Subject, inspect_mutant, native};
use crate::mutant::Mutant;
use crate::parallel::{in_parallel, processors};
use crate::profile::Profile;
use crate::sys::is_readable;
use crate::verify::{Finding, Verdict, verify};
use contradict::{Contradicted, contradict};

/// What mutants are built with.
#[derive(Debug, Clone)]
pub struct Tools {
    /// The bubblewrap; the first in `PATH` if none is named.
    pub bwrap: Option<PathBuf>,
    /// The probe.
    pub probe: PathBuf,
    /// The supervisor, if it is not to be looked for.
    pub supervisor: Option<PathBuf>,
}

/// What came of proving one profile's contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// The profile.
    pub profile: &'static str,
    /// One for each mutant, in the order of their table.
    pub trials: Vec<Trial>,
    /// How many clauses the contract has.
    pub clauses: usize,
    /// Clauses that some mutant breaks, sorted.
    pub proven: Vec<String>,
    /// The others, put to the test with facts instead of a sandbox, in the order of the contract; and those of which a
    /// mutant breaks something, and facts do not break all.
    pub contradicted: Vec<Contradicted>,
    /// Clauses that neither proves, sorted.
    pub unproven: Vec<String>,
}

/// One mutant, built and judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trial {
    /// The mutant.
    pub mutant: &'static str,
    /// What is wrong with it, in words.
    pub says: &'static str,
    /// Clauses that broke as they had to.
    pub broke: Vec<String>,
    /// Clauses that had to break, and could no longer be looked at: they did not hold, and prove nothing.
    pub unread: Vec<String>,
    /// Clauses that had to break, and held.
    pub survived: Vec<String>,
    /// Clauses that broke, or could no longer be looked at, though nobody named them.
    pub unnamed: Vec<String>,
    /// Why it could not be judged.
    pub error: Option<String>,
}

impl Trial {
    /// Whether exactly the clauses named broke, and there were some.
    pub fn exact(&self) -> bool {
        let some = !self.broke.is_empty() || !self.unread.is_empty();
        self.error.is_none() && some && self.survived.is_empty() && self.unnamed.is_empty()
    }
}

impl Proof {
    /// Whether every mutant broke exactly what it had to, and every clause can be broken.
    pub fn holds(&self) -> bool {
        !self.trials.is_empty() && self.trials.iter().all(Trial::exact) && self.unproven.is_empty()
    }
}

/// A contract could not be put to the test.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The throw-away tree could not be made.
    #[error("cannot make the decoy's tree")]
    Tree(#[source] io::Error),
    /// There is no such contract.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// The unchanged build root could not be looked at.
    #[error("cannot look at the decoy's build root")]
    Inspect(#[from] InspectError),
    /// The contract is not kept by the build root it is proven with, so that nothing can be learned from mutants.
    #[error("the contract of {profile} is not kept before anything is changed: {clauses}")]
    Baseline {
        /// The profile.
        profile: &'static str,
        /// The clauses broken or unknown.
        clauses: String,
    },
    /// It was given up.
    #[error("it was interrupted")]
    Interrupted,
}

/// Builds every mutant of `profile` and judges it. `progress` hears of each one when it is done.
///
/// # Errors
/// See [`ProveError`]. A mutant that can't be built is no error but a [`Trial`] that is not exact.
pub fn prove(profile: Profile, tools: &Tools, progress: &(impl Fn(&Trial) + Sync)) -> Result<Proof, ProveError> {
    proven(profile, tools, progress, None)
}

/// The same, given up as soon as `interrupt` can be read.
///
/// # Errors
/// As above, and [`ProveError::Interrupted`].
pub fn prove_until(
    profile: Profile,
    tools: &Tools,
    progress: &(impl Fn(&Trial) + Sync),
    interrupt: BorrowedFd<'_>,
) -> Result<Proof, ProveError> {
    proven(profile, tools, progress, Some(interrupt))
}

fn proven(
    profile: Profile,
    tools: &Tools,
    progress: &(impl Fn(&Trial) + Sync),
    interrupt: Option<BorrowedFd<'_>>,
) -> Result<Proof, ProveError> {
    let arch = native()?;
    let contract = Contract::builtin(profile.name())?.on(arch.name);
    let tree = decoy::tree().map_err(ProveError::Tree)?;
    let bench = Bench { arch, profile, contract, tools, tree: tree.path().to_owned(), interrupt };
    let facts = bench.facts(None);
    if bench.interrupted() {
        return Err(ProveError::Interrupted);
    }
    let facts = facts?;
    let baseline = verify(&bench.contract, &facts);
    let not_kept = clauses(&baseline, &[Verdict::Broken, Verdict::Unknown]);
    if !not_kept.is_empty() {
        let clauses = Vec::from_iter(not_kept).join(", ");
        return Err(ProveError::Baseline { profile: profile.name(), clauses });
    }
    let not_applicable = clauses(&baseline, &[Verdict::NotApplicable]);
    let mutants: Vec<_> = Mutant::all().filter(|mutant| mutant.breaks(profile).is_some()).collect();
    let trials = in_parallel(&mutants, processors(), |mutant| {
        let trial = Some(mutant).filter(|_| !bench.interrupted()).map(|mutant| bench.trial(mutant, &not_applicable));
        let trial = trial.filter(|_| !bench.interrupted());
        trial.as_ref().inspect(|trial| progress(trial));
        trial
    });
    let trials = trials.into_iter().collect::<Option<Vec<_>>>().ok_or(ProveError::Interrupted)?;
    let proven: BTreeSet<_> = trials.iter().flat_map(|trial| trial.broke.iter().cloned()).collect();
    let contradicted: Vec<Contradicted> = bench
        .contract
        .clauses
        .iter()
        .zip(&baseline)
        .map(|(clause, finding)| contradict(&bench.contract, clause, &facts, why(finding)))
        .filter(|one| !proven.contains(&one.clause) || !one.is_proof())
        .collect();
    let unproven = contradicted.iter().filter(|one| !one.is_proof()).map(|one| one.clause.clone()).collect();
    Ok(Proof {
        profile: profile.name(),
        trials,
        clauses: bench.contract.clauses.len(),
        proven: proven.into_iter().collect(),
        contradicted,
        unproven,
    })
}

/// Why no sandbox puts the clause to the test.
fn why(finding: &Finding) -> String {
    match (finding.verdict, &finding.reason) {
        (Verdict::NotApplicable, Some(reason)) => format!("it does not apply here: {reason}"),
        (_, _) => "no mutant reaches it".to_owned(),
    }
}

/// The clauses of these verdicts.
fn clauses(findings: &[Finding], verdicts: &[Verdict]) -> BTreeSet<String> {
    let of = findings.iter().filter(|finding| verdicts.contains(&finding.verdict));
    of.map(|finding| finding.clause.as_str().to_owned()).collect()
}

/// What every mutant of one profile is built and judged with.
struct Bench<'a> {
    arch: &'static Architecture,
    profile: Profile,
    contract: Contract,
    tools: &'a Tools,
    tree: PathBuf,
    interrupt: Option<BorrowedFd<'a>>,
}

impl Bench<'_> {
    fn interrupted(&self) -> bool {
        self.interrupt.is_some_and(is_readable)
    }

    /// Builds a mutant and judges it. `not_applicable` are clauses that no mutant can break on this host.
    fn trial(&self, mutant: &Mutant, not_applicable: &BTreeSet<String>) -> Trial {
        let named: BTreeSet<String> = mutant
            .breaks(self.profile)
            .unwrap_or_default()
            .iter()
            .map(|&clause| clause.to_owned())
            .filter(|clause| !not_applicable.contains(clause))
            .collect();
        let (findings, error) = match self.facts(Some(mutant)) {
            Ok(facts) => (verify(&self.contract, &facts), None),
            Err(error) => (Vec::new(), Some(told(&error))),
        };
        let (broken, unread) = (clauses(&findings, &[Verdict::Broken]), clauses(&findings, &[Verdict::Unknown]));
        let upset = &broken | &unread;
        Trial {
            mutant: mutant.id,
            says: mutant.says,
            broke: broken.intersection(&named).cloned().collect(),
            unread: unread.intersection(&named).cloned().collect(),
            survived: named.difference(&upset).cloned().collect(),
            unnamed: upset.difference(&named).cloned().collect(),
            error,
        }
    }

    /// What the probe sees in the sandbox, changed or not.
    fn facts(&self, mutant: Option<&Mutant>) -> Result<Value, InspectError> {
        let subject = Subject {
            arch: self.arch,
            hardware: Hardware::default(),
            phase: Phase::Raw,
            runner: None,
            probe: self.tools.probe.clone(),
            about: About::default(),
            libc: None,
            surroundings: Surroundings::Decoy,
        };
        let interrupt = self.interrupt.map(|interrupt| interrupt.try_clone_to_owned()).transpose();
        let interrupt = interrupt.map_err(|source| InspectError::Host { what: "a descriptor", source })?;
        let facts = inspect_mutant(self.builder(), &subject, mutant.map(|mutant| mutant.change), interrupt)?;
        Ok(serde_json::to_value(&facts).unwrap_or_default())
    }

    fn builder(&self) -> Builder {
        let mut builder =
            BuildRoot::builder(&self.tree).profile(self.profile).capabilities(self.profile.default_capabilities());
        // The decoy is of namespaces that only root can tell from the host's.
        builder = builder.privilege(Privilege::Root);
        if let Some(bwrap) = &self.tools.bwrap {
            builder = builder.bwrap(bwrap);
        }
        if let Some(supervisor) = &self.tools.supervisor {
            builder = builder.supervisor(supervisor);
        }
        builder
    }
}

/// An error with its causes, on one line.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}
