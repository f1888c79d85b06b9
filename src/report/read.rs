//! Bytes to a document, strictly: what is read may come from another machine.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::show::subject_of;
use super::{Document, Report, Summary};
use crate::source;

/// The largest document that is read, in bytes. A report has about 150 000.
pub const LIMIT: u64 = 64 << 20;

/// Why bytes are no document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoDocument {
    /// There are more than [`LIMIT`].
    #[error("longer than {LIMIT} bytes")]
    TooLong,
    /// They are no JSON, or JSON of another shape.
    #[error("not what `rootcontract check --format json` prints")]
    Json(#[from] serde_json::Error),
    /// A summary says something else than the findings do.
    #[error("the summary of {0} does not count its findings")]
    Summary(String),
    /// A clause is judged twice.
    #[error("{1} is there twice in {0}")]
    Twice(String, String),
    /// An area is not that of the clause.
    #[error("{1} is in another area than its own in {0}")]
    Area(String, String),
    /// There is no such shard.
    #[error("its shards are not numbered from 1 to {0}")]
    Shard(usize),
}

/// Why there is no document in a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It can't be read.
    #[error("read report {file}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds none.
    #[error("read report {file}")]
    NoDocument {
        /// The file.
        file: PathBuf,
        /// Why.
        source: NoDocument,
    },
}

impl Document {
    /// Reads a document from its bytes, and whether it agrees with itself.
    ///
    /// # Errors
    /// See [`NoDocument`].
    pub fn parse(bytes: &[u8]) -> Result<Self, NoDocument> {
        if bytes.len() as u64 > LIMIT {
            return Err(NoDocument::TooLong);
        }
        let document: Self = serde_json::from_slice(bytes)?;
        document.reports.iter().try_for_each(agrees)?;
        match &document.shard {
            Some(shard) if !shard.is_sound() => Err(NoDocument::Shard(shard.of)),
            Some(_) | None => Ok(document),
        }
    }

    /// Reads a document from a file; never more than [`LIMIT`] of it.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn load(file: &Path) -> Result<Self, ReadError> {
        let bytes =
            source::bytes(file, LIMIT).map_err(|source| ReadError::Unreadable { file: file.to_owned(), source })?;
        Self::parse(&bytes).map_err(|source| ReadError::NoDocument { file: file.to_owned(), source })
    }
}

fn agrees(report: &Report) -> Result<(), NoDocument> {
    if report.summary != Summary::of(&report.findings) {
        return Err(NoDocument::Summary(subject_of(report)));
    }
    let mut seen = BTreeSet::new();
    for finding in &report.findings {
        let clause = || finding.clause.to_string();
        if !seen.insert(&finding.clause) {
            return Err(NoDocument::Twice(subject_of(report), clause()));
        }
        if finding.area != finding.clause.area() {
            return Err(NoDocument::Area(subject_of(report), clause()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::report::tests::{finding, not_checked, report};
    use crate::report::{Dealt, Shard};
    use crate::verify::Verdict;

    fn good() -> String {
        let findings = vec![finding("process.umask", Verdict::Held, "0022"), finding("uts.x", Verdict::Held, "x")];
        let mut document = Document::new(vec![report(findings)]);
        document.failures.push(not_checked("s390x-bookworm", "it does not boot"));
        document.shard = Some(Shard {
            number: 1,
            of: 2,
            profiles: vec!["osbuild-v190".to_owned()],
            only: Vec::new(),
            places: vec![Dealt { place: "/".to_owned(), shard: 1 }],
        });
        serde_json::to_string(&document).expect("JSON")
    }

    fn told(error: &NoDocument) -> String {
        let source = std::error::Error::source(error).map(|source| format!(": {source}"));
        format!("{error}{}", source.unwrap_or_default())
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let document = Document::parse(good().as_bytes()).expect("a document");
        assert_eq!(serde_json::to_string(&document).expect("JSON"), good());
    }

    #[rstest]
    #[case::too_much_held(
        "\"held\":2",
        "\"held\":3",
        "the summary of osbuild-v190 in / (x86_64) does not count its findings"
    )]
    #[case::a_clause_twice(
        "uts.x\",\"area\":\"uts\"",
        "process.umask\",\"area\":\"process\"",
        "process.umask is there twice in osbuild-v190 in / (x86_64)"
    )]
    #[case::another_area(
        "\"area\":\"uts\"",
        "\"area\":\"ipc\"",
        "uts.x is in another area than its own in osbuild-v190 in / (x86_64)"
    )]
    #[case::shard_zero("\"number\":1", "\"number\":0", "its shards are not numbered from 1 to 2")]
    #[case::dealt_to_nobody("\"shard\":1}", "\"shard\":3}", "its shards are not numbered from 1 to 2")]
    #[case::another_verdict(
        "\"verdict\":\"held\"",
        "\"verdict\":\"fine\"",
        "not what `rootcontract check --format json` prints: unknown variant"
    )]
    #[case::another_schema(
        "report/1",
        "report/2",
        "not what `rootcontract check --format json` prints: unknown variant"
    )]
    #[case::a_further_key(
        "\"schema\"",
        "\"scheme\":1,\"schema\"",
        "not what `rootcontract check --format json` prints: unknown field"
    )]
    #[case::cut("\"failures\"", "", "not what `rootcontract check --format json` prints: ")]
    fn a_document_that_is_not_ours_is_refused(#[case] from: &str, #[case] to: &str, #[case] line: &str) {
        let bad = good().replacen(from, to, 1);
        assert_ne!(bad, good(), "{from} is not there to be replaced");
        let error = told(&Document::parse(bad.as_bytes()).expect_err("no document"));
        assert!(error.starts_with(line), "{error}");
    }

    #[test]
    fn no_document_is_longer_than_the_limit() {
        let long = [good().as_bytes(), &vec![b' '; LIMIT as usize]].concat();
        assert_eq!(told(&Document::parse(&long).expect_err("too long")), "longer than 67108864 bytes");
    }
}
