//! Packages, their scriptlets, and the room these run in.

pub mod package;
pub mod room;
