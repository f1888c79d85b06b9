//! Packages that are installed for real, in a room where they can do no harm, and looked at from outside.

mod followed;
mod refused;
mod shell;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{fixture, runnable_by_all, supervisor};
use crate::users::ordinary::{Ids, Ordinary};

/// A package that rpmbuild makes of a spec, in a directory of its own that everybody may enter.
fn built(name: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(directory.path(), open).expect("open to all");
    let built = Command::new("rpmbuild")
        .args(["--quiet", "--define", &format!("_topdir {}/build", directory.path().display())])
        .args(["--define", &format!("_rpmdir {}", directory.path().display())])
        .args(["--define", &format!("nap {}", nap()), "--define", "_rpmfilename %%{NAME}.rpm", "-bb"])
        .arg(fixture(&format!("rpm/room/{name}.spec")))
        .env("HOME", directory.path())
        .output()
        .expect("rpmbuild");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let package = directory.path().join(format!("room-{name}.rpm"));
    (directory, package)
}

fn tree(name: &str) -> PathBuf {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/trees").join(name);
    assert!(tree.is_dir(), "there is no {}: ci/tree makes it", tree.display());
    tree
}

/// The words that check a package in a tree.
fn words(package: &Path, arch: &str) -> Vec<String> {
    let text = |path: &Path| path.to_str().expect("text").to_owned();
    let words = ["rpm", "check", "--format", "json", "--rpm-version", "4.16,6.0", "--arch", arch, "--tree"];
    words.map(ToOwned::to_owned).into_iter().chain([text(&tree(arch)), text(package)]).collect()
}

fn report(done: &Output) -> Value {
    let told = String::from_utf8_lossy(&done.stderr);
    let document: Value = serde_json::from_slice(&done.stdout).unwrap_or_else(|error| panic!("{error}: {told}"));
    document["reports"][0].clone()
}

/// What running it showed, a line each: rule, effect, place, and what was seen.
fn observed(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().expect("findings").iter();
    let seen = findings.filter(|finding| finding["evidence"] != "static");
    let told = |finding: &Value| {
        let line = finding["place"]["line"].as_u64().map(|line| format!(":{line}")).unwrap_or_default();
        let [rule, effect, slot, says] =
            ["rule", "effect", "slot", "says"].map(|key| finding[key].as_str().expect("text"));
        format!("{rule} {effect} {slot}{line} {says}")
    };
    let mut told: Vec<String> = seen.map(told).collect();
    told.sort();
    told
}

/// How many scriptlets were executed, and how many emulated.
fn ran(report: &Value) -> [u64; 2] {
    ["executed", "emulated"].map(|how| report["coverage"][how].as_u64().expect("a number"))
}

/// What a build host has that a scriptlet could change.
fn host() -> [String; 3] {
    ["/proc/sys/kernel/hostname", "/proc/sys/kernel/printk", "/proc/self/mountinfo"]
        .map(|path| std::fs::read_to_string(path).expect("a file of the host"))
}

/// For how many seconds the packages of this run sleep, which nobody else does.
fn nap() -> String {
    (100_000 + std::process::id()).to_string()
}

/// How many processes sleep as long as that.
fn sleepers() -> usize {
    let line = format!("sleep\0{}\0", nap());
    let sleeps = |entry: &std::fs::DirEntry| {
        std::fs::read(entry.path().join("cmdline")).is_ok_and(|found| found == line.as_bytes())
    };
    std::fs::read_dir("/proc").expect("/proc").flatten().filter(sleeps).count()
}

const REFUSED: [&str; 9] = [
    "hostname.set host post:2 The host's name can be set.",
    "kernel.settings host post:3 Kernel settings are the image's.",
    "run.failed fails post It ended with 3.",
    "run.left-behind advice post /etc/room-refused is new, and not the package's.",
    "run.left-behind image post /run/room-refused.pid is new, and not the package's.",
    "run.refused advice post:2 there is no hostname in the PATH of scriptlets.",
    "run.refused advice post:5 cat: openat /etc/needed-and-not-there: ENOENT, No such file or directory.",
    "run.refused advice post:6 mkdir: mkdirat /sys/room-refused: EROFS, Read-only file system.",
    "run.refused advice post:7 there is no room-no-such-command in the PATH of scriptlets.",
];

