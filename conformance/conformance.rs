//! One test binary; one file per area.

mod binds;
mod capabilities;
mod command;
mod coverage;
mod deadlines;
mod environment;
mod host;
mod kept;
mod lifecycle;
mod outcomes;
mod proof;
mod recorded;
mod refusals;
mod runs;
mod support;
