//! What changed from one bubblewrap to the next, shown on those that have it and those that have not, and what catches
//! it. Numbers are those of a catalogue of regressions (README); what can't be shown on one machine is told there too.

use std::process::Command;

use predicates::prelude::*;
use rootcontract::baseline::Baseline;
use rootcontract::bwrap::behaviour;
use rstest::rstest;
use serde_json::Value;

use crate::support::{BUBBLEWRAPS as VERSIONS, bubblewrap as bwrap, fixture, supervisor};
use crate::users::ordinary::{Ids, Ordinary};

fn rootcontract(arguments: &[&str]) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(supervisor());
    command.args(arguments).env("RUST_BACKTRACE", "1").env_remove("ROOTCONTRACT_PROBE");
    command
}

/// What changed, by its number: the trial that shows it, and what comes of that on each version.
const CATALOGUE: [(&str, &str, [&str; 4]); 24] = [
    ("R01: all capabilities stay when one is missing", "capability:missing", ["all"; 4]),
    ("R02: user 0 keeps its capabilities", "capability:root", ["all"; 4]),
    ("R03: proc sys is writable", "proc-sys", ["rw"; 4]),
    ("R04: no mount is without a source", "mount:source", ["named"; 4]),
    ("R05: parents are for root alone", "parent:mode", ["0755", "0700", "0700", "0700"]),
    ("R06: a tmpfs is for root to write", "tmpfs:mode", ["0755"; 4]),
    ("R07: mount points are read only", "mount-point:mode", ["0666", "0444", "0444", "0444"]),
    ("R08: nothing is mounted on a socket", "socket-destination", ["refused", "ok", "ok", "ok"]),
    ("R10: an option given twice is told", "option:twice", ["silent", "warns", "warns", "warns"]),
    ("R11: a link that is there is refused", "symlink:twice", ["refused", "refused", "ok", "ok"]),
    ("R12: a launcher that ignores sigchld hangs", "sigchld:ignored", ["hangs", "hangs", "ok", "ok"]),
    ("R13: none is set-user-id", "setuid", ["no"; 4]),
    ("R14: a link as destination is refused", "symlink-destination:relative", ["ok", "ok", "refused", "refused"]),
    ("R15: an absolute link in a parent leads inside", "symlink-parent:absolute", ["refused", "refused", "y", "y"]),
    ("R16: a parent that can't be read is refused", "parent:unreadable", ["ok", "ok", "refused", "ok"]),
    ("R17: a source may be a link", "symlink-source", ["ok"; 4]),
    ("R20: links are followed again where they were not", "mount:nosymfollow", ["lost", "lost", "lost", "kept"]),
    ("R23: no proc where a part of it is covered", "proc:covered", ["refused"; 4]),
    ("R24: no network without cap_net_admin", "network:no-net-admin", ["refused"; 4]),
    ("R26: no root that is no mount point", "root:no-mount-point", ["refused"; 4]),
    ("R27: a sandbox goes with the thread that started it", "die-with-parent:thread", ["gone"; 4]),
    ("R30: ctrl-c leaves a payload that has its own session", "interrupt:new-session", ["left"; 4]),
    ("R31: no capabilities for anybody but user 0", "capability:ambient", ["refused"; 4]),
    ("R32: a capability that is not known is an error", "capability:no-such", ["refused"; 4]),
];

/// All in one test: each process that asks for one trial would make them all.
#[test]
fn a_change_is_seen_where_it_is_and_not_elsewhere() {
    let behaviour = VERSIONS.map(|version| behaviour(&bwrap(version)).expect("trials"));
    for (change, trial, words) in CATALOGUE {
        let seen: Vec<_> = behaviour.iter().map(|behaviour| behaviour[trial].as_str()).collect();
        assert_eq!(seen, words, "{change}");
    }
}

