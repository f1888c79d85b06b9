//! Opening a build root: from a [`Builder`] to a supervisor that holds it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::errno::Errno;

use super::builder::{Builder, Keep, MissingCapabilities, UnlimitedPids};
use super::privilege::{self, Ids, PrivilegeError, Way};
use super::protocol::{self, Copied, Open, Opened, Pids, Reply, Request, Want};
use super::scratch::Scratch;
use super::sources::{DEV, HELD, Sources};
use super::tree::{Found, Tree};
use super::{BuildRoot, OpenError, Supervisor, name, place, supervisor};
use crate::capability::CapabilitySet;
use crate::plan::{Grant, HostPath, Op, SandboxPath};
use crate::profile::{COVERS, DEFAULT_SIZE, Layout, NodeCreation, Profile, Runner, SELINUX, SYS, Shelter, TMPFS};

impl Builder {
    /// Opens the root.
    ///
    /// # Errors
    /// See [`OpenError`]. Nothing is left of the attempt.
    pub fn open(self) -> Result<BuildRoot, OpenError> {
        let tree = Tree::open(&self.root).map_err(|source| OpenError::Root { path: self.root.clone(), source })?;
        if tree.real_directory("usr")?.is_none() {
            return Err(OpenError::NoUsr { path: self.root.clone() });
        }
        let bwrap = self.bubblewrap()?;
        self.is_understood(&bwrap)?;
        let mut lesser = None;
        let mut ways = privilege::ways(self.privilege, self.mounting)?.into_iter().peekable();
        while let Some(way) = ways.next() {
            match self.open_by(&way, &tree, &bwrap, lesser) {
                Err(OpenError::Refused(why)) if why.want == Some(Want::SubordinateIds) && ways.peek().is_some() => {
                    lesser = Some(why);
                }
                result => return result,
            }
        }
        Err(OpenError::Privilege(PrivilegeError::NotRoot(nix::unistd::geteuid().as_raw())))
    }

    fn open_by(
        &self,
        way: &Way,
        tree: &Tree,
        bwrap: &Path,
        lesser: Option<protocol::Failure>,
    ) -> Result<BuildRoot, OpenError> {
        let capabilities = self.grant(way)?;
        let of_run_time = || match way.ids {
            // Somebody else's: they have to get there.
            Ids::Shifted { .. } => place::on_disk(way.privilege),
            _ => place::of_run_time(way.privilege),
        };
        let rundir = self.rundir.clone().unwrap_or_else(of_run_time);
        let vardir = self.vardir.clone().unwrap_or_else(|| place::on_disk(way.privilege));
        let scratch = make_scratch(&rundir, self.keep)?;
        let var = make_scratch(&vardir, self.keep)?;
        // Open until the supervisor has them: so long no other file can be taken for one of them.
        let sources = Sources::find(tree, self.boot)?;
        let layout = self.layout(&sources, capabilities, &scratch, &var)?;
        let tree_facts = facts(tree, &way.ids)?;
        if let Ids::Shifted { range } = way.ids {
            for scratch in [&scratch, &var] {
                scratch
                    .give(range.first)
                    .map_err(|source| OpenError::Scratch { path: scratch.path().to_owned(), source })?;
            }
        }
        let request = self.request(way, &layout, &sources, bwrap, [&scratch, &var]);
        let (supervisor, opened) = self.start(&request, [scratch.lock().as_fd(), var.lock().as_fd()])?;
        let layout = Layout { shelter: Shelter { covers: opened.covers.clone(), ..layout.shelter }, ..layout };
        let root = BuildRoot {
            profile: self.profile,
            policy: self.policy(),
            privilege: way.privilege,
            lesser,
            bwrap: bwrap.to_owned(),
            tmpfs_size: self.told_size(),
            held: sources.held(&layout, &scratch.path().join(HELD)),
            layout,
            endpoints: std::sync::Mutex::default(),
            mutation: self.mutation,
            opened,
            host_root: way.ids.own(Path::new("/dev/null")),
            tree_facts,
            scratch,
            var,
            supervisor: Some(supervisor),
        };
        match (root.opened.pids.clone(), self.unlimited_pids) {
            (Some(Pids::Unlimited(why)), UnlimitedPids::Refuse) => Err(OpenError::UnlimitedPids(why)),
            _ => Ok(root),
        }
    }

