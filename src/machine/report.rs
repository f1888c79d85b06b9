//! What a machine sends over its port when the command has ended.
//!
//! ```text
//! rootcontract-machine CODE CRC LENGTH CRC LENGTH     exit code; check sum and length of stdout, of stderr
//! …                                                   stdout, then stderr, byte for byte
//! ```
//!
//! All numbers are decimal, the sums those of cksum(1): a shell can send it. They find damage; they are no signature.

use crate::facts::text::decimal;

/// The most that a machine may send, in bytes. A check of both profiles has about one million.
pub const LIMIT: usize = 64 << 20;
/// No first line is longer: five numbers of at most twenty digits.
const LONGEST_LINE: usize = 160;

const WORD: &str = "rootcontract-machine";

/// What the command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its exit code, as a shell tells it.
    pub code: u8,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// Why what came is no report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The first line is not ours.
    #[error("it does not begin like a report")]
    Header,
    /// It would be longer than [`LIMIT`].
    #[error("it would be longer than {LIMIT} bytes")]
    TooLong,
    /// A sum is not that of the bytes.
    #[error("the check sum of its {0} is wrong")]
    Sum(&'static str),
}

/// The head of a report.
struct Head {
    code: u8,
    stdout: (u32, usize),
    stderr: (u32, usize),
}

/// The report that `bytes` hold; `None` if there is more to come.
pub fn parse(bytes: &[u8]) -> Result<Option<Report>, Damage> {
    let Some(end) = bytes.iter().take(LONGEST_LINE).position(|&byte| byte == b'\n') else {
        return if bytes.len() < LONGEST_LINE { Ok(None) } else { Err(Damage::Header) };
    };
    let head = head(&bytes[..end]).ok_or(Damage::Header)?;
    let (out, err) = (head.stdout.1, head.stderr.1);
    let total = out.checked_add(err).filter(|&total| total <= LIMIT).ok_or(Damage::TooLong)?;
    let body = &bytes[end + 1..];
    if body.len() < total {
        return Ok(None);
    }
    let (stdout, rest) = body.split_at(out);
    let stderr = &rest[..err];
    for (what, stream, sum) in [("stdout", stdout, head.stdout.0), ("stderr", stderr, head.stderr.0)] {
        if cksum(stream) != sum {
            return Err(Damage::Sum(what));
        }
    }
    Ok(Some(Report { code: head.code, stdout: stdout.to_vec(), stderr: stderr.to_vec() }))
}

fn head(line: &[u8]) -> Option<Head> {
    let mut words = line.split(|&byte| byte == b' ');
    if words.next()? != WORD.as_bytes() {
        return None;
    }
    let head = Head {
        code: decimal(words.next()?)?,
        stdout: (decimal(words.next()?)?, decimal(words.next()?)?),
        stderr: (decimal(words.next()?)?, decimal(words.next()?)?),
    };
    words.next().is_none().then_some(head)
}

/// The check sum of POSIX cksum(1): a CRC of the bytes and of their number, low end first.
fn cksum(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    let step = |crc: u32, byte: u8| crc << 8 ^ TABLE[(crc >> 24) as usize ^ usize::from(byte)];
    let length = bytes.len().to_le_bytes();
    let digits = length.len() - bytes.len().leading_zeros() as usize / 8;
    !bytes.iter().chain(&length[..digits]).fold(0, |crc, &byte| step(crc, byte))
}

const fn table() -> [u32; 256] {
    const POLYNOMIAL: u32 = 0x04c1_1db7;
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc >> 31 == 1 { crc << 1 ^ POLYNOMIAL } else { crc << 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// `printf out | cksum` and `printf err! | cksum`.
    const WHOLE: &[u8] = b"rootcontract-machine 3 1320218360 3 1374055334 4\nouterr!";

    #[test]
    fn sums_are_those_of_cksum() {
        assert_eq!(cksum(b""), 4_294_967_295);
        assert_eq!(cksum(b"123456789"), 930_766_865);
        assert_eq!(cksum(&[0; 70_000]), 1_774_371_287);
    }

    #[test]
    fn a_whole_report_is_read_and_half_a_report_is_waited_for() {
        let report = Report { code: 3, stdout: b"out".to_vec(), stderr: b"err!".to_vec() };
        assert_eq!(parse(WHOLE), Ok(Some(report.clone())));
        for length in 0..WHOLE.len() {
            assert_eq!(parse(&WHOLE[..length]), Ok(None), "{length} bytes");
        }
        assert_eq!(parse(&[WHOLE, b"more"].concat()), Ok(Some(report)));
    }

    #[rstest]
    #[case::other_word(b"rootcontract-probe 3 1 2 3 4\n", Damage::Header)]
    #[case::no_number(b"rootcontract-machine 3 1 -2 3 4\n", Damage::Header)]
    #[case::code_too_large(b"rootcontract-machine 256 1 2 3 4\n", Damage::Header)]
    #[case::one_word_more(b"rootcontract-machine 0 1 2 3 4 5\n", Damage::Header)]
    #[case::no_line(&[b'x'; LONGEST_LINE], Damage::Header)]
    #[case::too_long(b"rootcontract-machine 0 1 67108864 3 4\n", Damage::TooLong)]
    #[case::longer_than_memory(b"rootcontract-machine 0 1 18446744073709551615 3 4\n", Damage::TooLong)]
    #[case::wrong_stdout(b"rootcontract-machine 3 1320218360 3 1374055334 4\nOuterr!", Damage::Sum("stdout"))]
    #[case::wrong_stderr(b"rootcontract-machine 3 1320218360 3 1374055334 4\nouterr?", Damage::Sum("stderr"))]
    fn damage_is_found(#[case] bytes: &[u8], #[case] damage: Damage) {
        assert_eq!(parse(bytes), Err(damage));
    }
}
