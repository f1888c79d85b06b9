//! Device nodes: those of the profile, and those added to an open root.

use std::os::linux::fs::MetadataExt;
use std::path::Path;

use rootcontract::profile::Profile;
use rstest::rstest;

use crate::support::{chain, comes_true, open, run, said, shell, well};

/// Kind and numbers of a node of the host as `stat -c '%F %t %T'` prints them.
fn on_the_host(path: &str) -> String {
    let device = Path::new(path).metadata().expect("a node").st_rdev();
    format!("character special file {:x} {:x}\n", nix::sys::stat::major(device), nix::sys::stat::minor(device))
}

#[rstest]
#[case::v19(Profile::OsbuildV19)]
#[case::v190(Profile::OsbuildV190)]
#[case::hardened(Profile::Hardened)]
fn an_added_device_is_there_for_later_runs_and_for_one_under_way(#[case] profile: Profile) {
    let root = open(profile);
    let look = "stat -c '%F %t %T %a' /dev/added; head -c 3 /dev/added | od -An -tx1";
    let waiting = format!(": > /var/ready; while ! test -e /dev/added; do sleep 0.01; done; {look}");
    let expected = format!("{} 666\n 00 00 00\n", on_the_host("/dev/zero").trim_end());
    std::thread::scope(|scope| {
        let under_way = scope.spawn(|| said(&root, &waiting));
        assert!(comes_true(|| root.var().join("ready").exists()), "the payload never ran");
        root.add_device(Path::new("/dev/zero"), "added").expect("a device");
        assert_eq!(under_way.join().expect("a thread"), expected);
    });
    assert_eq!(said(&root, look), expected);
    root.close().expect("nothing left");
    assert!(!Path::new("/dev/added").exists(), "the host has none");
}

#[rstest]
#[case::full("full", "1 7")]
#[case::null("null", "1 3")]
#[case::random("random", "1 8")]
#[case::urandom("urandom", "1 9")]
#[case::tty("tty", "5 0")]
#[case::zero("zero", "1 5")]
fn a_node_of_the_profile_has_the_kernels_numbers(
    #[case] name: &str,
    #[case] numbers: &str,
    #[values(Profile::OsbuildV19, Profile::OsbuildV190, Profile::Hardened)] profile: Profile,
) {
    let root = open(profile);
    let seen = said(&root, &format!("stat -c '%F %t %T %a' /dev/{name}"));
    root.close().expect("nothing left");
    assert_eq!(seen, format!("character special file {numbers} 666\n"));
}

#[rstest]
#[case::v19(Profile::OsbuildV19, &[])]
#[case::v190(Profile::OsbuildV190, &["fuse"])]
fn dev_holds_the_profiles_nodes_and_no_more(#[case] profile: Profile, #[case] optional: &[&str]) {
    let root = open(profile);
    let seen = said(&root, "ls /dev");
    root.close().expect("nothing left");
    let mut expected = vec!["full", "null", "random", "shm", "tty", "urandom", "zero"];
    expected.extend(optional.iter().filter(|name| Path::new("/dev").join(name).exists()));
    expected.sort_unstable();
    assert_eq!(seen.lines().collect::<Vec<_>>(), expected);
}

#[rstest]
#[case::empty("", "EINVAL: Invalid argument")]
#[case::dots("..", "EINVAL: Invalid argument")]
#[case::absolute("/loop0", "EINVAL: Invalid argument")]
#[case::below("mapper/x", "EINVAL: Invalid argument")]
#[case::out("../escaped", "EINVAL: Invalid argument")]
fn a_name_that_is_no_plain_one_is_refused(#[case] name: &str, #[case] why: &str) {
    let root = open(Profile::OsbuildV190);
    let error = root.add_device(Path::new("/dev/zero"), name).expect_err("a bad name");
    assert!(chain(&error).ends_with(&format!("cannot name a device {name:?}: {why}")), "{}", chain(&error));
    assert!(!root.scratch()[0].join("escaped").exists());
    root.close().expect("nothing left");
}

#[rstest]
#[case::that_is_no_device("/etc/passwd", "new", "ENODEV: No such device")]
#[case::that_is_nowhere("/dev/there-is-none", "new", "ENOENT: No such file or directory")]
#[case::whose_name_is_taken("/dev/zero", "null", "EEXIST: File exists")]
fn a_device_is_refused(#[case] source: &str, #[case] name: &str, #[case] why: &str) {
    let root = open(Profile::OsbuildV190);
    let error = root.add_device(Path::new(source), name).expect_err("a bad device");
    assert!(chain(&error).ends_with(why), "{}", chain(&error));
    assert_eq!(said(&root, "stat -c '%t %T' /dev/null; ls /dev/new 2>&1 | wc -l"), "1 3\n1\n", "all is as it was");
    root.close().expect("nothing left");
}

#[test]
fn devices_do_what_they_are_for() {
    let root = open(Profile::OsbuildV190);
    let done = run(&root, shell("printf x > /dev/null && head -c 4 /dev/zero | od -An -tx1 && printf x > /dev/full"));
    root.close().expect("nothing left");
    assert_eq!(done.stdout.text(), " 00 00 00 00\n");
    assert_eq!(done.stderr.text(), "/usr/bin/sh: 1: printf: printf: I/O error\n");
}

#[test]
fn what_a_payload_removes_is_its_own_roots() {
    let root = open(Profile::OsbuildV19);
    well(run(&root, shell("rm /dev/zero")));
    assert_eq!(said(&root, "ls /dev/zero 2>/dev/null | wc -l"), "0\n");
    root.close().expect("nothing left");
    assert_eq!(on_the_host("/dev/zero"), "character special file 1 5\n");
}
