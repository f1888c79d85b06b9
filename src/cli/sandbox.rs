//! The options that build the sandbox: the same words in every subcommand that builds one.

use std::num::NonZeroU64;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use bytesize::ByteSize;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use rootcontract::arch::{self, Architecture};
use rootcontract::binfmt::{self, CannotRun};
use rootcontract::buildroot::{BuildRoot, Builder, MissingCapabilities, Surroundings};
use rootcontract::bwrap::{self, About};
use rootcontract::contract::Word;
use rootcontract::facts::launch::{Phase, Privilege, warnings};
use rootcontract::facts::{Document, text};
use rootcontract::inspect::{Hardware, Subject, find_probe, inspect_until, native};
use rootcontract::matrix::{Ground, Usual, Wanted, workshop};
use rootcontract::plan::CapabilityPolicy;
use rootcontract::profile::Profile;
use rootcontract::tree;

use super::failure::{Failure, tell};
use super::signals::Signals;

/// What sandbox is built, of what, with what.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "The sandbox")]
pub struct Sandbox {
    /// What is built: osbuild-v19, osbuild-v190, or osbuild for the newest; hardened for what can't reach the host
    #[arg(long = "profile", value_name = "PROFILE")]
    pub profiles: Vec<Profile>,
    /// Root directory of the system it is made of
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Architecture of that system, in phase scriptlet of what is installed [default: what its own programs are of]
    #[arg(long, value_name = "ARCH", value_parser = PossibleValuesParser::new(arch::ALL.iter().map(|arch| arch.name)))]
    arch: Option<String>,
    /// bubblewrap to build it with [default: the first bwrap in PATH]
    #[arg(long, value_name = "PATH")]
    bwrap: Option<PathBuf>,
    /// root, userns-subid (a user namespace with subordinate ids), or userns-single (one with a single user)
    /// [default: the best there is, in this order]
    #[arg(long, value_name = "PRIVILEGE", value_parser = privilege())]
    privilege: Option<Privilege>,
    /// osbuild runner that prepares it [default: none]
    #[arg(long, value_name = "PATH")]
    runner: Option<PathBuf>,
    /// Directory shown as /run/osbuild/lib [default: an empty one]
    #[arg(long, value_name = "DIR")]
    libdir: Option<PathBuf>,
    /// `stage` (what osbuild gives its stages), `scriptlet` (the nine of them that scriptlets need), `inherit` (all there
    /// are), or a list of names [default: stage, in the profile hardened scriptlet]
    #[arg(long, value_name = "CAP,CAP...")]
    capabilities: Option<CapabilityPolicy>,
    /// Refuse to go on when a capability that is asked for is not to be had
    #[arg(long)]
    strict_capabilities: bool,
    /// The most that / and each tmpfs in it hold, as in 64MiB; takes bubblewrap's --size [default: half the memory each]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    tmpfs_size: Option<NonZeroU64>,
    /// raw: what bubblewrap built; runner: after the runner; scriptlet: what the %post of a package sees that the
    /// system's rpm installs in an empty tree [default: runner if there is one, else raw]
    #[arg(long, value_name = "PHASE", value_parser = phase())]
    phase: Option<Phase>,
    /// Probe that looks at it from inside [default: the one that ci/probes built or a package installed]
    #[arg(long, value_name = "PATH")]
    probe: Option<PathBuf>,
    /// What this machine is, where the system is of its architecture: native, or system-emulated when the machine itself
    /// is one that qemu-system acts as [default: $ROOTCONTRACT_EVIDENCE, else native]
    #[arg(long, value_name = "EVIDENCE", value_parser = hardware())]
    evidence: Option<Hardware>,
}

/// The variable that says what `--evidence` says.
pub const EVIDENCE: &str = "ROOTCONTRACT_EVIDENCE";
/// The words of both.
const HARDWARE: [(&str, Hardware); 2] = [("native", Hardware::Real), ("system-emulated", Hardware::Emulated)];

/// The options of this group that make no sense where nothing is built.
pub const BUILDING: [&str; 11] = [
    "root",
    "arch",
    "bwrap",
    "privilege",
    "runner",
    "libdir",
    "capabilities",
    "strict_capabilities",
    "tmpfs_size",
    "probe",
    "evidence",
];

fn hardware() -> impl TypedValueParser<Value = Hardware> {
    PossibleValuesParser::new(HARDWARE.map(|(word, _)| word)).map(|word| hardware_named(&word).unwrap_or_default())
}

fn hardware_named(word: &str) -> Option<Hardware> {
    HARDWARE.into_iter().find(|(known, _)| *known == word).map(|(_, hardware)| hardware)
}

