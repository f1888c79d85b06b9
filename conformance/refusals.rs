//! Roots that are not opened, and bubblewraps that are none: what is said, and that nothing is left.

use std::os::unix::fs::symlink;
use std::path::Path;

use rootcontract::buildroot::{Builder, Outcome};
use rstest::rstest;

use crate::support::{builder, chain, executable, names, open, run, shell, well};

/// A place with a root that could be opened, and nothing in the scratch directories' parents.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = tempfile::tempdir().expect("a directory");
        for directory in ["run", "var", "root/usr/bin", "root/etc"] {
            std::fs::create_dir_all(place.path().join(directory)).expect("a directory");
        }
        Self(place)
    }

    fn path(&self, below: &str) -> String {
        self.0.path().join(below).to_str().expect("a path").to_owned()
    }

    fn builder(&self, root: &str) -> Builder {
        builder(self.path(root)).rundir(self.path("run")).vardir(self.path("var"))
    }

    /// What opening says; `@` in it stands for this place.
    fn refused(&self, builder: Builder) -> String {
        let error = builder.open().expect_err("a root that is not to be opened");
        for parent in ["run", "var"] {
            assert_eq!(names(Path::new(&self.path(parent))), Vec::<String>::new(), "left in {parent}");
        }
        chain(&error).replace(self.0.path().to_str().expect("a path"), "@")
    }
}

fn usr_is_a_link(root: &Path) {
    std::fs::remove_dir_all(root.join("usr")).expect("usr");
    symlink("/usr", root.join("usr")).expect("a link");
}

fn usr_is_a_file(root: &Path) {
    std::fs::remove_dir_all(root.join("usr")).expect("usr");
    std::fs::write(root.join("usr"), "").expect("a file");
}

fn no_usr(root: &Path) {
    std::fs::remove_dir_all(root.join("usr")).expect("usr");
}

fn ostree_goes_round(root: &Path) {
    symlink("ostree", root.join("ostree")).expect("a link");
}

fn containers_leads_to_the_host(root: &Path) {
    symlink("/proc/self", root.join("etc/containers")).expect("a link");
}

fn containers_climbs_to_the_host(root: &Path) {
    symlink("../../../../../../../../../../../../../../proc/self", root.join("etc/containers")).expect("a link");
}

fn a_file(root: &Path) {
    std::fs::remove_dir_all(root).expect("the root");
    std::fs::write(root, "").expect("a file");
}

fn missing(root: &Path) {
    std::fs::remove_dir_all(root).expect("the root");
}

#[rstest]
#[case::missing(missing, "cannot open the root @/root: No such file or directory (os error 2)")]
#[case::a_file(a_file, "cannot open the root @/root: Not a directory (os error 20)")]
#[case::without_usr(no_usr, "the root @/root has no usr directory: name the root of an installed system")]
#[case::usr_a_file(usr_is_a_file, "the root @/root has no usr directory: name the root of an installed system")]
#[case::usr_a_link(usr_is_a_link, "the root @/root has no usr directory: name the root of an installed system")]
#[case::a_loop(
    ostree_goes_round,
    "cannot resolve ostree inside the root: Too many levels of symbolic links (os error 40)"
)]
#[case::a_link_to_the_host(
    containers_leads_to_the_host,
    "cannot resolve etc/containers inside the root: Invalid cross-device link (os error 18)"
)]
#[case::a_link_that_climbs(
    containers_climbs_to_the_host,
    "cannot resolve etc/containers inside the root: Invalid cross-device link (os error 18)"
)]
fn a_root_that_is_none_is_refused(#[case] change: fn(&Path), #[case] expected: &str) {
    let place = Place::new();
    change(Path::new(&place.path("root")));
    assert_eq!(place.refused(place.builder("root")), expected);
}

fn with_bwrap(place: &Place, name: &str) -> Builder {
    place.builder("root").bwrap(place.path(name))
}

#[test]
fn a_bubblewrap_that_cannot_be_executed_is_refused() {
    let place = Place::new();
    std::fs::write(place.path("plain"), "").expect("a file");
    let refused = |name| place.refused(with_bwrap(&place, name));
    assert_eq!(refused("nowhere"), "cannot use @/nowhere as bwrap: No such file or directory (os error 2)");
    assert_eq!(refused("plain"), "cannot use @/plain as bwrap: Permission denied (os error 13)");
    assert_eq!(refused("root"), "cannot use @/root as bwrap: Is a directory (os error 21)");
}

