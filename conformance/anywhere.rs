//! Places inside other places: each works, or says in a line what is missing.

mod container;

use std::process::Output;

use rstest::rstest;

use crate::users::assert_held;
use crate::users::ordinary::{Ids, Ordinary};

/// Who goes into a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Root,
    User(Ids),
}

/// `check` in a place: a mount namespace in which root did this deed, and what the program is started with.
fn check(who: Who, deed: &str, place: &[&str]) -> Output {
    let user = Ordinary::new();
    let program = user.program();
    let check = [program.to_str().expect("text"), "check", "--format", "json"];
    let words = [place, &check[..]].concat();
    let mut command = match who {
        Who::Root => user.as_root(deed, &words),
        Who::User(ids) => user.after(deed, ids, &words),
    };
    command.output().expect("a run")
}

const BWRAP: [&str; 4] = ["bwrap", "--dev-bind", "/", "/"];
const ALONE: Who = Who::User(Ids::Alone);

#[rstest]
#[case::a_sandbox_of_bubblewrap_s(Who::Root, "bwrap --dev-bind / / --unshare-all", "userns-single")]
#[case::one_without_cap_sys_admin(Who::Root, "bwrap --dev-bind / / --cap-drop CAP_SYS_ADMIN", "userns-subid")]
#[case::one_without_either(Who::Root, "bwrap --dev-bind / / --unshare-all --cap-drop CAP_SYS_ADMIN", "userns-single")]
#[case::one_with_a_proc_of_its_own(Who::Root, "bwrap --dev-bind / / --unshare-pid --proc /proc", "root")]
#[case::one_of_a_user_s(ALONE, "bwrap --dev-bind / / --unshare-all --proc /proc", "userns-single")]
#[case::one_in_another(
    ALONE,
    "bwrap --dev-bind / / --unshare-all bwrap --dev-bind / / --unshare-all --uid 0 --cap-add ALL",
    "userns-single"
)]
#[case::a_user_namespace(Who::Root, "unshare -r", "userns-single")]
#[case::with_mounts(Who::Root, "unshare -rm", "userns-single")]
#[case::with_processes(Who::Root, "unshare -rmpf --mount-proc", "userns-single")]
#[case::one_made_by_a_user(ALONE, "unshare -r", "userns-single")]
#[case::one_with_processes_made_by_a_user(ALONE, "unshare -rmpf --mount-proc", "userns-single")]
#[case::one_with_subordinate_ids(Who::User(Ids::Subordinate), "unshare --map-root-user --map-auto -m", "userns-subid")]
fn it_works_inside(#[case] who: Who, #[case] place: &str, #[case] privilege: &str) {
    assert_held(&check(who, ":", &place.split(' ').collect::<Vec<_>>()), privilege);
}

#[rstest]
#[case::root(Who::Root, "root")]
#[case::a_user(ALONE, "userns-single")]
fn it_takes_no_service(#[case] who: Who, #[case] privilege: &str) {
    // Sockets of systemd and D-Bus, and whatever else speaks.
    assert_held(&check(who, "mount -t tmpfs tmpfs /run", &["env"]), privilege);
}

/// As in containers: covers and read-only parts.
const COVERED: &str = "mount -t tmpfs tmpfs /proc/tty; mount --bind /dev/null /proc/kallsyms
                       mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys";

#[test]
fn a_covered_proc_is_no_trouble_for_root() {
    assert_held(&check(Who::Root, COVERED, &["env"]), "root");
}

/// A directory that is no mount point, on a file system that goes with the test's namespace, becomes `/`.
const CHROOT: &str = "cd \"$0\"; here=$PWD; mkdir -p plain; mount -t tmpfs -o mode=755 tmpfs plain; mkdir plain/root
                      cd plain/root; mkdir -p usr proc dev sys etc tmp run var/tmp \"./$here\"; chmod 1777 tmp var/tmp
                      for link in bin lib lib64; do ln -s usr/$link $link; done
                      for part in usr etc dev proc sys; do mount --rbind /$part $part; done
                      mount --bind \"$here\" \"./$here\"";

#[test]
fn root_builds_in_a_chroot_on_no_mount_point() {
    assert_held(&check(Who::Root, CHROOT, &["chroot", "."]), "root");
}

