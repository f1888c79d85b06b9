//! The attempts in a build root of this crate, made of a throw-away tree, in a decoy of a host.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::buildroot::{BuildRoot, CloseError, Invocation, OpenError, RunError, Surroundings};
use crate::facts::escape::Attempts;
use crate::facts::frame::{self, Damage};
use crate::facts::launch::Privilege;
use crate::inspect::{InspectError, ending, nonce};
use crate::plan::CapabilityPolicy;
use crate::profile::Profile;
use crate::prove::decoy;

/// How long all attempts together may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Which build root, built with what.
#[derive(Debug, Clone)]
pub struct Trial {
    /// What is built.
    pub profile: Profile,
    /// Which capabilities the payload gets.
    pub capabilities: CapabilityPolicy,
    /// What it is built as; the best there is, where nothing is said.
    pub privilege: Option<Privilege>,
    /// The bubblewrap.
    pub bwrap: PathBuf,
    /// The probe.
    pub probe: PathBuf,
}

/// Why it was not found out what is open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EscapeError {
    /// The throw-away tree could not be made.
    #[error("cannot make the decoy's tree")]
    Tree(#[source] io::Error),
    /// The root was not opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The probe was not run.
    #[error("cannot run the probe")]
    Run(#[from] RunError),
    /// No nonce could be made.
    #[error(transparent)]
    Nonce(#[from] InspectError),
    /// The probe did not come to its end.
    #[error("the probe {0}")]
    Probe(String),
    /// What the probe printed is not what a probe prints.
    #[error("cannot use the probe's output")]
    Damaged(#[from] Damage),
    /// Something is left of the root.
    #[error("cannot close the root")]
    Close(#[from] CloseError),
    /// What starts the sandbox could not be started.
    #[error("start {program}")]
    NotStarted {
        /// What was to be started.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another's sandbox did not come up, or the probe not in it.
    #[error(
        "the probe did not start in the sandbox: {0} (what follows bwrap is its options, then `--` and a command, whose place the probe takes)"
    )]
    Line(String),
}

/// What came of the attempts, and what they were made as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// What the root was opened as.
    pub privilege: Privilege,
    /// What came of them.
    pub attempts: Attempts,
}

impl Trial {
    /// Builds it and makes all attempts; ended as soon as `interrupt` can be read.
    ///
    /// # Errors
    /// See [`EscapeError`].
    pub fn attempt(&self, interrupt: Option<OwnedFd>) -> Result<Tried, EscapeError> {
        let tree = decoy::tree().map_err(EscapeError::Tree)?;
        let root = self.open(tree.path())?;
        let nonce = nonce()?;
        let marks = serde_json::to_string(&root.marks()).unwrap_or_default();
        let mut invocation = Invocation::new(["--nonce", &nonce, "--escapes", &marks]).deadline(PATIENCE);
        if let Some(interrupt) = interrupt {
            invocation = invocation.interrupt(interrupt);
        }
        let done = root.run(invocation)?;
        if !done.outcome.success() {
            return Err(EscapeError::Probe(ending(&done.outcome, &done.stderr.text())));
        }
        let attempts = frame::open_attempts(&done.stdout.bytes(), &nonce)?;
        let privilege = root.privilege();
        root.close()?;
        Ok(Tried { privilege, attempts })
    }

    fn open(&self, tree: &Path) -> Result<BuildRoot, OpenError> {
        let builder = BuildRoot::builder(tree)
            .profile(self.profile)
            .capabilities(self.capabilities.clone())
            .bwrap(&self.bwrap)
            .runner(&self.probe)
            .surroundings(Surroundings::Marked);
        match self.privilege {
            Some(privilege) => builder.privilege(privilege).open(),
            None => builder.open(),
        }
    }
}
