//! What the suites share.

use rootcontract::buildroot::{BuildRoot, Builder};

/// A builder for `root`, with the supervisor this build made.
pub fn builder(root: impl Into<std::path::PathBuf>) -> Builder {
    BuildRoot::builder(root).supervisor(env!("CARGO_BIN_EXE_rootcontract"))
}
