//! The steps mutants are made of.

use std::path::Path;

use crate::plan::{Access, Op, Plan, SandboxPath};

/// Leaves the operation out.
pub(super) fn drop_op(plan: &mut Plan, unwanted: &Op) {
    plan.ops.retain(|op| op != unwanted);
}

/// Leaves out what puts something at `at`.
pub(super) fn drop_at(plan: &mut Plan, at: &str) {
    plan.ops.retain(|op| place(op).is_none_or(|place| place.0 != Path::new(at)));
}

/// Mounts what is bound at `at` with other flags.
pub(super) fn bind_as(plan: &mut Plan, at: &str, wanted: Access) {
    for op in &mut plan.ops {
        if let Op::Bind { to, access, .. } = op {
            if to.0 == Path::new(at) {
                *access = wanted;
            }
        }
    }
}

/// Puts `new` where `at` was made.
pub(super) fn replace_at(plan: &mut Plan, at: &str, new: Op) {
    for op in &mut plan.ops {
        if place(op).is_some_and(|place| place.0 == Path::new(at)) {
            *op = new;
            return;
        }
    }
}

/// Does what is done at `at` before everything else that makes something.
pub(super) fn move_first(plan: &mut Plan, at: &str) {
    let made = |op: &Op| place(op).is_some();
    let found = plan.ops.iter().position(|op| place(op).is_some_and(|place| place.0 == Path::new(at)));
    if let (Some(from), Some(to)) = (found, plan.ops.iter().position(made)) {
        let op = plan.ops.remove(from);
        plan.ops.insert(to, op);
    }
}

/// Sets a variable of the environment bubblewrap starts with.
pub(super) fn set_variable(plan: &mut Plan, name: &str, value: &str) {
    plan.environment.set_mut().insert(name.into(), value.into());
}

/// Where an operation puts something.
fn place(op: &Op) -> Option<&SandboxPath> {
    match op {
        Op::Bind { to, .. } => Some(to),
        Op::Symlink { at, .. } | Op::Tmpfs { at, .. } | Op::Dir(at) | Op::Proc(at) => Some(at),
        Op::DropAllCapabilities
        | Op::DropCapability(_)
        | Op::AddCapability(_)
        | Op::Chdir(_)
        | Op::DieWithParent
        | Op::NewSession
        | Op::SetVariable(..)
        | Op::Unshare(_)
        | Op::Seccomp(_) => None,
    }
}
