//! The files beside a spec, which it may include: copies of them, so that nothing that listens there can be spoken to.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::libc::{EFBIG, O_NOFOLLOW, O_NONBLOCK};

/// The longest spec, in bytes. Among Fedora's the longest has about eight million (texlive).
const LONGEST_SPEC: u64 = 16 << 20;
/// The longest file beside it that is copied, in bytes: a spec includes lists and macros, no archives.
const LONGEST_FILE: u64 = 1 << 20;
/// The most that is copied of a directory, in bytes and in files.
const MOST_BYTES: u64 = 64 << 20;
const MOST_FILES: usize = 4096;

/// A spec's text.
pub fn spec(file: &Path) -> io::Result<Vec<u8>> {
    let text = read(file, LONGEST_SPEC)?;
    text.map(|(text, _)| text).ok_or_else(|| io::Error::from_raw_os_error(EFBIG))
}

/// Where the sources of a spec in `directory` are, if not beside it: `rpmbuild/SPECS` has `rpmbuild/SOURCES`.
pub fn sources(directory: &Path) -> Option<PathBuf> {
    let sources = directory.with_file_name("SOURCES");
    (directory.file_name() == Some(OsStr::new("SPECS")) && sources.is_dir()).then_some(sources)
}

/// Copies the files and links of `from` into `to`, but for those called `except`, those that are too large, that can't be
/// read, or are too many. Directories, sockets and the like are left out.
pub fn copy(from: &Path, to: &Path, except: &OsStr) -> io::Result<()> {
    let mut names = fs::read_dir(from)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.retain(|name| name != except);
    names.sort();
    let mut room = MOST_BYTES;
    for name in names.into_iter().take(MOST_FILES) {
        let (source, copy) = (from.join(&name), to.join(&name));
        if let Ok(target) = fs::read_link(&source) {
            symlink(target, copy)?;
        } else if let Ok(Some((content, permissions))) = read(&source, LONGEST_FILE.min(room)) {
            room -= content.len() as u64;
            fs::write(&copy, content)?;
            fs::set_permissions(&copy, permissions)?;
        }
    }
    Ok(())
}

/// A file's content, and whether others may execute it; `None` if it is no file or longer than `most`.
fn read(file: &Path, most: u64) -> io::Result<Option<(Vec<u8>, Permissions)>> {
    // What is no file is not waited for; what has become a link meanwhile is not followed.
    let file: File = OpenOptions::new().read(true).custom_flags(O_NOFOLLOW | O_NONBLOCK).open(file)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > most {
        return Ok(None);
    }
    let mut content = Vec::new();
    file.take(most).read_to_end(&mut content)?;
    let executable = metadata.permissions().mode() & 0o111 != 0;
    Ok(Some((content, Permissions::from_mode(if executable { 0o755 } else { 0o644 }))))
}
