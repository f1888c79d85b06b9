//! Says how a build root is opened.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use super::privilege::Mounting;
use super::protocol::Surroundings;
use crate::facts::launch::Privilege;
use crate::plan::{CapabilityPolicy, Plan};
use crate::profile::{DEFAULT_SIZE, DeviceNodes, Profile};

/// What osbuild shows as the kernel's command line (osbuild 36356342).
const KERNEL_COMMAND_LINE: &str = "root=/dev/osbuild\n";

/// Whether the root's `/boot` is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boot {
    /// It is, if the root has one.
    Mount,
    /// It is not: osbuild does so for pipelines whose build root is the host's (osbuild ccb26806).
    Leave,
}

/// What to do when the caller lacks capabilities that were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingCapabilities {
    /// Do without them.
    Intersect,
    /// Refuse to open the root.
    Refuse,
}

/// What to do when the number of processes is to be limited and can't be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnlimitedPids {
    /// Go on, and say so.
    Warn,
    /// Refuse to open the root.
    Refuse,
}

/// What becomes of the scratch directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// They go with the root.
    Remove,
    /// They stay, under a name (`kept-...`) that no later run clears away.
    Keep,
}

/// Says how a root is opened.
#[derive(Debug, Clone)]
pub struct Builder {
    pub(super) root: PathBuf,
    pub(super) profile: Profile,
    pub(super) runner: Option<PathBuf>,
    pub(super) libdir: Option<PathBuf>,
    pub(super) module: Option<PathBuf>,
    pub(super) rundir: Option<PathBuf>,
    pub(super) vardir: Option<PathBuf>,
    pub(super) privilege: Option<Privilege>,
    pub(super) bwrap: Option<PathBuf>,
    pub(super) capabilities: Option<CapabilityPolicy>,
    pub(super) missing: MissingCapabilities,
    pub(super) boot: Boot,
    pub(super) supervisor: Option<PathBuf>,
    pub(super) keep: Keep,
    pub(super) tmpfs_size: Option<NonZeroU64>,
    pub(super) pids: Option<u32>,
    pub(super) unlimited_pids: UnlimitedPids,
    pub(super) proc_overrides: BTreeMap<String, Vec<u8>>,
    pub(super) mounting: Mounting,
    pub(super) surroundings: Surroundings,
    pub(super) mutation: Option<fn(&mut Plan)>,
    pub(super) devices: Option<DeviceNodes>,
}

impl Builder {
    pub(super) fn new(root: PathBuf) -> Self {
        Self {
            root,
            profile: Profile::NEWEST_OSBUILD,
            runner: None,
            libdir: None,
            module: None,
            rundir: None,
            vardir: None,
            privilege: None,
            bwrap: None,
            capabilities: None,
            missing: MissingCapabilities::Intersect,
            boot: Boot::Mount,
            supervisor: None,
            keep: Keep::Remove,
            tmpfs_size: None,
            pids: None,
            unlimited_pids: UnlimitedPids::Warn,
            proc_overrides: BTreeMap::from([("cmdline".to_owned(), KERNEL_COMMAND_LINE.into())]),
            mounting: Mounting::AsCapable,
            surroundings: Surroundings::Host,
            mutation: None,
            devices: None,
        }
    }

    /// What is built; the newest osbuild, unless said otherwise.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// An executable that prepares each run and then executes the command it gets as arguments.
    #[must_use]
    pub fn runner(mut self, path: impl Into<PathBuf>) -> Self {
        self.runner = Some(path.into());
        self
    }

    /// The directory that becomes `/run/osbuild/lib`; unless said otherwise an empty one with `runners/` and `osbuild/`.
    #[must_use]
    pub fn libdir(mut self, path: impl Into<PathBuf>) -> Self {
        self.libdir = Some(path.into());
        self
    }

    /// The `osbuild` Python package, mounted at `/run/osbuild/lib/osbuild` where the libdir has none.
    #[must_use]
    pub fn module(mut self, path: impl Into<PathBuf>) -> Self {
        self.module = Some(path.into());
        self
    }

    /// Where the scratch directory for sockets and small files is made. Unless said otherwise that is `/run/rootcontract`
    /// for root; for others `$XDG_RUNTIME_DIR/rootcontract`, or `$TMPDIR` where that is no directory of theirs alone.
    #[must_use]
    pub fn rundir(mut self, path: impl Into<PathBuf>) -> Self {
        self.rundir = Some(path.into());
        self
    }

    /// Where the scratch directory for `/var` is made, on disk; `/var/tmp`, unless said otherwise, or `$TMPDIR` for who
    /// may not write there.
    #[must_use]
    pub fn vardir(mut self, path: impl Into<PathBuf>) -> Self {
        self.vardir = Some(path.into());
        self
    }

    /// What it is built with; the best there is, unless said otherwise: as root, else in a user namespace with
    /// subordinate ids, else in one with the caller alone.
    #[must_use]
    pub fn privilege(mut self, privilege: Privilege) -> Self {
        self.privilege = Some(privilege);
        self
    }

