//! What persists between the runs of a root, what is new for each, and that all of it goes.

use std::path::PathBuf;
use std::process::Command;

use rootcontract::buildroot::{BuildRoot, Builder, Keep, Outcome};
use rootcontract::profile::Profile;
use rstest::rstest;

use crate::support::{builder, names, open, run, said, shell, supervisor, well};

/// A root whose scratch directories nobody else's are beside.
pub fn apart(profile: Profile) -> (Builder, tempfile::TempDir) {
    let place = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(place.path().join("run")).expect("a directory");
    std::fs::create_dir(place.path().join("var")).expect("a directory");
    let builder = builder("/").profile(profile).rundir(place.path().join("run")).vardir(place.path().join("var"));
    (builder, place)
}

/// What is left in the parents of the scratch directories.
pub fn left(place: &tempfile::TempDir) -> [Vec<String>; 2] {
    ["run", "var"].map(|name| names(&place.path().join(name)))
}

pub const NOTHING: [Vec<String>; 2] = [Vec::new(), Vec::new()];

#[rstest]
#[case::var("/var", "there\n")]
#[case::dev("/dev", "there\n")]
#[case::run("/run", "gone\n")]
#[case::tmp("/tmp", "gone\n")]
#[case::etc("/etc", "gone\n")]
#[case::shm("/dev/shm", "gone\n")]
#[case::top("", "gone\n")]
fn a_file_is_still_there_in_the_next_run_or_is_not(
    #[case] directory: &str,
    #[case] expected: &str,
    #[values(Profile::OsbuildV19, Profile::OsbuildV190, Profile::Hardened)] profile: Profile,
) {
    let root = open(profile);
    let look = format!("test -e {directory}/mark && echo there || echo gone");
    assert_eq!(said(&root, &look), "gone\n");
    assert_eq!(said(&root, &format!(": > {directory}/mark; {look}")), "there\n");
    assert_eq!(said(&root, &look), expected);
    root.close().expect("nothing left");

    let another = open(profile);
    assert_eq!(said(&another, &look), "gone\n", "it goes with its root");
    another.close().expect("nothing left");
}

#[test]
fn fifty_runs_are_as_good_as_one() {
    let root = open(Profile::OsbuildV190);
    for number in 1..=50 {
        assert_eq!(said(&root, "echo run >> /var/log; wc -l < /var/log").trim(), number.to_string());
    }
    root.close().expect("nothing left");
}

#[rstest]
#[case::v19(Profile::OsbuildV19, &[])]
#[case::v190(Profile::OsbuildV190, &["tmp"])]
#[case::hardened(Profile::Hardened, &["tmp"])]
fn var_begins_as_osbuild_makes_it(#[case] profile: Profile, #[case] expected: &[&str]) {
    let root = open(profile);
    assert_eq!(names(root.var()), expected);
    if !expected.is_empty() {
        assert_eq!(said(&root, "stat -c '%F %a %u %g' /var/tmp"), "directory 1777 0 0\n");
    }
    root.close().expect("nothing left");
}

#[test]
fn runs_at_the_same_time_share_var_and_keep_their_output_apart() {
    let root = open(Profile::OsbuildV190);
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..8)
            .map(|number| {
                let root = &root;
                let script = format!(
                    "for i in $(seq 500); do echo {number}; echo e{number} >&2; done; \
                     : > /var/{number}; while [ $(ls /var | wc -l) -lt 9 ]; do sleep 0.01; done"
                );
                scope.spawn(move || (number, run(root, shell(&script))))
            })
            .collect();
        for thread in runs {
            let (number, done) = thread.join().expect("a thread");
            assert_eq!(done.outcome, Outcome::Exited(0));
            assert_eq!(done.stdout.text(), format!("{number}\n").repeat(500));
            assert_eq!(done.stderr.text(), format!("e{number}\n").repeat(500));
        }
    });
    root.close().expect("nothing left");
}

/// bubblewrap's own guard against orphans fires when the thread that started it ends.
#[test]
fn a_root_outlives_the_thread_that_opened_it_and_its_runs_their_threads() {
    let root = std::thread::spawn(|| open(Profile::OsbuildV190)).join().expect("a thread");
    let (root, first) = std::thread::spawn(move || {
        let said = said(&root, "sleep 0.05; echo first");
        (root, said)
    })
    .join()
    .expect("a thread");
    assert_eq!((first.as_str(), said(&root, "sleep 0.05; echo second").as_str()), ("first\n", "second\n"));
    root.close().expect("nothing left");
}

fn by_closing(root: BuildRoot) {
    root.close().expect("nothing left");
}

#[rstest]
#[case::closing(by_closing)]
#[case::dropping(drop::<BuildRoot>)]
fn nothing_is_left_after(
    #[case] end: fn(BuildRoot),
    #[values(Profile::OsbuildV19, Profile::OsbuildV190, Profile::Hardened)] profile: Profile,
) {
    let (builder, place) = apart(profile);
    let root = builder.open().expect("an open root");
    said(&root, "mkdir -p /var/deep/er; : > /var/deep/er/file; chmod 0 /var/deep; : > /dev/mark");
    assert_eq!(left(&place).map(|names| names.len()), [1, 1]);
    end(root);
    assert_eq!(left(&place), NOTHING);
}

#[test]
fn a_var_deeper_than_descriptors_go_is_removed() {
    let script = "ulimit -n 128; exec \"$0\" run -- /usr/bin/mkdir -p \"$1\"";
    let deep = format!("/var/{}", "d/".repeat(500));
    let mut shell = Command::new("sh");
    let output = shell.args(["-c", script]).arg(supervisor()).arg(&deep).output().expect("the command");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), told.contains("remove")), (Some(0), false), "{told}");
}

#[test]
fn what_is_to_be_kept_is_kept_also_when_another_root_is_opened_beside_it() {
    let (builder, place) = apart(Profile::OsbuildV190);
    let root = builder.clone().keep(Keep::Keep).open().expect("an open root");
    said(&root, "echo kept > /var/file");
    let file: PathBuf = root.var().join("file");
    root.close().expect("nothing to tell");
    let kept = left(&place);

    builder.open().expect("an open root").close().expect("nothing left");
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), "kept\n");
    assert_eq!(left(&place), kept);
}

#[test]
fn a_run_belongs_to_an_open_root_and_ends_with_it() {
    let (builder, place) = apart(Profile::OsbuildV190);
    let root = builder.open().expect("an open root");
    let done = well(run(&root, shell("(trap '' TERM HUP; sleep 60) & echo started")));
    root.close().expect("nothing left");
    assert_eq!(done, "started\n");
    assert_eq!(left(&place), NOTHING);
}
