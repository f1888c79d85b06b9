//! A package as far as scriptlets are concerned: who it is, what it has rpm run, what it needs for that.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use rpm::{IndexData, IndexTag, PackageMetadata};

use super::header::{self, HeaderError};
use super::scriptlet::{Condition, Flags, Scriptlet, Slot};

/// A package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Epoch if there is one, version and release.
    pub version: String,
    /// Its architecture as rpm spells it: `noarch`, `x86_64`; `src` of a source package.
    pub arch: String,
    /// What it has rpm run, in the order of the tags.
    pub scriptlets: Vec<Scriptlet>,
    /// What it requires.
    pub requires: Vec<Requirement>,
    /// What it provides, by name.
    pub provides: BTreeSet<String>,
}

/// Something that a package requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// A package, a path, or what a package provides.
    pub name: String,
    /// RPMSENSE bits.
    pub flags: u32,
}

/// Why a file is no package that can be judged.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// Its headers are not sound.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// They are sound and still can't be decoded.
    #[error("its header can't be decoded: {}", crate::facts::text::escape(.0.to_string().as_bytes()))]
    Decode(Box<rpm::Error>),
    /// A tag holds something else than it has to.
    #[error("tag {tag} of its header is no {wanted}: it is damaged")]
    Tag {
        /// The tag.
        tag: u32,
        /// What it has to hold.
        wanted: &'static str,
    },
    /// The tags about triggers contradict each other.
    #[error("its triggers are of different numbers: its header is damaged")]
    Triggers,
}

impl From<rpm::Error> for PackageError {
    fn from(error: rpm::Error) -> Self {
        Self::Decode(Box::new(error))
    }
}

/// Scriptlets that a package has at most one of: the tags of the body, the interpreter and the flags.
/// rpm, `include/rpm/rpmtag.h`.
const SINGLE: [(Slot, u32, u32, u32); 9] = [
    (Slot::Pretrans, 1151, 1153, 5024),
    (Slot::Pre, 1023, 1085, 5020),
    (Slot::Post, 1024, 1086, 5021),
    (Slot::Preun, 1025, 1087, 5022),
    (Slot::Postun, 1026, 1088, 5023),
    (Slot::Posttrans, 1152, 1154, 5025),
    (Slot::Preuntrans, 5103, 5105, 5107),
    (Slot::Postuntrans, 5104, 5106, 5108),
    (Slot::Verify, 1079, 1091, 5026),
];

/// A kind of triggers: its tags and what the bits of its conditions make of them.
struct Triggers {
    scripts: u32,
    programs: u32,
    script_flags: u32,
    names: u32,
    versions: u32,
    flags: u32,
    indices: u32,
    priorities: Option<u32>,
    /// For RPMSENSE_TRIGGERPREIN, TRIGGERIN, TRIGGERUN, TRIGGERPOSTUN.
    slots: [Slot; 4],
}

const TRIGGERS: [Triggers; 3] = [
    Triggers {
        scripts: 1065,
        programs: 1092,
        script_flags: 5027,
        names: 1066,
        versions: 1067,
        flags: 1068,
        indices: 1069,
        priorities: None,
        slots: [Slot::Triggerprein, Slot::Triggerin, Slot::Triggerun, Slot::Triggerpostun],
    },
    Triggers {
        scripts: 5066,
        programs: 5067,
        script_flags: 5068,
        names: 5069,
        indices: 5070,
        versions: 5071,
        flags: 5072,
        priorities: Some(5084),
        slots: [Slot::Filetriggerin, Slot::Filetriggerin, Slot::Filetriggerun, Slot::Filetriggerpostun],
    },
    Triggers {
        scripts: 5076,
        programs: 5077,
        script_flags: 5078,
        names: 5079,
        indices: 5080,
        versions: 5081,
        flags: 5082,
        priorities: Some(5085),
        slots: [
            Slot::Transfiletriggerin,
            Slot::Transfiletriggerin,
            Slot::Transfiletriggerun,
            Slot::Transfiletriggerpostun,
        ],
    },
];

/// The longest script that is read, in bytes.
const LONGEST_SCRIPT: u64 = 1 << 20;

