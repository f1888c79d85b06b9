//! `rootcontract doctor`: can a build root be built here, and if not, why not?

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use rootcontract::arch::Architecture;
use rootcontract::doctor::{Asked, State, examine, human};
use rootcontract::inspect::native;

use super::failure::Failure;
use super::format::{Formats, Kind};
use super::matrix::{Architectures, architecture};
use super::output;

/// Say whether a build root can be built here, and how what is missing is mended
///
/// Looks at every precondition and tries what can be tried; changes nothing. Exits with 0 when all that is required is
/// there, 1 when something is missing, 2 when nothing is, and something could not be looked at.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rootcontract doctor
  rootcontract doctor --arch s390x --arch aarch64         can their programs run here, too?
  rootcontract doctor --arch all --format json=doctor.json --format human")]
pub struct Doctor {
    /// Architecture whose probe and programs are needed, `all` for the five; may be repeated [default: this machine's]
    #[arg(long = "arch", value_name = "ARCH", value_parser = architecture())]
    architectures: Vec<Architectures>,
    /// bubblewrap to ask [default: the first bwrap in PATH]
    #[arg(long, value_name = "PATH")]
    bwrap: Option<PathBuf>,
    #[command(flatten)]
    formats: Formats<Kind>,
}

impl Doctor {
    pub fn perform(self) -> Result<ExitCode, Failure> {
        self.formats.check()?;
        let document = examine(&Asked { architectures: self.architectures()?, bwrap: self.bwrap });
        self.formats.write(|kind| match kind {
            Kind::Human => Ok(human::render(&document)),
            Kind::Json => output::json(&document),
        })?;
        Ok(ExitCode::from(match document.state {
            State::Ok => 0,
            State::Missing => 1,
            State::Unknown => 2,
        }))
    }

    /// Those that were named, each once.
    fn architectures(&self) -> Result<Vec<&'static Architecture>, Failure> {
        if self.architectures.is_empty() {
            return Ok(vec![native().map_err(Failure::NoProbe)?]);
        }
        let mut once: Vec<&'static Architecture> = Vec::new();
        for arch in self.architectures.iter().flat_map(|words| words.0.iter().copied()) {
            if !once.contains(&arch) {
                once.push(arch);
            }
        }
        Ok(once)
    }
}
