//! Shell scripts, as far as it can be told without running them: which commands come, with what, and what becomes of it
//! when one of them fails.
//!
//! [`parse`] reads a script with a real grammar, [`walk`](mod@walk) goes through it as a shell would in one scenario and one
//! room: what conditions come to is worked out where it can be, and what is not reached is not seen.

mod condition;
mod limits;
pub mod walk;
pub mod word;

use std::io::Cursor;

use brush_parser::ast::Program;
use brush_parser::{ParseError, Parser, ParserOptions};

pub use walk::{Act, Fate, Redirect, Walked};

/// A script that has been read.
#[derive(Debug)]
pub struct Script {
    program: Program,
}

/// Why a script can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// It would take the parser more than is given to it.
    #[error("it is too long or too tangled to be read here")]
    Tangled,
    /// It is no script.
    #[error("{0}")]
    Syntax(ParseError),
}

/// Reads a script.
///
/// # Errors
/// It is no script, or one that nobody would write.
pub fn parse(body: &str) -> Result<Script, ScriptError> {
    if limits::is_tangled(body) {
        return Err(ScriptError::Tangled);
    }
    let mut parser = Parser::new(Cursor::new(body), &ParserOptions::default());
    Ok(Script { program: parser.parse_program().map_err(ScriptError::Syntax)? })
}
