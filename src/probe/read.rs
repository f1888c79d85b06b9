//! Reading, with limits, and with a reason where it fails.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    os::unix::ffi::OsStrExt,
    path::Path,
};

use nix::errno::Errno;

use crate::facts::{Fact, Malformed, Unread, text::escape};

/// The most that is read of one file, in bytes.
const FILE_LIMIT: u64 = 1024 * 1024;

/// The most names that are read of one directory.
const NAMES_LIMIT: usize = 4096;

/// Why something is not known.
pub fn unread(what: impl Into<String>, errno: Errno) -> Unread {
    Unread { what: what.into(), errno: format!("{errno:?}") }
}

/// The errno of a standard error; those without one did not understand what they read.
pub fn errno(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EBADMSG, Errno::from_raw)
}

/// A fact from a call.
pub fn called<T>(what: &str, result: nix::Result<T>) -> Fact<T> {
    result.map_err(|errno| unread(what, errno)).into()
}

/// The bytes of a file.
pub fn bytes(path: &str) -> Result<Vec<u8>, Unread> {
    let failed = |error: &io::Error| unread(format!("read {path}"), errno(error));
    let file = fs::File::open(path).map_err(|error| failed(&error))?;
    let mut bytes = Vec::new();
    file.take(FILE_LIMIT + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(unread(format!("read {path}"), Errno::EFBIG));
    }
    Ok(bytes)
}

/// A fact from a file and its parser.
pub fn parsed<T>(path: &str, parse: impl FnOnce(&[u8]) -> Result<T, Malformed>) -> Fact<T> {
    bytes(path).and_then(|bytes| understood(path, parse(&bytes))).into()
}

/// What a parser made of a file.
pub fn understood<T>(path: &str, result: Result<T, Malformed>) -> Result<T, Unread> {
    result.map_err(|malformed| unread(format!("understand {path}, {malformed}"), Errno::EBADMSG))
}

/// A link's text.
pub fn link(path: &str) -> Result<String, Unread> {
    let target = fs::read_link(path).map_err(|error| unread(format!("readlink {path}"), errno(&error)))?;
    Ok(escape(target.as_os_str().as_bytes()))
}

/// The names in a directory, sorted.
pub fn names(path: &Path) -> Result<Vec<std::ffi::OsString>, Unread> {
    let failed = |errno| unread(format!("readdir {}", escape(path.as_os_str().as_bytes())), errno);
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| failed(errno(&error)))? {
        if names.len() == NAMES_LIMIT {
            return Err(failed(Errno::EFBIG));
        }
        names.push(entry.map_err(|error| failed(errno(&error)))?.file_name());
    }
    names.sort_unstable();
    Ok(names)
}

/// One fact for each key, from one reading.
pub fn table<T>(keys: &[&str], mut read: impl FnMut(&str) -> T) -> BTreeMap<String, T> {
    keys.iter().map(|&key| (key.to_owned(), read(key))).collect()
}
