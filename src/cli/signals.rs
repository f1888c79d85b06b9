//! The signals that ask us to end.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::pipe2;
use rootcontract::sys::is_readable;

use super::failure::Failure;

/// How long a process that was asked to hurry may still take.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// The signals that ask us to end. They end what we run; then we end too.
pub struct Signals {
    first: Arc<AtomicU8>,
    /// Closed at the other end when the first one comes.
    end: OwnedFd,
    /// Closed at the other end when the second one comes.
    hurry: OwnedFd,
}

impl Signals {
    /// From here on they are kept for us, also from the threads that are started later. Who was asked twice and does not
    /// end, because its output is stuck, is ended [`AFTERWARDS`]; its sandboxes go with it.
    pub fn caught() -> Result<&'static Self, Failure> {
        static CAUGHT: OnceLock<Signals> = OnceLock::new();
        match CAUGHT.get() {
            Some(caught) => Ok(caught),
            None => Self::catch().map(|caught| CAUGHT.get_or_init(|| caught)),
        }
    }

    fn catch() -> Result<Self, Failure> {
        let failed = |errno: nix::errno::Errno| Failure::Signals(errno.into());
        let ours = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT]);
        ours.thread_block().map_err(failed)?;
        let (end, first_came) = pipe2(OFlag::O_CLOEXEC).map_err(failed)?;
        let (hurry, second_came) = pipe2(OFlag::O_CLOEXEC).map_err(failed)?;
        let first = Arc::new(AtomicU8::new(0));
        let told = Arc::clone(&first);
        let signals = SignalFd::with_flags(&ours, SfdFlags::SFD_CLOEXEC).map_err(failed)?;
        let wait = move || {
            told.store(next(&signals), Ordering::Release);
            drop(first_came);
            let second = next(&signals);
            drop(second_came);
            std::thread::sleep(AFTERWARDS);
            std::process::exit(i32::from(128 + second));
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(wait).map_err(Failure::Signals)?;
        Ok(Self { first, end, hurry })
    }

    /// Can be read when one has come.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.end.as_fd()
    }

    /// The same, to be given away.
    pub fn own_descriptor(&self) -> Result<OwnedFd, Failure> {
        self.end.try_clone().map_err(Failure::Signals)
    }

    /// What `work` comes to, which gives up when the descriptor can be read; a signal that came is all that counts then.
    pub fn or_ended<T>(&self, work: impl FnOnce(BorrowedFd<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        let done = work(self.descriptor());
        if self.came() { Err(Failure::Signal(self.which())) } else { done }
    }

    /// Can be read when a second one has come; to be given away.
    pub fn own_hurry(&self) -> Result<OwnedFd, Failure> {
        self.hurry.try_clone().map_err(Failure::Signals)
    }

    /// Whether one has come.
    pub fn came(&self) -> bool {
        is_readable(self.descriptor())
    }

    /// The first that came.
    pub fn which(&self) -> u8 {
        match self.first.load(Ordering::Acquire) {
            0 => Signal::SIGTERM as u8,
            signal => signal,
        }
    }
}

/// Waits for one of them.
fn next(signals: &SignalFd) -> u8 {
    loop {
        if let Ok(Some(signal)) = signals.read_signal() {
            return u8::try_from(signal.ssi_signo).unwrap_or(Signal::SIGTERM as u8);
        }
    }
}
