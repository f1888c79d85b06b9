//! Where something is checked.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{Usual, Wanted};
use crate::arch::Architecture;
use crate::facts::text::escape;

/// Where `ci/tree` puts trees.
const TREES: &str = "target/trees";
/// Where `ci/machine` puts machines.
const MACHINES: &str = "target/machines";

/// Below which directory the usual places are: the working directory where it has any, else that in which the command was
/// built, whose probes are taken too.
pub fn workshop() -> PathBuf {
    let has_places = |directory: &Path| [TREES, MACHINES].iter().any(|places| directory.join(places).is_dir());
    // The command is target/PROFILE/rootcontract in it.
    let own = std::env::current_exe().unwrap_or_default();
    let target = own.ancestors().nth(2).filter(|directory| directory.ends_with("target"));
    match target.and_then(Path::parent) {
        Some(built) if has_places(built) && !has_places(Path::new("")) => built.to_owned(),
        Some(_) | None => PathBuf::new(),
    }
}

/// A place, with every profile of the matrix to be checked in it.
#[derive(Debug)]
pub struct Place {
    /// What reports call it: a tree as it was named, a machine by the name of its directory. Fit to be shown.
    pub name: String,
    /// What is there.
    pub ground: Ground,
    /// Its architecture, where that was asked for.
    pub arch: Option<&'static Architecture>,
    /// The bubblewrap that is used in it, where one was named.
    pub bwrap: Option<PathBuf>,
}

/// What a place is.
#[derive(Debug)]
pub enum Ground {
    /// The root of an installed system.
    Tree(PathBuf),
    /// What `ci/machine` made.
    Machine(PathBuf),
    /// Not there.
    Missing(Missing),
}

/// A usual place has nothing in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Missing {
    /// No tree.
    #[error("there is no such tree: `ci/tree {0}` makes it")]
    Tree(&'static str),
    /// No machine.
    #[error("there is no such machine: `ci/machine {0}` makes one")]
    Machine(&'static str),
    /// It can't be told.
    #[error("cannot list {MACHINES}")]
    Unlisted(#[source] io::Error),
}

/// Two places would have the same name.
#[derive(Debug, thiserror::Error)]
#[error("{first} and {second} are both called {name} in reports: give one directory another name")]
pub struct SamePlace {
    /// Their name.
    pub name: String,
    /// One.
    pub first: PathBuf,
    /// The other.
    pub second: PathBuf,
}

impl Place {
    /// Whether it takes a boot to check something here.
    pub fn is_machine(&self) -> bool {
        matches!(self.ground, Ground::Machine(_) | Ground::Missing(Missing::Machine(_) | Missing::Unlisted(_)))
    }

    /// Where it is, if it is there.
    fn path(&self) -> &Path {
        match &self.ground {
            Ground::Tree(path) | Ground::Machine(path) => path,
            Ground::Missing(_) => Path::new(&self.name),
        }
    }

    fn tree(path: PathBuf, arch: Option<&'static Architecture>, bwrap: Option<&PathBuf>) -> Self {
        Self { name: name(&path, bwrap), ground: Ground::Tree(path), arch, bwrap: bwrap.cloned() }
    }

    fn machine(path: PathBuf, arch: Option<&'static Architecture>) -> Self {
        let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
        let name = escape(whole.file_name().unwrap_or(whole.as_os_str()).as_bytes());
        Self { name, ground: Ground::Machine(path), arch, bwrap: None }
    }

    fn missing(name: String, missing: Missing, arch: &'static Architecture) -> Self {
        Self { name, ground: Ground::Missing(missing), arch: Some(arch), bwrap: None }
    }
}

impl Wanted {
    /// Each bubblewrap that is meant; `None` is the first in PATH.
    fn each_bwrap(&self) -> Vec<Option<&PathBuf>> {
        if self.bwraps.is_empty() { vec![None] } else { self.bwraps.iter().map(Some).collect() }
    }

    /// The places in their order: trees, then machines; of either first those that were named, then the usual ones as
    /// they are below `directory`.
    ///
    /// # Errors
    /// Two have the same name.
    pub fn places(&self, directory: &Path) -> Result<Vec<Place>, SamePlace> {
        let mut places: Vec<Place> = Vec::new();
        for bwrap in self.each_bwrap() {
            places.extend(self.trees.iter().map(|tree| Place::tree(tree.clone(), None, bwrap)));
            if self.usual.contains(&Usual::Trees) {
                places.extend(self.architectures.iter().map(|arch| usual_tree(directory, arch, bwrap)));
            }
        }
        places.extend(self.machines.iter().map(|machine| Place::machine(machine.clone(), None)));
        if self.usual.contains(&Usual::Machines) {
            places.extend(self.architectures.iter().flat_map(|arch| usual_machines(directory, arch)));
        }
        let mut different: Vec<Place> = Vec::new();
        for place in places {
            match different.iter().find(|other| other.name == place.name || same(other, &place)) {
                None => different.push(place),
                Some(other) if same(other, &place) => {}
                Some(other) => {
                    let (first, second) = (other.path().to_owned(), place.path().to_owned());
                    return Err(SamePlace { name: place.name, first, second });
                }
            }
        }
        Ok(different)
    }
}

/// Whether two places are one: the same directory, and the same bubblewrap.
fn same(one: &Place, other: &Place) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let bwrap = |place: &Place| place.bwrap.as_deref().map(real);
    real(one.path()) == real(other.path()) && bwrap(one) == bwrap(other)
}

/// A tree and the bubblewrap that is used in it, as they were named: `/ with target/bwraps/0.13.1-1/bwrap`.
fn name(tree: &Path, bwrap: Option<&PathBuf>) -> String {
    let with = bwrap.map(|bwrap| format!(" with {}", escape(bwrap.as_os_str().as_bytes()))).unwrap_or_default();
    escape(tree.as_os_str().as_bytes()) + &with
}

fn usual_tree(directory: &Path, arch: &'static Architecture, bwrap: Option<&PathBuf>) -> Place {
    let path = directory.join(TREES).join(arch.name);
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Place::missing(name(&path, bwrap), Missing::Tree(arch.name), arch)
        }
        Ok(_) | Err(_) => Place::tree(path, Some(arch), bwrap),
    }
}

