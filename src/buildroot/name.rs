//! Names that become one component of a path, and nothing more.

use std::ffi::OsStr;
use std::path::{Component, Path};

/// Whether `name` is a single component: what is joined to a directory by it stays in that directory.
pub(super) fn is_plain(name: &OsStr) -> bool {
    let mut components = Path::new(name).components();
    matches!((components.next(), components.next()), (Some(Component::Normal(only)), None) if only == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_name_never_leaves_its_directory() {
        for name in ["", ".", "..", "/loop0", "a/b", "loop0/", "../loop0"] {
            assert!(!is_plain(OsStr::new(name)), "{name:?}");
        }
        assert!(is_plain(OsStr::new("loop0")));
    }
}
