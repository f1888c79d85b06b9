//! File handles: files opened without their paths (open_by_handle_at(2)).

use std::{
    ffi::CStr,
    os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
};

use nix::{
    Result,
    errno::Errno,
    fcntl::OFlag,
    libc::{self, c_int},
    sys::stat::Mode,
};

/// In the place of a mount's descriptor: the file system of namespaces (`FD_NSFS_ROOT`, `linux/fcntl.h`; Linux 6.18).
pub const NAMESPACES: RawFd = -10003;

/// `struct file_handle` with room for the largest handle (`MAX_HANDLE_SZ`).
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct FileHandle {
    length: u32,
    kind: i32,
    bytes: [u8; 128],
}

impl FileHandle {
    /// The handle of what is at a path.
    pub fn of(path: &CStr) -> Result<FileHandle> {
        let mut handle = FileHandle { length: 128, kind: 0, bytes: [0; 128] };
        let mut mount: c_int = 0;
        let (at, follow) = (libc::AT_FDCWD, libc::AT_SYMLINK_FOLLOW);
        // SAFETY: the kernel writes at most `length` bytes behind the header of a live handle, and one int.
        Errno::result(unsafe {
            libc::syscall(libc::SYS_name_to_handle_at, at, path.as_ptr(), &raw mut handle, &raw mut mount, follow)
        })?;
        Ok(handle)
    }

    /// Its kind and its bytes, in hexadecimal digits.
    #[cfg(any(feature = "host", test))]
    pub fn to_hex(self) -> String {
        let length = usize::try_from(self.length).unwrap_or(0).min(self.bytes.len());
        let kind = self.kind.to_be_bytes();
        kind.iter().chain(&self.bytes[..length]).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads these back.
    pub fn from_hex(text: &str) -> Option<FileHandle> {
        if text.len() % 2 == 1 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
        let all: Vec<u8> = digits.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect::<Option<_>>()?;
        let (kind, rest) = all.split_first_chunk()?;
        let mut bytes = [0; 128];
        bytes.get_mut(..rest.len())?.copy_from_slice(rest);
        Some(FileHandle { length: u32::try_from(rest.len()).ok()?, kind: i32::from_be_bytes(*kind), bytes })
    }

    /// Opens it, on the file system that `mount` is a descriptor of, or on [`NAMESPACES`].
    /// Files take `CAP_DAC_READ_SEARCH`.
    pub fn open(&self, mount: RawFd, flags: OFlag) -> Result<OwnedFd> {
        let flags = (flags | OFlag::O_CLOEXEC).bits();
        // SAFETY: a live handle, of which the kernel reads `length` bytes, at most as many as there are.
        let opened =
            Errno::result(unsafe { libc::syscall(libc::SYS_open_by_handle_at, mount, &raw const *self, flags) })?;
        let opened = RawFd::try_from(opened).map_err(|_| Errno::EOVERFLOW)?;
        // SAFETY: the call just returned it, so nothing else owns it.
        Ok(unsafe { OwnedFd::from_raw_fd(opened) })
    }
}

/// Open what is at a path a second time, by its file handle. Needs `CAP_DAC_READ_SEARCH`.
pub fn open_by_handle(path: &CStr) -> Result<OwnedFd> {
    let there = nix::fcntl::open(path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    FileHandle::of(path)?.open(there.as_raw_fd(), OFlag::O_PATH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_survives_being_written_down() {
        let handle = FileHandle { length: 3, kind: -15, bytes: [7; 128] };
        let hex = handle.to_hex();
        assert_eq!(hex, "fffffff1070707");
        assert_eq!(FileHandle::from_hex(&hex).map(|read| (read.length, read.kind)), Some((3, -15)));
        for bad in ["", "ffffff", "fffffff1070", "fffffff10x", &"00".repeat(133)] {
            assert!(FileHandle::from_hex(bad).is_none(), "{bad}");
        }
    }
}