#[rstest]
#[case::that_says_nothing("#!/usr/bin/sh\nexit 0\n", "it exited with 0 and ran nothing: is it bubblewrap?")]
#[case::that_fails("#!/usr/bin/sh\nexit 3\n", "it exited with 3 and said nothing")]
#[case::that_prints_garbage("#!/usr/bin/sh\necho '{\"exit-code\": 0}'; echo what >&2\n", "what")]
#[case::that_reports_garbage(
    "#!/usr/bin/sh\necho '{\"exit-code\": \"zero\"}' >&3\n",
    "it exited with 0 and ran nothing: is it bubblewrap?"
)]
#[case::that_reports_far_too_much(
    "#!/usr/bin/sh\nyes '{' | head -c 10000 >&3\n",
    "it floods its status descriptor: is it bubblewrap?"
)]
fn a_program_that_is_no_bubblewrap_runs_nothing(#[case] script: &str, #[case] expected: &str) {
    let place = Place::new();
    executable(Path::new(&place.path("bwrap")), script);
    let root = with_bwrap(&place, "bwrap").open().expect("an open root");
    let deadline = std::time::Duration::from_secs(5);
    let done = run(&root, shell("echo never").deadline(deadline));
    root.close().expect("nothing left");
    assert_eq!(done.outcome, Outcome::SetupFailed(expected.to_owned()));
}

#[test]
fn true_is_no_bubblewrap() {
    let place = Place::new();
    let root = place.builder("root").bwrap("/usr/bin/true").open().expect("an open root");
    let done = run(&root, shell("echo never"));
    root.close().expect("nothing left");
    assert_eq!(done.outcome, Outcome::SetupFailed("it exited with 0 and ran nothing: is it bubblewrap?".to_owned()));
}

#[test]
fn a_bubblewrap_of_another_machine_is_told() {
    let place = Place::new();
    executable(Path::new(&place.path("bwrap")), "\u{7f}ELF neither here nor there");
    let root = with_bwrap(&place, "bwrap").open().expect("an open root");
    let error = root.run(shell("echo never")).expect_err("a program that cannot be executed");
    root.close().expect("nothing left");
    let expected =
        format!("cannot start bubblewrap: cannot execute {}: ENOEXEC: Exec format error", place.path("bwrap"));
    assert_eq!(chain(&error), expected);
}

#[test]
fn a_supervisor_or_a_parent_that_is_not_there_is_told() {
    let place = Place::new();
    let missing = place.builder("root").supervisor(place.path("nobody"));
    assert_eq!(place.refused(missing), "cannot start the supervisor @/nobody: No such file or directory (os error 2)");
    std::fs::write(place.path("file"), "").expect("a file");
    let under_a_file = place.builder("root").vardir(place.path("file/below"));
    assert_eq!(
        place.refused(under_a_file),
        "cannot make a scratch directory in @/file/below: Not a directory (os error 20)"
    );
    let quiet = place.builder("root").supervisor("/usr/bin/true");
    let error = place.refused(quiet);
    assert!(error.starts_with("the supervisor is gone: "), "{error}");
}

#[test]
fn a_runner_or_a_libdir_that_is_not_there_is_told() {
    let place = Place::new();
    let runner = place.builder("root").runner(place.path("nobody"));
    assert_eq!(place.refused(runner), "cannot use @/nobody as the runner: No such file or directory (os error 2)");
    let directory = place.builder("root").runner(place.path("root"));
    assert_eq!(place.refused(directory), "cannot use @/root as the runner: Is a directory (os error 21)");
    let libdir = place.builder("root").libdir(place.path("nobody"));
    assert_eq!(place.refused(libdir), "cannot use @/nobody as the libdir: No such file or directory (os error 2)");
}

/// Links that stay in the root are followed there: what the host has in the same place is not shown.
#[rstest]
#[case::absolute("/etc/elsewhere")]
#[case::relative("elsewhere")]
#[case::climbing("../../../../../../../../../../etc/elsewhere")]
fn a_link_in_the_root_leads_to_a_place_in_the_root(#[case] target: &str) {
    let place = Place::new();
    let etc = place.path("root/etc");
    let etc = Path::new(&etc);
    std::fs::create_dir(etc.join("elsewhere")).expect("a directory");
    std::fs::write(etc.join("elsewhere/mark"), "of the root").expect("a file");
    symlink(target, etc.join("containers")).expect("a link");
    // The host's usr, so that there is something to run.
    let root = place.builder("root").open().expect("an open root");
    let cat = rootcontract::buildroot::Invocation::new(["/usr/bin/cat", "/etc/containers/mark"]);
    let done = run(&root, cat.read_only_bind("/usr", "/usr"));
    root.close().expect("nothing left");
    assert_eq!(well(done), "of the root");
}

#[test]
fn nothing_to_run_is_told() {
    let root = open(rootcontract::profile::Profile::OsbuildV190);
    let error = root.run(rootcontract::buildroot::Invocation::new::<&str>([])).expect_err("no command");
    root.close().expect("nothing left");
    assert_eq!(chain(&error), "there is no command to run");
}
