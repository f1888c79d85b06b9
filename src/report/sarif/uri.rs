//! File names as URI references (RFC 3986).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::facts::text::unescape;

/// What is no `unreserved` character, and does not divide a path.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The reference to a file, whose name is escaped: relative as it was given, or absolute with its scheme.
pub(super) fn of(file: &str) -> String {
    let bytes = unescape(file).unwrap_or_else(|| file.as_bytes().to_vec());
    let scheme = if bytes.starts_with(b"/") { "file://" } else { "" };
    let plain = bytes.strip_prefix(b"./").unwrap_or(&bytes);
    format!("{scheme}{}", percent_encode(plain, &RESERVED))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::relative("RPMS/noarch/mypkg-1-1.noarch.rpm", "RPMS/noarch/mypkg-1-1.noarch.rpm")]
    #[case::here("./mypkg.rpm", "mypkg.rpm")]
    #[case::absolute("/srv/mypkg.rpm", "file:///srv/mypkg.rpm")]
    #[case::standard_input("-", "-")]
    #[case::reserved("a b:c?d#e%f[g].rpm", "a%20b%3Ac%3Fd%23e%25f%5Bg%5D.rpm")]
    #[case::not_ascii("höhle.rpm", "h%C3%B6hle.rpm")]
    #[case::no_text(r"\xff\x1b.rpm", "%FF%1B.rpm")]
    #[case::backslash(r"a\x5cx.rpm", "a%5Cx.rpm")]
    fn a_file_is_referred_to_as(#[case] file: &str, #[case] uri: &str) {
        assert_eq!(of(file), uri);
    }
}
