//! How much of a package was looked at, and how.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::scriptlet::Slot;
use super::super::verdict::Scenario;
use crate::facts::launch::Evidence;

/// How many scriptlets were looked at in which way. What was run in one scenario counts as run; where it was not is among
/// what was skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// Gone through without being run.
    pub read: usize,
    /// Not to be read: in another language, or not to be parsed.
    pub unread: usize,
    /// Run by this machine's own processor.
    pub executed: usize,
    /// Run with their programs emulated, by qemu-user.
    pub emulated: usize,
    /// Of what was run, how many were told that something was done which was not. None ever is: what the containment
    /// keeps from a scriptlet it refuses, and what only it refused is told as what would have been.
    pub simulated: usize,
    /// What was not run, and why.
    pub skipped: Vec<Skipped>,
}

/// Scriptlets that were not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Skipped {
    /// When rpm would run it.
    pub slot: Slot,
    /// In which of the scenarios that were asked for; none of them comes to it where there are none.
    pub scenarios: Vec<Scenario>,
    /// Why not, in a line; fit to be shown.
    pub why: String,
}

/// A scriptlet that was run, by its number in the package, and in which scenario.
pub type Run = (usize, Scenario);

impl Coverage {
    /// That of a package whose scriptlets run at these moments, of which as many were read as this, and none was run.
    pub fn of_reading(slots: &[Slot], read: usize, scenarios: &[Scenario]) -> Self {
        let mut coverage =
            Self { read, unread: slots.len() - read, executed: 0, emulated: 0, simulated: 0, skipped: Vec::new() };
        coverage.skip(slots, scenarios, &[], |_, _| "it was to be read only".to_owned());
        coverage
    }

    /// The same of one of which these were run, on what `evidence` says; `why` says why one was not in a scenario.
    pub fn run(
        &mut self,
        slots: &[Slot],
        scenarios: &[Scenario],
        runs: &[Run],
        evidence: Evidence,
        why: impl Fn(Slot, Scenario) -> String,
    ) {
        let run = (0..slots.len()).filter(|at| runs.iter().any(|(ran, _)| ran == at)).count();
        (self.executed, self.emulated) = match evidence {
            Evidence::UserEmulated => (0, run),
            Evidence::Native | Evidence::SystemEmulated => (run, 0),
        };
        self.skip(slots, scenarios, runs, why);
    }

    /// Gives another reason for what was not run although a scenario comes to it.
    pub fn because(&mut self, why: &str) {
        for skipped in self.skipped.iter_mut().filter(|skipped| !skipped.scenarios.is_empty()) {
            why.clone_into(&mut skipped.why);
        }
    }

    fn skip(&mut self, slots: &[Slot], scenarios: &[Scenario], runs: &[Run], why: impl Fn(Slot, Scenario) -> String) {
        self.skipped.clear();
        for (at, slot) in slots.iter().copied().enumerate() {
            let here: Vec<Scenario> = scenarios.iter().copied().filter(|scenario| scenario.has(slot)).collect();
            if here.is_empty() {
                let why = "nothing that was asked for comes to it".to_owned();
                self.skipped.push(Skipped { slot, scenarios: Vec::new(), why });
            }
            let first = self.skipped.len();
            for scenario in here.into_iter().filter(|scenario| !runs.contains(&(at, *scenario))) {
                let why = why(slot, scenario);
                match self.skipped[first..].iter_mut().find(|skipped| skipped.why == why) {
                    Some(skipped) => skipped.scenarios.push(scenario),
                    None => self.skipped.push(Skipped { slot, scenarios: vec![scenario], why }),
                }
            }
        }
    }

    /// All of it in a line: `2 scriptlets: 2 read, 1 executed, 0 emulated, 0 simulated, 1 skipped`.
    pub fn line(&self) -> String {
        let all = self.read + self.unread;
        if all == 0 {
            return "no scriptlets".to_owned();
        }
        format!(
            "{all} scriptlet{}: {} read, {} executed, {} emulated, {} simulated, {} skipped",
            if all == 1 { "" } else { "s" },
            self.read,
            self.executed,
            self.emulated,
            self.simulated,
            all - self.executed - self.emulated
        )
    }

    /// Why something was skipped, a line for each reason: `%post, %postun: there is no tree`, or `all: …`.
    pub fn reasons(&self) -> Vec<String> {
        let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
        for skipped in &self.skipped {
            let slot = skipped.slot.to_string();
            match reasons.iter_mut().find(|(why, _)| *why == skipped.why) {
                Some((_, slots)) if slots.contains(&slot) => {}
                Some((_, slots)) => slots.push(slot),
                None => reasons.push((&skipped.why, vec![slot])),
            }
        }
        let all = self.read + self.unread;
        match reasons.as_slice() {
            [(why, _)] if self.executed + self.emulated == 0 && self.skipped.len() == all && all > 1 => {
                vec![format!("all: {why}")]
            }
            reasons => reasons.iter().map(|(why, slots)| format!("{}: {why}", slots.join(", "))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOTS: [Slot; 3] = [Slot::Post, Slot::Postun, Slot::Verify];

    fn told(coverage: &Coverage) -> (String, Vec<String>) {
        (coverage.line(), coverage.reasons())
    }

    #[test]
    fn what_is_only_read_is_skipped_with_the_reason() {
        let mut coverage = Coverage::of_reading(&SLOTS, 2, &Scenario::ALL);
        coverage.because("there is no tree");
        let line = "3 scriptlets: 2 read, 0 executed, 0 emulated, 0 simulated, 3 skipped".to_owned();
        let reasons = ["%post, %postun: there is no tree", "%verify: nothing that was asked for comes to it"];
        assert_eq!(told(&coverage), (line, reasons.map(str::to_owned).to_vec()));
    }

    #[test]
    fn what_was_run_in_one_scenario_is_skipped_in_the_others() {
        let mut coverage = Coverage::of_reading(&SLOTS, 3, &Scenario::ALL);
        let runs = [(0, Scenario::Install), (1, Scenario::Upgrade), (1, Scenario::Erase)];
        coverage.run(&SLOTS, &Scenario::ALL, &runs, Evidence::Native, |_, scenario| format!("not on {scenario:?}"));
        let line = "3 scriptlets: 3 read, 2 executed, 0 emulated, 0 simulated, 1 skipped".to_owned();
        let reasons = ["%post: not on Upgrade", "%verify: nothing that was asked for comes to it"];
        assert_eq!(told(&coverage), (line, reasons.map(str::to_owned).to_vec()));
        assert_eq!(coverage.skipped[0].scenarios, [Scenario::Upgrade]);
    }

    #[test]
    fn another_processor_s_programs_count_as_emulated() {
        let mut coverage = Coverage::of_reading(&SLOTS[..1], 1, &[Scenario::Install]);
        coverage.run(&SLOTS[..1], &[Scenario::Install], &[(0, Scenario::Install)], Evidence::UserEmulated, |_, _| {
            String::new()
        });
        let line = "1 scriptlet: 1 read, 0 executed, 1 emulated, 0 simulated, 0 skipped".to_owned();
        assert_eq!(told(&coverage), (line, Vec::new()));
    }
}
