//! What a transaction leaves: in the tree files that the package did not bring, and in `/dev`, which is the build root's.
//!
//! What rpm itself makes is not told: the package's files and the directories they need, and what it puts beside
//! configuration that was changed.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where is looked: what is to be empty in an image, and what it is configured by.
const PLACES: [&str; 6] = ["run", "tmp", "var/tmp", "etc", "root", "home"];
/// The most files that are looked at.
const MOST: usize = 100_000;
/// What rpm adds to the name of configuration that it does not overwrite or take away (rpm 4.14 to 6.1, `fsm.c`).
const BESIDE: [&[u8]; 3] = [b".rpmnew", b".rpmsave", b".rpmorig"];

/// Something that is there now, or is another now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Its path in the tree.
    pub path: Vec<u8>,
    /// Since when it is like this.
    pub change: Change,
}

/// What became of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was not there.
    Made,
    /// It was another.
    Changed,
}

/// Why it is not told what is other than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotCompared {
    /// There is more than anybody looks at.
    #[error("there are more than {MOST} files where it would be")]
    TooMany,
    /// It is not known what packages brought.
    #[error("rpm does not list what the package brings")]
    Unlisted,
}

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    inode: u64,
    mode: u32,
    size: u64,
    changed: (i64, i64),
}

/// A tree at one time.
#[derive(Debug, Default)]
pub struct Snapshot {
    files: BTreeMap<PathBuf, State>,
    is_cut: bool,
}

impl Snapshot {
    /// Looks at a tree, following no link. What can't be read is not there.
    pub fn of(tree: &Path) -> Self {
        Self::of_the_first(MOST, tree)
    }

    fn of_the_first(most: usize, tree: &Path) -> Self {
        let mut files = BTreeMap::new();
        let is_inside = |path: &Path| path.ancestors().all(|above| is_directory(&tree.join(above)));
        let mut waiting: Vec<PathBuf> = PLACES.iter().map(PathBuf::from).filter(|path| is_inside(path)).collect();
        while let Some(directory) = waiting.pop() {
            for entry in std::fs::read_dir(tree.join(&directory)).into_iter().flatten().flatten() {
                let Ok(metadata) = entry.metadata() else { continue };
                let path = directory.join(entry.file_name());
                if files.len() == most {
                    return Self { files, is_cut: true };
                }
                // A directory changes with what is in it, which is told by itself.
                let of_file = !metadata.is_dir();
                let state = State {
                    inode: metadata.ino(),
                    mode: metadata.mode(),
                    size: if of_file { metadata.size() } else { 0 },
                    changed: if of_file { (metadata.ctime(), metadata.ctime_nsec()) } else { (0, 0) },
                };
                files.insert(path.clone(), state);
                if metadata.is_dir() {
                    waiting.push(path);
                }
            }
        }
        Self { files, is_cut: false }
    }

    /// What is other than before, without what rpm did for the package, whose files `owned` are, if that is known. What is
    /// in a new directory goes without saying.
    ///
    /// # Errors
    /// See [`NotCompared`].
    pub fn since(&self, before: &Self, owned: Option<&[Vec<u8>]>) -> Result<Vec<Left>, NotCompared> {
        if self.is_cut || before.is_cut {
            return Err(NotCompared::TooMany);
        }
        let owned = owned.ok_or(NotCompared::Unlisted)?;
        let mut left: Vec<Left> = Vec::new();
        for (path, state) in &self.files {
            let change = match before.files.get(path) {
                None => Change::Made,
                Some(old) if old != state => Change::Changed,
                Some(_) => continue,
            };
            let path = [b"/", path.as_os_str().as_bytes()].concat();
            let within =
                |above: &Left| above.change == Change::Made && path.starts_with(&[&above.path[..], b"/"].concat());
            if !is_rpm_s(&path, owned) && !left.last().is_some_and(within) {
                left.push(Left { path, change });
            }
        }
        Ok(left)
    }
}

/// Whether rpm made it.
fn is_rpm_s(path: &[u8], owned: &[Vec<u8>]) -> bool {
    let original = BESIDE.iter().find_map(|ending| path.strip_suffix(*ending)).unwrap_or(path);
    let below = [path, b"/"].concat();
    owned.iter().any(|one| one == original || one.starts_with(&below))
}

/// What is in `/dev`, by name. No package brings anything there: it is a file system of the build root's own.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Devices(BTreeSet<Vec<u8>>);

