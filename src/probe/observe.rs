//! The passive facts, all read before anything is tried.

use super::{arguments::Arguments, files, process, read::parsed, system};
use crate::{
    arch,
    facts::{Probe, cgroup, keys, limits, mount, system::time},
};

/// Look. Inside the box also what is only ours to tell there.
pub fn observe(asked: &Arguments, inside: bool) -> Probe {
    // First, for it must not show what the rest of this opens.
    let descriptors = process::descriptors();
    let status = process::StatusFile::own();
    let mounts = parsed("/proc/self/mountinfo", mount::parse).map(|rows| mount::visible(&rows));
    let cmdline_covered = mounts.known().is_some_and(|mounts| mounts.contains_key("/proc/cmdline"));
    let (hostname, kernel) = system::kernel();
    Probe {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        nonce: asked.nonce.clone(),
        mode: asked.mode,
        arch: arch::native().map_or(std::env::consts::ARCH, |arch| arch.name).to_owned(),
        mounts,
        devices: files::devices(),
        root: files::root(),
        nodes: files::nodes(),
        directories: files::directories(),
        environment: process::environment(),
        capabilities: process::capabilities(&status),
        process: process::process(&status),
        limits: parsed("/proc/self/limits", limits::parse),
        signals: process::signals(&status),
        descriptors,
        namespaces: system::namespaces(),
        pids: process::pids(&status, inside),
        user: system::user(),
        ipc: system::ipc(),
        keyrings: parsed("/proc/keys", keys::parse),
        security: system::security(),
        cgroup: parsed("/proc/self/cgroup", cgroup::parse),
        network: system::network(),
        time: parsed("/proc/self/timens_offsets", time),
        hostname,
        kernel,
        abi: system::abi(),
        loader: system::loader(),
        proc: system::proc(inside && cmdline_covered),
        sys: system::sys_files(),
        attempts: None,
    }
}
