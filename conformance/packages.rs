//! What the scriptlets of ordinary packages do, done by the real programs in the profile `hardened`: as root, and as users
//! as far as they have users to give things to. A throw-away tree is at `/run/osbuild/tree`, with this machine's `/usr`.

use std::path::Path;
use std::process::{Command as Process, Output};

use rstest::rstest;
use tempfile::TempDir;

use crate::support::supervisor;
use crate::users::ordinary::{Ids, Ordinary};

/// Where the tree is; a scriptlet is executed in a chroot there, or with its name.
const TREE: &str = "/run/osbuild/tree";

/// What the scriptlets find: directories, links and files.
const DIRECTORIES: [&str; 9] = [
    "etc/alternatives",
    "etc/ld.so.conf.d",
    "etc/pki/anchors",
    "etc/systemd/system",
    "etc/systemd/system-preset",
    "opt/bin",
    "opt/lib",
    "tmp",
    "var/lib/dpkg/alternatives",
];
const LINKS: [(&str, &str); 4] = [("usr/bin", "bin"), ("usr/sbin", "sbin"), ("usr/lib", "lib"), ("usr/lib64", "lib64")];
const FILES: [(&str, &str); 11] = [
    ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
    ("etc/group", "root:x:0:\n"),
    ("etc/shadow", "root:*:19000:0:99999:7:::\n"),
    ("etc/gshadow", "root:*::\n"),
    ("etc/login.defs", "SYS_UID_MIN 100\nSYS_UID_MAX 999\nSYS_GID_MIN 100\nSYS_GID_MAX 999\n"),
    ("etc/ld.so.conf", "/opt/lib\n"),
    ("etc/pki/anchors/b.pem", "second\n"),
    ("etc/pki/anchors/a.pem", "first\n"),
    ("etc/systemd/system/hello.service", "[Service]\nExecStart=true\n[Install]\nWantedBy=multi-user.target\n"),
    ("etc/systemd/system-preset/50.preset", "enable hello.service\n"),
    ("opt/bin/one", "#!/bin/sh\n"),
];

