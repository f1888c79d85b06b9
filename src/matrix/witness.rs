//! What a machine reports of itself is held against what is known of it.

use crate::contract::ClauseId;
use crate::report::show::shown;
use crate::report::{Document, NoDocument, Report};
use crate::verify::{Evidence, Finding};

/// What a report has to be about.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The profile.
    pub profile: String,
    /// The clauses, in their order.
    pub clauses: Vec<ClauseId>,
}

/// Why a machine is not believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Doubt {
    /// It did not send a document.
    #[error("what the machine sent is no report")]
    NoDocument(#[from] NoDocument),
    /// The reports are not those that were asked for.
    #[error("the machine reports of {found}, not of {asked}")]
    Profiles {
        /// What it reports of.
        found: String,
        /// What it was asked for.
        asked: String,
    },
    /// It is of another architecture than its description says.
    #[error("the machine says it is {found}, and it is {arch}")]
    Architecture {
        /// What it says.
        found: String,
        /// What it is.
        arch: String,
    },
    /// What it saw proves something else than a machine can.
    #[error("the machine does not say that it is emulated")]
    Evidence,
    /// It judged other clauses.
    #[error("the machine has another contract of {profile}: is it an old one? `ci/machine {arch}` makes it anew")]
    Contract {
        /// Whose.
        profile: String,
        /// The machine's architecture.
        arch: String,
    },
}

/// The reports in what a machine called `name` sent, in the order in which they are expected.
///
/// # Errors
/// See [`Doubt`].
pub fn believed(bytes: &[u8], name: &str, arch: &str, expected: &[Expected]) -> Result<Vec<Report>, Doubt> {
    let mut reports = Document::parse(bytes)?.reports;
    let of = |names: Vec<&str>| names.into_iter().map(shown).collect::<Vec<_>>().join(", ");
    let asked: Vec<&str> = expected.iter().map(|one| one.profile.as_str()).collect();
    let found: Vec<&str> = reports.iter().map(|report| report.profile.as_str()).collect();
    if found != asked {
        let found = if found.is_empty() { "nothing".to_owned() } else { of(found) };
        return Err(Doubt::Profiles { found, asked: of(asked) });
    }
    for (report, expected) in reports.iter_mut().zip(expected) {
        if report.arch != arch {
            return Err(Doubt::Architecture { found: shown(&report.arch), arch: arch.to_owned() });
        }
        let emulated = |evidence: Option<Evidence>| evidence == Some(Evidence::SystemEmulated);
        if !emulated(report.evidence) || !report.findings.iter().all(|finding| emulated(finding.evidence)) {
            return Err(Doubt::Evidence);
        }
        let clause = |finding: &Finding| finding.clause.clone();
        if !report.findings.iter().map(clause).eq(expected.clauses.iter().cloned()) {
            return Err(Doubt::Contract { profile: expected.profile.clone(), arch: arch.to_owned() });
        }
        report.place = Some(name.to_owned());
    }
    Ok(reports)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{finding, report};
    use crate::verify::Verdict;
    use rstest::rstest;

    fn expected(clause: &str) -> [Expected; 1] {
        let clauses = vec![ClauseId::try_from(clause.to_owned()).expect("a clause's id")];
        [Expected { profile: "osbuild-v190".to_owned(), clauses }]
    }

    fn sent(change: impl FnOnce(&mut Document)) -> Vec<u8> {
        let mut report = report(vec![finding("process.umask", Verdict::Held, "0022")]);
        report.evidence = Some(Evidence::SystemEmulated);
        report.findings[0].evidence = Some(Evidence::SystemEmulated);
        let mut document = Document::new(vec![report]);
        change(&mut document);
        serde_json::to_vec(&document).expect("JSON")
    }

    #[test]
    fn a_report_is_of_the_machine_whatever_it_calls_itself() {
        let reports = believed(&sent(|_| ()), "x86_64-sid", "x86_64", &expected("process.umask")).expect("believed");
        assert_eq!(reports[0].place.as_deref(), Some("x86_64-sid"));
    }

    #[rstest]
    #[case::another_architecture(|document: &mut Document| document.reports[0].arch = "s390x\u{1b}".to_owned(), r"the machine says it is s390x\x1b, and it is x86_64")]
    #[case::as_if_it_were_real(|document: &mut Document| document.reports[0].evidence = Some(Evidence::Native), "the machine does not say that it is emulated")]
    #[case::a_clause_as_if_it_were_real(|document: &mut Document| document.reports[0].findings[0].evidence = None, "the machine does not say that it is emulated")]
    #[case::another_profile(|document: &mut Document| document.reports[0].profile = "mine".to_owned(), "the machine reports of mine, not of osbuild-v190")]
    #[case::nothing(|document: &mut Document| document.reports.clear(), "the machine reports of nothing, not of osbuild-v190")]
    #[case::twice(|document: &mut Document| document.reports.extend(document.reports.clone()), "the machine reports of osbuild-v190, osbuild-v190, not of osbuild-v190")]
    #[case::more_held_than_there_is(|document: &mut Document| document.reports[0].summary.held = 400, "what the machine sent is no report")]
    fn a_machine_that_says_what_cannot_be_is_not_believed(
        #[case] change: impl FnOnce(&mut Document),
        #[case] line: &str,
    ) {
        let doubt = believed(&sent(change), "x86_64-sid", "x86_64", &expected("process.umask")).expect_err("a doubt");
        assert_eq!(doubt.to_string(), line);
    }

    #[test]
    fn a_machine_with_another_contract_is_not_believed() {
        let doubt = believed(&sent(|_| ()), "x86_64-sid", "x86_64", &expected("process.nice")).expect_err("a doubt");
        let told =
            "the machine has another contract of osbuild-v190: is it an old one? `ci/machine x86_64` makes it anew";
        assert_eq!(doubt.to_string(), told);
    }
}
