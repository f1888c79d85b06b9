//! What one scriptlet was seen to do in a transaction.

use nix::errno::Errno;

use super::{MOST, Setting, finding, put};
use crate::contract::Word;
use crate::facts::text::escape;
use crate::rpm::closure::Offer;
use crate::rpm::finding::{Effect, Evidence, Finding, Place};
use crate::rpm::ground::Need;
use crate::rpm::install::Transaction;
use crate::rpm::package::Package;
use crate::rpm::room::SCRIPTLETS_PATH;
use crate::rpm::rules::run;
use crate::rpm::said::{self, Failure};
use crate::rpm::scriptlet::{Language, SHELLS, Scriptlet, Slot};
use crate::rpm::trace::{Command, Deed, End, Ran, Refusal};
use crate::rpm::verdict::Scenario;

/// Where the PATH of scriptlets ends.
const LAST_OF_PATH: &[u8] = b"/usr/X11R6/bin/";
/// Where rpm's own PATH ends, which is the build root's.
const LAST_OF_RPM_S: &[u8] = b"/usr/bin/";
/// How a script asks whether there is a program.
const ASKING: [&str; 4] = ["command -v", "which", "type", "hash"];

/// A scriptlet in a transaction.
pub struct Scene<'a> {
    slot: Slot,
    /// Its script; empty where there is none, or several that it can't be told from.
    body: &'a str,
    /// What rpm says of it.
    failure: Option<Failure<'a>>,
    scenario: Scenario,
    setting: &'a Setting<'a>,
}

impl<'a> Scene<'a> {
    pub fn new(package: &'a Package, at: usize, transaction: &'a Transaction, setting: &'a Setting<'a>) -> Self {
        let scriptlet = &package.scriptlets[at];
        let slot = scriptlet.slot;
        // Triggers of Lua have one name.
        let is_alike = |one: &&Scriptlet| one.slot == slot && one.language() == Language::Lua;
        let is_alone = package.scriptlets.iter().filter(is_alike).count() <= 1;
        let language = scriptlet.language();
        let body = scriptlet.body.as_deref().filter(|_| is_alone || language != Language::Lua);
        let failure = said::failure(&transaction.said, &said::name(package, slot), language);
        Self { slot, body: body.unwrap_or_default(), failure, scenario: transaction.scenario, setting }
    }

    pub fn ran(&self, ran: &Ran, findings: &mut Vec<Finding>) {
        let failure = self.failed(ran.end);
        let failed = failure.is_some();
        let narrow = ran.narrow.and_then(|at| ran.commands.get(at)).and_then(|command| command.arguments.first());
        if let Some(program) = narrow {
            let says =
                format!("{} is a program of 32 bits, which is let run by osbuild, and not in here.", escape(program));
            self.put(findings, self.finding(run::NARROW, says, Effect::Unjudged));
        }
        if let Some(failure) = failure {
            // Without it there might be no failure.
            let effect = if narrow.is_some() { Effect::Unjudged } else { failure.effect };
            self.put(findings, Finding { effect, ..failure });
        }
        for refusal in ran.refusals.iter().filter(|refusal| self.minds(refusal, ran)).take(MOST) {
            let (place, line) = self.line_of(refusal, ran);
            let finding = match contained(refusal) {
                Some(Containment::Host(need)) => Finding {
                    rests_on: self.clause(need),
                    ..self.finding(run::CONTAINED, self.told(refusal, ran), Effect::Host)
                },
                Some(Containment::Sandbox) => self.finding(run::REFUSED, self.told(refusal, ran), Effect::Advice),
                None => Finding {
                    masked: (!failed).then(|| "what comes after it".to_owned()),
                    rests_on: self.resting_on(refusal),
                    ..self.finding(
                        run::REFUSED,
                        self.told(refusal, ran),
                        if failed { Effect::Advice } else { Effect::Skipped },
                    )
                },
            };
            self.put(findings, Finding { place, line, ..finding });
        }
        if ran.left_running > 0 {
            let count = if ran.left_running == 1 {
                "1 process of it was".to_owned()
            } else {
                format!("{} processes of it were", ran.left_running)
            };
            let says = format!("{count} still running when it had ended.");
            self.put(findings, self.finding(run::RUNNING, says, Effect::Advice));
        }
    }

