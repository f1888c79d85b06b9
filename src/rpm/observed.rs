//! What a package's transactions showed, put beside what the rules found.

use nix::errno::Errno;

use super::finding::{Effect, Evidence, Finding, Place};
use super::ground::{Ground, Need};
use super::install::Transaction;
use super::left::{Change, Left};
use super::package::Package;
use super::report::{Report, Run};
use super::rule;
use super::rules::run;
use super::scriptlet::{Scriptlet, Slot};
use super::trace::{Deed, End, Ran, Refusal};
use super::verdict::Scenario;
use crate::buildroot::Outcome;
use crate::facts::launch;
use crate::facts::text::escape;

/// Where rpm's PATH ends (`_install_script_path`, 4.14 to 6.1).
const LAST_OF_PATH: &[u8] = b"/usr/X11R6/bin/";
/// How a script asks whether there is a program.
const ASKING: [&str; 4] = ["command -v", "which", "type", "hash"];
/// The most findings of one kind for a scriptlet; there is no use in more.
const MOST: usize = 20;
/// Where what is left has no business in an image. `/etc` is configured by many scriptlets.
const FORGOTTEN: [&[u8]; 5] = [b"/run/", b"/tmp/", b"/var/tmp/", b"/root/", b"/home/"];

/// Adds to a report what was seen of the package's transactions, with its programs run as `evidence` says.
pub fn add(
    report: &mut Report,
    package: &Package,
    ground: &Ground<'_>,
    transactions: &[Transaction],
    evidence: launch::Evidence,
) {
    let mut runs: Vec<Run> = Vec::new();
    for transaction in transactions {
        match &transaction.trace {
            Ok(trace) => {
                let mut matched = Vec::new();
                for ran in &trace.scriptlets {
                    let Some(at) = which(package, transaction.scenario, ran, &matched) else { continue };
                    matched.push(at);
                    let scene = Scene { scriptlet: &package.scriptlets[at], scenario: transaction.scenario, ground };
                    scene.ran(ran, &mut report.findings);
                }
                runs.extend(matched.into_iter().map(|at| (at, transaction.scenario)));
            }
            Err(error) => {
                report.notes.push(format!("{}: not traced: {error}", transaction.scenario.as_str()));
                untraced(package, transaction, &mut report.findings);
            }
        }
        left(package, transaction, &mut report.findings);
        if let Some(why) = not_run(&transaction.outcome) {
            report.notes.push(format!("{}: {why}", transaction.scenario.as_str()));
        }
    }
    let slots: Vec<Slot> = package.scriptlets.iter().map(|scriptlet| scriptlet.slot).collect();
    let scenarios: Vec<Scenario> = transactions.iter().map(|transaction| transaction.scenario).collect();
    report
        .coverage
        .run(&slots, &scenarios, &runs, evidence, |slot, scenario| why_not_run(transactions, slot, scenario));
    report.findings.sort_by_key(|finding| std::cmp::Reverse(finding.effect));
    report.settle();
}

/// Why a scriptlet was not run in a scenario that comes to it.
fn why_not_run(transactions: &[Transaction], slot: Slot, scenario: Scenario) -> String {
    let transaction = transactions.iter().find(|transaction| transaction.scenario == scenario);
    match transaction.map(|transaction| &transaction.trace) {
        Some(Err(_)) => "it was not traced, so nobody knows whether it ran".to_owned(),
        _ if slot.is_trigger() => "what it waits for did not happen".to_owned(),
        _ => "rpm did not run it".to_owned(),
    }
}

/// Why rpm did not come to its end.
fn not_run(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Exited(_) => None,
        Outcome::DeadlineExceeded => Some("it did not end in time, and was ended".to_owned()),
        other => Some(format!("rpm was not run to its end: {other:?}")),
    }
}

