//! What a bubblewrap did when it was looked at, written down: something to hold a later one against.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::bwrap::About;
use crate::contract::{Contract, ContractError};
use crate::facts;
use crate::report::{Bwrap, Look, Report, Summary, security_modules};
use crate::source;
use crate::verify::verify;

/// The largest baseline that is read, in bytes. Ours have about 60 000.
pub const LIMIT: u64 = 16 << 20;

/// The profile that reports about bubblewrap itself have.
pub const BUBBLEWRAP: &str = "bwrap";

/// What one bubblewrap did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The schema this document follows.
    pub schema: Schema,
    /// Which bubblewrap.
    pub bwrap: Bwrap,
    /// The options that `--help` lists.
    pub options: Vec<String>,
    /// What it does, by the names of the trials.
    pub behaviour: BTreeMap<String, String>,
    /// What its sandboxes look like, one document for each profile.
    pub facts: Vec<facts::Document>,
}

/// The names of the schemas that this version reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Schema {
    /// The first one.
    #[serde(rename = "rootcontract.baseline/1")]
    V1,
}

/// Why there is no baseline.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BaselineError {
    /// No version of which a baseline is compiled in, and no file that can be read.
    #[error("read baseline {file} (built in are {versions})", versions = versions())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There are more than [`LIMIT`] bytes.
    #[error("read baseline {file}: longer than {LIMIT} bytes")]
    TooLong {
        /// The file.
        file: PathBuf,
    },
    /// It is no JSON, or JSON of another shape.
    #[error("read baseline {file}: not what `rootcontract baseline` prints")]
    Malformed {
        /// The file.
        file: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A profile has no contract.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// The facts are no JSON.
    #[error("write down facts again")]
    Facts(#[from] serde_json::Error),
}

/// The baselines that are compiled in: version, and the document.
const BUILTIN: [(&str, &str); 4] = [
    ("0.4.1", include_str!("../conformance/baseline/0.4.1.json")),
    ("0.8.0", include_str!("../conformance/baseline/0.8.0.json")),
    ("0.12.0", include_str!("../conformance/baseline/0.12.0.json")),
    ("0.13.1", include_str!("../conformance/baseline/0.13.1.json")),
];

/// `0.4.1, 0.8.0 and 0.12.0`.
fn versions() -> String {
    let versions: Vec<_> = Baseline::versions().collect();
    versions.split_last().map_or_else(String::new, |(last, rest)| format!("{} and {last}", rest.join(", ")))
}

impl Baseline {
    /// What was found of the bubblewrap at `path`.
    pub fn new(path: &str, about: &About, behaviour: BTreeMap<String, String>, facts: Vec<facts::Document>) -> Self {
        let bwrap = Bwrap { path: path.to_owned(), version: about.version.clone(), package: about.package.clone() };
        Self { schema: Schema::V1, bwrap, options: about.features.clone(), behaviour, facts }
    }

    /// The versions of which a baseline is compiled in: Debian's, of one x86_64 machine.
    pub fn versions() -> impl Iterator<Item = &'static str> {
        BUILTIN.into_iter().map(|(version, _)| version)
    }

    /// The compiled-in baseline of a version, or else what is in the file of that name; never more than [`LIMIT`] of it.
    ///
    /// # Errors
    /// See [`BaselineError`].
    pub fn find(name: &Path) -> Result<Self, BaselineError> {
        let file = name.to_owned();
        let builtin = BUILTIN.into_iter().find(|(version, _)| Path::new(version) == name);
        let bytes = match builtin {
            Some((_, text)) => text.as_bytes().to_vec(),
            None => match source::bytes(name, LIMIT) {
                Ok(bytes) if bytes.len() as u64 > LIMIT => return Err(BaselineError::TooLong { file }),
                Ok(bytes) => bytes,
                Err(source) => return Err(BaselineError::Unreadable { file, source }),
            },
        };
        serde_json::from_slice(&bytes).map_err(|source| BaselineError::Malformed { file, source })
    }

    /// What it did and what its sandboxes look like, judged by today's contracts.
    ///
    /// # Errors
    /// A profile has no contract.
    pub fn looks(&self) -> Result<Vec<Look>, BaselineError> {
        let sandboxes = self.facts.iter().map(|facts| {
            let profile = facts.launch.as_ref().map_or("", |launch| &launch.profile);
            Ok(Look::of(Contract::builtin(profile)?.about(facts.arch(), facts.phase()), facts, |_| true)?)
        });
        std::iter::once(self.itself()).chain(sandboxes).collect()
    }

    /// The look at bubblewrap itself.
    fn itself(&self) -> Result<Look, BaselineError> {
        let contract = Contract::of_bubblewrap()?;
        let launch = self.facts.iter().find_map(|facts| facts.launch.as_ref());
        // The trials are the caller's own: some can be made by root only, or show something else.
        let launched = launch.map(|launch| json!({ "privilege": launch.privilege }));
        let facts = json!({ "launch": launched, "probe": { "attempts": self.behaviour } });
        let findings = verify(&contract, &facts);
        let report = Report {
            profile: BUBBLEWRAP.to_owned(),
            place: None,
            arch: launch.map_or_else(|| std::env::consts::ARCH.to_owned(), |launch| launch.arch.clone()),
            evidence: launch.map(|launch| launch.evidence),
            phase: None,
            privilege: launch.map(|launch| launch.privilege),
            bwrap: Some(self.bwrap.clone()),
            kernel: launch.map(|launch| launch.kernel.clone()),
            libc: launch.and_then(|launch| launch.libc.clone()),
            lsm: self.facts.first().and_then(security_modules),
            summary: Summary::of(&findings),
            findings,
        };
        Ok(Look { report, contract, facts: Some(facts) })
    }
}

/// The JSON Schema of a [`Baseline`].
pub fn schema() -> Value {
    schemars::schema_for!(Baseline).to_value()
}
