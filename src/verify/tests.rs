use rstest::rstest;
use serde_json::json;

use super::Verdict::{Broken, Held, NotApplicable, Unknown};
use super::*;

/// A small document with something of every kind.
pub fn facts() -> Value {
    json!({
        "launch": {
            "phase": "raw", "policy": "stage", "privilege": "root", "arch": "x86_64", "evidence": "native",
            "namespaces": { "uts": 1, "net": 2 },
            "capabilities": { "caller": ["CAP_CHOWN", "CAP_KILL"], "granted": ["CAP_CHOWN"], "raised": ["CAP_CHOWN"] },
            "environment": { "set": { "PATH": "/usr/bin", "TERM": "dumb" }, "inherited": ["HOME"] },
            "host": { "selinux": false, "fuse": true }, "tree": { "boot": false, "lib64": true },
            "binds": [{ "at": "/mnt/in", "access": "ro" }], "api": [], "runner": "probe", "limits": { "nofile": 1024 },
        },
        "probe": {
            "arch": "x86_64",
            "mounts": {
                "/": mount(&["rw", "nosuid", "nodev", "relatime"], "tmpfs"),
                "/usr": mount(&["ro", "nosuid", "nodev"], "ext4"),
                "/sys": mount(&["ro", "nosuid", "nodev", "noexec"], "sysfs"),
                "/sys/fs/cgroup": mount(&["rw", "nosuid", "nodev", "noexec"], "cgroup2"),
                "/mnt/in": mount(&["ro", "nosuid", "nodev"], "ext4"),
                "/run/osbuild/runner/probe": mount(&["rw", "nosuid", "nodev"], "ext4"),
            },
            "devices": {
                "/dev": { "kind": "directory", "mode": "1777", "uid": 0, "gid": 0 },
                "/dev/null": { "kind": "char", "mode": "0666", "uid": 0, "gid": 0, "major": 1, "minor": 3 },
            },
            "root": {
                "usr": { "kind": "directory" },
                "lib": { "kind": "symlink", "target": "usr/lib", "resolves": true },
                "lib64": { "kind": "symlink", "target": "usr/lib64", "resolves": false },
            },
            "nodes": {
                "/etc": { "kind": "directory", "mode": "0755", "uid": 0, "gid": 0 },
                "/etc/localtime": { "kind": "symlink", "target": "../usr/share/zoneinfo/UTC" },
                "/etc/passwd": null,
                "/etc/group": { "what": "lstat /etc/group", "errno": "EACCES" },
                "/etc/hosts": { "kind": "file", "mode": "0644", "uid": 0, "gid": 0, "size": 10 },
            },
            "directories": { "/etc": ["hosts", "stray"], "/tmp": [], "/mnt": ["in"], "/opt": null },
            "environment": { "PATH": "/usr/bin", "TERM": "xterm", "SECRET": null },
            "capabilities": {
                "effective": ["CAP_CHOWN"], "permitted": ["CAP_CHOWN", "CAP_KILL"], "inheritable": [], "ambient": [],
                "bounding": ["CAP_CHOWN", "CAP_KILL"],
            },
            "namespaces": { "uts": 1, "net": 3, "ipc": { "what": "readlink /proc/self/ns/ipc", "errno": "EPERM" } },
            "pids": { "visible": [1, 2], "commands": { "1": "bwrap", "2": "probe" } },
            "process": { "pid": 2, "ppid": 1, "umask": "0022", "nice": 5, "groups": [] },
            "limits": { "nofile": 1024 },
            "descriptors": { "0": { "kind": "char" }, "9": { "kind": "file" } },
            "network": { "what": "open /proc/net/dev", "errno": "ENOENT" },
            "attempts": { "write:/usr": "EROFS" },
        },
    })
}

fn mount(flags: &[&str], fstype: &str) -> Value {
    json!({ "flags": flags, "fstype": fstype, "source": "x", "root": "/", "propagation": ["private"], "stacked": 1 })
}

