//! What the profile `hardened` keeps from a payload that its caller has, and what it does with any bubblewrap.

use std::process::{Command as Process, Output};

use rootcontract::contract::Contract;
use rootcontract::facts::launch::Phase;
use rootcontract::profile::Profile;
use rstest::rstest;

use crate::support::{assert_kept, bubblewrap, builder, facts, open, said, supervisor};

/// `run` in it, started by a shell in which `deed` was done.
fn after(deed: &str, script: &str) -> Output {
    let line = format!("{deed}; exec \"$0\" run --profile hardened -- /usr/bin/bash -c \"$1\"");
    Process::new("/usr/bin/bash").args(["-c", &line]).arg(supervisor()).arg(script).output().expect("a run")
}

fn told(done: &Output) -> String {
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert_eq!((done.status.code(), stderr.as_ref()), (Some(0), ""));
    String::from_utf8_lossy(&done.stdout).trim_end().to_owned()
}

/// A payload begins with the same whatever its caller began with.
#[rstest]
#[case::nice("renice -n 7 $$ > /dev/null", "nice", "0")]
#[case::open_files("ulimit -S -n 4000", "ulimit -S -n", "1024")]
#[case::fewer_open_files("ulimit -n 500", "ulimit -S -n", "500")]
#[case::hard_limit("ulimit -n 5000", "ulimit -H -n", "5000")]
#[case::stack("ulimit -S -s unlimited", "ulimit -S -s", "8192")]
#[case::core_files("ulimit -S -c unlimited", "ulimit -S -c", "0")]
#[case::memory("echo 100 > /proc/self/oom_score_adj", "cat /proc/self/oom_score_adj", "500")]
#[case::gone_first_already("echo 900 > /proc/self/oom_score_adj", "cat /proc/self/oom_score_adj", "500")]
#[case::policy("chrt --batch --pid 0 $$", "chrt --pid $$ | head -n 1 | sed 's/.*: //'", "SCHED_OTHER")]
#[case::io_priority("ionice --class 3 --pid $$", "ionice --pid $$", "none: prio 0")]
#[case::umask("umask 077", "umask", "0022")]
fn the_state_of_a_payload_is_not_its_callers(#[case] deed: &str, #[case] look: &str, #[case] expected: &str) {
    assert_eq!(told(&after(deed, look)), expected);
}

#[test]
fn the_execution_domain_is_not_the_callers() {
    let mut outside = Process::new("setarch");
    outside.args(["--addr-no-randomize"]).arg(supervisor());
    let done = outside.args(["run", "--profile", "hardened", "--", "/usr/bin/cat", "/proc/self/personality"]).output();
    assert_eq!(told(&done.expect("a run")), "00000000");
}

/// The filter has to be asked with the numbers themselves, which are an architecture's own.
#[cfg(target_arch = "x86_64")]
#[rstest]
#[case::keys("250, 0, -3, 0", "EPERM")]
#[case::vm_sockets("41, 40, 1, 0", "EAFNOSUPPORT")]
#[case::vm_sockets_with_high_bits("41, 40 | 1 << 40, 1, 0", "EAFNOSUPPORT")]
#[case::typing("16, 1, 0x5412, 0", "EPERM")]
#[case::typing_with_high_bits("16, 1, 0x5412 | 1 << 40, 0", "EPERM")]
#[case::pasting("16, 1, 0x541c, 0", "EPERM")]
#[case::rings("425, 1, 0, 0", "ENOSYS")]
#[case::user_namespaces("272, 0x10000000, 0, 0", "EPERM")]
#[case::user_namespaces_by_clone("56, 0x10000011, 0, 0", "EPERM")]
#[case::user_namespaces_by_clone3("435, 0, 0, 0", "ENOSYS")]
#[case::plain_sockets("41, 1, 1, 0", "ok")]
#[case::other_controls("16, 1, 0x5401, 0", "ENOTTY")]
fn the_filter_answers_what_it_is_for_and_nothing_else(#[case] call: &str, #[case] expected: &str) {
    let root = open(Profile::Hardened);
    let script = format!(
        "python3 -c 'import ctypes, errno\nlibc = ctypes.CDLL(None, use_errno=True)\n\
         print(\"ok\" if libc.syscall(*map(ctypes.c_long, ({call}))) >= 0 else errno.errorcode[ctypes.get_errno()])'"
    );
    let seen = said(&root, &script);
    root.close().expect("nothing left");
    assert_eq!(seen.trim_end(), expected);
}

/// Everybody's own bubblewrap, as `ci/bwraps` brings them.
#[rstest]
fn its_contract_is_kept_with_every_bubblewrap(#[values("0.4.1", "0.8.0", "0.12.0", "0.13.1")] version: &str) {
    let contract = Contract::builtin("hardened").expect("a contract");
    assert_kept(&contract, &facts(builder("/").profile(Profile::Hardened).bwrap(bubblewrap(version)), Phase::Raw));
}

/// What bubblewrap gives every payload is the whole of memory: in `hardened` no tmpfs holds more than a gibibyte.
#[rstest]
#[case::top("/")]
#[case::dev("/dev")]
#[case::shm("/dev/shm")]
#[case::run("/run")]
#[case::tmp("/tmp")]
fn every_tmpfs_has_an_end(#[case] directory: &str) {
    let root = open(Profile::Hardened);
    let size = said(&root, &format!("df -B1 --output=size {directory} | tail -n 1"));
    root.close().expect("nothing left");
    assert_eq!(size.trim(), (1 << 30).to_string());
}

/// Two runs of one root at the same time share neither `/tmp` nor shared memory.
#[test]
fn runs_of_one_root_have_a_tmp_each() {
    let root = open(Profile::Hardened);
    let wait = "while ! test -e /var/go; do sleep 0.01; done";
    std::thread::scope(|scope| {
        let first = scope.spawn(|| said(&root, &format!(": > /tmp/mark; : > /dev/shm/mark; : > /var/there; {wait}")));
        assert!(crate::support::comes_true(|| root.var().join("there").exists()));
        assert_eq!(said(&root, "ls /tmp /dev/shm; : > /var/go"), "/dev/shm:\n\n/tmp:\n");
        assert_eq!(first.join().expect("a thread"), "");
    });
    root.close().expect("nothing left");
}

/// The supervisor is where the caller is, and so are osbuild's build roots.
#[rstest]
#[case::v190("osbuild-v190", "of-the-host\nof-the-host\n")]
#[case::hardened("hardened", "buildroot\n(none)\n")]
fn the_names_of_the_host_are_not_seen(#[case] profile: &str, #[case] expected: &str) {
    let line = "cd /proc/sys/kernel && for name in hostname domainname; do echo of-the-host > $name; done && \
                exec \"$0\" run --quiet --profile $1 -- /usr/bin/cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname";
    let mut inside = Process::new("unshare");
    inside.args(["--uts", "sh", "-c", line]).arg(supervisor()).args([profile]);
    let done = inside.output().expect("a run");
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stdout).as_ref()), (Some(0), expected));
}
