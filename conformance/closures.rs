//! Packages that are run in a tree of what they require for their scriptlets, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rootcontract::arch;
use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{fixture, supervisor};
use crate::users::ordinary::{Ids, Ordinary};

/// A directory of packages at hand, for an architecture, and one of packages to check. Everybody may enter.
struct Packages {
    directory: TempDir,
}

impl Packages {
    fn of(arch: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(directory.path(), open).expect("open to all");
        let made = Self { directory };
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/trees").join(format!("{arch}-rpm"));
        let tree = tree.canonicalize().expect("ci/tree makes it");
        made.build(
            "at-hand",
            &["--target", &format!("{arch}-linux"), "--define", &format!("content {}", tree.display())],
        );
        made.build("checked", &[]);
        made
    }

    fn here() -> Self {
        Self::of(arch::native().expect("an architecture of the table").rpm)
    }

    fn build(&self, spec: &str, more: &[&str]) {
        let define = |name: &str, path: &Path| format!("{name} {}", path.display());
        let done = Command::new("rpmbuild")
            .args(["-bb", "--quiet", "--define", &define("_topdir", &self.directory.path().join("build"))])
            .args(["--define", &define("_rpmdir", &self.directory.path().join(spec))])
            .args(["--define", "_rpmfilename %%{NAME}.rpm"])
            .args(more)
            .arg(fixture(&format!("rpm/closure/{spec}.spec")))
            .env("HOME", self.directory.path())
            .output()
            .expect("rpmbuild: ci/setup test installs it");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn at_hand(&self) -> PathBuf {
        self.directory.path().join("at-hand")
    }

    fn checked(&self, name: &str) -> PathBuf {
        self.directory.path().join("checked").join(format!("{name}.rpm"))
    }

    /// The words that check packages with what is at hand.
    fn words(&self, arch: &str, checked: &[&str]) -> Vec<String> {
        let text = |path: PathBuf| path.to_str().expect("text").to_owned();
        let words = ["rpm", "check", "--format", "json", "--rpm-version", "6.0", "--arch", arch, "--closure"];
        let files = checked.iter().map(|name| text(self.checked(name)));
        words.map(ToOwned::to_owned).into_iter().chain([text(self.at_hand())]).chain(files).collect()
    }

    fn check(&self, name: &str) -> Output {
        Command::new(supervisor()).args(self.words("x86_64", &[name])).output().expect("a run")
    }
}

fn document(done: &Output) -> Value {
    let told = String::from_utf8_lossy(&done.stderr);
    serde_json::from_slice(&done.stdout).unwrap_or_else(|error| panic!("{error}: {told}"))
}

fn report(done: &Output) -> Value {
    document(done)["reports"][0].clone()
}

fn notes(report: &Value) -> Vec<String> {
    report["notes"].as_array().expect("notes").iter().map(|note| note.as_str().expect("text").to_owned()).collect()
}

/// What the findings of a rule say.
fn says(report: &Value, rule: &str) -> Vec<String> {
    let findings = report["findings"].as_array().expect("findings").iter();
    let of_rule = findings.filter(|finding| finding["rule"] == rule);
    of_rule.map(|finding| finding["says"].as_str().expect("text").to_owned()).collect()
}

fn verdicts(report: &Value) -> Vec<&str> {
    let verdicts = report["verdicts"].as_array().expect("verdicts").iter();
    verdicts.map(|one| one["verdict"].as_str().expect("a verdict")).collect()
}

/// The real useradd makes the user, with what rpm found that it requires.
#[test]
fn what_is_required_for_the_scriptlets_is_there() {
    let done = Packages::here().check("declared");
    let report = report(&done);
    assert_eq!(says(&report, "run.failed"), [""; 0], "{report:#}");
    let expected = [
        "installed in a tree of what it requires for its scriptlets, contained, without its dependencies (--nodeps)",
        "that tree is made of 8 packages: coreutils-9.1-1.x86_64, bash-5.2-1.x86_64, shadow-utils-4.13-1.x86_64, \
         coreutils-common-9.1-1.x86_64, glibc-2.36-1.x86_64, useradd-libs-1-1.x86_64, setup-1-1.x86_64, \
         filesystem-1-1.x86_64",
        "`/bin/sh` is provided by bash-5.2-1.x86_64; dash-0.5-1.x86_64 would have done too",
    ];
    assert_eq!(notes(&report), expected);
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(0), ""));
}

/// It requires useradd, so any tree that was made with dependencies has one.
#[test]
fn what_is_required_without_a_moment_is_not_there_and_who_has_it_is_told() {
    let done = Packages::here().check("lucky");
    let report = report(&done);
    let told = "there is no useradd in the PATH of scriptlets. shadow-utils-4.13-1.x86_64 has it: \
                Requires(post): shadow-utils.";
    assert_eq!(says(&report, "run.refused"), [told]);
    let failed = "It ended with 127: its last command, or its interpreter, was not found.";
    assert_eq!(says(&report, "run.failed"), [failed]);
    assert_eq!(verdicts(&report), ["fails-build", "fails-build", "works"]);
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(1), ""));
}