/// The same is seen of a package's programs, whatever their architecture, and nothing of it reaches the host.
#[rstest]
#[case::here("x86_64", [2, 0])]
#[case::emulated("aarch64", [0, 2])]
fn what_a_scriptlet_is_refused_is_told_with_its_line(#[case] arch: &str, #[case] run: [u64; 2]) {
    let (_directory, package) = built("refused");
    let before = host();
    let done = Command::new(supervisor()).args(words(&package, arch)).output().expect("a run");
    assert_eq!(host(), before);
    let report = report(&done);
    let expected: Vec<&str> = REFUSED.into_iter().filter(|line| !line.starts_with("hostname.set")).collect();
    // How a program names a call depends on the architecture it is of.
    let seen: Vec<String> =
        observed(&report).iter().map(|line| line.replace("mkdir: mkdir ", "mkdir: mkdirat ")).collect();
    assert_eq!(seen, expected, "{}", report["notes"]);
    assert_eq!(ran(&report), run);
    assert_eq!(report["coverage"]["skipped"], Value::Array(Vec::new()));
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(1), ""));
}

#[rstest]
#[case::alone(Ids::Alone)]
#[case::with_subordinate_ids(Ids::Subordinate)]
fn an_ordinary_user_learns_the_same(#[case] ids: Ids) {
    let (_directory, package) = built("refused");
    let words = words(&package, "x86_64");
    let user = Ordinary::new();
    let by_root = Command::new(supervisor()).args(&words).output().expect("a run");
    let by_user = user.run(ids, &words.iter().map(String::as_str).collect::<Vec<_>>());
    let told = |done: &Output| (["findings", "verdicts", "coverage"]).map(|key| report(done)[key].clone());
    assert_eq!(told(&by_user), told(&by_root), "{}", String::from_utf8_lossy(&by_user.stderr));
    assert_eq!(user.left(), [""; 0]);
}

const LEFT: [&str; 5] = [
    "run.left-behind advice post /etc/host.conf was changed, and is not the package's.",
    "run.left-behind advice post /etc/room-left/made is new, and not the package's.",
    "run.left-behind advice post /etc/room-made is new, and not the package's.",
    "run.left-behind image post /tmp/room-left is new, and not the package's.",
    "run.left-in-dev skipped post /dev/room-left is new, and not the package's.",
];

/// What rpm makes for the package is not a scriptlet's doing: its files, their directories, what it puts beside changed
/// configuration.
#[rstest]
#[case::by_root(None)]
#[case::by_an_ordinary_user(Some(Ids::Alone))]
fn what_scriptlets_leave_behind_is_told_and_what_rpm_does_is_not(#[case] user: Option<Ids>) {
    let (_directory, package) = built("left");
    let words = words(&package, "x86_64");
    let done = match user {
        None => Command::new(supervisor()).args(&words).output().expect("a run"),
        Some(ids) => Ordinary::new().run(ids, &words.iter().map(String::as_str).collect::<Vec<_>>()),
    };
    let report = report(&done);
    assert_eq!(observed(&report), LEFT, "{report:#}");
    assert!(!Path::new("/dev/room-left").exists());
}

#[test]
fn nothing_is_said_of_a_package_that_asks_first() {
    let (_directory, package) = built("quiet");
    let done = Command::new(supervisor()).args(words(&package, "x86_64")).output().expect("a run");
    let report = report(&done);
    assert_eq!(observed(&report), [""; 0], "{report:#}");
    assert_eq!((done.status.code(), ran(&report)), (Some(0), [2, 0]));
}

/// What reading can't tell, running does.
#[rstest]
#[case::read(&["--static"], "unknown", 2)]
#[case::run(&[], "works", 0)]
fn a_script_that_runs_what_is_not_written_in_it_is_known_when_it_was_run(
    #[case] options: &[&str],
    #[case] verdict: &str,
    #[case] code: i32,
) {
    let (_directory, package) = built("sourced");
    let package = package.to_str().expect("text");
    let words = ["rpm", "check", "--format", "json", "--scenario", "install", "--rpm-version", "6.0", package];
    let done = Command::new(supervisor()).args(words).args(options).output().expect("a run");
    let report = report(&done);
    let found = (report["verdicts"][0]["verdict"].as_str(), done.status.code());
    assert_eq!(found, (Some(verdict), Some(code)), "{report:#}");
    let rules = report["findings"].as_array().expect("findings").iter();
    assert_eq!(rules.filter(|finding| finding["rule"] == "script.unfollowed").count(), 2, "{report:#}");
}