    fn bubblewrap(&self) -> Result<PathBuf, OpenError> {
        let Some(path) = &self.bwrap else {
            return Ok(crate::bwrap::find(std::env::var_os("PATH").as_deref())?);
        };
        let refused = |source| OpenError::NotBubblewrap { path: path.clone(), source };
        let metadata = path.metadata().map_err(refused)?;
        if metadata.is_dir() {
            return Err(refused(Errno::EISDIR.into()));
        }
        if metadata.permissions().mode() & 0o111 == 0 {
            return Err(refused(Errno::EACCES.into()));
        }
        std::path::absolute(path).map_err(refused)
    }

    /// Whether this bubblewrap knows the options that upstream's plans do without.
    fn is_understood(&self, bwrap: &Path) -> Result<(), OpenError> {
        let Some(size) = self.told_size() else { return Ok(()) };
        let option = Op::Tmpfs { at: SandboxPath::new("/"), size: Some(size) };
        crate::bwrap::understands(bwrap, &option).map_err(|source| OpenError::Unable {
            setting: "limit the size of a tmpfs",
            path: bwrap.to_owned(),
            source,
        })
    }

    fn grant(&self, way: &Way) -> Result<Grant, OpenError> {
        let caller = if way.ids == Ids::Kept { permitted() } else { every() }.map_err(OpenError::Capabilities)?;
        let grant = Grant { caller, wanted: self.policy().wanted() };
        match self.missing {
            MissingCapabilities::Refuse if !grant.missing().is_empty() => {
                Err(OpenError::MissingCapabilities(grant.missing()))
            }
            MissingCapabilities::Refuse | MissingCapabilities::Intersect => Ok(grant),
        }
    }

    /// Fills the scratch directories and says where everything lies.
    fn layout(
        &self,
        sources: &Sources,
        capabilities: Grant,
        scratch: &Scratch,
        var: &Scratch,
    ) -> Result<Layout, OpenError> {
        let path = |found: &Found| found.path.clone();
        let made = |scratch: &Scratch, name: &str, mode| {
            let failed = |source| OpenError::Scratch { path: scratch.path().to_owned(), source };
            scratch.directory(name, mode).map(HostPath::new).map_err(failed)
        };
        let var_directory = made(var, "var", 0o755)?;
        if self.profile != Profile::OsbuildV19 {
            // 1777 whatever the umask: what osbuild 345516e8 meant.
            made(var, "var/tmp", 0o1777)?;
        }
        made(scratch, HELD, 0o755)?;
        Ok(Layout {
            usr: sources.usr.as_ref().map(path),
            boot: sources.boot.as_ref().map(path),
            mke2fs_conf: path(&sources.mke2fs_conf),
            containers: path(&sources.containers),
            selinux: path(&sources.selinux),
            ostree: path(&sources.ostree),
            dev: made(scratch, "dev", 0o755)?,
            var: var_directory,
            libdir: self.library(scratch)?,
            module: self.module.clone().filter(|_| self.wants_module()).map(HostPath::new),
            proc_overrides: self.write_proc_overrides(scratch)?,
            api: made(scratch, "api", 0o755)?,
            endpoints: Vec::new(),
            runner: self.runner_file()?,
            capabilities,
            term: std::env::var_os("TERM"),
            binds: Vec::new(),
            environment: BTreeMap::new(),
            argv: Vec::new(),
            shelter: self
                .shelter(scratch)
                .map_err(|source| OpenError::Scratch { path: scratch.path().to_owned(), source })?,
        })
    }

    /// What the profile `hardened` covers things with; made where it is needed.
    fn shelter(&self, scratch: &Scratch) -> io::Result<Shelter> {
        let at = |name: &str| scratch.path().join(name);
        if !self.profile.is_osbuild() {
            scratch.directory("empty", 0o555)?;
            scratch.directory("tmpfs", 0o755)?;
            for (_, name, mode) in TMPFS {
                scratch.directory(&format!("tmpfs/{name}"), mode)?;
            }
            scratch.directory("sys", 0o755)?;
            for name in SYS.into_iter().chain(SELINUX) {
                scratch.directory(&format!("sys/{name}"), 0o755)?;
            }
            std::fs::write(at("nothing"), "")?;
            std::fs::set_permissions(at("nothing"), std::fs::Permissions::from_mode(0o444))?;
            std::fs::write(at("filter"), crate::arch::native().map(|arch| arch.filter).ok_or(Errno::ENOTSUP)?)?;
        }
        Ok(Shelter {
            file: HostPath::new(at("nothing")),
            directory: HostPath::new(at("empty")),
            tmpfs: HostPath::new(at("tmpfs")),
            size: self.size().unwrap_or(DEFAULT_SIZE),
            filter: HostPath::new(at("filter")),
            sys: HostPath::new(at("sys")),
            covers: Vec::new(),
        })
    }

