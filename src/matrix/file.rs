//! `matrix.toml`: what is wanted, for those who want it again.

use std::path::{Path, PathBuf};

use glob::Pattern;
use serde::Deserialize;

use super::{ALL, Usual, Wanted, architectures};
use crate::arch::{self, Architecture};
use crate::profile::{Profile, UnknownProfile};
use crate::source::{self, Kind, Source, SourceError};

/// The value of `schema` in every such file.
pub const SCHEMA: &str = "rootcontract.matrix/1";
/// What is read here.
const KIND: Kind = Kind { name: "matrix", limit: 64 << 10 };

/// The file. What it does not say is as if no option said it; its paths are relative to it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    #[serde(default)]
    profiles: Vec<Named<Profile>>,
    #[serde(default)]
    architectures: Vec<Named<Vec<&'static Architecture>>>,
    /// Which of the usual places of the architectures.
    #[serde(default, rename = "in")]
    usual: Vec<Named<Usual>>,
    #[serde(default)]
    trees: Vec<PathBuf>,
    #[serde(default)]
    machines: Vec<PathBuf>,
    #[serde(default)]
    bwraps: Vec<PathBuf>,
    #[serde(default)]
    only: Vec<Named<Pattern>>,
}

/// What a word stands for.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String", bound = "Self: TryFrom<String, Error: std::fmt::Display>")]
struct Named<T>(T);

impl TryFrom<String> for Named<Profile> {
    type Error = UnknownProfile;

    fn try_from(word: String) -> Result<Self, UnknownProfile> {
        word.parse().map(Self)
    }
}

impl TryFrom<String> for Named<Vec<&'static Architecture>> {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        let known = || arch::ALL.iter().map(|arch| format!("`{}`", arch.name)).collect::<Vec<_>>().join(", ");
        let unknown = || format!("unknown architecture `{word}`, expected `{ALL}` or one of {}", known());
        architectures(&word).map(Self).ok_or_else(unknown)
    }
}

impl TryFrom<String> for Named<Usual> {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        let known = Usual::ALL.into_iter().find(|(known, _)| *known == word);
        let expected = || Usual::ALL.map(|(known, _)| format!("`{known}`")).join(" or ");
        known.map(|(_, usual)| Self(usual)).ok_or_else(|| format!("unknown word `{word}`, expected {}", expected()))
    }
}

impl TryFrom<String> for Named<Pattern> {
    type Error = glob::PatternError;

    fn try_from(word: String) -> Result<Self, glob::PatternError> {
        Pattern::new(&word).map(Self)
    }
}

impl Wanted {
    /// Reads a file.
    ///
    /// # Errors
    /// It can't be read, or is no matrix.
    pub fn load(path: &Path) -> Result<Self, SourceError> {
        let (name, bytes) = source::load(path, KIND)?;
        Self::parse(&name, &bytes, path.parent().unwrap_or(Path::new("")))
    }

