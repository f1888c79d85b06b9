//! The descriptors of a run besides its streams.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::super::protocol::Role;
use super::processes::Caller;
use crate::sys::is_readable;

/// What came with a run, by its role.
#[derive(Debug, Default)]
pub(super) struct Attached {
    caller: Option<Caller>,
    interrupt: Option<OwnedFd>,
    hurry: Option<OwnedFd>,
    /// Where a tracer listens.
    pub tracer: Option<OwnedFd>,
    /// What bubblewrap reads the filter from, if there is one, and what the sandbox inherits.
    pub inherited: Vec<OwnedFd>,
}

impl Attached {
    /// The descriptors, in the order of their roles.
    pub fn new(roles: &[Role], descriptors: Vec<OwnedFd>) -> Self {
        let mut attached = Self::default();
        for (role, descriptor) in roles.iter().zip(descriptors) {
            match role {
                Role::Caller => attached.caller = Some(Caller::new(descriptor)),
                Role::Interrupt => attached.interrupt = Some(descriptor),
                Role::Hurry => attached.hurry = Some(descriptor),
                Role::Tracer => attached.tracer = Some(descriptor),
                // It is the first of those: see `argv::FILTER_DESCRIPTOR`.
                Role::Filter => attached.inherited.insert(0, descriptor),
                Role::Inherited => attached.inherited.push(descriptor),
            }
        }
        attached
    }

    /// Whether the caller is stopped.
    pub fn caller_is_stopped(&self) -> bool {
        self.caller.as_ref().is_some_and(Caller::is_stopped)
    }

    /// Whether the run is to end.
    pub fn interrupted(&self) -> bool {
        self.interrupt().is_some_and(is_readable)
    }

    /// Whether it is to end at once.
    pub fn hurried(&self) -> bool {
        self.hurry().is_some_and(is_readable)
    }

    /// What tells that the run is to end.
    pub fn interrupt(&self) -> Option<BorrowedFd<'_>> {
        self.interrupt.as_ref().map(AsFd::as_fd)
    }

    /// What tells that it is to end at once.
    pub fn hurry(&self) -> Option<BorrowedFd<'_>> {
        self.hurry.as_ref().map(AsFd::as_fd)
    }
}
