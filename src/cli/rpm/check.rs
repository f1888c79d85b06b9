//! `rootcontract rpm check`: will the scriptlets of these packages work?

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;
use rootcontract::arch;
use rootcontract::contract::{Contract, Word};
use rootcontract::facts::text;
use rootcontract::parallel::{in_parallel, processors};
use rootcontract::profile::Profile;
use rootcontract::report::show;
use rootcontract::rpm::install::has_rpm;
use rootcontract::rpm::judge::{Asked, Judge};
use rootcontract::rpm::package::Package;
use rootcontract::rpm::reading::Reading;
use rootcontract::rpm::report::{Document, NotJudged, Report, github, human, junit, sarif};
use rootcontract::rpm::scriptlet::Slot;
use rootcontract::rpm::spec::is_spec;
use rootcontract::rpm::verdict::{RpmVersion, Scenario, USUAL};
use rootcontract::rpm::waiver::Waivers;
use rootcontract::tree;
use rootcontract::waiver::today;

use super::super::contracts;
use super::super::failure::{Failure, tell};
use super::super::format::{Formats, ReportKind};
use super::super::matrix::{Architectures, architecture};
use super::super::output;
use super::closure::Closures;
use super::install::{Install, Place};
use super::spec;

/// Say whether a package's scriptlets work in a build root, and what they assume that is not there
///
/// Reads the packages, never their files, and goes through the scriptlets. Where there is a tree, bubblewrap and an rpm it
/// also installs, upgrades and erases each package in a copy of that tree, contained whatever the profile, and looks at what
/// the scriptlets are refused. A spec (FILE.spec) is read by rpmspec in such a room, for each architecture that is asked for,
/// and its packages are judged before anybody builds them. Takes no root and no network. Exits with 0 when they work, 1 when a
/// build fails, the image is broken or the machine that builds is changed, 2 when that can't be told.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rootcontract rpm check mypkg-1.0-1.noarch.rpm
  rootcontract rpm check ~/rpmbuild/RPMS                  every package in it, and no spec
  rootcontract rpm check --arch all mypkg.spec            the packages that it will make
  rootcontract rpm check --rpm-version 6.0 --scenario install --format json=rpm.json --format human *.rpm
  rootcontract rpm check --format github --format sarif=rpm.sarif *.rpm            in a CI system
  rootcontract rpm check --closure deps mypkg-1.0-1.noarch.rpm  in a tree of what its scriptlets require
  rootcontract rpm check --scriptlet post script.sh       a script that is in no package yet
  rootcontract explain systemd.runtime                    what does a rule mean?")]
pub struct Check {
    /// Packages, directories of packages, specs, or - for a package on standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Profile whose contract they are held to; may be repeated [default: osbuild]
    #[arg(long = "profile", value_name = "PROFILE")]
    profiles: Vec<Profile>,
    /// Contract of your own, instead of the profile's
    #[arg(long, value_name = "FILE", conflicts_with = "profiles")]
    contract: Option<PathBuf>,
    /// Architecture of the build root, `all` for the five; may be repeated [default: the package's own, else this machine's]
    #[arg(long = "arch", value_name = "ARCH", value_parser = architecture())]
    architectures: Vec<Architectures>,
    /// Versions of the build root's rpm [default: 4.16,4.20,6.0]
    #[arg(long = "rpm-version", value_name = "VERSION", value_delimiter = ',')]
    versions: Vec<RpmVersion>,
    /// What is done with the package [default: all three]
    #[arg(long = "scenario", value_name = "SCENARIO", value_delimiter = ',')]
    scenarios: Vec<Scenario>,
    /// The files are scripts, which rpm would run at this moment
    #[arg(long, value_name = "MOMENT", value_parser = PossibleValuesParser::new(Slot::ALL.iter().map(|slot| slot.as_str())))]
    scriptlet: Option<String>,
    /// What may be so for now, each with rule, reason, owner and last day; what needs no waiver fails
    #[arg(long, value_name = "FILE")]
    waivers: Option<PathBuf>,
    /// Run nothing of a package. A spec is read all the same, which runs what is in it, in a sandbox
    #[arg(long = "static")]
    is_static: bool,
    /// Tree that the package is installed in: a copy of it, in a room that nothing gets out of
    /// [default: target/trees/ARCH, where ci/tree has made it]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["is_static", "scriptlet"])]
    tree: Option<PathBuf>,
    /// Directory of packages at hand, searched with what is below: the package is installed in a tree of those that it
    /// requires for its scriptlets, Requires(pre) and the like, and what those require; may be repeated
    #[arg(long = "closure", value_name = "DIR", conflicts_with_all = ["is_static", "scriptlet", "tree"])]
    closures: Vec<PathBuf>,
    /// Root directory of the system whose rpm installs it, and reads specs [default: /]
    #[arg(long, value_name = "DIR", conflicts_with = "scriptlet")]
    root: Option<PathBuf>,
    /// How long a spec may take to be read, each time rpm is asked
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration, conflicts_with = "scriptlet")]
    spec_timeout: Duration,
    #[command(flatten)]
    formats: Formats<ReportKind>,
}

