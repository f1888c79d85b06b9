//! Programs of other architectures: whether they run here, and if not, why not.
//!
//! The kernel hands them to an interpreter, qemu-user, that was registered with binfmt_misc. In a build root that
//! interpreter is not to be found by its path, so the kernel must hold it open (flag F).

mod handler;
pub(crate) mod trial;

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::arch::{self, Architecture};
use crate::facts::Malformed;
use crate::report::show::line;

pub use handler::{Handler, Pattern, State};
use trial::Ended;

/// Where the kernel shows its handlers. A table mounted in a user namespace is one of its own (Linux 6.7), and hides others.
pub const TABLE: &str = "/proc/sys/fs/binfmt_misc";

/// A handler's file is less than a kilobyte, but for its interpreter's path.
const LONGEST: u64 = 16 << 10;

/// The handlers there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Whether any of them is used.
    pub state: State,
    /// All of them, in no order: the kernel takes the one registered last and does not tell which it is.
    pub handlers: Vec<Handler>,
}

/// The table can't be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A file of it is not there, or can't be read.
    #[error("read {file}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of it is not what the kernel writes.
    #[error("read {file}")]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: Malformed,
    },
}

/// Programs of an architecture can't be run here.
#[derive(Debug, thiserror::Error)]
#[error("programs of {arch} can't be run here: {}", why.in_a_line())]
pub struct CannotRun {
    /// Their architecture.
    pub arch: &'static str,
    /// Why not.
    pub why: Why,
}

/// Why programs of another architecture can't be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Why {
    /// Nobody takes them.
    #[error("{TABLE} has no handler for them")]
    NoHandler {
        /// Their architecture.
        arch: &'static str,
    },
    /// The table is not there to be looked at, so that there may be a handler or none.
    #[error("binfmt_misc is not mounted at {TABLE}")]
    NotMounted {
        /// Their architecture.
        arch: &'static str,
    },
    /// No handler is used.
    #[error("binfmt_misc is disabled")]
    AllDisabled,
    /// Their handler is not used.
    #[error("the handler {handler} is disabled")]
    Disabled {
        /// The handler.
        handler: String,
    },
    /// Their interpreter is looked for in the build root.
    #[error("the handler {handler} has no F flag, so that {} is not found in a build root", interpreter.display())]
    NoFFlag {
        /// Their architecture.
        arch: &'static str,
        /// The handler.
        handler: String,
        /// The interpreter.
        interpreter: PathBuf,
    },
    /// Their interpreter is started and does not run them.
    #[error("the handler {handler} has {} for an interpreter, which does not run them ({said})", interpreter.display())]
    WrongInterpreter {
        /// Their architecture.
        arch: &'static str,
        /// The handler.
        handler: String,
        /// The interpreter.
        interpreter: PathBuf,
        /// What was said instead of running them.
        said: String,
    },
    /// It could not be tried: not even this machine's own programs run.
    #[error("no sandbox can be started at all: {said}")]
    NoSandbox {
        /// What bubblewrap said.
        said: String,
    },
    /// It could not be tried.
    #[error("try a program in a sandbox")]
    Trial(#[source] io::Error),
    /// The handlers can't be looked at.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl Why {
    /// Whether it is not known that programs can't be run: it could not be tried.
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::NoSandbox { .. } | Self::Trial(_) | Self::Table(_) => true,
            Self::NoHandler { .. }
            | Self::NotMounted { .. }
            | Self::AllDisabled
            | Self::Disabled { .. }
            | Self::NoFFlag { .. }
            | Self::WrongInterpreter { .. } => false,
        }
    }

    /// What to do about it, where that is known.
    pub fn mend(&self) -> Option<String> {
        match self {
            Self::NoHandler { arch } => Some(format!("run `ci/binfmt {arch}`, which registers qemu-user")),
            Self::NotMounted { arch } => {
                Some(format!("run `ci/binfmt {arch}`, which mounts it and registers qemu-user"))
            }
            Self::AllDisabled => Some(format!("`echo 1 > {TABLE}/status` enables it")),
            Self::Disabled { handler } => Some(format!("`echo 1 > {TABLE}/{handler}` enables it")),
            Self::NoFFlag { arch, .. } | Self::WrongInterpreter { arch, .. } => {
                Some(format!("`ci/binfmt {arch}` mends it"))
            }
            Self::NoSandbox { .. } | Self::Trial(_) | Self::Table(_) => None,
        }
    }

    /// What is wrong, and what caused it.
    pub fn found(&self) -> String {
        line(self)
    }

    fn in_a_line(&self) -> String {
        std::iter::once(self.found()).chain(self.mend()).collect::<Vec<_>>().join(": ")
    }
}

