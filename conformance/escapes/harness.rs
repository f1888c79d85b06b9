//! Ways out that nothing inside can show: by what is done to a launcher while it builds a sandbox or clears it away. And
//! that each test the table names is there.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rootcontract::escapes::{Escape, Shown};
use rootcontract::profile::Profile;

use crate::support::{open, run, said, shell, well};

#[test]
fn every_test_that_the_table_names_is_there() {
    let done =
        Command::new(std::env::current_exe().expect("this program")).args(["--list", "--format", "terse"]).output();
    let listed = String::from_utf8(done.expect("a list").stdout).expect("text");
    let there: BTreeSet<&str> = listed.lines().filter_map(|line| line.split(": test").next()).collect();
    for escape in Escape::all() {
        let Shown::Test(test) = escape.shown else { continue };
        let is_it = |name: &&str| **name == *test || name.starts_with(&format!("{test}::"));
        assert!(there.iter().any(is_it), "{}: there is no test {test}", escape.id);
    }
}

/// CVE-2024-23652.
#[test]
fn no_link_is_followed_when_a_root_is_closed() {
    let place = tempfile::tempdir().expect("a directory");
    let canary = place.path().join("canary/below");
    fs::create_dir_all(&canary).expect("a directory");
    fs::write(canary.join("file"), "still there\n").expect("a file");
    let root = open(Profile::OsbuildV190);
    let outside = place.path().join("canary").display().to_string();
    let script = format!(
        "rm -r /var/tmp; ln -s {outside} /var/tmp; mkdir -p /var/a/b; ln -s {outside} /var/a/b/c; rmdir /var/a/b 2>&1; ln -s ../../../../../../../../../../..{outside} /var/up"
    );
    run(&root, shell(&script));
    let var = root.var().to_owned();
    assert!(var.join("tmp/below/file").exists(), "there is no link to be followed");
    root.close().expect("nothing left");
    assert_eq!(
        (var.exists(), fs::read_to_string(canary.join("file")).expect("a file").as_str()),
        (false, "still there\n")
    );
}

/// CVE-2024-38531.
#[test]
fn a_setuid_program_of_a_build_is_out_of_reach() {
    let root = open(Profile::OsbuildV190);
    assert_eq!(
        said(&root, "cp /usr/bin/true /var/program; chmod 6755 /var/program; stat -c %a /var/program"),
        "6755\n"
    );
    let program = root.var().join("program");
    let executed = |path: &Path| {
        let mut nobody = Command::new("setpriv");
        // setpriv itself executes its program with the capabilities that it has still.
        nobody.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "sh", "-c", "\"$0\""]).arg(path);
        nobody.output().expect("setpriv").status.success()
    };
    let open_to_all = tempfile::tempdir().expect("a directory");
    fs::set_permissions(open_to_all.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
    fs::copy(&program, open_to_all.path().join("program")).expect("a copy");
    assert!(executed(&open_to_all.path().join("program")), "nobody executes it anywhere");
    assert!(!executed(&program), "{} can be executed by everybody", program.display());
    root.close().expect("nothing left");
}

/// CVE-2024-27297: abstract sockets belong to a network namespace.
#[test]
fn each_sandbox_has_a_network_of_its_own() {
    let root = open(Profile::OsbuildV190);
    let (told, tell) = std::sync::mpsc::channel();
    let first = shell("readlink /proc/self/ns/net; read _ < /var/wait").output(move |_, bytes| {
        let _not_there = told.send(bytes.to_vec());
        Ok(())
    });
    said(&root, "mkfifo /var/wait");
    let (first, second) = std::thread::scope(|scope| {
        let running = scope.spawn(|| root.run(first));
        let first = tell.recv().expect("a line");
        let second = said(&root, "readlink /proc/self/ns/net");
        fs::write(root.var().join("wait"), "go\n").expect("a word");
        well(running.join().expect("a run").expect("a run"));
        (String::from_utf8_lossy(&first).into_owned(), second)
    });
    root.close().expect("nothing left");
    let own = fs::read_link("/proc/self/ns/net").expect("a namespace").display().to_string() + "\n";
    assert!(first.starts_with("net:[") && second.starts_with("net:["), "{first} {second}");
    assert!(first != second && first != own && second != own, "{first} {second} {own}");
}
