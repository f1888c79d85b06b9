//! The headers of a package, looked over before anything decodes them.
//!
//! An RPM is a lead of 96 bytes, the signature header, padding up to eight bytes, the main header and the payload. The
//! decoder believes what a header says of itself and asks for memory accordingly, which a few wrong bytes turn into more
//! than there is. So a header is held to rpm's own limits here first; nothing of it is believed before.

use std::io::{self, Read};

/// Bytes of the lead. rpm, `lib/rpmlead.hh`.
const LEAD: usize = 96;
/// What a lead begins with.
const LEAD_MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];
/// What a header begins with: the magic, then version 1.
const HEADER_MAGIC: [u8; 4] = [0x8e, 0xad, 0xe8, 0x01];
/// Bytes before the index: magic, four that are reserved, the number of entries, the bytes of data.
const INTRO: usize = 16;
/// Bytes of an entry of the index: tag, type, offset, count.
const ENTRY: usize = 16;
/// The most entries that rpm reads. rpm, `lib/header.cc`, `hdrchkTags`.
const MAX_ENTRIES: u32 = 0xffff;
/// The most bytes of data that are read here. rpm reads up to 256 MiB; a hundred thousand files take some twelve.
const MAX_DATA: u32 = 16 << 20;

/// Which of the two headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Digests and signatures.
    Signature,
    /// Everything else.
    Main,
}

impl std::fmt::Display for Which {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Signature => "signature header",
            Self::Main => "header",
        })
    }
}

/// Why bytes are no package that is read.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// They can't be read.
    #[error("read it")]
    Unreadable(#[source] io::Error),
    /// They end too early.
    #[error("ends within its {0}: it was not copied whole")]
    Truncated(&'static str),
    /// They are something else.
    #[error("no RPM: it begins with other bytes than packages do")]
    NotRpm,
    /// A header begins with other bytes.
    #[error("its {0} does not begin as one of version 1 does: it is damaged")]
    Magic(Which),
    /// There are too many entries, or none.
    #[error("its {which} has {entries} entries, where rpm takes 1 to {MAX_ENTRIES}")]
    Entries {
        /// Of which.
        which: Which,
        /// How many it says.
        entries: u32,
    },
    /// There is too much data.
    #[error("its {which} has {bytes} bytes of data, where at most {MAX_DATA} are read here")]
    Data {
        /// Of which.
        which: Which,
        /// How many it says.
        bytes: u32,
    },
    /// An entry is not what it can be.
    #[error("entry {index} of its {which} (tag {tag}) {what}: it is damaged")]
    Entry {
        /// Of which.
        which: Which,
        /// Which one, counted from 0.
        index: usize,
        /// Its tag.
        tag: u32,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// Reads what comes before the payload: the lead and both headers, no byte more, and only if they are sound. Memory is
/// taken as bytes arrive, never because a header says so.
///
/// # Errors
/// `source` can't be read, or does not begin with two sound headers.
pub fn read(source: &mut impl Read) -> Result<Vec<u8>, HeaderError> {
    let mut bytes = Vec::new();
    more(source, &mut bytes, LEAD, "lead").map_err(|error| match error {
        HeaderError::Truncated(_) if !bytes.starts_with(&LEAD_MAGIC) => HeaderError::NotRpm,
        other => other,
    })?;
    if !bytes.starts_with(&LEAD_MAGIC) {
        return Err(HeaderError::NotRpm);
    }
    let signature = header(source, &mut bytes, Which::Signature)?;
    more(source, &mut bytes, signature.next_multiple_of(8) - signature, "signature header")?;
    header(source, &mut bytes, Which::Main)?;
    Ok(bytes)
}

/// Reads a header and looks it over; the bytes of its index and data.
fn header(source: &mut impl Read, bytes: &mut Vec<u8>, which: Which) -> Result<usize, HeaderError> {
    let part = match which {
        Which::Signature => "signature header",
        Which::Main => "header",
    };
    let start = bytes.len();
    more(source, bytes, INTRO, part)?;
    let intro = &bytes[start..];
    if !intro.starts_with(&HEADER_MAGIC) {
        return Err(HeaderError::Magic(which));
    }
    let (entries, data) = (number(intro, 8), number(intro, 12));
    if entries == 0 || entries > MAX_ENTRIES {
        return Err(HeaderError::Entries { which, entries });
    }
    if data > MAX_DATA {
        return Err(HeaderError::Data { which, bytes: data });
    }
    let index = entries as usize * ENTRY;
    more(source, bytes, index + data as usize, part)?;
    let (index, data) = bytes[start + INTRO..].split_at(index);
    look_over(which, index, data)?;
    Ok(index.len() + data.len())
}

/// Whether every entry lies within the data, and all of them together are no more than it.
fn look_over(which: Which, index: &[u8], data: &[u8]) -> Result<(), HeaderError> {
    let mut room = data.len();
    for (at, entry) in index.chunks_exact(ENTRY).enumerate() {
        let size = size(entry, data, room);
        let taken = size.and_then(|size| room.checked_sub(size).ok_or("overlaps with others"));
        room = taken.map_err(|what| HeaderError::Entry { which, index: at, tag: number(entry, 0), what })?;
    }
    Ok(())
}

/// The bytes that an entry's value takes; never more than `room` are looked at.
fn size(entry: &[u8], data: &[u8], room: usize) -> Result<usize, &'static str> {
    let (kind, offset, count) = (number(entry, 4), number(entry, 8) as usize, number(entry, 12) as usize);
    let rest = data.get(offset..).filter(|rest| !rest.is_empty()).ok_or("lies outside the data")?;
    if count == 0 || count > data.len() {
        return Err("has a number of values that can't be");
    }
    let size = match kind {
        1 | 2 | 7 => count,
        3 => 2 * count,
        4 => 4 * count,
        5 => 8 * count,
        6 if count > 1 => return Err("is one string and has more"),
        6 | 8 | 9 => strings(&rest[..rest.len().min(room)], count).ok_or("has a string without an end")?,
        _ => return Err("is of a type that there is not"),
    };
    if size > rest.len() { Err("ends outside the data") } else { Ok(size) }
}

/// The bytes of `count` strings with the zero at the end of each.
fn strings(data: &[u8], count: usize) -> Option<usize> {
    let mut ends = data.iter().enumerate().filter(|(_, byte)| **byte == 0);
    ends.nth(count - 1).map(|(at, _)| at + 1)
}

/// Four bytes, the first counting most.
fn number(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn more(source: &mut impl Read, bytes: &mut Vec<u8>, wanted: usize, part: &'static str) -> Result<(), HeaderError> {
    let read = source.take(wanted as u64).read_to_end(bytes).map_err(HeaderError::Unreadable)?;
    if read == wanted { Ok(()) } else { Err(HeaderError::Truncated(part)) }
}
