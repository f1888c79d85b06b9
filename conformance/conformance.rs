//! One test binary; one file per area.

mod recorded;
mod runs;
mod support;
