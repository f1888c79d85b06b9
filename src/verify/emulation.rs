//! Under user-mode emulation the kernel and bubblewrap are the host's. What they do proves nothing for the emulated
//! architecture; and what differs there is an artefact of the emulator, and named as one.

use crate::contract::{Clause, Expect};

use super::judge::Outcome;

/// What qemu-user (7.2 to 11.1) shows otherwise than the kernel does: the start of a fact or an attempt, and why.
const ARTEFACTS: [(&str, &str); 12] = [
    ("attempts[canary:ptrace]", "it has no process_vm_readv"),
    ("attempts[ptrace:init]", "it has no process_vm_readv"),
    ("attempts[settimeofday]", "it does not survive a time that is not given"),
    ("attempts[setns:", "it has a second thread, and who has one enters no such namespace"),
    ("attempts[unshare:", "it has a second thread, and who has one makes no such namespace"),
    ("attempts[tiocsti:", "it looks at the character first, the kernel at the terminal"),
    ("process.memory_deny_write_execute", "it does not know this prctl"),
    ("process.subreaper", "it does not know this prctl"),
    ("process.thp_disabled", "it does not know this prctl"),
    ("process.executable", "the program that runs is the emulator"),
    ("process.threads", "one of them is its own"),
    ("signals.caught", "it catches signals to hand them on"),
];

/// Why a clause about the kernel is not judged. `outcome` is what would have come of it.
pub fn reason(clause: &Clause, outcome: Outcome) -> String {
    const WHOSE: &str = "user-emulated: the kernel and bubblewrap are the host's";
    let found = match outcome {
        Outcome::Held(_) | Outcome::Absent(_) | Outcome::Nothing(_) => return WHOSE.to_owned(),
        Outcome::Broken(found) | Outcome::Unknown(found) => found,
    };
    match artefact(&clause.expect) {
        Some(why) => format!("{WHOSE}; what is seen is an artefact of qemu-user ({found}): {why}"),
        None => format!("{WHOSE}; what is seen is theirs or the emulator's ({found})"),
    }
}

fn artefact(expect: &Expect) -> Option<&'static str> {
    let reads = expect.reads(&serde_json::Value::Null);
    let told = |path: &crate::contract::FactPath| {
        let path = path.to_string();
        ARTEFACTS.iter().find(|(start, _)| path.starts_with(start)).map(|(_, why)| *why)
    };
    reads.iter().find_map(told)
}