fn usual_machines(directory: &Path, arch: &'static Architecture) -> Vec<Place> {
    let machines = directory.join(MACHINES);
    let none = || escape(machines.join(format!("{}-*", arch.name)).as_os_str().as_bytes());
    match machines_of(&machines, arch) {
        Ok(found) if found.is_empty() => vec![Place::missing(none(), Missing::Machine(arch.name), arch)],
        Ok(found) => found.into_iter().map(|path| Place::machine(path, Some(arch))).collect(),
        Err(error) => vec![Place::missing(none(), Missing::Unlisted(error), arch)],
    }
}

/// The directories `ARCH-SUITE`, sorted. Those that are only being made have a dot in their names.
fn machines_of(machines: &Path, arch: &Architecture) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(machines) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?.collect::<io::Result<Vec<_>>>()?,
    };
    let is_one = |name: &[u8]| {
        let suite = name.strip_prefix(arch.name.as_bytes()).and_then(|rest| rest.strip_prefix(b"-"));
        suite.is_some_and(|suite| !suite.is_empty() && !suite.contains(&b'.'))
    };
    let mut found: Vec<PathBuf> =
        entries.iter().filter(|entry| is_one(entry.file_name().as_bytes())).map(fs::DirEntry::path).collect();
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch;

    /// A directory with a tree and machines, one of them half made.
    fn directory() -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        for place in ["trees/s390x", "machines/s390x-sid", "machines/s390x-bookworm", "machines/s390x-sid.Xy12Ab"] {
            fs::create_dir_all(directory.path().join("target").join(place)).expect("a directory");
        }
        directory
    }

    fn wanted(architectures: &[&str]) -> Wanted {
        let architectures = architectures.iter().filter_map(|name| arch::named(name)).collect();
        Wanted { architectures, ..Wanted::default() }.or_all()
    }

    fn names(wanted: &Wanted, directory: &Path) -> Vec<String> {
        let places = wanted.places(directory).expect("places");
        let start = format!("{}/", directory.display());
        places.iter().map(|place| place.name.replace(&start, "")).collect()
    }

    #[test]
    fn an_architecture_stands_for_its_usual_places() {
        let directory = directory();
        let expected = ["target/trees/s390x", "s390x-bookworm", "s390x-sid"];
        assert_eq!(names(&wanted(&["s390x"]), directory.path()), expected);
        let trees = Wanted { usual: vec![Usual::Trees], ..wanted(&["s390x"]) };
        assert_eq!(names(&trees, directory.path()), expected[..1]);
        let machines = Wanted { usual: vec![Usual::Machines], ..wanted(&["s390x"]) };
        assert_eq!(names(&machines, directory.path()), expected[1..]);
    }

    #[test]
    fn what_is_not_there_is_a_place_with_the_command_that_makes_it() {
        let directory = directory();
        let places = wanted(&["riscv64"]).places(directory.path()).expect("places");
        let told: Vec<_> = places
            .iter()
            .map(|place| match &place.ground {
                Ground::Missing(missing) => (missing.to_string(), place.is_machine()),
                other => panic!("{other:?}"),
            })
            .collect();
        let told: Vec<_> = told.iter().map(|(told, machine)| (told.as_str(), *machine)).collect();
        let tree = "there is no such tree: `ci/tree riscv64` makes it";
        assert_eq!(told, [(tree, false), ("there is no such machine: `ci/machine riscv64` makes one", true)]);
    }

    #[test]
    fn a_place_that_is_named_twice_is_one() {
        let directory = directory();
        let tree = directory.path().join("target/trees/../trees/s390x");
        let machine = directory.path().join("target/machines/s390x-sid/");
        let both = Wanted { trees: vec![tree], machines: vec![machine], ..wanted(&["s390x"]) };
        let named = ["target/trees/../trees/s390x", "s390x-sid", "s390x-bookworm"];
        assert_eq!(names(&both, directory.path()), named);
    }

    #[test]
    fn every_tree_is_built_with_every_bubblewrap_and_machines_have_their_own() {
        let directory = directory();
        let bwraps = ["old/bwrap", "new/bwrap", "old/bwrap"].map(PathBuf::from).to_vec();
        let both = Wanted { bwraps, trees: vec!["/".into()], ..wanted(&["s390x"]) };
        let named = [
            "/ with old/bwrap",
            "target/trees/s390x with old/bwrap",
            "/ with new/bwrap",
            "target/trees/s390x with new/bwrap",
            "s390x-bookworm",
            "s390x-sid",
        ];
        assert_eq!(names(&both, directory.path()), named);
    }

    #[test]
    fn two_machines_of_one_name_are_refused() {
        let [one, other] = [directory(), directory()];
        let machine = |directory: &Path| directory.join("target/machines/s390x-sid");
        let machines = vec![machine(one.path()), machine(other.path())];
        let error = Wanted { machines: machines.clone(), ..Wanted::default() }.or_all().places(Path::new("/"));
        let [first, second] = [&machines[0], &machines[1]].map(|path| path.display());
        let told =
            format!("{first} and {second} are both called s390x-sid in reports: give one directory another name");
        assert_eq!(error.expect_err("the same name").to_string(), told);
    }
}
