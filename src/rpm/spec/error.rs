//! Why a spec was not read.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::skeleton::SkeletonError;
use crate::buildroot::{CloseError, OpenError, RunError};
use crate::rpm::package::PackageError;

/// Why a spec was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// The system has nothing that reads specs.
    #[error("there is no rpmspec and rpmbuild in {}: install rpm (Debian) or rpm-build (Fedora, openSUSE)", .0.display())]
    NoRpm(PathBuf),
    /// The spec can't be read, or is too long.
    #[error("cannot read it")]
    Spec(#[source] io::Error),
    /// The files beside it could not be copied.
    #[error("cannot copy the spec and what is beside it")]
    Copy(#[source] io::Error),
    /// There is no build root to read it in.
    #[error("a spec is a program, and is read in a sandbox or not at all")]
    Open(#[from] OpenError),
    /// rpm could not be run.
    #[error("cannot run rpm")]
    Run(#[from] RunError),
    /// The sandbox was not built.
    #[error("a spec is a program, and is read in a sandbox or not at all: {}", crate::report::show::shown(.0))]
    Sandbox(String),
    /// It takes too long.
    #[error("rpm has not read it after {}: does it come to an end? --spec-timeout gives it more", humantime::format_duration(*.0))]
    TooLong(Duration),
    /// What rpm says of it is too much.
    #[error("rpm says more of it than the {} MiB that are read here", .0 >> 20)]
    TooMuch(usize),
    /// It makes too many packages.
    #[error("it makes {many} packages, where at most {most} are read here")]
    TooMany {
        /// How many.
        many: usize,
        /// How many are read.
        most: usize,
    },
    /// It makes none.
    #[error("it makes no package: none of its packages has a %files here")]
    NoPackage,
    /// rpm can't read it. Its own words, escaped.
    #[error("rpm can't read it: {0}")]
    Refused(String),
    /// It is not for this architecture.
    #[error("it is not for this architecture (ExclusiveArch, ExcludeArch)")]
    OtherArchitecture,
    /// It can't be judged without a build.
    #[error(transparent)]
    Skeleton(#[from] SkeletonError),
    /// What rpm made of it is not what was expected.
    #[error("what rpmbuild made of it can't be taken apart")]
    Packages,
    /// What rpm made of it is no package.
    #[error("what rpmbuild made of it is no package")]
    Package(#[from] PackageError),
    /// Something is left of the build root.
    #[error("cannot close the sandbox")]
    Close(#[from] CloseError),
}