/// Which of the package's scriptlets this was: by its script, or where it has none by its interpreter.
fn which(package: &Package, scenario: Scenario, ran: &Ran, matched: &[usize]) -> Option<usize> {
    let says_so = |scriptlet: &Scriptlet| match &scriptlet.body {
        Some(body) => trimmed(body.as_bytes()) == trimmed(&ran.script),
        None => ran.script.is_empty() && ran.arguments.first().is_some_and(|one| one == scriptlet.program().as_bytes()),
    };
    let all = package.scriptlets.iter().enumerate();
    let mut candidates = all.filter(|(at, one)| scenario.has(one.slot) && says_so(one) && !matched.contains(at));
    candidates.next().map(|(at, _)| at)
}

fn trimmed(script: &[u8]) -> &[u8] {
    script.trim_ascii()
}

/// A scriptlet in a transaction.
struct Scene<'a> {
    scriptlet: &'a Scriptlet,
    scenario: Scenario,
    ground: &'a Ground<'a>,
}

impl Scene<'_> {
    fn ran(&self, ran: &Ran, findings: &mut Vec<Finding>) {
        let failed = ran.end.is_some_and(|end| !end.success());
        if let (true, Some(end)) = (failed, ran.end) {
            self.put(findings, self.finding(run::FAILED, ended(end), Effect::Fails));
        }
        for refusal in ran.refusals.iter().filter(|refusal| matters(refusal, ran)).take(MOST) {
            let (place, line) = self.line_of(refusal, ran);
            let finding = match contained(refusal) {
                Some(Containment::Host(need)) => Finding {
                    rests_on: self.clause(need),
                    ..self.finding(run::CONTAINED, told(refusal, ran), Effect::Host)
                },
                Some(Containment::Sandbox) => self.finding(run::REFUSED, told(refusal, ran), Effect::Advice),
                None => Finding {
                    masked: (!failed).then(|| "what comes after it".to_owned()),
                    rests_on: self.resting_on(refusal),
                    ..self.finding(
                        run::REFUSED,
                        told(refusal, ran),
                        if failed { Effect::Advice } else { Effect::Skipped },
                    )
                },
            };
            self.put(findings, Finding { place, line, ..finding });
        }
        if ran.left_running > 0 {
            let says = format!("{} processes of it were still running when it had ended.", ran.left_running);
            self.put(findings, self.finding(run::RUNNING, says, Effect::Advice));
        }
    }

    fn finding(&self, id: &str, says: String, effect: Effect) -> Finding {
        finding(id, self.scriptlet.slot, self.scenario, says, effect)
    }

    /// Adds a finding, or the scenario to one that says the same. What reading found of a deed is confirmed by it.
    fn put(&self, findings: &mut Vec<Finding>, new: Finding) {
        let read_already = |known: &&mut Finding| {
            known.evidence != Evidence::Traced
                && known.slot == new.slot
                && known.effect == new.effect
                && known.effect == Effect::Host
                && known.place.map(|place| place.line) == new.place.map(|place| place.line)
        };
        if let Some(known) = findings.iter_mut().find(read_already) {
            known.evidence = Evidence::Both;
            return;
        }
        put(findings, new);
    }

    fn clause(&self, need: Need) -> Vec<String> {
        self.ground.answer(need).clause.iter().map(|clause| clause.id.to_string()).collect()
    }

    fn resting_on(&self, refusal: &Refusal) -> Vec<String> {
        let Ok(path) = std::str::from_utf8(&refusal.subject) else { return Vec::new() };
        self.ground.path(path).clause.iter().map(|clause| clause.id.to_string()).collect()
    }

    /// The line of the script that names both what was done and to what, else the one that names either.
    fn line_of(&self, refusal: &Refusal, ran: &Ran) -> (Option<Place>, Option<String>) {
        let body = self.scriptlet.body.as_deref().unwrap_or_default();
        let subject = String::from_utf8_lossy(&refusal.subject).into_owned();
        let program = program(refusal, ran);
        let has = |line: &str, word: &str| !word.is_empty() && line.contains(word);
        let score = |line: &str| 2 * u8::from(has(line, &subject)) + u8::from(has(line, &program));
        let lines = body.lines().enumerate().map(|(at, line)| (score(line), at, line));
        let Some((score, at, line)) = lines.max_by_key(|(score, at, _)| (*score, std::cmp::Reverse(*at))) else {
            return (None, None);
        };
        if score == 0 {
            return (None, None);
        }
        let column = line.find(&subject).or_else(|| line.find(&program)).unwrap_or(0) + 1;
        (Some(Place { line: at + 1, column }), Some(escape(line.trim().as_bytes())))
    }
}

