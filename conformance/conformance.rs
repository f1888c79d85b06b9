//! One test binary; one file per area.

mod anywhere;
mod architectures;
mod binds;
mod callers;
mod capabilities;
mod command;
mod coverage;
mod crashes;
mod deadlines;
mod devices;
mod endpoints;
mod environment;
mod host;
mod kept;
mod lifecycle;
mod outcomes;
mod proof;
mod recorded;
mod refusals;
mod runners;
mod runs;
mod support;
mod tree;
mod upgrades;
mod users;
