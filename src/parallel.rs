//! The same work on many things, on several threads.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The stack of each thread, in bytes: the shell's grammar calls itself for everything that is nested.
const STACK: usize = 16 << 20;

/// How many processors there are for this process, as far as that is known.
pub fn processors() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Does `work` on every item, on at most `jobs` threads that take them in their order; results in the order of the items.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], jobs: NonZeroUsize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = jobs.get().min(items.len().max(1));
    let next = AtomicUsize::new(0);
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let worker = || {
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = items.get(index) else { return done };
                done.push((index, work(item)));
            }
        };
        let spawn = |_| {
            let spawned = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, worker);
            spawned.unwrap_or_else(|_| scope.spawn(worker))
        };
        let workers: Vec<_> = (0..threads).map(spawn).collect();
        let joined = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined.flat_map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::nothing_to_do(0, 4)]
    #[case::one_after_the_other(10, 1)]
    #[case::more_threads_than_things(3, 8)]
    #[case::more_things_than_threads(1000, 3)]
    fn results_are_in_the_order_of_the_items(#[case] items: usize, #[case] jobs: usize) {
        let items: Vec<usize> = (0..items).collect();
        let doubled = in_parallel(&items, NonZeroUsize::new(jobs).expect("a number"), |item| item * 2);
        assert_eq!(doubled, items.iter().map(|item| item * 2).collect::<Vec<_>>());
    }
}
