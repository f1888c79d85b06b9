//! `rootcontract run`: a command in the sandbox.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};
use rootcontract::buildroot::{
    BuildRoot, GRACE, Invocation, Keep, Mounting, Outcome, RunError, Stream, Streams, UnlimitedPids,
};
use rootcontract::capability::{Capability, CapabilitySet};
use rootcontract::facts::launch::Privilege;
use rootcontract::plan::CapabilityPolicy;
use rootcontract::profile::Profile;

use super::failure::{Failure, line, tell};
use super::output::Waiting;
use super::sandbox::Sandbox;
use super::signals::Signals;
use super::status::{Ending, Status};

/// More processes than any kernel can count (`PID_MAX_LIMIT` of linux/threads.h is 4 Mi).
const MOST_PIDS: i64 = 4_000_000;

/// Run a command in the sandbox
///
/// Its stdin is empty; its stdout and stderr pass through as they are. Exits with the command's own status;
/// 124 when the time was up, 125 when we failed, 126 when it can't be executed, 127 when there is no such
/// program, 128+n when signal n ended it or us.
///
/// When the time is up, or SIGINT, SIGTERM, SIGHUP or SIGQUIT comes, every process inside gets SIGTERM, and is killed
/// after the grace; a second signal kills at once. While we are stopped (Ctrl-Z) the sandbox stands still too, and
/// that time does not count.
#[derive(Debug, Args)]
#[command(mut_arg("profiles", |profile| profile.action(ArgAction::Set)), after_help = "Examples:
  rootcontract run -- /usr/bin/findmnt
  rootcontract run --timeout 30s --status-file status.json -- rpm -qa
  rootcontract run --timeout 1h --idle-timeout 5m --grace 30s -- /usr/bin/make
  rootcontract run --merge -- /usr/bin/sh -c 'echo out; echo err >&2' > log
  rootcontract run --bind ./tree /run/osbuild/tree --setenv LANG C -- /usr/bin/env
  rootcontract run --profile hardened --ro-bind ./foreign.sh /run/foreign.sh -- /bin/sh /run/foreign.sh
  rootcontract run --profile hardened --allow mounts -- /usr/bin/mount -t tmpfs none /tmp")]
pub struct Run {
    /// Mount SRC of the host at DST, read-write; may be repeated
    #[arg(long, value_names = ["SRC", "DST"], num_args = 2, action = ArgAction::Append)]
    bind: Vec<PathBuf>,
    /// Mount SRC of the host at DST, read-only; may be repeated
    #[arg(long, value_names = ["SRC", "DST"], num_args = 2, action = ArgAction::Append)]
    ro_bind: Vec<PathBuf>,
    /// Set a variable; may be repeated
    #[arg(long, value_names = ["NAME", "VALUE"], num_args = 2, action = ArgAction::Append, allow_hyphen_values = true)]
    setenv: Vec<OsString>,
    /// End it after this time, as in 30s, 5m or 1h 30m
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    /// End it when it has written nothing for this long
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    idle_timeout: Option<Duration>,
    /// How long it may go on after SIGTERM, before it is killed
    #[arg(long, value_name = "TIME", default_value_t = GRACE.into())]
    grace: humantime::Duration,
    /// Pass stderr through as stdout, so that the order of what is written to both is kept
    #[arg(long)]
    merge: bool,
    /// Let it have no more than N processes at a time, bubblewrap's own two among them, as far as the kernel (up to 300
    /// more, since Linux 6.14) or a control group (exactly) can see to it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MOST_PIDS))]
    pids: Option<u32>,
    /// Refuse to go on where the number of processes can't be limited
    #[arg(long, requires = "pids")]
    strict_pids: bool,
    /// Write how it ended to FILE, as JSON; - is standard output
    #[arg(long, value_name = "FILE")]
    status_file: Option<PathBuf>,
    /// Say nothing about hazards: what osbuild's profiles let a payload of root do to the host
    #[arg(long)]
    quiet: bool,
    /// Refuse to go on where a payload can reach the host by one of its profile's hazards
    #[arg(long)]
    deny_hazards: bool,
    /// What the payload may do all the same in the profile hardened: mount, in a user namespace in which root of the host
    /// is nobody
    #[arg(long, value_name = "WHAT")]
    allow: Option<Allowed>,
    /// Leave the scratch directories, and say where they are
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    sandbox: Sandbox,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// What a payload may be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Allowed {
    /// File systems that a user namespace may mount, and everything else that takes CAP_SYS_ADMIN there
    Mounts,
}

