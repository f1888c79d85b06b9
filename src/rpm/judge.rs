//! Packages held to the rules, in one room: a contract's, on one architecture.

use super::finding::{Effect, Evidence, Finding, Place};
use super::ground::Ground;
use super::reading::{Reading, Unread};
use super::report::{Coverage, Judgement, Report};
use super::rule::{self, Consequence, Rule, Scene, Seen, Sees};
use super::scriptlet::Slot;
use super::shell::{Act, Fate};
use super::verdict::{RpmVersion, Scenario, Verdict};
use crate::contract::Contract;
use crate::facts::text;

/// What is asked about a package.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What is done with it.
    pub scenarios: Vec<Scenario>,
    /// With which rpm.
    pub versions: Vec<RpmVersion>,
}

/// The rules, and what comes of each in a room.
#[derive(Debug)]
pub struct Judge<'contract> {
    profile: &'contract str,
    arch: &'contract str,
    ground: Ground<'contract>,
    rules: Vec<(&'static Rule, Consequence<'contract>)>,
}

impl<'contract> Judge<'contract> {
    /// One for the room that a contract describes, on an architecture.
    pub fn new(contract: &'contract Contract, arch: &'contract str) -> Self {
        let ground = Ground::of(contract, arch);
        let rules = rule::all().filter_map(|rule| Some((rule, rule.consequence(&ground)?))).collect();
        Self { profile: &contract.profile, arch, ground, rules }
    }

    /// Whether a report is its own.
    pub fn is_of(&self, report: &Report) -> bool {
        (self.profile, self.arch) == (report.profile.as_str(), report.arch.as_str())
    }

    /// What the room has.
    pub fn ground(&self) -> &Ground<'contract> {
        &self.ground
    }

    /// What becomes of a package, which came from this file, escaped.
    pub fn judge(&self, file: &str, reading: &Reading, asked: &Asked) -> Report {
        let mut findings: Vec<Finding> = Vec::new();
        for (at, scriptlet) in reading.package.scriptlets.iter().enumerate() {
            let body = scriptlet.body.as_deref().unwrap_or_default();
            for scenario in asked.scenarios.iter().copied().filter(|scenario| scenario.has(scriptlet.slot)) {
                let walked = reading.walk(at, &self.ground, scenario.argument(scriptlet.slot));
                let unread = reading.unread(at).or(walked.is_cut_off().then_some(Unread::TooMuch));
                let scene = Scene { package: &reading.package, scriptlet, walked: &walked, unread };
                for hit in self.hits(&scene) {
                    hit.add_to(&mut findings, &scene, scenario, body);
                }
            }
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.effect));
        let pairs = asked.scenarios.iter().flat_map(|scenario| asked.versions.iter().map(move |rpm| (scenario, rpm)));
        let unsettled = |(&scenario, &rpm)| Judgement { scenario, rpm, verdict: Verdict::Works };
        let slots: Vec<Slot> = reading.package.scriptlets.iter().map(|scriptlet| scriptlet.slot).collect();
        let mut report = Report {
            file: file.to_owned(),
            package: (&reading.package).into(),
            profile: self.profile.to_owned(),
            arch: self.arch.to_owned(),
            verdicts: pairs.map(unsettled).collect(),
            scriptlets: reading.package.scriptlets.iter().map(Into::into).collect(),
            findings,
            notes: Vec::new(),
            coverage: Coverage::of_reading(&slots, reading.judged(), &asked.scenarios),
        };
        report.settle();
        report
    }

    fn hits<'scene>(&'scene self, scene: &'scene Scene<'_>) -> Vec<Hit<'scene>> {
        let mut hits = Vec::new();
        for (rule, consequence) in &self.rules {
            let hit = |seen: Seen, act: Option<&'scene Act>| Hit { rule, consequence, seen, act };
            match rule.sees {
                Sees::Act(sees) => {
                    let acts = scene.walked.acts.iter().filter(|act| sees(act));
                    hits.extend(acts.map(|act| hit(Seen::at(act.place), Some(act))));
                }
                Sees::ActOf(sees) => {
                    let acts = scene.walked.acts.iter().filter(|act| sees(act, scene));
                    hits.extend(acts.map(|act| hit(Seen::at(act.place), Some(act))));
                }
                Sees::Scene(sees) => hits.extend(sees(scene).into_iter().map(|seen| hit(seen, None))),
            }
        }
        hits
    }
}

/// A rule that has seen something.
struct Hit<'scene> {
    rule: &'static Rule,
    consequence: &'scene Consequence<'scene>,
    seen: Seen,
    act: Option<&'scene Act>,
}

impl Hit<'_> {
    /// Adds a finding, or a scenario to one that is there.
    fn add_to(&self, findings: &mut Vec<Finding>, scene: &Scene<'_>, scenario: Scenario, body: &str) {
        let (effect, masked) = self.effect();
        let slot = scene.scriptlet.slot;
        let same = findings.iter_mut().find(|known| {
            known.rule == self.rule.id
                && known.slot == slot
                && known.place == self.seen.place
                && known.effect == effect
                && known.masked == masked
        });
        if let Some(same) = same {
            if !same.scenarios.contains(&scenario) {
                same.scenarios.push(scenario);
            }
            return;
        }
        findings.push(Finding {
            rule: self.rule.id.to_owned(),
            slot,
            place: self.seen.place,
            line: self.seen.place.map(|place| quoted(body, place, scene)),
            spec_line: None,
            says: self.rule.says.to_owned(),
            effect,
            masked,
            scenarios: vec![scenario],
            rests_on: self.consequence.clause.iter().map(|clause| clause.id.to_string()).collect(),
            why: self.rule.why.to_owned(),
            then: self.rule.then.to_owned(),
            instead: self.rule.instead.to_owned(),
            evidence: Evidence::Static,
            waived: None,
        });
    }

    /// What comes of it here: a command whose failing nobody notices does nothing, and that is all.
    fn effect(&self) -> (Effect, Option<String>) {
        let effect = self.seen.effect.unwrap_or(self.consequence.effect);
        match (effect, self.act.map(|act| &act.fate)) {
            (Effect::Fails, Some(Fate::Masked(by))) => (Effect::Skipped, Some(text::escape(by.as_bytes()))),
            (Effect::Fails, Some(Fate::Condition)) => (Effect::Skipped, Some("a condition".to_owned())),
            _ => (effect, None),
        }
    }
}

/// The line that a place is on; of a scriptlet without a body its interpreter.
fn quoted(body: &str, place: Place, scene: &Scene<'_>) -> String {
    let line = match scene.scriptlet.body {
        Some(_) => body.lines().nth(place.line - 1).unwrap_or_default().trim().to_owned(),
        None => scene.scriptlet.interpreter.join(" "),
    };
    text::escape(line.as_bytes())
}
