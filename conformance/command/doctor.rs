//! `doctor`: machines on which something is missing, each made by a test in namespaces of its own.

use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::Value;

use super::bubblewraps::{as_nobody, with_bwrap};
use super::foreign::{ARCH, MOUNTED, OWN_TABLE, rule};
use super::{inside, json, rootcontract, valid};
use crate::support::runnable_by_all;
use crate::users::ordinary::without_user_namespaces;

/// What `doctor --format json` said, once it is known to be a document that fits its exit code.
struct Doctor(Value);

impl Doctor {
    fn of(done: &Output) -> Self {
        assert_eq!(String::from_utf8_lossy(&done.stderr), "");
        Self::beside_talk(done)
    }

    /// The same, whatever was said on standard error.
    fn beside_talk(done: &Output) -> Self {
        let document = json(&done.stdout);
        valid(&document, "doctor");
        let code = match document["state"].as_str() {
            Some("ok") => 0,
            Some("missing") => 1,
            _ => 2,
        };
        assert_eq!(done.status.code(), Some(code), "{document:#}");
        Self(document)
    }

    /// Asks in namespaces of its own, where `deed` was done.
    fn inside(unshare: &[&str], deed: &str, options: &[&str]) -> Self {
        let arguments = [&["doctor", "--format", "json"], options].concat();
        Self::of(&inside(unshare, deed, &arguments).output().expect("a run"))
    }

    fn ids(&self) -> Vec<&str> {
        self.0["checks"].as_array().expect("checks").iter().filter_map(|check| check["id"].as_str()).collect()
    }

    fn check(&self, id: &str) -> [&str; 4] {
        let checks = self.0["checks"].as_array().expect("checks");
        let check = checks.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("no {id}: {:#}", self.0));
        ["level", "state", "found", "mend"].map(|key| check[key].as_str().unwrap_or_default())
    }

    /// Demands that something required is missing, and gives what was found and the mend.
    fn missing(&self, id: &str) -> (&str, &str) {
        let [level, state, found, mend] = self.check(id);
        assert_eq!((level, state), ("required", "missing"), "{id}: {found}");
        assert_eq!(self.0["state"], "missing");
        (found, mend)
    }

    /// Demands that this is as it is to be.
    fn ok(&self, id: &str) -> &str {
        let [_, state, found, _] = self.check(id);
        assert_eq!(state, "ok", "{id}: {found}");
        found
    }

    /// Demands that nothing is known of these.
    fn unknown(&self, ids: &[&str]) {
        for id in ids {
            let [level, state, found, _] = self.check(id);
            assert_eq!((level, state), ("required", "unknown"), "{id}: {found}");
        }
    }
}

#[test]
fn on_this_machine_nothing_is_missing() {
    let document = Doctor::of(&rootcontract(["doctor", "--format", "json"]).output().expect("a run"));
    assert_eq!((&document.0["state"], &document.0["caller"]), (&"ok".into(), &"root".into()), "{:#}", document.0);
    assert_eq!(document.check("user-namespace.allowed")[0], "not-needed");
    let ids = document.ids();
    let mut once = ids.clone();
    once.sort_unstable();
    once.dedup();
    assert!(once.len() == ids.len() && ids.len() >= 30, "{ids:?}");
    assert!(!ids.iter().any(|id| id.ends_with(ARCH)), "a foreign architecture was not asked about: {ids:?}");
}

#[test]
fn a_table_and_a_document_at_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("doctor.json");
    let format = format!("json={}", file.display());
    let assert = rootcontract(["doctor", "--format", "human", "--format", &format]).assert().code(0).stderr("");
    let table = String::from_utf8(assert.get_output().stdout.clone()).expect("text");
    let total = table.lines().last().expect("a line");
    assert!(total.starts_with("doctor: ") && total.ends_with(" not needed"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 100) && !table.contains('\u{1b}'), "{table}");
    let document = json(&std::fs::read(&file).expect("a document"));
    valid(&document, "doctor");
    for check in document["checks"].as_array().expect("checks") {
        assert!(table.contains(check["id"].as_str().expect("an id")), "{check}");
    }
}

