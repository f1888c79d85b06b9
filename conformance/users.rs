//! Ordinary users: they build in a user namespace what root builds without one. No account is made on the machine.

pub mod ordinary;

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Output;

use nix::sys::signal::Signal;
use rstest::rstest;
use serde_json::Value;

use crate::support::{comes_true, names};
use ordinary::{Ids, Ordinary};

/// What `check --format json` reports of each profile: all held that applies.
pub fn assert_held(done: &Output, privilege: &str) {
    let told = String::from_utf8_lossy(&done.stderr);
    let document: Value = serde_json::from_slice(&done.stdout).unwrap_or_else(|error| panic!("{error}: {told}"));
    let reports = document["reports"].as_array().expect("reports");
    for report in reports {
        let wrong = |finding: &&Value| matches!(finding["verdict"].as_str(), Some("broken" | "unknown"));
        let wrong: Vec<_> = report["findings"].as_array().expect("findings").iter().filter(wrong).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert_eq!(report["privilege"], privilege, "{told}");
        assert!(report["summary"]["held"].as_u64() > Some(300), "{}", report["summary"]);
    }
    assert_eq!((done.status.code(), reports.len()), (Some(0), 2), "{told}");
}

#[rstest]
#[case::alone(Ids::Alone, "stage", "userns-single")]
#[case::alone_with_all_capabilities(Ids::Alone, "inherit", "userns-single")]
#[case::with_subordinate_ids(Ids::Subordinate, "stage", "userns-subid")]
#[case::with_subordinate_ids_and_all_capabilities(Ids::Subordinate, "inherit", "userns-subid")]
fn a_user_s_build_root_keeps_its_contract(#[case] ids: Ids, #[case] capabilities: &str, #[case] privilege: &str) {
    let user = Ordinary::new();
    let done = user.run(ids, &["check", "--capabilities", capabilities, "--format", "json"]);
    assert_held(&done, privilege);
    assert_eq!(String::from_utf8_lossy(&done.stderr), "");
    assert_eq!(user.left(), [""; 0]);
}

/// Files of the tree are the user's own, so that they could be written to if they were not read-only.
#[rstest]
#[case::alone(Ids::Alone, "userns-single")]
#[case::with_subordinate_ids(Ids::Subordinate, "userns-subid")]
fn a_tree_of_the_user_s_own_keeps_its_contract(#[case] ids: Ids, #[case] privilege: &str) {
    let user = Ordinary::new();
    let tree = user.own_tree();
    let done = user.run(ids, &["check", "--root", tree.to_str().expect("text"), "--format", "json"]);
    assert_held(&done, privilege);
}

#[rstest]
#[case::alone(Ids::Alone, "1", "0:0")]
#[case::with_subordinate_ids(Ids::Subordinate, "2", "81:82")]
fn files_can_be_given_away_where_there_are_users(#[case] ids: Ids, #[case] rows: &str, #[case] owner: &str) {
    let user = Ordinary::new();
    let script = "id -u; wc -l < /proc/self/uid_map; touch /var/gift; chown 81:82 /var/gift 2>&1 | sed 's/.*: //'
                  stat -c %u:%g /var/gift; echo hello > /dev/null; stat -c %a /dev";
    let done = user.run(ids, &["run", "--", "/usr/bin/sh", "-c", script]);
    let refused = if ids == Ids::Alone { "Invalid argument\n" } else { "" };
    let said = format!("0\n{rows}\n{refused}{owner}\n755\n");
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stdout).as_ref()), (Some(0), said.as_str()));
    assert_eq!(String::from_utf8_lossy(&done.stderr), "");
    assert_eq!(user.left(), [""; 0]);
}

#[rstest]
#[case::root_is_not_to_be_had(Ids::Alone, "root", "this process is user {}: it takes root")]
#[case::nor_ids_that_nobody_grants(Ids::Alone, "userns-subid", "/etc/subuid grants user {} none")]
fn a_privilege_that_is_not_to_be_had_is_refused(#[case] ids: Ids, #[case] privilege: &str, #[case] why: &str) {
    let user = Ordinary::new();
    let done = user.run(ids, &["run", "--privilege", privilege, "--", "/usr/bin/true"]);
    let line = format!("rootcontract: cannot choose what to build with: {}\n", why.replace("{}", &user.id.to_string()));
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr)), (Some(125), line.into()));
}

#[rstest]
#[case::one_user_is_enough(Ids::Subordinate, "userns-single", "1\n")]
#[case::all_there_are(Ids::Subordinate, "userns-subid", "2\n")]
fn a_privilege_can_be_chosen(#[case] ids: Ids, #[case] privilege: &str, #[case] rows: &str) {
    let user = Ordinary::new();
    let count = ["/usr/bin/sh", "-c", "wc -l < /proc/self/uid_map"];
    let done = user.run(ids, &[&["run", "--privilege", privilege, "--"], &count[..]].concat());
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stdout)), (Some(0), rows.into()));
    assert_eq!(String::from_utf8_lossy(&done.stderr), "");
}

