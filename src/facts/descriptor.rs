//! Open file descriptors.

use serde::{Deserialize, Serialize};

use super::{node::Kind, text::escape};

/// An open descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Descriptor {
    /// What it leads to; for pipes and sockets without their number.
    pub target: String,
    /// The kind of node behind it.
    pub kind: Kind,
    /// What it may be used for.
    pub access: Access,
    /// `major:minor`, for a device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Whether it waits (`O_NONBLOCK` is not set).
    pub blocking: bool,
    /// Whether `execve` closes it.
    pub cloexec: bool,
}

/// What a descriptor may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// `O_RDONLY`.
    Read,
    /// `O_WRONLY`.
    Write,
    /// `O_RDWR`.
    ReadWrite,
    /// `O_PATH`.
    Path,
}

/// What a link in `/proc/self/fd` says, without the number of the pipe or socket.
pub fn target(link: &[u8]) -> String {
    let anonymous = [b"pipe:[".as_slice(), b"socket:["].into_iter().find(|start| link.starts_with(start));
    escape(anonymous.map_or(link, |start| &start[..start.len() - 2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_change_with_each_run_are_left_out() {
        assert_eq!(target(b"pipe:[4711]"), "pipe");
        assert_eq!(target(b"socket:[4711]"), "socket");
        assert_eq!(target(b"anon_inode:[eventfd]"), "anon_inode:[eventfd]");
        assert_eq!(target(b"/tmp/pipe:[1]\n"), "/tmp/pipe:[1]\\x0a");
    }
}