/// Starts sixty sandboxes that are to go with their launcher, each of which is killed within 40 ms, and counts those that
/// run a second later. All in a pid namespace that ends with it.
const EARLY: &str = r#"
exec unshare -rmpf --mount-proc sh -c '
    for try in $(seq 60); do
        sh -c "\"\$0\" \"\$@\"; :" "$0" "$@" &
        sleep "0.0$((try % 40 / 10))$((try % 10))"
        kill -9 "$!"
    done
    sleep 1
    cat /proc/[0-9]*/cmdline 2> /dev/null | tr "\0" "\n" | grep -cx 98765' "$0" "$@"
"#;

#[rstest]
fn r28_a_launcher_that_is_killed_early_leaves_a_sandbox(#[values("0.4.1", "0.8.0", "0.12.0", "0.13.1")] version: &str) {
    let sandbox = "--ro-bind /usr /usr --ro-bind-try /bin /bin --ro-bind-try /lib /lib --ro-bind-try /lib64 /lib64 \
                   --proc /proc --unshare-pid --die-with-parent sleep 98765";
    let mut command = Command::new("sh");
    command.args(["-c", EARLY]).arg(bwrap(version)).args(sandbox.split_whitespace());
    let done = command.output().expect("a shell");
    let left: u32 = String::from_utf8_lossy(&done.stdout).trim().parse().expect("a count");
    assert!(left > 0, "{done:?}");
}

/// The facts that are told as changed, each once.
fn told(document: &Value) -> Vec<String> {
    let changes = document["reports"].as_array().expect("reports").iter().flat_map(|report| {
        report["changes"].as_array().expect("changes").iter().filter(|change| change["relevance"] == "contract")
    });
    let mut facts: Vec<_> = changes.map(|change| change["fact"].as_str().unwrap_or("-").to_owned()).collect();
    facts.sort();
    facts.dedup();
    facts
}

#[rstest]
#[case::parents("0.4.1", "0.8.0", &[
    "attempts[mount-point:mode]", "attempts[option:twice]", "attempts[parent:mode]", "attempts[socket-destination]",
    "nodes[/run/osbuild/runner].mode", "nodes[/run/osbuild].mode",
])]
#[case::links("0.8.0", "0.12.0", &[
    "attempts[parent:unreadable]", "attempts[sigchld:ignored]", "attempts[symlink-destination:relative]", "attempts[symlink-parent:absolute]",
    "attempts[symlink:twice]",
])]
#[case::flags("0.12.0", "0.13.1", &["attempts[mount:nosymfollow]", "attempts[parent:unreadable]"])]
#[case::nothing("0.13.1", "0.13.1", &[])]
fn an_upgrade_names_what_changes(#[case] from: &str, #[case] to: &str, #[case] facts: &[&str]) {
    let [old, new] = [from, to].map(|version| bwrap(version).display().to_string());
    let code = i32::from(!facts.is_empty());
    let done = rootcontract(&["upgrade-check", "--from", &old, "--to", &new, "--format", "json"]).assert().code(code);
    let document: Value = serde_json::from_slice(&done.get_output().stdout).expect("JSON");
    assert_eq!(told(&document), facts);
    assert_eq!((&document["not_kept"], &document["lost"]), (&Value::Array(vec![]), &Value::Array(vec![])));
    // The baseline that is built in says the same as the bubblewrap it was taken of.
    let done =
        rootcontract(&["upgrade-check", "--baseline", from, "--to", &new, "--format", "json"]).assert().code(code);
    assert_eq!(told(&serde_json::from_slice(&done.get_output().stdout).expect("JSON")), facts);
}

#[test]
fn a_downgrade_fails_for_what_the_old_one_does_not_keep_and_lacks() {
    let [old, new] = ["0.4.1", "0.8.0"].map(|version| bwrap(version).display().to_string());
    let done = rootcontract(&["upgrade-check", "--from", &new, "--to", &old, "--format", "json"]).assert().code(1);
    let document: Value = serde_json::from_slice(&done.get_output().stdout).expect("JSON");
    let not_kept: Vec<_> = document["not_kept"].as_array().expect("a list").iter().collect();
    assert!(not_kept.iter().any(|one| one["finding"]["clause"] == "path.osbuild.mode"), "{not_kept:?}");
    assert!(document["lost"].as_array().expect("a list").contains(&"clearenv".into()), "{}", document["lost"]);
}

