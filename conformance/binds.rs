//! Binds of the caller's own, and what a profile mounts besides the tree.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rootcontract::buildroot::{Builder, Invocation};
use rootcontract::profile::Profile;
use rstest::rstest;

use crate::support::{builder, chain, names, open, run, said, shell, well};

#[rstest]
#[case::v19(Profile::OsbuildV19)]
#[case::v190(Profile::OsbuildV190)]
#[case::hardened(Profile::Hardened)]
fn what_is_written_through_a_read_write_bind_is_seen_outside(#[case] profile: Profile) {
    let outside = tempfile::tempdir().expect("a directory");
    std::fs::write(outside.path().join("there"), "before").expect("a file");
    let root = open(profile);
    let script =
        "cat /run/osbuild/tree/there; printf after > /run/osbuild/tree/there; printf new > /run/osbuild/tree/new";
    let said = well(run(&root, shell(script).bind(outside.path(), "/run/osbuild/tree")));
    root.close().expect("nothing left");
    let content = |name: &str| std::fs::read_to_string(outside.path().join(name)).expect("a file");
    assert_eq!((said.as_str(), content("there").as_str(), content("new").as_str()), ("before", "after", "new"));
}

#[rstest]
#[case::a_new_file("/run/osbuild/inputs/new")]
#[case::a_file_that_is_there("/run/osbuild/inputs/there")]
fn a_read_only_bind_is_read_and_not_written(#[case] target: &str) {
    let outside = tempfile::tempdir().expect("a directory");
    std::fs::write(outside.path().join("there"), "before").expect("a file");
    let root = open(Profile::OsbuildV190);
    let script = format!("cat /run/osbuild/inputs/there; : > {target}");
    let done = run(&root, shell(&script).read_only_bind(outside.path(), "/run/osbuild/inputs"));
    root.close().expect("nothing left");
    assert_eq!(done.stdout.text(), "before");
    assert_eq!(done.stderr.text(), format!("/usr/bin/sh: 1: cannot create {target}: Read-only file system\n"));
    assert_eq!(std::fs::read_to_string(outside.path().join("there")).expect("a file"), "before");
    assert!(!outside.path().join("new").exists());
}

#[rstest]
#[case::a_colon(b"a:b:ro")]
#[case::a_space(b"with a space")]
#[case::a_line_end(b"two\nlines")]
#[case::no_utf8(b"\xff\xfe")]
#[case::an_option(b"--ro-bind")]
#[case::a_quote(b"it's \"so\"")]
fn a_path_may_hold_any_byte(#[case] name: &[u8]) {
    let outside = tempfile::tempdir().expect("a directory");
    let name = OsStr::from_bytes(name);
    let source = outside.path().join(name);
    std::fs::create_dir(&source).expect("a directory");
    std::fs::write(source.join("file"), "found").expect("a file");
    let target = Path::new("/run/osbuild/inputs").join(name);
    let root = open(Profile::OsbuildV190);
    let cat = Invocation::new([OsString::from("/usr/bin/cat"), target.join("file").into()]);
    let said = well(run(&root, cat.read_only_bind(&source, &target)));
    root.close().expect("nothing left");
    assert_eq!(said, "found");
}

#[test]
fn a_file_is_bound_as_well_as_a_directory() {
    let outside = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(outside.path(), "a file").expect("a file");
    let root = open(Profile::OsbuildV190);
    let done = run(&root, shell("cat /run/osbuild/args").read_only_bind(outside.path(), "/run/osbuild/args"));
    root.close().expect("nothing left");
    assert_eq!(well(done), "a file");
}

#[rstest]
#[case::relative("inputs")]
#[case::dotted("./inputs")]
#[case::empty("")]
fn a_target_that_is_no_absolute_path_is_refused(#[case] target: &str) {
    let root = open(Profile::OsbuildV190);
    let error = root.run(shell(":").bind("/usr", target)).expect_err("a relative target");
    root.close().expect("nothing left");
    assert_eq!(chain(&error), format!("cannot bind at {target}: it is no absolute path"));
}

#[rstest]
#[case::the_root("/")]
#[case::of_the_calls("/run")]
#[case::of_osbuild("/run/osbuild/")]
#[case::of_devices("/dev")]
#[case::of_processes("//proc/.")]
#[case::by_a_way_round("/usr/../run/osbuild/tree/..")]
fn a_target_that_would_cover_the_sandbox_is_refused_and_nothing_is_made_in_the_source(#[case] target: &str) {
    let root = open(Profile::OsbuildV190);
    let outside = tempfile::tempdir().expect("a directory");
    let error = root.run(shell(":").bind(outside.path(), target)).expect_err("a target that the sandbox needs");
    root.close().expect("closed");
    assert_eq!(chain(&error), format!("cannot bind at {target}: it would cover what the sandbox needs: bind below it"));
    assert_eq!(names(outside.path()), Vec::<String>::new());
}

#[test]
fn a_bind_belongs_to_its_run_alone() {
    let outside = tempfile::tempdir().expect("a directory");
    let root = open(Profile::OsbuildV190);
    let look = "test -e /run/osbuild/tree && echo there || echo gone";
    let first = well(run(&root, shell(look).bind(outside.path(), "/run/osbuild/tree")));
    let second = said(&root, look);
    root.close().expect("nothing left");
    assert_eq!((first.as_str(), second.as_str()), ("there\n", "gone\n"));
}

/// Of `/sys/fs/selinux`: where the host has one it is read-only; where it has none there is nothing to make so.
#[test]
fn selinuxfs_is_read_only_or_the_clause_says_that_it_does_not_apply() {
    use rootcontract::contract::Contract;
    use rootcontract::facts::launch::Phase;
    use rootcontract::verify::{Verdict, verify};

    let contract = Contract::builtin("osbuild-v190").expect("a contract");
    let facts = crate::support::facts(builder("/"), Phase::Raw);
    let findings = verify(&contract, &facts);
    let about: Vec<_> = findings.iter().filter(|finding| finding.clause.as_str().contains("selinux")).collect();
    let mounted = findings
        .iter()
        .find(|finding| finding.clause.as_str() == "mount.sys-selinux.read-only")
        .unwrap_or_else(|| panic!("no clause about selinuxfs: {about:#?}"));
    if Path::new("/sys/fs/selinux/enforce").exists() {
        assert_eq!(mounted.verdict, Verdict::Held, "{mounted:#?}");
    } else {
        assert_eq!(mounted.verdict, Verdict::NotApplicable, "{mounted:#?}");
        assert_eq!(mounted.reason.as_deref(), Some("the host has no SELinux policy"));
    }
}

#[test]
fn the_kernels_command_line_is_osbuilds_unless_another_is_given() {
    let cmdline = |builder: Builder| {
        let root = builder.open().expect("an open root");
        let text = said(&root, "cat /proc/cmdline");
        root.close().expect("nothing left");
        text
    };
    let host = std::fs::read_to_string("/proc/cmdline").expect("the host's");
    assert_eq!(cmdline(builder("/")), "root=/dev/osbuild\n");
    assert_eq!(cmdline(builder("/").proc_override("cmdline", "is not the real thing\n")), "is not the real thing\n");
    assert_eq!(cmdline(builder("/").profile(Profile::OsbuildV19)), host, "v19 knew no override");
}