/// What was refused because of the containment, and would not have been by osbuild.
enum Containment {
    /// The build host would be another now.
    Host(Need),
    /// It would have worked in the sandbox, and been gone with it.
    Sandbox,
}

fn contained(refusal: &Refusal) -> Option<Containment> {
    let below = |start: &[u8]| refusal.subject.starts_with(start);
    match (refusal.deed, refusal.errno) {
        (Deed::Hostname, Errno::EPERM) => Some(Containment::Host(Need::Attempt("sysctl:kernel.hostname"))),
        // The network's are the sandbox's own.
        (Deed::Write, Errno::EROFS | Errno::EACCES) if below(b"/proc/sys/net/") => Some(Containment::Sandbox),
        (Deed::Write, Errno::EROFS | Errno::EACCES) if below(b"/proc/sys/") => {
            Some(Containment::Host(Need::Attempt("sysctl:kernel.core_pattern")))
        }
        (Deed::Mount | Deed::Node | Deed::Namespace | Deed::Change, Errno::EPERM) => Some(Containment::Sandbox),
        _ => None,
    }
}

/// Whether a refusal is one that the script could have minded.
fn matters(refusal: &Refusal, ran: &Ran) -> bool {
    let failed = ran.commands.get(refusal.command).is_some_and(|one| one.end.is_some_and(|end| !end.success()));
    match refusal.deed {
        Deed::Execute | Deed::Look if missing(refusal, ran).is_some() => true,
        // Along PATH; the shell's last word is above.
        Deed::Execute => refusal.command == 0 && ran.commands.len() == 1,
        // A shell asks; a program that goes on could do without.
        Deed::Look | Deed::Read => refusal.command != 0 && failed,
        Deed::Make => refusal.errno != Errno::ENOENT || failed,
        _ => true,
    }
}

/// The program that was looked for in all of rpm's PATH, and that a script did not ask about first.
fn missing<'a>(refusal: &'a Refusal, ran: &Ran) -> Option<&'a [u8]> {
    let name = refusal.subject.strip_prefix(LAST_OF_PATH).filter(|name| !name.is_empty() && !name.contains(&b'/'))?;
    let is_it = |path: &Vec<u8>| path.rsplit(|&byte| byte == b'/').next() == Some(name);
    let was_run = ran.commands.iter().any(|one| one.arguments.first().is_some_and(is_it));
    let text = String::from_utf8_lossy(&ran.script);
    let name_text = String::from_utf8_lossy(name);
    let asked = ASKING.iter().any(|word| text.contains(&format!("{word} {name_text}")));
    (refusal.errno == Errno::ENOENT && !was_run && !asked).then_some(name)
}

/// The name of the program that was refused something.
fn program(refusal: &Refusal, ran: &Ran) -> String {
    let path = match refusal.deed {
        Deed::Execute | Deed::Look if missing(refusal, ran).is_some() => missing(refusal, ran),
        Deed::Execute => Some(refusal.subject.as_slice()),
        _ if refusal.command == 0 => None,
        _ => ran.commands.get(refusal.command).and_then(|one| one.arguments.first()).map(Vec::as_slice),
    };
    let name = path.map(|path| path.rsplit(|&byte| byte == b'/').next().unwrap_or(path));
    name.map(|name| String::from_utf8_lossy(name).into_owned()).unwrap_or_default()
}