#[rstest]
#[case::not_there("/nonexistent", "/nonexistent can't be executed: No such file or directory")]
#[case::a_directory("/usr", "/usr can't be executed: Is a directory")]
#[case::not_executable("/etc/passwd", "/etc/passwd can't be executed: Permission denied")]
fn a_bubblewrap_that_can_t_be_started_is_missing(#[case] bwrap: &str, #[case] found: &str) {
    let document = Doctor::of(&rootcontract(["doctor", "--format", "json", "--bwrap", bwrap]).output().expect("a run"));
    assert_eq!(document.missing("bwrap.found").0, found);
    document.unknown(&["bwrap.starts", "bwrap.features", "profile.osbuild-v19", "profile.osbuild-v190"]);
}

#[test]
fn where_there_is_no_bubblewrap_at_all_it_is_told_what_to_install() {
    // What is no file is passed over, here and wherever else it could be.
    let deed =
        "for bwrap in /usr/bin/bwrap /usr/local/bin/bwrap; do [ ! -e $bwrap ] || mount --bind /dev/null $bwrap; done";
    let document = Doctor::inside(&["-m"], deed, &[]);
    let told = ("there is no bwrap in PATH", "install the package bubblewrap, or name one with --bwrap");
    assert_eq!(document.missing("bwrap.found"), told);
}

/// One that is not asked for anything more.
const HANGS: &str = "it did not end within 10 s";

#[rstest]
#[case::says_yes_to_everything("exit 0", "it ended with exit status: 0")]
#[case::says_no_to_everything("echo no >&2; exit 1", "no")]
#[case::too_old("echo \"bwrap: Unknown option $1\" >&2; exit 1", "bwrap: Unknown option --die-with-parent")]
#[case::speaks_to_the_terminal("printf '\\033[31mred\\007' >&2; exit 1", r"\x1b[31mred\x07")]
#[case::hangs("sleep 1000 & trap '' TERM; sleep 1000", HANGS)]
fn what_is_no_bubblewrap_starts_no_sandbox(#[case] script: &str, #[case] says: &str) {
    let directory = with_bwrap(&format!("#!/bin/sh\n{script}\n"));
    let bwrap = directory.path().join("bwrap");
    let started = Instant::now();
    let asked = rootcontract(["doctor", "--format", "json", "--bwrap", bwrap.to_str().expect("text")]).output();
    let document = Doctor::of(&asked.expect("a run"));
    assert_eq!(document.missing("bwrap.starts").0, format!("no program ran in a sandbox: {says}"));
    let profiles = ["profile.osbuild-v19", "profile.osbuild-v190"];
    if says == HANGS {
        document.unknown(&profiles);
    } else {
        assert!(profiles.iter().all(|profile| !document.missing(profile).0.is_empty()));
    }
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

/// One that starts sandboxes, and lacks something.
#[test]
fn a_bubblewrap_that_lacks_an_option_is_told_which() {
    let script = r#"#!/bin/sh
for word; do case $word in --ro-bind-try) echo "bwrap: Unknown option $word" >&2; exit 1 ;; esac; done
exec /usr/bin/bwrap "$@""#;
    let directory = with_bwrap(script);
    let bwrap = directory.path().join("bwrap");
    let asked = rootcontract(["doctor", "--format", "json", "--bwrap", bwrap.to_str().expect("text")]).output();
    let document = Doctor::of(&asked.expect("a run"));
    document.ok("bwrap.starts");
    assert_eq!(document.missing("bwrap.features").0, "it does not know --ro-bind-try");
    assert!(document.missing("profile.osbuild-v190").0.contains("Unknown option --ro-bind-try"));
}

/// It reads settings below `/proc/sys` before it does anything.
#[test]
fn a_proc_without_its_settings_is_told() {
    let cover = "mount -t tmpfs tmpfs /proc/sys";
    let told = "bubblewrap can't read /proc/sys, which is covered";
    // Root's build root has one of its own already when bubblewrap starts.
    let found = Doctor::inside(&["-m"], cover, &[]).ok("proc.unmasked").to_owned();
    assert_eq!(found, format!("not needed: {told}"));
    let document = Doctor::inside(&["-m"], &format!("{cover}; exec unshare -Urm \"$0\" \"$@\""), &[]);
    assert_eq!(document.missing("proc.unmasked").0, told);
    assert_eq!(document.missing("bwrap.starts").1, "see proc.unmasked: it reads /proc/sys");
}

