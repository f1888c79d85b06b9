//! A script from its beginning to its end, in one scenario and one room: the commands that come, and what becomes of each.

mod compound;
mod handler;
mod redirect;
mod simple;
mod started;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use brush_parser::ast::{AndOr, AndOrList, CompoundListItem, FunctionBody, Pipeline, SeparatorOperator};

use super::Script;
use super::word::{Known, Text};
use crate::rpm::finding::Place;
use crate::rpm::ground::Ground;

/// The most that functions, commands within words and scripts within scripts lie in each other.
const DEEPEST: usize = 8;

/// The most commands that are gone through: functions that call each other many times come to more than there is time for.
const LONGEST: usize = 20_000;

/// A command that comes, as far as its words are known.
#[derive(Debug, Clone)]
pub struct Act {
    /// Its name and its arguments.
    pub words: Vec<Text>,
    /// The files it is given by the shell.
    pub redirects: Vec<Redirect>,
    /// Where it is.
    pub place: Place,
    /// What becomes of it when it fails.
    pub fate: Fate,
    /// Whether nobody reads what it says about that.
    pub is_silenced: bool,
    /// Programs that are known to be there when it comes, because the script has asked.
    pub checked: Vec<String>,
    /// Names that are set for it alone.
    pub variables: Vec<String>,
}

/// A file that the shell opens for a command.
#[derive(Debug, Clone)]
pub struct Redirect {
    /// Its name.
    pub file: Text,
    /// What for.
    pub is_written: bool,
}

/// What becomes of a command that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The scriptlet fails with it.
    Decides,
    /// Its failing is an answer: it stands in a condition.
    Condition,
    /// Nobody notices, because of this.
    Masked(String),
}

impl Act {
    /// A command that no shell starts.
    pub fn alone(words: Vec<Text>, place: Place, fate: Fate) -> Option<Self> {
        let (redirects, checked, variables) = (Vec::new(), Vec::new(), Vec::new());
        (!words.is_empty()).then_some(Self { words, redirects, place, fate, is_silenced: false, checked, variables })
    }

    /// The command's name without directories, if it is known.
    pub fn program(&self) -> Option<&str> {
        self.words.first()?.value.as_deref()?.rsplit('/').next()
    }

    /// The arguments, those that are not known as they are written.
    pub fn arguments(&self) -> impl Iterator<Item = &str> {
        self.words.iter().skip(1).map(|word| word.value.as_deref().unwrap_or(&word.written))
    }

    /// The first argument that is no option.
    pub fn verb(&self) -> Option<&str> {
        self.arguments().find(|word| !word.starts_with('-'))
    }

    /// Whether this is among the arguments.
    pub fn has(&self, argument: &str) -> bool {
        self.arguments().any(|word| word == argument)
    }
}

/// What a script comes to.
#[derive(Debug, Default)]
pub struct Walked {
    /// The commands, in the order in which they come.
    pub acts: Vec<Act>,
    /// Variables that are used and have not been set before.
    pub uses: Vec<(String, Place)>,
    /// Where `<(…)` and `>(…)` stand.
    pub substitutions: Vec<Place>,
    /// Where something comes that is not followed: what it does shows only when it is run.
    pub unfollowed: Vec<Place>,
    /// The last command, if it is known that the script fails with it.
    pub fails_at: Option<Place>,
    /// How many commands have come.
    steps: usize,
}

impl Walked {
    /// These commands and nothing else.
    pub fn of(acts: impl IntoIterator<Item = Act>) -> Self {
        Self { acts: acts.into_iter().collect(), ..Self::default() }
    }

    /// Whether there was more than is gone through.
    pub fn is_cut_off(&self) -> bool {
        self.steps >= LONGEST
    }
}

/// What a command or a list of them ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Flow {
    status: Status,
    /// Whether the script has ended.
    is_over: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Zero,
    NonZero,
    Unknown,
}

impl Flow {
    const UNKNOWN: Self = Self { status: Status::Unknown, is_over: false };
    const ZERO: Self = Self { status: Status::Zero, is_over: false };

    fn of(holds: Option<bool>) -> Self {
        let status = match holds {
            Some(true) => Status::Zero,
            Some(false) => Status::NonZero,
            None => Status::Unknown,
        };
        Self { status, is_over: false }
    }
}

/// A shell that runs nothing.
struct Walker<'script, 'ground> {
    ground: &'ground Ground<'ground>,
    argument: Option<&'static str>,
    variables: HashMap<String, String>,
    /// Names that the script has set, to whatever.
    assigned: HashSet<String>,
    functions: HashMap<String, &'script FunctionBody>,
    /// Where it is, as far as that is known.
    directory: Option<String>,
    stops_at_errors: bool,
    is_silenced: bool,
    checked: Vec<String>,
    origin: Place,
    deep: usize,
    last: Place,
    walked: Walked,
}

impl Script {
    /// Goes through the script. `argument` is its `$1`, `stops_at_errors` whether its shell was given `-e`.
    pub fn walk(&self, ground: &Ground<'_>, argument: Option<&'static str>, stops_at_errors: bool) -> Walked {
        let mut walker = Walker {
            ground,
            argument,
            variables: HashMap::new(),
            assigned: HashSet::new(),
            functions: HashMap::new(),
            directory: Some("/".to_owned()),
            stops_at_errors,
            is_silenced: false,
            checked: Vec::new(),
            origin: Place { line: 1, column: 1 },
            deep: 0,
            last: Place { line: 1, column: 1 },
            walked: Walked::default(),
        };
        let flow = walker.script(self, &Fate::Decides);
        if flow.status == Status::NonZero {
            walker.walked.fails_at = Some(walker.last);
        }
        walker.walked
    }
}

