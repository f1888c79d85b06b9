//! Specs that are not read, and why: a line.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rstest::rstest;

use super::{Said, check, said, spec, text};
use crate::support::runnable_by_all;
use crate::users::ordinary::{Ids, Ordinary, without_user_namespaces};

/// Checks a spec, and expects this line about it.
fn assert_refused(file: &str, (stdout, stderr, code): Said, line: &str) {
    assert_eq!((stdout, stderr.as_str(), code), (format!("? {file}: {line}\n"), "", Some(2)));
}

#[rstest]
#[case::rpm_s_words("%if 1\n%files\n", "rpm can't read it: line 9: Unclosed %if")]
#[case::not_there("%include nothing\n", "rpm can't read it: Unable to open nothing: No such file or directory")]
#[case::no_packages("%post\ntrue\n", "it makes no package: none of its packages has a %files here")]
#[case::script_of_the_build(
    "%post -f post.sh\n%files\n",
    "`%post -f post.sh` takes a script from a file of the build, which there is none of: build it, and check the packages"
)]
fn why_a_spec_is_not_read_is_a_line(#[case] rest: &str, #[case] line: &str) {
    let (_directory, file) = spec(rest);
    assert_refused(text(&file), check(&["--arch", "x86_64", text(&file)]), line);
}

#[test]
fn no_such_spec() {
    assert_refused("/nowhere/x.spec", check(&["/nowhere/x.spec"]), "cannot read it: No such file or directory");
}

#[test]
fn a_system_without_rpmbuild_reads_no_spec() {
    let (directory, file) = spec("%files\n");
    // What was named by hand has to be a system with rpm; what reads specs is another package's.
    fs::create_dir_all(directory.path().join("usr/bin")).expect("a directory");
    fs::copy("/usr/bin/true", directory.path().join("usr/bin/rpm")).expect("a program");
    let line = format!(
        "there is no rpmspec and rpmbuild in {}: install rpm (Debian) or rpm-build (Fedora, openSUSE)",
        directory.path().display()
    );
    assert_refused(text(&file), check(&["--root", text(directory.path()), text(&file)]), &line);
}

/// Nobody reads it without one.
const IN_A_SANDBOX: &str = "a spec is a program, and is read in a sandbox or not at all";

#[test]
fn without_bubblewrap_no_spec_is_read() {
    let user = Ordinary::new();
    let file = shown_to_all(&user);
    let deed =
        "for bwrap in /usr/bin/bwrap /usr/local/bin/bwrap; do [ ! -e $bwrap ] || mount --bind /dev/null $bwrap; done";
    let program = user.program();
    let done = user.after(deed, Ids::Alone, &[text(&program), "rpm", "check", &file]).output().expect("a run");
    let why = "there is no bwrap in PATH: install bubblewrap";
    assert_refused(&file, said(&done), &format!("{IN_A_SANDBOX}: {why}"));
}

#[test]
fn without_a_namespace_no_spec_is_read() {
    let user = Ordinary::new();
    let file = shown_to_all(&user);
    let programs = runnable_by_all();
    let done = without_user_namespaces(programs.path(), &["rpm", "check", &file]);
    let why = "cannot open the root (it takes a user namespace: `rootcontract doctor` tells what forbids it, unless this is a \
               chroot): cannot unshare the supervisor's namespaces: ENOSPC: No space left on device";
    assert_refused(&file, said(&done), &format!("{IN_A_SANDBOX}: {why}"));
}

/// A spec that every user may read. Whoever reads it is told whether that happens outside.
fn shown_to_all(user: &Ordinary) -> String {
    let (_directory, file) = spec("%post\n%(touch /tmp/spec-was-read)\n%files\n");
    let copy = user.place().join("mypkg.spec");
    fs::copy(file, &copy).expect("a copy");
    fs::set_permissions(&copy, PermissionsExt::from_mode(0o644)).expect("open to all");
    text(&copy).to_owned()
}

#[test]
fn an_architecture_that_it_is_not_for_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("some.spec");
    let tag = "ExclusiveArch: s390x";
    fs::write(&file, super::PREAMBLE.replace("BuildArch: noarch", tag) + "%files\n").expect("a spec");
    let line = "it is not for x86_64 (ExclusiveArch, ExcludeArch)";
    assert_refused(text(&file), check(&["--arch", "x86_64", text(&file)]), line);
}
