//! `--jobs N`.

use std::num::NonZeroUsize;

use clap::Args;
use rootcontract::parallel::{in_parallel, processors};

/// How much is done at the same time.
#[derive(Debug, Args)]
pub struct Jobs {
    /// How many are done at the same time [default: as many as there are processors]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

impl Jobs {
    /// Does `work` on every item; results in the order of the items.
    pub fn each<T: Sync, R: Send>(&self, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
        in_parallel(items, self.jobs.unwrap_or_else(processors), work)
    }
}
