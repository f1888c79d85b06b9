//! What `run` says of hazards: a line for root in osbuild's profiles, and for nobody else.

use rstest::rstest;

use super::rootcontract;
use crate::users::ordinary::{Ids, Ordinary};

fn run(options: &[&str], script: &str) -> (Option<i32>, String, String) {
    let mut command = rootcontract(["run", "--capabilities", "inherit"]);
    let done = command.args(options).args(["--", "/usr/bin/sh", "-c", script]).output().expect("a run");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (done.status.code(), text(&done.stdout), text(&done.stderr))
}

#[rstest]
#[case::newest(&[], "osbuild-v190")]
#[case::oldest(&["--profile", "osbuild-v19"], "osbuild-v19")]
fn root_is_told_in_a_line_that_osbuild_keeps_nothing_from_the_host(#[case] options: &[&str], #[case] profile: &str) {
    let told = format!(
        "rootcontract: warning: as root, {profile} keeps no payload from the host (the hazards of its contract): \
         --profile hardened does, --quiet leaves this line out\n"
    );
    assert_eq!(run(options, "echo out; exit 3"), (Some(3), "out\n".to_owned(), told));
}

#[rstest]
#[case::newest(&[], "osbuild-v190")]
#[case::oldest(&["--profile", "osbuild-v19"], "osbuild-v19")]
#[case::quiet(&["--quiet"], "osbuild-v190")]
fn who_denies_hazards_runs_nothing_that_has_them(#[case] options: &[&str], #[case] profile: &str) {
    let told = format!(
        "rootcontract: as root, {profile} keeps no payload from the host (the hazards of its contract), and \
         --deny-hazards was given: take --profile hardened, or run it as an ordinary user\n"
    );
    assert_eq!(run(&[options, &["--deny-hazards"]].concat(), "echo out"), (Some(125), String::new(), told));
}

#[rstest]
#[case::quiet(&["--quiet"])]
#[case::in_a_user_namespace(&["--privilege", "userns-single"])]
#[case::denied_in_a_user_namespace(&["--privilege", "userns-single", "--deny-hazards"])]
#[case::hardened(&["--profile", "hardened"])]
#[case::denied_and_hardened(&["--profile", "hardened", "--deny-hazards"])]
fn elsewhere_nothing_is_said(#[case] options: &[&str]) {
    assert_eq!(run(options, "echo out; exit 3"), (Some(3), "out\n".to_owned(), String::new()));
}

#[test]
fn a_user_is_told_nothing() {
    let done = Ordinary::new().run(Ids::Alone, &["run", "--deny-hazards", "--", "/usr/bin/true"]);
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(0), ""));
}