impl<'script> Walker<'script, '_> {
    fn script(&mut self, script: &'script Script, fate: &Fate) -> Flow {
        let items: Vec<_> = script.program.complete_commands.iter().flat_map(|list| &list.0).collect();
        self.items(&items, fate)
    }

    /// One command after the other: the last one's status is what counts, unless the shell stops at errors.
    fn items(&mut self, items: &[&'script CompoundListItem], fate: &Fate) -> Flow {
        let mut flow = Flow::ZERO;
        for (at, CompoundListItem(and_or, separator)) in items.iter().enumerate() {
            let hands_on = items[at + 1..].first().is_some_and(|next| handler::is_bare_exit(next));
            let is_last = at + 1 == items.len() || (hands_on && at + 2 == items.len());
            let own = match separator {
                SeparatorOperator::Async => Fate::Masked("&".to_owned()),
                SeparatorOperator::Sequence if is_last => fate.clone(),
                SeparatorOperator::Sequence if self.stops_at_errors && *fate == Fate::Decides => Fate::Decides,
                SeparatorOperator::Sequence => Fate::Masked("the commands after it".to_owned()),
            };
            let known = self.checked.len();
            let before = flow.status;
            flow = self.and_or(and_or, &own);
            if hands_on && flow.status != Status::NonZero && !flow.is_over {
                flow.status = if flow.status == Status::Zero { before } else { flow.status };
            }
            let keeps = *fate == Fate::Condition || may_end(and_or);
            if !keeps {
                self.checked.truncate(known);
            }
            if flow.is_over || self.walked.is_cut_off() {
                break;
            }
        }
        flow
    }

    /// `A && B || C`.
    fn and_or(&mut self, list: &'script AndOrList, fate: &Fate) -> Flow {
        let own = |at: usize| match alternative(&list.additional[at..]) {
            Some(pipeline) => handler::fate(pipeline, fate),
            None => fate.clone(),
        };
        let mut flow = self.pipeline(&list.first, &own(0));
        for (at, next) in list.additional.iter().enumerate() {
            if flow.is_over {
                return flow;
            }
            let (pipeline, skipped) = match next {
                AndOr::And(pipeline) => (pipeline, Status::NonZero),
                AndOr::Or(pipeline) => (pipeline, Status::Zero),
            };
            if flow.status == skipped {
                continue;
            }
            let was_known = flow.status != Status::Unknown;
            let then = self.pipeline(pipeline, &own(at + 1));
            flow = if was_known { then } else { Flow::UNKNOWN };
        }
        flow
    }

    /// `A | B`: the last one's status counts.
    fn pipeline(&mut self, pipeline: &'script Pipeline, fate: &Fate) -> Flow {
        let fate = if pipeline.bang { &Fate::Condition } else { fate };
        let mut flow = Flow::ZERO;
        for (at, command) in pipeline.seq.iter().enumerate() {
            let is_last = at + 1 == pipeline.seq.len();
            let piped = Fate::Masked("|".to_owned());
            flow = self.command(command, if is_last { fate } else { &piped });
        }
        if pipeline.seq.len() > 1 {
            flow.is_over = false;
        }
        match (pipeline.bang, flow.status) {
            (true, Status::Zero) => Flow { status: Status::NonZero, ..flow },
            (true, Status::NonZero) => Flow { status: Status::Zero, ..flow },
            _ => flow,
        }
    }

    /// A script within this one.
    fn within(&mut self, text: &str, place: Place, fate: &Fate) -> Flow {
        let script = if self.deep < DEEPEST { super::parse(text).ok() } else { None };
        let Some(script) = script else { return self.unfollowed(place) };
        let mut inner = Walker {
            ground: self.ground,
            argument: self.argument,
            variables: self.variables.clone(),
            assigned: self.assigned.clone(),
            functions: HashMap::new(),
            directory: self.directory.clone(),
            stops_at_errors: false,
            is_silenced: self.is_silenced,
            checked: self.checked.clone(),
            origin: place,
            deep: self.deep + 1,
            last: place,
            walked: std::mem::take(&mut self.walked),
        };
        let flow = inner.script(&script, fate);
        self.walked = inner.walked;
        Flow { is_over: false, ..flow }
    }

    /// Something comes here, and nobody knows what.
    fn unfollowed(&mut self, place: Place) -> Flow {
        self.walked.unfollowed.push(place);
        Flow::UNKNOWN
    }

    /// A place of the text that is walked, as one of the whole script.
    fn absolute(&self, place: Place) -> Place {
        let lines = self.origin.line - 1;
        match place.line {
            1 => Place { line: 1 + lines, column: self.origin.column - 1 + place.column },
            line => Place { line: line + lines, column: place.column },
        }
    }
}

impl Known for Walker<'_, '_> {
    fn variable(&self, name: &str) -> Option<String> {
        match name {
            "1" => self.argument.map(str::to_owned),
            _ => self.variables.get(name).cloned(),
        }
    }

    fn uses(&mut self, name: &str, place: Place) {
        if !self.assigned.contains(name) {
            let place = self.absolute(place);
            self.walked.uses.push((name.to_owned(), place));
        }
    }
}

/// The first alternative to what comes before it.
fn alternative(rest: &[AndOr]) -> Option<&Pipeline> {
    rest.iter().find_map(|next| match next {
        AndOr::Or(pipeline) => Some(pipeline),
        AndOr::And(_) => None,
    })
}

/// Whether a list may end the script: what it has asked is known afterwards.
fn may_end(list: &AndOrList) -> bool {
    alternative(&list.additional).is_some_and(handler::ends)
}
