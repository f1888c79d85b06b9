//! What the attempts to leave a sandbox call. Each is given what it can only fail with once permission was checked, or
//! makes what goes with its descriptor.

use std::{
    ffi::{CStr, CString},
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
};

use nix::{
    Result,
    errno::Errno,
    libc::{self, c_int, c_long, c_ulong},
};

/// `KEYCTL_GET_KEYRING_ID`, `KEYCTL_SEARCH` and `KEYCTL_READ` (`linux/keyctl.h`).
const KEYRING_ID: c_int = 0;
const SEARCH: c_int = 10;
const READ: c_int = 11;

/// A keyring that has a name for everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyring {
    /// That of the session: `KEY_SPEC_SESSION_KEYRING`.
    Session = -3,
    /// That of the user: `KEY_SPEC_USER_KEYRING`.
    User = -4,
}

/// The number of a keyring. A user's is made where there is none.
pub fn keyring(which: Keyring) -> Result<c_long> {
    // SAFETY: takes no pointer.
    Errno::result(unsafe { libc::syscall(libc::SYS_keyctl, KEYRING_ID, which as c_int, 0) })
}

/// The number of a key of type `user` with this name, in a keyring or one below.
pub fn find_key(within: Keyring, name: &str) -> Result<c_long> {
    let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
    let kind = c"user".as_ptr();
    // SAFETY: two live, terminated strings; 0 is no keyring to link it to.
    Errno::result(unsafe { libc::syscall(libc::SYS_keyctl, SEARCH, within as c_int, kind, name.as_ptr(), 0) })
}

/// What a key holds, or the first 256 bytes of it: of a keyring, the numbers of its keys.
pub fn read_key(number: c_long) -> Result<Vec<u8>> {
    let mut bytes = vec![0_u8; 256];
    // SAFETY: a live buffer and its length.
    let length =
        Errno::result(unsafe { libc::syscall(libc::SYS_keyctl, READ, number, bytes.as_mut_ptr(), bytes.len()) })?;
    bytes.truncate(usize::try_from(length).unwrap_or(0));
    Ok(bytes)
}

/// A new mount of a file system, at no path: it goes with the descriptor (fsopen(2), fsmount(2); Linux 5.2).
pub fn mount_nowhere(kind: &CStr) -> Result<OwnedFd> {
    /// `FSCONFIG_CMD_CREATE` (`linux/mount.h`).
    const CREATE: c_int = 6;
    // SAFETY: a live, terminated string.
    let context = owned(Errno::result(unsafe { libc::syscall(libc::SYS_fsopen, kind.as_ptr(), 1) })?)?;
    let none = std::ptr::null::<u8>();
    // SAFETY: this command takes neither key nor value.
    Errno::result(unsafe { libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), CREATE, none, none, 0) })?;
    // SAFETY: takes no pointer; 1 is `FSMOUNT_CLOEXEC`.
    owned(Errno::result(unsafe { libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), 1, 0) })?)
}

/// Take `ro` off a mount (mount_setattr(2); Linux 5.12).
pub fn make_writable(path: &CStr) -> Result<c_long> {
    /// `struct mount_attr`: what is set, what is cleared, the propagation, a user namespace.
    const ATTRIBUTES: [u64; 4] = [0, READ_ONLY, 0, 0];
    /// `MOUNT_ATTR_RDONLY` (`linux/mount.h`).
    const READ_ONLY: u64 = 1;
    let (attributes, size) = (ATTRIBUTES.as_ptr(), size_of_val(&ATTRIBUTES));
    // SAFETY: a live, terminated string, and the attributes with their size.
    Errno::result(unsafe { libc::syscall(libc::SYS_mount_setattr, libc::AT_FDCWD, path.as_ptr(), 0, attributes, size) })
}

