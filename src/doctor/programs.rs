//! Programs of an architecture: its probe, and whether the kernel runs them in a build root.

use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::bubblewrap::Bubblewrap;
use super::check::{Check, Question};
use crate::arch::{self, Architecture};
use crate::binfmt::{self, CannotRun};
use crate::inspect::{InspectError, find_probe};
use crate::report::show::line;
use crate::tree::Header;

/// What was read of an architecture.
#[derive(Debug)]
pub(super) struct Programs {
    probe: Result<Probe, InspectError>,
    /// What came of running one; `None` where no bubblewrap works.
    run: Option<Result<(), CannotRun>>,
}

/// A probe that was found.
#[derive(Debug)]
struct Probe {
    path: PathBuf,
    /// Its permissions, and what it is.
    file: io::Result<(u32, Option<Header>)>,
}

pub(super) fn read(arch: &'static Architecture, bubblewrap: &Bubblewrap) -> Programs {
    let looked_at = |path: &PathBuf| {
        let file = File::open(path)?;
        Ok((file.metadata()?.permissions().mode(), Header::read(&file)?))
    };
    Programs {
        probe: find_probe(arch.name)
            .map(|path| path.canonicalize().unwrap_or(path))
            .map(|path| Probe { file: looked_at(&path), path }),
        run: bubblewrap.working().map(|bwrap| binfmt::runs(arch, bwrap)),
    }
}

pub(super) fn checks(arch: &'static Architecture, read: &Programs) -> Vec<Check> {
    vec![probe(arch, &read.probe), run(arch, read.run.as_ref())]
}

fn probe(arch: &'static Architecture, probe: &Result<Probe, InspectError>) -> Check {
    let question = Question::required(format!("probe.{}", arch.name), "It looks at the build root from inside.");
    let mend = format!("`ci/probes {}` builds it; $ROOTCONTRACT_PROBE names one that is elsewhere", arch.name);
    let Ok(Probe { path, file }) = probe else {
        return question.missing(format!("there is no rootcontract-probe for {}", arch.name), mend);
    };
    let path = path.display();
    match file {
        Err(error) => question.unknown(format!("{path}: {}", line(error)), mend),
        Ok((mode, _)) if mode & 0o111 == 0 => {
            question.missing(format!("{path} can't be executed"), format!("`chmod +x {path}`"))
        }
        Ok((_, Some(header))) if !header.is_of(arch) => {
            question.missing(format!("{path} is a program of {header}"), mend)
        }
        Ok((_, Some(header))) if header.interpreter().is_some() => {
            question.ok(format!("{path}, which is not static: it runs only in a root that has its libraries"))
        }
        Ok((_, Some(_))) => question.ok(path.to_string()),
        Ok((_, None)) => question.missing(format!("{path} is no program"), mend),
    }
}

