//! A single command: what the shell does itself, and what it starts.

use brush_parser::ast::{
    Assignment, AssignmentName, AssignmentValue, CommandPrefixOrSuffixItem, FunctionBody, IoRedirect, SimpleCommand,
};

use super::super::condition;
use super::super::word::{Text, place};
use super::{Act, DEEPEST, Fate, Flow, Status, Walker};

/// What only starts the command that comes after it.
const STARTERS: [&str; 6] = ["exec", "command", "env", "nohup", "sudo", "builtin"];
/// What is given a script with `-c`.
const SHELLS: [&str; 5] = ["sh", "bash", "dash", "ksh", "su"];

impl<'script> Walker<'script, '_> {
    pub fn simple(&mut self, command: &'script SimpleCommand, fate: &Fate) -> Flow {
        self.walked.steps += 1;
        let prefix = command.prefix.iter().flat_map(|prefix| &prefix.0);
        let suffix = command.suffix.iter().flat_map(|suffix| &suffix.0);
        let redirects = self.redirects(prefix.clone().chain(suffix.clone()).filter_map(as_redirect));
        let mut variables = Vec::new();
        for assignment in prefix.filter_map(as_assignment) {
            let value = self.value(assignment, fate);
            match command.word_or_name {
                None => self.assign(name_of(assignment), value),
                Some(_) => variables.push(name_of(assignment).to_owned()),
            }
        }
        let Some(name) = &command.word_or_name else { return Flow::UNKNOWN };
        let at = self.absolute(place(name.loc.as_ref().map(|span| &*span.start)));
        let mut words = vec![self.word(name)];
        for item in suffix {
            match item {
                CommandPrefixOrSuffixItem::Word(word) => words.push(self.word(word)),
                CommandPrefixOrSuffixItem::AssignmentWord(assignment, word) => {
                    let value = self.value(assignment, &Fate::Masked("$( )".to_owned()));
                    if matches!(
                        words[0].value.as_deref(),
                        Some("export" | "local" | "readonly" | "declare" | "typeset")
                    ) {
                        self.assign(name_of(assignment), value);
                    }
                    words.push(Text { written: word.value.clone(), value: None });
                }
                CommandPrefixOrSuffixItem::ProcessSubstitution(_, command) => self.substitution(command),
                CommandPrefixOrSuffixItem::IoRedirect(_) => {}
            }
        }
        self.last = at;
        self.run(Act {
            words,
            place: at,
            fate: fate.clone(),
            is_silenced: redirects.is_silenced || self.is_silenced,
            redirects: redirects.files,
            checked: self.checked.clone(),
            variables,
        })
    }

    /// What the shell makes of a command whose words are known.
    fn run(&mut self, act: Act) -> Flow {
        let name = act.words[0].value.clone().unwrap_or_default();
        if let Some(body) = self.functions.get(&name).copied() {
            return self.call(body, &act.fate);
        }
        let arguments = &act.words[1..];
        let flow = match name.as_str() {
            ":" | "true" => return self.open(act, Flow::ZERO),
            "false" => return self.open(act, Flow::of(Some(false))),
            "exit" | "return" => return Flow { status: exit_status(arguments), is_over: name == "exit" },
            "[" | "test" => return self.test(arguments),
            "set" => return self.set(arguments),
            "type" | "which" | "hash" => {
                arguments.iter().for_each(|word| self.check("-x", word));
                return Flow::UNKNOWN;
            }
            "command" if arguments.first().is_some_and(|word| matches!(word.written.as_str(), "-v" | "-V")) => {
                arguments[1..].iter().for_each(|word| self.check("-x", word));
                return Flow::UNKNOWN;
            }
            "echo" | "printf" => Flow::ZERO,
            _ => Flow::UNKNOWN,
        };
        if let (true, Some(script)) = (SHELLS.contains(&base(&name)), script_of(&act.words)) {
            return self.within(&script, act.place, &act.fate);
        }
        let words = started(act.words);
        // `exec` with files only changes those of the shell.
        let is_over = name == "exec" && words[0].written != "exec";
        self.walked.acts.push(Act { words, ..act });
        Flow { is_over, ..flow }
    }

    /// A command that does nothing; the files it is given are opened all the same.
    fn open(&mut self, act: Act, flow: Flow) -> Flow {
        if !act.redirects.is_empty() {
            self.walked.acts.push(act);
        }
        flow
    }

    fn call(&mut self, body: &'script FunctionBody, fate: &Fate) -> Flow {
        if self.deep >= DEEPEST {
            return Flow::UNKNOWN;
        }
        self.deep += 1;
        // Its `$1` is another one.
        let argument = self.argument.take();
        let flow = self.compound(&body.0, body.1.as_ref(), fate);
        self.argument = argument;
        self.deep -= 1;
        flow
    }

    fn test(&mut self, words: &[Text]) -> Flow {
        let words = match words {
            [words @ .., last] if last.written == "]" => words,
            words => words,
        };
        for pair in words.windows(2) {
            self.check(&pair[0].written, &pair[1]);
        }
        Flow::of(condition::test(words, self.ground))
    }

    /// `set -e`, `set +e`.
    fn set(&mut self, options: &[Text]) -> Flow {
        for option in options.iter().map(|word| word.written.as_str()) {
            let is_letters = matches!(option.as_bytes(), [b'-' | b'+', b'a'..=b'z', ..]);
            if is_letters && (option.contains('e') && option.len() <= 5 || option.contains("errexit")) {
                self.stops_at_errors = option.starts_with('-');
            }
        }
        Flow::ZERO
    }

    /// The script asks for a file, and goes on where it is there.
    pub fn check(&mut self, operator: &str, operand: &Text) {
        if let ("-x" | "-e" | "-f" | "-S" | "-d", Some(value)) = (operator, operand.value.as_deref()) {
            self.checked.push(base(value).to_owned());
        }
    }

    pub fn assign(&mut self, name: &str, value: Option<String>) {
        match value {
            Some(value) => self.variables.insert(name.to_owned(), value),
            None => self.variables.remove(name),
        };
        self.assigned.insert(name.to_owned());
    }

    /// What is assigned; a command within it decides the status of an assignment that stands alone.
    fn value(&mut self, assignment: &Assignment, fate: &Fate) -> Option<String> {
        match &assignment.value {
            AssignmentValue::Scalar(word) => self.word_with(word, fate).value,
            AssignmentValue::Array(words) => {
                words.iter().for_each(|(_, word)| drop(self.word(word)));
                None
            }
        }
    }
}