impl Run {
    pub fn perform(mut self) -> Result<ExitCode, Failure> {
        let status_file = self.status_file.take();
        let mut status = Status::new(self.sandbox.profile(), &self.command);
        let sandbox = self.sandbox.clone();
        let ending = self.run();
        if let Some(file) = status_file {
            status.end(ending.as_ref().map_err(|failure| line(failure)));
            status.save(&file)?;
        }
        let ending = ending?;
        if let Some(words) = ending.told() {
            tell(&words);
        }
        if let Ending::Outcome(Outcome::NotFound | Outcome::NotExecutable) = ending {
            sandbox.cannot_run().iter().for_each(|cannot| tell(&format!("run: {cannot}")));
        }
        Ok(ExitCode::from(ending.exit_code()))
    }

    fn run(self) -> Result<Ending, Failure> {
        let signals = Signals::caught()?;
        let keep = if self.keep { Keep::Keep } else { Keep::Remove };
        let mut builder = self.sandbox.builder(self.sandbox.profile())?.keep(keep);
        if let Some(most) = self.pids {
            let unlimited = if self.strict_pids { UnlimitedPids::Refuse } else { UnlimitedPids::Warn };
            builder = builder.pids(most).unlimited_pids(unlimited);
        }
        match (self.allow, self.sandbox.profile()) {
            (None, _) => {}
            (Some(Allowed::Mounts), Profile::Hardened) => {
                let more = [Capability::SYS_ADMIN].into_iter().collect();
                let enough = CapabilityPolicy::List(CapabilitySet::SCRIPTLET.union(more));
                let wanted = self.sandbox.capabilities().unwrap_or(enough);
                builder = builder.mounting(Mounting::Contained).capabilities(wanted);
            }
            (Some(Allowed::Mounts), profile) => return Err(Failure::NotHardened { profile }),
        }
        let root = builder.open()?;
        if let Err(refused) = self.hazards(&root) {
            root.close()?;
            return Err(refused);
        }
        root.warnings().iter().for_each(|warning| tell(&format!("warning: {warning}")));
        if self.keep {
            tell(&format!("keeping {}", root.scratch().map(|path| path.to_string_lossy().into_owned()).join(" and ")));
        }
        let ending = self.in_root(&root, signals);
        root.close()?;
        ending
    }

    /// Tells of the hazards there are: only who is root on the host can do it harm, and `hardened` keeps root from it.
    fn hazards(&self, root: &BuildRoot) -> Result<(), Failure> {
        let profile = root.profile();
        if !profile.is_osbuild() || root.privilege() != Privilege::Root {
            return Ok(());
        }
        if self.deny_hazards {
            return Err(Failure::Hazards { profile });
        }
        if !self.quiet {
            tell(&format!(
                "warning: as root, {profile} keeps no payload from the host (the hazards of its contract): \
                 --profile hardened does, --quiet leaves this line out"
            ));
        }
        Ok(())
    }

    fn in_root(self, root: &BuildRoot, signals: &Signals) -> Result<Ending, Failure> {
        let mut invocation = Invocation::new(&self.command)
            .interrupt(signals.own_descriptor()?)
            .hurry(signals.own_hurry()?)
            .grace(self.grace.into())
            .streams(if self.merge { Streams::Merged } else { Streams::Apart })
            .output(passed_on()?);
        for pair in self.bind.chunks_exact(2) {
            invocation = invocation.bind(&pair[0], &pair[1]);
        }
        for pair in self.ro_bind.chunks_exact(2) {
            invocation = invocation.read_only_bind(&pair[0], &pair[1]);
        }
        for pair in self.setenv.chunks_exact(2) {
            invocation = invocation.environment(&pair[0], &pair[1]);
        }
        if let Some(timeout) = self.timeout {
            invocation = invocation.deadline(timeout);
        }
        if let Some(timeout) = self.idle_timeout {
            invocation = invocation.idle_deadline(timeout);
        }
        match root.run(invocation) {
            Ok(done) => Ok(match (done.outcome, self.timeout, self.idle_timeout) {
                (Outcome::Interrupted, _, _) => Ending::Interrupted(signals.which()),
                (Outcome::DeadlineExceeded, Some(after), _) => Ending::TimeUp(after),
                (Outcome::IdleExceeded, _, Some(after)) => Ending::Idle(after),
                (outcome, _, _) => Ending::Outcome(outcome),
            }),
            // Nobody reads on: the payload would have been ended by SIGPIPE, and so are we, quietly.
            Err(RunError::Sink(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Ending::NobodyReads),
            Err(error) => Err(error.into()),
        }
    }
}

/// Hands on output as it comes, byte for byte.
fn passed_on() -> Result<impl FnMut(Stream, &[u8]) -> io::Result<()> + Send + 'static, Failure> {
    let own = |stream: BorrowedFd<'_>| stream.try_clone_to_owned().map(|own| Waiting(File::from(own)));
    let mut stdout = own(io::stdout().as_fd()).map_err(Failure::Stdout)?;
    let mut stderr = own(io::stderr().as_fd()).map_err(Failure::Stdout)?;
    Ok(move |stream, bytes: &[u8]| match stream {
        Stream::Stdout => stdout.write_all(bytes),
        Stream::Stderr => stderr.write_all(bytes),
    })
}
