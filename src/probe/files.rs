//! Nodes: devices, the root directory, the skeleton.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs, io,
    os::unix::{
        ffi::OsStrExt,
        fs::{FileTypeExt, MetadataExt},
    },
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    sys::stat::{major, minor},
};

use super::read::{self, errno, unread};
use crate::facts::{
    Fact, Unread,
    node::{Entry, Kind, Node},
    text::escape,
};

/// The paths whose nodes are told.
const SKELETON: [&str; 45] = [
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/dev/shm",
    "/etc",
    "/etc/containers",
    "/etc/group",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/localtime",
    "/etc/machine-id",
    "/etc/mke2fs.conf",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/resolv.conf",
    "/etc/selinux",
    "/home",
    "/lib",
    "/lib64",
    "/mnt",
    "/opt",
    "/ostree",
    "/proc",
    "/root",
    "/run",
    "/run/osbuild",
    "/run/osbuild/api",
    "/run/osbuild/bin",
    "/run/osbuild/lib",
    "/run/osbuild/meta",
    "/run/osbuild/runner",
    "/run/osbuild/tree",
    "/run/systemd/system",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/var",
    "/var/run",
    "/var/tmp",
];

/// The directories whose names are told.
const LISTED: [&str; 9] =
    ["/dev/shm", "/etc", "/run", "/run/osbuild", "/run/osbuild/api", "/run/osbuild/runner", "/tmp", "/var", "/var/tmp"];

/// The most nodes that are told of `/dev`, and how deep.
const DEVICES_LIMIT: usize = 4096;
const DEVICES_DEPTH: usize = 8;

/// The kind of a file, links not followed.
pub fn kind(kind: fs::FileType) -> Kind {
    if kind.is_dir() {
        Kind::Directory
    } else if kind.is_file() {
        Kind::File
    } else if kind.is_symlink() {
        Kind::Symlink
    } else if kind.is_char_device() {
        Kind::Char
    } else if kind.is_block_device() {
        Kind::Block
    } else if kind.is_fifo() {
        Kind::Fifo
    } else if kind.is_socket() {
        Kind::Socket
    } else {
        Kind::Other
    }
}

/// What is at a path, links not followed.
fn node(path: &Path) -> Result<Node, Unread> {
    let shown = escape(path.as_os_str().as_bytes());
    let meta = fs::symlink_metadata(path).map_err(|error| unread(format!("lstat {shown}"), errno(&error)))?;
    let kind = kind(meta.file_type());
    let device = matches!(kind, Kind::Char | Kind::Block).then(|| meta.rdev());
    let number = |part: fn(u64) -> u64| device.map(|device| u32::try_from(part(device)).unwrap_or(u32::MAX));
    let (target, resolves) = if kind == Kind::Symlink { link(path)? } else { (None, None) };
    Ok(Node {
        kind,
        mode: format!("{:04o}", meta.mode() & 0o7777),
        uid: meta.uid(),
        gid: meta.gid(),
        major: number(major),
        minor: number(minor),
        size: (kind == Kind::File).then_some(meta.len()),
        target,
        resolves,
    })
}

/// A link's text, and whether it leads anywhere.
fn link(path: &Path) -> Result<(Option<String>, Option<bool>), Unread> {
    let shown = escape(path.as_os_str().as_bytes());
    let target = fs::read_link(path).map_err(|error| unread(format!("readlink {shown}"), errno(&error)))?;
    Ok((Some(escape(target.as_os_str().as_bytes())), Some(fs::metadata(path).is_ok())))
}

/// The skeleton: nothing where a path, or what leads to it, is not there.
pub fn nodes() -> BTreeMap<String, Fact<Option<Node>>> {
    read::table(&SKELETON, |path| there(node(Path::new(path))))
}

/// The names in each listed directory.
pub fn directories() -> BTreeMap<String, Fact<Option<Vec<String>>>> {
    read::table(&LISTED, |path| {
        let names = read::names(Path::new(path));
        there(names.map(|names| names.iter().map(|name| escape(name.as_bytes())).collect()))
    })
}

/// Nothing, where nothing is there.
fn there<T>(found: Result<T, Unread>) -> Fact<Option<T>> {
    match found {
        Ok(value) => Fact::Known(Some(value)),
        Err(reason) if matches!(reason.errno.as_str(), "ENOENT" | "ENOTDIR") => Fact::Known(None),
        Err(reason) => Fact::Unread(reason),
    }
}

/// What is in `/`.
pub fn root() -> Fact<BTreeMap<String, Entry>> {
    let entry = |name: &OsStr| {
        let path = Path::new("/").join(name);
        let Node { kind, target, resolves, .. } = node(&path)?;
        Ok((escape(name.as_bytes()), Entry { kind, target, resolves }))
    };
    read::names(Path::new("/")).and_then(|names| names.iter().map(|name| entry(name)).collect()).into()
}

/// `/dev` and everything below it. What vanishes while we look was not there.
pub fn devices() -> Fact<BTreeMap<String, Node>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![(PathBuf::from("/dev"), 0)];
    while let Some((path, depth)) = waiting.pop() {
        let node = match node(&path) {
            Ok(node) => node,
            Err(reason) if reason.errno == "ENOENT" && depth > 0 => continue,
            Err(reason) => return Fact::Unread(reason),
        };
        let directory = node.kind == Kind::Directory;
        found.insert(escape(path.as_os_str().as_bytes()), node);
        if !directory {
            continue;
        }
        let names = match read::names(&path) {
            Ok(names) => names,
            Err(reason) => return Fact::Unread(reason),
        };
        if depth == DEVICES_DEPTH && !names.is_empty() || found.len() + waiting.len() + names.len() > DEVICES_LIMIT {
            return Fact::Unread(unread("walk /dev", Errno::EFBIG));
        }
        waiting.extend(names.into_iter().map(|name| (path.join(name), depth + 1)));
    }
    Fact::Known(found)
}

/// The file that a path leads to once all links are followed, if there is one.
pub fn resolved(path: &str) -> Fact<Option<String>> {
    match fs::canonicalize(path) {
        Ok(target) => Fact::Known(Some(escape(target.as_os_str().as_bytes()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Fact::Known(None),
        Err(error) => Fact::Unread(unread(format!("resolve {path}"), errno(&error))),
    }
}
