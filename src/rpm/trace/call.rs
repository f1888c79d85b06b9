//! The calls that tell what a scriptlet needs.

use nix::libc::{self, c_long};

/// What a call does, for who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Deed {
    /// Executes a program.
    Execute,
    /// Looks whether something is there, and what.
    Look,
    /// Opens for reading.
    Read,
    /// Opens for writing, or makes a file.
    Write,
    /// Makes, names or removes something.
    Make,
    /// Makes a device node.
    Node,
    /// Changes a mode, an owner or an attribute.
    Change,
    /// Mounts or unmounts.
    Mount,
    /// Talks to a socket.
    Connect,
    /// Sends a signal.
    Signal,
    /// Sets the host's name.
    Hostname,
    /// Sets the clock.
    Clock,
    /// Loads or removes a kernel module.
    Module,
    /// Makes or enters a namespace.
    Namespace,
    /// Restarts the machine, or another kernel.
    Reboot,
}

/// Where a call has what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A path, relative to the working directory.
    Path(usize),
    /// A path, relative to the directory of the argument before it.
    At(usize),
    /// A string that is no path.
    Name(usize),
    /// A socket's address; its length is the next argument.
    Address(usize),
    /// The file behind a descriptor.
    Descriptor(usize),
    /// A number.
    Number(usize),
    /// None.
    Nothing,
}

/// Which argument says whether an `open` is for writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flags {
    /// The call is no `open`.
    None,
    /// This one.
    Argument(usize),
    /// The first field of what this one points to (`struct open_how`).
    How(usize),
}

/// A call that is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// Its number on this architecture.
    pub number: c_long,
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub deed: Deed,
    /// To what.
    pub subject: Subject,
    /// How it opens.
    pub flags: Flags,
}

const fn call(number: c_long, name: &'static str, deed: Deed, subject: Subject) -> Call {
    Call { number, name, deed, subject, flags: Flags::None }
}

const fn open(number: c_long, name: &'static str, subject: Subject, flags: Flags) -> Call {
    Call { number, name, deed: Deed::Read, subject, flags }
}

/// A row for a call of the name it has in libc.
macro_rules! row {
    ($name:ident, $deed:ident, $subject:expr) => {
        call(libc::$name, stringify!($name), Deed::$deed, $subject)
    };
}

/// What every architecture has.
const EVERYWHERE: &[Call] = &[
    row!(SYS_execve, Execute, Subject::Path(0)),
    row!(SYS_execveat, Execute, Subject::At(1)),
    row!(SYS_chroot, Look, Subject::Path(0)),
    row!(SYS_fchdir, Look, Subject::Descriptor(0)),
    open(libc::SYS_openat, "SYS_openat", Subject::At(1), Flags::Argument(2)),
    open(libc::SYS_openat2, "SYS_openat2", Subject::At(1), Flags::How(2)),
    row!(SYS_faccessat, Look, Subject::At(1)),
    row!(SYS_faccessat2, Look, Subject::At(1)),
    row!(SYS_newfstatat, Look, Subject::At(1)),
    row!(SYS_statx, Look, Subject::At(1)),
    row!(SYS_readlinkat, Look, Subject::At(1)),
    row!(SYS_truncate, Write, Subject::Path(0)),
    row!(SYS_mkdirat, Make, Subject::At(1)),
    row!(SYS_mknodat, Node, Subject::At(1)),
    row!(SYS_linkat, Make, Subject::At(3)),
    row!(SYS_symlinkat, Make, Subject::At(2)),
    row!(SYS_renameat2, Make, Subject::At(3)),
    row!(SYS_unlinkat, Make, Subject::At(1)),
    row!(SYS_fchmod, Change, Subject::Descriptor(0)),
    row!(SYS_fchmodat, Change, Subject::At(1)),
    row!(SYS_fchown, Change, Subject::Descriptor(0)),
    row!(SYS_fchownat, Change, Subject::At(1)),
    row!(SYS_setxattr, Change, Subject::Path(0)),
    row!(SYS_lsetxattr, Change, Subject::Path(0)),
    row!(SYS_fsetxattr, Change, Subject::Descriptor(0)),
    row!(SYS_removexattr, Change, Subject::Path(0)),
    row!(SYS_lremovexattr, Change, Subject::Path(0)),
    row!(SYS_fremovexattr, Change, Subject::Descriptor(0)),
    row!(SYS_ioctl, Change, Subject::Descriptor(0)),
    row!(SYS_mount, Mount, Subject::Path(1)),
    row!(SYS_umount2, Mount, Subject::Path(0)),
    row!(SYS_pivot_root, Mount, Subject::Path(0)),
    row!(SYS_connect, Connect, Subject::Address(1)),
    row!(SYS_bind, Connect, Subject::Address(1)),
    row!(SYS_kill, Signal, Subject::Number(0)),
    row!(SYS_sethostname, Hostname, Subject::Nothing),
    row!(SYS_setdomainname, Hostname, Subject::Nothing),
    row!(SYS_settimeofday, Clock, Subject::Nothing),
    row!(SYS_clock_settime, Clock, Subject::Nothing),
    row!(SYS_clock_adjtime, Clock, Subject::Nothing),
    row!(SYS_init_module, Module, Subject::Nothing),
    row!(SYS_finit_module, Module, Subject::Descriptor(0)),
    row!(SYS_delete_module, Module, Subject::Name(0)),
    row!(SYS_setns, Namespace, Subject::Descriptor(0)),
    row!(SYS_unshare, Namespace, Subject::Nothing),
    row!(SYS_reboot, Reboot, Subject::Nothing),
    row!(SYS_kexec_load, Reboot, Subject::Nothing),
];