/// Whether programs of `arch` run in sandboxes that `bwrap` starts. A small one is run, in a root with nothing else.
///
/// # Errors
/// They do not, or it could not be tried.
pub fn runs(arch: &'static Architecture, bwrap: &Path) -> Result<(), CannotRun> {
    runs_by(arch, bwrap, Path::new(TABLE)).map_err(|why| CannotRun { arch: arch.name, why })
}

fn runs_by(arch: &'static Architecture, bwrap: &Path, directory: &Path) -> Result<(), Why> {
    let Ended::Not(said) = trial::run(arch, bwrap, &[]).map_err(Why::Trial)? else { return Ok(()) };
    let native = arch::native().filter(|native| *native != arch);
    match native.map(|native| trial::run(native, bwrap, &[])).transpose().map_err(Why::Trial)? {
        Some(Ended::Ran) => Err(why(arch, table(directory), said)),
        Some(Ended::Not(said)) => Err(Why::NoSandbox { said }),
        None => Err(Why::NoSandbox { said }),
    }
}

/// Why programs of `arch` do not run, given the handlers and what was said.
fn why(arch: &'static Architecture, table: Result<Table, TableError>, said: String) -> Why {
    let name = arch.name;
    let table = match table {
        Ok(table) => table,
        Err(TableError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Why::NotMounted { arch: name };
        }
        Err(error) => return Why::Table(error),
    };
    let handlers = table.of(arch);
    let used: Vec<_> = handlers.iter().filter(|handler| handler.state == State::Enabled).collect();
    match (handlers.first(), used.first(), used.iter().find(|handler| !handler.is_held_open())) {
        (None, _, _) => Why::NoHandler { arch: name },
        (Some(_), _, _) if table.state == State::Disabled => Why::AllDisabled,
        (Some(unused), None, _) => Why::Disabled { handler: unused.name.clone() },
        (_, _, Some(handler)) => {
            Why::NoFFlag { arch: name, handler: handler.name.clone(), interpreter: handler.interpreter.clone() }
        }
        (_, Some(handler), None) => Why::WrongInterpreter {
            arch: name,
            handler: handler.name.clone(),
            interpreter: handler.interpreter.clone(),
            said,
        },
    }
}

impl Table {
    /// The handlers that take programs of `arch`.
    pub fn of(&self, arch: &Architecture) -> Vec<&Handler> {
        let program = trial::program(arch);
        self.handlers.iter().filter(|handler| handler.takes(&program)).collect()
    }
}

/// Reads the table mounted at `directory`.
///
/// # Errors
/// It is not there (`NotFound`), or can't be read.
pub fn table(directory: &Path) -> Result<Table, TableError> {
    let status = directory.join("status");
    let state = State::parse(&read(&status)?).map_err(|source| TableError::Malformed { file: status, source })?;
    let unreadable = |source| TableError::Unreadable { file: directory.to_owned(), source };
    let mut handlers = Vec::new();
    for entry in directory.read_dir().map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        if name == "status" || name == "register" {
            continue;
        }
        let file = directory.join(&name);
        let bytes = match read(&file) {
            // It was removed since.
            Err(TableError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => continue,
            read => read?,
        };
        let handler = Handler::parse(&name.to_string_lossy(), &bytes);
        handlers.push(handler.map_err(|source| TableError::Malformed { file, source })?);
    }
    handlers.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Table { state, handlers })
}

