//! The smallest program of an architecture, run in a sandbox that holds nothing else.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::statvfs::{FsFlags, statvfs};
use tempfile::TempPath;

use crate::arch::Architecture;
use crate::argv;
use crate::bwrap::ask;
use crate::plan::{Access, HostPath, Op, Plan};

use super::handler::hex;

/// What the program exits with: no shell, interpreter or bubblewrap says this of its own accord.
pub(crate) const CODE: u8 = 42;
/// How long it may take: it takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// Where the program is put if the directory for temporary files takes nothing, or nothing that is executed.
const PLACES: [&str; 3] = ["/var/tmp", "/run", "/dev/shm"];

/// How the trial ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The program ran.
    Ran,
    /// It did not, and this was said last.
    Not(String),
}

/// The program, from the table of architectures.
pub(crate) fn program(arch: &Architecture) -> Vec<u8> {
    let digits: Vec<u8> = arch
        .smallest_program
        .lines()
        .filter_map(|line| line.split('#').next())
        .flat_map(str::bytes)
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    hex(&digits).unwrap_or_default()
}

/// The program as a file that can be executed.
///
/// # Errors
/// `errno` of writing it, in the last place that was tried.
pub(crate) fn file(arch: &Architecture) -> io::Result<TempPath> {
    let places = std::iter::once(std::env::temp_dir()).chain(PLACES.map(PathBuf::from));
    let mut refused = io::ErrorKind::NotFound.into();
    for place in places {
        match file_in(&place, &program(arch)) {
            Ok(file) => return Ok(file),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn file_in(place: &Path, program: &[u8]) -> io::Result<TempPath> {
    if statvfs(place)?.flags().contains(FsFlags::ST_NOEXEC) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut file = tempfile::Builder::new().prefix("rootcontract-trial-").tempfile_in(place)?;
    file.write_all(program)?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o755))?;
    // A file that is open for writing can't be executed.
    Ok(file.into_temp_path())
}

/// Starts the program in a sandbox of its own, to which `more` is done.
///
/// # Errors
/// `errno` of writing it, or of starting `bwrap`; `TimedOut`.
pub(crate) fn run(arch: &Architecture, bwrap: &Path, more: &[Op]) -> io::Result<Ended> {
    let file = file(arch)?;
    let own = [Op::DieWithParent, Op::bind(&HostPath::new(&*file), "/trial", Access::ReadOnly)];
    let plan = Plan {
        ops: own.into_iter().chain(more.iter().cloned()).collect(),
        command: vec!["/trial".into()],
        ..Plan::default()
    };
    let started = Instant::now();
    loop {
        let ended = start(bwrap, &plan)?;
        match ended {
            // A process that another thread has forked still holds the file open for writing; it soon executes.
            Ended::Not(said) if said.contains(TEXT_BUSY) && started.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            ended => return Ok(ended),
        }
    }
}

/// `ETXTBSY`, as bubblewrap says it.
const TEXT_BUSY: &str = "Text file busy";

fn start(bwrap: &Path, plan: &Plan) -> io::Result<Ended> {
    let answer = ask(bwrap, argv::arguments(plan), PATIENCE)?;
    Ok(if answer.status.code() == Some(CODE.into()) { Ended::Ran } else { Ended::Not(answer.last_words()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::ALL;
    use crate::facts::system::elf_machine;

    #[test]
    fn every_architecture_has_a_program_of_its_own_machine() {
        for arch in &ALL {
            let program = program(arch);
            assert_eq!(elf_machine(&program), Some(arch.elf_machine), "{}", arch.name);
            let class = if arch.pointer_bits == 64 { 2 } else { 1 };
            assert_eq!(program.get(4), Some(&class), "{}", arch.name);
        }
    }
}