fn as_redirect(item: &CommandPrefixOrSuffixItem) -> Option<&IoRedirect> {
    match item {
        CommandPrefixOrSuffixItem::IoRedirect(redirect) => Some(redirect),
        _ => None,
    }
}

fn as_assignment(item: &CommandPrefixOrSuffixItem) -> Option<&Assignment> {
    match item {
        CommandPrefixOrSuffixItem::AssignmentWord(assignment, _) => Some(assignment),
        _ => None,
    }
}

fn name_of(assignment: &Assignment) -> &str {
    match &assignment.name {
        AssignmentName::VariableName(name) | AssignmentName::ArrayElementName(name, _) => name,
    }
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// `exit 0`, `exit 1`; without a number it is what came before.
fn exit_status(arguments: &[Text]) -> Status {
    match arguments.first().and_then(|word| word.value.as_deref()) {
        Some("0") => Status::Zero,
        Some(number) if number.parse::<u32>().is_ok() => Status::NonZero,
        _ => Status::Unknown,
    }
}

/// The command behind those that only start it.
fn started(mut words: Vec<Text>) -> Vec<Text> {
    while words.len() > 1 && words[0].value.as_deref().is_some_and(|name| STARTERS.contains(&base(name))) {
        let is_option = |word: &Text| word.written.starts_with('-') || word.written.contains('=');
        match words.iter().skip(1).position(|word| !is_option(word)) {
            Some(from) => drop(words.drain(..=from)),
            None => break,
        }
    }
    words
}

/// What a shell is given with `-c`.
fn script_of(words: &[Text]) -> Option<String> {
    let at = words.iter().position(|word| word.written == "-c")?;
    words.get(at + 1)?.value.clone()
}