    /// Reads a file's bytes; `name` is only for errors, `directory` is where the file is.
    ///
    /// # Errors
    /// They are no matrix.
    pub fn parse(name: &str, bytes: &[u8], directory: &Path) -> Result<Self, SourceError> {
        let source = Source::new(name, KIND, bytes)?;
        let file: File = source.read()?;
        if file.schema != SCHEMA {
            return Err(source.other_schema(&file.schema, SCHEMA));
        }
        let below = |paths: Vec<PathBuf>| paths.iter().map(|path| directory.join(path)).collect();
        let wanted = Self {
            profiles: file.profiles.into_iter().map(|named| named.0).collect(),
            architectures: file.architectures.into_iter().flat_map(|named| named.0).collect(),
            usual: file.usual.into_iter().map(|named| named.0).collect(),
            trees: below(file.trees),
            machines: below(file.machines),
            bwraps: below(file.bwraps),
            only: file.only.into_iter().map(|named| named.0).collect(),
        };
        // Nothing twice.
        Ok(Self::default().and(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const GOOD: &str = r#"schema = "rootcontract.matrix/1"
profiles = ["osbuild", "osbuild-v190"]
architectures = [
    "s390x",
    "all",
]
in = ["trees"]
trees = ["trees/f43", "/srv/tree"]
machines = ["../machine"]
bwraps = ["bwraps/old"]
only = ["mount.*"]
"#;

    #[test]
    fn a_good_one_is_read() {
        let wanted = Wanted::parse("m.toml", GOOD.as_bytes(), Path::new("ci")).expect("a matrix");
        assert_eq!(wanted.profiles, [Profile::OsbuildV190]);
        let names: Vec<_> = wanted.architectures.iter().map(|arch| arch.name).collect();
        assert_eq!(names, ["s390x", "x86_64", "aarch64", "ppc64le", "riscv64"]);
        assert_eq!(wanted.usual, [Usual::Trees]);
        assert_eq!(wanted.trees, ["ci/trees/f43", "/srv/tree"].map(PathBuf::from));
        assert_eq!(wanted.machines, ["ci/../machine"].map(PathBuf::from));
        assert_eq!(wanted.bwraps, ["ci/bwraps/old"].map(PathBuf::from));
        assert_eq!(wanted.only, [Pattern::new("mount.*").expect("a pattern")]);
    }

    #[test]
    fn what_is_not_said_is_not_wanted() {
        let bytes = format!("schema = \"{SCHEMA}\"\n");
        assert_eq!(Wanted::parse("m.toml", bytes.as_bytes(), Path::new("")).expect("a matrix"), Wanted::default());
    }

    #[rstest]
    #[case::schema(
        "matrix/1",
        "matrix/2",
        "m.toml:1: schema: `rootcontract.matrix/2` is not read here, expected `rootcontract.matrix/1`"
    )]
    #[case::profile(
        "\"osbuild\"",
        "\"osbuild-v1\"",
        "m.toml:2: profiles: there is no profile \"osbuild-v1\": it is one of osbuild-v19, osbuild-v190, osbuild (the newest), hardened"
    )]
    #[case::architecture(
        "\"s390x\"",
        "\"s390\"",
        "m.toml:3: architectures: unknown architecture `s390`, expected `all` or one of `x86_64`, `aarch64`, `ppc64le`, `s390x`, `riscv64`, `i686`, `armv7`"
    )]
    #[case::usual("[\"trees\"]", "[\"boats\"]", "m.toml:7: in: unknown word `boats`, expected `trees` or `machines`")]
    #[case::pattern(
        "mount.*",
        "mount.[",
        "m.toml:11: only: Pattern syntax error near position 6: invalid range pattern"
    )]
    #[case::key(
        "machines",
        "machine",
        "m.toml:9: machine: unknown key `machine`, expected one of `schema`, `profiles`, `architectures`, `in`, `trees`, `machines`, `bwraps`, `only`"
    )]
    #[case::kind("[\"../machine\"]", "7", "m.toml:9: machines: invalid type: integer `7`, expected a sequence")]
    fn what_is_wrong_is_told_with_its_line(#[case] from: &str, #[case] to: &str, #[case] line: &str) {
        let bad = GOOD.replacen(from, to, 1);
        assert_ne!(bad, GOOD, "{from} is not there to be replaced");
        let error = Wanted::parse("m.toml", bad.as_bytes(), Path::new("")).expect_err("no matrix");
        assert_eq!(error.to_string(), line);
    }

    #[test]
    fn no_matrix_is_that_long() {
        let long = vec![b'#'; 65_537];
        let error = Wanted::parse("m.toml", &long, Path::new("")).expect_err("too long");
        assert_eq!(error.to_string(), "m.toml: larger than 65536 bytes, no matrix is");
    }

    #[test]
    fn the_word_for_all_is_no_architecture() {
        assert_eq!(arch::named(ALL), None);
    }
}