/// A contract of one clause, and of what else is said.
pub fn contract(clause: &str, rest: &str) -> Contract {
    let text = format!(
        "schema = \"rootcontract.contract/1\"\nprofile = \"mine\"\nversion = 1\nsays = \"\"\n\
         upstream = {{ project = \"\", commit = \"\", release = \"\" }}\n{}{rest}",
        entry("security.it", clause)
    );
    Contract::parse("my.toml", text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn entry(id: &str, clause: &str) -> String {
    let level = if clause.contains("level = ") { "" } else { "level = \"must\"\n" };
    format!("[[clause]]\nid = \"{id}\"\n{level}says = \"\"\nwhy = \"\"\norigin = \"\"\nsince = \"\"\n{clause}\n")
}

/// The verdict on the first clause, and what was found or why nothing was.
fn judged(contract: &Contract, facts: &Value) -> (Verdict, String) {
    let finding = verify(contract, facts).remove(0);
    (finding.verdict, finding.found.or(finding.reason).expect("some words"))
}

#[rstest]
#[case::mount_held(
    "mount = { at = \"/usr\", flags = [\"ro\", \"nosuid\", \"nodev\"] }",
    Held,
    "/usr mounted ro,nosuid,nodev, type ext4"
)]
#[case::mount_flag_too_many(
    "mount = { at = \"/usr\", flags = [\"ro\", \"nosuid\"] }",
    Broken,
    "/usr mounted ro,nosuid,nodev, type ext4"
)]
#[case::mount_flag_missing(
    "mount = { at = \"/usr\", flags = [\"ro\", \"nosuid\", \"nodev\", \"noexec\"] }",
    Broken,
    "/usr mounted ro,nosuid,nodev, type ext4"
)]
#[case::mount_host_flag(
    "mount = { at = \"/sys\", flags = [\"ro\", \"nosuid\", \"nodev\"], also = [\"noexec\"] }",
    Held,
    "/sys mounted ro,nosuid,nodev,noexec, type sysfs"
)]
#[case::mount_type("mount = { at = \"/usr\", fstype = \"xfs\" }", Broken, "/usr mounted ro,nosuid,nodev, type ext4")]
#[case::mount_source(
    "mount = { at = \"/usr\", source = \"y\" }",
    Broken,
    "/usr mounted ro,nosuid,nodev, type ext4, source x"
)]
#[case::mount_root("mount = { at = \"/usr\", root = \"/\" }", Held, "/usr mounted ro,nosuid,nodev, type ext4, root /")]
#[case::mount_stacked("mount = { at = \"/usr\", stacked = 2 }", Broken, "/usr mounted ro,nosuid,nodev, type ext4")]
#[case::mount_missing("mount = { at = \"/boot\", fstype = \"vfat\" }", Broken, "nothing mounted at /boot")]
#[case::below_held(
    "mounts-below = { at = \"/usr\", flags = [\"ro\", \"nosuid\", \"nodev\"] }",
    Held,
    "1 mounts, all of them"
)]
#[case::below_one_wrong(
    "mounts-below = { at = \"/sys\", flags = [\"ro\", \"nosuid\", \"nodev\", \"noexec\"] }",
    Broken,
    "/sys/fs/cgroup mounted rw,nosuid,nodev,noexec, type cgroup2 private \\u{d7}1"
)]
#[case::below_nothing("mounts-below = { at = \"/boot\", stacked = 1 }", Broken, "nothing mounted at /boot")]
#[case::below_propagation("mounts-below = { at = \"/\", propagation = [\"private\"] }", Held, "6 mounts, all of them")]
#[case::no_mount_held("no-mount = \"/boot\"", Held, "nothing mounted at /boot")]
#[case::no_mount_broken("no-mount = \"/usr\"", Broken, "/usr mounted ro,nosuid,nodev, type ext4")]
#[case::binds("caller-mounts = { of = \"binds\", flags = [\"nosuid\", \"nodev\"] }", Held, "/mnt/in")]
#[case::runner_writable(
    "caller-mounts = { of = \"runner\", below = \"/run/osbuild/runner\", flags = [\"ro\", \"nosuid\", \"nodev\"] }",
    Broken,
    "/run/osbuild/runner/probe mounted rw,nosuid,nodev, type ext4"
)]
#[case::no_sockets(
    "caller-mounts = { of = \"api\", below = \"/run\", flags = [\"rw\"] }",
    NotApplicable,
    "the launch has no api"
)]
#[case::link_held(
    "link = { at = \"/lib\", target = \"usr/lib\", resolves = true }",
    Held,
    "/lib -> usr/lib, which is there"
)]
#[case::link_dangling(
    "link = { at = \"/lib64\", target = \"usr/lib64\", resolves = true }",
    Broken,
    "/lib64 -> usr/lib64, which is not there"
)]
#[case::link_elsewhere("link = { at = \"/lib\", target = \"lib\" }", Broken, "/lib -> usr/lib, which is there")]
#[case::link_is_directory("link = { at = \"/usr\", target = \"lib\" }", Broken, "/usr is a directory")]
#[case::link_missing("link = { at = \"/bin\", target = \"usr/bin\" }", Broken, "no /bin")]
#[case::device_held(
    "device = { at = \"/dev/null\", kind = \"char\", major = 1, minor = 3, mode = \"0666\", uid = 0, gid = 0 }",
    Held,
    "/dev/null char 1:3 mode 0666 owner 0:0"
)]
#[case::device_number(
    "device = { at = \"/dev/null\", major = 1, minor = 5 }",
    Broken,
    "/dev/null char 1:3 mode 0666 owner 0:0"
)]
#[case::device_missing("device = { at = \"/dev/zero\", major = 1 }", Broken, "no /dev/zero")]
#[case::node_held(
    "node = { at = \"/etc\", kind = \"directory\", mode = \"0755\", uid = 0, gid = 0 }",
    Held,
    "/etc directory mode 0755 owner 0:0"
)]
#[case::node_mode("node = { at = \"/etc\", mode = \"0700\" }", Broken, "/etc directory mode 0755 owner 0:0")]
#[case::node_size("node = { at = \"/etc/hosts\", size = 11 }", Broken, "/etc/hosts file mode 0644 owner 0:0 size 10")]
#[case::node_target(
    "node = { at = \"/etc/localtime\", target = \"../usr/share/zoneinfo/UTC\" }",
    Held,
    "/etc/localtime symlink -> ../usr/share/zoneinfo/UTC"
)]
#[case::node_target_elsewhere(
    "node = { at = \"/etc/localtime\", target = \"/nowhere\" }",
    Broken,
    "/etc/localtime symlink -> ../usr/share/zoneinfo/UTC"
)]
#[case::node_missing("node = { at = \"/etc/passwd\", kind = \"file\" }", Broken, "no /etc/passwd")]
#[case::node_unread(
    "node = { at = \"/etc/group\", kind = \"file\" }",
    Unknown,
    "the probe could not look: lstat /etc/group: EACCES"
)]
#[case::node_not_looked_at(
    "node = { at = \"/etc/shadow\", kind = \"file\" }",
    Unknown,
    "the facts do not have nodes[/etc/shadow]"
)]
#[case::absent_held("absent = \"/etc/passwd\"", Held, "no /etc/passwd")]
#[case::absent_broken("absent = \"/etc/hosts\"", Broken, "/etc/hosts file mode 0644 owner 0:0 size 10")]
#[case::absent_on_top("absent = \"/home\"", Held, "no /home")]
#[case::absent_device("absent = \"/dev/null\"", Broken, "/dev/null char 1:3 mode 0666 owner 0:0")]
#[case::absent_unread("absent = \"/etc/group\"", Unknown, "the probe could not look: lstat /etc/group: EACCES")]
#[case::absent_not_looked_at("absent = \"/etc/shadow\"", Unknown, "the facts do not have nodes[/etc/shadow]")]
#[case::directory_empty("directory = { at = \"/tmp\", exactly = [] }", Held, "nothing")]
#[case::directory_full("directory = { at = \"/etc\", exactly = [] }", Broken, "hosts stray")]
#[case::directory_of_a_bind("directory = { at = \"/mnt\", exactly = [] }", Held, "in")]
#[case::directory_contains("directory = { at = \"/etc\", contains = [\"hosts\"] }", Held, "hosts stray")]
#[case::directory_lacks("directory = { at = \"/etc\", contains = [\"group\"] }", Broken, "hosts stray")]
#[case::directory_missing("directory = { at = \"/opt\", exactly = [] }", Broken, "no directory /opt")]
#[case::directory_not_listed(
    "directory = { at = \"/srv\", exactly = [] }",
    Unknown,
    "the facts do not have directories[/srv]"
)]
#[case::variable_held("variable = { name = \"PATH\", equals = \"/usr/bin\" }", Held, "PATH=/usr/bin")]
#[case::variable_broken("variable = { name = \"PATH\", one-of = [\"/bin\", \"/sbin\"] }", Broken, "PATH=/usr/bin")]
#[case::variable_set("variable = { name = \"SECRET\" }", Held, "SECRET is set")]
#[case::variable_of_others(
    "variable = { name = \"SECRET\", equals = \"1\" }",
    Unknown,
    "the probe could not look: value of SECRET: not ours to tell"
)]
#[case::variable_unset("variable = { name = \"HOME\" }", Broken, "HOME is not set")]
#[case::variable_as_launched(
    "variable = { name = \"TERM\", same-as = \"launch.environment.set[TERM]\" }",
    Broken,
    "TERM=xterm"
)]
#[case::no_variable_held("no-variable = \"HOME\"", Held, "HOME is not set")]
#[case::no_variable_broken("no-variable = \"PATH\"", Broken, "PATH is set")]
#[case::variables_set("variables = \"set\"", Broken, "missing or different: TERM")]
#[case::variables_inherited("variables = \"inherited\"", Broken, "missing or different: HOME")]
#[case::capabilities_held("capabilities = { set = \"effective\", same-as = \"granted\" }", Held, "1 capabilities")]
#[case::capabilities_too_many(
    "capabilities = { set = \"permitted\", same-as = \"granted\" }",
    Broken,
    "has CAP_KILL too"
)]
#[case::capabilities_too_few("capabilities = { set = \"ambient\", same-as = \"raised\" }", Broken, "lacks CAP_CHOWN")]
#[case::capabilities_none("capabilities = { set = \"ambient\", same-as = \"nothing\" }", Held, "nothing")]
#[case::capabilities_listed(
    "capabilities = { set = \"effective\", equals = [\"CAP_KILL\"] }",
    Broken,
    "lacks CAP_KILL; has CAP_CHOWN too"
)]
#[case::capabilities_lacks("capabilities = { set = \"permitted\", lacks = [\"CAP_KILL\"] }", Broken, "has CAP_KILL")]
#[case::capabilities_contains(
    "capabilities = { set = \"bounding\", contains = [\"CAP_KILL\"] }",
    Held,
    "2 capabilities"
)]
#[case::namespace_shared("namespace = { name = \"uts\", is = \"shared\" }", Held, "the host's")]
#[case::namespace_own("namespace = { name = \"net\", is = \"shared\" }", Broken, "one of its own")]
#[case::namespace_unread(
    "namespace = { name = \"ipc\", is = \"own\" }",
    Unknown,
    "the probe could not look: readlink /proc/self/ns/ipc: EPERM"
)]
#[case::namespace_not_compared(
    "namespace = { name = \"time\", is = \"own\" }",
    Unknown,
    "the facts do not have namespaces.time"
)]
#[case::process_held("process = { pid = \"init\", command = \"bwrap\" }", Held, "process 1 is bwrap")]
#[case::process_broken("process = { pid = \"init\", command = \"systemd\" }", Broken, "process 1 is bwrap")]
#[case::process_seen("process = { pid = \"payload\" }", Held, "process 2")]
#[case::attempt_held("attempt = { name = \"write:/usr\", gives = [\"EROFS\"] }", Held, "write:/usr gives EROFS")]
#[case::attempt_broken(
    "attempt = { name = \"write:/usr\", gives = [\"EACCES\", \"EPERM\"] }",
    Broken,
    "write:/usr gives EROFS"
)]
#[case::attempt_not_made(
    "attempt = { name = \"write:/boot\", gives = [\"EROFS\"] }",
    Unknown,
    "the probe could not look: write:/boot was not tried"
)]
#[case::fact_held("fact = { path = \"process.umask\", equals = \"0022\" }", Held, "0022")]
#[case::fact_broken("fact = { path = \"process.umask\", one-of = [\"0077\"] }", Broken, "0022")]
#[case::fact_same(
    "fact = { path = \"limits[nofile]\", same-as = \"launch.limits[nofile]\" }",
    Held,
    "1024 (launch.limits[nofile] is 1024)"
)]
#[case::fact_too_small("fact = { path = \"process.nice\", at-least = 6 }", Broken, "5")]
#[case::fact_too_large("fact = { path = \"process.nice\", at-most = 4 }", Broken, "5")]
#[case::fact_no_number("fact = { path = \"process.umask\", at-most = 4 }", Broken, "0022")]
#[case::fact_lacks(
    "fact = { path = \"capabilities.permitted\", lacks = [\"CAP_KILL\"] }",
    Broken,
    "CAP_CHOWN CAP_KILL"
)]
#[case::fact_lacks_no_list("fact = { path = \"process.umask\", lacks = [\"CAP_KILL\"] }", Broken, "0022")]
#[case::fact_unread(
    "fact = { path = \"network.routes\", equals = 0 }",
    Unknown,
    "the probe could not look: open /proc/net/dev: ENOENT"
)]
#[case::fact_missing("fact = { path = \"process.beard\", equals = 0 }", Unknown, "the facts do not have process.beard")]
fn an_expectation_is_judged(#[case] form: &str, #[case] verdict: Verdict, #[case] words: &str) {
    assert_eq!(judged(&contract(&format!("expect.{form}"), ""), &facts()), (verdict, words.to_owned()));
}

