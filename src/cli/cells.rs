//! The cells of a matrix: what comes of checking every profile in one place.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use glob::Pattern;
use rootcontract::arch::Architecture;
use rootcontract::bwrap::{self, About};
use rootcontract::contract::{Contract, Phase};
use rootcontract::machine::{Machine, Ran};
use rootcontract::matrix::{Expected, Ground, Place, believed};
use rootcontract::profile::Profile;
use rootcontract::report::{Look, NotChecked, Report};

use super::clauses::matches;
use super::failure::{Failure, line};
use super::machine::meaning;
use super::sandbox::{Sandbox, done_without};
use super::signals::Signals;

/// What is checked in every place, and how.
pub struct Check<'a> {
    /// The profiles and their contracts.
    pub targets: &'a [(Profile, Contract)],
    /// What clauses have to match.
    pub only: &'a [Pattern],
    /// How long a machine may take.
    pub timeout: Duration,
    /// What ends everything.
    pub signals: &'a Signals,
    /// What the bubblewrap of this machine says of itself, once it was asked.
    pub about: OnceLock<Result<About, String>>,
}

/// A place that is done with.
pub struct Done {
    /// What came of each profile, in their order.
    pub cells: Vec<Result<Report, NotChecked>>,
    /// What else there is to be told.
    pub told: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

/// Why nothing was checked in a place, and what the machine said, if it is one.
struct Trouble {
    arch: Option<&'static Architecture>,
    reason: String,
    told: Vec<String>,
}

impl Trouble {
    fn new(arch: Option<&'static Architecture>, reason: String) -> Self {
        Self { arch, reason, told: Vec::new() }
    }
}

/// What came of a place: the cells and what else there is to be told.
type Came = (Vec<Result<Report, NotChecked>>, Vec<String>);

impl Check<'_> {
    /// Checks everything in one place.
    pub fn of(&self, place: &Place) -> Done {
        let started = Instant::now();
        let came = match &place.ground {
            Ground::Tree(root) => self.tree(place, root),
            Ground::Machine(directory) => self.machine(place, directory),
            Ground::Missing(missing) => Err(Trouble::new(place.arch, line(missing))),
        };
        let (cells, told) = came.unwrap_or_else(|trouble| {
            let failed = |(profile, _): &(Profile, _)| Err(not_checked(*profile, place, trouble.arch, &trouble.reason));
            (self.targets.iter().map(failed).collect(), trouble.told)
        });
        Done { cells, told, took: started.elapsed() }
    }

    fn tree(&self, place: &Place, root: &Path) -> Result<Came, Trouble> {
        let sandbox = Sandbox::of(root.to_owned(), place.arch);
        let sandbox = match &place.bwrap {
            Some(bwrap) => sandbox.with_bubblewrap(bwrap),
            None => sandbox,
        };
        let arch = sandbox.architecture().map_err(|failure| Trouble::new(place.arch, line(&failure)))?;
        let trouble = |why: &String| Trouble::new(Some(arch), why.clone());
        let own = place.bwrap.as_deref().map(bwrap::about);
        let about = match &own {
            Some(about) => about,
            None => self.about.get_or_init(about).as_ref().map_err(trouble)?,
        };
        let mut told = Vec::new();
        let mut cells = Vec::new();
        for (profile, contract) in self.targets {
            let contract = contract.clone().about(arch.name, Some(Phase::Raw));
            let came = self.seen(&sandbox, *profile, about, arch, contract);
            cells.push(match came {
                Ok((report, warning)) => {
                    told.extend(warning);
                    Ok(Report { place: Some(place.name.clone()), ..report })
                }
                // The cell says which profile it is.
                Err(Failure::Inspect { source, .. }) => Err(not_checked(*profile, place, Some(arch), &line(&source))),
                Err(failure) => Err(not_checked(*profile, place, Some(arch), &line(&failure))),
            });
        }
        Ok((cells, told))
    }

    /// Looks into one sandbox, and holds it to its contract. What is to be told besides.
    fn seen(
        &self,
        sandbox: &Sandbox,
        profile: Profile,
        about: &About,
        arch: &Architecture,
        contract: Contract,
    ) -> Result<(Report, Vec<String>), Failure> {
        if !self.is_about(&contract) {
            return Err(Failure::nothing_about(arch.name, self.only));
        }
        let facts = sandbox.look_until(profile, about, self.signals.own_descriptor()?)?;
        let look = Look::of(contract, &facts, |clause| matches(self.only, clause.as_str()))?;
        Ok((look.report, done_without(profile, &facts)))
    }

