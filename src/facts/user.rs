//! The user namespace's maps.

use serde::{Deserialize, Serialize};

use super::{
    Fact, Malformed,
    text::{decimal, fields, lines},
};

/// The inode of the user namespace that owns the host (`PROC_USER_INIT_INO`, linux/proc_ns.h; since Linux 3.8).
pub const INITIAL_NAMESPACE: u64 = 0xefff_fffd;

/// The maps of the user namespace that the probe is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Rows of first id inside, first id outside, how many.
    pub uid_map: Fact<Vec<[u32; 3]>>,
    /// The same for groups.
    pub gid_map: Fact<Vec<[u32; 3]>>,
    /// How many users there are.
    pub uids: Fact<u64>,
    /// How many groups there are.
    pub gids: Fact<u64>,
    /// Whether `setgroups(2)` is allowed: `allow` or `deny`.
    pub setgroups: Fact<String>,
}

/// Read a map: rows of three numbers.
pub fn parse(bytes: &[u8]) -> Result<Vec<[u32; 3]>, Malformed> {
    let row = |line| {
        let numbers: Option<Vec<u32>> = fields(line).map(decimal).collect();
        numbers.and_then(|numbers| <[u32; 3]>::try_from(numbers).ok())
    };
    lines(bytes).map(|(line, text)| row(text).ok_or(Malformed { what: "row of three ids", line })).collect()
}

/// How many ids a map has.
pub fn count(map: &[[u32; 3]]) -> u64 {
    map.iter().map(|[_, _, count]| u64::from(*count)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_whole_range_and_no_map_are_read() {
        assert_eq!(parse(b"         0          0 4294967295\n"), Ok(vec![[0, 0, u32::MAX]]));
        assert_eq!(parse(b""), Ok(vec![]));
    }

    #[test]
    fn ids_are_counted_over_all_rows() {
        assert_eq!(count(&[[0, 1000, 1], [1, 100_000, 65536]]), 65537);
        assert_eq!(count(&[[0, 0, u32::MAX], [u32::MAX, 0, 1]]), 1 << 32);
    }

    #[test]
    fn a_row_that_is_not_three_ids_is_refused() {
        let refused = Err(Malformed { what: "row of three ids", line: 2 });
        for row in ["0 0", "0 0 1 1", "0 0 4294967296", "a b c", ""] {
            assert_eq!(parse(format!("0 0 1\n{row}\n0 0 1\n").as_bytes()), refused, "{row:?}");
        }
    }

    proptest! {
        #[test]
        fn a_map_is_read_back(map: Vec<[u32; 3]>) {
            let text: String = map.iter().map(|[a, b, c]| format!("{a:10} {b:10} {c:10}\n")).collect();
            prop_assert_eq!(parse(text.as_bytes()), Ok(map));
        }

        #[test]
        fn anything_is_survived(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
