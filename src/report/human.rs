//! A report for people: what is broken first and in full, then every clause by area, then the counts.

use anstyle::{AnsiColor, Style};

use super::show::{self, beside, shown};
use super::{Look, Report, Standing, Summary};
use crate::contract::{Area, Clause};
use crate::verify::{Finding, Verdict};

/// A look and how to take another one.
#[derive(Debug, Clone)]
pub struct Judged {
    /// What was found, and what was promised.
    pub look: Look,
    /// The line for a shell that builds the same sandbox, where one was built.
    pub reproduce: Option<String>,
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const HAZARD: Style = AnsiColor::Yellow.on_default();

/// The reports one after the other, with colour; [`WIDTH`](super::show::WIDTH) wide except for the line to paste.
pub fn render(judged: &[Judged]) -> String {
    judged.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn one(judged: &Judged) -> String {
    let mut text = heading(&judged.look.report);
    for verdict in [Verdict::Broken, Verdict::Unknown] {
        for finding in judged.look.report.findings.iter().filter(|finding| finding.verdict == verdict) {
            text += &in_full(finding, judged.look.contract.clause(finding.clause.as_str()));
        }
    }
    for area in areas(&judged.look.report.findings) {
        text += &one_area(area, judged);
    }
    text += &total(&judged.look.report);
    if let (Some(line), true) = (&judged.reproduce, judged.look.report.summary.broken > 0) {
        text += &format!("To look at what is broken, start the same sandbox:\n{}\n", shown(line));
    }
    text
}

/// `osbuild-v190 on x86_64 (native), phase raw, privilege root` and what ran it.
fn heading(report: &Report) -> String {
    let mut place = format!("{} on {}", shown(&report.profile), shown(&report.arch));
    if let Some(evidence) = report.evidence {
        place += &format!(" ({})", word(evidence));
    }
    if let Some(phase) = report.phase {
        place += &format!(", phase {}", word(phase));
    }
    if let Some(privilege) = report.privilege {
        place += &format!(", privilege {}", word(privilege));
    }
    let bwrap = report.bwrap.as_ref().map(show::bubblewrap);
    let kernel = report.kernel.as_ref().map(|kernel| format!("Linux {}", shown(kernel)));
    let ran_by = [bwrap, kernel].into_iter().flatten().collect::<Vec<_>>().join(", ");
    let mut lines = format!("{BOLD}{place}{BOLD:#}\n");
    if !ran_by.is_empty() {
        lines += &format!("{DIM}{ran_by}{DIM:#}\n");
    }
    lines + "\n"
}

/// The word that JSON has for a value without fields.
pub(crate) fn word(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(error) => error.to_string(),
    }
}

/// A finding that somebody has to act on.
fn in_full(finding: &Finding, clause: Option<&Clause>) -> String {
    let sign = Sign::of(finding.verdict);
    let style = sign.style().bold();
    let title = format!("{style}{} {} is {}{style:#} ({})\n", sign.mark, finding.clause, sign.word, finding.level);
    let rows = [
        ("says", clause.map(|clause| &clause.says)),
        ("expected", Some(&finding.expected)),
        ("found", finding.found.as_ref()),
        ("reason", finding.reason.as_ref()),
        ("why", clause.map(|clause| &clause.why)),
        ("instead", clause.and_then(|clause| clause.instead.as_ref())),
        ("from", clause.map(|clause| &clause.origin)),
    ];
    let rows = rows.into_iter().filter_map(|(label, text)| Some((label, text?)));
    title
        + &rows.map(|(label, text)| beside(&format!("  {DIM}{label}{DIM:#}"), 12, &shown(text))).collect::<String>()
        + "\n"
}

/// The areas in the order they first come in.
fn areas(findings: &[Finding]) -> Vec<Area> {
    let mut areas = Vec::new();
    for finding in findings {
        if !areas.contains(&finding.area) {
            areas.push(finding.area);
        }
    }
    areas
}

/// A heading with counts, and a line for each clause, what is broken first.
fn one_area(area: Area, judged: &Judged) -> String {
    let mut findings: Vec<_> = judged.look.report.findings.iter().filter(|finding| finding.area == area).collect();
    findings.sort_by_key(|finding| finding.verdict != Verdict::Broken);
    let counts = counts(&Summary::of(findings.iter().copied()));
    let longest = judged.look.report.findings.iter().map(|finding| finding.clause.as_str().len()).max().unwrap_or(0);
    let lines = findings.into_iter().map(|finding| one_line(finding, judged, 6 + longest.min(40)));
    format!("{BOLD}{area}{BOLD:#}  {DIM}{counts}{DIM:#}\n{}\n", lines.collect::<String>())
}

/// `✔ mount.usr.read-only   what the clause says`, and below it what else there is to know.
fn one_line(finding: &Finding, judged: &Judged, indent: usize) -> String {
    let sign = Sign::of(finding.verdict);
    let style = sign.style();
    let says = judged.look.contract.clause(finding.clause.as_str()).map_or("", |clause| &clause.says);
    let label = format!("  {style}{}{style:#} {}", sign.mark, finding.clause);
    let (note_style, note) = match (finding.verdict, &finding.reason, &finding.hazard) {
        (Verdict::Held, _, Some(hazard)) => (HAZARD, format!("⚠ hazard: {}", shown(hazard))),
        (Verdict::NotApplicable | Verdict::Waived, Some(reason), _) => {
            (DIM, format!("{}: {}", sign.word, shown(reason)))
        }
        (Verdict::Held | Verdict::Broken | Verdict::Unknown | Verdict::NotApplicable | Verdict::Waived, _, _) => {
            return beside(&label, indent, &shown(says));
        }
    };
    beside(&label, indent, &shown(says)) + &beside("", indent, &format!("{note_style}{note}{note_style:#}"))
}

/// The last line: what it all comes to.
fn total(report: &Report) -> String {
    let verdict = match report.summary.standing() {
        Standing::Held => Verdict::Held,
        Standing::Unknown => Verdict::Unknown,
        Standing::Broken => Verdict::Broken,
    };
    let style = Sign::of(verdict).style().bold();
    let hazards = match report.findings.iter().filter(|finding| is_hazard(finding)).count() {
        0 => String::new(),
        1 => format!("; {HAZARD}⚠ 1 that holds is a hazard{HAZARD:#}"),
        many => format!("; {HAZARD}⚠ {many} that hold are hazards{HAZARD:#}"),
    };
    format!("{style}{}: {}{style:#}{hazards}\n", shown(&report.profile), counts(&report.summary))
}

/// Whether something is true and dangerous here.
fn is_hazard(finding: &Finding) -> bool {
    finding.verdict == Verdict::Held && finding.hazard.is_some()
}

/// `31 held, 1 broken`: what there is none of is left out.
fn counts(summary: &Summary) -> String {
    let Summary { held, broken, unknown, not_applicable, waived } = *summary;
    let words = [
        (broken, Verdict::Broken),
        (unknown, Verdict::Unknown),
        (waived, Verdict::Waived),
        (held, Verdict::Held),
        (not_applicable, Verdict::NotApplicable),
    ];
    let words: Vec<_> = words
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, verdict)| format!("{count} {}", Sign::of(verdict).word))
        .collect();
    if words.is_empty() { "no clauses".to_owned() } else { words.join(", ") }
}