    /// osbuild mounts its Python package where no libdir was given (v19), or where the libdir's `osbuild` is empty.
    fn wants_module(&self) -> bool {
        match (&self.libdir, self.profile) {
            (None, _) => true,
            (Some(_), Profile::OsbuildV19) => false,
            (Some(libdir), Profile::OsbuildV190 | Profile::Hardened) => {
                std::fs::read_dir(libdir.join("osbuild")).is_ok_and(|mut entries| entries.next().is_none())
            }
        }
    }

    fn runner_file(&self) -> Result<Runner, OpenError> {
        let Some(path) = &self.runner else { return Ok(Runner::None) };
        let refused = |source| OpenError::Path { path: path.clone(), what: "the runner", source };
        let path = path.canonicalize().map_err(refused)?;
        if !path.is_file() {
            return Err(refused(Errno::EISDIR.into()));
        }
        let name = path.file_name().map(OsStr::to_owned).unwrap_or_default();
        Ok(Runner::File { name, path: HostPath::new(path) })
    }

    /// The libdir: the one that was given, or one of our own.
    fn library(&self, scratch: &Scratch) -> Result<HostPath, OpenError> {
        if let Some(libdir) = &self.libdir {
            let refused = |source| OpenError::Path { path: libdir.clone(), what: "the libdir", source };
            return libdir.canonicalize().map(HostPath::new).map_err(refused);
        }
        let fill = || -> io::Result<PathBuf> {
            let libdir = scratch.directory("lib", 0o755)?;
            scratch.directory("lib/osbuild", 0o755)?;
            scratch.directory("lib/runners", 0o755)?;
            Ok(libdir)
        };
        fill().map(HostPath::new).map_err(|source| OpenError::Scratch { path: scratch.path().to_owned(), source })
    }

    /// v19 finds its runner in the libdir, so one of ours gets a copy.
    fn copied(&self, layout: &Layout) -> Option<Copied> {
        match (&layout.runner, self.profile) {
            (Runner::File { name, path }, Profile::OsbuildV19) if self.libdir.is_none() => {
                Some(Copied { from: path.0.clone().into(), to: layout.libdir.join("runners").join(name).0.into() })
            }
            _ => None,
        }
    }

