//! One test binary; one file per area.

mod recorded;