fn read(file: &Path) -> Result<Vec<u8>, TableError> {
    let read = || {
        let mut bytes = Vec::new();
        std::fs::File::open(file)?.take(LONGEST).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|source| TableError::Unreadable { file: file.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const QEMU: &str = include_str!("../fixtures/binfmt/qemu-s390x");

    fn s390x() -> &'static Architecture {
        arch::ALL.iter().find(|arch| arch.name == "s390x").expect("an architecture of the table")
    }

    /// Why programs do not run where this is all that the kernel shows.
    fn because(files: &[(&str, &str)]) -> String {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            std::fs::write(directory.path().join(name), text).expect("a file");
        }
        let why = why(s390x(), table(directory.path()), "Exec format error".to_owned());
        why.in_a_line().replace(directory.path().to_str().expect("a path"), "TABLE")
    }

    const ON: (&str, &str) = ("status", "enabled\n");
    const OTHER: (&str, &str) = ("jar", include_str!("../fixtures/binfmt/extension"));

    #[rstest]
    #[case::not_mounted(&[], "binfmt_misc is not mounted at /proc/sys/fs/binfmt_misc: run `ci/binfmt s390x`, which mounts it and registers qemu-user")]
    #[case::none_for_them(&[ON, OTHER], "/proc/sys/fs/binfmt_misc has no handler for them: run `ci/binfmt s390x`, which registers qemu-user")]
    #[case::switched_off(
        &[ON, OTHER, ("q", include_str!("../fixtures/binfmt/disabled"))],
        "the handler q is disabled: `echo 1 > /proc/sys/fs/binfmt_misc/q` enables it"
    )]
    #[case::all_switched_off(
        &[("status", "disabled\n"), ("q", QEMU)],
        "binfmt_misc is disabled: `echo 1 > /proc/sys/fs/binfmt_misc/status` enables it"
    )]
    #[case::no_f_flag(
        &[ON, ("q", include_str!("../fixtures/binfmt/no-flags"))],
        "the handler q has no F flag, so that /usr/libexec/qemu-binfmt/s390x-binfmt-P is not found in a build root: `ci/binfmt s390x` mends it"
    )]
    #[case::one_of_two_without_it(
        &[ON, ("p", QEMU), ("q", include_str!("../fixtures/binfmt/no-flags"))],
        "the handler q has no F flag, so that /usr/libexec/qemu-binfmt/s390x-binfmt-P is not found in a build root: `ci/binfmt s390x` mends it"
    )]
    #[case::another_interpreter(
        &[ON, ("q", QEMU)],
        "the handler q has /usr/libexec/qemu-binfmt/s390x-binfmt-P for an interpreter, which does not run them (Exec format error): `ci/binfmt s390x` mends it"
    )]
    #[case::no_table(&[("status", "perhaps\n")], "read TABLE/status: line 1: no state")]
    #[case::no_handler_at_all(&[ON, ("q", "enabled\n")], "read TABLE/q: line 1: no interpreter")]
    fn a_reason_says_what_is_wrong_and_how_it_is_mended(#[case] files: &[(&str, &str)], #[case] expected: &str) {
        assert_eq!(because(files), expected);
    }

    #[test]
    fn a_table_without_end_is_not_read_to_it() {
        let directory = tempfile::tempdir().expect("a directory");
        std::os::unix::fs::symlink("/dev/zero", directory.path().join("status")).expect("a link");
        let error = table(directory.path()).expect_err("no table");
        assert!(matches!(error, TableError::Malformed { .. }), "{error:?}");
    }

    #[test]
    fn this_machine_s_own_programs_run() {
        let bwrap = crate::bwrap::find(None).expect("bwrap is installed");
        runs(arch::native().expect("an architecture of the table"), &bwrap).expect("they run");
    }

    #[test]
    fn where_no_sandbox_can_be_started_nothing_is_known() {
        let error = runs(s390x(), Path::new("/usr/bin/false")).expect_err("no sandbox");
        assert!(matches!(error.why, Why::NoSandbox { .. }) && error.why.is_unknown(), "{error:?}");
        let error = runs(s390x(), Path::new("/nonexistent")).expect_err("no bwrap");
        assert!(matches!(error.why, Why::Trial(_)) && error.why.is_unknown(), "{error:?}");
    }
}