/// What covers a part of it is locked in a user namespace, and then no `/proc` can be mounted that shows the part.
#[test]
fn a_covered_proc_is_no_trouble_for_root_and_missing_in_a_user_namespace() {
    let cover = "mount -t tmpfs tmpfs /proc/tty";
    let found = Doctor::inside(&["-m"], cover, &[]).ok("proc.unmasked").to_owned();
    assert_eq!(found, "one was mounted, with /proc/tty covered");
    let document = Doctor::inside(&["-m"], &format!("{cover}; exec unshare -Urm \"$0\" \"$@\""), &[]);
    let (found, mend) = document.missing("proc.unmasked");
    assert!(found.contains("Operation not permitted, with /proc/tty covered"), "{found}");
    assert!(mend.contains("unmask=ALL"), "{mend}");
    document.missing("profile.osbuild-v190");
}

/// Puts what a command needs into a directory that is no mount point itself, on a file system that goes with the test's
/// namespace, and changes its root there.
fn in_a_chroot(who: &str) -> Doctor {
    let place = tempfile::tempdir().expect("a directory");
    let deed = format!(
        "cd {}; mount -t tmpfs -o mode=755 tmpfs .; cd \"$PWD\"; mkdir root; cd root
        mkdir -p usr proc dev sys etc tmp run var/tmp here
        for link in bin lib lib64; do ln -s usr/$link $link; done
        for part in usr dev proc sys; do mount --rbind /$part $part; done
        mount --bind \"$(dirname \"$0\")\" here
        chmod 1777 tmp var/tmp
        exec env -u TMPDIR chroot . {who} \"/here/$(basename \"$0\")\" \"$@\"",
        place.path().display()
    );
    Doctor::inside(&["-m"], &deed, &[])
}

#[test]
fn a_chroot_on_no_mount_point_is_no_trouble_for_root() {
    let document = in_a_chroot("");
    assert_eq!(document.0["state"], "ok", "{:#}", document.0);
    assert_eq!(document.ok("root.mount-point"), "not needed: `/` is no mount point: this is a chroot");
    let said = "not needed: no program ran in a sandbox: bwrap: Failed to make / slave: Invalid argument";
    assert_eq!(document.ok("bwrap.starts"), said);
}

#[test]
fn in_a_chroot_an_ordinary_user_is_told_to_leave_it() {
    let document = in_a_chroot("setpriv --reuid 65534 --regid 65534 --clear-groups");
    let told = ("`/` is no mount point: this is a chroot", "start outside: in a chroot nobody but root can build");
    assert_eq!(document.missing("root.mount-point"), told);
    assert!(document.missing("profile.osbuild-v190").0.contains("(this is a chroot, in which nobody can"));
}

#[rstest]
#[case::more_to_be_had("ulimit -S -n 32", "32 may be open", "`ulimit -n 1024`")]
#[case::no_more(
    "ulimit -n 32",
    "32 may be open, and 32 at the most",
    "have the hard limit raised to 64 or more: limits.conf(5), LimitNOFILE="
)]
fn few_descriptors_are_told(#[case] deed: &str, #[case] found: &str, #[case] mend: &str) {
    let document = Doctor::inside(&["-m"], deed, &[]);
    assert_eq!(document.missing("limit.descriptors"), (found, mend));
}

/// So few that no supervisor can begin, and says so itself.
#[test]
fn hardly_any_descriptors_are_told() {
    let done = inside(&["-m"], "ulimit -n 12", &["doctor", "--format", "json"]).output().expect("a run");
    Doctor::beside_talk(&done).missing("limit.descriptors");
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert!(stderr.lines().all(|line| line.starts_with("rootcontract: ")), "{stderr}");
}

