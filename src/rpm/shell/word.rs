//! Words of a script: what they come to, and the commands within them.

use brush_parser::ast::Word;
use brush_parser::word::{Parameter, ParameterExpr, WordPiece, WordPieceWithSource, parse};
use brush_parser::{ParserOptions, SourcePosition};

use crate::rpm::finding::Place;

/// The longest value that is followed, in bytes: a variable that is doubled often enough comes to more than there is memory.
const LONGEST: usize = 4096;

/// A word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// As it is written.
    pub written: String,
    /// What it comes to, where that is known.
    pub value: Option<String>,
}

/// A command within a word.
#[derive(Debug)]
pub struct Within {
    /// Its text.
    pub text: String,
    /// Where it begins.
    pub place: Place,
}

/// What is known when a word is expanded.
pub trait Known {
    /// The value of a variable, or of `$1` by the name `1`.
    fn variable(&self, name: &str) -> Option<String>;
    /// A variable is used that is not known.
    fn uses(&mut self, name: &str, place: Place);
}

/// Expands a word as far as it is known; with it the commands within.
pub fn expand(word: &Word, known: &mut impl Known) -> (Text, Vec<Within>) {
    let written = word.value.clone();
    if !written.contains(['$', '`', '\'', '"', '\\', '~']) {
        return (Text { value: Some(written.clone()), written }, Vec::new());
    }
    let start = place(word.loc.as_ref().map(|span| &*span.start));
    let Ok(pieces) = parse(&written, &ParserOptions::default()) else {
        return (Text { written, value: None }, Vec::new());
    };
    let mut expansion = Expansion { written: &written, start, known, value: Some(String::new()), within: Vec::new() };
    expansion.all(&pieces);
    let (value, within) = (expansion.value, expansion.within);
    (Text { written, value }, within)
}

/// Where a part of the source is; the beginning if nobody knows.
pub fn place(position: Option<&SourcePosition>) -> Place {
    position.map_or(Place { line: 1, column: 1 }, |position| Place { line: position.line, column: position.column })
}

struct Expansion<'word, K> {
    written: &'word str,
    start: Place,
    known: &'word mut K,
    value: Option<String>,
    within: Vec<Within>,
}

impl<K: Known> Expansion<'_, K> {
    fn all(&mut self, pieces: &[WordPieceWithSource]) {
        pieces.iter().for_each(|piece| self.one(piece));
    }

    fn one(&mut self, piece: &WordPieceWithSource) {
        match &piece.piece {
            WordPiece::Text(text) | WordPiece::SingleQuotedText(text) => self.push(text),
            WordPiece::EscapeSequence(text) => self.push(text.strip_prefix('\\').unwrap_or(text)),
            WordPiece::DoubleQuotedSequence(pieces) | WordPiece::GettextDoubleQuotedSequence(pieces) => {
                self.all(pieces)
            }
            WordPiece::TildeExpansion(_) => {
                let place = self.place(piece.start_index);
                self.known.uses("HOME", place);
                self.value = None;
            }
            WordPiece::ParameterExpansion(expression) => self.parameter(expression, piece.start_index),
            WordPiece::CommandSubstitution(text) | WordPiece::BackquotedCommandSubstitution(text) => {
                let lead = if matches!(piece.piece, WordPiece::CommandSubstitution(_)) { 2 } else { 1 };
                self.within.push(Within { text: text.clone(), place: self.place(piece.start_index + lead) });
                self.value = None;
            }
            WordPiece::AnsiCQuotedText(_) | WordPiece::ArithmeticExpression(_) => self.value = None,
        }
    }

    fn push(&mut self, text: &str) {
        self.value = self.value.take().filter(|value| value.len() + text.len() <= LONGEST).map(|value| value + text);
    }

    fn parameter(&mut self, expression: &ParameterExpr, at: usize) {
        let (parameter, default) = match expression {
            ParameterExpr::Parameter { parameter, indirect: false } => (parameter, None),
            ParameterExpr::UseDefaultValues { parameter, indirect: false, default_value, .. } => {
                (parameter, Some(default_value))
            }
            _ => {
                self.value = None;
                return;
            }
        };
        let name = match parameter {
            Parameter::Positional(number) => number.to_string(),
            Parameter::Named(name) => name.clone(),
            _ => String::new(),
        };
        match self.known.variable(&name) {
            Some(value) => self.push(&value),
            None => {
                if default.is_none() {
                    let place = self.place(at);
                    self.known.uses(&name, place);
                }
                self.value = None;
            }
        }
    }

    /// Where a byte of the word is in the script.
    fn place(&self, index: usize) -> Place {
        let before = self.written.get(..index).unwrap_or_default();
        match before.rsplit_once('\n') {
            None => Place { line: self.start.line, column: self.start.column + before.chars().count() },
            Some((lines, last)) => {
                Place { line: self.start.line + lines.matches('\n').count() + 1, column: last.chars().count() + 1 }
            }
        }
    }
}
