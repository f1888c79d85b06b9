//! `rootcontract escapes`: which ways out of a sandbox are open?

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use rootcontract::bwrap;
use rootcontract::contract::Word;
use rootcontract::escapes::Escape;
use rootcontract::escapes::document::{Column, Document, Role, Standing};
use rootcontract::escapes::human;
use rootcontract::escapes::line::Line;
use rootcontract::escapes::trial::Trial;
use rootcontract::facts::escape::Attempts;
use rootcontract::facts::launch::Privilege;
use rootcontract::facts::text;
use rootcontract::inspect::{find_probe, native};
use rootcontract::plan::CapabilityPolicy;
use rootcontract::profile::Profile;
use rootcontract::report::Bwrap;

use super::clauses::matches;
use super::failure::{Failure, tell};
use super::format::{Formats, Kind};
use super::output;
use super::sandbox::privilege;
use super::signals::Signals;

/// Try the known ways out of a sandbox, each harmless also where it works, and say which are open
///
/// Build roots are built of a throw-away tree, in namespaces that nothing else lives in. With `-- bwrap ...` it is
/// somebody else's sandbox that is judged: the probe takes the place of the command after the second `--`. Where that is
/// the path of a file that is there, nothing is made on the way; descriptors and variables are not passed on.
/// Exits with 0 when nothing is open, 1 when something is, 2 when it could not be found out.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rootcontract escapes
  rootcontract escapes --profile osbuild --control --format json=escapes.json
  rootcontract escapes --only 'proc.*' --bwrap /usr/bin/bwrap ./bwrap
  rootcontract escapes -- bwrap --ro-bind / / --dev /dev --proc /proc --unshare-all -- /bin/sh")]
pub struct Escapes {
    /// Profile that is tried; may be repeated [default: every profile, or none where a sandbox is given]
    #[arg(long = "profile", value_name = "PROFILE")]
    profiles: Vec<Profile>,
    /// root, userns-subid, or userns-single [default: the best there is, in this order]
    #[arg(long, value_name = "PRIVILEGE", value_parser = privilege())]
    privilege: Option<Privilege>,
    /// `stage`, `inherit`, or a list of names [default: what the profile's stages have]
    #[arg(long, value_name = "CAP,CAP...")]
    capabilities: Option<CapabilityPolicy>,
    /// bubblewrap to build profiles with, each with every one; may be repeated [default: the first bwrap in PATH]
    #[arg(long = "bwrap", value_name = "PATH", num_args = 1..)]
    bwraps: Vec<PathBuf>,
    /// Only ways out whose name matches; may be repeated
    #[arg(long, value_name = "GLOB")]
    only: Vec<glob::Pattern>,
    /// Try them in a sandbox that contains nothing too, and name those that are open nowhere on this machine
    #[arg(long)]
    control: bool,
    /// Probe that tries them [default: the one that ci/probes built or a package installed]
    #[arg(long, value_name = "PATH")]
    probe: Option<PathBuf>,
    #[command(flatten)]
    formats: Formats,
    /// Somebody else's sandbox: a bubblewrap, its options, `--` and a command
    #[arg(last = true, value_name = "BWRAP")]
    line: Vec<OsString>,
}

impl Escapes {
    pub fn perform(self) -> Result<ExitCode, Failure> {
        self.formats.check()?;
        let escapes: Vec<_> = Escape::all().filter(|escape| matches(&self.only, escape.id)).collect();
        if escapes.is_empty() {
            return Err(Failure::no_way_out_matches(&self.only));
        }
        let document = Document::of(&escapes, self.columns()?);
        self.formats.write(|kind| match kind {
            Kind::Human => Ok(human::render(&document)),
            Kind::Json => output::json(&document),
        })?;
        Ok(match document.standing() {
            Standing::Closed => ExitCode::SUCCESS,
            Standing::Open => ExitCode::FAILURE,
            Standing::Unknown => ExitCode::from(2),
        })
    }

    /// Every sandbox that is meant, tried.
    fn columns(&self) -> Result<Vec<Column>, Failure> {
        let own = || native().and_then(|arch| find_probe(arch.name)).map_err(Failure::NoProbe);
        let probe = self.probe.clone().map_or_else(own, Ok)?;
        let is_given = !self.line.is_empty();
        let profiles =
            if self.profiles.is_empty() && !is_given { Profile::ALL.to_vec() } else { self.profiles.clone() };
        let builds = !profiles.is_empty() || self.control;
        let says_how = !self.bwraps.is_empty() || self.privilege.is_some() || self.capabilities.is_some();
        if says_how && !builds {
            return Err(Failure::NoProfile);
        }
        let mut columns = Vec::new();
        for bwrap in self.bubblewraps(builds)? {
            for &profile in &profiles {
                columns.push(self.of_profile(profile, &bwrap, &probe)?);
            }
            if self.control {
                columns.push(of_line(&Line::control(&bwrap), Role::Control, &probe)?);
            }
        }
        if is_given {
            columns.push(of_line(&Line::parse(&self.line)?, Role::Judged, &probe)?);
        }
        Ok(columns)
    }

    /// The bubblewraps that build profiles, if there is one to be built.
    fn bubblewraps(&self, needed: bool) -> Result<Vec<PathBuf>, Failure> {
        match (needed, self.bwraps.is_empty()) {
            (false, _) => Ok(Vec::new()),
            (true, false) => Ok(self.bwraps.clone()),
            (true, true) => Ok(vec![found(Path::new("bwrap"))?]),
        }
    }

    fn of_profile(&self, profile: Profile, bwrap: &Path, probe: &Path) -> Result<Column, Failure> {
        let trial = Trial {
            profile,
            capabilities: self.capabilities.clone().unwrap_or_else(|| profile.default_capabilities()),
            privilege: self.privilege,
            bwrap: bwrap.to_owned(),
            probe: probe.to_owned(),
        };
        let signals = Signals::caught()?;
        let tried = signals.or_ended(|_| {
            let tried = trial.attempt(Some(signals.own_descriptor()?));
            tried.map_err(|source| Failure::Escape { sandbox: profile.name().to_owned(), source: Box::new(source) })
        })?;
        tell(&format!("{profile}: tried as {}", tried.privilege.as_str()));
        Ok(column(profile.name().to_owned(), Role::Judged, Some(tried.privilege), bwrap, tried.attempts))
    }
}

fn of_line(line: &Line, role: Role, probe: &Path) -> Result<Column, Failure> {
    let sandbox = match role {
        Role::Judged => line.shell(),
        Role::Control => "control".to_owned(),
    };
    let failed = |source| Failure::Escape { sandbox: sandbox.clone(), source: Box::new(source) };
    let bwrap = found(&line.program)?;
    let attempts = line.attempt(&bwrap, probe).map_err(failed)?;
    Ok(column(sandbox, role, None, &bwrap, attempts))
}

/// A program by its path, or bubblewrap by its name.
fn found(program: &Path) -> Result<PathBuf, Failure> {
    if program == Path::new("bwrap") {
        return Ok(bwrap::find(std::env::var_os("PATH").as_deref())?);
    }
    Ok(program.to_owned())
}

fn column(sandbox: String, role: Role, privilege: Option<Privilege>, bwrap: &Path, attempts: Attempts) -> Column {
    let about = bwrap::about(bwrap);
    let path = text::escape(bwrap.as_os_str().as_bytes());
    let bwrap = Bwrap { path, version: about.version, package: about.package };
    Column { sandbox, role, privilege, bwrap, outcomes: attempts.outcomes }
}
