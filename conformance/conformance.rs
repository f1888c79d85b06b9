//! One test binary; one file per area.

mod architectures;
mod binds;
mod callers;
mod capabilities;
mod command;
mod coverage;
mod deadlines;
mod devices;
mod endpoints;
mod endurance;
mod environment;
mod host;
mod hostile;
mod kept;
mod lifecycle;
mod limits;
mod outcomes;
mod proof;
mod recorded;
mod refusals;
mod removal;
mod runners;
mod runs;
mod support;
mod tree;
mod upgrades;
