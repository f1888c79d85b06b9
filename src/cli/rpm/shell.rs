//! `rootcontract rpm shell`: go and see for yourself.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;
use nix::fcntl::OFlag;
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::termios::{LocalFlags, SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd::pipe2;
use rootcontract::arch;
use rootcontract::buildroot::Outcome;
use rootcontract::contract::Word;
use rootcontract::profile::Profile;
use rootcontract::report::show;
use rootcontract::rpm::install::{Ground, Moment, Tree, Visit};
use rootcontract::rpm::package::Package;
use rootcontract::rpm::scriptlet::Slot;
use rootcontract::rpm::verdict::Scenario;

use super::super::failure::{Failure, tell};
use super::super::matrix::{Architectures, architecture};
use super::super::output::Waiting;
use super::super::signals::Signals;
use super::super::status::Ending;
use super::install::tree_of;

/// Open a shell where a scriptlet would run, at the moment it would
///
/// The package is installed in a copy of a tree as far as rpm would have come by then, and no scriptlet is run. `$1` is what
/// rpm would pass, and the script lies in `/`. Whatever is done there ends with the shell. Exits with the shell's status,
/// 128+n when signal n ended it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rootcontract rpm shell --at post mypkg-1.0-1.noarch.rpm
  rootcontract rpm shell --at preun --scenario upgrade mypkg-1.0-1.noarch.rpm
  echo 'sh -x /rpm-scriptlet.post $1' | rootcontract rpm shell --at post --tree trees/f43 mypkg-1.0-1.x86_64.rpm")]
pub struct Shell {
    /// Package
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Which of its scriptlets
    #[arg(long, value_name = "MOMENT", value_parser = PossibleValuesParser::new(Slot::ALL.iter().map(|slot| slot.as_str())))]
    at: String,
    /// What is done with the package [default: the first that runs the scriptlet]
    #[arg(long, value_name = "SCENARIO")]
    scenario: Option<Scenario>,
    /// Profile whose room it is
    #[arg(long, value_name = "PROFILE", default_value = "osbuild")]
    profile: Profile,
    /// Architecture of the tree [default: the package's own, else this machine's]
    #[arg(long, value_name = "ARCH", value_parser = architecture())]
    arch: Option<Architectures>,
    /// Tree that the package is installed in: a copy of it [default: target/trees/ARCH, where ci/tree has made it]
    #[arg(long, value_name = "DIR")]
    tree: Option<PathBuf>,
    /// Root directory of the system whose rpm installs it
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
}

/// What is said of the script's arguments.
fn arguments(slot: Slot, scenario: Scenario) -> String {
    match (scenario.argument(slot), slot) {
        (Some(number), _) => format!("$1 is {number}"),
        (None, Slot::Triggerprein | Slot::Triggerin | Slot::Triggerun | Slot::Triggerpostun) => {
            "$1 and $2 are not set (rpm passes the numbers of this package and of the one that triggers it)".to_owned()
        }
        (None, _) => "$1 is not set".to_owned(),
    }
}

impl Shell {
    pub fn perform(self) -> Result<ExitCode, Failure> {
        let refused = |reason: String| Failure::NoShell { package: self.file.clone(), reason };
        let mut source = File::open(&self.file).map_err(|error| refused(show::line(&error)))?;
        let package = Package::read(&mut source).map_err(|error| refused(show::line(&error)))?;
        let scriptlet = package.scriptlets.iter().find(|one| one.slot.as_str() == self.at);
        let scriptlet = scriptlet.ok_or_else(|| refused(format!("it has no %{}", self.at)))?;
        let first = Scenario::ALL.into_iter().find(|scenario| scenario.has(scriptlet.slot));
        let scenario = self.scenario.or(first).unwrap_or(Scenario::Install);
        if !scenario.has(scriptlet.slot) {
            return Err(refused(format!("%{} does not run when a package is {}", self.at, scenario.as_str())));
        }
        let own = arch::ALL.iter().find(|arch| arch.rpm == package.arch);
        let asked = self.arch.as_ref().map_or(&[][..], |words| &words.0);
        let asked = match asked {
            [_, _, ..] => return Err(refused("a shell runs on one architecture: name it with --arch".to_owned())),
            one => one.first().copied(),
        };
        let arch = asked.or(own).or(arch::native()).ok_or_else(|| refused("of which architecture?".to_owned()))?;
        let tree = tree_of(self.tree.as_deref(), arch).map(Tree::Of).map_err(refused)?;
        let ground = Ground { root: self.root.clone(), tree, profile: self.profile };
        let moment = Moment { scriptlet, scenario };
        let resized = Resized::caught()?;
        let signals = Signals::caught()?;
        let outcome = signals.or_ended(|signal| {
            let visit = Visit::prepare(&ground, &self.file, &package.name, moment, signal);
            let visit = visit.map_err(|error| refused(show::line(&error)))?;
            tell(&format!(
                "{}, {}: {}, the script is {}; all of it is a copy, and goes when the shell ends",
                scriptlet.slot,
                scenario.as_str(),
                arguments(scriptlet.slot, scenario),
                moment.file()
            ));
            let terminal = Terminal::open().map_err(Failure::Terminal)?;
            let inside = terminal.inside().map_err(Failure::Terminal)?;
            let end = signals.own_descriptor()?;
            let entered = terminal.while_connected(resized, |nobody_reads| visit.enter(inside, end, nobody_reads));
            entered.map_err(Failure::Terminal)?.map_err(|error| refused(show::line(&error)))
        })?;
        match outcome {
            Outcome::Exited(code) => Ok(ExitCode::from(code)),
            // Only who reads no more interrupts it besides a signal.
            Outcome::Interrupted => Ok(ExitCode::from(Ending::NobodyReads.exit_code())),
            other => Err(refused(format!("the shell did not come to its end: {other:?}"))),
        }
    }
}

/// What is typed when there is no more to type: hand over a line that has no end, end it, and end the shell.
const NO_MORE: &[u8] = b"\x04\x04\x04";

/// A pseudo terminal of our own, connected with whatever we have. What runs at its other end never gets hold of ours, into
/// which it could type.
struct Terminal {
    ours: OwnedFd,
    theirs: Option<OwnedFd>,
    /// What our own terminal was like; `None` where there is none.
    before: Option<Termios>,
}

impl Terminal {
    fn open() -> io::Result<Self> {
        let before = tcgetattr(io::stdin()).ok();
        let size = before.as_ref().and_then(|_| size().ok());
        let mut like = before.clone();
        if let Some(like) = &mut like {
            // As it is in front of a user, whatever we are.
            like.local_flags |= LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG;
        }
        let pair = openpty(size.as_ref(), like.as_ref())?;
        if before.is_none() {
            // What is piped in need not be seen.
            let mut quiet = tcgetattr(&pair.slave)?;
            quiet.local_flags.remove(LocalFlags::ECHO);
            tcsetattr(&pair.slave, SetArg::TCSANOW, &quiet)?;
        }
        Ok(Self { ours: pair.master, theirs: Some(pair.slave), before })
    }

    /// The end for inside. Ours is closed, so that the end of the last process there is the end of the terminal.
    fn inside(&self) -> io::Result<File> {
        let theirs = self.theirs.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        Ok(theirs.try_clone()?.into())
    }

    /// Does `work` while what is typed goes in and what is written comes out, and the size of our terminal is passed on.
    /// What it is given can be read when nobody reads what comes out.
    fn while_connected<R>(mut self, resized: Resized, work: impl FnOnce(OwnedFd) -> R) -> io::Result<R> {
        let (typed, written) = (File::from(self.ours.try_clone()?), File::from(self.ours.try_clone()?));
        let size_of = self.ours.try_clone()?;
        let (nobody_reads, somebody_reads) = pipe2(OFlag::O_CLOEXEC)?;
        if let Some(before) = &self.before {
            let mut raw = before.clone();
            cfmakeraw(&mut raw);
            let _as_it_was = tcsetattr(io::stdin(), SetArg::TCSANOW, &raw);
            std::thread::spawn(move || resized.pass_on(&size_of));
        }
        // It waits for the keyboard until this process ends.
        std::thread::spawn(move || pass_on(io::stdin(), typed, NO_MORE));
        let out = std::thread::spawn(move || {
            pass_on(written, Waiting(io::stdout()), b"");
            drop(somebody_reads);
        });
        let result = work(nobody_reads);
        drop(self.theirs.take());
        let _nothing_more = out.join();
        if let Some(before) = &self.before {
            let _as_good_as_it_gets = tcsetattr(io::stdin(), SetArg::TCSANOW, before);
        }
        Ok(result)
    }
}

/// Tells when our terminal has another size.
struct Resized(SignalFd);

impl Resized {
    /// From here on it does, also for threads that are started later.
    fn caught() -> Result<Self, Failure> {
        let signal = SigSet::from_iter([Signal::SIGWINCH]);
        let caught = signal.thread_block().and_then(|()| SignalFd::with_flags(&signal, SfdFlags::SFD_CLOEXEC));
        caught.map(Self).map_err(|errno| Failure::Signals(errno.into()))
    }

    /// Gives another terminal the same size, each time; it tells who is in front of it.
    fn pass_on(&self, terminal: &OwnedFd) {
        while let Ok(Some(_)) = self.0.read_signal() {
            let _as_it_was = size().and_then(|size| rootcontract::sys::resize_terminal(terminal.as_fd(), size));
        }
    }
}

/// Passes on what can be read until there is no more, and then `last`.
fn pass_on(mut from: impl Read, mut to: impl Write, last: &[u8]) {
    let mut buffer = [0; 4096];
    while let Ok(got) = from.read(&mut buffer) {
        if got == 0 || to.write_all(&buffer[..got]).and_then(|()| to.flush()).is_err() {
            break;
        }
    }
    let _nobody_reads = to.write_all(last);
}

/// How large our terminal is.
fn size() -> io::Result<Winsize> {
    rootcontract::sys::terminal_size(io::stdin().as_fd())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::known(Slot::Post, Scenario::Upgrade, "$1 is 2")]
    #[case::differs(Slot::Posttrans, Scenario::Upgrade, "$1 is not set")]
    #[case::of_a_trigger(
        Slot::Triggerin,
        Scenario::Install,
        "$1 and $2 are not set (rpm passes the numbers of this package and of the one that triggers it)"
    )]
    fn what_is_said_of_arguments(#[case] slot: Slot, #[case] scenario: Scenario, #[case] said: &str) {
        assert_eq!(arguments(slot, scenario), said);
    }
}
