//! The probe: runs inside, reads what is there, and, when it is allowed to, tries what should not work.
//!
//! It never judges. It changes nothing that is not the sandbox's own:
//! - files that exist are opened for writing at most, never made, cut or written;
//! - files that it makes have a name of their own, only where the sandbox's own tmpfs or `/var` is, and go at once;
//! - what would change mounts or namespaces happens in a child, in namespaces of that child;
//! - calls that reach the kernel proper are given arguments with which they can only fail, once permission was checked.

mod arguments;
mod attempts;
mod escapes;
mod files;
mod observe;
mod place;
mod process;
pub(crate) mod read;
mod system;
mod upset;

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read, Write},
    path::Path,
    process::ExitCode,
};

use arguments::{Arguments, Request};

use crate::{
    facts::{Mode, escape::Marks, frame, text::escape},
    sys,
};

const HELP: &str = "\
rootcontract-probe: tell what a sandbox looks like from inside, as JSON

Usage: rootcontract-probe [--first WHAT] [--passive] [--nonce HEX] [--canaries JSON] [--output FILE]
       rootcontract-probe --nonce HEX --escapes JSON
       rootcontract-probe /SCRIPT…

  --passive         look only; runs anywhere
  --nonce HEX       8 to 64 hexadecimal digits, repeated in the document and its seal.
                    Without --passive it is needed: attempts are made for whoever asked, and in bwrap's box only.
  --canaries JSON   what was put up outside, to be looked for:
                    {\"shm_key\":1,\"sem_key\":1,\"msg_key\":1,\"mq\":\"/name\",\"abstract\":\"name\",\"port\":1,\"pid\":1}
  --output FILE     put the document there instead of stdout
  --first WHAT      upset its own process so, then start again without this; in bwrap's box only. A proof wants
                    to see what is wrong be told: see src/probe/upset.rs
  --escapes JSON    try to leave the sandbox instead, each way by itself, and tell what came of it. The marks say what
                    is outside, so that it is known when found: {\"namespaces\":{\"mnt\":4026531840,…},\"port\":1,…}
  --help, --version

As the interpreter of a scriptlet it gets a file: that has the arguments, one on each line, and the rest is rpm's.

The document is one line on stdout; a line with the nonce, its length and its digest seals it.

Exit codes: 0 told, 2 not told (bad arguments, outside the box, nowhere to write).

Examples:
  rootcontract-probe --passive > facts.json
  rootcontract-probe --passive | head -n 1 | jq .mounts
";

/// The probe's `main`.
pub fn main() -> ExitCode {
    if !sys::started_with_open(1) {
        return ExitCode::from(2);
    }
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    ExitCode::from(run(&arguments, &mut io::stdout().lock(), &mut io::stderr().lock()))
}

/// What was not told, and why.
enum Refusal {
    /// One line for the caller.
    Because(String),
    /// Nobody listens any more.
    Unheard,
}

/// Do what the arguments ask; returns the exit code.
fn run(arguments: &[OsString], out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    match tell(arguments, out) {
        Ok(()) => 0,
        Err(Refusal::Unheard) => 2,
        Err(Refusal::Because(reason)) => {
            // Where stderr is gone too, the exit code has to do.
            let _ = writeln!(err, "rootcontract-probe: {reason}");
            2
        }
    }
}

fn tell(arguments: &[OsString], out: &mut dyn Write) -> Result<(), Refusal> {
    let said = arguments::script(arguments).map(read_script).transpose().map_err(Refusal::Because)?;
    let answer = match arguments::parse(said.as_deref().unwrap_or(arguments)).map_err(Refusal::Because)? {
        Request::Help => HELP.as_bytes().to_vec(),
        Request::Version => concat!("rootcontract-probe ", env!("CARGO_PKG_VERSION"), "\n").as_bytes().to_vec(),
        Request::Facts(arguments) => {
            let sealed = facts(&arguments).map_err(Refusal::Because)?;
            match &arguments.output {
                None => sealed,
                Some(file) => return put(&sealed, file).map_err(Refusal::Because),
            }
        }
        Request::First(what, rest) => return upset::start_again(&what, &rest).map_err(Refusal::Because),
        Request::Escapes(nonce, marks) => attempts_to_leave(&nonce, &marks).map_err(Refusal::Because)?,
    };
    out.write_all(&answer).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Refusal::Unheard,
        _ => Refusal::Because(format!("write the facts: {error}; give it a stdout with room")),
    })
}

