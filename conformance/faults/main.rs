//! Fails one system call of the command after another, or kills the command there, and looks what comes of it.
//!
//! A first run is counted: every call of the command and its threads, of the supervisor and of its PID 1, from the first
//! line of their `main` on. Then there is a run for each of these calls and each of [`FAULTS`]. Nothing may be left,
//! nothing may hang or panic, and whoever ends as always has said what is always said.
//!
//! `ci/faults` runs this as PID 1 of a namespace in which nothing else is:
//! `faults COMMAND WHO VERB K/N EVERY [ROLE:INDEX:FAULT…]`.

mod judge;
mod registers;
mod tracer;

use std::process::ExitCode;

use judge::Calm;
use nix::errno::Errno;
use rootcontract::matrix::Part;
use tracer::{Case, Fault, Role, trace};

/// What a call can come back with for no reason of its own, and the end of everything.
const FAULTS: [Fault; 6] = [
    Fault::Error(Errno::EINTR),
    Fault::Error(Errno::ENOMEM),
    Fault::Error(Errno::EMFILE),
    Fault::Error(Errno::ENOSPC),
    Fault::Error(Errno::EPERM),
    Fault::Kill,
];

/// A payload that says a word on each stream.
const RUN: &[&str] =
    &["run", "--quiet", "--capabilities", "inherit", "--", "/usr/bin/sh", "-c", "echo out; echo err >&2; exit 3"];
/// What is looked at by a check, with several times as many calls.
const CHECK: &[&str] = &["check", "--profile", "osbuild", "--capabilities", "inherit"];

/// Makes a command that of a user whose number is nobody's.
const USER: &[&str] = &["setpriv", "--reuid", "4242", "--regid", "4242", "--clear-groups"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [command, who, verb, part, every, only @ ..] = arguments.as_slice() else { return ExitCode::from(2) };
    let part: Part = part.parse().expect("K/N");
    let every: usize = every.parse().expect("a number");
    let (work, code) = if verb == "run" { (RUN, 3) } else { (CHECK, 0) };
    let become_one: &[&str] = if who == "root" { &[] } else { USER };
    let command = [become_one, &[command.as_str()]].concat();
    let words = [&command, work].concat();
    let calm = Calm::new(trace(&words, None), code);
    let (mut cases, mut wrong) = (0, 0);
    for (number, case) in all(&calm).into_iter().enumerate() {
        let name = case.to_string();
        let chosen = number % every == 0 && number / every % part.of == part.number - 1 && only.is_empty();
        if !chosen && !only.contains(&name) {
            continue;
        }
        let done = trace(&words, Some(case));
        let complaints = calm.judge(&command, case, &done);
        cases += 1;
        wrong += usize::from(!complaints.is_empty());
        if !complaints.is_empty() || !only.is_empty() {
            let call = done.hit.map_or("not reached".to_owned(), |number| format!("system call {number}"));
            println!("{verb} {name}: {call}: {}; {:?}", complaints.join("; "), done.end);
            done.stderr.lines().for_each(|line| println!("    {line}"));
        }
    }
    if cases == 0 {
        eprintln!("faults: no case is called {}", only.join(" or "));
        return ExitCode::from(2);
    }
    println!("{cases} cases, {wrong} wrong");
    ExitCode::from(u8::from(wrong > 0))
}

/// Every call of every role with every fault.
fn all(calm: &Calm) -> Vec<Case> {
    let of = |(&role, &calls): (&Role, &usize)| {
        (0..calls).flat_map(move |index| FAULTS.map(|fault| Case { role, index, fault }))
    };
    calm.trace.calls.iter().filter(|(role, _)| **role != Role::Stranger).flat_map(of).collect()
}