/// Where no program can gain privileges the helpers may map nothing.
#[test]
fn helpers_that_may_not_map_leave_the_user_alone_and_that_is_said() {
    let user = Ordinary::new();
    let refused = "newuidmap map subordinate ids (newuidmap: write to uid_map failed: Operation not permitted)";
    let done = user.run(Ids::Refused, &["run", "--", "/usr/bin/sh", "-c", "wc -l < /proc/self/uid_map"]);
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stdout)), (Some(0), "1\n".into()));
    assert!(stderr.starts_with("rootcontract: warning: the build root has one user only: cannot have "), "{stderr}");
    assert!(stderr.contains(refused) && stderr.lines().count() == 1, "{stderr}");

    let done = user.run(Ids::Refused, &["run", "--privilege", "userns-subid", "--", "/usr/bin/true"]);
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert_eq!((done.status.code(), stderr.lines().count()), (Some(125), 1), "{stderr}");
    assert!(stderr.contains(refused) && stderr.contains("(`--privilege userns-single` does without)"), "{stderr}");
}

/// What root in the build root makes, nobody outside can remove: files of other users, directories without permissions.
#[rstest]
#[case::alone(Ids::Alone, "mkdir -p /var/a/b; touch /var/a/b/c; chmod 000 /var/a/b /var/a")]
#[case::with_subordinate_ids(
    Ids::Subordinate,
    "mkdir -p /var/a/b; touch /var/a/b/c; chown -R 81:82 /var/a; chmod 700 /var/a/b /var/a"
)]
fn what_a_killed_supervisor_left_goes_with_the_next(#[case] ids: Ids, #[case] deed: &str) {
    let user = Ordinary::new();
    let script = format!("{deed}; echo made; exec sleep 1000");
    let mut killed = user.start(ids, &["run", "--", "/usr/bin/sh", "-c", &script]);
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(killed.stdout.take().expect("stdout")), &mut line)
        .expect("a line");
    assert_eq!(line, "made\n");
    user.kill_all();
    let end = killed.wait().expect("its end");
    assert_eq!(end.signal(), Some(Signal::SIGKILL as i32));
    assert!(comes_true(|| user.processes() == 0), "something lives on");
    assert!(!user.left().is_empty(), "there is nothing to be cleared away");

    let done = user.run(ids, &["run", "--", "/usr/bin/true"]);
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr)), (Some(0), "".into()));
    assert_eq!(user.left(), [""; 0]);
}

#[rstest]
#[case::private(0o700, Owner::User, true)]
#[case::open_to_others(0o755, Owner::User, false)]
#[case::somebody_else_s(0o777, Owner::Root, false)]
fn a_run_time_directory_is_used_if_it_is_the_user_s_alone(#[case] mode: u32, #[case] owner: Owner, #[case] used: bool) {
    let user = Ordinary::new();
    let directory = user.place().join("run");
    std::fs::create_dir(&directory).expect("a directory");
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(mode)).expect("a mode");
    if owner == Owner::User {
        user.give(&directory);
    }
    let mut command = user.command(Ids::Alone, &["run", "--keep", "--", "/usr/bin/true"]);
    let done = command.env("XDG_RUNTIME_DIR", &directory).output().expect("a run");
    let stderr = String::from_utf8_lossy(&done.stderr);
    let where_it_is = if used { directory.join("rootcontract") } else { user.place().join("tmp") };
    assert_eq!(done.status.code(), Some(0), "{stderr}");
    let line = format!("rootcontract: keeping {}/kept-rootcontract-", where_it_is.display());
    assert!(stderr.starts_with(&line) && stderr.lines().count() == 1, "{stderr}");
    let kept = stderr.split_whitespace().filter(|word| word.starts_with('/'));
    kept.for_each(|path| std::fs::remove_dir_all(path).expect("removed"));
}

#[rstest]
#[case::that_is_not_there(
    "TMPDIR=$PWD/tmp/nowhere",
    125,
    "cannot make a scratch directory in @/tmp/nowhere: No such file or directory"
)]
#[case::without_a_name("TMPDIR=", 0, "")]
fn a_directory_for_temporary_files_is_never_made(#[case] set: &str, #[case] code: i32, #[case] why: &str) {
    let user = Ordinary::new();
    let line = format!("unset XDG_RUNTIME_DIR; {set} exec \"$0\" run -- /usr/bin/true");
    let mut shell = user.shell(Ids::Alone, &line);
    let done = shell.arg(user.program()).current_dir(user.place()).output().expect("a run");
    let stderr = String::from_utf8_lossy(&done.stderr).replace(user.place().to_str().expect("text"), "@");
    assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(code), &b""[..]), "{stderr}");
    assert!(stderr.contains(why) && stderr.lines().count() == usize::from(!why.is_empty()), "{stderr}");
    assert!(!user.place().join("tmp/nowhere").exists());
}

