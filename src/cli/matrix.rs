//! `rootcontract matrix`: every profile in every place.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use rootcontract::arch::{self, Architecture};
use rootcontract::contract::Contract;
use rootcontract::matrix::{ALL, Part, Place, Usual, Wanted, architectures, workshop};
use rootcontract::profile::Profile;
use rootcontract::report::sarif::Around;
use rootcontract::report::{Dealt, Document, NotChecked, Report, Shard, Standing, overview};

use super::cells::{Check, Done};
use super::clauses::some_match;
use super::failure::{Failure, tell};
use super::format::{Formats, ReportKind};
use super::jobs::Jobs;
use super::signals::Signals;
use super::{contracts, findings};

/// Check every profile in every place: trees on this machine, and booted machines
///
/// Prints a table of places and profiles, and below it what is not the same everywhere. Exits with 0 when everything
/// held, 1 when a clause is broken, 2 when something could not be checked: a place that is asked for and not there is
/// one of those. 128+n when signal n ended it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rootcontract matrix                                     the usual places of all architectures
  rootcontract matrix --arch s390x --in trees --profile osbuild
  rootcontract matrix --tree /srv/trees/f43 --machine target/machines/ppc64le-bookworm
  rootcontract matrix --bwrap target/bwraps/*/bwrap       every bubblewrap that `ci/bwraps` brought
  rootcontract matrix --file ci/matrix.toml --format human --format junit=report.xml
  rootcontract matrix --arch all --shard 1/3 --format json=shard-1.json

Waivers in a file:
  schema = \"rootcontract.waivers/1\"
  [[waiver]]
  clause = \"path.osbuild.mode\"     profile and arch, if it is not about all
  reason = \"bubblewrap 0.4 makes parents 0755\"
  owner = \"build team\"
  expires = 2027-01-31

A matrix in a file:
  schema = \"rootcontract.matrix/1\"
  profiles = [\"osbuild\"]
  architectures = [\"all\"]         or names
  in = [\"trees\", \"machines\"]
  trees = [\"trees/f43\"]           paths are relative to the file
  machines = [\"machines/x\"]
  bwraps = [\"bwraps/0.13/bwrap\"]
  only = [\"mount.*\"]")]
pub struct Matrix {
    /// Profile; may be repeated [default: every profile]
    #[arg(long = "profile", value_name = "PROFILE")]
    profiles: Vec<Profile>,
    /// Architecture whose usual places are meant: target/trees/ARCH and target/machines/ARCH-*; may be repeated
    /// [default: all, which is those that CI gates on, where no place is named]
    #[arg(long = "arch", value_name = "ARCH", value_parser = architecture())]
    architectures: Vec<Architectures>,
    /// Which of the usual places are meant; may be repeated [default: both]
    #[arg(long = "in", value_name = "PLACES", value_parser = usual())]
    usual: Vec<Usual>,
    /// Root directory of a system; may be repeated
    #[arg(long = "tree", value_name = "DIR")]
    trees: Vec<PathBuf>,
    /// Directory that `ci/machine` made; may be repeated
    #[arg(long = "machine", value_name = "IMAGE")]
    machines: Vec<PathBuf>,
    /// bubblewrap to build trees with, each with every one; may be repeated. Machines have their own
    /// [default: the first bwrap in PATH; with this option and no place it is this machine's own root that is checked]
    #[arg(long = "bwrap", value_name = "PATH", num_args = 1..)]
    bwraps: Vec<PathBuf>,
    /// Matrix that was written down; options add to it
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Only clauses whose id matches; may be repeated
    #[arg(long, value_name = "GLOB")]
    only: Vec<glob::Pattern>,
    /// What may be broken for now, each with reason, owner and last day; what needs no waiver fails
    #[arg(long, value_name = "FILE")]
    waivers: Option<PathBuf>,
    /// How long each machine may take, from its boot to its report
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = humantime::parse_duration)]
    timeout: Duration,
    /// Only one part of so many, which `report merge` puts together again
    #[arg(long, value_name = "K/N")]
    shard: Option<Part>,
    #[command(flatten)]
    jobs: Jobs,
    #[command(flatten)]
    formats: Formats<ReportKind>,
}

/// What a word of `--arch` stands for.
#[derive(Debug, Clone)]
pub struct Architectures(pub Vec<&'static Architecture>);

/// An architecture's name, or the word for all that are gated.
pub fn architecture() -> impl TypedValueParser<Value = Architectures> {
    let words = std::iter::once(ALL).chain(arch::ALL.iter().map(|arch| arch.name));
    PossibleValuesParser::new(words).map(|word| Architectures(architectures(&word).unwrap_or_default()))
}

fn usual() -> impl TypedValueParser<Value = Usual> {
    let meant = |word: &str| Usual::ALL.into_iter().find(|(known, _)| *known == word);
    PossibleValuesParser::new(Usual::ALL.map(|(word, _)| word))
        .map(move |word| meant(&word).map_or(Usual::Trees, |(_, usual)| usual))
}

impl Matrix {
    pub fn perform(self) -> Result<ExitCode, Failure> {
        self.formats.check()?;
        let wanted = self.wanted()?;
        let targets: Vec<(Profile, Contract)> =
            wanted.profiles.iter().copied().zip(contracts::of_profiles(&wanted.profiles)?).collect();
        some_match(&wanted.only, targets.iter().map(|(_, contract)| contract))?;
        let waivers = findings::waivers(self.waivers.as_deref(), &[])?;
        let (places, shard) = self.part(wanted.places(&workshop())?, &wanted)?;
        let signals = Signals::caught()?;
        let check =
            Check { targets: &targets, only: &wanted.only, timeout: self.timeout, signals, about: OnceLock::new() };
        let done = self.all(&check, &places);
        let Some(done) = done else {
            let signal = signals.which();
            tell(&format!("matrix: ended by signal {signal}"));
            return Ok(ExitCode::from(128 + signal));
        };
        let mut document = document(done, shard);
        let needed = findings::waive(&mut document, waivers.as_ref())?;
        let code = findings::write(&document, &self.formats, &Around::default(), || overview::render(&document))?;
        Ok(needed.or(document.standing(), code))
    }

    /// What the file and the options say, and what is meant where they say nothing.
    fn wanted(&self) -> Result<Wanted, Failure> {
        let file = match &self.file {
            Some(file) => Wanted::load(file)?,
            None => Wanted::default(),
        };
        let options = Wanted {
            profiles: self.profiles.clone(),
            architectures: self.architectures.iter().flat_map(|some| some.0.clone()).collect(),
            usual: self.usual.clone(),
            trees: self.trees.clone(),
            machines: self.machines.clone(),
            bwraps: self.bwraps.clone(),
            only: self.only.clone(),
        };
        Ok(file.and(options).or_all())
    }

    /// The places that are ours to check, and what the whole is if that is more.
    fn part(&self, places: Vec<Place>, wanted: &Wanted) -> Result<(Vec<Place>, Option<Shard>), Failure> {
        let Some(part) = self.shard else { return Ok((places, None)) };
        let parts = part.deal(&places);
        let whole = places.iter().zip(&parts).map(|(place, &shard)| Dealt { place: place.name.clone(), shard });
        let shard = Shard {
            number: part.number,
            of: part.of,
            profiles: wanted.profiles.iter().map(|profile| profile.name().to_owned()).collect(),
            only: wanted.only.iter().map(|pattern| pattern.as_str().to_owned()).collect(),
            places: whole.collect(),
        };
        let ours: Vec<Place> = places
            .into_iter()
            .zip(parts)
            .filter(|(_, number)| *number == part.number)
            .map(|(place, _)| place)
            .collect();
        // A job that checked nothing must not look like one that found nothing wrong.
        if ours.is_empty() {
            Err(Failure::EmptyShard { part, places: shard.places.len() })
        } else {
            Ok((ours, Some(shard)))
        }
    }

    /// What came of every place, in their order; `None` if a signal came before everything was done. Machines are begun
    /// first: they take longest.
    fn all(&self, check: &Check<'_>, places: &[Place]) -> Option<Vec<Done>> {
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.sort_by_key(|&index| !places[index].is_machine());
        let progress = Mutex::new(Progress { done: 0, of: places.len(), told: BTreeSet::new() });
        let mut done = self.jobs.each(&order, |&index| {
            if check.signals.came() {
                return None;
            }
            let done = check.of(&places[index]);
            if check.signals.came() {
                return None;
            }
            progress.lock().unwrap_or_else(PoisonError::into_inner).tell(&places[index], &done);
            Some((index, done))
        });
        done.sort_by_key(|done| done.as_ref().map(|(index, _)| *index));
        done.into_iter().map(|done| done.map(|(_, done)| done)).collect()
    }
}

/// One document of everything. Whatever a shard is part of, it says.
fn document(done: Vec<Done>, shard: Option<Shard>) -> Document {
    let mut document = Document { shard, ..Document::new(Vec::new()) };
    for cell in done.into_iter().flat_map(|done| done.cells) {
        match cell {
            Ok(report) => document.reports.push(report),
            Err(failure) => document.failures.push(failure),
        }
    }
    document
}

/// What is said while places are done with.
struct Progress {
    done: usize,
    of: usize,
    /// What is to be said once, and was.
    told: BTreeSet<String>,
}

impl Progress {
    fn tell(&mut self, place: &Place, done: &Done) {
        self.done += 1;
        for line in &done.told {
            if self.told.insert(line.clone()) {
                tell(line);
            }
        }
        let took = done.took.as_secs_f64();
        tell(&format!("{}/{} {}: {} ({took:.1} s)", self.done, self.of, place.name, in_words(&done.cells)));
    }
}

/// `osbuild-v19 held, osbuild-v190 held`; one reason for all is said once.
fn in_words(cells: &[Result<Report, NotChecked>]) -> String {
    let reason = |cell: &Result<Report, NotChecked>| cell.as_ref().err().map(|failure| failure.reason.clone());
    if let Some(one) =
        cells.first().and_then(reason).filter(|one| cells.iter().all(|cell| reason(cell).as_ref() == Some(one)))
    {
        return format!("could not be checked: {one}");
    }
    let word = |cell: &Result<Report, NotChecked>| match cell {
        Ok(report) => match report.summary.standing() {
            Standing::Held => format!("{} held", report.profile),
            Standing::Broken => format!("{} {} broken", report.profile, report.summary.broken),
            Standing::Unknown => format!("{} {} unknown", report.profile, report.summary.unknown),
        },
        Err(failure) => format!("{} could not be checked: {}", failure.profile, failure.reason),
    };
    cells.iter().map(word).collect::<Vec<_>>().join(", ")
}
