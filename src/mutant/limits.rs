//! Resource limits that are not the caller's.

use super::{Change, Mutant, both};

pub(super) const MUTANTS: &[Mutant] = &[
    limit("limit-as-other", "limit=as", &both(&["limit.as.inherited"])),
    limit("limit-core-other", "limit=core", &both(&["limit.core.inherited"])),
    limit("limit-cpu-other", "limit=cpu", &both(&["limit.cpu.inherited"])),
    limit("limit-data-other", "limit=data", &both(&["limit.data.inherited"])),
    limit("limit-fsize-other", "limit=fsize", &both(&["limit.fsize.inherited"])),
    limit("limit-locks-other", "limit=locks", &both(&["limit.locks.inherited"])),
    limit("limit-memlock-other", "limit=memlock", &both(&["limit.memlock.inherited"])),
    limit("limit-msgqueue-other", "limit=msgqueue", &both(&["limit.msgqueue.inherited"])),
    limit("limit-nofile-other", "limit=nofile", &both(&["limit.nofile.inherited"])),
    limit("limit-nproc-other", "limit=nproc", &both(&["limit.nproc.inherited"])),
    limit("limit-rss-other", "limit=rss", &both(&["limit.rss.inherited"])),
    limit("limit-rttime-other", "limit=rttime", &both(&["limit.rttime.inherited"])),
    limit("limit-sigpending-other", "limit=sigpending", &both(&["limit.sigpending.inherited"])),
    limit("limit-stack-other", "limit=stack", &both(&["limit.stack.inherited"])),
];

const fn limit(
    id: &'static str,
    first: &'static str,
    breaks: &'static [(crate::profile::Profile, &'static [&'static str])],
) -> Mutant {
    Mutant { id, says: "the payload has another soft limit", change: Change::First(first), breaks }
}
