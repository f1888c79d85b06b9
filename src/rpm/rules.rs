//! What is known to break, a family to a file.

mod boot;
mod bootstrap;
mod database;
mod devices;
mod hardware;
mod identity;
mod kernel;
mod ordering;
mod places;
pub mod run;
pub mod script;
mod security;
mod services;

use super::rule::Rule;
use super::shell::Act;

/// Every rule, by family.
pub const FAMILIES: &[&[Rule]] = &[
    bootstrap::RULES,
    ordering::RULES,
    script::RULES,
    services::RULES,
    devices::RULES,
    kernel::RULES,
    boot::RULES,
    hardware::RULES,
    identity::RULES,
    places::RULES,
    database::RULES,
    security::RULES,
    run::RULES,
];

/// Whether a command is one of these.
fn is(act: &Act, names: &[&str]) -> bool {
    act.program().is_some_and(|program| names.contains(&program))
}

/// Whether the first argument that is no option is one of these.
fn does(act: &Act, verbs: &[&str]) -> bool {
    act.verb().is_some_and(|verb| verbs.contains(&verb))
}

/// Whether one of these is among the arguments.
fn has(act: &Act, arguments: &[&str]) -> bool {
    arguments.iter().any(|argument| act.has(argument))
}

/// What creates or changes the files it is given.
const WRITERS: [&str; 13] =
    ["touch", "mkdir", "cp", "mv", "ln", "install", "tee", "dd", "truncate", "mkfifo", "mktemp", "rsync", "tar"];

/// The files that a command writes, as far as its words say so: what the shell opens for it, and for well-known commands
/// their arguments, the last one only where they copy.
fn written(act: &Act) -> Vec<&str> {
    let opened = act.redirects.iter().filter(|redirect| redirect.is_written);
    let mut files: Vec<&str> =
        opened.map(|redirect| redirect.file.value.as_deref().unwrap_or(&redirect.file.written)).collect();
    let operands = act.arguments().filter(|word| !word.starts_with('-'));
    match act.program() {
        Some("cp" | "mv" | "ln" | "rsync") => files.extend(operands.last()),
        Some("install") if !has(act, &["-d"]) => files.extend(operands.last()),
        Some("sed" | "perl")
            if act.arguments().any(|word| word.starts_with("-i") || word.starts_with("--in-place")) =>
        {
            files.extend(operands.skip(1));
        }
        Some(program) if WRITERS.contains(&program) => files.extend(operands),
        _ => {}
    }
    files
}

/// The files that a command reads, as far as its words say so.
fn read(act: &Act) -> Vec<&str> {
    let opened = act.redirects.iter().filter(|redirect| !redirect.is_written);
    let mut files: Vec<&str> =
        opened.map(|redirect| redirect.file.value.as_deref().unwrap_or(&redirect.file.written)).collect();
    if is(act, &["cat", "grep", "egrep", "fgrep", "head", "tail", "sed", "awk", "cut", "cp", "tr", "od"]) {
        files.extend(act.arguments().filter(|word| word.starts_with('/')));
    }
    files
}

/// Whether a path is this directory or below it.
fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