#[rstest]
#[case::mount("mount = { at = \"/boot\", flags = [\"ro\"] }", "nothing mounted at /boot")]
#[case::device("device = { at = \"/dev/fuse\", major = 10 }", "no /dev/fuse")]
#[case::node("node = { at = \"/etc/passwd\", kind = \"file\" }", "no /etc/passwd")]
#[case::variable("variable = { name = \"HOME\" }", "HOME is not set")]
fn what_may_be_missing_is_not_judged_when_it_is(#[case] form: &str, #[case] reason: &str) {
    let contract = contract(&format!("level = \"may\"\nexpect.{form}"), "");
    assert_eq!(judged(&contract, &facts()), (NotApplicable, reason.to_owned()));
}

#[rstest]
#[case::met(
    "phase = [\"raw\"], policy = [\"stage\"], privilege = [\"root\"], arch = [\"x86_64\"], host = [\"fuse\", \"!selinux\"], tree = [\"lib64\", \"!boot\"]",
    Held,
    "0022"
)]
#[case::phase("phase = [\"runner\"]", NotApplicable, "the phase is raw")]
#[case::policy("policy = [\"inherit\", \"list\"]", NotApplicable, "the capability policy is stage")]
#[case::privilege("privilege = [\"userns-single\"]", NotApplicable, "the privilege is root")]
#[case::arch("arch = [\"s390x\"]", NotApplicable, "the architecture is x86_64")]
#[case::host("host = [\"selinux\"]", NotApplicable, "the host has no SELinux policy")]
#[case::host_not("host = [\"!fuse\"]", NotApplicable, "the host has /dev/fuse")]
#[case::tree("tree = [\"boot\"]", NotApplicable, "the tree has no /boot to mount")]
#[case::two(
    "tree = [\"boot\"], phase = [\"runner\"]",
    NotApplicable,
    "the phase is raw; the tree has no /boot to mount"
)]
#[case::unsaid(
    "tree = [\"ostree\"]",
    Unknown,
    "cannot tell whether the clause applies: the facts do not say whether the tree has /ostree"
)]
#[case::unsaid_but_not_met("tree = [\"ostree\"], phase = [\"runner\"]", NotApplicable, "the phase is raw")]
fn a_clause_applies_when_its_conditions_are_met(#[case] when: &str, #[case] verdict: Verdict, #[case] words: &str) {
    let clause = format!("when = {{ {when} }}\nexpect.fact = {{ path = \"process.umask\", equals = \"0022\" }}");
    assert_eq!(judged(&contract(&clause, ""), &facts()), (verdict, words.to_owned()));
}