    fn write_proc_overrides(&self, scratch: &Scratch) -> Result<BTreeMap<String, HostPath>, OpenError> {
        let write = || -> io::Result<BTreeMap<String, HostPath>> {
            let directory = scratch.directory("proc", 0o755)?;
            self.proc_overrides
                .iter()
                .map(|(name, content)| {
                    if !name::is_plain(name.as_ref()) {
                        return Err(Errno::EINVAL.into());
                    }
                    let path = directory.join(name);
                    std::fs::write(&path, content)?;
                    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644))?;
                    Ok((name.clone(), HostPath::new(path)))
                })
                .collect()
        };
        write().map_err(|source| OpenError::Scratch { path: scratch.path().to_owned(), source })
    }

    fn request(&self, way: &Way, layout: &Layout, sources: &Sources, bwrap: &Path, scratch: [&Scratch; 2]) -> Request {
        let nodes = self.devices.unwrap_or_else(|| self.profile.device_nodes());
        // In a user namespace no node can be made that could be opened.
        let creation = if way.ids == Ids::Kept { nodes.creation } else { NodeCreation::Bind };
        let places = scratch.map(|scratch| scratch.path().parent().unwrap_or(Path::new("/")).as_os_str().to_owned());
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let held = scratch[0].path().join(HELD);
        let runner = match &layout.runner {
            Runner::None => None,
            Runner::File { path, .. } => Some(path),
        };
        let needed = std::iter::once(&layout.libdir).chain(&layout.module).chain(runner);
        let scratch = scratch.map(|scratch| scratch.path().as_os_str().to_owned());
        Request::Open(Box::new(Open {
            ids: way.ids.clone(),
            bwrap: bwrap.into(),
            dev: held.join(DEV).into(),
            held: held.into(),
            sources: sources.told(),
            program: self.copied(layout),
            dev_size: self.size(),
            creation,
            names: owned(nodes.names),
            optional: owned(nodes.optional),
            furniture: nodes.furniture,
            covers: if self.profile.is_osbuild() { Vec::new() } else { COVERS.map(|(name, _)| name.to_owned()).into() },
            pids: self.pids,
            needed: needed
                .map(|path| path.0.as_path())
                .chain([bwrap])
                .map(|path| path.as_os_str().to_owned())
                .chain(scratch.iter().cloned())
                .collect(),
            scratch: if self.keep == Keep::Remove { scratch.into() } else { Vec::new() },
            places: if way.ids == Ids::Kept { Vec::new() } else { places.into() },
            surroundings: self.surroundings,
        }))
    }

    fn start(&self, request: &Request, locks: [BorrowedFd<'_>; 2]) -> Result<(Supervisor, Opened), OpenError> {
        let program = self.supervisor_program()?;
        let failed = |source| OpenError::Supervisor { path: program.clone(), source };
        let (control, theirs) = protocol::packet_pair().map_err(failed)?;
        // No hook between fork and exec, so that std uses posix_spawn and a large caller pays nothing.
        let mut child = Command::new(&program)
            .arg(supervisor::ARGUMENT)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(failed)?;
        let answer = protocol::ask(control.as_fd(), request, &locks).and_then(|socket| protocol::reply(&socket));
        let error = match answer {
            Ok(Reply::Opened(opened)) => return Ok((Supervisor { child, control }, opened)),
            Ok(Reply::Failed(failure)) => OpenError::Refused(failure),
            Ok(_) => OpenError::SupervisorGone(Errno::EPROTO.into()),
            Err(error) if protocol::is_gone(&error) => OpenError::SupervisorGone(error),
            Err(error) => OpenError::Ask(error),
        };
        drop(control);
        let _its_end_is_no_news = child.wait();
        Err(error)
    }

    fn supervisor_program(&self) -> Result<PathBuf, OpenError> {
        command(self.supervisor.clone())
    }
}

/// The `rootcontract` command: the one that is named, else looked for as [`Builder::supervisor`] says.
pub(crate) fn command(named: Option<PathBuf>) -> Result<PathBuf, OpenError> {
    let own = std::env::current_exe().ok();
    let beside = own.as_ref().and_then(|own| Some(own.parent()?.join("rootcontract")));
    let in_path = || std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    named
        .or_else(|| std::env::var_os("ROOTCONTRACT_SUPERVISOR").map(PathBuf::from))
        .or_else(|| own.filter(|own| own.file_name() == Some(OsStr::new("rootcontract"))))
        .or_else(|| beside.filter(|path| path.is_file()))
        .or_else(|| in_path()?.into_iter().map(|directory| directory.join("rootcontract")).find(|path| path.is_file()))
        .ok_or(OpenError::NoSupervisor)
}

/// What of the root a contract's `when.tree` can ask for.
fn facts(tree: &Tree, ids: &Ids) -> Result<BTreeMap<String, bool>, OpenError> {
    let mut facts = tree.facts()?;
    facts.insert("owned".to_owned(), ids.own(&tree.path().join("usr")));
    Ok(facts)
}

/// The capabilities of this process.
fn permitted() -> io::Result<CapabilitySet> {
    let status = std::fs::read("/proc/self/status")?;
    let permitted = crate::facts::status::parse(&status).and_then(|status| status.mask("CapPrm"));
    permitted.map(CapabilitySet).map_err(|_| Errno::ENODATA.into())
}

/// The capabilities of who makes a user namespace, in it: all that the kernel knows (user_namespaces(7)).
fn every() -> io::Result<CapabilitySet> {
    let last = std::fs::read_to_string("/proc/sys/kernel/cap_last_cap")?;
    let last: u32 = last.trim().parse().map_err(|_| io::Error::from(Errno::EBADMSG))?;
    Ok(CapabilitySet(u64::MAX >> 63_u32.saturating_sub(last)))
}

fn make_scratch(parent: &Path, keep: Keep) -> Result<Scratch, OpenError> {
    let failed = |source| OpenError::Scratch { path: parent.to_owned(), source };
    Scratch::make(&std::path::absolute(parent).map_err(failed)?, keep).map_err(failed)
}
