//! The signals that ask us to end.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::failure::Failure;

/// The signals that ask us to end. They end what we run; then we end too.
pub struct Signals(SignalFd);

impl Signals {
    /// From here on they are kept for us, also from the threads that are started later.
    pub fn caught() -> Result<Self, Failure> {
        let failed = |errno: nix::errno::Errno| Failure::Signals(errno.into());
        let ours = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT]);
        ours.thread_block().map_err(failed)?;
        SignalFd::with_flags(&ours, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).map(Self).map_err(failed)
    }

    /// Can be read when one has come.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// The same, to be given away.
    pub fn own_descriptor(&self) -> Result<OwnedFd, Failure> {
        self.0.as_fd().try_clone_to_owned().map_err(Failure::Signals)
    }

    /// Whether one has come. It is still there to be taken.
    pub fn came(&self) -> bool {
        poll(&mut [PollFd::new(self.descriptor(), PollFlags::POLLIN)], PollTimeout::ZERO) == Ok(1)
    }

    /// The one that came, taken.
    pub fn which(&mut self) -> u8 {
        let came = self.0.read_signal().ok().flatten().and_then(|signal| u8::try_from(signal.ssi_signo).ok());
        came.unwrap_or(Signal::SIGTERM as u8)
    }
}
