//! `rootcontract upgrade-check`: may this bubblewrap take that one's place?

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgGroup, Args};
use rootcontract::baseline::Baseline;
use rootcontract::inspect::{find_probe, native};
use rootcontract::upgrade::consumer::{Consumer, Replayed};
use rootcontract::upgrade::{Document, human};

use super::baseline::taken;
use super::failure::Failure;
use super::findings;
use super::format::{Formats, Kind};
use super::output;
use super::sandbox::Sandbox;

/// Say what changes when one bubblewrap takes the place of another
///
/// For build roots and the scriptlets in them, for launchers that build on what bubblewrap does, and for launchers whose
/// arguments are known. Exits with 0 when nobody can tell, 1 when something changes or is not kept by the new one, 2
/// when that could not be found out.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("old").required(true),
    mut_arg("bwrap", |bwrap| bwrap.hide(true)),
    after_help = "Examples:
  rootcontract upgrade-check --from /usr/bin/bwrap --to ./bwrap
  rootcontract upgrade-check --baseline 0.8.0 --to /usr/bin/bwrap
  rootcontract upgrade-check --from OLD --to NEW --consumer fixtures/consumers/flatpak.argv
  rootcontract upgrade-check --baseline before.json --to /usr/bin/bwrap --format json=upgrade.json

Baselines that are built in: 0.4.1, 0.8.0, 0.12.0, 0.13.1; `rootcontract baseline` makes others."
)]
pub struct UpgradeCheck {
    /// The bubblewrap there is
    #[arg(long, value_name = "PATH", group = "old")]
    from: Option<PathBuf>,
    /// What the bubblewrap there was did: a version whose baseline is built in, or a file of `rootcontract baseline`
    #[arg(long, value_name = "FILE", group = "old")]
    baseline: Option<PathBuf>,
    /// The one that is to take its place
    #[arg(long, value_name = "PATH")]
    to: PathBuf,
    /// Launcher to start with both: a file with one argument on each line, as those in
    /// fixtures/consumers; may be repeated
    #[arg(long = "consumer", value_name = "FILE", num_args = 1.., requires = "from")]
    consumers: Vec<PathBuf>,
    #[command(flatten)]
    formats: Formats<Kind>,
    #[command(flatten)]
    sandbox: Sandbox,
}

impl UpgradeCheck {
    pub fn perform(self) -> Result<ExitCode, Failure> {
        self.formats.check()?;
        let consumers =
            self.consumers.iter().map(|file| Ok(Consumer::load(file)?)).collect::<Result<Vec<_>, Failure>>()?;
        let before = match (&self.from, &self.baseline) {
            (Some(from), _) => self.with(from)?,
            (None, Some(baseline)) => Baseline::find(baseline)?,
            (None, None) => return Err(Failure::OneSide),
        };
        let after = self.with(&self.to)?;
        let document = Document::of(&before, &after, self.replayed(&consumers)?)?;
        self.formats.write(|kind| match kind {
            Kind::Human => Ok(human::render(&document)),
            Kind::Json => output::json(&document),
        })?;
        Ok(findings::exit_code(document.standing()))
    }

    fn with(&self, bwrap: &Path) -> Result<Baseline, Failure> {
        taken(&self.sandbox.clone().with_bubblewrap(bwrap))
    }

    fn replayed(&self, consumers: &[Consumer]) -> Result<Vec<Replayed>, Failure> {
        let Some(from) = &self.from else { return Ok(Vec::new()) };
        let probe = find_probe(native().map_err(Failure::NoProbe)?.name).map_err(Failure::NoProbe)?;
        consumers.iter().map(|consumer| Ok(consumer.replay([from, &self.to], &probe)?)).collect()
    }
}
