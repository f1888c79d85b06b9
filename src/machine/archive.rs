//! The command's arguments on their way into a machine: an archive that the kernel unpacks over its initramfs.
//!
//! The format is `newc` of cpio (Linux `Documentation/driver-api/early-userspace/buffer-format.rst`).

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// The file's name inside: each argument in it ends with a zero byte.
const NAME: &str = "arguments";
/// A regular file that root may read.
const MODE: u32 = 0o100_400;

/// An archive of one file that holds the arguments.
pub fn of_arguments(arguments: &[OsString]) -> Vec<u8> {
    let content: Vec<u8> = arguments.iter().flat_map(|argument| [argument.as_bytes(), b"\0"].concat()).collect();
    let mut archive = Vec::new();
    push(&mut archive, NAME, MODE, &content);
    push(&mut archive, "TRAILER!!!", 0, &[]);
    archive
}

fn push(archive: &mut Vec<u8>, name: &str, mode: u32, content: &[u8]) {
    archive.extend_from_slice(b"070701");
    // inode, mode, user, group, links, time, size, device, device of a node, length of the name, no check sum
    let fields = [0, mode as usize, 0, 0, 1, 0, content.len(), 0, 0, 0, 0, name.len() + 1, 0];
    for field in fields {
        archive.extend_from_slice(format!("{field:08x}").as_bytes());
    }
    archive.extend_from_slice(name.as_bytes());
    archive.push(0);
    align(archive);
    archive.extend_from_slice(content);
    align(archive);
}

/// Headers and contents begin at multiples of four.
fn align(archive: &mut Vec<u8>) {
    archive.resize(archive.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_keep_their_bytes() {
        use std::os::unix::ffi::OsStringExt;
        let archive = of_arguments(&["check".into(), "".into(), OsString::from_vec(b"a b\n'\xff".to_vec())]);
        let content = b"check\0\0a b\n'\xff\0";
        assert!(archive.windows(content.len()).any(|window| window == content));
        assert_eq!(archive.len() % 4, 0);
        assert_eq!(&archive[..6], b"070701");
        // The size is the seventh field.
        assert_eq!(&archive[6 + 6 * 8..6 + 7 * 8], format!("{:08x}", content.len()).as_bytes());
    }
}
