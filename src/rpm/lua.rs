//! Lua scriptlets: what they call. Which way they go is not worked out, so every call is taken to come.

use super::finding::Place;
use super::shell::word::Text;
use super::shell::{self, Act, Fate, Walked};
use crate::rpm::ground::Ground;

/// Functions that start a program: by one string for a shell, or by a program's name and its arguments.
const SHELL: [&str; 2] = ["os.execute", "io.popen"];
const PROGRAM: [&str; 4] = ["posix.exec", "rpm.execute", "rpm.spawn", "posix.execp"];

/// A call, with its arguments as far as they are strings.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Call {
    name: String,
    arguments: Vec<String>,
    place: Place,
}

/// The commands that a script starts.
pub fn walk(body: &str, ground: &Ground<'_>) -> Walked {
    let mut walked = Walked::default();
    for call in calls(body) {
        if SHELL.contains(&call.name.as_str()) {
            let Some(script) = call.arguments.first().and_then(|script| shell::parse(script).ok()) else {
                walked.unfollowed.push(call.place);
                continue;
            };
            let inner = script.walk(ground, None, false);
            if !inner.unfollowed.is_empty() {
                walked.unfollowed.push(call.place);
            }
            walked.acts.extend(inner.acts.into_iter().map(|act| Act {
                place: call.place,
                fate: Fate::Masked(call.name.clone()),
                ..act
            }));
        } else if PROGRAM.contains(&call.name.as_str()) {
            let words = call.arguments.iter().map(|word| Text { written: word.clone(), value: Some(word.clone()) });
            match Act::alone(words.collect(), call.place, Fate::Masked(call.name.clone())) {
                Some(act) => walked.acts.push(act),
                None => walked.unfollowed.push(call.place),
            }
        }
    }
    walked
}

/// Every `name.name(` with the strings that come right after it. Comments and strings are not looked into.
fn calls(body: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut tokens = Tokens { rest: body, place: Place { line: 1, column: 1 } };
    while let Some((token, place)) = tokens.next() {
        let Token::Name(name) = token else { continue };
        let (rest, at) = (tokens.rest, tokens.place);
        if !matches!(tokens.next(), Some((Token::Other('('), _))) {
            (tokens.rest, tokens.place) = (rest, at);
            continue;
        }
        let mut arguments = Vec::new();
        loop {
            let (rest, at) = (tokens.rest, tokens.place);
            match tokens.next() {
                Some((Token::Text(text), _)) => arguments.push(text),
                Some((Token::Other(',' | '{'), _)) => {}
                _ => {
                    (tokens.rest, tokens.place) = (rest, at);
                    break;
                }
            }
        }
        calls.push(Call { name, arguments, place });
    }
    calls
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    /// A dotted name.
    Name(String),
    /// A string without its quotes.
    Text(String),
    /// A character of anything else.
    Other(char),
}

struct Tokens<'body> {
    rest: &'body str,
    place: Place,
}

impl Iterator for Tokens<'_> {
    type Item = (Token, Place);

    fn next(&mut self) -> Option<(Token, Place)> {
        loop {
            let blank = self.rest.len() - self.rest.trim_start().len();
            self.take(blank);
            let place = self.place;
            let first = self.rest.chars().next()?;
            if self.rest.starts_with("--") {
                let comment = &self.rest[2..];
                let end = long(comment).map_or_else(|| comment.find('\n').unwrap_or(comment.len()), |(_, end)| end);
                self.take(2 + end);
            } else if let Some((text, end)) = long(self.rest) {
                let text = text.to_owned();
                self.take(end);
                return Some((Token::Text(text), place));
            } else if matches!(first, '"' | '\'') {
                let (text, end) = quoted(self.rest, first);
                self.take(end);
                return Some((Token::Text(text), place));
            } else if first.is_alphabetic() || first == '_' {
                let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
                let end = self.rest.find(|c| !is_name(c)).unwrap_or(self.rest.len());
                let name = self.take(end).to_owned();
                return Some((Token::Name(name), place));
            } else {
                self.take(first.len_utf8());
                return Some((Token::Other(first), place));
            }
        }
    }
}

impl<'body> Tokens<'body> {
    /// The next bytes, which have been looked at.
    fn take(&mut self, bytes: usize) -> &'body str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        match taken.rsplit_once('\n') {
            None => self.place.column += taken.chars().count(),
            Some((lines, last)) => {
                self.place.line += lines.matches('\n').count() + 1;
                self.place.column = last.chars().count() + 1;
            }
        }
        taken
    }
}

/// `[[…]]`, `[==[…]==]`: what is between, and where it ends. What has no end ends with the script.
fn long(text: &str) -> Option<(&str, usize)> {
    let level = text.strip_prefix('[')?.bytes().take_while(|byte| *byte == b'=').count();
    let inside = text[1 + level..].strip_prefix('[')?;
    let close = format!("]{}]", "=".repeat(level));
    let start = level + 2;
    match inside.find(&close) {
        Some(end) => Some((&inside[..end], start + end + close.len())),
        None => Some((inside, text.len())),
    }
}

/// A string in quotes, with what a backslash stands for as it is, and where it ends.
fn quoted(text: &str, quote: char) -> (String, usize) {
    let mut string = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            _ if character == quote => return (string, at + 1),
            '\\' => match characters.next() {
                Some((_, 'n')) => string.push('\n'),
                Some((_, 't')) => string.push('\t'),
                Some((_, other)) => string.push(other),
                None => break,
            },
            _ => string.push(character),
        }
    }
    (string, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::plain("os.execute(\"useradd x\")", &[("os.execute", &["useradd x"][..], 1, 1)])]
    #[case::long_string("os.execute([[a\nb]])", &[("os.execute", &["a\nb"][..], 1, 1)])]
    #[case::second_line("local x = 1\n  posix.stat('/etc')", &[("posix.stat", &["/etc"][..], 2, 3)])]
    #[case::several("rpm.execute('/bin/sh', '-c', x)", &[("rpm.execute", &["/bin/sh", "-c"][..], 1, 1)])]
    #[case::comment("-- os.execute('x')", &[])]
    #[case::long_comment("--[[ os.execute('x')\n]] f()", &[("f", &[][..], 2, 4)])]
    #[case::in_a_string("x = \"os.execute('x')\"", &[])]
    #[case::no_end("os.execute('x", &[("os.execute", &["x"][..], 1, 1)])]
    fn a_script_calls(#[case] body: &str, #[case] expected: &[(&str, &[&str], usize, usize)]) {
        let expected: Vec<Call> = expected
            .iter()
            .map(|(name, arguments, line, column)| Call {
                name: (*name).to_owned(),
                arguments: arguments.iter().map(|&text| text.to_owned()).collect(),
                place: Place { line: *line, column: *column },
            })
            .collect();
        assert_eq!(calls(body), expected);
    }
}
