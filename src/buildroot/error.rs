//! What can go wrong with a build root, by operation.

use std::io;
use std::path::PathBuf;

use super::privilege::PrivilegeError;
use super::protocol::{Failure, Want};
use crate::capability::CapabilitySet;

/// A root was not opened. Nothing is left of the attempt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The root is not there, or no directory.
    #[error("cannot open the root {path}")]
    Root {
        /// The root asked for.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The root holds nothing to run.
    #[error("the root {path} has no usr directory: name the root of an installed system")]
    NoUsr {
        /// The root asked for.
        path: PathBuf,
    },
    /// A path of the root leads nowhere, or out of it.
    #[error("cannot resolve {path} inside the root")]
    Tree {
        /// The path below the root.
        path: &'static str,
        /// Why: ELOOP, ENOTDIR, or EXDEV when only the host could follow it.
        source: io::Error,
    },
    /// A path of the root is something that would connect the sandbox with somebody outside.
    #[error("cannot show {path} of the root: it is {kind}")]
    NotShown {
        /// The path below the root.
        path: &'static str,
        /// A pipe, a socket or a device.
        kind: &'static str,
    },
    /// There is no bubblewrap.
    #[error(transparent)]
    Bubblewrap(#[from] crate::bwrap::NotFound),
    /// The bubblewrap that was named is none.
    #[error("cannot use {path} as bwrap")]
    NotBubblewrap {
        /// What was named.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The bubblewrap in use does not know an option that a setting takes.
    #[error("cannot {setting} with {path}")]
    Unable {
        /// What was asked for.
        setting: &'static str,
        /// The bubblewrap.
        path: PathBuf,
        /// What it says.
        source: crate::bwrap::NotUnderstood,
    },
    /// There is no program to be the supervisor.
    #[error("there is no rootcontract to be the supervisor: name one with the builder's supervisor()")]
    NoSupervisor,
    /// The supervisor could not be started.
    #[error("cannot start the supervisor {path}")]
    Supervisor {
        /// The program.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The supervisor could not be asked.
    #[error("cannot ask the supervisor")]
    Ask(#[source] io::Error),
    /// The supervisor went away without an answer.
    #[error("the supervisor is gone")]
    SupervisorGone(#[source] io::Error),
    /// The supervisor could not make the root's namespaces, mounts or devices.
    #[error("cannot open the root{}", hint(.0))]
    Refused(#[source] Failure),
    /// What it was to be built with is not to be had.
    #[error("cannot choose what to build with")]
    Privilege(#[from] PrivilegeError),
    /// A scratch directory could not be made.
    #[error("cannot make a scratch directory in {path}")]
    Scratch {
        /// Its parent.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The libdir or the runner is not as it has to be.
    #[error("cannot use {path} as {what}")]
    Path {
        /// The path.
        path: PathBuf,
        /// What it was to be.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The caller lacks capabilities that were asked for, and was told not to do with less.
    #[error("the caller lacks {0}")]
    MissingCapabilities(CapabilitySet),
    /// The number of processes can't be limited, and it was not to be done without.
    #[error("cannot limit the number of processes: {0}")]
    UnlimitedPids(String),
    /// The caller's own capabilities could not be read.
    #[error("cannot read the caller's capabilities")]
    Capabilities(#[source] io::Error),
}

fn hint(failure: &Failure) -> &'static str {
    match failure.want {
        Some(Want::Root) => " (it takes root, with CAP_SYS_ADMIN)",
        Some(Want::UserNamespace) => {
            " (it takes a user namespace: `rootcontract doctor` tells what forbids it, unless this is a chroot)"
        }
        Some(Want::NoChroot) => {
            " (this is a chroot, in which nobody can make a user namespace: start outside of it, or as root)"
        }
        Some(Want::Map) => {
            " (it takes a user namespace with this user in it: root needs CAP_SETFCAP for that since Linux 5.12, a user an \
             id outside; `rootcontract doctor` tells what else forbids it)"
        }
        Some(Want::SubordinateIds) => " (`--privilege userns-single` does without)",
        Some(Want::Mknod) => {
            " (it takes CAP_MKNOD: a container has to be started with --cap-add MKNOD; `--privilege userns-subid` binds the \
             host's nodes)"
        }
        Some(Want::WholeProc) => {
            " (parts of /proc are covered here, so that a user namespace gets none of its own: a container has to be \
             started with a whole one: podman --security-opt unmask=ALL, docker --security-opt systempaths=unconfined)"
        }
        None => "",
    }
}

/// A run could not be carried out. What was started has been asked to end, and is killed after the grace.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// There is nothing to run.
    #[error("there is no command to run")]
    NoCommand,
    /// A bind's target is no absolute path.
    #[error("cannot bind at {0}: it is no absolute path")]
    BindTarget(PathBuf),
    /// A bind's target is `/`, `/dev`, `/proc`, `/run/osbuild`, or above it.
    #[error("cannot bind at {0}: it would cover what the sandbox needs: bind below it")]
    BindCovers(PathBuf),
    /// A variable's name is none.
    #[error("cannot set the variable {0:?}: a name is not empty and has no =")]
    Variable(std::ffi::OsString),
    /// An endpoint's name is none.
    #[error("cannot register the endpoint {0:?}: a name is not empty and has no /")]
    Endpoint(String),
    /// A descriptor could not be made.
    #[error("cannot make {what}")]
    Descriptor {
        /// Which.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The supervisor could not start bubblewrap.
    #[error("cannot start bubblewrap")]
    Start(#[source] Failure),
    /// A device node could not be made.
    #[error("cannot add a device")]
    Device(#[source] Failure),
    /// The supervisor could not be asked.
    #[error("cannot ask the supervisor")]
    Ask(#[source] io::Error),
    /// The supervisor went away.
    #[error("the supervisor is gone")]
    SupervisorGone(#[source] io::Error),
    /// The sink took no more output.
    #[error("cannot pass on the payload's output")]
    Sink(#[source] io::Error),
}

/// A root was closed, and something is left of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloseError {
    /// These could not be removed.
    #[error("{}", listed(.0))]
    Left(Vec<Failure>),
    /// The supervisor went away without an answer.
    #[error("the supervisor is gone")]
    SupervisorGone(#[source] io::Error),
}

fn listed(failures: &[Failure]) -> String {
    failures.iter().map(Failure::line).collect::<Vec<_>>().join("; ")
}
