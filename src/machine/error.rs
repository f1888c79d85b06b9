//! Why a machine did not do what it was asked to.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::report::Damage;
use crate::facts::text::escape;

/// How many lines of the console are told, at the most.
const LINES: usize = 8;
/// How much of each.
const COLUMNS: usize = 200;

/// A machine could not be used, or did not report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MachineError {
    /// There is no description.
    #[error("open machine {directory}: read machine.toml (`ci/machine ARCH` makes machines in target/machines)")]
    Unreadable {
        /// Where it was looked for.
        directory: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No description is this long.
    #[error("{file}: larger than 64 KiB, no machine.toml is")]
    TooLarge {
        /// The description.
        file: PathBuf,
    },
    /// The description is none.
    #[error("{file}: {why} (`ci/machine` writes it anew)")]
    Malformed {
        /// The description.
        file: PathBuf,
        /// What is wrong, in a line.
        why: String,
    },
    /// A part of the machine can't be read.
    #[error("read {path}, a part of the machine (`ci/machine` makes it anew)")]
    Part {
        /// The part.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no memory for the initramfs.
    #[error("put the initramfs together in memory")]
    Memory(#[source] io::Error),
    /// The emulator can't be started.
    #[error("start {program}: install qemu-system for {arch}, or run `ci/machine {arch}`, which unpacks one privately")]
    Emulator {
        /// The program.
        program: String,
        /// The architecture it would emulate.
        arch: String,
        /// Why.
        source: io::Error,
    },
    /// Talking to qemu failed.
    #[error("listen to {program}")]
    Listen {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The emulator ended and the kernel has not said a word.
    #[error("{program} exited with {code}: {said}")]
    Refused {
        /// The program.
        program: String,
        /// Its exit code.
        code: i32,
        /// The last thing it said.
        said: String,
    },
    /// The kernel panicked.
    #[error("the machine panicked after {}", told(.took))]
    Panicked {
        /// How soon.
        took: Duration,
        /// What it said.
        console: Console,
    },
    /// The machine was switched off before it reported.
    #[error("the machine ended after {} without a report", told(.took))]
    Silent {
        /// How soon.
        took: Duration,
        /// What it said.
        console: Console,
    },
    /// The machine was switched off while it reported.
    #[error("the machine ended after {} with half a report, {bytes} bytes of it", told(.took))]
    Half {
        /// How soon.
        took: Duration,
        /// How much there was.
        bytes: usize,
        /// What it said.
        console: Console,
    },
    /// Time was up.
    #[error("the machine did not report within {}; --timeout gives it more", told(.limit))]
    Deadline {
        /// How long it had.
        limit: Duration,
        /// What it said.
        console: Console,
    },
    /// Somebody wanted it to end.
    #[error("the machine was switched off before it reported")]
    Interrupted,
    /// What came over the port is no report.
    #[error("what the machine sent is no report")]
    Damaged {
        /// Why not.
        source: Damage,
        /// What the machine said besides.
        console: Console,
    },
}

impl MachineError {
    /// The last lines of the machine's console, escaped and cut to what a person reads; none if it was not switched on.
    pub fn console(&self) -> Vec<String> {
        match self {
            Self::Panicked { console, .. }
            | Self::Silent { console, .. }
            | Self::Half { console, .. }
            | Self::Deadline { console, .. }
            | Self::Damaged { console, .. } => console.last_lines(),
            Self::Unreadable { .. }
            | Self::TooLarge { .. }
            | Self::Malformed { .. }
            | Self::Part { .. }
            | Self::Memory(_)
            | Self::Emulator { .. }
            | Self::Listen { .. }
            | Self::Refused { .. }
            | Self::Interrupted => Vec::new(),
        }
    }
}

fn told(time: &Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// The end of what a console said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Console(Vec<u8>);

impl Console {
    /// The most that is kept, in bytes; twice that while more is coming.
    const KEPT: usize = 16 << 10;

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        if self.0.len() > 2 * Self::KEPT {
            self.0.drain(..self.0.len() - Self::KEPT);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn panicked(&self) -> bool {
        const WORDS: &[u8] = b"Kernel panic - not syncing";
        self.0.windows(WORDS.len()).any(|window| window == WORDS)
    }

    pub(super) fn last_lines(&self) -> Vec<String> {
        let lines = self.0.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
        let mut last: Vec<String> = lines.rev().take(LINES).map(|line| cut(&escape(line))).collect();
        last.reverse();
        last
    }
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(COLUMNS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_on_the_console_takes_no_memory() {
        let mut console = Console::default();
        for number in 0..100_000 {
            console.push(format!("[    0.{number:06}] word after word\r\n").as_bytes());
        }
        assert!(console.0.len() <= 2 * Console::KEPT);
        let lines = console.last_lines();
        assert_eq!(lines.len(), LINES);
        assert_eq!(lines.last().map(String::as_str), Some("[    0.099999] word after word"));
    }

    #[test]
    fn a_console_does_not_speak_to_the_terminal() {
        let mut console = Console::default();
        console.push(b"\x1b[31mred\n\n");
        console.push(&[b'x'; 4000]);
        let lines = console.last_lines();
        assert_eq!(lines[0], r"\x1b[31mred");
        assert_eq!(lines[1].chars().count(), COLUMNS + 1);
    }

    #[test]
    fn a_panic_is_seen() {
        let mut console = Console::default();
        console.push(b"[    1.0] Kernel panic - not ");
        assert!(!console.panicked());
        console.push(b"syncing: No working init found.");
        assert!(console.panicked());
    }
}