#[rstest]
#[case::full("size=64k", "space.run", "make room for 1 MiB")]
#[case::without_inodes("nr_inodes=20", "space.run", "make room for 128 files")]
#[case::read_only("ro", "space.run", "mount something there that this user may write to")]
fn room_for_scratch_is_needed(#[case] options: &str, #[case] id: &str, #[case] mend: &str) {
    let document = Doctor::inside(&["-m"], &format!("mount -t tmpfs -o {options} tmpfs /run"), &[]);
    assert_eq!(document.missing(id).1, mend);
}

/// osbuild-v19's runner is copied there, so a probe would not run.
#[test]
fn a_run_directory_without_programs_is_told() {
    let document = Doctor::inside(&["-m"], "mount -t tmpfs -o noexec tmpfs /run", &[]);
    assert_eq!(document.missing("space.run").1, "as root: `mount -o remount,exec /run`");
    document.missing("profile.osbuild-v19");
    document.ok("profile.osbuild-v190");
}

/// What is tried is put elsewhere.
#[test]
fn a_temporary_directory_without_programs_is_no_trouble() {
    // Not over /tmp itself: this very build may be below it.
    let place = tempfile::tempdir().expect("a directory");
    let place = place.path().to_str().expect("a path");
    let deed = format!("mount -t tmpfs -o noexec tmpfs {place}; export TMPDIR={place}");
    let document = Doctor::inside(&["-m"], &deed, &[]);
    assert_eq!(document.0["state"], "ok", "{:#}", document.0);
}

#[test]
fn a_device_that_is_not_there_is_named() {
    let document = Doctor::inside(&["-m"], "mount --bind /etc/passwd /dev/full", &[]);
    assert_eq!(document.missing("device.nodes").0, "/dev/full is no character device");
}

#[test]
fn a_caller_that_ignores_sigchld_gets_its_answer() {
    let document = Doctor::inside(&["-m"], "trap '' CHLD", &[]);
    assert_eq!(document.0["state"], "ok", "{:#}", document.0);
    assert_ne!(document.ok("bwrap.version"), "");
}

/// What unshare's child can't do without is told by name, as bubblewrap does not.
#[test]
fn root_that_lacks_a_capability_is_told_which() {
    let document = Doctor::inside(&["-m"], "exec setpriv --bounding-set -net_admin \"$0\" \"$@\"", &[]);
    document.missing("capability.net-admin");
    assert!(
        document.missing("bwrap.starts").1.contains("capability.net-admin"),
        "{:?}",
        document.check("bwrap.starts")
    );
}

/// It sets ids itself, in a user namespace.
#[test]
fn root_that_may_not_mount_builds_as_users_do() {
    let document = Doctor::inside(&["-m"], "exec setpriv --bounding-set -sys_admin \"$0\" \"$@\"", &[]);
    assert_eq!((&document.0["state"], &document.0["caller"]), (&"ok".into(), &"user".into()), "{:#}", document.0);
    let ran = "a program ran in a build root made of `/`, with privilege userns-subid";
    assert_eq!(document.ok("profile.osbuild-v190"), ran);
    assert_eq!(document.check("subordinate-ids")[0], "not-needed");
}

#[rstest]
#[case::none(
    String::new(),
    "/proc/sys/fs/binfmt_misc has no handler for them",
    "run `ci/binfmt s390x`, which registers qemu-user"
)]
#[case::without_the_f_flag(
    rule("/usr/bin/true", "P"),
    "the handler other has no F flag, so that /usr/bin/true is not found in a build root",
    "`ci/binfmt s390x` mends it"
)]
#[case::disabled(
    format!("{}; echo 0 > other", rule("/usr/bin/true", "F")),
    "the handler other is disabled",
    "`echo 1 > /proc/sys/fs/binfmt_misc/other` enables it"
)]
#[case::another_interpreter(
    rule("/usr/bin/true", "F"),
    "the handler other has /usr/bin/true for an interpreter, which does not run them (bwrap: execvp /trial: No such file \
     or directory)",
    "`ci/binfmt s390x` mends it"
)]
fn a_handler_that_does_not_run_programs_is_named(#[case] handler: String, #[case] found: &str, #[case] mend: &str) {
    let document = Doctor::inside(&OWN_TABLE, &format!("{MOUNTED}; {handler}"), &["--arch", ARCH]);
    assert_eq!(document.missing("binfmt.s390x"), (found, mend));
}

