//! A package whose scriptlets have been read, each by the grammar of its language.

use super::finding::Place;
use super::ground::Ground;
use super::lua;
use super::package::Package;
use super::scriptlet::{Language, Scriptlet};
use super::shell::word::Text;
use super::shell::{self, Act, Fate, Script, ScriptError, Walked};

/// A package, and what its scriptlets say.
#[derive(Debug)]
pub struct Reading {
    /// The package.
    pub package: Package,
    scripts: Vec<Read>,
}

/// Why a scriptlet is not gone through, or not to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// It is no script.
    Syntax,
    /// It is longer or more tangled than what is read here.
    TooMuch,
}

/// What became of reading a scriptlet.
#[derive(Debug)]
enum Read {
    Shell(Script),
    Lua,
    Program,
    /// It is in a language that is not read.
    Foreign,
    /// It could not be read.
    Failed(Unread),
}

impl Reading {
    /// Reads every scriptlet.
    pub fn of(package: Package) -> Self {
        let scripts = package.scriptlets.iter().map(read).collect();
        Self { package, scripts }
    }

    /// Goes through the scriptlet of this number, with `$1` as it is.
    pub fn walk(&self, at: usize, ground: &Ground<'_>, argument: Option<&'static str>) -> Walked {
        let scriptlet = &self.package.scriptlets[at];
        match &self.scripts[at] {
            Read::Shell(script) => {
                let stops_at_errors = scriptlet.interpreter.iter().skip(1).any(|option| option == "-e");
                script.walk(ground, argument, stops_at_errors)
            }
            Read::Lua => lua::walk(scriptlet.body.as_deref().unwrap_or_default(), ground),
            Read::Program => {
                let words = scriptlet.interpreter.iter();
                let words = words.map(|word| Text { written: word.clone(), value: Some(word.clone()) }).collect();
                Walked::of(Act::alone(words, START, Fate::Decides))
            }
            Read::Foreign | Read::Failed(_) => Walked::default(),
        }
    }

    /// Why the scriptlet of this number could not be read, if it could not.
    pub fn unread(&self, at: usize) -> Option<Unread> {
        match &self.scripts[at] {
            Read::Failed(why) => Some(*why),
            Read::Shell(_) | Read::Lua | Read::Program | Read::Foreign => None,
        }
    }

    /// How many scriptlets were gone through.
    pub fn judged(&self) -> usize {
        self.scripts.iter().filter(|read| !matches!(read, Read::Foreign | Read::Failed(_))).count()
    }
}

const START: Place = Place { line: 1, column: 1 };

fn read(scriptlet: &Scriptlet) -> Read {
    match scriptlet.language() {
        Language::Shell => match shell::parse(scriptlet.body.as_deref().unwrap_or_default()) {
            Ok(script) => Read::Shell(script),
            Err(ScriptError::Tangled) => Read::Failed(Unread::TooMuch),
            Err(ScriptError::Syntax(_)) => Read::Failed(Unread::Syntax),
        },
        Language::Lua => Read::Lua,
        Language::Program => Read::Program,
        Language::Other => Read::Foreign,
    }
}
