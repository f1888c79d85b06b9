//! Containers, made by crun: root's and a user's, with the capabilities and covers that engines give them.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Output;

use rootcontract::capability::CapabilitySet;
use rootcontract::facts::status;
use rstest::rstest;
use serde_json::{Value, json};

use super::{ALONE, NO_PROC, Who, assert_refused};
use crate::users::assert_held;
use crate::users::ordinary::Ordinary;

/// What Docker and Podman leave to root in a container (moby profiles/, containers/common `DefaultCapabilities`).
const USUAL: &str = "chown,dac_override,fowner,fsetid,kill,net_bind_service,setfcap,setgid,setpcap,setuid,sys_chroot,\
                     mknod,audit_write";

/// What an engine covers of `/proc`, and what it makes read-only (runtime-spec, the defaults of all engines).
const COVERED: [&str; 6] =
    ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/scsi", "/sys/firmware"];
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// What is there of `/proc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proc {
    Whole,
    Covered,
}

/// Which system calls there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Calls {
    All,
    /// None that makes a namespace.
    NoUnshare,
}

/// `check` in a container with these capabilities. crun knows no mixture of control group versions, hence a view of one.
fn check(who: Who, capabilities: CapabilitySet, proc: Proc, calls: Calls) -> Output {
    let user = Ordinary::new();
    let bundle = user.place().join("bundle");
    let root = bundle.join("rootfs");
    for directory in ["usr", "etc", "proc", "sys", "dev", "tmp", "run", "var/tmp", "here"] {
        std::fs::create_dir_all(root.join(directory)).expect("a directory");
    }
    for link in ["bin", "sbin", "lib", "lib64"] {
        symlink(format!("usr/{link}"), root.join(link)).expect("a link");
    }
    let programs = user.place().join("programs");
    std::fs::create_dir(&programs).expect("a directory");
    for name in ["rootcontract", "rootcontract-probe"] {
        std::fs::rename(user.place().join(name), programs.join(name)).expect("a program");
    }
    let configuration = configuration(who, user.id, &programs, capabilities, proc, calls);
    std::fs::write(bundle.join("config.json"), configuration.to_string()).expect("a configuration");
    if who == ALONE {
        user.give_all(&bundle);
    }
    let state = user.place().join("tmp");
    let deed = "umount -l /sys/fs/cgroup/unified 2> /dev/null || :; umount -l /sys/fs/cgroup
                mount -t cgroup2 none /sys/fs/cgroup";
    let words = ["crun", "--root", state.to_str().expect("text"), "--cgroup-manager=disabled", "run", "-b"];
    let id = format!("rootcontract-{}", user.id);
    let words = [&words[..], &[bundle.to_str().expect("text"), &id]].concat();
    let mut command = match who {
        Who::Root => user.as_root(deed, &words),
        Who::User(ids) => user.after(deed, ids, &words),
    };
    command.output().expect("a run")
}

