//! A single command: what the shell does itself, and what it starts.

use brush_parser::ast::{
    Assignment, AssignmentName, AssignmentValue, CommandPrefixOrSuffixItem, FunctionBody, IoRedirect, SimpleCommand,
};

use super::super::condition;
use super::super::word::{Text, place};
use super::started::started;
use super::{Act, DEEPEST, Fate, Flow, Place, Status, Walker};

/// What is given a script with `-c`.
const SHELLS: [&str; 7] = ["sh", "bash", "dash", "ksh", "su", "runuser", "flock"];

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
            "eval" => return self.eval(arguments, act.place, &act.fate),
            "trap" => return self.trap(arguments, act.place),
            "." | "source" => self.unfollowed(act.place),
            "cd" => self.change_directory(arguments),
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
        let words = started(act.words);
        // `exec` with files only changes those of the shell.
        let is_over = name == "exec" && words[0].written != "exec";
        let is_shell = words[0].value.as_deref().is_some_and(|name| SHELLS.contains(&base(name)));
        let flow = match script_of(&words).filter(|_| is_shell) {
            Some(Text { value: Some(script), .. }) => self.within(&script.clone(), act.place, &act.fate),
            Some(Text { value: None, .. }) => self.unfollowed(act.place),
            None => {
                if words[0].value.is_none() || (is_shell && reads_its_input(&words)) {
                    self.unfollowed(act.place);
                }
                self.walked.acts.push(Act { words, ..act });
                flow
            }
        };
        Flow { is_over, ..flow }
    }

    /// Words that are a script when they are put together.
    fn eval(&mut self, words: &[Text], place: Place, fate: &Fate) -> Flow {
        let known: Option<Vec<&str>> = words.iter().map(|word| word.value.as_deref()).collect();
        match known {
            Some(words) => self.within(&words.join(" "), place, fate),
            None => self.unfollowed(place),
        }
    }

    /// `trap 'commands' EXIT`: they come, whenever that is.
    fn trap(&mut self, arguments: &[Text], place: Place) -> Flow {
        match arguments.iter().find(|word| word.written != "--") {
            Some(Text { value: Some(commands), .. }) if !matches!(commands.as_str(), "" | "-" | "-p" | "-l") => {
                self.within(&commands.clone(), place, &Fate::Masked("trap".to_owned()));
            }
            Some(Text { value: None, .. }) => drop(self.unfollowed(place)),
            _ => {}
        }
        Flow::ZERO
    }

    /// `cd`: relative names are others from here on.
    fn change_directory(&mut self, arguments: &[Text]) -> Flow {
        let to = arguments.iter().find(|word| !word.written.starts_with('-')).and_then(|word| word.value.as_deref());
        self.directory = match (to, &self.directory) {
            (Some(to), _) if to.starts_with('/') => Some(to.to_owned()),
            (Some(to), Some(from)) => Some(format!("{}/{to}", from.trim_end_matches('/'))),
            (_, _) => None,
        };
        Flow::UNKNOWN
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
            return self.unfollowed(self.last);
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

pub fn base(path: &str) -> &str {
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

/// What a shell is given with `-c`, also where that stands among other letters: `-ec`.
fn script_of(words: &[Text]) -> Option<&Text> {
    let is_given = |word: &Text| matches!(word.written.as_bytes(), [b'-', letters @ .., b'c'] if letters.iter().all(u8::is_ascii_lowercase));
    let at = words.iter().position(|word| is_given(word) || word.written == "--command")?;
    words[at + 1..].iter().find(|word| !word.written.starts_with('-'))
}

/// Whether a shell has nothing but its input to take a script from.
fn reads_its_input(words: &[Text]) -> bool {
    let is_option = |word: &Text| word.written.starts_with(['-', '+']);
    words[1..].iter().all(is_option)
}
