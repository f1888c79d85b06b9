//! What rpm says of scriptlets that failed.

use super::package::Package;
use super::scriptlet::{Language, Slot};

/// A scriptlet that failed, in rpm's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure<'said> {
    /// A program, with the whole line: `warning: %post(name-1-1.noarch) scriptlet failed, exit status 3`.
    Program(&'said str),
    /// Lua: `error: lua script failed: [string "%post(name-1-1.noarch)"]:3: no!`.
    Lua {
        /// The line of the script.
        line: usize,
        /// What is wrong.
        message: &'said str,
    },
}

/// What rpm calls a package's scriptlet.
pub fn name(package: &Package, slot: Slot) -> String {
    format!("%{}({}-{}.{})", slot.in_messages(), package.name, package.version, package.arch)
}

/// What is said of the scriptlet of this name, if it failed. Several of a package's triggers may have the same.
pub fn failure<'said>(said: &'said str, name: &str, language: Language) -> Option<Failure<'said>> {
    let read = if language == Language::Lua { lua } else { program };
    said.lines().find_map(|line| read(line, name))
}

/// The first error, for the others follow from it; where there is none the last line.
pub fn why(said: &str) -> Option<&str> {
    let error = said.lines().find_map(|line| line.strip_prefix("error: "));
    let last = || said.lines().rev().find(|line| !line.trim().is_empty());
    error.or_else(last).map(|line| line.trim().trim_end_matches(':'))
}

fn program<'said>(line: &'said str, name: &str) -> Option<Failure<'said>> {
    let (_, rest) = line.split_once(name)?;
    rest.starts_with(" scriptlet failed").then_some(Failure::Program(line.trim()))
}

fn lua<'said>(line: &'said str, name: &str) -> Option<Failure<'said>> {
    let (_, rest) = line.split_once("[string \"")?;
    let (script, rest) = rest.split_once("\"]:")?;
    // Lua shortens what is longer than 60 characters (`LUA_IDSIZE`).
    let is_it = script.strip_suffix("...").map_or(script == name, |start| name.starts_with(start));
    let (number, message) = rest.split_once(": ")?;
    is_it.then_some(Failure::Lua { line: number.parse().ok()?, message: message.trim() })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const STATUS: &str = "warning: %post(a-1-1.noarch) scriptlet failed, exit status 3";

    #[rstest]
    #[case::a_status(STATUS, Some(Failure::Program(STATUS)))]
    #[case::among_others(
        "x\n%post(a-1-1.noarch) scriptlet failed, signal 9\ny",
        Some(Failure::Program("%post(a-1-1.noarch) scriptlet failed, signal 9"))
    )]
    #[case::another_package("warning: %post(a-b-1-1.noarch) scriptlet failed, exit status 3", None)]
    #[case::another_moment("warning: %postun(a-1-1.noarch) scriptlet failed, exit status 3", None)]
    #[case::something_else("%post(a-1-1.noarch) says hello", None)]
    #[case::lua("error: lua script failed: [string \"%post(a-1-1.noarch)\"]:2: no", None)]
    fn a_program_that_failed_is_known_by_its_name(#[case] said: &str, #[case] expected: Option<Failure<'_>>) {
        assert_eq!(failure(said, "%post(a-1-1.noarch)", Language::Shell), expected);
    }

    #[rstest]
    #[case::an_error("one\nerror: a is wrong:\nerror: b\nmore\n", Some("a is wrong"))]
    #[case::no_error("hello\n\tno room\n\n", Some("no room"))]
    #[case::nothing("", None)]
    fn the_first_error_says_why(#[case] words: &str, #[case] expected: Option<&str>) {
        assert_eq!(why(words), expected);
    }

    #[rstest]
    #[case::an_error("error: lua script failed: [string \"%post(a-1-1.noarch)\"]:12: no: really\n", Some((12, "no: really")))]
    #[case::grammar("error: invalid syntax in lua script: [string \"%post(a-1-1.noarch)\"]:1: oh", Some((1, "oh")))]
    #[case::a_long_name("error: lua script failed: [string \"%post(a-1...\"]:2: no", Some((2, "no")))]
    #[case::another_moment("error: lua script failed: [string \"%preun(a-1-1.noarch)\"]:2: no", None)]
    #[case::another_package("error: lua script failed: [string \"%post(a-2-1.noarch)\"]:2: no", None)]
    #[case::no_number("error: lua script failed: [string \"%post(a-1-1.noarch)\"]:x: no", None)]
    #[case::a_status(STATUS, None)]
    fn lua_that_failed_is_known_by_its_name(#[case] said: &str, #[case] expected: Option<(usize, &str)>) {
        let expected = expected.map(|(line, message)| Failure::Lua { line, message });
        assert_eq!(failure(said, "%post(a-1-1.noarch)", Language::Lua), expected);
    }
}
