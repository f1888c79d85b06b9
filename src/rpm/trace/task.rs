//! A thread that is traced, and what it is doing.

use std::ffi::CString;
use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;

use nix::libc;
use nix::unistd::Pid;

use super::call::{Call, Deed, Flags, Subject};
use super::{MOST_SCRIPT, memory};
use crate::rpm::room::TREE;
use crate::tree;

/// The longest address of a socket (`struct sockaddr_storage`).
const ADDRESS: usize = 128;

/// Whose doing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Nobody's that is looked at: bubblewrap, rpm, and what rpm starts outside the tree.
    Outside,
    /// A scriptlet's.
    Scriptlet {
        /// Which one.
        at: usize,
        /// In which of its commands.
        command: usize,
    },
    /// rpm's own process, while it runs a Lua scriptlet.
    Lua {
        /// Which one.
        at: usize,
    },
}

impl Who {
    /// The scriptlet whose doing it is, and its command.
    pub fn scriptlet(self) -> Option<(usize, usize)> {
        match self {
            Self::Outside => None,
            Self::Scriptlet { at, command } => Some((at, command)),
            Self::Lua { at } => Some((at, 0)),
        }
    }
}

/// A thread.
#[derive(Debug, Clone)]
pub struct Task {
    /// Whose.
    pub who: Who,
    /// Whether it has entered the tree.
    pub in_tree: bool,
    /// Whether it has yet to execute something since it was forked.
    pub forked: bool,
    /// The call that it is in.
    pub call: Option<Asked>,
}

impl Task {
    /// What nobody has forked.
    pub fn first() -> Self {
        Self { who: Who::Outside, in_tree: false, forked: false, call: None }
    }

    /// What it forks.
    pub fn child(&self) -> Self {
        let who = self.who.scriptlet().map_or(Who::Outside, |(at, command)| Who::Scriptlet { at, command });
        Self { who, forked: true, call: None, ..self.clone() }
    }

    /// Whether it is rpm itself, among the tree's files.
    pub fn is_rpm(&self) -> bool {
        self.in_tree && !self.forked && !matches!(self.who, Who::Scriptlet { .. })
    }
}

/// A call that has yet to end.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Which.
    pub call: &'static Call,
    /// With what.
    pub arguments: [u64; 6],
    /// What is to be executed, with its path in front.
    pub program: Option<(Vec<u8>, Vec<Vec<u8>>)>,
}

impl Asked {
    /// A call at its beginning. What it executes is read now, for afterwards it is gone.
    pub fn new(pid: Pid, call: &'static Call, arguments: [u64; 6]) -> Self {
        let program = (call.deed == Deed::Execute).then(|| {
            let at = if call.subject == Subject::Path(0) { 0 } else { 1 };
            (memory::path(pid, arguments[at]), memory::arguments(pid, arguments[at + 1]))
        });
        Self { call, arguments, program }
    }

    /// What it does: whether an `open` reads or writes is told by its flags.
    pub fn deed(&self, pid: Pid) -> Deed {
        let flags = match self.call.flags {
            Flags::None => return self.call.deed,
            Flags::Argument(at) => self.arguments[at],
            Flags::How(at) => memory::number(pid, self.arguments[at]).unwrap_or_default(),
        };
        let writing = (libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT).unsigned_abs();
        if flags & u64::from(writing) == 0 { Deed::Read } else { Deed::Write }
    }

    /// What it is about.
    pub fn subject(&self, pid: Pid) -> Vec<u8> {
        match self.call.subject {
            Subject::Path(at) => absolute(pid, "cwd", memory::path(pid, self.arguments[at])),
            Subject::At(at) => absolute(pid, &directory(self.arguments[at - 1]), memory::path(pid, self.arguments[at])),
            Subject::Name(at) => memory::path(pid, self.arguments[at]),
            Subject::Descriptor(at) => link(pid, &format!("fd/{}", low(self.arguments[at]))),
            Subject::Address(at) => address(pid, self.arguments[at], self.arguments[at + 1]),
            Subject::Number(at) => low(self.arguments[at]).to_string().into_bytes(),
            Subject::Nothing => Vec::new(),
        }
    }
}

