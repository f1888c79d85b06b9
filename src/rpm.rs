//! What a package's scriptlets do in a build root, before anybody builds anything with it.
//!
//! A [`Package`](package::Package) is read up to its payload and no further; each scriptlet is [gone through](shell) as its
//! interpreter would in a scenario. The [rules](rule) find what it assumes and the room has not. What the room has is what a
//! contract [says](ground) of it, so findings follow from the contract, and change when it does. What becomes of a build is
//! the [verdict]: for each scenario, and each rpm that may run there.
//!
//! The [room] itself is built where its contract is checked.

pub mod bare;
pub mod closure;
pub mod finding;
pub mod ground;
pub mod header;
pub mod install;
pub mod judge;
pub mod left;
mod lua;
pub mod observed;
pub mod package;
pub mod probe;
pub mod reading;
pub mod report;
pub mod room;
pub mod rule;
mod rules;
pub mod said;
pub mod scriptlet;
pub mod shell;
pub mod spec;
pub mod trace;
pub mod verdict;
pub mod waiver;
