//! `machine.toml`: what a machine is made of, as `ci/machine` writes it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::MachineError;
use crate::source;

/// The file's name.
const NAME: &str = "machine.toml";
/// The first word of each.
const SCHEMA: &str = "rootcontract.machine/1";
/// The largest that is read, in bytes. They have one or two thousand.
const LIMIT: u64 = 64 << 10;

/// What a machine is made of. Paths are relative to its directory. It names a program to execute, so it deserves the
/// trust of a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// [`SCHEMA`].
    schema: String,
    /// The architecture, by our name.
    pub arch: String,
    /// The release of Debian that kernel and userland are from.
    pub suite: String,
    /// The kernel's release.
    pub kernel: String,
    /// The version of bubblewrap's package.
    pub bubblewrap: String,
    /// The emulator, a path or a name to look up in `PATH`, and the arguments that are this machine's own.
    pub emulator: Vec<String>,
    /// The kernel's file.
    pub image: PathBuf,
    /// The archives that make up the initramfs, in the order in which they are unpacked.
    pub initramfs: Vec<PathBuf>,
    /// What the kernel is told.
    pub cmdline: String,
}

impl Description {
    /// Reads and checks the description in `directory`.
    pub(super) fn read(directory: &Path) -> Result<Self, MachineError> {
        let file = directory.join(NAME);
        let unreadable = |source| MachineError::Unreadable { directory: directory.to_owned(), source };
        let bytes = source::bytes(&file, LIMIT).map_err(unreadable)?;
        if bytes.len() as u64 > LIMIT {
            return Err(MachineError::TooLarge { file });
        }
        Self::parse(&bytes).map_err(|why| MachineError::Malformed { file, why })
    }

    /// A description from its bytes, or what is wrong with them, in a line.
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| format!("not UTF-8 at byte {}", error.valid_up_to()))?;
        let description: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            format!("line {line}: {}", error.message().trim_end().replace('\n', ", "))
        })?;
        let wrong = if description.schema != SCHEMA {
            format!("schema is not {SCHEMA}")
        } else if crate::arch::named(&description.arch).is_none() {
            format!("there is no architecture `{}`", description.arch)
        } else if description.emulator.is_empty() {
            "emulator is empty: it begins with the program".to_owned()
        } else if description.initramfs.is_empty() {
            "initramfs is empty: it is a list of archives".to_owned()
        } else {
            return Ok(description);
        };
        Err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const GOOD: &str = r#"
schema = "rootcontract.machine/1"
arch = "s390x"
suite = "bookworm"
kernel = "6.1.0-50-s390x"
bubblewrap = "0.8.0-2"
emulator = ["qemu-system-s390x", "-m", "512"]
image = "vmlinuz"
initramfs = ["system.cpio", "command.cpio"]
cmdline = "quiet"
"#;

    #[test]
    fn a_good_one_is_read() {
        let description = Description::parse(GOOD.as_bytes()).expect("good");
        assert_eq!(description.arch, "s390x");
        assert_eq!(description.initramfs, ["system.cpio", "command.cpio"].map(PathBuf::from));
    }

    #[rstest]
    #[case::other_schema("machine/1", "machine/2", "schema is not rootcontract.machine/1")]
    #[case::no_architecture("\"s390x\"\nsuite", "\"m68k\"\nsuite", "there is no architecture `m68k`")]
    #[case::no_program(
        "[\"qemu-system-s390x\", \"-m\", \"512\"]",
        "[]",
        "emulator is empty: it begins with the program"
    )]
    #[case::no_archive("[\"system.cpio\", \"command.cpio\"]", "[]", "initramfs is empty: it is a list of archives")]
    #[case::no_text("\"quiet\"", "1", "line 10: invalid type: integer `1`, expected a string")]
    #[case::cut("image = \"vmlinuz\"", "image = ", "line 8: string values must be quoted, expected literal string")]
    fn what_is_wrong_is_told_in_a_line(#[case] good: &str, #[case] bad: &str, #[case] told: &str) {
        let text = GOOD.replace(good, bad);
        assert_ne!(text, GOOD, "{good} is not there to be replaced");
        assert_eq!(Description::parse(text.as_bytes()).expect_err("bad"), told);
    }

    #[test]
    fn an_unknown_or_missing_key_is_named() {
        let unknown = format!("{GOOD}disk = 1\n");
        assert!(Description::parse(unknown.as_bytes()).expect_err("bad").starts_with("line 11: unknown field `disk`"));
        let missing = GOOD.replace("cmdline = \"quiet\"", "");
        assert!(Description::parse(missing.as_bytes()).expect_err("bad").ends_with("missing field `cmdline`"));
        assert_eq!(Description::parse(b"a = \"\xff\"").expect_err("bad"), "not UTF-8 at byte 5");
    }
}