    /// Boots the machine once for all profiles.
    fn machine(&self, place: &Place, directory: &PathBuf) -> Result<Came, Trouble> {
        let machine = Machine::open(directory).map_err(|error| Trouble::new(place.arch, line(&error)))?;
        let arch = rootcontract::arch::named(&machine.description().arch);
        let trouble = |reason| Trouble::new(arch, reason);
        let arch = match (place.arch, arch) {
            (Some(asked), Some(arch)) if asked != arch => {
                return Err(trouble(format!("it is a machine of {}, not of {}", arch.name, asked.name)));
            }
            (_, Some(arch)) => arch,
            (_, None) => return Err(trouble(format!("there is no architecture `{}`", machine.description().arch))),
        };
        let about_it: Vec<(Profile, Contract)> = self
            .targets
            .iter()
            .map(|(profile, contract)| (*profile, contract.clone().about(arch.name, Some(Phase::Raw))))
            .filter(|(_, contract)| self.is_about(contract))
            .collect();
        if about_it.is_empty() {
            return Err(trouble(self.nothing(arch)));
        }
        let ran = machine.run_until(self.arguments(&about_it), self.timeout, self.signals.descriptor());
        let ran = ran.map_err(|error| {
            let told = error.console().iter().map(|said| format!("{}: console: {said}", place.name)).collect();
            Trouble { told, ..trouble(line(&error)) }
        })?;
        let mut reports = self.reports(&ran, place, arch, &about_it).map_err(trouble)?.into_iter();
        let cell = |(profile, _): &(Profile, Contract)| match about_it.iter().any(|(one, _)| one == profile) {
            true => reports.next().ok_or_else(|| not_checked(*profile, place, Some(arch), "it is not in the report")),
            false => Err(not_checked(*profile, place, Some(arch), &self.nothing(arch))),
        };
        Ok((self.targets.iter().map(cell).collect(), said(place, &ran)))
    }

    /// What the command inside is to do.
    fn arguments(&self, about_it: &[(Profile, Contract)]) -> Vec<OsString> {
        let profiles = about_it.iter().flat_map(|(profile, _)| ["--profile", profile.name()]);
        let only = self.only.iter().flat_map(|pattern| ["--only", pattern.as_str()]);
        ["check", "--format", "json"].into_iter().chain(profiles).chain(only).map(OsString::from).collect()
    }

    /// What a machine brought out, if it is to be believed.
    fn reports(
        &self,
        ran: &Ran,
        place: &Place,
        arch: &Architecture,
        about_it: &[(Profile, Contract)],
    ) -> Result<Vec<Report>, String> {
        if ran.code >= 125 {
            return Err(format!("the command inside ended with {}", meaning(ran.code)));
        }
        if ran.stdout.is_empty() {
            let said = last_lines(&ran.stderr, 1).pop().unwrap_or_else(|| "it said nothing".to_owned());
            return Err(format!("the command inside ended with {}: {said}", ran.code));
        }
        let clauses = |contract: &Contract| {
            let ids = contract.clauses.iter().map(|clause| clause.id.clone());
            ids.filter(|id| matches(self.only, id.as_str())).collect()
        };
        let expected: Vec<Expected> = about_it
            .iter()
            .map(|(_, contract)| Expected { profile: contract.profile.clone(), clauses: clauses(contract) })
            .collect();
        believed(&ran.stdout, &place.name, arch.name, &expected).map_err(|doubt| line(&doubt))
    }

    /// Whether any of its clauses is meant.
    fn is_about(&self, contract: &Contract) -> bool {
        contract.clauses.iter().any(|clause| matches(self.only, clause.id.as_str()))
    }

    fn nothing(&self, arch: &Architecture) -> String {
        line(&Failure::nothing_about(arch.name, self.only))
    }
}

fn about() -> Result<About, String> {
    bwrap::find(std::env::var_os("PATH").as_deref()).map(|path| bwrap::about(&path)).map_err(|error| line(&error))
}

fn not_checked(profile: Profile, place: &Place, arch: Option<&'static Architecture>, reason: &str) -> NotChecked {
    NotChecked {
        profile: profile.name().to_owned(),
        place: place.name.clone(),
        arch: arch.map(|arch| arch.name.to_owned()),
        reason: reason.to_owned(),
    }
}

/// What a machine's command said on standard error, the last of it.
fn said(place: &Place, ran: &Ran) -> Vec<String> {
    last_lines(&ran.stderr, 8).into_iter().map(|line| format!("{}: {line}", place.name)).collect()
}

/// At most so many lines, the last ones, without the name of the command.
fn last_lines(bytes: &[u8], most: usize) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().map(|line| line.strip_prefix("rootcontract: ").unwrap_or(line).to_owned());
    let lines: Vec<String> = lines.filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(most)..].to_vec()
}
