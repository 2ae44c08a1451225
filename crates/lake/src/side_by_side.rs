//! Work on rows by two threads at once.

use std::panic::resume_unwind;
use std::sync::Mutex;
use std::thread;

use crate::LakeError;
use crate::log::lock;

/// What comes of each item, in the order of the items. The thread that asks does as much of it as it can; another one
/// takes items that are left. Both have the rank of the one that asks.
pub(crate) fn side_by_side<T: Send, R: Send>(
    items: Vec<T>,
    work: impl Fn(T) -> Result<R, LakeError> + Sync,
) -> Result<Vec<R>, LakeError> {
    let is_shared = items.len() > 1;
    let left = Mutex::new(items.into_iter().enumerate());
    let take = || {
        let mut done = Vec::new();
        loop {
            let next = lock(&left).next();
            let Some((at, item)) = next else { return Ok::<_, LakeError>(done) };
            // After a failure nobody takes another one.
            done.push((at, work(item).inspect_err(|_| lock(&left).by_ref().for_each(drop))?));
        }
    };
    let mut done = thread::scope(|scope| {
        // Without another thread this one does everything.
        let named = || thread::Builder::new().name("lake-columns".to_owned());
        let other = is_shared.then(|| named().spawn_scoped(scope, take).ok()).flatten();
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
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        for count in [0, 1, 2, 3, 100] {
            let items: Vec<usize> = (0..count).collect();
            let doubled = side_by_side(items.clone(), |item| Ok(item * 2)).unwrap();
            assert_eq!(doubled, items.iter().map(|item| item * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn one_failure_fails_all_and_hardly_anything_more_is_begun() {
        for failing in [0, 25, 49] {
            let begun = AtomicUsize::new(0);
            let outcome = side_by_side((0..50).collect(), |item| {
                begun.fetch_add(1, Ordering::Relaxed);
                if item == failing {
                    return Err(LakeError::Rows(failing.to_string()));
                }
                thread::sleep(Duration::from_millis(4));
                Ok(item)
            });
            assert!(outcome.is_err(), "{failing}");
            assert!(failing > 0 || begun.into_inner() < 50);
        }
    }
}