#[rstest]
#[case::mounts("mounts", "strangers: / /mnt/in /run/osbuild/runner/probe /sys /sys/fs/cgroup")]
#[case::devices("devices", "strangers: /dev /dev/null")]
#[case::environment("environment", "strangers: PATH SECRET TERM")]
#[case::descriptors("descriptors", "strangers: 0 9")]
#[case::root("root", "strangers: lib lib64")]
#[case::processes("processes", "strangers: 1 (bwrap) 2 (probe)")]
#[case::capabilities("capabilities", "strangers: CAP_CHOWN CAP_KILL")]
#[case::directories("directories", "strangers: /etc/hosts /etc/stray /mnt/in")]
fn a_closed_world_tells_its_strangers(#[case] world: &str, #[case] words: &str) {
    let usr = entry("mount.usr", "expect.mount = { at = \"/usr\", fstype = \"ext4\" }");
    let all = entry("mount.all", "expect.mounts-below = { at = \"/\", stacked = 1 }");
    let contract = contract(&format!("expect.closed = \"{world}\""), &(usr + &all));
    assert_eq!(judged(&contract, &facts()), (Broken, words.to_owned()));
}

#[rstest]
#[case::mounts("mounts", &["mounts-below = { at = \"/sys\", flags = [\"ro\"] }", "mount = { at = \"/\", fstype = \"tmpfs\" }", "no-mount = \"/usr\"", "caller-mounts = { of = \"binds\", flags = [] }", "caller-mounts = { of = \"runner\", below = \"/run/osbuild/runner\", flags = [] }"])]
#[case::devices("devices", &["device = { at = \"/dev\", mode = \"1777\" }", "absent = \"/dev/null\""])]
#[case::environment("environment", &["variables = \"set\"", "no-variable = \"SECRET\""])]
#[case::descriptors("descriptors", &["fact = { path = \"descriptors[0].kind\", equals = \"char\" }", "fact = { path = \"descriptors[9].kind\", equals = \"char\" }"])]
#[case::root("root", &["mount = { at = \"/usr\", fstype = \"ext4\" }", "link = { at = \"/lib\", target = \"x\" }", "absent = \"/lib64\""])]
#[case::processes("processes", &["process = { pid = \"parent\" }", "process = { pid = \"payload\" }"])]
#[case::capabilities("capabilities", &["capabilities = { set = \"effective\", same-as = \"granted\" }", "capabilities = { set = \"ambient\", contains = [\"CAP_KILL\"] }"])]
#[case::directories("directories", &["directory = { at = \"/etc\", contains = [\"stray\"] }", "absent = \"/etc/hosts\"", "caller-mounts = { of = \"binds\", flags = [] }"])]
fn nobody_who_is_named_is_a_stranger(#[case] world: &str, #[case] forms: &[&str]) {
    let named: String = forms
        .iter()
        .enumerate()
        .map(|(index, form)| entry(&format!("security.n{index}"), &format!("expect.{form}")))
        .collect();
    let (verdict, words) = judged(&contract(&format!("expect.closed = \"{world}\""), &named), &facts());
    assert_eq!((verdict, words.starts_with("no other ")), (Held, true), "{words}");
}

