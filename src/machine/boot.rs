//! qemu from its start to its end.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::report::{self, Report};
use super::{Console, Machine, MachineError, Ran};
use crate::facts::text::escape;
use crate::sys;

/// The name of the port inside: `/sys/class/virtio-ports/*/name`.
const PORT: &str = "rootcontract";

/// A machine that is switched on. It is off when this is dropped.
struct Running {
    program: String,
    qemu: Child,
    /// What comes from the three places; `None` once one has come to its end.
    port: Option<File>,
    console: Option<File>,
    talk: Option<File>,
    heard: Heard,
    started: Instant,
}

/// What came from them.
#[derive(Default)]
struct Heard {
    port: Vec<u8>,
    console: Console,
    talk: Console,
}

/// Boots `machine` with `initramfs` and waits for its report.
pub(super) fn run(
    machine: &Machine,
    initramfs: &File,
    deadline: Duration,
    interrupt: Option<BorrowedFd<'_>>,
) -> Result<Ran, MachineError> {
    let mut running = Running::start(machine, initramfs)?;
    let report = running.report(deadline, interrupt)?;
    let took = running.started.elapsed();
    Ok(Ran { code: report.code, stdout: report.stdout, stderr: report.stderr, took })
}

impl Running {
    fn start(machine: &Machine, initramfs: &File) -> Result<Self, MachineError> {
        let description = machine.description();
        let [program, own @ ..] = description.emulator.as_slice() else {
            unreachable!("a description without an emulator is not read")
        };
        // A name is looked up in PATH; a path is relative to the machine's directory.
        let path = if program.contains('/') { machine.file(program.as_ref()) } else { PathBuf::from(program) };
        let started = Instant::now();
        let failed = |source| MachineError::Listen { program: program.clone(), source };
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        ours.set_nonblocking(true).map_err(failed)?;
        let mut command = Command::new(path);
        command
            .args(own)
            .args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-monitor", "none"])
            .args(["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"])
            .args(["-device", "virtio-serial", "-chardev", &format!("socket,id=port,fd={}", theirs.as_raw_fd())])
            .args(["-device", &format!("virtserialport,chardev=port,name={PORT}")])
            .arg("-kernel")
            .arg(machine.file(&description.image))
            .args(["-initrd", &format!("/proc/self/fd/{}", initramfs.as_raw_fd())])
            .args(["-append", &description.cmdline])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        sys::die_with_this_thread(&mut command, vec![theirs.as_raw_fd(), initramfs.as_raw_fd()]);
        let mut qemu = command.spawn().map_err(|source| MachineError::Emulator {
            program: program.clone(),
            arch: description.arch.clone(),
            source,
        })?;
        let console = qemu.stdout.take().map(|pipe| File::from(OwnedFd::from(pipe)));
        let talk = qemu.stderr.take().map(|pipe| File::from(OwnedFd::from(pipe)));
        let port = Some(File::from(OwnedFd::from(ours)));
        Ok(Self { program: program.clone(), qemu, port, console, talk, heard: Heard::default(), started })
    }

    /// Listens until the report is whole, everything has come to its end, or time is up.
    fn report(&mut self, limit: Duration, interrupt: Option<BorrowedFd<'_>>) -> Result<Report, MachineError> {
        // A deadline so far away that no clock can tell it is none.
        let end = self.started.checked_add(limit);
        loop {
            if !self.hear(end, interrupt)? {
                return Err(MachineError::Deadline { limit, console: self.heard.console.clone() });
            }
            let damaged = |source| MachineError::Damaged { source, console: self.heard.console.clone() };
            if let Some(report) = report::parse(&self.heard.port).map_err(damaged)? {
                return Ok(report);
            }
            if self.port.is_none() && self.console.is_none() && self.talk.is_none() {
                return Err(self.ended());
            }
        }
    }

    /// Waits for something to come, and takes it. Whether there was time to.
    fn hear(&mut self, end: Option<Instant>, interrupt: Option<BorrowedFd<'_>>) -> Result<bool, MachineError> {
        let failed = |program: &str, source| MachineError::Listen { program: program.to_owned(), source };
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return Ok(false);
        }
        let timeout = left.map_or(PollTimeout::NONE, |left| {
            i32::try_from(left.as_millis() + 1).ok().and_then(|left| left.try_into().ok()).unwrap_or(PollTimeout::MAX)
        });
        let places = [&self.port, &self.console, &self.talk];
        let mut waiting: Vec<PollFd> =
            places.into_iter().flatten().map(|place| PollFd::new(place.as_fd(), PollFlags::POLLIN)).collect();
        waiting.extend(interrupt.map(|interrupt| PollFd::new(interrupt, PollFlags::POLLIN)));
        match poll(&mut waiting, timeout) {
            Ok(0) | Err(Errno::EINTR) => return Ok(true),
            Ok(_) => {}
            Err(errno) => return Err(failed(&self.program, errno.into())),
        }
        if interrupt.is_some() && waiting.pop().is_some_and(|last| last.any().unwrap_or(true)) {
            return Err(MachineError::Interrupted);
        }
        // In the order of `places`, without those that have come to their end.
        let mut ready = waiting.iter().map(|place| place.any().unwrap_or(true)).collect::<Vec<_>>().into_iter();
        let mut taken = |place: &mut Option<File>, keep: &mut dyn FnMut(&[u8])| match place {
            Some(_) if ready.next() == Some(true) => take(place, keep),
            Some(_) | None => Ok(()),
        };
        let Heard { port, console, talk } = &mut self.heard;
        taken(&mut self.port, &mut |bytes| port.extend_from_slice(bytes))
            .and_then(|()| taken(&mut self.console, &mut |bytes| console.push(bytes)))
            .and_then(|()| taken(&mut self.talk, &mut |bytes| talk.push(bytes)))
            .map_err(|source| failed(&self.program, source))?;
        Ok(true)
    }

    /// What it means that qemu has ended and there is no report.
    fn ended(&mut self) -> MachineError {
        let took = self.started.elapsed();
        let code = self.qemu.wait().ok().and_then(|status| status.code()).unwrap_or(-1);
        let Heard { port, console, talk } = std::mem::take(&mut self.heard);
        if console.panicked() {
            MachineError::Panicked { took, console }
        } else if !port.is_empty() {
            MachineError::Half { took, bytes: port.len(), console }
        } else if console.is_empty() && code != 0 {
            let said = talk.last_lines().pop().unwrap_or_else(|| "it said nothing".to_owned());
            MachineError::Refused { program: escape(self.program.as_bytes()), code, said }
        } else {
            MachineError::Silent { took, console }
        }
    }
}

/// Takes what has come; at its end the place is closed.
fn take(place: &mut Option<File>, keep: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let Some(file) = place else { return Ok(()) };
    let mut chunk = vec![0; 64 << 10];
    match file.read(&mut chunk) {
        Ok(0) => *place = None,
        Ok(length) => keep(&chunk[..length]),
        // The other end of the socket closed with something unread in it.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => *place = None,
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

impl Drop for Running {
    /// qemu leads a process group of its own, so nothing that it started is left either.
    fn drop(&mut self) {
        if let Ok(group) = i32::try_from(self.qemu.id()) {
            let _already_gone = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        let _status = self.qemu.wait();
    }
}