/// Whether a thread has yet to end. Who has stays until somebody asks for it: `Z`, `X` (proc_pid_stat(5)).
pub fn is_alive(pid: Pid) -> bool {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name before it can be anything.
    let state = stat.iter().rposition(|&byte| byte == b')').and_then(|at| stat.get(at + 2));
    !matches!(state, None | Some(b'Z' | b'X'))
}

/// Whether a process runs a program of 32 bits (`EI_CLASS`, elf(5)), which is none of this machine's own.
pub fn is_narrow(pid: Pid) -> bool {
    let mut header = [0; 5];
    let program = File::open(format!("/proc/{pid}/exe")).and_then(|mut program| program.read_exact(&mut header));
    program.is_ok() && header == *b"\x7fELF\x01"
}

/// What a scriptlet's interpreter is given to read, if it is a file in the tree.
pub fn script(pid: Pid, arguments: &[Vec<u8>]) -> Vec<u8> {
    // rpm's own words come last, and are numbers; the interpreter's come first (`lib/rpmscript.c`, `runExtScript`).
    let Some(path) = arguments.iter().skip(1).rfind(|word| word.starts_with(b"/")) else { return Vec::new() };
    let Ok(path) = CString::new(path.as_slice()) else { return Vec::new() };
    // The links on the way are the tree's.
    let file = File::open(format!("/proc/{pid}/root")).and_then(|root| tree::plain_file(root.as_fd(), &path));
    let mut script = Vec::new();
    if let Ok(Some(file)) = file {
        let _what_there_is = file.take(MOST_SCRIPT as u64).read_to_end(&mut script);
    }
    script
}

/// A number of 32 bits, which is what descriptors and process ids are.
fn low(argument: u64) -> i32 {
    (argument & 0xffff_ffff) as u32 as i32
}

/// The link below `/proc/PID` of the directory that a path begins at.
fn directory(argument: u64) -> String {
    match low(argument) {
        libc::AT_FDCWD => "cwd".to_owned(),
        descriptor => format!("fd/{descriptor}"),
    }
}

/// A path as it is in the tree; `from` is where a relative one begins.
fn absolute(pid: Pid, from: &str, path: Vec<u8>) -> Vec<u8> {
    if path.starts_with(b"/") {
        return path;
    }
    let mut whole = link(pid, from);
    if !path.is_empty() {
        if !whole.ends_with(b"/") {
            whole.push(b'/');
        }
        whole.extend(path);
    }
    whole
}

/// Where a link of `/proc/PID` leads, as it is in the tree.
fn link(pid: Pid, name: &str) -> Vec<u8> {
    use std::os::unix::ffi::OsStringExt;
    let target = std::fs::read_link(format!("/proc/{pid}/{name}")).unwrap_or_default().into_os_string().into_vec();
    let tree = TREE.as_bytes();
    match target.windows(tree.len()).position(|window| window == tree) {
        Some(at) if target.len() > at + tree.len() => target[at + tree.len()..].to_vec(),
        Some(_) => b"/".to_vec(),
        None => target,
    }
}

/// A socket's address, for people.
fn address(pid: Pid, at: u64, length: u64) -> Vec<u8> {
    let length = usize::try_from(length).unwrap_or(0).min(ADDRESS);
    let bytes = memory::bytes(pid, at, length);
    let Some((family, rest)) = bytes.split_first_chunk::<2>() else { return Vec::new() };
    let port = || rest.first_chunk::<2>().map_or(0, |port| u16::from_be_bytes(*port));
    match i32::from(u16::from_ne_bytes(*family)) {
        libc::AF_UNIX => match rest.first() {
            Some(0) => [b"@".as_slice(), &rest[1..]].concat(),
            _ => rest.split(|&byte| byte == 0).next().unwrap_or_default().to_vec(),
        },
        libc::AF_INET => match rest.get(2..6) {
            Some(&[a, b, c, d]) => format!("{a}.{b}.{c}.{d}:{}", port()).into_bytes(),
            _ => b"an IPv4 address".to_vec(),
        },
        libc::AF_INET6 => format!("an IPv6 address, port {}", port()).into_bytes(),
        libc::AF_NETLINK => b"netlink".to_vec(),
        family => format!("an address of family {family}").into_bytes(),
    }
}
