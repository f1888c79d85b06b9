//! Expectations in words, for reports and for the document.

use std::fmt::{self, Display, Formatter};

use super::expect::{
    Attempt, CallerMounts, Capabilities, Device, Directory, Expect, Fact, Link, Mount, MountsBelow, Node, Variable,
};
use super::kinds::{CallerList, CapabilityReference, Launched, MountFlag, Sharing, Which, World};
use super::vocabulary::{HostFact, TreeFact, Word};
use super::when::When;

impl Display for Expect {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mount(mount) => self::mount(mount, out),
            Self::MountsBelow(below) => mounts_below(below, out),
            Self::NoMount(place) => write!(out, "nothing mounted at {place}"),
            Self::CallerMounts(mounts) => caller_mounts(mounts, out),
            Self::Link(link) => self::link(link, out),
            Self::Device(device) => self::device(device, out),
            Self::Node(node) => self::node(node, out),
            Self::Absent(place) => write!(out, "no {place}"),
            Self::Directory(directory) => self::directory(directory, out),
            Self::Variable(variable) => self::variable(variable, out),
            Self::NoVariable(name) => write!(out, "{name} not set"),
            Self::Variables(Launched::Set) => out.write_str("every variable of the launch, with its value"),
            Self::Variables(Launched::Inherited) => out.write_str("every variable of the caller, passed on"),
            Self::Capabilities(capabilities) => self::capabilities(capabilities, out),
            Self::Namespace(namespace) => match namespace.is {
                Sharing::Shared => write!(out, "the host's {} namespace", namespace.name),
                Sharing::Own => write!(out, "a {} namespace of its own", namespace.name),
            },
            Self::Process(process) => {
                write!(out, "{} to be seen", role(process.pid))?;
                given(out, ", named ", process.command.as_ref())
            }
            Self::Attempt(Attempt { name, gives }) => write!(out, "{name} gives {}", gives.join(" or ")),
            Self::Fact(fact) => self::fact(fact, out),
            Self::Closed(world) => write!(out, "no {} that no clause names", strangers(*world)),
        }
    }
}

impl Display for When {
    /// The conditions as the end of a sentence: `when the phase is raw and the tree has /boot to mount`.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        fn one_of<'word>(what: &str, words: impl Iterator<Item = &'word str>) -> Option<String> {
            let words: Vec<&str> = words.collect();
            (!words.is_empty()).then(|| format!("the {what} is {}", words.join(" or ")))
        }
        let conditions = [
            one_of("architecture", self.arch.iter().map(|word| word.as_str())),
            one_of("privilege", self.privilege.iter().map(|word| word.as_str())),
            one_of("phase", self.phase.iter().map(|word| word.as_str())),
            one_of("capability policy", self.policy.iter().map(|word| word.as_str())),
        ];
        let host = self.host.iter().map(|wanted| wanted.fact.phrase(wanted.wanted));
        let tree = self.tree.iter().map(|wanted| wanted.fact.phrase(wanted.wanted));
        let all: Vec<String> = conditions.into_iter().flatten().chain(host).chain(tree).collect();
        if all.is_empty() { out.write_str("always") } else { write!(out, "when {}", all.join(" and ")) }
    }
}

impl HostFact {
    /// That it is so, or that it is not.
    pub fn phrase(self, is: bool) -> String {
        let thing = match self {
            Self::Selinux => "SELinux policy",
            Self::Fuse => "/dev/fuse",
            Self::Ipv6 => "IPv6",
            Self::Yama => "Yama restrictions on ptrace",
            Self::SysrqTrigger => "/proc/sysrq-trigger",
            Self::SysAdminReadsLog => "kernel log for CAP_SYS_ADMIN alone",
            Self::RootMapped => "root among the build root's users",
            Self::SysWritable => "writable /sys",
            Self::Mdwe => "way to refuse memory that is writable and executable",
        };
        format!("the host has {}{thing}", if is { "" } else { "no " })
    }
}

