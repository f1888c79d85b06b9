//! The filter that has the kernel stop a process at the calls that are looked at.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use super::call;
use crate::plan::Instruction;

/// `BPF_LD | BPF_W | BPF_ABS`, `BPF_JMP | BPF_JEQ | BPF_K`, `BPF_RET | BPF_K` (linux/bpf_common.h).
const LOAD: u16 = 0x20;
const EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
/// Where `struct seccomp_data` has the architecture, and what lets a call go on (linux/seccomp.h).
const ARCHITECTURE: u32 = 4;
const ALLOW: u32 = 0x7fff_0000;

/// The filter for this machine.
///
/// # Errors
/// The machine's architecture is none that filters are known for.
pub fn compiled() -> Result<Vec<Instruction>, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = call::all().map(|call| (call.number, Vec::new())).collect();
    let requests = call::REQUESTS.iter().map(|&request| {
        SeccompRule::new(vec![SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, request)?])
    });
    rules.insert(nix::libc::SYS_ioctl, requests.collect::<Result<_, _>>()?);
    // A descriptor that is open is looked at all the time, and that is never refused.
    let by_path = SeccompCmpOp::MaskedEq(u64::from(nix::libc::AT_EMPTY_PATH.unsigned_abs()));
    for (call, flags) in [(nix::libc::SYS_newfstatat, 3), (nix::libc::SYS_statx, 2)] {
        let rule = SeccompCondition::new(flags, SeccompCmpArgLen::Dword, by_path.clone(), 0)?;
        rules.insert(call, vec![SeccompRule::new(vec![rule])?]);
    }
    let filter =
        SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Trace(0), std::env::consts::ARCH.try_into()?)?;
    let program: BpfProgram = filter.try_into()?;
    let program =
        program.iter().map(|one| Instruction { code: one.code, jump_true: one.jt, jump_false: one.jf, operand: one.k });
    let program: Vec<Instruction> = program.collect();
    Ok(foreign_allowed(&program).into_iter().chain(program).collect())
}

/// What goes before: seccompiler's filter kills programs of the architecture's other word size. What contains scriptlets does
/// so anyway (`conformance/filters`), x32 among them, and the tracer knows such a program when it is executed.
fn foreign_allowed(program: &[Instruction]) -> Vec<Instruction> {
    let Some(own) = program.get(1).filter(|one| one.code == EQUAL).map(|one| one.operand) else { return Vec::new() };
    let plain = |code, operand| Instruction { code, jump_true: 0, jump_false: 0, operand };
    vec![plain(LOAD, ARCHITECTURE), Instruction { jump_true: 1, ..plain(EQUAL, own) }, plain(RETURN, ALLOW)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_of_another_architecture_are_let_go_before_the_filter_looks() {
        let program = compiled().expect("a filter");
        assert_eq!((program[0].code, program[0].operand), (LOAD, ARCHITECTURE));
        assert_eq!((program[1].code, program[1].jump_true, program[1].operand), (EQUAL, 1, program[4].operand));
        assert_eq!((program[2].code, program[2].operand), (RETURN, ALLOW));
        assert!(program.len() < 4096, "{}", program.len());
    }
}