/// The mend is done, and then nothing is left to be mended.
#[rstest]
#[case::none(String::new())]
#[case::without_the_f_flag(rule("/usr/bin/true", "P"))]
#[case::another_interpreter(rule("/usr/bin/true", "F"))]
fn what_is_said_to_mend_a_handler_mends_it(#[case] handler: String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("ci/binfmt");
    let mend = format!("{} {ARCH} 2> /dev/null", script.display());
    let document = Doctor::inside(&OWN_TABLE, &format!("{MOUNTED}; {handler}\n{mend}"), &["--arch", ARCH]);
    assert_eq!(document.ok("binfmt.s390x"), "its programs run in a sandbox");
}

#[test]
fn all_is_the_five() {
    let asked = rootcontract(["doctor", "--arch", "all", "--format", "json"]).output().expect("a run");
    let document = Doctor::of(&asked);
    for arch in ["x86_64", "aarch64", "ppc64le", "s390x", "riscv64"] {
        document.ok(&format!("binfmt.{arch}"));
        document.check(&format!("probe.{arch}"));
    }
    assert!(!document.ids().contains(&"binfmt.i686"), "{:?}", document.ids());
}

#[test]
fn a_probe_of_another_architecture_is_told() {
    let probe = crate::support::probe();
    let mut asked = rootcontract(["doctor", "--arch", ARCH, "--format", "json"]);
    let document = Doctor::of(&asked.env("ROOTCONTRACT_PROBE", &probe).output().expect("a run"));
    let (found, mend) = document.missing("probe.s390x");
    assert!(found.starts_with(probe.to_str().expect("text")) && found.contains(" is a program of "), "{found}");
    assert!(mend.starts_with("`ci/probes s390x` builds it"), "{mend}");
}

#[test]
fn an_ordinary_user_is_told_what_a_user_needs() {
    let directory = runnable_by_all();
    let mut asked = as_nobody(&directory.path().join("rootcontract"));
    asked.args(["doctor", "--format", "json"]).env("ROOTCONTRACT_PROBE", directory.path().join("rootcontract-probe"));
    let document = Doctor::of(&asked.output().expect("a run"));
    assert_eq!(document.0["caller"], "user");
    assert_eq!(document.check("user-namespace.allowed")[..2], ["required", "ok"]);
    assert_eq!(document.check("capability.sys-admin")[..2], ["not-needed", "ok"]);
    assert_eq!(document.check("subordinate-ids")[0], "optional");
    for id in ["bwrap.starts", "bwrap.features", "proc.unmasked"] {
        document.ok(id);
    }
    let ran = "a program ran in a build root made of `/`, with privilege userns-single";
    assert_eq!((document.ok("profile.osbuild-v19"), document.ok("profile.osbuild-v190")), (ran, ran));
}

#[test]
fn a_user_who_may_make_no_user_namespace_is_told_what_forbids_it() {
    let directory = runnable_by_all();
    let document = Doctor::of(&without_user_namespaces(directory.path(), &["doctor", "--format", "json"]));
    assert_eq!(document.0["caller"], "user");
    assert_eq!(document.missing("user-namespace.allowed").0, "unshare a user namespace: No space left on device");
    let (found, mend) = document.missing("user-namespace.limit");
    assert_eq!(found, "/proc/sys/user/max_user_namespaces is 0");
    assert!(mend.contains("sysctl user.max_user_namespaces="), "{mend}");
    document.missing("bwrap.starts");
    document.missing("profile.osbuild-v190");
    document.ok("user-namespace.apparmor");
}

#[rstest]
#[case::architecture(&["--arch", "m68k"], "invalid value 'm68k' for '--arch <ARCH>'")]
#[case::format(&["--format", "junit"], "a format is human or json")]
fn bad_usage_is_told(#[case] options: &[&str], #[case] line: &str) {
    let mut asked = rootcontract(["doctor"]);
    let assert = asked.args(options).assert().code(2).stdout("");
    let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(stderr.contains(line), "{stderr}");
}
