//! The seal around the probe's output, so that nothing but a whole document is ever judged.
//!
//! ```text
//! {"version":…}                                      the document, one line
//! rootcontract-probe NONCE LENGTH DIGEST             its bytes, decimal; its FNV-1a, 16 hexadecimal digits
//! ```
//!
//! The digest finds damage. It is no signature: what the sandbox itself forges, it can seal.

use super::{Probe, escape::Attempts, text::decimal};

/// The most that is opened, in bytes. A sandbox's document has some tens of thousands.
pub const LIMIT: usize = 4 * 1024 * 1024;

/// The nonce's place when the probe was given none.
pub const NO_NONCE: &str = "-";

const WORD: &str = "rootcontract-probe";

/// Why a sealed document cannot be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Damage {
    /// There are more bytes than [`LIMIT`].
    TooLong,
    /// There is no last line with our word.
    NoSeal,
    /// The last line is there and something follows it.
    AfterSeal,
    /// The seal carries another nonce, or the document another than the seal.
    Nonce,
    /// The seal's length is not the document's.
    Length,
    /// The seal's digest is not the document's.
    Digest,
    /// The document is no JSON.
    NotJson(serde_json::Error),
    /// The document is JSON of another shape.
    Shape(serde_json::Error),
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Damage::TooLong => "the probe's output is longer than 4 MiB",
            Damage::NoSeal => "the probe's output does not end with its seal",
            Damage::AfterSeal => "something follows the seal of the probe's output",
            Damage::Nonce => "the probe's output carries another nonce",
            Damage::Length => "the probe's output has not the length that its seal says",
            Damage::Digest => "the probe's output has not the digest that its seal says",
            Damage::NotJson(_) => "the probe's output is no JSON",
            Damage::Shape(_) => "the probe's output has not the shape of facts",
        })
    }
}

impl std::error::Error for Damage {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Damage::NotJson(error) | Damage::Shape(error) => Some(error),
            Damage::TooLong | Damage::NoSeal | Damage::AfterSeal | Damage::Nonce | Damage::Length | Damage::Digest => {
                None
            }
        }
    }
}

/// Whether a text may serve as nonce: 8 to 64 lower-case hexadecimal digits.
pub fn is_nonce(text: &str) -> bool {
    (8..=64).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A document, which has no line break, and its seal.
pub fn seal(document: &[u8], nonce: &str) -> Vec<u8> {
    let line = format!("\n{WORD} {nonce} {} {:016x}\n", document.len(), digest(document));
    [document, line.as_bytes()].concat()
}

/// Open what the probe sealed with this nonce.
pub fn open(sealed: &[u8], nonce: &str) -> Result<Probe, Damage> {
    let (probe, found) = unseal(sealed)?;
    if found == nonce { Ok(probe) } else { Err(Damage::Nonce) }
}

/// Open what a probe sealed at some other time, with any nonce or none.
pub fn open_saved(sealed: &[u8]) -> Result<Probe, Damage> {
    unseal(sealed).map(|(probe, _)| probe)
}

/// Open what the probe sealed with this nonce when it was asked for attempts to leave.
pub fn open_attempts(sealed: &[u8], nonce: &str) -> Result<Attempts, Damage> {
    let (document, found) = unsealed(sealed)?;
    let attempts: Attempts = serde_json::from_slice(document).map_err(misread)?;
    if found == nonce && attempts.nonce == nonce { Ok(attempts) } else { Err(Damage::Nonce) }
}

/// The facts and the nonce of their seal, which are one.
fn unseal(sealed: &[u8]) -> Result<(Probe, &str), Damage> {
    let (document, nonce) = unsealed(sealed)?;
    let probe = Probe::from_json(document).map_err(misread)?;
    let named = probe.nonce.as_deref().unwrap_or(NO_NONCE);
    if named == nonce { Ok((probe, nonce)) } else { Err(Damage::Nonce) }
}

fn misread(error: serde_json::Error) -> Damage {
    match error.classify() {
        serde_json::error::Category::Data => Damage::Shape(error),
        serde_json::error::Category::Io | serde_json::error::Category::Syntax | serde_json::error::Category::Eof => {
            Damage::NotJson(error)
        }
    }
}

/// The document as it was sealed, and the nonce of the seal.
fn unsealed(sealed: &[u8]) -> Result<(&[u8], &str), Damage> {
    if sealed.len() > LIMIT {
        return Err(Damage::TooLong);
    }
    let (document, line) = divide(sealed)?;
    let line = std::str::from_utf8(line).map_err(|_| Damage::NoSeal)?;
    let words: Vec<&str> = line.split(' ').collect();
    let [nonce, length, sum] = words[..] else { return Err(Damage::NoSeal) };
    if nonce != NO_NONCE && !is_nonce(nonce) {
        return Err(Damage::Nonce);
    }
    if decimal(length.as_bytes()) != Some(document.len()) {
        return Err(Damage::Length);
    }
    if sum != format!("{:016x}", digest(document)) {
        return Err(Damage::Digest);
    }
    Ok((document, nonce))
}

/// The document, and the seal's line without its word and line break.
fn divide(sealed: &[u8]) -> Result<(&[u8], &[u8]), Damage> {
    let start = [b"\n", WORD.as_bytes(), b" "].concat();
    let at = sealed.windows(start.len()).rposition(|window| window == start).ok_or(Damage::NoSeal)?;
    let line = &sealed[at + start.len()..];
    match line.iter().position(|&byte| byte == b'\n') {
        None => Err(Damage::NoSeal),
        Some(end) if end + 1 < line.len() => Err(Damage::AfterSeal),
        Some(end) => Ok((&sealed[..at], &line[..end])),
    }
}

/// FNV-1a, 64 bit (draft-eastlake-fnv): the change of any one byte changes it.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests;
