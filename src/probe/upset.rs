//! What the probe does to its own process, or to a place of the sandbox's own, before it starts again: a proof that
//! the probe sees what is wrong has to make it wrong, and a plan has no word for most of it.

use std::ffi::OsString;
use std::fs::{self, OpenOptions, Permissions};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::libc;
use nix::mount::{MsFlags, mount};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal, raise};
use nix::sys::wait::WaitStatus;
use nix::unistd::{Gid, dup2_stderr, dup2_stdin, dup2_stdout, setgroups};

use super::place;
use crate::sys::own;

/// `IOPRIO_CLASS_IDLE` (linux/ioprio.h).
const IDLE: libc::c_int = 3 << 13;
/// `SECBIT_NO_SETUID_FIXUP` (linux/securebits.h).
const NO_SETUID_FIXUP: libc::c_ulong = 4;

/// Upsets this process, and starts it again with these arguments. Comes back only when a child of it was to look, or
/// with the reason.
pub(super) fn start_again(what: &str, arguments: &[OsString]) -> Result<(), String> {
    place::inside().map_err(|reason| format!("upset this process: {reason}; that is done inside bwrap's box only"))?;
    let told = |error: io::Error| format!("do '{}' first: {error}", crate::facts::text::escape(what.as_bytes()));
    if what == "child" {
        match own::go_on_in_child().map_err(|errno| told(errno.into()))? {
            None => {}
            Some(WaitStatus::Exited(_, 0)) => return Ok(()),
            Some(end) => return Err(format!("the child did not tell: {end:?}")),
        }
    } else {
        upset(what).map_err(told)?;
    }
    Err(told(Command::new(std::env::current_exe().map_err(told)?).args(arguments).exec()))
}

/// One thing, named as in the table of mutants.
fn upset(what: &str) -> io::Result<()> {
    match what.split_once('=') {
        Some(("limit", name)) => Ok(lower(name)?),
        Some(("cover", path)) => cover(path),
        Some(("private", path)) => fs::set_permissions(path, Permissions::from_mode(0o700)),
        Some(("read-only", path)) => remount(path, MsFlags::MS_NODEV | MsFlags::MS_RDONLY),
        Some(("no-exec", path)) => remount(path, MsFlags::MS_NODEV | MsFlags::MS_NOEXEC),
        Some(("devices", path)) => remount(path, MsFlags::empty()),
        _ => alone(what),
    }
}

fn alone(what: &str) -> io::Result<()> {
    match what {
        "nice" => own::set_nice(5)?,
        "oom-score" => fs::write("/proc/self/oom_score_adj", "500")?,
        "io-priority" => own::set_io_priority(IDLE)?,
        "scheduler" => own::schedule_as_batch()?,
        "personality" => nix::sys::personality::set(nix::sys::personality::Persona::SHORT_INODE).map(drop)?,
        "subreaper" => own::set_attribute(libc::PR_SET_CHILD_SUBREAPER, 1)?,
        "securebits" => own::set_attribute(libc::PR_SET_SECUREBITS, NO_SETUID_FIXUP)?,
        "no-huge-pages" => own::set_attribute(libc::PR_SET_THP_DISABLE, 1)?,
        "ignores-signal" => own::ignore(Signal::SIGUSR1)?,
        "blocks-signal" => SigSet::from(Signal::SIGUSR1).thread_block()?,
        "waiting-signal" => SigSet::from(Signal::SIGUSR1).thread_block().and_then(|()| raise(Signal::SIGUSR1))?,
        "groups" => setgroups(&[Gid::from_raw(1)])?,
        "stdin-pipe" => dup2_stdin(nix::unistd::pipe()?.0)?,
        "stdin-impatient" => {
            dup2_stdin(OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open("/dev/null")?)?
        }
        "stdout-both-ways" => dup2_stdout(again(io::stdout(), 0)?)?,
        "stderr-both-ways" => dup2_stderr(again(io::stderr(), 0)?)?,
        "stderr-impatient" => dup2_stderr(again(io::stderr(), libc::O_NONBLOCK)?)?,
        _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is no such thing")),
    }
    Ok(())
}

/// What a descriptor is of, opened once more.
fn again(descriptor: impl AsFd, flags: libc::c_int) -> io::Result<fs::File> {
    let path = format!("/proc/self/fd/{}", descriptor.as_fd().as_raw_fd());
    OpenOptions::new().read(flags == 0).write(true).custom_flags(flags).open(path)
}

/// Hides a file, as containers do.
fn cover(path: &str) -> io::Result<()> {
    Ok(mount(Some("/dev/null"), path, None::<&str>, MsFlags::MS_BIND, None::<&str>)?)
}

/// Gives the sandbox's own mount at `path` these flags and nosuid.
fn remount(path: &str, flags: MsFlags) -> io::Result<()> {
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_NOSUID | flags;
    Ok(mount(None::<&str>, path, None::<&str>, flags, None::<&str>)?)
}

/// Makes a soft limit another one: a lower one, or a higher one where it is zero.
fn lower(name: &str) -> nix::Result<()> {
    let (_, resource) = LIMITS.iter().find(|(known, _)| *known == name).ok_or(nix::errno::Errno::EINVAL)?;
    let (soft, hard) = getrlimit(*resource)?;
    let other = match soft {
        0 => 1,
        RLIM_INFINITY => 1 << 40,
        some => some - 1,
    };
    setrlimit(*resource, other, hard)
}

/// Resource limits by the names they have in the facts.
const LIMITS: [(&str, Resource); 14] = [
    ("as", Resource::RLIMIT_AS),
    ("core", Resource::RLIMIT_CORE),
    ("cpu", Resource::RLIMIT_CPU),
    ("data", Resource::RLIMIT_DATA),
    ("fsize", Resource::RLIMIT_FSIZE),
    ("locks", Resource::RLIMIT_LOCKS),
    ("memlock", Resource::RLIMIT_MEMLOCK),
    ("msgqueue", Resource::RLIMIT_MSGQUEUE),
    ("nofile", Resource::RLIMIT_NOFILE),
    ("nproc", Resource::RLIMIT_NPROC),
    ("rss", Resource::RLIMIT_RSS),
    ("rttime", Resource::RLIMIT_RTTIME),
    ("sigpending", Resource::RLIMIT_SIGPENDING),
    ("stack", Resource::RLIMIT_STACK),
];
