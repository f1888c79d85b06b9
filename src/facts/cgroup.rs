//! Control groups, from `/proc/self/cgroup`: counted, the paths are the host's.

use serde::{Deserialize, Serialize};

use super::{
    Malformed,
    text::{decimal, lines},
};

/// Membership in control groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "host", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Cgroup {
    /// How many hierarchies the process is in.
    pub memberships: u32,
    /// Whether one of them is the unified one (version 2).
    pub unified: bool,
    /// Whether the process is at the top of every one, as far as this cgroup namespace shows.
    pub at_root: bool,
}

/// Read the memberships: rows of `id:controllers:path`.
pub fn parse(bytes: &[u8]) -> Result<Cgroup, Malformed> {
    let mut cgroup = Cgroup { memberships: 0, unified: false, at_root: true };
    for (number, line) in lines(bytes) {
        let malformed = |what| Malformed { what, line: number };
        let mut columns = line.splitn(3, |&byte| byte == b':');
        let id: Option<u32> = columns.next().and_then(decimal);
        id.ok_or(malformed("hierarchy id"))?;
        let controllers = columns.next().ok_or(malformed("controllers"))?;
        let path = columns.next().ok_or(malformed("path"))?;
        cgroup.memberships = cgroup.memberships.saturating_add(1);
        cgroup.unified |= controllers.is_empty();
        cgroup.at_root &= path == b"/";
    }
    Ok(cgroup)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::unified("0::/\n", 1, true, true)]
    #[case::hybrid("12:cpu,cpuacct:/\n1:name=systemd:/user.slice/a:b\n0::/\n", 3, true, false)]
    #[case::first_version("9:name=systemd:/\n8:pids:/\n", 2, false, true)]
    #[case::no_cgroups("", 0, false, true)]
    #[case::outside_the_namespace("0::/../../init.scope\n", 1, true, false)]
    fn memberships_are_counted(
        #[case] text: &str,
        #[case] memberships: u32,
        #[case] unified: bool,
        #[case] at_root: bool,
    ) {
        assert_eq!(parse(text.as_bytes()), Ok(Cgroup { memberships, unified, at_root }));
    }

    #[rstest]
    #[case::id("x::/\n", "hierarchy id")]
    #[case::controllers("0\n", "controllers")]
    #[case::path("0:cpu\n", "path")]
    fn a_broken_row_is_refused(#[case] text: &str, #[case] what: &'static str) {
        assert_eq!(parse(text.as_bytes()), Err(Malformed { what, line: 1 }));
    }

    proptest::proptest! {
        #[test]
        fn anything_is_survived(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
