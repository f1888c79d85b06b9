//! The start of bubblewrap, in a pid namespace of its own.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sched::CloneFlags;
use nix::unistd::Pid;

use super::super::super::protocol::{self, Failure};
use super::super::attached::Attached;
use super::super::mounts::Mounts;
use super::super::pids::Limited;
use super::super::processes;
use crate::plan::Preparation;
use crate::sys::Step;

/// A process that is becoming bubblewrap: what has to be done before may have to wait for somebody else.
#[derive(Debug)]
pub struct Execution {
    pub program: String,
    /// Here comes the error; it ends without a word when the program is executed.
    pub errno: File,
}

/// A process that becomes bubblewrap.
pub struct Launched {
    pub init: Pid,
    /// The inode of the pid namespace it is in.
    pub pid_namespace: u64,
    pub execution: Execution,
    /// bubblewrap's status pipe.
    pub status: File,
}

/// Starts the process that becomes bubblewrap.
pub fn launch(
    request: &protocol::Run,
    streams: &[OwnedFd],
    attached: &Attached,
    mounts: &Mounts,
    limited: &Limited,
) -> Result<Launched, Failure> {
    let [stdin, stdout, stderr] = streams else {
        return Err(Failure::new("start a run without three descriptors", Errno::EBADF));
    };
    let (status, status_end) = pipe()?;
    let (errno, errno_end) = pipe()?;
    let strings = Strings::new(request).map_err(|error| Failure::new("pass an argument with a NUL byte", error))?;
    let steps: Vec<_> = strings.before.iter().map(|one| one.step(attached)).collect();
    let (init, pid_namespace) = in_new_pid_namespace(|| {
        crate::sys::start(&crate::sys::Start {
            program: &strings.program,
            arguments: &strings.arguments.iter().map(CString::as_c_str).collect::<Vec<_>>(),
            environment: &strings.environment.iter().map(CString::as_c_str).collect::<Vec<_>>(),
            descriptors: &[stdin, stdout, stderr, &status_end]
                .into_iter()
                .chain(&attached.inherited)
                .map(AsFd::as_fd)
                .collect::<Vec<_>>(),
            mount_namespace: mounts.namespace_with(&request.sources),
            failure: errno_end.as_fd(),
            write: limited.write.as_ref().map(|(file, text)| (file.as_c_str(), text.as_c_str())),
            sleeper: request.sleeper,
            steps: &steps,
            umask: request.umask,
        })
    })
    .map_err(|error| Failure::new("start a process in a pid namespace of its own", error))?;
    let execution = Execution { program: request.program.to_string_lossy().into_owned(), errno };
    Ok(Launched { init, pid_namespace, execution, status })
}

/// A request's strings as the kernel takes them.
struct Strings {
    program: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    before: Vec<Prepared>,
}

/// What is done first, with what it takes.
enum Prepared {
    Tmpfs { at: CString, options: CString },
    HostName(CString),
    LeaveKeyring,
    GoFirst,
    Settle,
    AwaitTracer(Vec<crate::sys::Filter>),
}

impl Prepared {
    fn new(preparation: &Preparation) -> io::Result<Self> {
        Ok(match preparation {
            Preparation::Tmpfs { at, mode, size } => Self::Tmpfs {
                at: CString::new(at.0.as_os_str().as_bytes())?,
                options: CString::new(format!("mode={mode:o},size={size}"))?,
            },
            Preparation::HostName(name) => Self::HostName(CString::new(name.as_bytes())?),
            Preparation::LeaveKeyring => Self::LeaveKeyring,
            Preparation::GoFirst => Self::GoFirst,
            Preparation::Settle => Self::Settle,
            Preparation::AwaitTracer(filter) => Self::AwaitTracer(filter.iter().map(crate::sys::instruction).collect()),
        })
    }

    fn step<'a>(&'a self, attached: &'a Attached) -> Step<'a> {
        match self {
            Self::Tmpfs { at, options } => Step::Tmpfs { at, options },
            Self::HostName(name) => Step::HostName(name),
            Self::LeaveKeyring => Step::LeaveKeyring,
            Self::GoFirst => Step::GoFirst,
            Self::Settle => Step::Settle,
            Self::AwaitTracer(filter) => {
                Step::AwaitTracer { filter, tracer: attached.tracer.as_ref().map(AsFd::as_fd) }
            }
        }
    }
}

impl Strings {
    fn new(request: &protocol::Run) -> io::Result<Self> {
        let arguments = std::iter::once(Ok(c"bwrap".to_owned()))
            .chain(request.arguments.iter().map(|argument| CString::new(argument.as_bytes())))
            .collect::<Result<_, _>>()?;
        let environment = request
            .environment
            .iter()
            .map(|(name, value)| CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()))
            .collect::<Result<_, _>>()?;
        let before = request.before.iter().map(Prepared::new).collect::<Result<_, _>>()?;
        Ok(Self { program: CString::new(request.program.as_bytes())?, arguments, environment, before })
    }
}

/// Forks by `fork` so that the child is PID 1 of a new pid namespace, whose inode is given too,
/// and goes back to the supervisor's own.
fn in_new_pid_namespace(fork: impl FnOnce() -> io::Result<Pid>) -> io::Result<(Pid, u64)> {
    let own = File::open("/proc/self/ns/pid")?;
    nix::sched::unshare(CloneFlags::CLONE_NEWPID)?;
    let forked = fork();
    // Looked at from here, since the child may be gone already.
    let inode = std::fs::metadata("/proc/self/ns/pid_for_children").map(|metadata| metadata.ino());
    let back = nix::sched::setns(own, CloneFlags::CLONE_NEWPID);
    let init = forked?;
    match back.map_err(io::Error::from).and(inode) {
        Ok(inode) => Ok((init, inode)),
        Err(error) => {
            processes::kill(init);
            Err(error)
        }
    }
}

/// A pipe that is read without waiting. Its ends are numbered above what a run begins with, since those numbers are always
/// taken in the supervisor.
pub fn pipe() -> Result<(File, OwnedFd), Failure> {
    let failed = |errno| Failure::new("make a pipe", errno);
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC).map_err(failed)?;
    fcntl(&read, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(failed)?;
    Ok((File::from(read), write))
}
