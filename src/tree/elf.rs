//! What an ELF file's first bytes say: whose machine it is for, and which loader it names (elf(5)).

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::arch::{self, Architecture, ByteOrder};
use crate::facts::{system::elf_machine, text};

/// The header of a program: 64 bytes at the most.
const HEADER: usize = 64;
/// No program of a distribution has more program headers than this, nor a longer name for its loader.
const MAX_HEADERS: u16 = 64;
const MAX_NAME: usize = 256;
/// The kind of program header that names the loader.
const PT_INTERP: u32 = 3;

/// What a program is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    machine: u16,
    order: ByteOrder,
    bits: u32,
    interpreter: Option<String>,
}

impl Header {
    /// Reads the start of a file; `None` where it is no ELF file of a kind there is.
    ///
    /// # Errors
    /// `errno` of reading it.
    pub fn read(file: &File) -> io::Result<Option<Self>> {
        let bytes = part(file, 0, HEADER)?;
        let Some(fields) = Fields::of(&bytes) else { return Ok(None) };
        let Some(machine) = elf_machine(&bytes) else { return Ok(None) };
        let interpreter = interpreter(file, &bytes, fields)?;
        Ok(Some(Self { machine, order: fields.order, bits: fields.bits, interpreter }))
    }

    /// The architecture; `None` where it is none of ours.
    pub fn architecture(&self) -> Option<&'static Architecture> {
        arch::ALL.iter().find(|arch| self.is_of(arch))
    }

    /// Whether it is of this architecture.
    pub fn is_of(&self, arch: &Architecture) -> bool {
        (self.machine, self.order, self.bits) == (arch.elf_machine, arch.byte_order, arch.pointer_bits)
    }

    /// Whether both are of one architecture, known or not.
    pub fn same_machine(&self, other: &Self) -> bool {
        (self.machine, self.order, self.bits) == (other.machine, other.order, other.bits)
    }

    /// The loader it names.
    pub fn interpreter(&self) -> Option<&str> {
        self.interpreter.as_deref()
    }
}

impl fmt::Display for Header {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.architecture() {
            Some(arch) => out.write_str(arch.name),
            None => write!(out, "ELF machine {} ({} bit, {} endian)", self.machine, self.bits, self.order.name()),
        }
    }
}

/// How the numbers of a file are to be read.
#[derive(Clone, Copy)]
struct Fields {
    order: ByteOrder,
    bits: u32,
}

impl Fields {
    fn of(header: &[u8]) -> Option<Self> {
        let bits = match header.get(4)? {
            1 => 32,
            2 => 64,
            _ => return None,
        };
        let order = match header.get(5)? {
            1 => ByteOrder::Little,
            2 => ByteOrder::Big,
            _ => return None,
        };
        Some(Self { order, bits })
    }

    /// An unsigned number of up to eight bytes.
    fn number(self, bytes: &[u8], at: usize, width: usize) -> Option<u64> {
        let bytes = bytes.get(at..at.checked_add(width)?)?;
        let shift = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(match self.order {
            ByteOrder::Little => bytes.iter().rev().fold(0, shift),
            ByteOrder::Big => bytes.iter().fold(0, shift),
        })
    }

    /// Where a field is in the 32-bit form and in the 64-bit form: offset and width.
    fn either(self, bytes: &[u8], narrow: (usize, usize), wide: (usize, usize)) -> Option<u64> {
        let (at, width) = if self.bits == 32 { narrow } else { wide };
        self.number(bytes, at, width)
    }
}

/// The name in the first `PT_INTERP`; `None` where there is none, or the headers make no sense.
fn interpreter(file: &File, header: &[u8], fields: Fields) -> io::Result<Option<String>> {
    let table = || {
        let start = fields.either(header, (28, 4), (32, 8))?;
        let size = fields.either(header, (42, 2), (54, 2))?;
        let count = fields.either(header, (44, 2), (56, 2))?;
        (count <= u64::from(MAX_HEADERS) && size <= 64).then_some((start, size as usize, count as usize))
    };
    let Some((start, size, count)) = table() else { return Ok(None) };
    let rows = part(file, start, size * count)?;
    let name = rows.chunks_exact(size.max(1)).find_map(|row| {
        let kind = fields.number(row, 0, 4)?;
        let offset = fields.either(row, (4, 4), (8, 8))?;
        let length = fields.either(row, (16, 4), (32, 8))?;
        (kind == u64::from(PT_INTERP) && length <= MAX_NAME as u64).then_some((offset, length as usize))
    });
    let Some((offset, length)) = name else { return Ok(None) };
    let name = part(file, offset, length)?;
    let name = name.strip_suffix(b"\0").unwrap_or(&name);
    Ok(Some(String::from_utf8(name.to_owned()).unwrap_or_else(|_| text::escape(name))))
}

/// As much of a part of a file as there is.
fn part(file: &File, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        let Some(at) = offset.checked_add(filled as u64).filter(|at| i64::try_from(*at).is_ok()) else { break };
        match file.read_at(&mut bytes[filled..], at) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