const OF_LUA: [&str; 10] = [
    "run.failed fails posttrans:2 It ended with an error: attempt to index a nil value (local 'settings').",
    "run.failed fails preun:1 It ended with an error: not now.",
    "run.left-behind image post /run/room-lua.pid is new, and not the package's.",
    "run.refused skipped filetriggerin:1 the script: mkdir /sys/room-lua-triggered: EROFS, Read-only file system.",
    "run.refused skipped post:3 mkdir: mkdirat /sys/room-lua-forked: EROFS, Read-only file system.",
    "run.refused skipped pre:1 the script: mkdir /sys/room-lua-made: EROFS, Read-only file system.",
    "run.refused skipped pre:2 cat: openat /etc/room-lua-not-there: ENOENT, No such file or directory.",
    "run.refused skipped pre:2 there is no room-no-such-command in the PATH of scriptlets.",
    "run.refused skipped pretrans:1 the script: openat /sys/room-lua-opened: EROFS, Read-only file system.",
    "run.unfinished unjudged preun rpm ended with 1: \"room-lua\" specifies multiple packages.",
];

/// Lua runs within rpm, and is told from it: what it is refused, what it starts and forks, how it fails, and where.
#[rstest]
#[case::here("x86_64", [6, 0])]
#[case::emulated("aarch64", [0, 6])]
fn what_lua_does_is_told_like_what_a_shell_does(#[case] arch: &str, #[case] run: [u64; 2]) {
    let (_directory, package) = built("lua");
    let done = Command::new(supervisor()).args(words(&package, arch)).output().expect("a run");
    let report = report(&done);
    let seen: Vec<String> = observed(&report)
        .iter()
        .map(|line| line.replace("mkdir: mkdir ", "mkdir: mkdirat ").replace("cat: open ", "cat: openat "))
        .collect();
    assert_eq!(seen, OF_LUA, "{}", report["notes"]);
    let verdicts: Vec<&str> =
        report["verdicts"].as_array().expect("verdicts").iter().filter_map(|one| one["verdict"].as_str()).collect();
    let expected = ["breaks-image", "fails-build", "fails-build", "fails-build", "unknown", "unknown"];
    assert_eq!((verdicts.as_slice(), ran(&report)), (expected.as_slice(), run));
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(1), ""));
}

/// rpm itself is refused something between two scriptlets, and fails: that is none of theirs, and nobody knows what comes of it.
#[test]
fn what_rpm_is_refused_is_no_scriptlet_s() {
    let (_directory, package) = built("lua-quiet");
    let mut words = words(&package, "x86_64");
    words.splice(2..2, ["--scenario".to_owned(), "install".to_owned()]);
    let done = Command::new(supervisor()).args(words).output().expect("a run");
    let report = report(&done);
    let seen = observed(&report);
    let start = "run.unfinished unjudged pre rpm ended with 1: unpacking of archive failed on file /dev/null;";
    assert!(seen.len() == 1 && seen[0].starts_with(start), "{seen:#?}");
    assert_eq!((done.status.code(), ran(&report)), (Some(2), [2, 0]));
}

/// Lua can keep rpm's Lua from telling. What it does then is put down to nobody, and that it was not seen is said.
#[test]
fn lua_that_is_not_heard_of_is_named() {
    let (_directory, package) = built("lua-deaf");
    let done = Command::new(supervisor()).args(words(&package, "x86_64")).output().expect("a run");
    let report = report(&done);
    let heard = "run.refused skipped posttrans:1 mkdir: mkdir /sys/room-lua-heard: EROFS, Read-only file system.";
    assert_eq!(observed(&report), [heard]);
    let skipped = json!([{ "slot": "post", "scenarios": ["install", "upgrade"], "why": "rpm told nothing of it" }]);
    assert_eq!((done.status.code(), ran(&report), &report["coverage"]["skipped"]), (Some(0), [2, 0], &skipped));
}