#[rstest]
#[case::a_variable("environment", "variables = \"inherited\"", "/launch/environment/inherited", json!(["*"]))]
#[case::a_bind("mounts", "caller-mounts = { of = \"binds\", flags = [] }", "/launch/binds/0/at", json!("/*"))]
fn what_the_caller_names_stands_for_nobody_else(
    #[case] world: &str,
    #[case] form: &str,
    #[case] place: &str,
    #[case] name: Value,
) {
    let contract = contract(&format!("expect.closed = \"{world}\""), &entry("security.one", &format!("expect.{form}")));
    let before = judged(&contract, &facts());
    let mut facts = facts();
    *facts.pointer_mut(place).expect("a name") = name;
    let (verdict, words) = judged(&contract, &facts);
    assert_eq!((before.0, verdict), (Broken, Broken), "{words}");
}

#[rstest]
#[case::of_a_fact("fact = { path = \"process.umask\" }", "no value of the fact is given: it cannot fail")]
#[case::of_itself(
    "fact = { path = \"process.umask\", same-as = \"process.umask\" }",
    "the fact is compared with itself: it cannot fail"
)]
#[case::of_a_directory("directory = { at = \"/etc\" }", "neither `exactly` nor `contains` is given: it cannot fail")]
fn what_cannot_fail_does_not_hold(#[case] form: &str, #[case] why: &str) {
    let finding = verify(&contract(&format!("expect.{form}"), ""), &facts()).remove(0);
    assert_eq!((finding.verdict, finding.reason), (Unknown, Some(format!("the clause proves nothing: {why}"))));
}

