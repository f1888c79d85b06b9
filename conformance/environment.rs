//! The payload's environment, names and values.

use std::collections::BTreeMap;
use std::process::Command;

use rootcontract::buildroot::Invocation;
use rootcontract::profile::Profile;
use rstest::rstest;

use crate::support::{open, run, supervisor, well};

/// `env -0` as a map.
fn environment(text: &str) -> BTreeMap<&str, &str> {
    text.split_terminator('\0').map(|entry| entry.split_once('=').expect("a variable")).collect()
}

/// What the command's payload has when the command is started with exactly `caller`.
fn through_the_command(profile: Profile, caller: &[(&str, &str)]) -> String {
    let output = Command::new(supervisor())
        .args(["run", "--profile", profile.name(), "--", "/usr/bin/env", "-0"])
        .env_clear()
        .envs(caller.iter().copied())
        .output()
        .expect("the command");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[rstest]
#[case::with_a_terminal(&[("TERM", "vt100"), ("CANARY", "secret"), ("LC_ALL", "C"), ("PATH", "/usr/bin")], "vt100")]
#[case::without_one(&[("CANARY", "secret"), ("PYTHONPATH", "/home/me"), ("PATH", "/usr/bin")], "dumb")]
fn v190_has_exactly_osbuilds_variables(#[case] caller: &[(&str, &str)], #[case] term: &str) {
    let text = through_the_command(Profile::OsbuildV190, caller);
    let expected = BTreeMap::from([
        ("container", "bwrap-osbuild"),
        ("LC_CTYPE", "C.UTF-8"),
        ("PATH", "/usr/sbin:/usr/bin"),
        // bubblewrap sets it when it changes directory.
        ("PWD", "/"),
        ("PYTHONPATH", "/run/osbuild/lib"),
        ("PYTHONUNBUFFERED", "1"),
        ("TERM", term),
    ]);
    assert_eq!(environment(&text), expected);
}

#[test]
fn v19_passes_the_callers_variables_on_and_sets_two() {
    let caller = [("CANARY", "for everyone to see"), ("PATH", "/usr/bin"), ("PYTHONPATH", "/home/me")];
    let text = through_the_command(Profile::OsbuildV19, &caller);
    let expected = BTreeMap::from([
        ("CANARY", "for everyone to see"),
        ("PATH", "/usr/sbin:/usr/bin"),
        ("PWD", "/"),
        ("PYTHONPATH", "/run/osbuild/lib"),
    ]);
    assert_eq!(environment(&text), expected);
}

#[rstest]
#[case::a_new_variable("LANG", "C.UTF-8")]
#[case::over_the_profiles("TERM", "screen")]
#[case::empty("EMPTY", "")]
#[case::with_an_equals_sign("OPTIONS", "a=b c=d\n")]
fn a_run_has_the_variables_it_is_given(#[case] name: &str, #[case] value: &str) {
    let root = open(Profile::OsbuildV190);
    let env = || Invocation::new(["/usr/bin/env", "-0"]);
    let given = well(run(&root, env().environment(name, value)));
    let after = well(run(&root, env()));
    root.close().expect("nothing left");
    assert_eq!(environment(&given).get(name), Some(&value));
    assert_ne!(environment(&after).get(name), Some(&value), "it belongs to its run alone");
}
