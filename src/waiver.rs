//! Clauses that may be broken for now: which, why, who has said so, and until when.

use std::path::Path;
use std::time::SystemTime;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::value::{Date, Datetime};

use crate::arch;
use crate::contract::{ClauseId, Contract};
use crate::profile::Profile;
use crate::report::show::shown;
use crate::report::{Report, Summary};
use crate::source::{self, Kind, Source, SourceError};
use crate::verify::{Finding, Verdict};

/// The value of `schema` in every such file.
pub const SCHEMA: &str = "rootcontract.waivers/1";
/// What is read here.
pub(crate) const KIND: Kind = Kind { name: "list of waivers", limit: 1 << 20 };

/// A file of waivers of some kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List<Waiver> {
    schema: String,
    #[serde(default = "Vec::new", rename = "waiver")]
    waivers: Vec<Waiver>,
}

/// What may be broken for now.
#[derive(Debug, Clone)]
pub struct Waivers {
    file: String,
    text: String,
    waivers: Vec<Waiver>,
}

/// One clause that may be broken for now.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The clause.
    pub clause: ClauseId,
    /// The profile it is about; every one if none is named.
    pub profile: Option<String>,
    /// The architecture it is about; every one if none is named.
    pub arch: Option<String>,
    /// Why it may be broken.
    pub reason: String,
    /// Who has said so, and mends it.
    pub owner: String,
    /// The last day on which it may be.
    pub expires: Datetime,
}

impl Waivers {
    /// Reads a file.
    ///
    /// # Errors
    /// It can't be read, or is no list of waivers.
    pub fn load(path: &Path) -> Result<Self, SourceError> {
        let (name, bytes) = source::load(path, KIND)?;
        Self::parse(&name, &bytes)
    }

    /// Reads a file's bytes; `name` is only for errors.
    ///
    /// # Errors
    /// They are no list of waivers.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, SourceError> {
        let source = Source::new(name, KIND, bytes)?;
        let waivers = list(&source, SCHEMA, Waiver::terms)?;
        let is_unknown = |waiver: &&Waiver| waiver.arch.as_deref().is_some_and(|name| arch::named(name).is_none());
        if let Some(arch) = waivers.iter().find(is_unknown).and_then(|waiver| waiver.arch.as_deref()) {
            return Err(source.at_value("arch", arch, format!("there is no architecture `{}`", shown(arch))));
        }
        Ok(Self { file: name.to_owned(), text: String::from_utf8_lossy(bytes).into_owned(), waivers })
    }

    /// The file's name, fit to be shown.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Whether all of them are about these contracts: a name that is in none would never be needed, and never missed.
    ///
    /// # Errors
    /// A clause is in none of them, or a profile is of none.
    pub fn are_about(&self, contracts: &[&Contract]) -> Result<(), SourceError> {
        let source = Source::new(&self.file, KIND, self.text.as_bytes())?;
        for waiver in &self.waivers {
            let clause = waiver.clause.as_str();
            if !contracts.iter().any(|contract| contract.clause(clause).is_some()) {
                let what = format!("no clause is called `{}`: `rootcontract clauses` lists them", shown(clause));
                return Err(source.at_value("clause", clause, what));
            }
            let Some(profile) = waiver.profile.as_deref() else { continue };
            if !contracts.iter().any(|contract| is_called(&contract.profile, profile)) {
                let what = format!("no contract is of a profile `{}`", shown(profile));
                return Err(source.at_value("profile", profile, what));
            }
        }
        Ok(())
    }

    /// Lets what is broken pass where it is waived today; what is waived and not broken is given back. A clause that no
    /// report has was not looked at.
    pub fn apply(&self, reports: &mut [Report], today: Date) -> Vec<&Waiver> {
        let is_unneeded = |waiver: &&Waiver| {
            let mut seen = reports.iter().filter(|report| waiver.is_about(report)).flat_map(|report| &report.findings);
            seen.clone().any(|finding| finding.clause == waiver.clause)
                && !seen.any(|finding| finding.clause == waiver.clause && finding.verdict == Verdict::Broken)
        };
        let unneeded = self.waivers.iter().filter(is_unneeded).collect();
        for report in reports {
            let waivers: Vec<&Waiver> = self.waivers.iter().filter(|waiver| waiver.is_about(report)).collect();
            for waiver in waivers {
                let broken =
                    |finding: &&mut Finding| finding.clause == waiver.clause && finding.verdict == Verdict::Broken;
                report.findings.iter_mut().filter(broken).for_each(|finding| waiver.waive(finding, today));
            }
            report.summary = Summary::of(&report.findings);
        }
        unneeded
    }
}

