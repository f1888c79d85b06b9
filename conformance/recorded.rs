//! The `osbuild-*` profiles against the argument vectors recorded from osbuild itself.

use std::collections::BTreeMap;
use std::ffi::OsString;

use rootcontract::argv;
use rootcontract::capability::CapabilitySet;
use rootcontract::plan::{Access, Grant, HostPath};
use rootcontract::profile::{CallerBind, DEFAULT_SIZE, Layout, Profile, Runner, Shelter};
use rstest::rstest;

/// A recording: bwrap's arguments, and the environment bwrap was given.
struct Recording {
    arguments: Vec<OsString>,
    environment: BTreeMap<OsString, OsString>,
}

fn recording(text: &str) -> Recording {
    let (arguments, environment) = text.split_once("# env\n").expect("a recording has an environment");
    Recording {
        arguments: arguments.lines().map(OsString::from).collect(),
        environment: environment
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
    }
}

/// Named differences: `PWD` was put there by the shell that recorded; the status option comes from
/// [`argv::status_option`] and is not part of [`argv::arguments`].
const ADDED_BY_THE_RECORDER: &str = "PWD";

fn layout(change: impl FnOnce(&mut Layout)) -> Layout {
    let root = HostPath::new("@ROOT@");
    let mut layout = Layout {
        usr: Some(root.join("usr")),
        boot: Some(root.join("boot")),
        mke2fs_conf: root.join("etc/mke2fs.conf"),
        containers: root.join("etc/containers"),
        selinux: HostPath::new("@ROOT@/etc/selinux/"),
        ostree: root.join("ostree"),
        dev: HostPath::new("@DEV@"),
        var: HostPath::new("@VAR@"),
        libdir: HostPath::new("@LIBDIR@"),
        module: None,
        proc_overrides: BTreeMap::from([("cmdline".to_owned(), HostPath::new("@PROC@/cmdline"))]),
        api: HostPath::new("@API@"),
        endpoints: Vec::new(),
        runner: Runner::File {
            name: "org.osbuild.linux".into(),
            path: HostPath::new("@LIBDIR@/runners/org.osbuild.linux"),
        },
        capabilities: Grant { caller: CapabilitySet((1 << 41) - 1), wanted: None },
        term: Some("xterm".into()),
        binds: vec![
            bind("@CALLER@/ro", "/run/osbuild/inputs", Access::ReadOnly),
            bind("@CALLER@/rw", "/run/osbuild/tree", Access::ReadWrite),
        ],
        environment: BTreeMap::new(),
        argv: vec!["/usr/bin/true".into(), "arg one".into()],
        shelter: shelter(),
    };
    change(&mut layout);
    layout
}

/// What osbuild's profiles have nothing from.
fn shelter() -> Shelter {
    let at = |name: &str| HostPath::new("@SHELTER@").join(name);
    Shelter {
        file: at("nothing"),
        directory: at("empty"),
        tmpfs: at("tmpfs"),
        size: DEFAULT_SIZE,
        filter: at("filter"),
        sys: at("sys"),
        covers: Vec::new(),
    }
}

fn bind(from: &str, to: &str, access: Access) -> CallerBind {
    CallerBind { from: HostPath::new(from), to: to.into(), access }
}

fn as_recorded(_: &mut Layout) {}

fn without_a_libdir(layout: &mut Layout) {
    layout.libdir = HostPath::new("/usr/lib/osbuild");
    layout.module = Some(HostPath::new("@MODULE@"));
}

fn with_two_capabilities(layout: &mut Layout) {
    layout.capabilities.wanted = Some("CAP_SYS_ADMIN,CAP_CHOWN".parse().expect("two capabilities"));
}

fn without_boot(layout: &mut Layout) {
    layout.boot = None;
}

#[rstest]
#[case::v19_with_a_libdir(Profile::OsbuildV19, as_recorded, include_str!("../fixtures/argv/osbuild-v19-libdir.txt"))]
#[case::v19_without_a_libdir(Profile::OsbuildV19, without_a_libdir, include_str!("../fixtures/argv/osbuild-v19-nolibdir.txt"))]
#[case::v190_by_default(Profile::OsbuildV190, as_recorded, include_str!("../fixtures/argv/osbuild-v190-default.txt"))]
#[case::v190_with_capabilities(Profile::OsbuildV190, with_two_capabilities, include_str!("../fixtures/argv/osbuild-v190-caps.txt"))]
#[case::v190_without_boot(Profile::OsbuildV190, without_boot, include_str!("../fixtures/argv/osbuild-v190-noboot.txt"))]
fn the_profile_is_what_osbuild_passes_token_by_token(
    #[case] profile: Profile,
    #[case] change: fn(&mut Layout),
    #[case] text: &str,
) {
    let mut recorded = recording(text);
    recorded.environment.remove(&OsString::from(ADDED_BY_THE_RECORDER));
    let plan = profile.plan(&layout(change));

    assert_eq!(argv::arguments(&plan), recorded.arguments);

    let caller =
        [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("TERM", "xterm"), ("HOST_ONLY", "1"), ("LC_CTYPE", "C.UTF-8")];
    let caller = caller.map(|(name, value)| (OsString::from(name), OsString::from(value)));
    assert_eq!(plan.environment.resolve(caller), recorded.environment);
}
