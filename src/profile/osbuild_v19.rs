//! The first bubblewrap build root: `BuildRoot.run` of osbuild commit d1b9304a (2020-05-12), released in v19.

use super::{Layout, caller_binds, capability_list, command, usr_links};
use crate::capability::Capability;
use crate::plan::{Access, Environment, HostPath, Namespace, Op, Plan, SandboxPath};

/// Where the libdir is mounted, and the runners in it.
const LIBDIR: &str = "/run/osbuild/lib";
const RUNNERS: &str = "/run/osbuild/lib/runners";

pub(super) fn plan(layout: &Layout) -> Plan {
    let mut ops = capabilities(layout);
    ops.extend([
        Op::Chdir(SandboxPath::new("/")),
        Op::DieWithParent,
        Op::NewSession,
        Op::SetVariable("PATH".into(), "/usr/sbin:/usr/bin".into()),
        Op::SetVariable("PYTHONPATH".into(), LIBDIR.into()),
        Op::Unshare(Namespace::Ipc),
        Op::Unshare(Namespace::Pid),
    ]);
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
        Op::bind(&HostPath::new("/sys"), "/sys", Access::ReadWrite),
        Op::bind(&layout.api, "/run/osbuild/api", Access::ReadOnly),
        Op::bind(&layout.libdir, LIBDIR, Access::ReadOnly),
    ]);
    ops.extend(layout.module.as_ref().map(|module| Op::bind(module, "/run/osbuild/lib/osbuild", Access::ReadOnly)));
    ops.extend(caller_binds(layout));
    let environment = Environment::Inherited(layout.environment.clone());
    Plan { ops, environment, command: command(layout, RUNNERS), before: Vec::new() }
}

/// v19 knew no list: it raised CAP_MAC_ADMIN, which makes bubblewrap raise every capability the caller has.
/// Asked for a capability the caller lacks, bubblewrap keeps them all just the same but raises none, so it is left out.
fn capabilities(layout: &Layout) -> Vec<Op> {
    match layout.capabilities.wanted {
        Some(_) => capability_list(&layout.capabilities),
        None if layout.capabilities.caller.contains(Capability::MAC_ADMIN) => {
            vec![Op::AddCapability(Capability::MAC_ADMIN)]
        }
        None => Vec::new(),
    }
}