/// What the variable says this machine is.
pub fn said_hardware() -> Result<Hardware, Failure> {
    match std::env::var_os(EVIDENCE) {
        None => Ok(Hardware::default()),
        Some(value) => {
            let value = value.to_string_lossy().into_owned();
            hardware_named(&value).ok_or(Failure::EvidenceUnknown { value })
        }
    }
}

fn phase() -> impl TypedValueParser<Value = Phase> {
    PossibleValuesParser::new(Phase::ALL.iter().map(|phase| phase.as_str())).map(|word| {
        let named = Phase::ALL.iter().find(|phase| phase.as_str() == word);
        named.copied().unwrap_or(Phase::Raw)
    })
}

pub fn privilege() -> impl TypedValueParser<Value = Privilege> {
    let words = Privilege::ALL.iter().map(|privilege| privilege.as_str());
    PossibleValuesParser::new(words).map(|word| {
        let named = Privilege::ALL.iter().find(|privilege| privilege.as_str() == word);
        named.copied().unwrap_or(Privilege::UsernsSingle)
    })
}

/// A number of bytes that is not none: `65536`, `64KiB`, `64MB`.
fn size(text: &str) -> Result<NonZeroU64, &'static str> {
    let bytes: ByteSize = text.parse().map_err(|_: String| "it takes a number of bytes, as 65536, 64KiB or 64MB")?;
    NonZeroU64::new(bytes.as_u64()).ok_or("nothing fits in there")
}

impl Sandbox {
    /// The profile where there can be only one.
    pub fn profile(&self) -> Profile {
        self.profiles.last().copied().unwrap_or(Profile::NEWEST_OSBUILD)
    }

    /// The capabilities that were asked for, if any were.
    pub fn capabilities(&self) -> Option<CapabilityPolicy> {
        self.capabilities.clone()
    }

    /// The profiles that are meant: osbuild's, unless some were named.
    pub fn wanted(&self) -> Vec<Profile> {
        if self.profiles.is_empty() { Profile::OSBUILD.to_vec() } else { self.profiles.clone() }
    }

    /// What the sandbox is made of, as it was named.
    pub fn place(&self) -> String {
        text::escape(self.root.as_os_str().as_bytes())
    }

    /// How the root is opened for a command, after the runner if it is to have one.
    pub fn builder(&self, profile: Profile) -> Result<Builder, Failure> {
        let builder = self.bare(profile)?;
        Ok(match (&self.runner, self.phase()) {
            (Some(runner), Phase::Runner) => builder.runner(runner),
            (Some(_) | None, Phase::Raw | Phase::Runner | Phase::Scriptlet) => builder,
        })
    }

    /// A sandbox made of `root`, with everything else as it is where nothing is said.
    pub fn of(root: PathBuf, arch: Option<&'static Architecture>) -> Self {
        Self {
            profiles: Vec::new(),
            root,
            arch: arch.map(|arch| arch.name.to_owned()),
            bwrap: None,
            privilege: None,
            runner: None,
            libdir: None,
            capabilities: None,
            strict_capabilities: false,
            tmpfs_size: None,
            phase: None,
            probe: None,
            evidence: None,
        }
    }

    /// The same, made of another root.
    pub fn of_root(self, root: &Path) -> Self {
        Self { root: root.to_owned(), ..self }
    }

    /// The same, made of an architecture's usual tree.
    pub fn of_architecture(self, arch: &'static Architecture) -> Result<Self, Failure> {
        let wanted = Wanted { architectures: vec![arch], usual: vec![Usual::Trees], ..Wanted::default() };
        match wanted.places(&workshop())?.pop().map(|place| place.ground) {
            Some(Ground::Missing(why)) => Err(Failure::NoTree { arch: arch.name, why }),
            Some(Ground::Tree(root) | Ground::Machine(root)) => {
                Ok(Self { root, arch: Some(arch.name.to_owned()), ..self })
            }
            None => Ok(self),
        }
    }

    /// The same, built with another bubblewrap.
    pub fn with_bubblewrap(self, bwrap: &Path) -> Self {
        Self { bwrap: Some(bwrap.to_owned()), ..self }
    }

    /// Opens a root, looks at it from inside and closes it, unless a signal comes. What the payload does without is told.
    pub fn look(&self, profile: Profile, about: &About) -> Result<Document, Failure> {
        let signals = Signals::caught()?;
        let look = |_: BorrowedFd<'_>| self.look_until(profile, about, signals.own_descriptor()?);
        let document = signals.or_ended(look)?;
        done_without(profile, &document).iter().for_each(|warning| tell(warning));
        Ok(document)
    }

