//! The smallest program of an architecture, run in a sandbox that holds nothing else.

use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::libc;

use crate::arch::Architecture;
use crate::argv;
use crate::plan::{Access, Environment, HostPath, Op, Plan};

use super::handler::hex;

/// What the program exits with: no shell, interpreter or bubblewrap says this of its own accord.
const CODE: i32 = 42;
/// How long it may take: it takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most that is kept of what bubblewrap or an interpreter says.
const LONGEST: u64 = 4 << 10;

/// How the trial ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    /// The program ran.
    Ran,
    /// It did not, and this was said last.
    Not(String),
}

/// The program, from the table of architectures.
pub(super) fn program(arch: &Architecture) -> Vec<u8> {
    let digits: Vec<u8> = arch
        .smallest_program
        .lines()
        .filter_map(|line| line.split('#').next())
        .flat_map(str::bytes)
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    hex(&digits).unwrap_or_default()
}

/// Starts the program in a sandbox of its own.
///
/// # Errors
/// `errno` of writing it, or of starting `bwrap`.
pub(super) fn run(arch: &Architecture, bwrap: &Path) -> io::Result<Ended> {
    let mut file = tempfile::Builder::new().prefix("rootcontract-trial-").tempfile()?;
    file.write_all(&program(arch))?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o755))?;
    // A file that is open for writing can't be executed.
    let file = file.into_temp_path();
    let plan = Plan {
        ops: vec![Op::DieWithParent, Op::bind(&HostPath::new(&*file), "/trial", Access::ReadOnly)],
        environment: Environment::Clean([].into()),
        command: vec!["/trial".into()],
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
    let mut child = Command::new(bwrap)
        .args(argv::arguments(plan))
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let stderr = child.stderr.take();
    let started = Instant::now();
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None if started.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(1)),
            None => {
                child.kill()?;
                child.wait()?;
                return Err(io::Error::from_raw_os_error(libc::ETIMEDOUT));
            }
        }
    };
    if status.code() == Some(CODE) {
        return Ok(Ended::Ran);
    }
    let mut said = Vec::new();
    if let Some(stderr) = stderr {
        stderr.take(LONGEST).read_to_end(&mut said)?;
    }
    let said = String::from_utf8_lossy(&said);
    let last = said.trim_end().lines().next_back().unwrap_or_default();
    Ok(Ended::Not(if last.is_empty() { format!("it ended with {status}") } else { last.to_owned() }))
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
