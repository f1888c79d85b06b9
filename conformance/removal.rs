//! What a payload leaves in `/var` goes with the root, whatever it is; what is mounted there does not.

use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::fcntl::{OFlag, open, openat};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, mkdirat};
use rootcontract::profile::Profile;
use rstest::rstest;

use crate::lifecycle::{NOTHING, apart, left};
use crate::support::{names, said};

/// How deep a tree a payload can make in a second.
const DEEP: usize = 100_000;

#[rstest]
#[case::an_immutable_file(": > /var/file; chattr +i /var/file")]
#[case::an_append_only_file(": > /var/file; chattr +a /var/file")]
#[case::an_immutable_directory("mkdir -p /var/a/b/c; : > /var/a/b/file; chattr +i /var/a/b /var/a")]
#[case::an_append_only_directory("mkdir -p /var/a/b/c; : > /var/a/b/file; chattr +a /var/a/b /var/a")]
#[case::var_itself(": > /var/file; chattr +i /var/file /var")]
#[case::sealed("mkdir -p /var/a/b; : > /var/a/b/file; chattr +i /var/a/b/file; chmod 0 /var/a/b /var/a")]
#[case::beside_what_goes_easily(
    "mkdir /var/a; : > /var/a/i; chattr +i /var/a/i; : > /var/z; mkfifo /var/p; ln -s / /var/l"
)]
fn what_may_not_be_changed_is_removed(#[case] script: &str) {
    let (builder, place) = apart(Profile::OsbuildV190);
    let root = builder.open().expect("an open root");
    said(&root, &format!("{script}; ls /var"));
    root.close().expect("nothing left");
    assert_eq!(left(&place), NOTHING);
}

#[test]
fn a_tree_of_any_depth_is_removed() {
    let (builder, place) = apart(Profile::OsbuildV190);
    // In memory: on a disk each of them takes a block.
    let memory = tempfile::tempdir_in("/dev/shm").expect("a directory");
    let root = builder.vardir(memory.path()).open().expect("an open root");
    let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut deepest: OwnedFd = open(root.var(), flags, Mode::empty()).expect("/var");
    for _ in 0..DEEP {
        mkdirat(&deepest, "d", Mode::S_IRWXU).expect("a directory");
        deepest = openat(&deepest, "d", flags, Mode::empty()).expect("a directory");
    }
    drop(deepest);
    root.close().expect("nothing left");
    assert_eq!((left(&place), names(memory.path())), (NOTHING, Vec::new()));
}

/// Makes what a killed owner would have left, does `act` to its `/var` in a thread of its own, and opens a root beside it.
fn opened_beside_what_was_left(place: &Path, act: impl FnOnce(&Path) + Send) {
    let var = place.join("var/rootcontract-abandoned/var");
    std::fs::create_dir_all(var.join("a/b")).expect("a directory");
    std::fs::set_permissions(var.parent().expect("its own"), PermissionsExt::from_mode(0o700)).expect("a mode");
    std::fs::write(var.join("a/b/file"), "").expect("a file");
    let open = || {
        act(&var);
        let builder = crate::support::builder("/").rundir(place.join("run")).vardir(place.join("var"));
        builder.open().expect("an open root").close().expect("nothing left");
    };
    std::thread::scope(|scope| scope.spawn(open).join().expect("a thread"));
}

#[test]
fn what_its_owner_may_not_enter_is_removed_by_an_owner_without_privileges() {
    let (_, place) = apart(Profile::OsbuildV190);
    opened_beside_what_was_left(place.path(), |var| {
        std::fs::set_permissions(var.join("a/b"), PermissionsExt::from_mode(0o500)).expect("a mode");
        std::fs::set_permissions(var.join("a"), PermissionsExt::from_mode(0o0)).expect("a mode");
        // CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
        for capability in [1, 2] {
            rootcontract::sys::lower_capability_of_this_thread(capability).expect("less to do it with");
        }
    });
    assert_eq!(left(&place), NOTHING);
}

/// A mount of the same file system has the same device number, so that does not tell.
#[rstest]
#[case::at_the_top("")]
#[case::further_down("a/b")]
fn what_is_mounted_in_it_is_not_entered(#[case] below: &str) {
    let (_, place) = apart(Profile::OsbuildV190);
    let outside = place.path().join("outside");
    std::fs::create_dir(&outside).expect("a directory");
    std::fs::write(outside.join("file"), "").expect("a file");
    opened_beside_what_was_left(place.path(), |var| {
        unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
        let nothing = None::<&str>;
        mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing).expect("private mounts");
        mount(Some(&outside), &var.join(below), nothing, MsFlags::MS_BIND, nothing).expect("a mount");
    });
    assert!(outside.join("file").exists(), "it was removed through the mount");
    let [run, var] = left(&place);
    assert_eq!((run, var), (vec![], vec!["rootcontract-abandoned".to_owned()]), "what holds a mount stays");
}
