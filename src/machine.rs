//! Machines: an architecture's own kernel and its own bubblewrap, booted in qemu-system to run our command inside.
//!
//! ```text
//!  machine.toml ─▶ qemu ── kernel, initramfs, the command's arguments ─▶ /init ─▶ rootcontract ARGUMENTS
//!                   │ console: the kernel's words, told when it goes wrong          │
//!                   └ port: a report with lengths and check sums ◀──────────────────┘
//! ```
//!
//! `ci/machine` makes them. Nothing is left on disk by a run, and qemu ends with the thread that started it.

mod archive;
mod boot;
mod description;
mod error;
pub mod report;

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::memfd::{MFdFlags, memfd_create};

pub use description::Description;
pub use error::{Console, MachineError};

/// A machine, switched off.
#[derive(Debug, Clone)]
pub struct Machine {
    directory: PathBuf,
    description: Description,
}

/// What our command did in a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Its exit code; 128+n if signal n ended it.
    pub code: u8,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
    /// From the start of qemu to the end of the report.
    pub took: Duration,
}

impl Machine {
    /// Reads the description of the machine in `directory`.
    ///
    /// # Errors
    /// There is no `machine.toml`, or it is not what `ci/machine` writes.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, MachineError> {
        let directory = directory.into();
        let description = Description::read(&directory)?;
        Ok(Self { directory, description })
    }

    /// What it is called: the name of its directory.
    pub fn name(&self) -> String {
        let whole = self.directory.canonicalize().unwrap_or_else(|_| self.directory.clone());
        whole.file_name().unwrap_or(whole.as_os_str()).to_string_lossy().into_owned()
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What it is made of.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Boots it and runs `rootcontract ARGUMENTS` inside, as root, with an empty standard input.
    ///
    /// # Errors
    /// See [`MachineError`]. Whatever happens, qemu is gone when this returns.
    pub fn run(
        &self,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
        deadline: Duration,
    ) -> Result<Ran, MachineError> {
        self.booted(arguments, deadline, None)
    }

    /// The same, switched off as soon as `interrupt` can be read.
    ///
    /// # Errors
    /// As above, and [`MachineError::Interrupted`].
    pub fn run_until(
        &self,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
        deadline: Duration,
        interrupt: BorrowedFd<'_>,
    ) -> Result<Ran, MachineError> {
        self.booted(arguments, deadline, Some(interrupt))
    }

    fn booted(
        &self,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
        deadline: Duration,
        interrupt: Option<BorrowedFd<'_>>,
    ) -> Result<Ran, MachineError> {
        let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
        let initramfs = self.initramfs(&archive::of_arguments(&arguments))?;
        boot::run(self, &initramfs, deadline, interrupt)
    }

    /// A path of the description, which is relative to the directory.
    fn file(&self, name: &Path) -> PathBuf {
        self.directory.join(name)
    }

    /// The parts of the initramfs and, last, the arguments: the kernel unpacks archives one after the other.
    fn initramfs(&self, arguments: &[u8]) -> Result<File, MachineError> {
        let made = memfd_create(c"rootcontract-initramfs", MFdFlags::MFD_CLOEXEC);
        let mut whole = made.map(File::from).map_err(|errno| MachineError::Memory(errno.into()))?;
        for part in &self.description.initramfs {
            let path = self.file(part);
            let mut copy = || io::copy(&mut File::open(&path)?, &mut whole);
            copy().map_err(|source| MachineError::Part { path: path.clone(), source })?;
        }
        io::copy(&mut &*arguments, &mut whole).map_err(MachineError::Memory)?;
        Ok(whole)
    }
}
