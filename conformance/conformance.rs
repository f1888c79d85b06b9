//! One test binary; one file per area.

mod command;
mod coverage;
mod host;
mod kept;
mod proof;
mod recorded;
mod runs;
mod support;