#[rstest]
#[case::here("x86_64")]
#[case::emulated("aarch64")]
fn the_tree_is_of_the_architecture(#[case] arch: &str) {
    let packages = Packages::of(arch);
    let done = Command::new(supervisor()).args(packages.words(arch, &["foreign"])).output().expect("a run");
    let report = report(&done);
    assert_eq!(says(&report, "run.failed"), [""; 0], "{report:#}");
    let told = format!(
        "dash: execve /usr/bin/dash: ENOENT, No such file or directory. dash-0.5-1.{arch} has it: Requires(post): dash."
    );
    assert_eq!(says(&report, "run.refused"), [told]);
    assert!(notes(&report)[1].starts_with(&format!("that tree is made of 5 packages: bash-5.2-1.{arch}, ")));
    assert_eq!(done.status.code(), Some(0), "{report:#}");
}

#[rstest]
#[case::alone(Ids::Alone, "declared")]
#[case::with_subordinate_ids(Ids::Subordinate, "owner")]
fn an_ordinary_user_learns_the_same(#[case] ids: Ids, #[case] name: &str) {
    let packages = Packages::here();
    let user = Ordinary::new();
    let words = packages.words("x86_64", &[name]);
    let by_user = user.run(ids, &words.iter().map(String::as_str).collect::<Vec<_>>());
    let by_root = packages.check(name);
    let told = |done: &Output| (["findings", "verdicts", "coverage", "notes"]).map(|key| report(done)[key].clone());
    assert_eq!(told(&by_user), told(&by_root), "{}", String::from_utf8_lossy(&by_user.stderr));
    assert_eq!(by_root.status.code(), Some(0), "{:#}", report(&by_root));
    assert_eq!(user.left(), [""; 0]);
}

/// Who has a single user can give nothing to another, and so can't make the tree.
#[test]
fn a_tree_that_can_t_be_made_is_no_pass() {
    let packages = Packages::here();
    let user = Ordinary::new();
    let words = packages.words("x86_64", &["owner"]);
    let done = user.run(Ids::Alone, &words.iter().map(String::as_str).collect::<Vec<_>>());
    let report = report(&done);
    let told = says(&report, "run.no-tree");
    let start = "It was not run: rpm did not install everything that is required: unpacking of archive failed on file /etc/spool";
    assert!(told.len() == 1 && told[0].starts_with(start) && told[0].contains("chown failed"), "{told:?}");
    assert_eq!((verdicts(&report), done.status.code()), (vec!["unknown"; 3], Some(2)));
}

#[rstest]
#[case::not_at_hand(
    "impossible",
    "It was not run: impossible-1-1.noarch requires `shadow-utils >= 5` for %pre, and no package at hand provides it; broken-1-1.x86_64 requires `libbroken.so.1()(64bit)`, and no package at hand provides it."
)]
#[case::not_to_be_installed(
    "refused",
    "It was not run: rpm did not install everything that is required: %prein(refuses-1-1.x86_64) scriptlet failed, exit status 4."
)]
fn what_is_required_and_not_to_be_had_is_no_pass(#[case] name: &str, #[case] told: &str) {
    let done = Packages::here().check(name);
    let report = report(&done);
    assert_eq!(says(&report, "run.no-tree"), [told]);
    assert_eq!((verdicts(&report), &report["coverage"]["executed"]), (vec!["unknown"; 3], &Value::from(0)));
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(2), ""));
}

#[rstest]
#[case::no_bubblewrap(
    "mount --bind /dev/null /usr/bin/bwrap",
    "It was not run: there is no bwrap in PATH: install bubblewrap"
)]
#[case::no_rpm(
    "mount --bind /dev/null /usr/bin/rpm",
    "It was not run: there is no rpm in /: it is what installs the package."
)]
fn where_nothing_can_be_installed_is_no_pass(#[case] deed: &str, #[case] start: &str) {
    let packages = Packages::here();
    let words = packages.words("x86_64", &["despite"]);
    let words: Vec<&str> =
        [env!("CARGO_BIN_EXE_rootcontract")].into_iter().chain(words.iter().map(String::as_str)).collect();
    let done = Ordinary::new().as_root(deed, &words).output().expect("a run");
    let told = says(&report(&done), "run.no-tree");
    assert!(told.len() == 1 && told[0].starts_with(start), "{told:?}");
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(2), ""));
}

#[test]
fn what_rpm_complains_about_while_the_tree_is_made_is_told() {
    let done = Packages::here().check("despite");
    let told =
        "while that tree was made rpm said: warning: %post(complains-1-1.x86_64) scriptlet failed, exit status 3";
    let report = report(&done);
    assert_eq!(notes(&report).last().map(String::as_str), Some(told));
    assert_eq!((done.status.code(), verdicts(&report)), (Some(0), vec!["works"; 3]));
}