/// `mkdir: mkdir /sys/x: EROFS, Read-only file system`.
fn told(refusal: &Refusal, ran: &Ran) -> String {
    if let Some(name) = missing(refusal, ran) {
        return format!("there is no {} in the PATH of scriptlets.", escape(name));
    }
    let program = program(refusal, ran);
    let who = if program.is_empty() { "the script".to_owned() } else { escape(program.as_bytes()) };
    let subject = if refusal.subject.is_empty() { String::new() } else { format!(" {}", escape(&refusal.subject)) };
    let times = if refusal.times > 1 { format!(", {} times", refusal.times) } else { String::new() };
    format!("{who}: {}{subject}: {:?}, {}{times}.", refusal.call, refusal.errno, refusal.errno.desc())
}

fn ended(end: End) -> String {
    match end {
        End::Exited(127) => "It ended with 127: its last command, or its interpreter, was not found.".to_owned(),
        End::Exited(code) => format!("It ended with {code}."),
        End::Killed(signal) => format!("Signal {signal} ended it."),
    }
}

fn finding(id: &str, slot: Slot, scenario: Scenario, says: String, effect: Effect) -> Finding {
    let rule = rule::named(id);
    let text = |of: fn(&rule::Rule) -> &'static str| rule.map(of).unwrap_or_default().to_owned();
    Finding {
        rule: id.to_owned(),
        slot,
        place: None,
        line: None,
        says,
        effect,
        masked: None,
        scenarios: vec![scenario],
        rests_on: Vec::new(),
        why: text(|rule| rule.why),
        then: text(|rule| rule.then),
        instead: text(|rule| rule.instead),
        evidence: Evidence::Traced,
        waived: None,
    }
}

fn put(findings: &mut Vec<Finding>, new: Finding) {
    let same = findings.iter_mut().find(|known| {
        (&known.rule, known.slot, &known.says, known.effect) == (&new.rule, new.slot, &new.says, new.effect)
    });
    match same {
        Some(known) => {
            let more: Vec<_> = new.scenarios.iter().filter(|one| !known.scenarios.contains(one)).copied().collect();
            known.scenarios.extend(more);
        }
        None => findings.push(new),
    }
}

/// What rpm itself says of scriptlets that failed: `warning: %post(name-1-1.noarch) scriptlet failed, exit status 3`.
fn untraced(package: &Package, transaction: &Transaction, findings: &mut Vec<Finding>) {
    for line in transaction.said.lines().filter(|line| line.contains("scriptlet failed")) {
        let named = |one: &&Scriptlet| line.contains(&format!("{}(", one.slot));
        if let Some(scriptlet) = package.scriptlets.iter().find(named) {
            let says = format!("rpm says: {}", escape(line.trim().as_bytes()));
            put(findings, finding(run::FAILED, scriptlet.slot, transaction.scenario, says, Effect::Fails));
        }
    }
}

/// What is in the tree now and was not.
fn left(package: &Package, transaction: &Transaction, findings: &mut Vec<Finding>) {
    // Nobody knows whose doing it was; this one is the most likely.
    let likely = if transaction.scenario == Scenario::Erase { Slot::Postun } else { Slot::Post };
    let slots = package.scriptlets.iter().map(|one| one.slot).filter(|slot| transaction.scenario.has(*slot));
    let Some(slot) = slots.max_by_key(|slot| *slot == likely) else { return };
    for Left { path, change } in transaction.left.iter().take(MOST) {
        // It is there since the package was installed.
        let made = format!("{} is new, and no package's.", escape(path));
        if *change == Change::Changed && findings.iter().any(|known| known.says == made) {
            continue;
        }
        let what = match change {
            Change::Made => "is new",
            Change::Changed => "was changed",
        };
        let forgotten = FORGOTTEN.iter().any(|start| path.starts_with(start));
        let effect = if forgotten { Effect::Image } else { Effect::Advice };
        let says = format!("{} {what}, and no package's.", escape(path));
        put(findings, finding(run::LEFT, slot, transaction.scenario, says, effect));
    }
}
