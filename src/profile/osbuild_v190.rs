//! Today's build root: `BuildRoot.run` of osbuild tag v190.
//! The arguments were recorded 17 commits later (f6b23dbc) and are the same; `/dev/fuse` (a9a8423f) came in between.

use std::ffi::OsString;

use super::{Layout, Runner, caller_binds, capability_list, command, usr_links};
use crate::plan::{Access, Environment, HostPath, Namespace, Op, Plan, SandboxPath};

/// Where runners are bound, one by one (osbuild 77e717f4).
const RUNNERS: &str = "/run/osbuild/runner";

pub(super) fn plan(layout: &Layout) -> Plan {
    let mut ops = vec![
        Op::Chdir(SandboxPath::new("/")),
        Op::DieWithParent,
        Op::NewSession,
        Op::Unshare(Namespace::Ipc),
        Op::Unshare(Namespace::Pid),
        Op::Unshare(Namespace::Net),
    ];
    ops.extend(capability_list(&layout.capabilities));
    ops.extend(layout.boot.as_ref().map(|boot| Op::bind(boot, "/boot", Access::ReadOnly)));
    ops.extend(layout.usr.as_ref().map(|usr| Op::bind(usr, "/usr", Access::ReadOnly)));
    ops.extend(usr_links());
    ops.extend([
        Op::bind(&layout.dev, "/dev", Access::Device),
        Op::tmpfs("/dev/shm"),
        Op::Dir(SandboxPath::new("/etc")),
        Op::tmpfs("/run"),
        Op::tmpfs("/tmp"),
        Op::bind(&layout.var, "/var", Access::ReadWrite),
        Op::Proc(SandboxPath::new("/proc")),
        Op::bind(&HostPath::new("/sys"), "/sys", Access::ReadOnly),
        Op::bind_try(&HostPath::new("/sys/fs/selinux"), "/sys/fs/selinux"),
        Op::bind_try(&layout.mke2fs_conf, "/etc/mke2fs.conf"),
        Op::bind_try(&layout.containers, "/etc/containers"),
        Op::bind_try(&layout.ostree, "/ostree"),
        Op::bind_try(&layout.selinux, "/etc/selinux/"),
        Op::bind(&layout.libdir, "/run/osbuild/lib", Access::ReadOnly),
    ]);
    ops.extend(layout.module.as_ref().map(|module| Op::bind(module, "/run/osbuild/lib/osbuild", Access::ReadOnly)));
    ops.extend(
        layout
            .proc_overrides
            .iter()
            .map(|(name, file)| Op::bind(file, SandboxPath::new("/proc").join(name).0, Access::ReadOnly)),
    );
    ops.extend(caller_binds(layout));
    ops.push(Op::Dir(SandboxPath::new("/run/osbuild/api")));
    ops.extend(layout.endpoints.iter().map(|(endpoint, socket)| {
        Op::bind(socket, SandboxPath::new("/run/osbuild/api").join(endpoint).0, Access::ReadWrite)
    }));
    if let Runner::File { name, path } = &layout.runner {
        ops.push(Op::bind(path, SandboxPath::new(RUNNERS).join(name).0, Access::ReadOnly));
    }
    Plan { ops, environment: environment(layout), command: command(layout, RUNNERS), before: Vec::new() }
}

/// The clean environment of osbuild 0c712890, acfc5f6d and c825c7e4; `TERM` is the caller's.
fn environment(layout: &Layout) -> Environment {
    let fixed = [
        ("container", "bwrap-osbuild"),
        ("LC_CTYPE", "C.UTF-8"),
        ("PATH", "/usr/sbin:/usr/bin"),
        ("PYTHONPATH", "/run/osbuild/lib"),
        ("PYTHONUNBUFFERED", "1"),
    ];
    let term = layout.term.clone().unwrap_or_else(|| OsString::from("dumb"));
    let mut set: std::collections::BTreeMap<_, _> =
        fixed.into_iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect();
    set.insert("TERM".into(), term);
    set.extend(layout.environment.clone());
    Environment::Clean(set)
}