/// rpm itself has nothing to object to what was chosen, and would have to what was not.
#[test]
fn rpm_finds_that_nothing_is_missing() {
    let packages = Packages::here();
    let tree = tempfile::tempdir().expect("a directory");
    let rpm = |files: &[&str]| {
        let at = |name: &&str| packages.at_hand().join(format!("{name}.rpm"));
        let mut rpm = Command::new("rpm");
        rpm.arg("--root").arg(tree.path()).args(["--test", "--nosignature", "--install"]).args(files.iter().map(at));
        rpm.output().expect("rpm").status.success()
    };
    let chosen =
        ["bash", "coreutils", "shadow-utils", "glibc", "coreutils-common", "setup", "useradd-libs", "filesystem"];
    assert!(rpm(&chosen));
    assert!((0..chosen.len()).all(
        |without| !rpm(&[&chosen[..without], &chosen[without + 1..]].concat()) || chosen[without] == "shadow-utils"
    ));
}

/// Those that require the same are run in the same tree, in any order.
#[test]
fn several_packages_are_each_told_of_their_own_tree() {
    let packages = Packages::here();
    let words = packages.words("x86_64", &["despite", "lucky", "foreign", "declared"]);
    let done = Command::new(supervisor()).args(words).output().expect("a run");
    let document = document(&done);
    let reports = document["reports"].as_array().expect("reports");
    let trees: Vec<String> =
        reports.iter().map(|report| notes(report)[1].split(':').next().expect("a count").to_owned()).collect();
    assert_eq!(trees, [4, 3, 5, 8].map(|count| format!("that tree is made of {count} packages")));
    assert_eq!(done.status.code(), Some(1));
}

/// Files that are no packages are told and no more; pipes are not waited for, links not followed in circles.
#[test]
fn what_is_no_package_is_told_and_left_out() {
    let packages = Packages::here();
    let at = |name: &str| packages.at_hand().join(name);
    fs::create_dir(at("deep")).expect("a directory");
    fs::rename(at("bash.rpm"), at("deep/bash.rpm")).expect("another place");
    std::os::unix::fs::symlink("..", at("deep/circle")).expect("a link");
    fs::write(at("a\u{1b}[2J.rpm"), "none").expect("a file");
    fs::write(at("cut.rpm"), &fs::read(at("dash.rpm")).expect("a package")[..500]).expect("a file");
    nix::unistd::mkfifo(&at("pipe.rpm"), nix::sys::stat::Mode::S_IRUSR).expect("a pipe");
    let done = packages.check("lucky");
    let shown = packages.at_hand().display().to_string();
    let told = [
        format!(
            "rootcontract: {shown}/a\\x1b[2J.rpm: not at hand: no RPM: it begins with other bytes than packages do\n"
        ),
        format!(
            "rootcontract: {shown}/cut.rpm: not at hand: ends within its signature header: it was not copied whole\n"
        ),
        format!("rootcontract: {shown}/pipe.rpm: not at hand: read it: Invalid argument\n"),
    ];
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned()), (Some(1), told.concat()));
    assert!(notes(&report(&done))[1].starts_with("that tree is made of 3 packages: bash-"));
}

#[rstest]
#[case::nothing_in_it("empty", "no package is at hand in DIR/empty: there is no file in it whose name ends in .rpm")]
#[case::no_directory("none", "look for packages in DIR/none: No such file or directory")]
fn where_nothing_is_at_hand_nothing_is_checked(#[case] name: &str, #[case] told: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(directory.path().join("empty")).expect("a directory");
    let here = directory.path().join(name);
    let done =
        Command::new(supervisor()).args(["rpm", "check", "x.rpm", "--closure"]).arg(&here).output().expect("a run");
    let line = format!("rootcontract: {}\n", told.replace("DIR", &directory.path().display().to_string()));
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!((said(&done.stdout), said(&done.stderr), done.status.code()), (String::new(), line, Some(2)));
}

/// A repository's worth of packages is looked through in moderate time and memory.
#[test]
fn ten_thousand_packages_may_be_at_hand() {
    let packages = Packages::here();
    for number in 0..10_000 {
        let copy = packages.at_hand().join(format!("copy-{number}.rpm"));
        fs::hard_link(packages.at_hand().join("dash.rpm"), copy).expect("a link");
    }
    let limited = "ulimit -v 2000000; exec timeout 120 \"$@\"";
    let words = packages.words("x86_64", &["impossible"]);
    let done = Command::new("sh").args(["-c", limited, "sh"]).arg(supervisor()).args(words).output().expect("a run");
    assert_eq!(says(&report(&done), "run.no-tree").len(), 1);
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(2), ""));
}