    /// The same, ended as soon as `interrupt` can be read. Nothing is told.
    pub fn look_until(&self, profile: Profile, about: &About, interrupt: OwnedFd) -> Result<Document, Failure> {
        inspect_until(self.bare(profile)?, &self.subject(about)?, interrupt)
            .map_err(|source| Failure::Inspect { profile, source })
    }

    /// What is looked at.
    fn subject(&self, about: &About) -> Result<Subject, Failure> {
        let arch = self.architecture()?;
        let hardware = self.hardware(arch)?;
        let probe = match &self.probe {
            Some(probe) => probe.clone(),
            None => find_probe(arch.name).map_err(Failure::NoProbe)?,
        };
        Ok(Subject {
            arch,
            hardware,
            phase: self.phase(),
            runner: self.runner.clone(),
            probe,
            about: about.clone(),
            libc: tree::c_library(&self.root, arch),
            surroundings: Surroundings::Canaries,
        })
    }

    /// What the bubblewrap in use says of itself.
    pub fn about(&self) -> Result<About, Failure> {
        Ok(bwrap::about(&self.bubblewrap()?))
    }

    /// Why no program of the root runs here, where that is so because it is of another architecture.
    pub fn cannot_run(&self) -> Option<CannotRun> {
        let foreign = self.architecture().ok().filter(|arch| arch::native() != Some(arch))?;
        binfmt::runs(foreign, &self.bubblewrap().ok()?).err().filter(|cannot| !cannot.why.is_unknown())
    }

    /// The bubblewrap that builds it.
    pub fn bubblewrap(&self) -> Result<PathBuf, Failure> {
        match &self.bwrap {
            Some(path) => Ok(path.clone()),
            None => Ok(bwrap::find(std::env::var_os("PATH").as_deref())?),
        }
    }

    /// The phase that was named.
    pub fn named_phase(&self) -> Option<Phase> {
        self.phase
    }

    fn phase(&self) -> Phase {
        self.phase.unwrap_or(if self.runner.is_some() { Phase::Runner } else { Phase::Raw })
    }

    /// The architecture that was named, else that of the tree's own programs.
    pub fn architecture(&self) -> Result<&'static Architecture, Failure> {
        match self.named() {
            // The system is where rpm is; the tree holds what is of the architecture.
            Some(arch) if self.phase() == Phase::Scriptlet => Ok(arch),
            Some(arch) => {
                tree::holds(&self.root, arch)?;
                Ok(arch)
            }
            None => Ok(tree::architecture(&self.root)?),
        }
    }

    fn named(&self) -> Option<&'static Architecture> {
        self.arch.as_deref().and_then(arch::named)
    }

    /// What this machine is. It says nothing of programs that are not of its architecture.
    fn hardware(&self, arch: &'static Architecture) -> Result<Hardware, Failure> {
        match (self.evidence, native().map_err(Failure::NoProbe)?) {
            (Some(_), native) if native != arch => {
                Err(Failure::EvidenceOfForeign { foreign: arch.name, native: native.name })
            }
            (Some(hardware), _) => Ok(hardware),
            (None, _) => said_hardware(),
        }
    }

    /// How the root is opened, but for the runner.
    fn bare(&self, profile: Profile) -> Result<Builder, Failure> {
        if let Some(arch) = self.named().filter(|_| self.phase() != Phase::Scriptlet) {
            tree::holds(&self.root, arch)?;
        }
        let missing =
            if self.strict_capabilities { MissingCapabilities::Refuse } else { MissingCapabilities::Intersect };
        let mut builder = BuildRoot::builder(&self.root)
            .profile(profile)
            .capabilities(self.capabilities.clone().unwrap_or(if profile.is_osbuild() {
                CapabilityPolicy::Stage
            } else {
                profile.default_capabilities()
            }))
            .missing_capabilities(missing);
        if let Some(bwrap) = &self.bwrap {
            builder = builder.bwrap(bwrap);
        }
        if let Some(privilege) = self.privilege {
            builder = builder.privilege(privilege);
        }
        if let Some(size) = self.tmpfs_size {
            builder = builder.tmpfs_size(size);
        }
        if let Some(libdir) = &self.libdir {
            builder = builder.libdir(libdir);
        }
        Ok(builder)
    }
}

/// What is to be said of what was asked for, or seemed to be there, and is not to be had.
pub fn done_without(profile: Profile, document: &Document) -> Vec<String> {
    let Some(launch) = &document.launch else { return Vec::new() };
    let told = warnings(launch.lesser.as_deref(), &launch.capabilities.missing.join(", "));
    told.iter().map(|what| format!("warning: {profile}: {what}")).collect()
}
