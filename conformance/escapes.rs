//! The known ways out of a sandbox: which are open where, said here once more, and found so on every bubblewrap, as root
//! and as an ordinary user; and that trying them changes nothing.

mod control;
mod harmless;
mod harness;
mod hazards;
mod race;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Output;

use rootcontract::escapes::{Escape, Setting};
use rstest::rstest;
use serde_json::Value;

use crate::command::valid;
use crate::support::{BUBBLEWRAPS, bubblewrap, probe, supervisor};
use crate::users::ordinary::{Ids, Ordinary};

/// Open in osbuild-v19 as root, on a kernel of this kind.
const V19: [&str; 47] = [
    "cgroup.devices",
    "cgroup.processes",
    "cgroup.release-agent",
    "device.disk",
    "device.log",
    "device.loop-control",
    "files.attributes",
    "files.by-handle",
    "files.remounted",
    "kernel.bpf",
    "kernel.clock",
    "kernel.fanotify",
    "kernel.log",
    "kernel.perf",
    "key.session",
    "key.user",
    "mount.binfmt-misc",
    "mount.debugfs",
    "mount.devtmpfs",
    "mount.namespace-by-handle",
    "mount.tracefs",
    "network.abstract-socket",
    "network.devices",
    "network.loopback",
    "network.vsock",
    "proc.cmdline",
    "proc.core-pattern",
    "proc.core-pattern.fresh",
    "proc.core-pattern.nested",
    "proc.core-pattern.nowhere",
    "proc.core-pattern.uncovered",
    "proc.irq.uncovered",
    "proc.mtrr",
    "proc.settings",
    "process.init-libraries",
    "sys.write",
    "sys.write.fresh",
    "sys.write.remounted",
    "telling.cgroup",
    "telling.firmware",
    "telling.kernel-symbols",
    "telling.keys",
    "telling.environment",
    "telling.memory-map",
    "telling.modules",
    "telling.timers",
    "uts.hostname",
];

/// What today's build root closed of these: the network is its own, `/sys` read-only, the environment clean, and some
/// capabilities are gone.
const CLOSED_SINCE: [&str; 9] = [
    "device.log",
    "kernel.clock",
    "kernel.log",
    "network.abstract-socket",
    "network.devices",
    "network.loopback",
    "sys.write",
    "telling.kernel-symbols",
    "telling.environment",
];

/// What all capabilities open again.
const OPENED_BY_CAPABILITIES: [&str; 4] = ["device.log", "kernel.clock", "kernel.log", "telling.kernel-symbols"];

fn v190() -> BTreeSet<&'static str> {
    V19.into_iter().filter(|id| !CLOSED_SINCE.contains(id)).collect()
}

/// What `escapes` with these options says: its code, its document, what it said beside that.
pub fn escapes(options: &[&str]) -> (Option<i32>, Value, String) {
    let mut command = std::process::Command::new(supervisor());
    command.args(["escapes", "--format", "json"]).args(options).env("ROOTCONTRACT_PROBE", probe());
    told(&command.output().expect("the command"))
}

pub fn told(done: &Output) -> (Option<i32>, Value, String) {
    let talk = String::from_utf8_lossy(&done.stderr).into_owned();
    let document = serde_json::from_slice(&done.stdout).unwrap_or_else(|error| panic!("{error}: {talk}"));
    valid(&document, "escapes");
    (done.status.code(), document, talk)
}

/// The ids to which this came in a sandbox.
pub fn with(outcome: &str, report: &Value) -> BTreeSet<String> {
    let outcomes = report["outcomes"].as_object().expect("outcomes").iter();
    outcomes.filter(|(_, came)| came["outcome"] == outcome).map(|(id, _)| id.clone()).collect()
}

fn owned(ids: impl IntoIterator<Item = &'static str>) -> BTreeSet<String> {
    ids.into_iter().map(str::to_owned).collect()
}

/// The bubblewraps of `ci/bwraps` and that of the machine.
fn bwraps() -> Vec<PathBuf> {
    BUBBLEWRAPS
        .into_iter()
        .map(bubblewrap)
        .chain([rootcontract::bwrap::find(None).expect("bwrap is installed")])
        .collect()
}

