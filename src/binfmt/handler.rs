//! A handler as the kernel shows it: a file of `/proc/sys/fs/binfmt_misc` (`entry_status` in `fs/binfmt_misc.c`).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use crate::facts::Malformed;
use crate::facts::text::lines;

/// Whether the kernel uses a handler, or the whole table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It does.
    Enabled,
    /// It does not.
    Disabled,
}

impl State {
    /// What `status` says, and the first line of every handler.
    ///
    /// # Errors
    /// It is neither `enabled` nor `disabled`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        match lines(bytes).next() {
            Some((_, b"enabled")) => Ok(Self::Enabled),
            Some((_, b"disabled")) => Ok(Self::Disabled),
            Some(_) | None => Err(Malformed { what: "state", line: 1 }),
        }
    }
}

/// Which files a handler takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// Those with these bytes at this place, where the mask has ones.
    Magic {
        /// The place.
        offset: usize,
        /// The bytes.
        magic: Vec<u8>,
        /// As long as the magic, or empty for all ones.
        mask: Vec<u8>,
    },
    /// Those whose name ends so.
    Extension(Vec<u8>),
}

/// One handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handler {
    /// What it is called: nothing follows from it.
    pub name: String,
    /// Whether it is used.
    pub state: State,
    /// The program that runs what it takes.
    pub interpreter: PathBuf,
    /// The letters of its flags, `POCF` at the most.
    pub flags: String,
    /// What it takes.
    pub pattern: Pattern,
}

impl Handler {
    /// The handler called `name`, whose file has these bytes. Lines of newer kernels are left alone.
    ///
    /// # Errors
    /// Something is missing, or is not what the kernel writes.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, Malformed> {
        let state = State::parse(bytes)?;
        let value = |key: &str| {
            lines(bytes).find_map(|(line, text)| Some((line, text.strip_prefix(key.as_bytes())?.strip_prefix(b" ")?)))
        };
        let number = |text: &[u8]| crate::facts::text::decimal::<usize>(text);
        let last = lines(bytes).count();
        let missing = |what| Malformed { what, line: last };
        let (_, interpreter) =
            value("interpreter").filter(|(_, path)| !path.is_empty()).ok_or(missing("interpreter"))?;
        let (line, flags) = value("flags:").ok_or(missing("flags"))?;
        if !flags.iter().all(u8::is_ascii_uppercase) {
            return Err(Malformed { what: "flags", line });
        }
        let pattern = if let Some((_, extension)) = value("extension") {
            Pattern::Extension(extension.to_owned())
        } else {
            let (line, offset) = value("offset").ok_or(missing("offset"))?;
            let offset = number(offset).ok_or(Malformed { what: "offset", line })?;
            let (line, magic) = value("magic").ok_or(missing("magic"))?;
            let magic = hex(magic).filter(|magic| !magic.is_empty()).ok_or(Malformed { what: "magic", line })?;
            let mask = match value("mask") {
                None => Vec::new(),
                Some((line, mask)) => hex(mask)
                    .filter(|mask| mask.len() == magic.len())
                    .ok_or(Malformed { what: "mask as long as the magic", line })?,
            };
            Pattern::Magic { offset, magic, mask }
        };
        Ok(Self {
            name: name.to_owned(),
            state,
            interpreter: OsString::from_vec(interpreter.to_owned()).into(),
            flags: String::from_utf8_lossy(flags).into_owned(),
            pattern,
        })
    }

    /// Whether it takes a program that begins with these bytes.
    pub fn takes(&self, program: &[u8]) -> bool {
        let Pattern::Magic { offset, magic, mask } = &self.pattern else { return false };
        let Some(there) = program.get(*offset..).filter(|there| there.len() >= magic.len()) else { return false };
        let masks = mask.iter().copied().chain(std::iter::repeat(0xff));
        magic.iter().zip(there).zip(masks).all(|((wanted, found), mask)| (wanted ^ found) & mask == 0)
    }

    /// Whether the kernel holds the interpreter open since it was registered, so that every root has it (flag F, Linux 4.8).
    pub fn is_held_open(&self) -> bool {
        self.flags.contains('F')
    }
}