    /// That it failed, if it did: by how it was seen to end, else by what rpm says, which for Lua has the line.
    pub fn failed(&self, end: Option<End>) -> Option<Finding> {
        let failed = |says: String| self.finding(run::FAILED, says, Effect::Fails);
        match (end, self.failure) {
            (Some(end), _) => (!end.success()).then(|| failed(ended(end))),
            (None, Some(Failure::Program(line))) => Some(failed(format!("rpm says: {}", escape(line.as_bytes())))),
            (None, Some(Failure::Lua { line, message })) => {
                let text = line.checked_sub(1).and_then(|at| self.body.lines().nth(at));
                Some(Finding {
                    place: text.map(|text| Place { line, column: text.len() - text.trim_start().len() + 1 }),
                    line: text.map(|text| escape(text.trim().as_bytes())),
                    ..failed(format!("It ended with an error: {}.", escape(message.as_bytes())))
                })
            }
            (None, None) => None,
        }
    }

    fn finding(&self, id: &str, says: String, effect: Effect) -> Finding {
        finding(id, self.slot, self.scenario, says, effect)
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
        self.setting.ground.answer(need).clause.iter().map(|clause| clause.id.to_string()).collect()
    }

    fn resting_on(&self, refusal: &Refusal) -> Vec<String> {
        let Ok(path) = std::str::from_utf8(&refusal.subject) else { return Vec::new() };
        self.setting.ground.path(path).clause.iter().map(|clause| clause.id.to_string()).collect()
    }

    /// Whether a refusal is one that the script could have minded.
    fn minds(&self, refusal: &Refusal, ran: &Ran) -> bool {
        let failed = ran.commands.get(refusal.command).is_some_and(|one| one.end.is_some_and(|end| !end.success()));
        match refusal.deed {
            Deed::Execute | Deed::Look if self.missing(refusal, ran).is_some() => true,
            // Along PATH; the shell's last word is above.
            Deed::Execute => refusal.command == 0 && ran.commands.len() == 1 || self.is_named(refusal),
            // A script asks; a program that goes on could do without.
            Deed::Look | Deed::Read => !is_script(refusal.command, ran) && failed,
            Deed::Make => refusal.errno != Errno::ENOENT || failed,
            _ => true,
        }
    }