/// Load a kprobe program of one instruction that is nowhere: `EFAULT` once all permissions are checked (bpf(2)).
pub fn load_no_program() -> Result<c_long> {
    /// What `BPF_PROG_LOAD` reads first of `union bpf_attr`.
    #[repr(C)]
    struct Program {
        kind: u32,
        instructions: u32,
        at: u64,
        licence: u64,
    }
    const LOAD: c_int = 5;
    const KPROBE: u32 = 2;
    let program = Program { kind: KPROBE, instructions: 1, at: 0, licence: c"GPL".as_ptr() as u64 };
    // SAFETY: the kernel reads the structure and the text it points to, both live, and fails to read at address 0.
    Errno::result(unsafe { libc::syscall(libc::SYS_bpf, LOAD, &raw const program, size_of_val(&program)) })
}

/// A group that could be told of every opening of files, and is told of none (fanotify_init(2)).
pub fn watch_nothing() -> Result<OwnedFd> {
    let flags = libc::FAN_CLASS_CONTENT | libc::FAN_CLOEXEC;
    // SAFETY: takes no pointer.
    owned(Errno::result(unsafe { libc::syscall(libc::SYS_fanotify_init, flags, libc::O_RDONLY) })?)
}

/// A counter of everything that processor 0 does, whoever does it, which does not count (perf_event_open(2)).
pub fn count_on_processor() -> Result<OwnedFd> {
    /// `PERF_TYPE_SOFTWARE`, and of it `PERF_COUNT_SW_CPU_CLOCK`, which is 0.
    const SOFTWARE: u32 = 1;
    /// `PERF_ATTR_SIZE_VER0`: the first structure there was. After five numbers of 64 bits come the flags, `disabled` first.
    const SIZE: u32 = 64;
    let mut attributes = [0_u32; 16];
    (attributes[0], attributes[1]) = (SOFTWARE, SIZE);
    // The first bit of the flags, which are 64: in the order of the machine's bytes.
    (attributes[10], attributes[11]) = if cfg!(target_endian = "big") { (1 << 31, 0) } else { (1, 0) };
    let (everybody, first, alone, flags) = (-1, 0, -1, 8);
    // SAFETY: a live structure that says its size; flag 8 is `PERF_FLAG_FD_CLOEXEC`.
    owned(Errno::result(unsafe {
        libc::syscall(libc::SYS_perf_event_open, attributes.as_ptr(), everybody, first, alone, flags)
    })?)
}

/// Load a kernel with flags that there are not: `EINVAL` once permission is checked (kexec_load(2)).
pub fn load_no_kernel() -> Result<c_long> {
    const NO_FLAGS: c_ulong = 0xff00;
    let none = std::ptr::null::<u8>();
    // SAFETY: the flags are refused before anything is read or unloaded.
    Errno::result(unsafe { libc::syscall(libc::SYS_kexec_load, 0, 0, none, NO_FLAGS) })
}

/// As [`push_no_input`](super::push_no_input), with a bit set above those that the kernel looks at: CVE-2019-10063.
pub fn push_no_input_unfiltered(terminal: BorrowedFd<'_>) -> Result<c_long> {
    #[cfg(target_pointer_width = "64")]
    const REQUEST: c_ulong = libc::TIOCSTI as c_ulong | 1 << 32;
    #[cfg(not(target_pointer_width = "64"))]
    const REQUEST: c_ulong = libc::TIOCSTI as c_ulong;
    let none = std::ptr::null::<u8>();
    // SAFETY: the kernel reads one byte through the pointer, and fails for this one.
    Errno::result(unsafe { libc::syscall(libc::SYS_ioctl, terminal.as_raw_fd(), REQUEST, none) })
}

/// Ask a console for nothing: `EFAULT` once all permissions are checked (ioctl_console(2), `TIOCLINUX`).
pub fn ask_console_nothing(terminal: BorrowedFd<'_>) -> Result<c_int> {
    let none = std::ptr::null::<u8>();
    // SAFETY: the kernel reads one byte through the pointer, and fails for this one.
    Errno::result(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCLINUX as _, none) })
}

fn owned(descriptor: c_long) -> Result<OwnedFd> {
    let descriptor = RawFd::try_from(descriptor).map_err(|_| Errno::EOVERFLOW)?;
    // SAFETY: only for what a call just returned, so nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}