/// How a verdict is shown.
pub(super) struct Sign {
    pub mark: char,
    pub word: &'static str,
    color: AnsiColor,
}

impl Sign {
    pub fn of(verdict: Verdict) -> Self {
        let (mark, color) = match verdict {
            Verdict::Held => ('✔', AnsiColor::Green),
            Verdict::Broken => ('✘', AnsiColor::Red),
            Verdict::Unknown => ('?', AnsiColor::Yellow),
            Verdict::NotApplicable => ('–', AnsiColor::BrightBlack),
            Verdict::Waived => ('~', AnsiColor::Yellow),
        };
        Self { mark, word: show::word(verdict), color }
    }

    pub fn style(&self) -> Style {
        Style::new().fg_color(Some(self.color.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Contract;

    const CONTRACT: &str = r#"
schema = "rootcontract.contract/1"
profile = "osbuild-v190"
version = 1
says = "an example"
upstream = { project = "osbuild", commit = "f6b23dbc", release = "v190" }

[[clause]]
id = "mount.usr.read-only"
level = "must"
says = "`/usr` is mounted read-only, and nothing that a scriptlet tries to write below it will ever get there"
why = "Install files with the package."
instead = "List the file in %files."
origin = "osbuild d1b9304a"
since = "osbuild v19"
expect.fact = { path = "process.umask", equals = "0022" }

[[clause]]
id = "mount.boot.read-only"
level = "must"
says = "`/boot` is read-only"
why = "x"
origin = "x"
since = "x"
expect.fact = { path = "process.umask", equals = "0022" }

[[clause]]
id = "proc.sys.writable"
level = "must"
says = "`/proc/sys` is writable"
why = "x"
origin = "x"
since = "x"
expect.fact = { path = "process.umask", equals = "0022" }
hazard = "a scriptlet changes the host's kernel"
"#;

    fn finding(contract: &Contract, clause: usize, verdict: Verdict) -> Finding {
        let clause = &contract.clauses[clause];
        Finding {
            clause: clause.id.clone(),
            area: clause.id.area(),
            level: clause.level,
            verdict,
            evidence: None,
            expected: "read-only".to_owned(),
            found: (verdict == Verdict::Broken).then(|| r"read-write, \x1b[2J".to_owned()),
            reason: (verdict == Verdict::NotApplicable).then(|| "the tree has no `/boot`".to_owned()),
            hazard: clause.hazard.clone(),
        }
    }

    fn judged(verdicts: &[(usize, Verdict)]) -> Judged {
        let contract = Contract::parse("example.toml", CONTRACT.as_bytes()).expect("a contract");
        let findings: Vec<_> = verdicts.iter().map(|&(clause, verdict)| finding(&contract, clause, verdict)).collect();
        let report = super::super::tests::report(findings);
        Judged { look: Look { report, contract, facts: None }, reproduce: Some("env -i bwrap --bind / /".to_owned()) }
    }

    fn plain(judged: Judged) -> String {
        anstream::adapter::strip_str(&render(&[judged])).to_string()
    }

    #[test]
    fn what_is_broken_comes_first_and_in_full() {
        let verdicts = [(2, Verdict::Held), (1, Verdict::NotApplicable), (0, Verdict::Broken)];
        assert_eq!(
            plain(judged(&verdicts)),
            r"osbuild-v190 on x86_64 (native), phase raw, privilege root
bubblewrap 0.8.0 (/usr/bin/bwrap, package bubblewrap 0.8.0-2), Linux 6.18.5

✘ mount.usr.read-only is broken (must)
  says      `/usr` is mounted read-only, and nothing that a scriptlet tries to write below it will
            ever get there
  expected  read-only
  found     read-write, \x1b[2J
  why       Install files with the package.
  instead   List the file in %files.
  from      osbuild d1b9304a

proc  1 held
  ✔ proc.sys.writable     `/proc/sys` is writable
                          ⚠ hazard: a scriptlet changes the host's kernel

mount  1 broken, 1 not applicable
  ✘ mount.usr.read-only   `/usr` is mounted read-only, and nothing that a scriptlet tries to write
                          below it will ever get there
  – mount.boot.read-only  `/boot` is read-only
                          not applicable: the tree has no `/boot`

osbuild-v190: 1 broken, 1 held, 1 not applicable; ⚠ 1 that holds is a hazard
To look at what is broken, start the same sandbox:
env -i bwrap --bind / /
"
        );
    }

    #[test]
    fn nothing_is_to_be_reproduced_where_nothing_is_broken() {
        let text = plain(judged(&[(0, Verdict::Unknown), (1, Verdict::Held)]));
        assert!(text.contains("? mount.usr.read-only is unknown (must)\n"), "{text}");
        assert!(text.ends_with("\nosbuild-v190: 1 unknown, 1 held\n"), "{text}");
    }
}