#[test]
fn what_the_umask_forbids_is_not_left_behind() {
    let user = Ordinary::new();
    let line = "unset XDG_RUNTIME_DIR; umask 0777; TMPDIR=$PWD/tmp exec \"$0\" run -- /usr/bin/true";
    let mut shell = user.shell(Ids::Alone, line);
    let done = shell.arg(user.program()).current_dir(user.place()).output().expect("a run");
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(0), ""));
    assert_eq!(names(&user.place().join("tmp")), Vec::<String>::new());
}

/// Whose a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    User,
    Root,
}

/// bubblewrap reads the whole table for every bind.
#[rstest]
#[case::root(None)]
#[case::a_user_whose_mounts_are_locked(Some(Ids::Alone))]
fn a_host_with_many_mounts_makes_no_long_table_and_its_files_can_be_bound(#[case] ids: Option<Ids>) {
    let user = Ordinary::new();
    let deed = "mount -t tmpfs tmpfs /mnt; for n in $(seq 300); do mkdir /mnt/$n; mount --bind /mnt/$n /mnt/$n; done
                echo here > /mnt/7/file";
    let mark = format!("1000.{}", user.id);
    let rows = |binds: &[&str]| {
        let payload = ["--", "/usr/bin/sleep", &mark];
        let mut running = user.start_after(deed, ids, &[&["run"], binds, &payload[..]].concat());
        assert!(comes_true(|| !ordinary::tables_of(&mark).is_empty()), "the payload never ran");
        let tables = ordinary::tables_of(&mark);
        running.kill().expect("a kill");
        running.wait().expect("its end");
        assert!(comes_true(|| ordinary::tables_of(&mark).is_empty()), "the payload lives on");
        tables.into_iter().max()
    };
    let plain = rows(&[]);
    assert!(plain < Some(150), "{plain:?}");
    // What was left out is there in another namespace.
    assert!(rows(&["--ro-bind", "/mnt/7/file", "/run/file"]) > Some(300));
}

/// What `plan` prints to be pasted builds the same without us.
#[rstest]
#[case::v19_alone(Ids::Alone, "osbuild-v19", "1")]
#[case::v190_alone(Ids::Alone, "osbuild-v190", "1")]
#[case::v190_with_subordinate_ids(Ids::Subordinate, "osbuild-v190", "2")]
fn a_user_s_line_can_be_pasted(#[case] ids: Ids, #[case] profile: &str, #[case] rows: &str) {
    let user = Ordinary::new();
    let script = "id -u; wc -l < /proc/self/uid_map; echo > /dev/null && stat -c %a:%t:%T /dev /dev/null";
    let done = user.run(ids, &["plan", "--profile", profile, "--", "/usr/bin/sh", "-c", script]);
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let line = text.lines().last().expect("a line");
    assert!(line.starts_with("unshare --map-root-user"), "{line}");
    let pasted = user.shell(ids, line).output().expect("a run");
    let said = (String::from_utf8_lossy(&pasted.stdout), String::from_utf8_lossy(&pasted.stderr));
    assert_eq!(said, (format!("0\n{rows}\n755:0:0\n666:1:3\n").into(), "".into()));
}

#[test]
fn the_mount_table_of_the_host_is_as_it_was() {
    let user = Ordinary::new();
    let table = || std::fs::read_to_string("/proc/self/mountinfo").expect("a table");
    let before = table();
    let mark = format!("1000.{}", user.id);
    let mut running = user.start(Ids::Alone, &["run", "--", "/usr/bin/sleep", &mark]);
    assert!(comes_true(|| !ordinary::tables_of(&mark).is_empty()), "the payload never ran");
    let during = table();
    running.kill().expect("a kill");
    running.wait().expect("its end");
    assert!(comes_true(|| user.processes() == 0), "{} processes are left", user.processes());
    assert!(before == during && before == table(), "the table has changed");
}

/// Where scratch directories are when nothing is left.
fn owned_by(directory: &Path, id: u32) -> Vec<String> {
    let ours = |entry: &std::fs::DirEntry| entry.metadata().is_ok_and(|metadata| metadata.uid() == id);
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten().filter(ours);
    entries.map(|entry| entry.path().display().to_string()).collect()
}