/// Bytes from their hexadecimal digits.
pub(super) fn hex(digits: &[u8]) -> Option<Vec<u8>> {
    if digits.len() % 2 != 0 {
        return None;
    }
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    digits.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    const QEMU: &[u8] = include_bytes!("../../fixtures/binfmt/qemu-s390x");

    #[test]
    fn a_handler_of_qemu_is_read() {
        let handler = Handler::parse("qemu-s390x", QEMU).expect("a handler");
        assert_eq!((handler.state, handler.flags.as_str()), (State::Enabled, "POF"));
        assert_eq!(handler.interpreter, PathBuf::from("/usr/libexec/qemu-binfmt/s390x-binfmt-P"));
        assert!(handler.is_held_open());
        let Pattern::Magic { offset, magic, mask } = &handler.pattern else { panic!("{handler:?}") };
        assert_eq!((*offset, &magic[..4], magic.len(), mask.len()), (0, &b"\x7fELF"[..], 20, 20));
    }

    #[rstest]
    #[case::disabled(include_bytes!("../../fixtures/binfmt/disabled"), State::Disabled, "PO")]
    #[case::no_flags(include_bytes!("../../fixtures/binfmt/no-flags"), State::Enabled, "")]
    #[case::no_mask(include_bytes!("../../fixtures/binfmt/no-mask"), State::Enabled, "F")]
    #[case::an_extension(include_bytes!("../../fixtures/binfmt/extension"), State::Enabled, "")]
    #[case::of_a_newer_kernel(include_bytes!("../../fixtures/binfmt/newer"), State::Enabled, "POCFX")]
    fn odd_handlers_are_read(#[case] bytes: &[u8], #[case] state: State, #[case] flags: &str) {
        let handler = Handler::parse("odd", bytes).expect("a handler");
        assert_eq!((handler.state, handler.flags.as_str()), (state, flags));
    }

    #[rstest]
    #[case::nothing(b"", "state", 1)]
    #[case::another_word(b"on\n", "state", 1)]
    #[case::cut_off(b"enabled\ninterpreter /q\nflags: F\noff", "offset", 4)]
    #[case::no_interpreter(b"enabled\ninterpreter \nflags: F\noffset 0\nmagic 00\n", "interpreter", 5)]
    #[case::small_flags(b"enabled\ninterpreter /q\nflags: f\noffset 0\nmagic 00\n", "flags", 3)]
    #[case::negative_offset(b"enabled\ninterpreter /q\nflags: F\noffset -1\nmagic 00\n", "offset", 4)]
    #[case::half_a_byte(b"enabled\ninterpreter /q\nflags: F\noffset 0\nmagic 7f4\n", "magic", 5)]
    #[case::no_magic(b"enabled\ninterpreter /q\nflags: F\noffset 0\nmagic \n", "magic", 5)]
    #[case::short_mask(
        b"enabled\ninterpreter /q\nflags: F\noffset 0\nmagic 7f45\nmask ff\n",
        "mask as long as the magic",
        6
    )]
    fn what_is_no_handler_is_refused(#[case] bytes: &[u8], #[case] what: &'static str, #[case] line: usize) {
        assert_eq!(Handler::parse("bad", bytes), Err(Malformed { what, line }));
    }

    #[test]
    fn a_handler_takes_programs_of_its_machine_only() {
        let handler = Handler::parse("qemu-s390x", QEMU).expect("a handler");
        for arch in &crate::arch::ALL {
            assert_eq!(handler.takes(&super::super::trial::program(arch)), arch.name == "s390x", "{}", arch.name);
        }
        assert!(!handler.takes(b"\x7fELF"));
        let suffix = Handler::parse("suffix", include_bytes!("../../fixtures/binfmt/extension")).expect("a handler");
        assert!(!suffix.takes(QEMU));
    }

    #[test]
    fn a_place_beyond_the_program_is_no_match() {
        let far = b"enabled\ninterpreter /q\nflags: F\noffset 18446744073709551615\nmagic 00\n";
        assert!(!Handler::parse("far", far).expect("a handler").takes(&[0; 64]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_handler_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(handler) = Handler::parse("any", &bytes) {
                let _either = handler.takes(&bytes);
            }
        }
    }
}