    /// The program that was looked for in all of PATH, and that a script did not ask about first.
    fn missing<'r>(&self, refusal: &'r Refusal, ran: &Ran) -> Option<&'r [u8]> {
        let name = sought(refusal)?;
        // What Lua starts has rpm's own PATH, and may have been asked for by its path.
        let last = if ran.name.is_empty() { LAST_OF_PATH } else { LAST_OF_RPM_S };
        let path = String::from_utf8_lossy(&refusal.subject);
        let is_last = refusal.subject.starts_with(last) && !self.body.contains(&*path);
        let name_text = String::from_utf8_lossy(name);
        let asked = ASKING.iter().any(|word| self.body.contains(&format!("{word} {name_text}")));
        (is_last && !was_run(name, ran) && !asked).then_some(name)
    }

    /// The name of the program that was refused something.
    fn program(&self, refusal: &Refusal, ran: &Ran) -> String {
        let program = match refusal.deed {
            Deed::Execute | Deed::Look if self.missing(refusal, ran).is_some() => self.missing(refusal, ran),
            Deed::Execute => refusal.subject.rsplit(|&byte| byte == b'/').next(),
            _ if refusal.command == 0 => None,
            _ => ran.commands.get(refusal.command).and_then(name),
        };
        program.map(|name| String::from_utf8_lossy(name).into_owned()).unwrap_or_default()
    }

    /// Whether the script names the path of a program that is not there.
    fn is_named(&self, refusal: &Refusal) -> bool {
        let path = String::from_utf8_lossy(&refusal.subject);
        refusal.errno == Errno::ENOENT && path.starts_with('/') && self.body.contains(&*path)
    }

    /// What was refused, and if it is a program, which package at hand has it.
    fn told(&self, refusal: &Refusal, ran: &Ran) -> String {
        let told = self.refused(refusal, ran);
        let path = (refusal.deed, refusal.errno) == (Deed::Execute, Errno::ENOENT);
        let program = self.missing(refusal, ran).or(path.then_some(refusal.subject.as_slice()));
        let provider = program.and_then(|name| self.setting.programs.provider(std::str::from_utf8(name).ok()?));
        match provider {
            Some(offer) => format!("{told} {offer} has it: {}.", required(self.slot, offer)),
            None => told,
        }
    }

    /// `mkdir: mkdir /sys/x: EROFS, Read-only file system`.
    fn refused(&self, refusal: &Refusal, ran: &Ran) -> String {
        if let Some(name) = self.missing(refusal, ran) {
            return format!("there is no {} in the PATH of scriptlets.", escape(name));
        }
        let program = self.program(refusal, ran);
        let who = if program.is_empty() { "the script".to_owned() } else { escape(program.as_bytes()) };
        let subject = if refusal.subject.is_empty() { String::new() } else { format!(" {}", escape(&refusal.subject)) };
        let times = if refusal.times > 1 { format!(", {} times", refusal.times) } else { String::new() };
        format!("{who}: {}{subject}: {:?}, {}{times}.", refusal.call, refusal.errno, refusal.errno.desc())
    }

    /// The line of the script that names both what was done and to what, else the one that names either.
    fn line_of(&self, refusal: &Refusal, ran: &Ran) -> (Option<Place>, Option<String>) {
        let subject = String::from_utf8_lossy(&refusal.subject).into_owned();
        let program = self.program(refusal, ran);
        let has = |line: &str, word: &str| !word.is_empty() && line.contains(word);
        let score = |line: &str| 2 * u8::from(has(line, &subject)) + u8::from(has(line, &program));
        let lines = self.body.lines().enumerate().map(|(at, line)| (score(line), at, line));
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

/// The name of the program that a refusal may have come of looking for.
fn sought(refusal: &Refusal) -> Option<&[u8]> {
    let is_search = matches!(refusal.deed, Deed::Execute | Deed::Look) && refusal.errno == Errno::ENOENT;
    let at = refusal.subject.iter().rposition(|&byte| byte == b'/')?;
    let (directory, name) = (&refusal.subject[..at], &refusal.subject[at + 1..]);
    let in_path = SCRIPTLETS_PATH.split(':').any(|one| one.as_bytes() == directory);
    (is_search && in_path && !name.is_empty()).then_some(name)
}

/// Whether a command is the scriptlet itself, or a shell that it starts.
fn is_script(command: usize, ran: &Ran) -> bool {
    let name = ran.commands.get(command).and_then(name);
    command == 0 || name.is_some_and(|name| SHELLS.iter().any(|shell| shell.as_bytes() == name))
}

/// Whether a program of this name was run.
fn was_run(wanted: &[u8], ran: &Ran) -> bool {
    ran.commands.iter().any(|command| name(command) == Some(wanted))
}

/// The name of a command's program, without the directory.
fn name(command: &Command) -> Option<&[u8]> {
    command.arguments.first().and_then(|path| path.rsplit(|&byte| byte == b'/').next())
}

/// What to write into the spec file to have a package's programs there: `Requires(post): shadow-utils`.
fn required(slot: Slot, offer: &Offer) -> String {
    let name = escape(offer.name.as_bytes());
    if slot.is_trigger() { format!("Requires: {name}") } else { format!("Requires({}): {name}", slot.as_str()) }
}

fn ended(end: End) -> String {
    match end {
        End::Exited(127) => "It ended with 127: its last command, or its interpreter, was not found.".to_owned(),
        End::Exited(code) => format!("It ended with {code}."),
        End::Killed(signal) => format!("Signal {signal} ended it."),
    }
}