impl Devices {
    /// What prints the names in a room, with nothing but a shell: each with a zero byte behind it.
    pub const LISTING: [&str; 3] = [
        "/bin/sh",
        "-c",
        r#"for path in /dev/* /dev/.[!.]*; do [ -e "$path" ] || [ -L "$path" ] && printf '%s\0' "$path"; done; exit 0"#,
    ];

    /// Reads what it printed.
    pub fn parse(printed: &[u8]) -> Self {
        let paths = printed.split(|&byte| byte == 0).filter(|path| !path.is_empty());
        Self(paths.take(MOST).map(<[u8]>::to_vec).collect())
    }

    /// What was not there before.
    pub fn since(&self, before: &Self) -> Vec<Left> {
        self.0.difference(&before.0).map(|path| Left { path: path.clone(), change: Change::Made }).collect()
    }
}

/// Whether there is a directory here, and no link to one: a link would lead out of the tree.
fn is_directory(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What rpm does by itself is nobody's fault; what a script puts beside it is.
    #[test]
    fn what_rpm_made_for_the_package_is_not_told() {
        let tree = tempfile::tempdir().expect("a directory");
        let at = |path: &str| tree.path().join(path);
        std::fs::create_dir_all(at("etc")).expect("directories");
        let before = Snapshot::of(tree.path());
        std::fs::create_dir_all(at("etc/mypkg/more")).expect("directories");
        for file in ["mypkg/owned.conf", "mypkg/owned.conf.rpmsave", "mypkg/stray.rpmsave", "mypkg/more/made"] {
            std::fs::write(at("etc").join(file), "").expect("a file");
        }
        let owned = [b"/etc/mypkg/owned.conf".to_vec()];
        let left = Snapshot::of(tree.path()).since(&before, Some(&owned)).expect("a comparison");
        let told: Vec<_> = left.iter().map(|left| String::from_utf8_lossy(&left.path).into_owned()).collect();
        assert_eq!(told, ["/etc/mypkg/more", "/etc/mypkg/stray.rpmsave"]);
    }

    #[test]
    fn what_is_new_in_dev_is_told() {
        let before = Devices::parse(b"/dev/null\0/dev/zero\0");
        let after = Devices::parse(b"/dev/null\0/dev/a\nb\0");
        assert_eq!(after.since(&before), [Left { path: b"/dev/a\nb".to_vec(), change: Change::Made }]);
    }

    #[test]
    fn what_was_made_or_changed_is_told_and_what_a_package_brought_is_not() {
        let tree = tempfile::tempdir().expect("a directory");
        let at = |path: &str| tree.path().join(path);
        std::fs::create_dir_all(at("etc/kept")).expect("directories");
        std::fs::create_dir(at("run")).expect("a directory");
        std::fs::write(at("etc/conf"), "a").expect("a file");
        let before = Snapshot::of(tree.path());
        std::fs::write(at("etc/conf"), "ab").expect("a file");
        std::fs::create_dir_all(at("run/mine/deep")).expect("directories");
        std::fs::write(at("run/mine/deep/pid"), "1").expect("a file");
        std::fs::write(at("etc/kept/owned"), "").expect("a file");
        std::os::unix::fs::symlink("/etc", at("run/link")).expect("a link");
        let owned = [b"/etc/kept/owned".to_vec()];
        let left = Snapshot::of(tree.path()).since(&before, Some(&owned)).expect("a comparison");
        let told: Vec<_> =
            left.iter().map(|left| (String::from_utf8_lossy(&left.path).into_owned(), left.change)).collect();
        let expected = [("/etc/conf", Change::Changed), ("/run/link", Change::Made), ("/run/mine", Change::Made)];
        assert_eq!(told, expected.map(|(path, change)| (path.to_owned(), change)));
    }

    /// What was not looked at before may have been there.
    #[test]
    fn nothing_is_told_of_what_was_not_looked_at() {
        let tree = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(tree.path().join("etc")).expect("a directory");
        let write = |name: &str| std::fs::write(tree.path().join("etc").join(name), "").expect("a file");
        write("a");
        write("b");
        let seen = |most| Snapshot::of_the_first(most, tree.path());
        let (cut, whole) = (seen(1), seen(2));
        write("c");
        let too_many = Err(NotCompared::TooMany);
        assert_eq!((seen(3).since(&cut, Some(&[])), seen(2).since(&whole, Some(&[]))), (too_many.clone(), too_many));
        assert_eq!(seen(3).since(&whole, None), Err(NotCompared::Unlisted));
        assert_eq!(seen(3).since(&whole, Some(&[])).map(|left| left.len()), Ok(1));
    }
}
