//! The same work on many items, by several threads. Starts its own threads and joins them.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// `work` on every item, by up to `jobs` threads (`None` = one per core); results in the order of the items.
pub(crate) fn in_parallel<Item: Sync, Out: Send>(
    items: &[Item],
    jobs: Option<NonZeroUsize>,
    work: impl Fn(&Item) -> Out + Sync,
) -> Vec<Out> {
    let one_per_core = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let n_threads = jobs.unwrap_or_else(one_per_core).get().min(items.len());
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(|| {
                while let Some((idx, item)) = Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|idx| Some((idx, items.get(idx)?))) {
                    let out = work(item);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((idx, out));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(idx, _)| *idx);
    done.into_iter().map(|(_, out)| out).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_the_items_whatever_the_number_of_threads() {
        let items: Vec<u64> = (0..100).collect();
        let expected: Vec<u64> = items.iter().map(|n| n * n).collect();
        for jobs in [None, NonZeroUsize::new(1), NonZeroUsize::new(7), NonZeroUsize::new(1000)] {
            assert_eq!(in_parallel(&items, jobs, |n| n * n), expected);
        }
        assert!(in_parallel(&[0u8; 0], None, |n| *n).is_empty());
    }
}
