//! Subordinate ids: the users and groups that files of the host grant to a user, and the programs that map them
//! (subuid(5), newuidmap(1)).

use std::path::PathBuf;

use crate::facts::text::{decimal, lines};

/// The files that grant them: users, groups.
pub const FILES: [&str; 2] = ["/etc/subuid", "/etc/subgid"];

/// The programs that map them, users and groups: they may, and we may not.
pub const HELPERS: [&str; 2] = ["newuidmap", "newgidmap"];

/// Where the programs are besides `PATH`.
const USUAL: [&str; 2] = ["/usr/bin", "/bin"];

/// Ids that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Range {
    /// The first one.
    pub first: u32,
    /// How many there are.
    pub count: u32,
}

impl Range {
    /// Whether an id is in it.
    pub fn has(self, id: u32) -> bool {
        id >= self.first && id - self.first < self.count
    }
}

/// What a file's content grants to the user with this name (if there is one) and number, in its order.
/// A line that is none grants nothing.
pub fn granted(bytes: &[u8], name: Option<&str>, user: u32) -> Vec<Range> {
    let range = |line: &[u8]| {
        let mut fields = line.split(|&byte| byte == b':');
        let whose = fields.next()?;
        let first: u32 = decimal(fields.next()?)?;
        let count: u32 = decimal(fields.next()?.trim_ascii())?;
        let ours = name.is_some_and(|name| whose == name.as_bytes()) || decimal(whose) == Some(user);
        (ours && count > 0).then_some(Range { first, count })
    };
    lines(bytes).filter_map(|(_, line)| range(line)).collect()
}

/// Where a helper is: in `PATH`, or where it usually is.
pub fn find(helper: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let absolute = std::env::split_paths(&path).filter(|directory| directory.is_absolute());
    absolute.chain(USUAL.map(Into::into)).map(|directory| directory.join(helper)).find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::by_name("builder:100000:65536\n", &[(100_000, 65536)])]
    #[case::by_number("root:1:1\n1000:100000:65536\n", &[(100_000, 65536)])]
    #[case::in_two_ranges("builder:100000:65536\nbuilder:300000:10\n", &[(100_000, 65536), (300_000, 10)])]
    #[case::somebody_else_s("builders:100000:65536\n100:1:1\n", &[])]
    #[case::no_numbers("builder:all:of them\nbuilder::\nbuilder\n", &[])]
    #[case::none_at_all("builder:100000:0\n", &[])]
    #[case::more_than_there_are("builder:0:99999999999\n", &[])]
    #[case::nothing("", &[])]
    fn ranges_are_found(#[case] file: &str, #[case] expected: &[(u32, u32)]) {
        let found: Vec<_> =
            granted(file.as_bytes(), Some("builder"), 1000).iter().map(|range| (range.first, range.count)).collect();
        assert_eq!(found, expected);
    }
}