/// RPMSENSE bits of a condition that say when a trigger fires, in the order of [`Triggers::slots`].
const FIRES: [u32; 4] = [1 << 25, 1 << 16, 1 << 17, 1 << 18];

/// Tags of who the package is and what it needs.
const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const ARCH: u32 = 1022;
const SOURCE_PACKAGE: u32 = 1106;
pub(super) const PROVIDE_NAME: u32 = 1047;
pub(super) const REQUIRE_FLAGS: u32 = 1048;
pub(super) const REQUIRE_NAME: u32 = 1049;

impl Package {
    /// Reads a package up to its payload, which is left alone.
    ///
    /// # Errors
    /// It can't be read, or its headers are not sound.
    pub fn read(source: &mut impl Read) -> Result<Self, PackageError> {
        Self::parse(&header::read(source)?)
    }

    /// A package of its bytes up to the payload, [looked over](header::read).
    ///
    /// # Errors
    /// They can't be decoded, or contradict themselves.
    pub fn parse(bytes: &[u8]) -> Result<Self, PackageError> {
        let header = Header::parse(bytes)?;
        let mut scriptlets = Vec::new();
        for (slot, body, program, flags) in SINGLE {
            scriptlets.extend(header.single(slot, body, program, flags)?);
        }
        for triggers in &TRIGGERS {
            scriptlets.extend(header.triggers(triggers)?);
        }
        let [name, version, arch] = header.names()?;
        Ok(Self {
            name,
            version,
            arch,
            scriptlets,
            requires: header.requires()?,
            provides: header.strings(PROVIDE_NAME)?.into_iter().collect(),
        })
    }

    /// A package of one scriptlet, whose script is read to its end; what is no text in it is replaced. Its interpreter is
    /// the one that its first line names, as `#!/usr/bin/python3`.
    ///
    /// # Errors
    /// `source` can't be read, or is longer than any script.
    pub fn of_script(source: &mut impl Read, slot: Slot) -> io::Result<Self> {
        let mut body = Vec::new();
        source.take(LONGEST_SCRIPT + 1).read_to_end(&mut body)?;
        if body.len() as u64 > LONGEST_SCRIPT {
            return Err(io::Error::from_raw_os_error(nix::libc::EFBIG));
        }
        let body = String::from_utf8_lossy(&body).into_owned();
        let scriptlet = Scriptlet {
            slot,
            interpreter: named_by(&body),
            body: Some(body),
            flags: Flags::default(),
            conditions: Vec::new(),
            priority: None,
        };
        Ok(Self::nameless(vec![scriptlet]))
    }

    /// One of scriptlets alone.
    pub(super) fn nameless(scriptlets: Vec<Scriptlet>) -> Self {
        Self {
            name: "script".to_owned(),
            version: "0-0".to_owned(),
            arch: "noarch".to_owned(),
            scriptlets,
            requires: Vec::new(),
            provides: BTreeSet::new(),
        }
    }
}

/// The interpreter that a script names in its first line, and its arguments; none where it names none.
fn named_by(script: &str) -> Vec<String> {
    let first = script.strip_prefix("#!").and_then(|rest| rest.lines().next()).unwrap_or_default();
    let words = first.split_ascii_whitespace().map(str::to_owned);
    words.skip_while(|word| word.ends_with("/env")).collect()
}

/// A header that has been looked over, by number of the tag: the decoder's own questions do not tell a scriptlet without a
/// body from none.
pub(super) struct Header(rpm::Header<IndexTag>);

impl Header {
    /// Of the bytes of a package up to the payload, [looked over](header::read).
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, PackageError> {
        Ok(Self(PackageMetadata::parse(&mut &*bytes)?.header))
    }