impl TreeFact {
    /// That it is so, or that it is not.
    pub fn phrase(self, is: bool) -> String {
        let thing = match self {
            Self::Boot => "/boot to mount",
            Self::Bin => "/usr/bin",
            Self::Sbin => "/usr/sbin",
            Self::Lib => "/usr/lib",
            Self::Lib64 => "/usr/lib64",
            Self::Mke2fsConf => "/etc/mke2fs.conf",
            Self::Containers => "/etc/containers",
            Self::Selinux => "/etc/selinux",
            Self::Ostree => "/ostree",
            Self::Owned => "owner among the build root's users",
        };
        let article = if self == Self::Owned { "an " } else { "" };
        format!("the tree has {}{thing}", if is { article } else { "no " })
    }
}

/// What a stranger in a world is, in the plural.
pub fn strangers(world: World) -> &'static str {
    match world {
        World::Mounts => "mounts",
        World::Devices => "entries of /dev",
        World::Environment => "variables",
        World::Descriptors => "open descriptors",
        World::Root => "entries of /",
        World::Processes => "processes",
        World::Capabilities => "capabilities",
        World::Directories => "entries of known directories",
    }
}

/// A process by its role.
pub fn role(which: Which) -> &'static str {
    match which {
        Which::Init => "process 1",
        Which::Payload => "the payload's own process",
        Which::Parent => "the payload's parent",
    }
}

fn given<T: Display>(out: &mut Formatter<'_>, before: &str, value: Option<&T>) -> fmt::Result {
    value.map_or(Ok(()), |value| write!(out, "{before}{value}"))
}

fn flags(out: &mut Formatter<'_>, flags: &[MountFlag], also: &[MountFlag]) -> fmt::Result {
    let words = |flags: &[MountFlag]| flags.iter().map(|flag| flag.as_str()).collect::<Vec<_>>().join(",");
    out.write_str(&words(flags))?;
    if also.is_empty() { Ok(()) } else { write!(out, " (the host may add {})", words(also)) }
}

fn mount(mount: &Mount, out: &mut Formatter<'_>) -> fmt::Result {
    write!(out, "{} mounted", mount.at)?;
    if let Some(wanted) = &mount.flags {
        out.write_str(" ")?;
        flags(out, wanted, &mount.also)?;
    }
    given(out, ", type ", mount.fstype.as_ref())?;
    given(out, ", source ", mount.source.as_ref())?;
    given(out, ", root ", mount.root.as_ref())?;
    given(out, ", mounts on top of each other: ", mount.stacked.as_ref())
}

fn mounts_below(below: &MountsBelow, out: &mut Formatter<'_>) -> fmt::Result {
    match below.at.as_str() {
        "/" => out.write_str("every mount")?,
        at => write!(out, "{at} and everything mounted below it")?,
    }
    if let Some(wanted) = &below.flags {
        out.write_str(" ")?;
        flags(out, wanted, &below.also)?;
    }
    if let Some(propagation) = &below.propagation {
        write!(out, " {}", propagation.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(","))?;
    }
    given(out, ", mounts on top of each other: ", below.stacked.as_ref())
}

fn caller_mounts(mounts: &CallerMounts, out: &mut Formatter<'_>) -> fmt::Result {
    match mounts.of {
        CallerList::Binds => out.write_str("every bind of the caller mounted ro or rw as asked,")?,
        CallerList::Api => out.write_str("every api socket mounted ")?,
        CallerList::Runner => out.write_str("the runner mounted ")?,
        CallerList::Covers => out.write_str("every cover mounted ")?,
    }
    flags(out, &mounts.flags, &mounts.also)?;
    given(out, " in ", mounts.below.as_ref())
}

fn link(link: &Link, out: &mut Formatter<'_>) -> fmt::Result {
    write!(out, "{} -> {}", link.at, link.target)?;
    out.write_str(match link.resolves {
        Some(true) => ", which is there",
        Some(false) => ", which is not there",
        None => "",
    })
}

