//! A small system of its own: what is shown is the root that was named, and not the machine around it.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use rootcontract::contract::Contract;
use rootcontract::facts::launch::Phase;
use rootcontract::profile::Profile;
use rstest::rstest;

use crate::support::{assert_kept, builder, facts, said};

/// The programs of the small system; `sh` is one of them.
const PROGRAMS: [&str; 6] = ["sh", "true", "cat", "ls", "test", "sleep"];

/// Puts the programs and the libraries they need into `root`, in the layout of a merged `/usr`.
pub fn grow(root: &Path) {
    for directory in ["usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "etc"] {
        std::fs::create_dir_all(root.join(directory)).expect("a directory");
    }
    for link in ["bin", "sbin", "lib", "lib64"] {
        symlink(Path::new("usr").join(link), root.join(link)).expect("a link");
    }
    let mut needed = BTreeSet::new();
    for program in PROGRAMS {
        let path = Path::new("/usr/bin").join(program);
        needed.extend(libraries(&path));
        std::fs::copy(&path, root.join("usr/bin").join(program)).expect("a program");
    }
    for library in needed {
        // What ldd names is below /lib or /lib64, which are links into /usr, or below /usr itself.
        let below = library.strip_prefix("/usr").or_else(|_| library.strip_prefix("/")).expect("an absolute path");
        let target = root.join("usr").join(below);
        std::fs::create_dir_all(target.parent().expect("a parent")).expect("a directory");
        std::fs::copy(&library, target).expect("a library");
    }
}

/// The absolute paths `ldd` names.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let output = Command::new("ldd").arg(program).output().expect("ldd");
    let text = String::from_utf8(output.stdout).expect("text");
    let found: Vec<_> = text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect();
    assert!(!found.is_empty(), "{}: {text}", program.display());
    found
}

#[rstest]
#[case::v19(Profile::OsbuildV19)]
#[case::v190(Profile::OsbuildV190)]
#[case::hardened(Profile::Hardened)]
fn the_contract_is_kept_by_a_small_system(#[case] profile: Profile) {
    let tree = tempfile::tempdir().expect("a directory");
    grow(tree.path());
    let contract = Contract::builtin(profile.name()).expect("a contract");
    let builder = builder(tree.path()).profile(profile).capabilities(profile.default_capabilities());
    assert_kept(&contract, &facts(builder, Phase::Raw));
}

#[rstest]
#[case::v19(Profile::OsbuildV19)]
#[case::v190(Profile::OsbuildV190)]
#[case::hardened(Profile::Hardened)]
fn the_machines_own_root_is_nowhere_in_it(#[case] profile: Profile) {
    let tree = tempfile::tempdir().expect("a directory");
    grow(tree.path());
    std::fs::write(tree.path().join("usr/mark"), "of the small system").expect("a file");
    std::fs::write(tree.path().join("secret"), "").expect("a file");
    let root = builder(tree.path()).profile(profile).open().expect("an open root");
    assert_eq!(said(&root, "cat /usr/mark"), "of the small system");
    let programs: BTreeSet<_> = PROGRAMS.into_iter().collect();
    let seen = said(&root, "ls /usr/bin");
    assert_eq!(seen.lines().collect::<BTreeSet<_>>(), programs);
    let top = said(&root, "ls -A /");
    let mut expected = vec!["bin", "dev", "etc", "lib", "lib64", "proc", "run", "sbin", "sys", "tmp", "usr", "var"];
    expected.sort_unstable();
    assert_eq!(top.lines().collect::<Vec<_>>(), expected);
    // Neither this file of the machine's nor the tree's own directory is reached by its path, nor by a process's root.
    let outside = [env!("CARGO_MANIFEST_DIR"), tree.path().to_str().expect("a path"), "/secret"];
    for path in outside {
        assert_eq!(said(&root, &format!("test -e {path} && echo there || echo gone")), "gone\n", "{path}");
    }
    let roots = said(&root, "for p in /proc/[0-9]*; do test -e $p/root/secret && echo $p; done; echo none");
    assert_eq!(roots, "none\n");
    root.close().expect("nothing left");
}
