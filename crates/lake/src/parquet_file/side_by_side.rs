//! Work on columns by two threads at once.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::LakeError;

/// What comes of each item, in the order of the items. The thread that asks does as much of it as it can; another one
/// takes items that are left. Both have the rank of the one that asks.
pub(super) fn side_by_side<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R, LakeError> + Sync,
) -> Result<Vec<R>, LakeError> {
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return Ok::<_, LakeError>(done) };
            // After a failure nobody takes another one.
            done.push((at, work(item).inspect_err(|_| next.store(items.len(), Ordering::Relaxed))?));
        }
    };
    let mut done = thread::scope(|scope| {
        // Without another thread this one does everything.
        let other = match items.len() {
            0 | 1 => None,
            _ => thread::Builder::new().name("lake-columns".to_owned()).spawn_scoped(scope, take).ok(),
        };
        let mut done = take()?;
        match other.map(|other| other.join()) {
            Some(Ok(others)) => done.extend(others?),
            Some(Err(panic)) => resume_unwind(panic),
            None => {}
        }
        Ok::<_, LakeError>(done)
    })?;
    done.sort_unstable_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        for count in [0, 1, 2, 3, 100] {
            let items: Vec<usize> = (0..count).collect();
            let doubled = side_by_side(&items, |item| Ok(item * 2)).unwrap();
            assert_eq!(doubled, items.iter().map(|item| item * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn one_failure_fails_all() {
        let items: Vec<usize> = (0..50).collect();
        for failing in [0, 25, 49] {
            let outcome = side_by_side(&items, |item| match *item == failing {
                true => Err(LakeError::Rows(failing.to_string())),
                false => Ok(*item),
            });
            assert!(outcome.is_err(), "{failing}");
        }
    }
}