#[rstest]
#[case::flatpak("flatpak", "0.4.1", "0.8.0", "2 changes")]
#[case::rpm_ostree("rpm-ostree", "0.4.1", "0.8.0", "1 change")]
#[case::osbuild("osbuild", "0.8.0", "0.12.0", "nothing changed")]
#[case::needs_a_newer_one("glycin", "0.4.1", "0.8.0", "starts now; before: bwrap: Unknown option --clearenv")]
#[case::links_first(
    "link-first",
    "0.8.0",
    "0.12.0",
    "no longer starts: bwrap: Can't mount on symlink destination /lib"
)]
fn other_launchers_are_started_with_both(
    #[case] consumer: &str,
    #[case] from: &str,
    #[case] to: &str,
    #[case] words: &str,
) {
    let [old, new] = [from, to].map(|version| bwrap(version).display().to_string());
    let file = fixture(&format!("consumers/{consumer}.argv")).display().to_string();
    let done = rootcontract(&["upgrade-check", "--from", &old, "--to", &new, "--consumer", &file]).assert().code(1);
    let text = String::from_utf8(done.get_output().stdout.clone()).expect("text");
    let (_, after) = text.split_once(&format!("\nlauncher {consumer}: ")).expect("its own paragraph");
    let paragraph = after.split("\n\n").next().unwrap_or_default();
    assert!(paragraph.contains(words), "{paragraph}");
}

#[test]
fn a_bubblewrap_is_the_same_as_itself_for_everybody() {
    let consumers = ["flatpak", "rpm-ostree", "osbuild", "glycin", "link-first"];
    let files = consumers.map(|name| fixture(&format!("consumers/{name}.argv")).display().to_string());
    let same = bwrap("0.8.0").display().to_string();
    let mut arguments = vec!["upgrade-check", "--from", &same, "--to", &same, "--consumer"];
    arguments.extend(files.iter().map(String::as_str));
    let done = rootcontract(&arguments).assert().code(0);
    done.stdout(predicate::str::ends_with("nothing changes for anybody we know of\n"));
}

#[test]
fn an_ordinary_user_s_bubblewrap_is_the_same_as_itself() {
    let same = ["upgrade-check", "--from", "/usr/bin/bwrap", "--to", "/usr/bin/bwrap"];
    let done = Ordinary::new().run(Ids::Alone, &same);
    let text = String::from_utf8(done.stdout).expect("text");
    assert!(text.ends_with("\nnothing changes for anybody we know of\n"), "{text}");
    assert_eq!(done.status.code(), Some(0));
}

/// What differs then need not be bubblewrap's doing.
#[test]
fn what_was_built_otherwise_is_not_compared() {
    let end = "take another with `rootcontract baseline`, alike and of the same bubblewrap\n";
    let refused = |stdout: &[u8], stderr: &[u8], code: Option<i32>, told: &str| {
        let stderr = String::from_utf8_lossy(stderr);
        let lines: Vec<&str> = stderr.lines().filter(|line| !line.contains(" warning: ")).collect();
        let line = format!("rootcontract: the baseline of bubblewrap 0.8.0 was taken as {told}: {end}");
        assert_eq!((lines.as_slice(), stdout, code), ([line.trim_end()].as_slice(), &b""[..], Some(2)));
    };
    let builtin = ["upgrade-check", "--baseline", "0.8.0", "--to", "/usr/bin/bwrap"];
    let done = Ordinary::new().run(Ids::Alone, &builtin);
    let told = "root with capabilities `stage`, and this one is userns-single with capabilities `stage`";
    refused(&done.stdout, &done.stderr, done.status.code(), told);

    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("baseline.json");
    let old = bwrap("0.8.0").display().to_string();
    let taken = rootcontract(&["baseline", "--bwrap", &old, "--capabilities", "scriptlet"]).assert().code(0);
    std::fs::write(&file, &taken.get_output().stdout).expect("a file");
    let done = rootcontract(&["upgrade-check", "--to", &old, "--baseline"]).arg(&file).output().expect("a run");
    let told = "root with capabilities `scriptlet`, and this one is root with capabilities `stage`";
    refused(&done.stdout, &done.stderr, done.status.code(), told);
}