    fn entry(&self, tag: u32) -> Result<Option<IndexData>, PackageError> {
        match self.0.entry(tag) {
            Ok(data) => Ok(Some(data)),
            Err(rpm::Error::TagNotFound(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The strings of a tag; none if it is not there.
    pub(super) fn strings(&self, tag: u32) -> Result<Vec<String>, PackageError> {
        match self.entry(tag)? {
            None => Ok(Vec::new()),
            Some(IndexData::StringTag(text)) => Ok(vec![text]),
            Some(IndexData::StringArray(list) | IndexData::I18NString(list)) => Ok(list),
            Some(_) => Err(PackageError::Tag { tag, wanted: "text" }),
        }
    }

    pub(super) fn string(&self, tag: u32) -> Result<Option<String>, PackageError> {
        Ok(self.strings(tag)?.into_iter().next())
    }

    pub(super) fn numbers(&self, tag: u32) -> Result<Vec<u32>, PackageError> {
        match self.entry(tag)? {
            None => Ok(Vec::new()),
            Some(IndexData::Int32(numbers)) => Ok(numbers),
            Some(_) => Err(PackageError::Tag { tag, wanted: "list of numbers" }),
        }
    }

    /// What the package is called: its name, its version with epoch and release, its architecture.
    pub(super) fn names(&self) -> Result<[String; 3], PackageError> {
        let epoch = self.numbers(EPOCH)?.first().map(|epoch| format!("{epoch}:")).unwrap_or_default();
        let text = |tag| Ok::<_, PackageError>(self.string(tag)?.unwrap_or_default());
        let version = format!("{epoch}{}-{}", text(VERSION)?, text(RELEASE)?);
        let is_source = self.0.entry_is_present(SOURCE_PACKAGE);
        Ok([text(NAME)?, version, if is_source { "src".to_owned() } else { text(ARCH)? }])
    }

    /// A scriptlet is there if its body or its interpreter is.
    fn single(&self, slot: Slot, body: u32, program: u32, flags: u32) -> Result<Option<Scriptlet>, PackageError> {
        if !self.0.entry_is_present(body) && !self.0.entry_is_present(program) {
            return Ok(None);
        }
        Ok(Some(Scriptlet {
            slot,
            interpreter: self.strings(program)?,
            body: self.string(body)?,
            flags: Flags(self.numbers(flags)?.first().copied().unwrap_or_default()),
            conditions: Vec::new(),
            priority: None,
        }))
    }

    /// One script has one or more conditions, which say when it fires.
    fn triggers(&self, of: &Triggers) -> Result<Vec<Scriptlet>, PackageError> {
        let (bodies, programs) = (self.strings(of.scripts)?, self.strings(of.programs)?);
        let [names, versions] = [self.strings(of.names)?, self.strings(of.versions)?];
        let [flags, indices, script_flags] =
            [self.numbers(of.flags)?, self.numbers(of.indices)?, self.numbers(of.script_flags)?];
        let priorities = of.priorities.map(|tag| self.numbers(tag)).transpose()?.unwrap_or_default();
        let scripts = bodies.len().max(programs.len());
        let sound = names.len() == flags.len()
            && names.len() == indices.len()
            && indices.iter().all(|index| (*index as usize) < scripts.max(1));
        if !sound {
            return Err(PackageError::Triggers);
        }
        let mut scriptlets: Vec<Scriptlet> = Vec::new();
        let mut known: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for (at, name) in names.into_iter().enumerate() {
            let script = indices[at] as usize;
            let condition = Condition { name, version: versions.get(at).cloned().unwrap_or_default() };
            let Some(kind) = FIRES.iter().position(|bit| flags[at] & bit != 0) else { continue };
            if let Some(&known) = known.get(&(script, kind)) {
                scriptlets[known].conditions.push(condition);
                continue;
            }
            known.insert((script, kind), scriptlets.len());
            scriptlets.push(Scriptlet {
                slot: of.slots[kind],
                interpreter: programs.get(script).cloned().into_iter().collect(),
                body: bodies.get(script).cloned().filter(|body| !body.is_empty()),
                flags: Flags(script_flags.get(script).copied().unwrap_or_default()),
                conditions: vec![condition],
                priority: priorities.get(script).copied(),
            });
        }
        Ok(scriptlets)
    }

    fn requires(&self) -> Result<Vec<Requirement>, PackageError> {
        let flags = self.numbers(REQUIRE_FLAGS)?;
        let names = self.strings(REQUIRE_NAME)?.into_iter().enumerate();
        let required =
            |(at, name): (usize, String)| Requirement { name, flags: flags.get(at).copied().unwrap_or_default() };
        Ok(names.map(required).collect())
    }
}
