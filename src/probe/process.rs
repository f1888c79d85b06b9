//! The probe's own process, its descriptors, and the processes it sees.

use std::{
    collections::BTreeMap,
    fs,
    os::{
        fd::RawFd,
        unix::{ffi::OsStrExt, fs::MetadataExt},
    },
    path::Path,
};

use nix::{
    errno::Errno,
    libc,
    sys::{
        prctl,
        signal::Signal,
        stat::{major, minor},
    },
    unistd::{getpgrp, getpid, getppid, getsid},
};

use super::{
    files,
    read::{self, bytes, called, errno, link, parsed, understood, unread},
};
use crate::{
    capability::CapabilitySet,
    facts::{
        Fact, Malformed, Unread, auxv,
        capability::Capabilities,
        descriptor::{Access, Descriptor, target},
        environ,
        node::Kind,
        process::{Pids, Process, alone, controlling_terminal},
        signal::{self, Signals},
        status::{self, Status},
        text::escape,
    },
    sys::{self, Attribute},
};

const STATUS: &str = "/proc/self/status";

/// The most processes whose names are told.
const NAMED_LIMIT: usize = 8;

/// A status file that was read, from which any number of facts are taken.
pub struct StatusFile {
    path: String,
    bytes: Result<Vec<u8>, Unread>,
}

impl StatusFile {
    /// This process's.
    pub fn own() -> StatusFile {
        StatusFile { path: STATUS.to_owned(), bytes: bytes(STATUS) }
    }

    fn of_init() -> StatusFile {
        let path = "/proc/1/status".to_owned();
        StatusFile { bytes: bytes(&path), path }
    }