#[rstest]
#[case::v19("osbuild-v19", None, owned(V19))]
#[case::v19_with_less("osbuild-v19", Some("stage"), owned(V19.into_iter().filter(|id| !OPENED_BY_CAPABILITIES.contains(id))))]
#[case::v190("osbuild-v190", None, owned(v190()))]
#[case::v190_with_all("osbuild-v190", Some("inherit"), owned(v190().into_iter().chain(OPENED_BY_CAPABILITIES)))]
#[case::hardened("hardened", None, owned([]))]
fn as_root_this_is_open_and_nothing_else(
    #[case] profile: &str,
    #[case] capabilities: Option<&str>,
    #[case] open: BTreeSet<String>,
) {
    let capabilities = capabilities.map(|capabilities| ["--capabilities", capabilities]);
    let options: Vec<_> = ["--profile", profile].into_iter().chain(capabilities.into_iter().flatten()).collect();
    let bwraps: Vec<_> = bwraps().iter().map(|bwrap| bwrap.display().to_string()).collect();
    let all = [&options[..], &["--bwrap"], &bwraps.iter().map(String::as_str).collect::<Vec<_>>()].concat();
    let (code, document, talk) = escapes(&all);
    let reports = document["reports"].as_array().expect("reports");
    for report in reports {
        assert_eq!(with("open", report), open, "{}", report["bwrap"]);
        assert_eq!(with("untried", report), owned([]), "{}", report["bwrap"]);
        assert_eq!((&report["sandbox"], &report["privilege"]), (&profile.into(), &"root".into()));
    }
    assert_eq!((reports.len(), code), (5, Some(i32::from(!open.is_empty()))), "{talk}");
    assert_eq!(talk, format!("rootcontract: {profile}: tried as root\n").repeat(5));
}

/// Found open by the experiments, and closed here: this kernel asks for CAP_SYSLOG, and has no sysrq, modules or kexec.
const CLOSED_HERE: [&str; 4] = ["device.log", "kernel.kexec", "kernel.module", "proc.sysrq-trigger.fresh"];

#[rstest]
#[case::v19(Setting::V19, V19.into())]
#[case::v190(Setting::V190Stage, v190())]
#[case::v190_with_all_capabilities(Setting::V190Inherit, v190().into_iter().chain(OPENED_BY_CAPABILITIES).collect())]
fn what_was_found_open_before_is_open_and_nothing_else(#[case] setting: Setting, #[case] open: BTreeSet<&str>) {
    let known = Escape::all().filter(|escape| escape.is_tried() && escape.known.contains(&setting));
    let known: BTreeSet<&str> = known.map(|escape| escape.id).filter(|id| !CLOSED_HERE.contains(id)).collect();
    let open: BTreeSet<&str> = open.into_iter().filter(|id| !CLOSED_HERE.contains(id)).collect();
    assert_eq!(known, open);
}

/// Open to an ordinary user: what is the user's own outside, and what no user namespace knows of. The tree is the user's.
const USER_V19: [&str; 14] = [
    "files.attributes",
    "files.remounted",
    "key.session",
    "mount.namespace-by-handle",
    "network.abstract-socket",
    "network.devices",
    "network.loopback",
    "network.vsock",
    "proc.cmdline",
    "telling.cgroup",
    "telling.firmware",
    "telling.keys",
    "telling.modules",
    "telling.environment",
];

fn user_v190() -> impl Iterator<Item = &'static str> {
    USER_V19.into_iter().filter(|id| !CLOSED_SINCE.contains(id))
}

#[rstest]
#[case::v19("osbuild-v19", owned(USER_V19))]
#[case::v190("osbuild-v190", owned(user_v190()))]
#[case::hardened("hardened", owned([]))]
fn as_a_user_this_is_open_and_nothing_else(
    #[case] profile: &str,
    #[case] open: BTreeSet<String>,
    #[values((Ids::Alone, "userns-single"), (Ids::Subordinate, "userns-subid"))] (ids, privilege): (Ids, &str),
) {
    let user = Ordinary::new();
    let (code, document, talk) = told(&user.run(ids, &["escapes", "--profile", profile, "--format", "json"]));
    let report = &document["reports"][0];
    assert_eq!((with("open", report), with("untried", report)), (open.clone(), owned([])), "{report:#}");
    assert_eq!((code, &report["privilege"]), (Some(i32::from(!open.is_empty())), &privilege.into()), "{talk}");
    assert_eq!(user.left(), [""; 0]);
}
