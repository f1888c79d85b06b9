//! The options that build the sandbox: the same words in every subcommand that builds one.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use rootcontract::arch;
use rootcontract::buildroot::{BuildRoot, Builder, MissingCapabilities, Surroundings};
use rootcontract::bwrap::{self, About};
use rootcontract::facts::launch::Phase;
use rootcontract::facts::{Document, text};
use rootcontract::inspect::{Subject, find_probe, inspect};
use rootcontract::plan::CapabilityPolicy;
use rootcontract::profile::Profile;

use super::failure::{Failure, tell};

/// What sandbox is built, of what, with what.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "The sandbox")]
pub struct Sandbox {
    /// What is built: osbuild-v19, osbuild-v190, or osbuild for the newest
    #[arg(long = "profile", value_name = "PROFILE")]
    pub profiles: Vec<Profile>,
    /// Root directory of the system it is made of
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Architecture of that system [default: this machine's]
    #[arg(long, value_name = "ARCH", value_parser = PossibleValuesParser::new(arch::ALL.iter().map(|arch| arch.name)))]
    arch: Option<String>,
    /// bubblewrap to build it with [default: the first bwrap in PATH]
    #[arg(long, value_name = "PATH")]
    bwrap: Option<PathBuf>,
    /// osbuild runner that prepares it [default: none]
    #[arg(long, value_name = "PATH")]
    runner: Option<PathBuf>,
    /// Directory shown as /run/osbuild/lib [default: an empty one]
    #[arg(long, value_name = "DIR")]
    libdir: Option<PathBuf>,
    /// `stage` (what osbuild gives its stages), `inherit` (all there are), or a list of names
    #[arg(long, value_name = "CAP,CAP...", default_value = "stage")]
    capabilities: CapabilityPolicy,
    /// Refuse to go on when a capability that is asked for is not to be had
    #[arg(long)]
    strict_capabilities: bool,
    /// raw: what bubblewrap built; runner: after the runner [default: runner if there is one]
    #[arg(long, value_name = "PHASE", value_parser = phase())]
    phase: Option<Phase>,
    /// Probe that looks at it from inside [default: the one that ci/probes built or a package installed]
    #[arg(long, value_name = "PATH")]
    probe: Option<PathBuf>,
}

/// The options of this group that make no sense where nothing is built.
pub const BUILDING: [&str; 9] =
    ["root", "arch", "bwrap", "runner", "libdir", "capabilities", "strict_capabilities", "phase", "probe"];

fn phase() -> impl TypedValueParser<Value = Phase> {
    PossibleValuesParser::new(["raw", "runner"]).map(|word| if word == "raw" { Phase::Raw } else { Phase::Runner })
}

impl Sandbox {
    /// The profile where there can be only one.
    pub fn profile(&self) -> Profile {
        self.profiles.last().copied().unwrap_or(Profile::NEWEST_OSBUILD)
    }

    /// What the sandbox is made of, as it was named.
    pub fn place(&self) -> String {
        text::escape(self.root.as_os_str().as_bytes())
    }

    /// How the root is opened for a command, after the runner if it is to have one.
    pub fn builder(&self, profile: Profile) -> Result<Builder, Failure> {
        let builder = self.bare(profile)?;
        Ok(match (&self.runner, self.phase()) {
            (Some(runner), Phase::Runner) => builder.runner(runner),
            (Some(_) | None, Phase::Raw | Phase::Runner) => builder,
        })
    }

    /// Opens a root, looks at it from inside and closes it. What the payload does without is told.
    pub fn look(&self, profile: Profile, about: &About) -> Result<Document, Failure> {
        let architecture = self.architecture()?;
        let probe = match &self.probe {
            Some(probe) => probe.clone(),
            None => find_probe(&architecture).map_err(Failure::NoProbe)?,
        };
        let subject = Subject {
            phase: self.phase(),
            runner: self.runner.clone(),
            probe,
            about: about.clone(),
            surroundings: Surroundings::Canaries,
        };
        let document = inspect(self.bare(profile)?, &subject).map_err(|source| Failure::Inspect { profile, source })?;
        let missing = document.launch.as_ref().map(|launch| launch.capabilities.missing.join(", ")).unwrap_or_default();
        if !missing.is_empty() {
            tell(&format!("warning: {profile}: the payload does without {missing}, which this process does not have"));
        }
        Ok(document)
    }

    /// What the bubblewrap in use says of itself.
    pub fn about(&self) -> Result<About, Failure> {
        let path = match &self.bwrap {
            Some(path) => path.clone(),
            None => bwrap::find(std::env::var_os("PATH").as_deref())?,
        };
        Ok(bwrap::about(&path))
    }

    fn phase(&self) -> Phase {
        self.phase.unwrap_or(if self.runner.is_some() { Phase::Runner } else { Phase::Raw })
    }

    fn architecture(&self) -> Result<String, Failure> {
        let native = arch::native().map_or(std::env::consts::ARCH, |arch| arch.name);
        match &self.arch {
            Some(wanted) if wanted != native => {
                Err(Failure::ForeignArchitecture { wanted: wanted.clone(), native: native.to_owned() })
            }
            Some(_) | None => Ok(native.to_owned()),
        }
    }

    /// How the root is opened, but for the runner.
    fn bare(&self, profile: Profile) -> Result<Builder, Failure> {
        self.architecture()?;
        let missing =
            if self.strict_capabilities { MissingCapabilities::Refuse } else { MissingCapabilities::Intersect };
        let mut builder = BuildRoot::builder(&self.root)
            .profile(profile)
            .capabilities(self.capabilities.clone())
            .missing_capabilities(missing);
        if let Some(bwrap) = &self.bwrap {
            builder = builder.bwrap(bwrap);
        }
        if let Some(libdir) = &self.libdir {
            builder = builder.libdir(libdir);
        }
        Ok(builder)
    }
}