/// What came with Linux 5.2 to 6.17, as util-linux, coreutils and C libraries of today call it: the numbers are every
/// architecture's (asm-generic/unistd.h), and no C library has all of the names. `clone3` is not among them, with which every
/// process is made, and what it is to do lies in memory.
const NEWER: &[Call] = &[
    call(428, "open_tree", Deed::Mount, Subject::At(1)),
    call(429, "move_mount", Deed::Mount, Subject::At(3)),
    call(430, "fsopen", Deed::Mount, Subject::Name(0)),
    call(431, "fsconfig", Deed::Mount, Subject::Descriptor(0)),
    call(432, "fsmount", Deed::Mount, Subject::Descriptor(0)),
    call(433, "fspick", Deed::Mount, Subject::At(1)),
    call(424, "pidfd_send_signal", Deed::Signal, Subject::Nothing),
    call(442, "mount_setattr", Deed::Mount, Subject::At(1)),
    call(443, "quotactl_fd", Deed::Change, Subject::Descriptor(0)),
    call(452, "fchmodat2", Deed::Change, Subject::At(1)),
    call(457, "statmount", Deed::Look, Subject::Nothing),
    call(458, "listmount", Deed::Look, Subject::Nothing),
    call(463, "setxattrat", Deed::Change, Subject::At(1)),
    call(466, "removexattrat", Deed::Change, Subject::At(1)),
    call(467, "open_tree_attr", Deed::Mount, Subject::At(1)),
    call(469, "file_setattr", Deed::Change, Subject::At(1)),
];

/// What only the oldest have, and their C libraries still call.
#[cfg(target_arch = "x86_64")]
const HERE: &[Call] = &[
    open(libc::SYS_open, "SYS_open", Subject::Path(0), Flags::Argument(1)),
    row!(SYS_creat, Write, Subject::Path(0)),
    row!(SYS_access, Look, Subject::Path(0)),
    row!(SYS_stat, Look, Subject::Path(0)),
    row!(SYS_lstat, Look, Subject::Path(0)),
    row!(SYS_readlink, Look, Subject::Path(0)),
    row!(SYS_mkdir, Make, Subject::Path(0)),
    row!(SYS_rmdir, Make, Subject::Path(0)),
    row!(SYS_mknod, Node, Subject::Path(0)),
    row!(SYS_link, Make, Subject::Path(1)),
    row!(SYS_symlink, Make, Subject::Path(1)),
    row!(SYS_rename, Make, Subject::Path(1)),
    row!(SYS_renameat, Make, Subject::At(3)),
    row!(SYS_unlink, Make, Subject::Path(0)),
    row!(SYS_chmod, Change, Subject::Path(0)),
    row!(SYS_chown, Change, Subject::Path(0)),
    row!(SYS_lchown, Change, Subject::Path(0)),
];
#[cfg(target_arch = "aarch64")]
const HERE: &[Call] = &[row!(SYS_renameat, Make, Subject::At(3))];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const HERE: &[Call] = &[];

/// The requests of `ioctl` that are looked at: `FS_IOC_SETFLAGS` of both word sizes, and those of loop devices
/// (linux/fs.h, linux/loop.h). Terminals are asked all the time.
pub const REQUESTS: [u64; 6] = [0x4008_6602, 0x4004_6602, 0x4C00, 0x4C80, 0x4C82, 0x4C0A];

/// All that are looked at.
pub fn all() -> impl Iterator<Item = &'static Call> {
    EVERYWHERE.iter().chain(NEWER).chain(HERE)
}

/// The call of a number.
pub fn numbered(number: u64) -> Option<&'static Call> {
    all().find(|call| u64::try_from(call.number) == Ok(number))
}

impl Call {
    /// Its name, as manual pages have it.
    pub fn name(&self) -> &'static str {
        self.name.trim_start_matches("SYS_")
    }
}