/// A tree, in a directory of its own.
fn tree() -> TempDir {
    let tree = tempfile::tempdir().expect("a directory");
    std::fs::set_permissions(tree.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("open to all");
    for directory in DIRECTORIES.into_iter().chain(["usr"]) {
        std::fs::create_dir_all(tree.path().join(directory)).expect("a directory");
    }
    for (target, link) in LINKS {
        std::os::unix::fs::symlink(target, tree.path().join(link)).expect("a link");
    }
    for (file, content) in FILES {
        std::fs::write(tree.path().join(file), content).expect("a file");
    }
    tree
}

/// The arguments that run a script, with the tree, and with these capabilities if not the profile's.
fn arguments(tree: &Path, profile: &str, capabilities: Option<&str>, script: &str) -> Vec<String> {
    let tree = tree.to_str().expect("text");
    let usr = format!("{TREE}/usr");
    let capabilities = capabilities.map(|list| ["--capabilities", list]).into_iter().flatten();
    ["run", "--quiet", "--profile", profile]
        .into_iter()
        .chain(capabilities)
        .chain(["--bind", tree, TREE, "--ro-bind", "/usr", &usr, "--", "/usr/bin/bash", "-ec", script])
        .map(ToOwned::to_owned)
        .collect()
}

/// In rpm's way: a shell in a chroot of the tree.
fn in_chroot(script: &str) -> String {
    format!("chroot {TREE} /bin/sh -ec '{script}'")
}

fn root(arguments: &[String]) -> Output {
    Process::new(supervisor()).args(arguments).output().expect("a run")
}

/// What it said on standard output; it has to have ended well.
fn well(done: &Output) -> String {
    let told = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(0), "{told}");
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// A scriptlet: what it does, how that is looked at afterwards, and what there is to see.
struct Scriptlet {
    does: String,
    look: String,
    there: &'static str,
}

fn scriptlet(does: impl Into<String>, look: impl Into<String>, there: &'static str) -> Scriptlet {
    Scriptlet { does: does.into(), look: look.into(), there }
}

fn useradd() -> Scriptlet {
    scriptlet(
        in_chroot("groupadd -r -g 401 daemons; useradd -r -u 400 -g daemons -M -s /usr/sbin/nologin daemon"),
        format!("grep -h daemon {TREE}/etc/passwd {TREE}/etc/group"),
        "daemon:x:400:401::/home/daemon:/usr/sbin/nologin\ndaemons:x:401:\n",
    )
}

fn ldconfig() -> Scriptlet {
    scriptlet(
        format!("cp -L /lib64/ld-linux-*.so.* {TREE}/opt/lib/libown.so.1 && ") + &in_chroot("ldconfig"),
        in_chroot("ldconfig -p") + " | grep -q \" => /opt/lib/\" && echo found",
        "found\n",
    )
}

fn systemctl() -> Scriptlet {
    scriptlet(
        format!("systemctl --root={TREE} preset hello.service; SYSTEMD_OFFLINE=1 systemctl daemon-reload"),
        format!("readlink {TREE}/etc/systemd/system/multi-user.target.wants/hello.service"),
        "/etc/systemd/system/hello.service\n",
    )
}

fn setcap() -> Scriptlet {
    scriptlet(
        format!("setcap cap_net_bind_service+ep {TREE}/opt/bin/one"),
        format!("cd {TREE}/opt/bin && getcap one"),
        "one cap_net_bind_service=ep\n",
    )
}

fn chown() -> Scriptlet {
    scriptlet(
        in_chroot("chown 81:82 /opt/bin/one; chmod 4755 /opt/bin/one; mkfifo /var/queue; chgrp 82 /var/queue"),
        format!("stat -c '%u:%g %a' {TREE}/opt/bin/one {TREE}/var/queue"),
        "81:82 4755\n0:82 644\n",
    )
}

fn alternatives() -> Scriptlet {
    scriptlet(
        in_chroot("update-alternatives --install /opt/bin/tool tool /opt/bin/one 10 2> /tmp/told"),
        format!("readlink {TREE}/opt/bin/tool {TREE}/etc/alternatives/tool"),
        "/etc/alternatives/tool\n/opt/bin/one\n",
    )
}

/// As `update-ca-trust` does it: one file of many, through `/dev/fd` and a temporary file, put in place at once.
fn trust() -> Scriptlet {
    scriptlet(
        format!(
            "made=$(mktemp); while read -r one; do cat {TREE}/etc/pki/anchors/$one; done < <(ls {TREE}/etc/pki/anchors) \
             | tee /dev/stderr > $made; cat <(echo '# made') /dev/stdin < $made > $made.new; \
             install -m 0444 $made.new {TREE}/etc/pki/bundle.pem"
        ),
        format!("cat {TREE}/etc/pki/bundle.pem; stat -c %a {TREE}/etc/pki/bundle.pem"),
        "# made\nfirst\nsecond\n444\n",
    )
}

/// What runs as somebody else, with a home in `/tmp` and shared memory.
fn other_user() -> Scriptlet {
    scriptlet(
        format!(
            "setpriv --reuid 81 --regid 82 --clear-groups sh -c 'umask 0; : > /tmp/own; : > /dev/shm/own; id -u' \
             > {TREE}/var/said"
        ),
        format!("cat {TREE}/var/said"),
        "81\n",
    )
}

#[rstest]
#[case::useradd(useradd())]
#[case::ldconfig(ldconfig())]
#[case::systemctl(systemctl())]
#[case::setcap(setcap())]
#[case::chown(chown())]
#[case::alternatives(alternatives())]
#[case::trust(trust())]
#[case::other_user(other_user())]
fn a_scriptlet_of_root_s_does_its_work(#[case] scriptlet: Scriptlet) {
    let tree = tree();
    let before = root(&arguments(tree.path(), "hardened", None, &scriptlet.look));
    assert_ne!(String::from_utf8_lossy(&before.stdout), scriptlet.there, "it is there before anything was done");
    well(&root(&arguments(tree.path(), "hardened", None, &scriptlet.does)));
    assert_eq!(well(&root(&arguments(tree.path(), "hardened", None, &scriptlet.look))), scriptlet.there);
}

#[rstest]
#[case::useradd(useradd(), Ids::Subordinate)]
#[case::useradd_alone(useradd(), Ids::Alone)]
#[case::ldconfig(ldconfig(), Ids::Alone)]
#[case::systemctl(systemctl(), Ids::Alone)]
#[case::setcap(setcap(), Ids::Alone)]
#[case::chown(chown(), Ids::Subordinate)]
#[case::alternatives(alternatives(), Ids::Alone)]
#[case::trust(trust(), Ids::Alone)]
#[case::other_user(other_user(), Ids::Subordinate)]
fn a_scriptlet_of_a_user_s_does_its_work(#[case] scriptlet: Scriptlet, #[case] ids: Ids) {
    let user = Ordinary::new();
    let tree = tree();
    user.give_all(tree.path());
    let run = |script: &str| {
        let arguments = arguments(tree.path(), "hardened", None, script);
        user.run(ids, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    well(&run(&scriptlet.does));
    assert_eq!(well(&run(&scriptlet.look)), scriptlet.there);
    // Files that belong to subordinate ids are for root to remove.
    user.take_back(tree.path());
}

/// The nine are the least there is: what a capability is for does not work without it.
#[rstest]
#[case::a_chroot(useradd(), "CAP_SYS_CHROOT")]
#[case::file_capabilities(setcap(), "CAP_SETFCAP")]
#[case::owners(chown(), "CAP_CHOWN")]
#[case::users(other_user(), "CAP_SETUID")]
#[case::groups(other_user(), "CAP_SETGID")]
fn without_its_capability_a_scriptlet_fails(#[case] scriptlet: Scriptlet, #[case] without: &str) {
    const NINE: [&str; 9] = [
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_FOWNER",
        "CAP_FSETID",
        "CAP_SETFCAP",
        "CAP_SETGID",
        "CAP_SETPCAP",
        "CAP_SETUID",
        "CAP_SYS_CHROOT",
    ];
    let tree = tree();
    let eight = NINE.into_iter().filter(|one| *one != without).collect::<Vec<_>>().join(",");
    let done = root(&arguments(tree.path(), "hardened", Some(&eight), &scriptlet.does));
    assert_ne!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
}

/// What `hardened` has and osbuild's build root has not: a complete `/dev`, and temporary files for everybody.
#[rstest]
#[case::dev_fd(trust())]
#[case::tmp_of_all(other_user())]
fn what_needs_a_complete_system_fails_in_osbuild_s_own(#[case] scriptlet: Scriptlet) {
    let tree = tree();
    let done = root(&arguments(tree.path(), "osbuild", None, &scriptlet.does));
    assert_ne!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
}
