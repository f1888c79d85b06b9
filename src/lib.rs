//! osbuild's build root, the contract it keeps, and the proof that it keeps it.
//!
//! ```text
//!                    conformance/contract/*.toml
//!                              │ what is promised
//!                              ▼
//! profile ─▶ plan ─▶ argv ─▶ buildroot ─▶ probe ─▶ facts ─▶ verify ─▶ report ─▶ render
//! what we    typed,   the     only place   in the   JSON     clause by  findings  human, json
//! build      ordered  only    that touches box, no           clause
//!            ops      flags   the machine  opinion
//! ```
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use rootcontract::buildroot::{BuildRoot, Invocation};
//! use rootcontract::profile::Profile;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let root = BuildRoot::builder("/").profile(Profile::OsbuildV190).open()?;
//!     let build = Invocation::new(["/usr/bin/sh", "-c", "ls /dev"]).deadline(Duration::from_secs(60));
//!     let done = root.run(build)?;
//!     assert!(done.outcome.success(), "{}", done.stderr.text());
//!     print!("{}", done.stdout.text());
//!     root.close()?;
//!     Ok(())
//! }
//! ```
//!
//! Everything left of `buildroot` and right of `probe` is a function of its inputs.
//! The crate has two halves: what the probe shares with the host (always built), and the
//! host side (feature `host`, on by default). What [`rpm`] packages do in a build root is a feature of its own, because the
//! crates that read them want a newer compiler.

pub mod arch;
pub mod capability;
pub mod facts;
pub mod probe;
pub mod sys;

#[cfg(feature = "host")]
pub mod argv;
#[cfg(feature = "host")]
pub mod baseline;
#[cfg(feature = "host")]
pub mod binfmt;
#[cfg(feature = "host")]
pub mod buildroot;
#[cfg(feature = "host")]
pub mod bwrap;
#[cfg(feature = "host")]
pub mod contract;
#[cfg(feature = "host")]
pub mod diff;
#[cfg(feature = "host")]
pub mod doctor;
#[cfg(feature = "host")]
pub mod escapes;
#[cfg(feature = "host")]
pub mod inspect;
#[cfg(feature = "host")]
pub mod machine;
#[cfg(feature = "host")]
pub mod matrix;
#[cfg(feature = "host")]
pub mod mutant;
#[cfg(feature = "host")]
pub mod parallel;
#[cfg(feature = "host")]
pub mod plan;
#[cfg(feature = "host")]
pub mod profile;
#[cfg(feature = "host")]
pub mod prove;
#[cfg(feature = "host")]
pub mod report;
#[cfg(feature = "rpm")]
pub mod rpm;
#[cfg(feature = "host")]
pub mod source;
#[cfg(feature = "host")]
pub mod subordinate;
#[cfg(feature = "host")]
pub mod tree;
#[cfg(feature = "host")]
pub mod upgrade;
#[cfg(feature = "host")]
pub mod verify;
#[cfg(feature = "host")]
pub mod waiver;
