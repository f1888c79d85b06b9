//! Which C library a tree has: its loader carries the words that `ld.so --version` prints.

use std::io::Read;
use std::path::Path;

use super::inside::{Inside, Led};
use crate::arch::Architecture;
use crate::facts::text;

/// No loader is larger: glibc's has 200 KiB to 300 KiB, musl's is the whole library and has 800 KiB.
const LONGEST: u64 = 4 << 20;
/// What comes before the name. Loaders of glibc 2.33 and newer have it.
const BEFORE: &[u8] = b"ld.so (";
/// A distribution's name for its build is short.
const LONGEST_NAME: usize = 100;

/// The C library of a tree, as its loader names it: `Debian GLIBC 2.36-9`. `None` where there is no loader, or it does
/// not say.
pub fn c_library(path: &Path, arch: &Architecture) -> Option<String> {
    let Led::File(file) = Inside::open(path).ok()?.lead(arch.loader).ok()? else { return None };
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).ok()?;
    named(&bytes).map(text::escape)
}

/// The name in a loader's bytes.
fn named(loader: &[u8]) -> Option<&[u8]> {
    let at = loader.windows(BEFORE.len()).position(|window| window == BEFORE)? + BEFORE.len();
    let rest = &loader[at..loader.len().min(at + LONGEST_NAME)];
    rest.iter().position(|&byte| byte == b')').map(|end| &rest[..end])
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::debian(b"\0ld.so (Debian GLIBC 2.36-9) stable release version 2.36.\n\0", Some("Debian GLIBC 2.36-9"))]
    #[case::at_the_end(b"ld.so (", None)]
    #[case::not_closed(b"ld.so (GNU libc", None)]
    #[case::too_long(&[b"ld.so (".as_slice(), &[b'x'; LONGEST_NAME], b")"].concat(), None)]
    #[case::musl(b"musl libc (x86_64)\nVersion 1.2.3\n", None)]
    #[case::nothing(b"", None)]
    fn a_loader_names_the_library_it_is_of(#[case] loader: &[u8], #[case] name: Option<&str>) {
        assert_eq!(named(loader), name.map(str::as_bytes));
    }
}