impl Check {
    pub fn perform(self) -> Result<ExitCode, Failure> {
        self.formats.check()?;
        let contracts = self.contracts()?;
        let judges = Judges::of(&contracts);
        self.named_is_there()?;
        let waivers = self.waivers.as_deref().map(Waivers::load).transpose()?;
        let files = self.packages()?;
        let closures = match self.closures.as_slice() {
            [] => None,
            directories => Some(Closures::of(directories, &files, self.system())?),
        };
        let judged = in_parallel(&files, processors(), |file| self.judge(file, &judges, self.place(closures.as_ref())));
        let (mut reports, mut failures) = (Vec::new(), Vec::new());
        for (judged, refused) in judged {
            reports.extend(judged);
            failures.extend(refused);
        }
        let mut document = Document::new(reports, failures);
        let is_needed = self.waive(waivers.as_ref(), &mut document)?;
        self.formats.write(|kind| match kind {
            ReportKind::Human => Ok(human::render(&document)),
            ReportKind::Json => output::json(&document),
            ReportKind::Junit => Ok(junit::render(&document)?),
            ReportKind::Github => Ok(github::render(&document)),
            ReportKind::Sarif => Ok(sarif::render(&document)?),
        })?;
        let code = document.exit_code();
        Ok(ExitCode::from(if code == 0 && !is_needed { 1 } else { code }))
    }

    /// Lets pass what is waived; whether every waiver is needed. Those that are not are told.
    fn waive(&self, waivers: Option<&Waivers>, document: &mut Document) -> Result<bool, Failure> {
        let (Some(file), Some(waivers)) = (&self.waivers, waivers) else { return Ok(true) };
        let unneeded = waivers.apply(document, today().ok_or(Failure::NoClock)?);
        for waiver in &unneeded {
            let (rule, owner) = (&waiver.rule, show::shown(&waiver.owner));
            tell(&format!("{}: {rule} of {owner} finds nothing: remove the waiver", file.display()));
        }
        Ok(unneeded.is_empty())
    }

    fn contracts(&self) -> Result<Vec<Contract>, Failure> {
        match &self.contract {
            Some(file) => Ok(vec![Contract::load(file)?]),
            None if self.profiles.is_empty() => contracts::of_profiles(&[Profile::NEWEST_OSBUILD]),
            None => contracts::of_profiles(&self.profiles),
        }
    }

    /// The files that were named, and those in directories that were.
    fn packages(&self) -> Result<Vec<PathBuf>, Failure> {
        let mut files = Vec::new();
        for file in &self.files {
            if !file.is_dir() {
                files.push(file.clone());
                continue;
            }
            let unreadable = |source| Failure::NoPackages { directory: file.clone(), source };
            let entries = fs::read_dir(file).map_err(unreadable)?;
            let mut found =
                entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>().map_err(unreadable)?;
            found.retain(|path| path.extension() == Some(OsStr::new("rpm")));
            if found.is_empty() {
                return Err(Failure::NoPackage { directory: file.clone() });
            }
            found.sort();
            files.extend(found);
        }
        Ok(files)
    }

    /// The system whose rpm it is.
    fn system(&self) -> &Path {
        self.root.as_deref().unwrap_or(Path::new("/"))
    }

    /// Whether what was named to install packages with and in can be used at all.
    fn named_is_there(&self) -> Result<(), Failure> {
        for root in self.tree.iter().chain(&self.root) {
            tree::is_there(root)?;
        }
        Ok(self.root.as_deref().map_or(Ok(()), has_rpm)?)
    }

    /// One package, in every room that it can come into; why it was not, or not as it was asked.
    fn judge(&self, file: &Path, judges: &Judges<'_>, place: Place<'_>) -> (Vec<Report>, Vec<NotJudged>) {
        let named = text::escape(file.as_os_str().as_bytes());
        let refused = |reason: String| NotJudged { file: named.clone(), reason };
        match self.judged(file, &named, judges, place) {
            Ok((reports, reasons)) => (reports, reasons.into_iter().map(refused).collect()),
            Err(reason) => (Vec::new(), vec![refused(reason)]),
        }
    }

