//! Facts that somebody saved.

use std::path::Path;

use rootcontract::facts::frame::{self, LIMIT};
use rootcontract::facts::{Document, frame::Damage};
use rootcontract::source::bytes;

use super::failure::Failure;

/// How the probe's half begins; a whole document begins with its schema.
const PROBE: &[u8] = b"{\"version\":";

/// Reads what `rootcontract probe` or `rootcontract-probe` printed.
pub fn load(file: &Path) -> Result<Document, Failure> {
    let bytes =
        bytes(file, LIMIT as u64).map_err(|source| Failure::FactsUnreadable { file: file.to_owned(), source })?;
    match frame::open_saved(&bytes) {
        Ok(probe) => Ok(Document::new(None, probe)),
        // Without the probe's last line it is a whole document, or nothing we know.
        Err(Damage::NoSeal) if !bytes.starts_with(PROBE) => {
            Document::from_json(&bytes).map_err(|source| Failure::FactsMalformed { file: file.to_owned(), source })
        }
        Err(source) => Err(Failure::FactsDamaged { file: file.to_owned(), source }),
    }
}
