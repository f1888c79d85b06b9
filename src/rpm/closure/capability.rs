//! What a package requires or provides: a name, perhaps with versions.

use std::cmp::Ordering;
use std::fmt;

use rpm_version::Evr;

/// RPMSENSE_LESS, GREATER and EQUAL. rpm, `include/rpm/rpmds.h`.
const LESS: u32 = 1 << 1;
const GREATER: u32 = 1 << 2;
const EQUAL: u32 = 1 << 3;
/// How a range of versions is written, by its bits.
const WRITTEN: [(&str, u32); 5] =
    [("<=", LESS | EQUAL), (">=", GREATER | EQUAL), ("<", LESS), (">", GREATER), ("=", EQUAL)];
/// The directories that a merged `/usr` has in `/` as links.
pub const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];

/// A capability.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Capability {
    /// A package, a path, or what somebody calls something; a rich requirement as it is written.
    pub name: String,
    /// RPMSENSE bits.
    pub flags: u32,
    /// Epoch, version and release as far as they are told; empty: every version.
    pub version: String,
}

impl Capability {
    /// One of any version.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// One of these versions; `written` is an operator as in spec files.
    pub(super) fn of_versions(name: &str, written: &str, version: &str) -> Option<Self> {
        let (_, flags) = WRITTEN.iter().find(|(operator, _)| *operator == written)?;
        Some(Self { name: name.to_owned(), flags: *flags, version: version.to_owned() })
    }

    /// Whether a version is in both ranges, as rpm has it: `rpmverOverlap` of `rpmio/rpmver.c`. The names are the same.
    pub fn overlaps(&self, other: &Self) -> bool {
        let is_any = |one: &Self| one.version.is_empty() || one.flags & (LESS | GREATER | EQUAL) == 0;
        if is_any(self) || is_any(other) {
            return true;
        }
        let (mine, its) = (Evr::parse(&self.version), Evr::parse(&other.version));
        let both = |bit: u32| self.flags & bit != 0 && other.flags & bit != 0;
        let of_version = |evr: &Evr<'_>| Evr::new(evr.epoch().to_owned(), evr.version().to_owned(), String::new());
        let ordering = of_version(&mine).cmp(&of_version(&its)).then_with(|| {
            // A release counts where there are two.
            let counts = !mine.release().is_empty() && !its.release().is_empty();
            if counts { mine.cmp(&its) } else { Ordering::Equal }
        });
        // The one without a release stands for all of them, if it says so.
        let is_every = |one: &Self, evr: &Evr<'_>| evr.release().is_empty() && one.flags & EQUAL != 0;
        match ordering {
            Ordering::Less => self.flags & GREATER != 0 || other.flags & LESS != 0,
            Ordering::Greater => self.flags & LESS != 0 || other.flags & GREATER != 0,
            Ordering::Equal if mine.release().is_empty() != its.release().is_empty() => {
                is_every(self, &mine) || is_every(other, &its) || both(LESS) || both(GREATER)
            }
            Ordering::Equal => both(EQUAL) || both(LESS) || both(GREATER),
        }
    }
}

/// As in a spec file. What it says is from outside.
impl fmt::Display for Capability {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.name)?;
        let range = self.flags & (LESS | GREATER | EQUAL);
        match WRITTEN.iter().find(|(_, flags)| *flags == range) {
            Some((operator, _)) if !self.version.is_empty() => write!(out, " {operator} {}", self.version),
            _ => Ok(()),
        }
    }
}

/// A path as it is where `/usr` is merged: `/bin/sh` is `/usr/bin/sh`. Every image of today has it so.
pub fn merged(path: &str) -> String {
    let is_link = |directory: &str| {
        let rest = path.strip_prefix('/').and_then(|path| path.strip_prefix(directory));
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    if MERGED.into_iter().any(is_link) { format!("/usr{path}") } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn capability(text: &str) -> Capability {
        match text.split(' ').collect::<Vec<_>>().as_slice() {
            [name, operator, version] => Capability::of_versions(name, operator, version).expect("an operator"),
            _ => Capability::named(text),
        }
    }

    /// What rpm 4.18's own `rpm.ds` says of them.
    #[rstest]
    #[case::any("a", "a", true)]
    #[case::any_of_one("a", "a = 1", true)]
    #[case::the_same("a = 1", "a = 1", true)]
    #[case::another("a = 2", "a = 1", false)]
    #[case::numbers_not_letters("a >= 1.9", "a = 1.10", true)]
    #[case::older("a < 1.10", "a = 1.9", true)]
    #[case::not_older("a < 1.9", "a = 1.10", false)]
    #[case::ranges_that_meet("a >= 2", "a <= 2", true)]
    #[case::ranges_that_do_not("a > 2", "a < 2", false)]
    #[case::a_release_where_both_have_one("a = 1-2", "a = 1-1", false)]
    #[case::no_release("a = 1", "a = 1-7", true)]
    #[case::no_release_and_less("a < 1", "a = 1-7", false)]
    #[case::no_release_and_more("a > 1", "a = 1-7", false)]
    #[case::an_epoch_counts_most("a >= 1:1", "a = 9", false)]
    #[case::no_epoch_is_none("a = 0:1", "a = 1", true)]
    #[case::before_the_release("a < 1.0", "a = 1.0~rc1", true)]
    #[case::after_the_release("a > 1.0", "a = 1.0^git1", true)]
    fn versions_are_compared_as_rpm_does(#[case] wanted: &str, #[case] offered: &str, #[case] expected: bool) {
        assert_eq!(capability(wanted).overlaps(&capability(offered)), expected);
        assert_eq!(capability(offered).overlaps(&capability(wanted)), expected);
    }

    #[rstest]
    #[case::a_link("/bin/sh", "/usr/bin/sh")]
    #[case::a_link_of_another_name("/lib64/libc.so.6", "/usr/lib64/libc.so.6")]
    #[case::no_link("/library/x", "/library/x")]
    #[case::the_directory("/bin", "/bin")]
    #[case::there_already("/usr/sbin/useradd", "/usr/sbin/useradd")]
    fn a_path_is_where_usr_is_merged(#[case] path: &str, #[case] expected: &str) {
        assert_eq!(merged(path), expected);
    }
}
