//! Whoever starts somebody else's sandbox: a process of its own, a hidden mode of the command, that sets up what a success
//! could reach, and that only.
//!
//! As root it makes pid, mount, IPC, network and host name namespaces first, which go with it. As an ordinary user it may
//! make none, and what is inside may do no more than the user.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::mount::{MsFlags, mount};
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, setsid};

use crate::argv;
use crate::buildroot::supervisor::{DECOY, marks::Planted};
use crate::buildroot::{Failure, is_root};
use crate::report::show::line;

/// The first argument that makes the command one of these.
pub const ARGUMENT: &str = "__launcher";

/// A directory that is there on every system, and that nothing needed is in.
const OWN: &str = "/mnt";

/// What is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Somebody's sandbox.
    Line,
    /// One that contains nothing, with everything left open that can be.
    Control,
}

impl Kind {
    /// Its word among the arguments.
    pub fn word(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Control => "control",
        }
    }

    /// What only bubblewrap itself has in its environment.
    fn variables(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Line => None,
            Self::Control => Some((argv::UNSET, "1")),
        }
    }

    fn named(word: &OsString) -> Option<Self> {
        [Self::Line, Self::Control].into_iter().find(|kind| word == kind.word())
    }
}

/// Starts what the arguments say: the kind, the bubblewrap, its arguments, which the marks are added to. Exits as it does.
pub fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(2).collect();
    let started = match words.as_slice() {
        [kind, program, rest @ ..] => match Kind::named(kind) {
            Some(kind) => start(kind, program, rest),
            None => Err(Failure::new("start what has no word", Errno::EINVAL)),
        },
        _ => Err(Failure::new("start nothing", Errno::EINVAL)),
    };
    match started {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("{}", line(&failure));
            ExitCode::FAILURE
        }
    }
}

fn start(kind: Kind, program: &OsString, words: &[OsString]) -> Result<u8, Failure> {
    let failed = |operation: &'static str| move |error: io::Error| Failure::new(operation, error);
    crate::sys::close_inherited(3).map_err(failed("close what was inherited"))?;
    let is_root = is_root();
    if is_root {
        let own = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID | DECOY;
        unshare(own).map_err(|errno| Failure::new("make namespaces for the sandbox to be tried in", errno))?;
    }
    match crate::sys::fork_single_threaded().map_err(failed("fork"))? {
        ForkResult::Parent { child } => match waitpid(child, None) {
            Ok(WaitStatus::Exited(_, code)) => Ok(u8::try_from(code).unwrap_or(u8::MAX)),
            Ok(_) => Err(Failure::new("wait for what starts bubblewrap", Errno::ECHILD)),
            Err(errno) => Err(Failure::new("wait for what starts bubblewrap", errno)),
        },
        ForkResult::Child => {
            let code = inside(kind, is_root, program, words).unwrap_or_else(|failure| {
                eprintln!("{}", line(&failure));
                1
            });
            std::process::exit(code)
        }
    }
}

/// In the child: what is around the sandbox, and the sandbox.
fn inside(kind: Kind, is_root: bool, program: &OsString, words: &[OsString]) -> Result<i32, Failure> {
    set_pdeathsig(Signal::SIGKILL).map_err(|errno| Failure::new("end with what started this", errno))?;
    if is_root {
        surround(kind)?;
    }
    let planted = Planted::new(if kind == Kind::Control && is_root { &[OWN] } else { &[] })?;
    let marks = serde_json::to_string(&planted.known).unwrap_or_default();
    let (master, terminal) = terminal().map_err(|errno| Failure::new("make a terminal", errno))?;
    // Closed, it would hang up on this process, which has to tell yet how it went.
    std::mem::forget(master);
    let _left_open = if kind == Kind::Control { Some(left_open()?) } else { None };
    let mut bwrap = Command::new(program);
    bwrap.args(words).arg("--escapes").arg(marks).env_clear().envs(kind.variables()).stdin(terminal);
    crate::sys::with_default_signals(&mut bwrap);
    let status = bwrap.status();
    let status = status.map_err(|error| Failure::new(format!("execute {}", shown(program)), error))?;
    Ok(status.code().unwrap_or(1))
}

fn shown(program: &OsString) -> String {
    crate::facts::text::escape(Path::new(program).as_os_str().as_bytes())
}

/// The namespaces of a host that is none.
fn surround(kind: Kind) -> Result<(), Failure> {
    let failed = |operation: &'static str| move |errno: Errno| Failure::new(operation, errno);
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).map_err(failed("make the mounts private"))?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, none).map_err(failed("mount a /proc"))?;
    if kind == Kind::Control {
        mount(Some("tmpfs"), OWN, Some("tmpfs"), MsFlags::empty(), none).map_err(failed("mount a tmpfs on /mnt"))?;
        mount(none, OWN, none, MsFlags::MS_SHARED, none).map_err(failed("share it with what is inside"))?;
        let (zero, null) = (Some("/dev/zero"), "/dev/null");
        mount(zero, null, none, MsFlags::MS_BIND, none).map_err(failed("mount /dev/zero on /dev/null"))?;
    }
    crate::sys::raise_loopback().map_err(|error| Failure::new("bring the loopback interface up", error))
}

/// A terminal of this process's own, as somebody at one would start the sandbox.
fn terminal() -> nix::Result<(PtyMaster, File)> {
    setsid()?;
    let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname_r(&master)?;
    // The first that who leads a session opens is its terminal.
    let terminal = OpenOptions::new().read(true).write(true).open(name);
    Ok((master, terminal.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or_default()))?))
}

/// A directory that the sandbox inherits.
fn left_open() -> Result<File, Failure> {
    let directory = File::open("/").map_err(|error| Failure::new("open /", error))?;
    fcntl(directory.as_fd(), FcntlArg::F_SETFD(FdFlag::empty()))
        .map_err(|errno| Failure::new("leave / open", errno))?;
    Ok(directory)
}