    /// Whether the payload may mount what it likes, in a user namespace where that does not matter to the host. It takes
    /// CAP_SYS_ADMIN among the [capabilities](Self::capabilities).
    #[must_use]
    pub fn mounting(mut self, mounting: Mounting) -> Self {
        self.mounting = mounting;
        self
    }

    /// The bubblewrap to use; the first in `PATH`, unless said otherwise.
    #[must_use]
    pub fn bwrap(mut self, path: impl Into<PathBuf>) -> Self {
        self.bwrap = Some(path.into());
        self
    }

    /// Which capabilities the payload gets. Unless said otherwise those of the caller, as osbuild has it, and in
    /// [`Profile::Hardened`] those that scriptlets need.
    #[must_use]
    pub fn capabilities(mut self, policy: CapabilityPolicy) -> Self {
        self.capabilities = Some(policy);
        self
    }

    /// What to do when the caller lacks some of them; do without, unless said otherwise.
    #[must_use]
    pub fn missing_capabilities(mut self, missing: MissingCapabilities) -> Self {
        self.missing = missing;
        self
    }

    /// Whether `/boot` is mounted; it is, unless said otherwise.
    #[must_use]
    pub fn boot(mut self, boot: Boot) -> Self {
        self.boot = boot;
        self
    }

    /// The `rootcontract` command. Unless said otherwise it is looked for in `$ROOTCONTRACT_SUPERVISOR`,
    /// as the running program, beside it, and in `PATH`.
    #[must_use]
    pub fn supervisor(mut self, path: impl Into<PathBuf>) -> Self {
        self.supervisor = Some(path.into());
        self
    }

    /// What becomes of the scratch directories.
    #[must_use]
    pub fn keep(mut self, keep: Keep) -> Self {
        self.keep = keep;
        self
    }

    /// The most that `/` and each tmpfs in it hold, in bytes, so that no run can fill the memory. Unless said otherwise half
    /// the memory each, and in [`Profile::Hardened`] a gibibyte. In osbuild's profiles it takes a bubblewrap that knows
    /// `--size` (0.7, or a distribution's that has it).
    #[must_use]
    pub fn tmpfs_size(mut self, size: NonZeroU64) -> Self {
        self.tmpfs_size = Some(size);
        self
    }

    /// The most processes that a run has at a time, bubblewrap's own two among them; unlimited unless said otherwise.
    ///
    /// Linux 6.14 and later do it in the run's pid namespace, which nobody sees, and count up to three hundred more;
    /// others in a control group, where this process may make some.
    #[must_use]
    pub fn pids(mut self, most: u32) -> Self {
        self.pids = Some(most);
        self
    }

    /// What to do when that can't be done; [`BuildRoot::warnings`](super::BuildRoot::warnings) says so, unless said
    /// otherwise.
    #[must_use]
    pub fn unlimited_pids(mut self, unlimited: UnlimitedPids) -> Self {
        self.unlimited_pids = unlimited;
        self
    }

    /// What the runs read as `/proc/NAME` (v190); `cmdline` is `root=/dev/osbuild` unless said otherwise.
    #[must_use]
    pub fn proc_override(mut self, name: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        self.proc_overrides.insert(name.into(), content.into());
        self
    }

    /// The root directory.
    pub fn tree(&self) -> &Path {
        &self.root
    }

    /// What is around the sandboxes.
    #[must_use]
    pub(crate) fn surroundings(mut self, surroundings: Surroundings) -> Self {
        self.surroundings = surroundings;
        self
    }

    /// Which capabilities are asked for.
    pub(super) fn policy(&self) -> CapabilityPolicy {
        self.capabilities.clone().unwrap_or(match self.profile {
            Profile::OsbuildV19 | Profile::OsbuildV190 => CapabilityPolicy::Inherit,
            Profile::Hardened => CapabilityPolicy::Scriptlet,
        })
    }

    /// The size of each tmpfs, if one is set.
    pub(super) fn size(&self) -> Option<NonZeroU64> {
        let default = if self.profile.is_osbuild() { None } else { Some(DEFAULT_SIZE) };
        self.tmpfs_size.or(default)
    }

    /// The size that bubblewrap is told for what it mounts itself; in `hardened` every tmpfs is ours.
    pub(super) fn told_size(&self) -> Option<NonZeroU64> {
        self.tmpfs_size.filter(|_| self.profile.is_osbuild())
    }

    /// The device nodes, where they are not to be the profile's.
    #[cfg(feature = "rpm")]
    #[must_use]
    pub(crate) fn devices(mut self, nodes: DeviceNodes) -> Self {
        self.devices = Some(nodes);
        self
    }

    /// A change to every plan, to see whether a check notices.
    #[must_use]
    pub(crate) fn mutation(mut self, mutation: Option<fn(&mut Plan)>) -> Self {
        self.mutation = mutation;
        self
    }
}