/// What a script says.
fn read_script(path: &Path) -> Result<Vec<OsString>, String> {
    let shown = escape(path.as_os_str().as_encoded_bytes());
    let mut script = Vec::new();
    File::open(path)
        .and_then(|file| file.take(arguments::SCRIPT_LIMIT as u64 + 1).read_to_end(&mut script))
        .map_err(|error| format!("read the script {shown}: {error}"))?;
    if script.len() > arguments::SCRIPT_LIMIT {
        return Err(format!("the script {shown} has more than {} bytes", arguments::SCRIPT_LIMIT));
    }
    Ok(arguments::of_script(&script))
}

/// Puts a document into a file.
fn put(sealed: &[u8], file: &Path) -> Result<(), String> {
    let shown = escape(file.as_os_str().as_encoded_bytes());
    std::fs::write(file, sealed).map_err(|error| format!("write the facts to {shown}: {error}"))
}

/// The sealed document.
fn facts(arguments: &Arguments) -> Result<Vec<u8>, String> {
    let inside = place::inside();
    if let (Mode::Active, Err(reason)) = (arguments.mode, &inside) {
        return Err(format!("make attempts: {reason}; they are made inside bwrap's box only, --passive runs anywhere"));
    }
    let mut probe = observe::observe(arguments, inside.is_ok());
    if arguments.mode == Mode::Active {
        let mounts = probe.mounts.known().cloned().unwrap_or_default();
        probe.attempts = Some(attempts::attempt(&mounts, &arguments.canaries));
    }
    let document = serde_json::to_vec(&probe).map_err(|error| format!("write the facts as JSON: {error}"))?;
    let sealed = frame::seal(&document, arguments.nonce.as_deref().unwrap_or(frame::NO_NONCE));
    if sealed.len() > frame::LIMIT {
        return Err(format!("tell the facts: {} bytes are more than anybody opens", sealed.len()));
    }
    Ok(sealed)
}

/// What came of each attempt to leave, sealed.
fn attempts_to_leave(nonce: &str, marks: &Marks) -> Result<Vec<u8>, String> {
    escapes::inside(marks)
        .map_err(|reason| format!("try to leave: {reason}; that is tried from the inside of a sandbox only"))?;
    let document = serde_json::to_vec(&escapes::attempt(nonce, marks));
    let document = document.map_err(|error| format!("write the attempts as JSON: {error}"))?;
    Ok(frame::seal(&document, nonce))
}

/// The ids of all attempts to leave.
#[cfg(test)]
pub(crate) fn escape_ids() -> impl Iterator<Item = &'static str> {
    escapes::ids()
}

/// What a sandbox started from this process will inherit.
#[cfg(feature = "host")]
pub(crate) fn inherited() -> crate::facts::launch::Inherited {
    let own = process::process(&process::StatusFile::own());
    crate::facts::launch::Inherited {
        groups: own.groups,
        nice: own.nice,
        oom_score_adj: own.oom_score_adj,
        io_priority: own.io_priority,
        scheduler: own.scheduler,
        personality: own.personality,
        loginuid: own.loginuid,
        sessionid: own.sessionid,
        seccomp: own.seccomp,
        seccomp_filters: own.seccomp_filters,
        thp_disabled: own.thp_disabled,
        memory_deny_write_execute: own.memory_deny_write_execute,
    }
}

/// A passive document of this machine, for the tests of those who read one.
#[cfg(test)]
pub(crate) fn sample(nonce: &str) -> crate::facts::Probe {
    let canaries = crate::facts::launch::Canaries::default();
    observe::observe(&Arguments { mode: Mode::Passive, nonce: Some(nonce.to_owned()), canaries, output: None }, false)
}

#[cfg(test)]
mod tests;
