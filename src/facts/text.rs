//! Bytes from outside as text that can be shown: reversible, and without control over a terminal.

/// Characters that reorder or hide text: zero-width, bidirectional controls, line separators.
fn is_deceptive(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Bytes as text. What is not UTF-8, control and bidirectional characters, and the backslash
/// itself become `\xNN`, byte by byte.
pub fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '\\' || c.is_control() || is_deceptive(c) {
                let mut buffer = [0; 4];
                c.encode_utf8(&mut buffer).bytes().for_each(|byte| push_hex(&mut text, byte));
            } else {
                text.push(c);
            }
        }
        chunk.invalid().iter().for_each(|&byte| push_hex(&mut text, byte));
    }
    text
}

fn push_hex(text: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    text.push_str("\\x");
    text.push(DIGITS[usize::from(byte >> 4)].into());
    text.push(DIGITS[usize::from(byte & 15)].into());
}

/// The bytes behind an escaped text; `None` if a backslash is followed by anything but `xNN`.
pub fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first != b'\\' {
            bytes.push(first);
            rest = tail;
            continue;
        }
        let [b'x', high, low, after @ ..] = tail else { return None };
        bytes.push(hex_digit(*high)? << 4 | hex_digit(*low)?);
        rest = after;
    }
    Some(bytes)
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// A decimal number, as the kernel writes it: digits only, no sign.
pub(crate) fn decimal<T: std::str::FromStr>(field: &[u8]) -> Option<T> {
    if field.is_empty() || !field.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(field).ok()?.parse().ok()
}

/// The fields of a line, divided by runs of blanks.
pub(crate) fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty())
}

/// The lines of a file with their numbers, counted from 1; an unfinished last line counts.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let none = body.is_empty();
    body.split(|&byte| byte == b'\n').enumerate().filter(move |_| !none).map(|(index, line)| (index + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case::plain(b"/usr/lib", "/usr/lib")]
    #[case::accents("/höhle".as_bytes(), "/höhle")]
    #[case::newline(b"a\nb", "a\\x0ab")]
    #[case::not_utf8(b"\xff\xfe", "\\xff\\xfe")]
    #[case::backslash(b"dev-\\x2d", "dev-\\x5cx2d")]
    #[case::terminal(b"\x1b[2J", "\\x1b[2J")]
    #[case::c1_control("\u{9b}2J".as_bytes(), "\\xc2\\x9b2J")]
    #[case::right_to_left("a\u{202e}b".as_bytes(), "a\\xe2\\x80\\xaeb")]
    fn bytes_are_shown_as(#[case] bytes: &[u8], #[case] shown: &str) {
        assert_eq!(escape(bytes), shown);
    }

    #[rstest]
    #[case::end("a\\")]
    #[case::short("a\\x4")]
    #[case::octal("a\\040")]
    #[case::no_hex("a\\xzz")]
    fn a_broken_escape_is_refused(#[case] text: &str) {
        assert_eq!(unescape(text), None);
    }

    proptest! {
        #[test]
        fn escaping_is_reversible_and_tame(bytes: Vec<u8>) {
            let text = escape(&bytes);
            prop_assert!(!text.chars().any(|c| c.is_control() || is_deceptive(c)));
            prop_assert_eq!(unescape(&text), Some(bytes));
        }

        #[test]
        fn unescaping_takes_anything(text: String) {
            let _ = unescape(&text);
        }
    }
}