#[test]
fn a_clause_that_does_not_apply_names_nobody() {
    let boot = entry("mount.usr", "when = { tree = [\"boot\"] }\nexpect.device = { at = \"/dev/null\", major = 1 }");
    let contract = contract("expect.closed = \"devices\"", &boot);
    assert_eq!(judged(&contract, &facts()), (Broken, "strangers: /dev /dev/null".to_owned()));
}

#[rstest]
#[case::namespace("expect.namespace = { name = \"uts\", is = \"shared\" }")]
#[case::capabilities("expect.capabilities = { set = \"effective\", same-as = \"granted\" }")]
#[case::binds("expect.caller-mounts = { of = \"binds\", flags = [] }")]
#[case::variables("expect.variables = \"set\"")]
fn without_a_launch_half_nothing_is_compared(#[case] clause: &str) {
    let mut facts = facts();
    facts["launch"] = Value::Null;
    let reason = "the facts do not say how the sandbox was started (no launch half)";
    let finding = verify(&contract(clause, ""), &facts).remove(0);
    assert_eq!((finding.verdict, finding.reason.as_deref(), finding.evidence), (Unknown, Some(reason), None));
}

#[rstest]
#[case::condition(
    "when = { phase = [\"raw\"] }\nexpect.no-mount = \"/boot\"",
    "cannot tell whether the clause applies: the facts do not have the phase"
)]
#[case::strangers(
    "expect.closed = \"devices\"",
    "the probe could not look: the facts do not say what the caller asked for (no launch half), and no clause names /dev /dev/null"
)]
fn without_a_launch_half_nothing_is_guessed(#[case] clause: &str, #[case] reason: &str) {
    let mut facts = facts();
    facts["launch"] = Value::Null;
    assert_eq!(judged(&contract(clause, ""), &facts), (Unknown, reason.to_owned()));
}