/// The mounts around the chroot are shared with others; nothing of ours reaches them.
#[test]
fn a_chroot_in_shared_mounts_leaves_them_alone() {
    let user = Ordinary::new();
    let program = user.program();
    let run = format!("{} run -- /usr/bin/true", program.display());
    let script = format!(
        "mount --make-rshared /; {CHROOT}\ncd /; cat /proc/self/mountinfo > \"$0/before\"
         chroot \"$0/plain/root\" env -u TMPDIR {run}; cat /proc/self/mountinfo > \"$0/after\"; cmp \"$0/before\" \"$0/after\""
    );
    let done = user.as_root(&script, &["true"]).output().expect("a run");
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stdout)), (Some(0), "".into()));
}

/// A run whose binds come from what was left out starts where that is, and has to find the chroot there.
#[rstest]
#[case::on_no_mount_point(":")]
#[case::on_a_mount_point("mount --rbind . .; cd \"$PWD\"")]
fn what_is_mounted_in_a_chroot_can_be_bound(#[case] mounted: &str) {
    let user = Ordinary::new();
    let bound = "mkdir -p mnt/disk tree/usr; mount -t tmpfs tmpfs mnt/disk; echo inside > mnt/disk/file
                 mount --rbind /usr tree/usr";
    let run = format!(
        "{CHROOT}\n{bound}\n{mounted}\nexec chroot . env -u TMPDIR {} run --root /tree --ro-bind /mnt/disk /run/disk -- /usr/bin/cat \
         /run/disk/file",
        user.program().display()
    );
    let done = user.as_root(&run, &["true"]).output().expect("a run");
    assert_eq!(String::from_utf8_lossy(&done.stdout), "inside\n", "{}", String::from_utf8_lossy(&done.stderr));
}

const NO_IDS: &str = "(it takes a user namespace with this user in it: root needs CAP_SETFCAP for that since Linux 5.12, a \
                      user an id outside; `rootcontract doctor` tells what else forbids it): cannot write \
                      /proc/self/uid_map: EPERM: Operation not permitted";
const NO_PROC: &str = "(parts of /proc are covered here, so that a user namespace gets none of its own: a container has to \
                       be started with a whole one: podman --security-opt unmask=ALL, docker --security-opt \
                       systempaths=unconfined): cannot mount a /proc: EPERM: Operation not permitted";
const NO_CHROOT: &str = "(this is a chroot, in which nobody can make a user namespace: start outside of it, or as root): \
                         cannot unshare the supervisor's namespaces: EPERM: Operation not permitted";

/// `look into osbuild-v19: cannot open the root WHY` and nothing else.
fn assert_refused(done: &Output, why: &str) {
    let line = format!("rootcontract: look into osbuild-v19: cannot open the root {why}\n");
    assert_eq!(String::from_utf8_lossy(&done.stderr), line);
    assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(2), &b""[..]));
}

#[rstest]
#[case::root_without_any_capability(Who::Root, ":", &[&BWRAP[..], &["--cap-drop", "ALL"]].concat(), NO_IDS)]
#[case::a_covered_proc(ALONE, COVERED, &["env"], NO_PROC)]
#[case::one_that_bubblewrap_covers(
    Who::Root,
    ":",
    &[&BWRAP[..], &["--unshare-pid", "--proc", "/proc", "--cap-drop", "CAP_SYS_ADMIN"]].concat(),
    NO_PROC
)]
#[case::a_chroot(ALONE, CHROOT, &["chroot", "."], NO_CHROOT)]
fn what_is_missing_is_said_in_a_line(#[case] who: Who, #[case] deed: &str, #[case] place: &[&str], #[case] why: &str) {
    // Nobody is root in the chroot but for entering it.
    let chroot = ["chroot", "--userspec=4242:4242", "--groups=", "."];
    let done = match (who, place) {
        (Who::User(_), ["chroot", "."]) => check(Who::Root, deed, &chroot),
        _ => check(who, deed, place),
    };
    assert_refused(&done, why);
}

#[test]
fn a_user_who_is_none_in_its_namespace_is_told() {
    let done = check(ALONE, ":", &["unshare", "-U"]);
    let line = "rootcontract: look into osbuild-v19: cannot choose what to build with: user 65534 is not mapped into the \
                user namespace of this process: unshare --map-root-user maps it\n";
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr)), (Some(2), line.into()));
}
