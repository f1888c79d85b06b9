//! The only `unsafe` of the project: calls that neither the standard library nor nix has.
//!
//! A function here is as small as its call, takes and returns safe types, and says in `SAFETY` why the call is sound. Where
//! that rests on who calls it (how many threads there are, whose a descriptor is), it can be called by this crate only.
#![allow(unsafe_code)]

mod escapes;
mod handles;
#[cfg(feature = "host")]
mod host;
#[cfg(feature = "host")]
mod message;
pub(crate) mod own;
mod probe;
#[cfg(feature = "host")]
mod start;

#[cfg(feature = "rpm")]
pub(crate) mod trace;

pub(crate) use escapes::*;
pub(crate) use handles::*;
#[cfg(feature = "host")]
pub(crate) use host::*;
#[cfg(feature = "host")]
pub use host::{duplicate, hear_of_children, lower_capability_of_this_thread};
#[cfg(feature = "rpm")]
pub use host::{resize_terminal, terminal_size};
#[cfg(feature = "host")]
pub(crate) use message::*;
pub(crate) use probe::*;
pub use probe::{bytes_waiting, is_readable};
#[cfg(feature = "host")]
pub(crate) use start::*;