#[test]
fn a_passive_probe_has_tried_nothing() {
    let mut facts = facts();
    facts["probe"].as_object_mut().expect("a map").remove("attempts");
    let clause = "expect.attempt = { name = \"write:/usr\", gives = [\"EROFS\"] }";
    let reason = "the probe could not look: nothing was tried: the probe was passive";
    assert_eq!(judged(&contract(clause, ""), &facts), (Unknown, reason.to_owned()));
}

#[rstest]
#[case::kernel("security.it", NotApplicable)]
#[case::what_programs_get("environment.it", Held)]
#[case::tree("loader.it", Held)]
fn under_user_mode_emulation_only_the_tree_counts(#[case] id: &str, #[case] verdict: Verdict) {
    let mut facts = facts();
    facts["launch"]["evidence"] = json!("user-emulated");
    let rest = entry("limit.it", "expect.no-mount = \"/boot\"");
    let mut contract = contract("expect.no-mount = \"/boot\"", &rest);
    contract.clauses[0].id = id.to_owned().try_into().expect("an id");
    let findings = verify(&contract, &facts);
    assert_eq!((findings[0].verdict, findings[0].evidence), (verdict, Some(Evidence::UserEmulated)));
}

#[rstest]
#[case::expected("EROFS")]
#[case::accepted("not-tried")]
fn an_attempt_that_was_not_made_proves_nothing(#[case] gives: &str) {
    let mut facts = facts();
    facts["probe"]["attempts"]["create:/usr"] = json!("not-tried");
    let clause = format!("expect.attempt = {{ name = \"create:/usr\", gives = [\"{gives}\"] }}");
    let reason = "the probe could not look: create:/usr was not tried, for what it would have been tried on is not the \
                  sandbox's own";
    assert_eq!(judged(&contract(&clause, ""), &facts), (Unknown, reason.to_owned()));
}