impl Waiver {
    fn is_about(&self, report: &Report) -> bool {
        self.profile.as_ref().is_none_or(|profile| is_called(&report.profile, profile))
            && self.arch.as_ref().is_none_or(|arch| *arch == report.arch)
    }

    fn terms(&self) -> Terms<'_> {
        Terms { reason: &self.reason, owner: &self.owner, expires: self.expires }
    }

    fn waive(&self, finding: &mut Finding, today: Date) {
        let told = self.terms().on(today);
        if told.is_ok() {
            finding.verdict = Verdict::Waived;
        }
        finding.reason = Some(told.unwrap_or_else(|told| told));
    }
}

/// Whether a profile has this name, or is what it stands for today.
pub(crate) fn is_called(profile: &str, name: &str) -> bool {
    profile == name || name.parse::<Profile>().is_ok_and(|meant| meant.name() == profile)
}

/// What every waiver says, whatever it is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms<'waiver> {
    pub reason: &'waiver str,
    pub owner: &'waiver str,
    pub expires: Datetime,
}

/// The waivers of a file with this schema, each of which says why, whose it is, and its last day.
///
/// # Errors
/// It is no such file.
pub(crate) fn list<Waiver: DeserializeOwned>(
    source: &Source<'_>,
    schema: &str,
    terms: fn(&Waiver) -> Terms<'_>,
) -> Result<Vec<Waiver>, SourceError> {
    let list: List<Waiver> = source.read()?;
    if list.schema != schema {
        return Err(source.other_schema(&list.schema, schema));
    }
    for terms in list.waivers.iter().map(terms) {
        if day(&terms.expires).is_none() {
            return Err(source.at_key("expires", "not a day, as in 2027-01-31".to_owned()));
        }
        for (key, text) in [("reason", terms.reason), ("owner", terms.owner)] {
            if text.trim().is_empty() {
                return Err(source.at_value(
                    key,
                    text,
                    "empty: nobody could say whether it is still needed".to_owned(),
                ));
            }
        }
    }
    Ok(list.waivers)
}

/// The day a waiver ends with; a time of day is none.
fn day(expires: &Datetime) -> Option<Date> {
    expires.date.filter(|_| expires.time.is_none())
}

impl Terms<'_> {
    /// What is said of something that is waived today, or, as an error, that it is not any more.
    pub(crate) fn on(self, today: Date) -> Result<String, String> {
        let (owner, reason) = (shown(self.owner), shown(self.reason));
        match day(&self.expires) {
            Some(day) if ordered(day) >= ordered(today) => Ok(format!("{reason} ({owner}, until {day})")),
            Some(day) => Err(format!("its waiver of {owner} has expired on {day}: {reason}")),
            None => Err(format!("its waiver of {owner} names no day")),
        }
    }
}

fn ordered(date: Date) -> (u16, u8, u8) {
    (date.year, date.month, date.day)
}

