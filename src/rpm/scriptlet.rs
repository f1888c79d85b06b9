//! What a package has rpm run, when, and with what.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::Word;

/// A moment at which rpm runs something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Slot {
    /// Before the transaction, in a tree that may be empty.
    Pretrans,
    /// Before the package's files are there.
    Pre,
    /// After they are.
    Post,
    /// Before they go.
    Preun,
    /// After they have gone.
    Postun,
    /// After the transaction.
    Posttrans,
    /// Before a transaction that takes the package away.
    Preuntrans,
    /// After one.
    Postuntrans,
    /// When the package is verified.
    Verify,
    /// Before another package comes.
    Triggerprein,
    /// After another package came.
    Triggerin,
    /// Before another package goes.
    Triggerun,
    /// After it went.
    Triggerpostun,
    /// When files below a path come.
    Filetriggerin,
    /// When they go.
    Filetriggerun,
    /// When they have gone.
    Filetriggerpostun,
    /// Once for a transaction in which files came.
    Transfiletriggerin,
    /// Once for one in which files go.
    Transfiletriggerun,
    /// Once for one in which they went.
    Transfiletriggerpostun,
}

impl Word for Slot {
    const ALL: &'static [Self] = &[
        Self::Pretrans,
        Self::Pre,
        Self::Post,
        Self::Preun,
        Self::Postun,
        Self::Posttrans,
        Self::Preuntrans,
        Self::Postuntrans,
        Self::Verify,
        Self::Triggerprein,
        Self::Triggerin,
        Self::Triggerun,
        Self::Triggerpostun,
        Self::Filetriggerin,
        Self::Filetriggerun,
        Self::Filetriggerpostun,
        Self::Transfiletriggerin,
        Self::Transfiletriggerun,
        Self::Transfiletriggerpostun,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Pretrans => "pretrans",
            Self::Pre => "pre",
            Self::Post => "post",
            Self::Preun => "preun",
            Self::Postun => "postun",
            Self::Posttrans => "posttrans",
            Self::Preuntrans => "preuntrans",
            Self::Postuntrans => "postuntrans",
            Self::Verify => "verify",
            Self::Triggerprein => "triggerprein",
            Self::Triggerin => "triggerin",
            Self::Triggerun => "triggerun",
            Self::Triggerpostun => "triggerpostun",
            Self::Filetriggerin => "filetriggerin",
            Self::Filetriggerun => "filetriggerun",
            Self::Filetriggerpostun => "filetriggerpostun",
            Self::Transfiletriggerin => "transfiletriggerin",
            Self::Transfiletriggerun => "transfiletriggerun",
            Self::Transfiletriggerpostun => "transfiletriggerpostun",
        }
    }
}

impl Slot {
    /// Whether it waits for another package, or for files.
    pub fn is_trigger(self) -> bool {
        // They are the last ones.
        self >= Self::Triggerprein
    }

    /// What rpm calls it in what it says (`lib/rpmscript.c`, `scriptInfo`, 4.10 to 6.1).
    pub fn in_messages(self) -> &'static str {
        if self == Self::Pre { "prein" } else { self.as_str() }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "%{}", self.as_str())
    }
}

/// What rpm runs at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scriptlet {
    /// When.
    pub slot: Slot,
    /// What it is run with: a program and its arguments, such as `/bin/sh` or `<lua>`; none has been written down for it.
    pub interpreter: Vec<String>,
    /// What is given to it. A scriptlet without one is a program that rpm starts without an argument.
    pub body: Option<String>,
    /// What rpm does with the body before.
    pub flags: Flags,
    /// On what a trigger waits.
    pub conditions: Vec<Condition>,
    /// Of file triggers: the larger the earlier.
    pub priority: Option<u32>,
}

/// What rpm does with a body when the package is installed. Bits 0 and 1 of the `*FLAGS` tags.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags(pub u32);

impl Flags {
    /// `-e`: macros are expanded.
    pub fn expands(self) -> bool {
        self.0 & 1 != 0
    }

    /// `-q`: it is a query format.
    pub fn formats(self) -> bool {
        self.0 & 2 != 0
    }
}

/// A package or a path that a trigger waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Its name.
    pub name: String,
    /// A version it is compared with; empty: any.
    pub version: String,
}

/// Programs that read a shell's language.
pub const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ash", "ksh", "mksh"];

/// Who reads a scriptlet's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// A shell with Bourne's grammar.
    Shell,
    /// The Lua within rpm.
    Lua,
    /// A program that is started without a script.
    Program,
    /// Something else.
    Other,
}

impl Scriptlet {
    /// The interpreter's program; rpm's default where none is written down.
    pub fn program(&self) -> &str {
        self.interpreter.first().map_or("/bin/sh", String::as_str)
    }

    /// Who reads the body.
    pub fn language(&self) -> Language {
        let name = self.program().rsplit('/').next().unwrap_or_default();
        match name {
            "<lua>" => Language::Lua,
            name if SHELLS.contains(&name) => Language::Shell,
            _ if self.body.is_none() => Language::Program,
            _ => Language::Other,
        }
    }

    /// Whether there is nothing to run: no body, or one of blanks and comments only. A program without one is something.
    pub fn is_empty(&self) -> bool {
        let comment = match self.language() {
            Language::Shell | Language::Other => "#",
            Language::Lua => "--",
            Language::Program => return false,
        };
        let is_nothing = |line: &str| line.trim().is_empty() || line.trim_start().starts_with(comment);
        self.body.as_deref().unwrap_or_default().lines().all(is_nothing)
    }
}