/// One that leaves the pid namespace shared, as a bubblewrap with a fault would.
#[test]
fn a_fault_of_the_new_one_is_told_with_the_clause_that_catches_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let faulty = directory.path().join("bwrap");
    let script = format!(
        "#!/bin/bash\nfor word; do shift; [ \"$word\" = --unshare-ipc ] || set -- \"$@\" \"$word\"; done\nexec {} \"$@\"\n",
        bwrap("0.13.1").display()
    );
    crate::support::executable(&faulty, &script);
    let faulty = faulty.display().to_string();
    let done = rootcontract(&["upgrade-check", "--baseline", "0.13.1", "--to", &faulty]).assert().code(1);
    let text = String::from_utf8(done.get_output().stdout.clone()).expect("text");
    assert!(text.contains("namespace.ipc.own (osbuild-v190): broken"), "{text}");
}

#[test]
fn of_a_version_without_a_baseline_those_are_told_that_have_one() {
    let done = rootcontract(&["upgrade-check", "--baseline", "0.9.0", "--to", "/usr/bin/bwrap"]).assert().code(2);
    done.stdout("").stderr(
        "rootcontract: read baseline 0.9.0 (built in are 0.4.1, 0.8.0, 0.12.0 and 0.13.1): No such file or directory\n",
    );
}

#[rstest]
#[case::missing("/nonexistent", "read consumer /nonexistent: No such file or directory")]
#[case::no_probe("argv/README.md", "no @probe, which takes the payload's place")]
fn what_is_no_launcher_is_refused_in_a_line(#[case] file: &str, #[case] words: &str) {
    let file = fixture(file).display().to_string();
    let done =
        rootcontract(&["upgrade-check", "--from", "/usr/bin/bwrap", "--to", "/usr/bin/bwrap", "--consumer", &file]);
    let stderr = predicate::str::starts_with("rootcontract: read consumer ").and(predicate::str::contains(words));
    { done }.assert().code(2).stdout("").stderr(stderr.and(predicate::str::is_match("^[^\n]*\n$").expect("a pattern")));
}

#[test]
fn every_bubblewrap_is_a_row_of_the_matrix() {
    let bwraps = VERSIONS.map(|version| bwrap(version).display().to_string());
    let mut arguments = vec!["matrix", "--format", "json", "--bwrap"];
    arguments.extend(bwraps.iter().map(String::as_str));
    let done = rootcontract(&arguments).assert().code(1);
    let document: Value = serde_json::from_slice(&done.get_output().stdout).expect("JSON");
    let mut broken: Vec<_> = document["reports"]
        .as_array()
        .expect("reports")
        .iter()
        .flat_map(|report| {
            let findings = report["findings"].as_array().expect("findings").iter();
            let broken = findings.filter(|finding| matches!(finding["verdict"].as_str(), Some("broken" | "unknown")));
            broken.map(|finding| format!("{} {}", report["bwrap"]["version"], finding["clause"]))
        })
        .collect();
    broken.sort();
    // R05: parents were 0755 before 0.5.0.
    let r05 = [
        "\"0.4.1\" \"path.osbuild-runner.mode\"",
        "\"0.4.1\" \"path.osbuild.mode\"",
        "\"0.4.1\" \"path.osbuild.mode\"",
    ];
    assert_eq!(broken, r05);
    assert_eq!(document["reports"].as_array().map(Vec::len), Some(8));
}

#[test]
fn there_is_a_baseline_of_every_version_and_it_is_of_that_version() {
    assert_eq!(Baseline::versions().collect::<Vec<_>>(), VERSIONS);
    for version in VERSIONS {
        let baseline = Baseline::find(version.as_ref()).expect("a baseline");
        assert_eq!((baseline.bwrap.version.as_str(), baseline.facts.len()), (version, 2));
        let said = Command::new(bwrap(version)).arg("--version").output().expect("bwrap").stdout;
        assert_eq!(String::from_utf8_lossy(&said).trim(), format!("bubblewrap {version}"));
    }
}
