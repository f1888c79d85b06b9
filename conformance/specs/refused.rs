//! Specs that are not read, and why: a line.

use std::fs;
use std::process::Command;

use rstest::rstest;

use super::{Said, check, said, spec, text};
use crate::support::supervisor;
use crate::users::ordinary::{Ids, Ordinary};

/// Checks a spec, and expects this line about it.
fn assert_refused(file: &str, (stdout, stderr, code): Said, line: &str) {
    assert_eq!((stdout, stderr.as_str(), code), (format!("? {file}: {line}\n"), "", Some(2)));
}

#[rstest]
#[case::rpm_s_words(
    "%if 1\n%files\n",
    "rpm can't read it: line 9: Unclosed %if; query of specfile /run/osbuild/inputs/spec/mypkg.spec failed, can't parse"
)]
#[case::not_there(
    "%include nothing\n",
    "rpm can't read it: Unable to open nothing: No such file or directory; query of specfile /run/osbuild/inputs/spec/mypkg.spec failed, can't parse"
)]
#[case::no_packages("%post\ntrue\n", "it makes no package: none of its packages has a %files here")]
#[case::not_for_this_architecture(
    "%package sub\nSummary: x\nExclusiveArch: s390x\n%description sub\nx\n%files sub\n",
    "rpm can't read it: line 11: Only noarch subpackages are supported: x"
)]
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
    assert_refused("/nowhere/x.spec", check(&["/nowhere/x.spec"]), "No such file or directory");
}

#[test]
fn a_system_without_rpm_reads_no_spec() {
    let (directory, file) = spec("%files\n");
    let line = format!(
        "there is no rpmspec and rpmbuild in {}: install rpm (Debian) or rpm-build (Fedora, openSUSE)",
        directory.path().display()
    );
    assert_refused(text(&file), check(&["--root", text(directory.path()), text(&file)]), &line);
}