/// The day it is, in UTC.
pub fn today() -> Option<Date> {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    now.get(..10)?.parse::<Datetime>().ok()?.date
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::report::tests::{finding, report};

    const GOOD: &str = r#"schema = "rootcontract.waivers/1"
[[waiver]]
clause = "process.umask.value"
reason = "our launcher sets it"
owner = "build team"
expires = 2027-01-31
"#;

    fn day(text: &str) -> Date {
        text.parse::<Datetime>().expect("a day").date.expect("a day")
    }

    /// What comes of a finding, with its reason; whether the waiver was needed.
    fn waived(file: &str, verdict: Verdict, today: &str) -> (Verdict, Option<String>, bool, Summary) {
        let waivers = Waivers::parse("w.toml", file.as_bytes()).expect("waivers");
        let mut reports = [report(vec![finding("process.umask.value", verdict, "0077")])];
        let needed = waivers.apply(&mut reports, day(today)).is_empty();
        let [report] = reports;
        (report.findings[0].verdict, report.findings[0].reason.clone(), needed, report.summary)
    }

    #[rstest]
    #[case::before("2026-11-25")]
    #[case::on_the_day("2027-01-31")]
    fn what_is_broken_may_be_so_until_the_day(#[case] today: &str) {
        let (verdict, reason, needed, summary) = waived(GOOD, Verdict::Broken, today);
        assert_eq!((verdict, needed), (Verdict::Waived, true));
        assert_eq!(reason.as_deref(), Some("our launcher sets it (build team, until 2027-01-31)"));
        assert_eq!(summary, Summary { waived: 1, ..Summary::default() });
    }

    #[test]
    fn afterwards_it_is_broken_and_says_whose_it_was() {
        let (verdict, reason, needed, summary) = waived(GOOD, Verdict::Broken, "2027-02-01");
        assert_eq!((verdict, needed, summary.broken), (Verdict::Broken, true, 1));
        let told = "its waiver of build team has expired on 2027-01-31: our launcher sets it";
        assert_eq!(reason.as_deref(), Some(told));
    }

    #[rstest]
    #[case::held(Verdict::Held)]
    #[case::not_applicable(Verdict::NotApplicable)]
    #[case::unknown_is_never_waived(Verdict::Unknown)]
    fn what_is_not_broken_needs_no_waiver(#[case] verdict: Verdict) {
        let (after, _, needed, _) = waived(GOOD, verdict, "2026-11-25");
        assert_eq!((after, needed), (verdict, false));
    }

    #[test]
    fn a_profile_may_be_called_as_it_is_elsewhere() {
        let waivers = Waivers::parse("w.toml", (GOOD.to_owned() + "profile = \"osbuild\"\n").as_bytes());
        let mut reports = [report(vec![finding("process.umask.value", Verdict::Broken, "0077")])];
        "osbuild-v190".clone_into(&mut reports[0].profile);
        waivers.expect("waivers").apply(&mut reports, day("2026-11-25"));
        assert_eq!(reports[0].findings[0].verdict, Verdict::Waived);
    }

    #[rstest]
    #[case::clause(
        "process.umask.value",
        "process.umask.valeu",
        "w.toml:3: clause: no clause is called `process.umask.valeu`: `rootcontract clauses` lists them"
    )]
    #[case::profile(
        "reason",
        "profile = \"osbuid\"\nreason",
        "w.toml:4: profile: no contract is of a profile `osbuid`"
    )]
    fn a_name_that_nothing_has_is_told(#[case] from: &str, #[case] to: &str, #[case] line: &str) {
        let contract = Contract::builtin("osbuild-v190").expect("a contract");
        let known = |text: &str| Waivers::parse("w.toml", text.as_bytes()).expect("waivers").are_about(&[&contract]);
        known(GOOD).expect("a clause of it");
        assert_eq!(known(&GOOD.replacen(from, to, 1)).expect_err("nothing is called so").to_string(), line);
    }

    #[rstest]
    #[case::profile("profile = \"osbuild-v19\"\n")]
    #[case::architecture("arch = \"s390x\"\n")]
    fn a_waiver_for_others_is_none(#[case] line: &str) {
        let (verdict, _, needed, _) = waived(&(GOOD.to_owned() + line), Verdict::Broken, "2026-11-25");
        assert_eq!((verdict, needed), (Verdict::Broken, true));
    }

    #[rstest]
    #[case::schema(
        "waivers/1",
        "waivers/2",
        "w.toml:1: schema: `rootcontract.waivers/2` is not read here, expected `rootcontract.waivers/1`"
    )]
    #[case::no_owner(
        "owner",
        "owners",
        "w.toml:5: owners: unknown key `owners`, expected one of `clause`, `profile`, `arch`, `reason`, `owner`, `expires`"
    )]
    #[case::no_day("2027-01-31", "\"soon\"", "w.toml:6: expires: ")]
    #[case::a_time("2027-01-31", "2027-01-31T12:00:00", "w.toml:6: expires: not a day, as in 2027-01-31")]
    #[case::no_such_day("2027-01-31", "2027-13-31", "w.toml:6: ")]
    #[case::no_clause("process.umask.value", "umask", "w.toml:3: clause: ")]
    #[case::no_reason(
        "our launcher sets it",
        "",
        "w.toml:4: reason: empty: nobody could say whether it is still needed"
    )]
    #[case::nobody_s("build team", " ", "w.toml:5: owner: empty: ")]
    #[case::no_such_architecture(
        "owner",
        "arch = \"x86-64\"\nowner",
        "w.toml:5: arch: there is no architecture `x86-64`"
    )]
    fn what_is_wrong_is_told_with_its_line(#[case] from: &str, #[case] to: &str, #[case] line: &str) {
        let bad = GOOD.replacen(from, to, 1);
        assert_ne!(bad, GOOD, "{from} is not there to be replaced");
        let error = Waivers::parse("w.toml", bad.as_bytes()).expect_err("no waivers").to_string();
        assert!(error.starts_with(line) && !error.contains('\n'), "{error}");
    }
}