fn configuration(who: Who, id: u32, programs: &Path, capabilities: CapabilitySet, proc: Proc, calls: Calls) -> Value {
    let names = capabilities.names();
    let bind =
        |from: &str, to: &str| json!({"destination": to, "type": "bind", "source": from, "options": ["bind", "ro"]});
    let mut mounts = vec![
        json!({"destination": "/proc", "type": "proc", "source": "proc"}),
        json!({"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]}),
        json!({"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "nodev", "mode=1777"]}),
        bind("/usr", "/usr"),
        bind("/etc", "/etc"),
        bind(programs.to_str().expect("text"), "/here"),
    ];
    let mut namespaces =
        vec![json!({"type": "pid"}), json!({"type": "ipc"}), json!({"type": "uts"}), json!({"type": "mount"})];
    let mut linux = json!({});
    if who == Who::Root {
        namespaces.push(json!({"type": "network"}));
        mounts.push(json!({"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]}));
    } else {
        namespaces.push(json!({"type": "user"}));
        let alone = json!([{"containerID": 0, "hostID": id, "size": 1}]);
        linux["uidMappings"] = alone.clone();
        linux["gidMappings"] = alone;
        mounts.push(json!({"destination": "/sys", "type": "bind", "source": "/sys", "options": ["rbind", "nosuid", "noexec", "nodev", "ro"]}));
    }
    linux["namespaces"] = Value::Array(namespaces);
    if proc == Proc::Covered {
        linux["maskedPaths"] = json!(COVERED);
        linux["readonlyPaths"] = json!(READ_ONLY);
    }
    if calls == Calls::NoUnshare {
        let refused = json!({"names": ["unshare", "setns"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1});
        linux["seccomp"] = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [refused]});
    }
    json!({
        "ociVersion": "1.0.0",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": ["/here/rootcontract", "check", "--format", "json"],
            "env": ["PATH=/usr/sbin:/usr/bin", "TERM=dumb", "ROOTCONTRACT_PROBE=/here/rootcontract-probe"],
            "cwd": "/",
            "capabilities": {"bounding": names, "effective": names, "permitted": names},
        },
        "root": {"path": "rootfs"},
        "hostname": "container",
        "mounts": mounts,
        "linux": linux,
    })
}

fn usual() -> CapabilitySet {
    USUAL.parse().expect("capabilities")
}

/// All that this process has, which may be fewer than there are.
fn privileged() -> CapabilitySet {
    let status = std::fs::read("/proc/self/status").expect("a status");
    CapabilitySet(status::parse(&status).and_then(|status| status.mask("CapPrm")).expect("capabilities"))
}

#[rstest]
#[case::a_privileged_one(Who::Root, privileged(), Proc::Whole, "root")]
#[case::root_s_with_covers(Who::Root, privileged(), Proc::Covered, "root")]
#[case::root_s_with_the_usual_capabilities(Who::Root, usual(), Proc::Whole, "userns-subid")]
#[case::a_user_s(ALONE, privileged(), Proc::Whole, "userns-single")]
#[case::a_user_s_with_the_usual_capabilities(ALONE, usual(), Proc::Whole, "userns-single")]
fn it_works_in_a_container(
    #[case] who: Who,
    #[case] capabilities: CapabilitySet,
    #[case] proc: Proc,
    #[case] privilege: &str,
) {
    assert_held(&check(who, capabilities, proc, Calls::All), privilege);
}

#[rstest]
#[case::root_s_with_covers(Who::Root)]
#[case::a_user_s_with_covers(ALONE)]
fn covers_of_a_container_are_told_where_they_matter(#[case] who: Who) {
    assert_refused(&last_line(check(who, usual(), Proc::Covered, Calls::All)), NO_PROC);
}

#[test]
fn a_filter_of_system_calls_is_told() {
    let why = "(it takes a user namespace: `rootcontract doctor` tells what forbids it, unless this is a chroot): cannot \
               unshare the supervisor's namespaces: EPERM: Operation not permitted";
    assert_refused(&check(Who::Root, usual(), Proc::Whole, Calls::NoUnshare), why);
}

/// What engines give with `--cap-add SYS_ADMIN`, more or less: root may mount, and not all that root does then.
#[test]
fn root_that_may_mount_and_make_no_nodes_is_told() {
    let may_mount = "chown,dac_override,fowner,setfcap,setgid,setpcap,setuid,sys_admin,sys_chroot,net_admin";
    let done = check(Who::Root, may_mount.parse().expect("capabilities"), Proc::Whole, Calls::All);
    let stderr = String::from_utf8_lossy(&done.stderr);
    let why = "cannot open the root (it takes CAP_MKNOD: a container has to be started with --cap-add MKNOD; `--privilege \
               userns-subid` binds the host's nodes): cannot make the device node /run/rootcontract/";
    assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(2), &b""[..]));
    assert!(stderr.contains(why) && stderr.lines().count() == 1, "{stderr}");
}

/// crun itself says that a user has no name, and goes on.
fn last_line(mut done: Output) -> Output {
    let said = String::from_utf8_lossy(&done.stderr);
    done.stderr = format!("{}\n", said.lines().next_back().unwrap_or_default()).into();
    done
}