    fn fact<T>(&self, take: impl FnOnce(&Status<'_>) -> Result<T, Malformed>) -> Fact<T> {
        let bytes = match &self.bytes {
            Ok(bytes) => bytes,
            Err(reason) => return Fact::Unread(reason.clone()),
        };
        understood(&self.path, status::parse(bytes).and_then(|status| take(&status))).into()
    }
}

/// The process as it was started.
pub fn process(status: &StatusFile) -> Process {
    let attribute = |name, attribute| called(&format!("prctl {name}"), sys::attribute(attribute));
    let flag = |name, attribute| called(&format!("prctl {name}"), sys::attribute(attribute).map(|value| value != 0));
    Process {
        pid: getpid().as_raw(),
        ppid: getppid().as_raw(),
        pgid: getpgrp().as_raw(),
        sid: getsid(None).map_or(-1, |session| session.as_raw()),
        uid: status.fact(|status| status.ids("Uid")),
        gid: status.fact(|status| status.ids("Gid")),
        groups: status.fact(|status| {
            let mut groups: Vec<u32> = status.list("Groups")?;
            groups.sort_unstable();
            Ok(groups)
        }),
        umask: status.fact(|status| status.umask()),
        cwd: link("/proc/self/cwd").into(),
        no_new_privs: status.fact(|status| status.flag("NoNewPrivs")),
        seccomp: status.fact(|status| status.number("Seccomp")),
        seccomp_filters: status.fact(|status| status.number("Seccomp_filters")),
        dumpable: attribute("PR_GET_DUMPABLE", Attribute::Dumpable),
        parent_death_signal: called(
            "prctl PR_GET_PDEATHSIG",
            prctl::get_pdeathsig().map(|signal| signal.map_or(0, |signal| signal as i32)),
        ),
        personality: called("personality", sys::personality()),
        nice: called("getpriority", sys::nice()),
        oom_score_adj: parsed("/proc/self/oom_score_adj", alone),
        controlling_terminal: parsed("/proc/self/stat", controlling_terminal),
        subreaper: called("prctl PR_GET_CHILD_SUBREAPER", prctl::get_child_subreaper()),
        chrooted: chrooted().into(),
        keep_capabilities: flag("PR_GET_KEEPCAPS", Attribute::KeepCapabilities),
        scheduler: called("sched_getscheduler", sys::scheduler()),
        io_priority: called("ioprio_get", sys::io_priority()),
        affinity: status.fact(|status| status.population("Cpus_allowed")),
        thp_disabled: flag("PR_GET_THP_DISABLE", Attribute::ThpDisabled),
        memory_deny_write_execute: flag("PR_GET_MDWE", Attribute::MemoryDenyWriteExecute),
        secure_execution: auxiliary(auxv::AT_SECURE).map(|secure| secure != 0),
        loginuid: parsed("/proc/self/loginuid", alone),
        sessionid: parsed("/proc/self/sessionid", alone),
        core_dump_filter: bytes("/proc/self/coredump_filter").map(|bytes| escape(bytes.trim_ascii_end())).into(),
        timer_slack: called(
            "prctl PR_GET_TIMERSLACK",
            sys::attribute(Attribute::TimerSlack).and_then(|slack| u64::try_from(slack).map_err(|_| Errno::EOVERFLOW)),
        ),
        threads: status.fact(|status| status.number("Threads")),
        argv0: std::env::args_os().next().map(|name| escape(name.as_bytes())),
        executable: link("/proc/self/exe").into(),
        environment_malformed: bytes("/proc/self/environ").map(|bytes| environ::parse(&bytes).malformed).into(),
    }
}

/// Whether `/` is another directory than process 1's.
fn chrooted() -> Result<bool, Unread> {
    let directory = |path: &str| {
        let metadata = fs::metadata(path).map_err(|error| unread(format!("stat {path}"), errno(&error)))?;
        Ok((metadata.dev(), metadata.ino()))
    };
    Ok(directory("/")? != directory("/proc/1/root")?)
}

/// A number of the auxiliary vector.
pub fn auxiliary(kind: usize) -> Fact<u64> {
    parsed("/proc/self/auxv", |bytes| {
        let absent = Malformed { what: "entry of this kind", line: 0 };
        auxv::parse(bytes)?.get(&kind).map(|&value| value as u64).ok_or(absent)
    })
}

/// The variables that the process was started with.
pub fn environment() -> Fact<BTreeMap<String, Option<String>>> {
    bytes("/proc/self/environ").map(|bytes| environ::parse(&bytes).variables).into()
}

/// The five sets, and what guards them.
pub fn capabilities(status: &StatusFile) -> Fact<Capabilities> {
    status.fact(|status| {
        let set = |name| status.mask(name).map(|mask| CapabilitySet(mask).names());
        Ok(Capabilities {
            inheritable: set("CapInh")?,
            permitted: set("CapPrm")?,
            effective: set("CapEff")?,
            bounding: set("CapBnd")?,
            ambient: set("CapAmb")?,
            securebits: called(
                "prctl PR_GET_SECUREBITS",
                sys::attribute(Attribute::Securebits)
                    .and_then(|bits| u32::try_from(bits).map_err(|_| Errno::EOVERFLOW)),
            ),
            last: parsed("/proc/sys/kernel/cap_last_cap", alone),
        })
    })
}

/// Dispositions and masks as they were before Rust's runtime came: it ignores `SIGPIPE` and handles two faults.
pub fn signals(status: &StatusFile) -> Fact<Signals> {
    let pipe = if sys::started_with_sigpipe_ignored() { signal::bit(Signal::SIGPIPE) } else { 0 };
    let runtime = signal::bit(Signal::SIGSEGV) | signal::bit(Signal::SIGBUS);
    status.fact(|status| {
        Ok(Signals {
            ignored: signal::names(status.mask("SigIgn")? & !signal::bit(Signal::SIGPIPE) | pipe),
            blocked: signal::names(status.mask("SigBlk")?),
            caught: signal::names(status.mask("SigCgt")? & !runtime),
            pending: signal::names(status.mask("SigPnd")? | status.mask("ShdPnd")?),
        })
    })
}

/// Every descriptor that was open when the process started.
pub fn descriptors() -> Fact<BTreeMap<String, Descriptor>> {
    let numbers = match read::names(Path::new("/proc/self/fd")) {
        Ok(names) => names.into_iter().filter_map(|name| name.to_str().and_then(|name| name.parse().ok())),
        Err(reason) => return Fact::Unread(reason),
    };
    // The listing's own descriptor is closed by now.
    let open = numbers.filter(|&number| sys::started_with_open(number)).filter_map(|number: RawFd| {
        let link = fs::read_link(format!("/proc/self/fd/{number}")).ok()?;
        Some((number, link))
    });
    let described = open.map(|(number, link)| Ok((number.to_string(), descriptor(number, &link)?)));
    described.collect::<Result<_, Unread>>().into()
}

fn descriptor(number: RawFd, link: &Path) -> Result<Descriptor, Unread> {
    let path = format!("/proc/self/fd/{number}");
    let meta = fs::metadata(&path).map_err(|error| unread(format!("stat {path}"), errno(&error)))?;
    let (status, own) =
        sys::descriptor_flags(number).map_err(|errno| unread(format!("fcntl descriptor {number}"), errno))?;
    let kind = files::kind(meta.file_type());
    let access = match status & libc::O_ACCMODE {
        _ if status & libc::O_PATH != 0 => Access::Path,
        libc::O_RDONLY => Access::Read,
        libc::O_WRONLY => Access::Write,
        _ => Access::ReadWrite,
    };
    let device = matches!(kind, Kind::Char | Kind::Block);
    Ok(Descriptor {
        target: target(link.as_os_str().as_bytes()),
        kind,
        access,
        device: device.then(|| format!("{}:{}", major(meta.rdev()), minor(meta.rdev()))),
        blocking: status & libc::O_NONBLOCK == 0,
        cloexec: own & libc::FD_CLOEXEC != 0,
    })
}

/// The other processes; their names only inside the box.
pub fn pids(status: &StatusFile, inside: bool) -> Pids {
    let numbers = read::names(Path::new("/proc")).map(|names| {
        let mut numbers: Vec<i32> =
            names.iter().filter_map(|name| name.to_str().and_then(|name| name.parse().ok())).collect();
        numbers.sort_unstable();
        numbers
    });
    let named = numbers.as_deref().ok().filter(|numbers| inside && numbers.len() <= NAMED_LIMIT).unwrap_or_default();
    let command = |pid: &i32| {
        let name = bytes(&format!("/proc/{pid}/comm")).ok()?;
        Some((pid.to_string(), escape(name.trim_ascii_end())))
    };
    let init = if inside { settled_init() } else { StatusFile::of_init() };
    let set = |name| init.fact(move |status| status.mask(name).map(|mask| CapabilitySet(mask).names()));
    Pids {
        commands: named.iter().filter_map(command).collect(),
        visible: numbers.into(),
        depth: status.fact(|status| {
            let levels: Vec<i32> = status.list("NSpid")?;
            Ok(u32::try_from(levels.len()).unwrap_or(u32::MAX))
        }),
        init_no_new_privs: init.fact(|status| status.flag("NoNewPrivs")),
        init_effective: set("CapEff"),
        init_permitted: set("CapPrm"),
    }
}

/// How long PID 1 may take to give its capabilities up, in milliseconds.
const PATIENCE: u32 = 500;

/// PID 1 after it has given its capabilities up: bubblewrap does so when the payload may be running already
/// (`drop_all_caps` after `fork`, every version to 0.12). One that never does is seen as it is.
fn settled_init() -> StatusFile {
    let mut waited = 0;
    loop {
        let init = StatusFile::of_init();
        let holds_some = init.fact(|status| status.mask("CapEff")).known().is_some_and(|&mask| mask != 0);
        if !holds_some || waited == PATIENCE {
            return init;
        }
        waited += 1;
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}