fn run(arch: &'static Architecture, run: Option<&Result<(), CannotRun>>) -> Check {
    let why = "The kernel hands programs of another architecture to qemu, which it has to hold open.";
    let question = Question::required(format!("binfmt.{}", arch.name), why);
    if arch::native() == Some(arch) {
        return question.not_needed("its programs are this machine's own");
    }
    match run {
        None => question.unknown("no program can be run in a sandbox", "see bwrap.starts"),
        Some(Ok(())) => question.ok("its programs run in a sandbox"),
        Some(Err(CannotRun { why, .. })) if why.is_unknown() => {
            question.unknown(why.found(), format!("`ci/binfmt {}` says more", arch.name))
        }
        Some(Err(CannotRun { why, .. })) => question.missing(why.found(), why.mend().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{Level, State, said};
    use super::*;
    use crate::binfmt::Why;
    use rstest::rstest;

    fn arch(name: &str) -> &'static Architecture {
        arch::named(name).expect("an architecture of the table")
    }

    fn foreign() -> &'static Architecture {
        if arch::native() == Some(arch("s390x")) { arch("aarch64") } else { arch("s390x") }
    }

    fn asked(why: Why) -> Option<Result<(), CannotRun>> {
        Some(Err(CannotRun { arch: "s390x", why }))
    }

    #[rstest]
    #[case::they_do(Some(Ok(())), State::Ok, "its programs run in a sandbox", "")]
    #[case::no_sandbox(None, State::Unknown, "no program can be run in a sandbox", "see bwrap.starts")]
    #[case::no_handler(
        asked(Why::NoHandler { arch: "s390x" }),
        State::Missing,
        "/proc/sys/fs/binfmt_misc has no handler for them",
        "run `ci/binfmt s390x`, which registers qemu-user"
    )]
    #[case::no_f_flag(
        asked(Why::NoFFlag { arch: "s390x", handler: "q".to_owned(), interpreter: "/usr/bin/qemu".into() }),
        State::Missing,
        "the handler q has no F flag, so that /usr/bin/qemu is not found in a build root",
        "`ci/binfmt s390x` mends it"
    )]
    #[case::not_tried(
        asked(Why::Trial(io::Error::from_raw_os_error(28))),
        State::Unknown,
        "try a program in a sandbox: No space left on device",
        "`ci/binfmt s390x` says more"
    )]
    fn foreign_programs_run_or_the_handler_is_named(
        #[case] tried: Option<Result<(), CannotRun>>,
        #[case] state: State,
        #[case] found: &str,
        #[case] mend: &str,
    ) {
        let checks = [run(foreign(), tried.as_ref())];
        let (level, is, says, how) = said(&checks, &format!("binfmt.{}", foreign().name));
        assert_eq!((level, is, says), (Level::Required, state, found));
        assert_eq!(how.replace(foreign().name, "s390x"), mend);
    }

    #[test]
    fn this_machine_s_own_need_no_handler() {
        let native = arch::native().expect("an architecture of the table");
        assert_eq!(run(native, None).level, Level::NotNeeded);
    }

    fn judged(mode: u32, content: &[u8], of: &str) -> (State, String, String) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("probe");
        std::fs::write(&path, content).expect("a file");
        let header = Header::read(&File::open(&path).expect("the file")).expect("read");
        let check = probe(arch(of), &Ok(Probe { file: Ok((mode, header)), path: path.clone() }));
        let place = path.display().to_string();
        let [found, mend] = [check.found, check.mend.unwrap_or_default()].map(|text| text.replace(&place, "PROBE"));
        (check.state, found, mend)
    }

    const MEND: &str = "`ci/probes s390x` builds it; $ROOTCONTRACT_PROBE names one that is elsewhere";

    #[rstest]
    #[case::right(0o755, "s390x", State::Ok, "PROBE", "")]
    #[case::of_another_machine(0o755, "x86_64", State::Missing, "PROBE is a program of x86_64", MEND)]
    #[case::not_executable(0o644, "s390x", State::Missing, "PROBE can't be executed", "`chmod +x PROBE`")]
    fn a_probe_has_to_be_a_program_of_its_architecture(
        #[case] mode: u32,
        #[case] of: &str,
        #[case] state: State,
        #[case] found: &str,
        #[case] mend: &str,
    ) {
        let program = binfmt::trial::program(arch(of));
        assert_eq!(judged(mode, &program, "s390x"), (state, found.to_owned(), mend.to_owned()));
    }

    #[test]
    fn a_script_is_no_probe() {
        assert_eq!(judged(0o755, b"#!/bin/sh\n", "s390x"), (State::Missing, "PROBE is no program".into(), MEND.into()));
    }

    #[test]
    fn where_there_is_none_it_is_told_how_to_build_it() {
        let check = probe(arch("s390x"), &Err(InspectError::NoProbe("s390x".to_owned())));
        assert_eq!((check.state, check.mend.as_deref()), (State::Missing, Some(MEND)));
    }
}