/// More of everything than is kept: it comes to an end, what is kept is bounded and fit to be shown, and nothing stays.
#[test]
fn a_hostile_scriptlet_is_bounded_and_leaves_nothing_running() {
    let (_directory, package) = built("hostile");
    let before = host();
    let mut words = words(&package, "x86_64");
    words.splice(2..2, ["--scenario".to_owned(), "install".to_owned()]);
    let done = Command::new(supervisor()).args(words).output().expect("a run");
    assert_eq!((host(), sleepers()), (before, 0));
    let report = report(&done);
    let seen = observed(&report);
    assert!(seen.iter().any(|line| line.starts_with("run.left-running advice post ")), "{seen:#?}");
    assert!((10..=40).contains(&seen.len()), "{seen:#?}");
    let shown = String::from_utf8(done.stdout).expect("text");
    assert!(!shown.contains('\u{1b}') && shown.len() < 200_000, "{} bytes", shown.len());
}

/// Where there is nothing to install it in, that is said, and only reading counts.
#[rstest]
#[case::asked_for(&["--static"], "it was to be read only")]
#[case::of_another_architecture(&["--arch", "s390x"], "there is no tree to install it in: name one with --tree, or have ci/tree make one")]
fn what_was_not_run_is_skipped_with_the_reason(#[case] options: &[&str], #[case] why: &str) {
    let (directory, package) = built("quiet");
    let elsewhere = runnable_by_all();
    let mut command = Command::new(elsewhere.path().join("rootcontract"));
    command.args(["rpm", "check", "--format", "json"]).args(options).arg(&package).current_dir(directory.path());
    let report = report(&command.output().expect("a run"));
    let skipped = |slot: &str, scenarios: &[&str]| json!({ "slot": slot, "scenarios": scenarios, "why": why });
    let expected = json!([skipped("post", &["install", "upgrade"]), skipped("postun", &["upgrade", "erase"])]);
    assert_eq!((ran(&report), &report["coverage"]["skipped"]), ([0, 0], &expected));
    assert_eq!(report["notes"], json!([]));
}

/// What was named by hand was asked for: where it can't be used nothing passes.
#[rstest]
#[case::no_such_tree("--tree", "/nonexistent", "cannot open the root /nonexistent: No such file or directory")]
#[case::an_empty_tree(
    "--tree",
    "/proc/self/fdinfo",
    "the root /proc/self/fdinfo has no usr directory: name the root of an installed system"
)]
#[case::no_such_root("--root", "/nonexistent", "cannot open the root /nonexistent: No such file or directory")]
#[case::a_root_without_rpm(
    "--root",
    "target/trees/x86_64",
    "there is no rpm in target/trees/x86_64: it is what installs the package"
)]
fn a_place_that_is_named_and_can_t_be_used_is_refused(#[case] option: &str, #[case] place: &str, #[case] why: &str) {
    let (_directory, package) = built("quiet");
    let mut command = Command::new(supervisor());
    command.args(["rpm", "check", option, place]).arg(&package).current_dir(env!("CARGO_MANIFEST_DIR"));
    let done = command.output().expect("a run");
    let line = format!("rootcontract: {why}\n");
    assert_eq!((String::from_utf8_lossy(&done.stderr).as_ref(), done.status.code()), (line.as_str(), Some(2)));
    assert_eq!(done.stdout, b"");
}

/// What reading it shows is told all the same.
#[test]
fn a_tree_that_is_named_and_of_another_architecture_is_no_pass() {
    let (_directory, package) = built("quiet");
    let tree = tree("x86_64");
    let mut command = Command::new(supervisor());
    command.args(["rpm", "check", "--format", "json", "--arch", "s390x", "--tree"]).args([&tree, &package]);
    let done = command.output().expect("a run");
    let document: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    let why = format!("the root {} is not of s390x: its /usr/bin/sh is a program of x86_64", tree.display());
    let failures = json!([{ "file": package.to_str().expect("text"), "reason": why }]);
    assert_eq!(
        (&document["failures"], document["reports"][0]["verdicts"][0]["verdict"].as_str()),
        (&failures, Some("effects-skipped"))
    );
    assert_eq!((String::from_utf8_lossy(&done.stderr).as_ref(), done.status.code()), ("", Some(2)));
}
