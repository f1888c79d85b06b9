//! `rootcontract baseline`: what a bubblewrap does now, for later.

use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

use clap::Args;
use rootcontract::baseline::Baseline as Written;
use rootcontract::bwrap::behaviour;
use rootcontract::facts::text::escape;

use super::failure::Failure;
use super::output;
use super::sandbox::Sandbox;

/// Write down what a bubblewrap does, to hold a later one against
///
/// Looks at the sandboxes it builds, and tries what bubblewrap does by itself. Baselines of some versions are built in:
/// `upgrade-check --baseline 0.8.0`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rootcontract baseline > before.json
  rootcontract baseline --bwrap target/bwraps/0.13.1-1/bwrap > 0.13.1.json
  rootcontract check --baseline before.json
  rootcontract upgrade-check --baseline before.json --to /usr/bin/bwrap")]
pub struct Baseline {
    #[command(flatten)]
    sandbox: Sandbox,
}

impl Baseline {
    pub fn perform(self) -> Result<ExitCode, Failure> {
        // One that is read again and compared is not read by people: a line is enough.
        output::print(&(serde_json::to_string(&taken(&self.sandbox)?)? + "\n"))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Looks at everything now.
pub fn taken(sandbox: &Sandbox) -> Result<Written, Failure> {
    let about = sandbox.about()?;
    let path = sandbox.bubblewrap()?;
    let facts = sandbox.wanted().into_iter().map(|profile| sandbox.look(profile, &about)).collect::<Result<_, _>>()?;
    let behaviour = behaviour(&path).map_err(|source| Failure::NotTried { path: path.clone(), source })?;
    Ok(Written::new(&escape(path.as_os_str().as_bytes()), &about, behaviour, facts))
}