#[test]
fn a_hazard_is_told_where_the_clause_holds() {
    let told =
        |form: &str| verify(&contract(&format!("hazard = \"Beware.\"\nexpect.{form}"), ""), &facts()).remove(0).hazard;
    assert_eq!(told("no-mount = \"/boot\""), Some("Beware.".to_owned()));
    assert_eq!(told("no-mount = \"/usr\""), None);
}

#[test]
fn what_is_printed_cannot_move_a_cursor() {
    let mut facts = facts();
    facts["probe"]["process"]["umask"] = json!("\u{1b}[2J\u{202e}x\\x41");
    facts["probe"]["devices"]["/dev/\n\u{7}"] = json!({ "kind": "file" });
    let umask = contract("expect.fact = { path = \"process.umask\", equals = \"0022\" }", "");
    assert_eq!(judged(&umask, &facts).1, "\\u{1b}[2J\\u{202e}x\\x41");
    let closed = judged(&contract("expect.closed = \"devices\"", ""), &facts).1;
    assert_eq!(closed, "strangers: /dev /dev/\\u{a}\\u{7} /dev/null");
}

#[test]
fn what_is_printed_is_bounded() {
    let mut facts = facts();
    facts["probe"]["process"]["umask"] = json!("x".repeat(1_000_000));
    let names: serde_json::Map<String, Value> =
        (0..1000).map(|number| (format!("/dev/{number:04}"), json!({ "kind": "file" }))).collect();
    facts["probe"]["devices"] = Value::Object(names);
    let umask = contract("expect.fact = { path = \"process.umask\", equals = \"0022\" }", "");
    assert_eq!(judged(&umask, &facts).1.chars().count(), 201);
    let closed = judged(&contract("expect.closed = \"devices\"", ""), &facts).1;
    assert!(closed.ends_with(" /dev/0015 and 984 more"), "{closed}");
}

#[rstest]
#[case::nothing(json!(null))]
#[case::number(json!(7))]
#[case::list(json!([]))]
#[case::empty(json!({}))]
#[case::odd_halves(json!({ "launch": [], "probe": "x" }))]
#[case::odd_maps(json!({ "launch": { "environment": 3, "binds": {} }, "probe": { "mounts": 1, "nodes": [], "pids": { "visible": {} } } }))]
fn a_document_of_another_shape_holds_nothing_it_does_not_say(#[case] facts: Value) {
    for (profile, _) in Contract::BUILTIN {
        let contract = Contract::builtin(profile).expect("a contract");
        let held: Vec<String> = verify(&contract, &facts)
            .into_iter()
            .filter(|finding| finding.verdict == Held)
            .map(|finding| finding.clause.to_string())
            .collect();
        assert_eq!(held, Vec::<String>::new());
    }
}
