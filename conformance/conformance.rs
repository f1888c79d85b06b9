//! One test binary; one file per area.

mod kept;
mod recorded;
mod runs;
mod support;
