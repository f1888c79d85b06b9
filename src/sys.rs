//! The only `unsafe` of the project: calls that neither the standard library nor nix has.
//!
//! A function here is as small as its call, takes and returns safe types, and says in `SAFETY` why the call is sound.
#![allow(unsafe_code)]

mod escapes;
mod handles;
#[cfg(feature = "host")]
mod host;
pub(crate) mod own;
mod probe;
#[cfg(feature = "host")]
mod start;

#[cfg(feature = "rpm")]
pub mod trace;

pub use escapes::*;
pub use handles::*;
#[cfg(feature = "host")]
pub use host::*;
pub use probe::*;
#[cfg(feature = "host")]
pub use start::*;
