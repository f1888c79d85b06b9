//! A tree's own programs: of which architecture they are, and whether they can start.
//!
//! A tree is whatever somebody unpacked. Its links are followed as a build root of it would follow them, which shows
//! nothing but `usr` and the links to it; what is no plain file is not opened, and of what is, only the start is read.

mod elf;
mod inside;
mod libc;

use std::io;
use std::path::{Path, PathBuf};

use crate::arch::Architecture;
use inside::{Inside, Led};

pub use elf::Header;
pub(crate) use inside::plain_file;
pub use libc::c_library;

/// Programs that tell what a tree is made for, the likeliest first. No link to one of them is a tree of its own.
const PROGRAMS: [&str; 7] = [
    "/usr/bin/sh",
    "/usr/bin/bash",
    "/usr/bin/env",
    "/usr/bin/true",
    "/usr/bin/coreutils",
    "/usr/bin/busybox",
    "/usr/sbin/ldconfig",
];

/// A tree can't be used as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// It is not there, no directory, or may not be read.
    #[error("cannot open the root {path}")]
    Root {
        /// The tree.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It has no system in it.
    #[error("the root {path} has no usr directory: name the root of an installed system")]
    NoUsr {
        /// The tree.
        path: PathBuf,
    },
    /// A file of it can't be read.
    #[error("cannot read {program} of the root {path}")]
    Program {
        /// The tree.
        path: PathBuf,
        /// The file.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It has none of the programs that would tell.
    #[error("cannot tell of which architecture the root {path} is: {why}; say it with --arch")]
    Untold {
        /// The tree.
        path: PathBuf,
        /// What was found instead of a program.
        why: String,
    },
    /// Its programs are of another architecture than was asked for.
    #[error("the root {path} is not of {asked}: its {program} is a program of {found}")]
    Foreign {
        /// The tree.
        path: PathBuf,
        /// What was asked for.
        asked: &'static str,
        /// The program that was looked at.
        program: String,
        /// What it is of.
        found: String,
    },
    /// Its programs name a loader that is not there.
    #[error("no program of the root {path} can start: {program} wants the loader {loader}, {why}")]
    NoLoader {
        /// The tree.
        path: PathBuf,
        /// The program that was looked at.
        program: String,
        /// The loader it names.
        loader: String,
        /// Where the name leads.
        why: String,
    },
}

/// The architecture of a tree, by its own programs.
///
/// # Errors
/// See [`TreeError`].
pub fn architecture(path: &Path) -> Result<&'static Architecture, TreeError> {
    let inside = open(path)?;
    let (program, header) = match telling(path, &inside)? {
        Told::Program(program, header) => (program, header),
        Told::Nothing(why) => return Err(TreeError::Untold { path: path.to_owned(), why }),
    };
    let why = || format!("its {program} is a program of {header}, which rootcontract does not know");
    let arch = header.architecture().ok_or_else(|| TreeError::Untold { path: path.to_owned(), why: why() })?;
    loads(path, &inside, program, &header)?;
    Ok(arch)
}

/// Whether the programs of a tree are of this architecture and can start. A tree that has none to look at may be.
///
/// # Errors
/// See [`TreeError`].
pub fn holds(path: &Path, asked: &'static Architecture) -> Result<(), TreeError> {
    let inside = open(path)?;
    match telling(path, &inside)? {
        Told::Nothing(_) => Ok(()),
        Told::Program(program, header) if header.is_of(asked) => loads(path, &inside, program, &header),
        Told::Program(program, header) => Err(TreeError::Foreign {
            path: path.to_owned(),
            asked: asked.name,
            program: program.to_owned(),
            found: header.to_string(),
        }),
    }
}

/// Whether there is the root of a system there, of whatever architecture.
///
/// # Errors
/// See [`TreeError`].
pub fn is_there(path: &Path) -> Result<(), TreeError> {
    open(path).map(drop)
}

fn open(path: &Path) -> Result<Inside, TreeError> {
    let inside = Inside::open(path).map_err(|source| TreeError::Root { path: path.to_owned(), source })?;
    if inside.has_usr() { Ok(inside) } else { Err(TreeError::NoUsr { path: path.to_owned() }) }
}

/// What the first program of [`PROGRAMS`] that is one says.
enum Told {
    Program(&'static str, Header),
    /// There is none; what the first of them is instead.
    Nothing(String),
}

fn telling(path: &Path, inside: &Inside) -> Result<Told, TreeError> {
    let mut instead = Vec::new();
    for program in PROGRAMS {
        let failed = |source| TreeError::Program { path: path.to_owned(), program: program.to_owned(), source };
        match inside.lead(program).map_err(failed)? {
            Led::File(file) => match Header::read(&file).map_err(failed)? {
                Some(header) => return Ok(Told::Program(program, header)),
                None => instead.push(format!("its {program} is no ELF program")),
            },
            Led::Nowhere => {}
            other => instead.push(format!("its {program} {other}")),
        }
    }
    let none = || format!("it has none of {}", PROGRAMS.join(", "));
    Ok(Told::Nothing(instead.into_iter().next().unwrap_or_else(none)))
}

/// Whether the loader that a program names is there. A program that names none needs none.
fn loads(path: &Path, inside: &Inside, program: &str, header: &Header) -> Result<(), TreeError> {
    let Some(loader) = header.interpreter() else { return Ok(()) };
    let failed = |source| TreeError::Program { path: path.to_owned(), program: loader.to_owned(), source };
    let why = match inside.lead(loader).map_err(failed)? {
        Led::File(file) => match Header::read(&file).map_err(failed)? {
            Some(found) if found.same_machine(header) => return Ok(()),
            Some(found) => format!("which is a program of {found}"),
            None => "which is no ELF program".to_owned(),
        },
        other => format!("which {other}"),
    };
    let (program, loader) = (program.to_owned(), crate::facts::text::escape(loader.as_bytes()));
    Err(TreeError::NoLoader { path: path.to_owned(), program, loader, why })
}

#[cfg(test)]
mod tests;