fn device(device: &Device, out: &mut Formatter<'_>) -> fmt::Result {
    device.at.fmt(out)?;
    given(out, " ", device.kind.as_ref())?;
    match (device.major, device.minor) {
        (Some(major), Some(minor)) => write!(out, " {major}:{minor}")?,
        (major, minor) => {
            given(out, " major ", major.as_ref())?;
            given(out, " minor ", minor.as_ref())?;
        }
    }
    given(out, " mode ", device.mode.as_ref())?;
    owner(out, device.uid, device.gid)
}

fn node(node: &Node, out: &mut Formatter<'_>) -> fmt::Result {
    node.at.fmt(out)?;
    given(out, " ", node.kind.as_ref())?;
    given(out, " mode ", node.mode.as_ref())?;
    owner(out, node.uid, node.gid)?;
    given(out, " size ", node.size.as_ref())?;
    given(out, " -> ", node.target.as_ref())
}

fn owner(out: &mut Formatter<'_>, uid: Option<u32>, gid: Option<u32>) -> fmt::Result {
    match (uid, gid) {
        (Some(uid), Some(gid)) => write!(out, " owner {uid}:{gid}"),
        (uid, gid) => {
            given(out, " uid ", uid.as_ref())?;
            given(out, " gid ", gid.as_ref())
        }
    }
}

fn directory(directory: &Directory, out: &mut Formatter<'_>) -> fmt::Result {
    let at = &directory.at;
    match &directory.exactly {
        Some(names) if names.is_empty() => write!(out, "{at} empty")?,
        Some(names) => write!(out, "{at} with {} and nothing else", names.join(", "))?,
        None => write!(out, "{at} with {}", directory.contains.join(", "))?,
    }
    Ok(())
}

fn variable(variable: &Variable, out: &mut Formatter<'_>) -> fmt::Result {
    out.write_str(&variable.name)?;
    if variable.equals.is_none() && variable.one_of.is_none() && variable.same_as.is_none() {
        out.write_str(" set")?;
    }
    given(out, "=", variable.equals.as_ref())?;
    given(out, "=", variable.one_of.as_ref().map(|values| values.join(" or ")).as_ref())?;
    given(out, " the value of ", variable.same_as.as_ref())
}

fn capabilities(capabilities: &Capabilities, out: &mut Formatter<'_>) -> fmt::Result {
    write!(out, "{} set", capabilities.set)?;
    let names = |names: &[super::CapabilityName]| names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" ");
    given(out, " exactly ", capabilities.equals.as_deref().map(names).as_ref())?;
    given(out, " exactly ", capabilities.same_as.map(list_name).as_ref())?;
    if !capabilities.contains.is_empty() {
        write!(out, " with {}", names(&capabilities.contains))?;
    }
    if capabilities.lacks.is_empty() { Ok(()) } else { write!(out, " without {}", names(&capabilities.lacks)) }
}

fn list_name(reference: CapabilityReference) -> &'static str {
    match reference {
        CapabilityReference::Granted => "what was granted",
        CapabilityReference::Caller => "what the caller has",
        CapabilityReference::Raised => "what was raised",
        CapabilityReference::Nothing => "nothing",
    }
}

fn fact(fact: &Fact, out: &mut Formatter<'_>) -> fmt::Result {
    let either =
        |values: &Vec<serde_json::Value>| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    fact.path.fmt(out)?;
    given(out, " = ", fact.equals.as_ref())?;
    given(out, " = ", fact.one_of.as_ref().map(either).as_ref())?;
    given(out, " = ", fact.same_as.as_ref())?;
    if !fact.below.is_empty() {
        write!(out, " below {}", fact.below.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "))?;
    }
    given(out, " at least ", fact.at_least.as_ref())?;
    given(out, " at most ", fact.at_most.as_ref())?;
    if !fact.contains.is_empty() {
        write!(out, " with {}", fact.contains.join(" "))?;
    }
    if fact.lacks.is_empty() { Ok(()) } else { write!(out, " without {}", fact.lacks.join(" ")) }
}
