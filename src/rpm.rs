//! Packages, their scriptlets, and the room these run in.

pub mod probe;
pub mod room;
