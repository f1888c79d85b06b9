//! `rootcontract machine`: the command in other kernels.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use rootcontract::machine::{Machine, MachineError, Ran};

use super::failure::{Failure, line, tell};
use super::jobs::Jobs;
use super::output;

/// Run this command in booted machines, each with its own kernel and its own bubblewrap
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rootcontract machine run target/machines/s390x-bookworm -- check
  rootcontract machine show target/machines/*

`ci/machine ARCH` makes machines.")]
pub struct Machines {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Run(Run),
    Show(Show),
}

/// Boot machines, run a subcommand in each, switch them off
///
/// Its output is brought out when it has ended. Exits with the largest of the exit codes inside, and with 2 when a
/// machine did not report or the command inside could not be run.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rootcontract machine run target/machines/s390x-bookworm -- check --profile osbuild
  rootcontract machine run target/machines/* --timeout 5m -- check --format json
  rootcontract machine run target/machines/ppc64le-bookworm -- run -- /usr/bin/cat /proc/cpuinfo")]
pub struct Run {
    /// Directories that `ci/machine` made
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// How long each may take, from its boot to its report
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = humantime::parse_duration)]
    timeout: Duration,
    #[command(flatten)]
    jobs: Jobs,
    /// The subcommand and its arguments, as inside
    #[arg(last = true, required = true, value_name = "SUBCOMMAND")]
    command: Vec<OsString>,
}

/// Say what machines are made of
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rootcontract machine show target/machines/*")]
pub struct Show {
    /// Directories that `ci/machine` made
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
}

impl Machines {
    pub fn perform(self) -> Result<ExitCode, Failure> {
        match self.verb {
            Verb::Run(run) => run.perform(),
            Verb::Show(show) => show.perform(),
        }
    }
}

impl Show {
    fn perform(self) -> Result<ExitCode, Failure> {
        let machines = open(&self.images)?;
        let width = machines.iter().map(|machine| machine.name().chars().count()).max().unwrap_or_default();
        let lines = machines.iter().map(|machine| {
            let of = machine.description();
            let made_of = format!("{}, {}, Linux {}, bubblewrap {}", of.arch, of.suite, of.kernel, of.bubblewrap);
            format!("{:width$}  {made_of}\n", machine.name())
        });
        output::print(&lines.collect::<String>())?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Run {
    fn perform(self) -> Result<ExitCode, Failure> {
        let machines = open(&self.images)?;
        let mut worst = 0;
        let ran = self.jobs.each(&machines, |machine| machine.run(&self.command, self.timeout));
        for (machine, ran) in machines.iter().zip(ran) {
            worst = worst.max(told(machine, ran, machines.len() > 1)?);
        }
        Ok(ExitCode::from(worst))
    }
}

fn open(images: &[PathBuf]) -> Result<Vec<Machine>, Failure> {
    images.iter().map(|image| Machine::open(image).map_err(Failure::from)).collect()
}

/// Hands on what a machine brought out; the exit code that comes of it.
fn told(machine: &Machine, ran: Result<Ran, MachineError>, several: bool) -> Result<u8, Failure> {
    let name = machine.name();
    let ran = match ran {
        Ok(ran) => ran,
        Err(error) => {
            tell(&format!("{name}: {}", line(&error)));
            error.console().iter().for_each(|said| tell(&format!("{name}: console: {said}")));
            return Ok(2);
        }
    };
    if several {
        output::print(&format!("==> {name}\n"))?;
    }
    let (mut stdout, mut stderr) = (output::Waiting(io::stdout()), output::Waiting(io::stderr()));
    match stdout.write_all(&ran.stdout).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written.map_err(Failure::Stdout)?,
    }
    if several && !ran.stderr.is_empty() {
        tell(&format!("{name} said:"));
    }
    let _unheard = stderr.write_all(&ran.stderr);
    if ran.code < 125 {
        return Ok(ran.code);
    }
    tell(&format!("{name}: the command inside ended with {}", meaning(ran.code)));
    Ok(2)
}

/// What a shell means by an exit code that no subcommand gives itself.
pub fn meaning(code: u8) -> String {
    match code {
        126 => "126: it can't be executed; is it of another architecture?".to_owned(),
        127 => "127: there is no rootcontract in the machine".to_owned(),
        129.. => format!("{code}, perhaps by signal {}", code - 128),
        125 | 128 | 0..=124 => code.to_string(),
    }
}