    /// The reports, and why what was asked for could not be done besides.
    fn judged(
        &self,
        file: &Path,
        named: &str,
        judges: &Judges<'_>,
        place: Place<'_>,
    ) -> Result<(Vec<Report>, Vec<String>), String> {
        if is_spec(file) && self.scriptlet.is_none() {
            return Ok((self.judge_spec(file, named, judges)?, Vec::new()));
        }
        let package = self.read(file)?;
        let reading = Reading::of(package);
        let asked = self.asked();
        let architectures = self.architectures(&reading.package)?;
        let mut reports: Vec<Report> =
            judges.on(&architectures).map(|judge| judge.judge(named, &reading, &asked)).collect();
        let mut reasons = Vec::new();
        if !self.is_static && self.scriptlet.is_none() {
            let install = Install { root: self.root.as_deref(), place, file, scenarios: &asked.scenarios };
            let observed = reports.iter_mut().map(|report| install.observe(report, &reading.package, judges));
            reasons.extend(observed.filter_map(Result::err));
        }
        Ok((reports, reasons))
    }

    /// Every package that a spec makes, for each architecture in its rooms.
    fn judge_spec(&self, file: &Path, named: &str, judges: &Judges<'_>) -> Result<Vec<Report>, String> {
        let read = spec::read(self.system(), file, self.spec_timeout, &self.named_or_native())?;
        let asked = self.asked();
        let mut reports = Vec::new();
        for (arch, package) in read.packages {
            let reading = Reading::of(package);
            reports.extend(judges.on(&[arch]).map(|judge| judge.judge(named, &reading, &asked)));
        }
        for report in &mut reports {
            report.notes.extend_from_slice(&read.notes);
            read.lines.locate(&mut report.findings);
            report.coverage.because("a spec was read, and there is no package yet that could be installed");
        }
        Ok(reports)
    }

    fn asked(&self) -> Asked {
        Asked {
            scenarios: if self.scenarios.is_empty() { Scenario::ALL.to_vec() } else { self.scenarios.clone() },
            versions: if self.versions.is_empty() { USUAL.to_vec() } else { self.versions.clone() },
        }
    }

    /// What packages are installed in.
    fn place<'a>(&'a self, closures: Option<&'a Closures>) -> Place<'a> {
        match (closures, &self.tree) {
            (Some(closures), _) => Place::Closure(closures),
            (None, Some(tree)) => Place::Tree(tree),
            (None, None) => Place::Usual,
        }
    }

    fn read(&self, file: &Path) -> Result<Package, String> {
        let told = |error: io::Error| show::line(&error);
        let mut source: Box<dyn Read> = if file == Path::new("-") {
            Box::new(io::stdin().lock())
        } else {
            Box::new(io::BufReader::new(File::open(file).map_err(told)?))
        };
        match &self.scriptlet {
            None => Package::read(&mut source).map_err(|error| show::line(&error)),
            Some(moment) => {
                let slot = Slot::ALL.iter().copied().find(|slot| slot.as_str() == moment).unwrap_or(Slot::Post);
                Package::of_script(&mut source, slot).map_err(told)
            }
        }
    }

    /// Those that were asked for and that the package is for.
    fn architectures(&self, package: &Package) -> Result<Vec<&'static str>, String> {
        let own = arch::ALL.iter().find(|arch| arch.rpm == package.arch).map(|arch| arch.name);
        match own {
            Some(own) if self.architectures.is_empty() || self.named_or_native().contains(&own) => Ok(vec![own]),
            Some(own) => Err(format!("it is for {own}, which was not asked for")),
            None => Ok(self.named_or_native()),
        }
    }

    /// Those that were asked for, else this machine's.
    fn named_or_native(&self) -> Vec<&'static str> {
        if self.architectures.is_empty() {
            return vec![arch::native().map_or("x86_64", |arch| arch.name)];
        }
        self.architectures.iter().flat_map(|words| &words.0).map(|arch| arch.name).collect()
    }
}

/// A judge for each contract and architecture.
pub struct Judges<'contract>(Vec<(&'static str, Judge<'contract>)>);

impl<'contract> Judges<'contract> {
    fn of(contracts: &'contract [Contract]) -> Self {
        let every = contracts.iter().flat_map(|contract| arch::ALL.iter().map(move |arch| (contract, arch.name)));
        Self(every.map(|(contract, arch)| (arch, Judge::new(contract, arch))).collect())
    }

    /// The one of a report.
    pub fn of_report(&self, report: &Report) -> Option<&Judge<'contract>> {
        self.0.iter().map(|(_, judge)| judge).find(|judge| judge.is_of(report))
    }

    fn on(&self, architectures: &[&'static str]) -> impl Iterator<Item = &Judge<'contract>> {
        self.0.iter().filter(|(arch, _)| architectures.contains(arch)).map(|(_, judge)| judge)
    }
}
