//! `rootcontract probe`: what the sandbox looks like from inside.

use std::process::ExitCode;

use clap::{ArgAction, Args};

use super::failure::Failure;
use super::output;
use super::sandbox::Sandbox;

/// Build the sandbox, look at it from inside, print the facts as JSON
#[derive(Debug, Args)]
#[command(mut_arg("profiles", |profile| profile.action(ArgAction::Set)), after_help = "Examples:
  rootcontract probe > facts.json
  rootcontract probe --profile osbuild-v19 --capabilities inherit
  rootcontract probe --root /srv/trees/f43 --runner /usr/lib/osbuild/runners/org.osbuild.linux")]
pub struct Probe {
    #[command(flatten)]
    sandbox: Sandbox,
}

impl Probe {
    pub fn perform(self) -> Result<ExitCode, Failure> {
        let facts = self.sandbox.look(self.sandbox.profile(), &self.sandbox.about()?)?;
        output::print(&output::json(&facts)?)?;
        Ok(ExitCode::SUCCESS)
    }
}
