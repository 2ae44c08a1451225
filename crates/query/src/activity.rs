//! How many different users there were, and how many of them came again, bin by bin of time.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;

/// Rows of one combination of dimensions: the time of each and the number of its user.
pub(crate) type Visits = [(i64, u32)];

/// What a calculation gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    Long(i64),
    Real(f64),
    /// In the kind of the time.
    Time(i64),
}

/// The start of a bin and what there is to say of it.
pub(crate) type Line = (i64, Vec<Value>);

/// Where bins begin, how long they are, and where they end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bins {
    pub start: i64,
    pub end: i64,
    pub step: i64,
}

impl Bins {
    pub fn of(&self, time: i64) -> i64 {
        let since = time.saturating_sub(self.start);
        self.start.saturating_add(since.div_euclid(self.step).saturating_mul(self.step))
    }

    pub fn holds(&self, time: i64) -> bool {
        (self.start..=self.end).contains(&time)
    }

    /// All bins, those without rows included.
    fn all(&self) -> impl Iterator<Item = i64> {
        let (end, step) = (self.end, self.step);
        std::iter::successors(Some(self.start), move |bin| bin.checked_add(step))
            .take_while(move |bin| *bin <= end)
    }

    /// How many bins there are.
    pub fn count(&self) -> i64 {
        self.end.saturating_sub(self.start) / self.step + 1
    }

    /// The users of each bin that has any.
    fn users(&self, visits: &Visits) -> BTreeMap<i64, HashSet<u32>> {
        let mut users: BTreeMap<i64, HashSet<u32>> = BTreeMap::new();
        for (time, user) in visits.iter().filter(|(time, _)| self.holds(*time)) {
            users.entry(self.of(*time)).or_default().insert(*user);
        }
        users
    }
}

fn long(count: usize) -> Value {
    Value::Long(i64::try_from(count).unwrap_or(i64::MAX))
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

/// Rows, users, new users and users so far.
pub(crate) fn counts(visits: &Visits, bins: Bins) -> Vec<Line> {
    let mut rows: HashMap<i64, usize> = HashMap::new();
    for (time, _) in visits.iter().filter(|(time, _)| bins.holds(*time)) {
        *rows.entry(bins.of(*time)).or_default() += 1;
    }
    let mut seen = HashSet::new();
    let users = bins.users(visits).into_iter();
    let lines = users.map(|(bin, users)| {
        let before = seen.len();
        seen.extend(users.iter().copied());
        let count = rows.get(&bin).copied().unwrap_or_default();
        (bin, vec![long(count), long(users.len()), long(seen.len() - before), long(seen.len())])
    });
    lines.collect()
}

/// Users, new users, and how many of the bin before came again or did not.
pub(crate) fn metrics(visits: &Visits, bins: Bins) -> Vec<Line> {
    let (mut seen, mut last) = (HashSet::new(), HashSet::new());
    let users = bins.users(visits).into_iter();
    let lines = users.map(|(bin, users)| {
        let before = seen.len();
        seen.extend(users.iter().copied());
        let retention = share(users.intersection(&last).count(), last.len());
        let values = vec![
            long(users.len()),
            long(seen.len() - before),
            Value::Real(retention),
            Value::Real(1.0 - retention),
        ];
        last = users;
        (bin, values)
    });
    lines.collect()
}

/// Of the users that were new in a bin, how many came in each later one.
pub(crate) fn cohorts(visits: &Visits, bins: Bins, only: Option<i64>) -> Vec<Line> {
    let users: Vec<(i64, HashSet<u32>)> = bins.users(visits).into_iter().collect();
    let mut lines = Vec::new();
    let mut seen: HashSet<u32> = HashSet::new();
    for (at, (from, of_bin)) in users.iter().enumerate() {
        let new: HashSet<u32> = of_bin.difference(&seen).copied().collect();
        seen.extend(of_bin.iter().copied());
        if only.is_some_and(|only| bins.of(only) != *from) {
            continue;
        }
        for (to, later) in &users[at..] {
            let retained = later.intersection(&new).count();
            let fresh = if to == from { new.len() } else { later.difference(&seen).count() };
            let retention = share(retained, new.len());
            let values = vec![
                Value::Time(*to),
                long(fresh),
                long(retained),
                long(new.len() - retained),
                Value::Real(retention),
                Value::Real(1.0 - retention),
            ];
            lines.push((*from, values));
        }
    }
    lines
}

/// Users that came in some number of periods of the time up to the end of each bin.
pub(crate) fn active(visits: &Visits, bins: Bins, lookback: i64, period: i64, periods_min: i64) -> Vec<Line> {
    let periods = Bins { step: period, ..bins };
    let lines = bins.all().map(|bin| {
        let mut seen: HashMap<u32, HashSet<i64>> = HashMap::new();
        for (time, user) in within(visits, bin, bins.step, lookback) {
            seen.entry(*user).or_default().insert(periods.of(*time));
        }
        let count = seen.values().filter(|periods| periods.len() as i64 >= periods_min).count();
        (bin, vec![long(count)])
    });
    lines.collect()
}

/// Rows and users of the time up to the end of each bin.
pub(crate) fn sliding(visits: &Visits, bins: Bins, lookback: i64) -> Vec<Line> {
    let lines = bins.all().map(|bin| {
        let rows = within(visits, bin, bins.step, lookback);
        (bin, vec![long(rows.len()), long(distinct(rows.iter().map(|(_, user)| *user)))])
    });
    lines.collect()
}

/// Sessions of each bin: a user's time without a pause longer than `lookback`. One counts in every bin that it has
/// rows in.
pub(crate) fn sessions(visits: &Visits, bins: Bins, lookback: i64) -> Vec<Line> {
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    let mut last: HashMap<u32, i64> = HashMap::new();
    for (time, user) in visits.iter().filter(|(time, _)| bins.holds(*time)) {
        let before = last.insert(*user, *time);
        let goes_on = before.is_some_and(|before| {
            time.saturating_sub(before) <= lookback && bins.of(before) == bins.of(*time)
        });
        if !goes_on {
            *counts.entry(bins.of(*time)).or_default() += 1;
        }
    }
    counts.into_iter().map(|(bin, count)| (bin, vec![long(count)])).collect()
}

/// Users of each bin beside those of a longer time that ends with it.
pub(crate) fn engagement(visits: &Visits, bins: Bins, outer: i64) -> Vec<Line> {
    let lines = bins.users(visits).into_iter().map(|(bin, users)| {
        let around = within(visits, bin, bins.step, outer);
        let around = distinct(around.iter().map(|(_, user)| *user));
        (bin, vec![long(users.len()), long(around), Value::Real(share(users.len(), around))])
    });
    lines.collect()
}

/// The rows, which are in the order of time, of as long as `lookback` up to the end of a bin.
fn within(visits: &Visits, bin: i64, step: i64, lookback: i64) -> &Visits {
    let end = bin.saturating_add(step);
    let from = visits.partition_point(|(time, _)| *time < end.saturating_sub(lookback));
    let to = visits.partition_point(|(time, _)| *time < end);
    &visits[from..to.max(from)]
}

fn distinct<T: Eq + Hash>(values: impl Iterator<Item = T>) -> usize {
    values.collect::<HashSet<T>>().len()
}

/// The least value that a percentage of those of the last `width` bins does not exceed, for each bin with rows.
pub(crate) fn rolling<T: Copy + PartialOrd>(
    rows: &[(i64, T)],
    percentage: f64,
    step: i64,
    width: usize,
) -> Vec<(i64, T)> {
    let mut bins: BTreeMap<i64, Vec<T>> = BTreeMap::new();
    for (time, value) in rows {
        bins.entry(time.div_euclid(step).saturating_mul(step)).or_default().push(*value);
    }
    let mut result = Vec::with_capacity(bins.len());
    for bin in bins.keys() {
        let first = bin.saturating_sub(step.saturating_mul(width as i64 - 1));
        let mut values: Vec<T> = bins.range(first..=*bin).flat_map(|(_, values)| values).copied().collect();
        values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
        let rank = (percentage / 100.0 * values.len() as f64).ceil() as usize;
        if let Some(value) = values.get(rank.max(1) - 1).or(values.last()) {
            result.push((*bin, *value));
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    const BINS: Bins = Bins { start: 0, end: 29, step: 10 };
    /// Users 1, 2 and 3 in the first bin, 2 in the second, 2 and 4 in the third.
    const VISITS: &Visits = &[(0, 1), (1, 2), (5, 3), (12, 2), (13, 2), (25, 4), (26, 2), (40, 9)];

    #[test]
    fn users_are_counted_by_bin() {
        let longs = |numbers: [i64; 4]| numbers.map(Value::Long).to_vec();
        let expected = vec![(0, longs([3, 3, 3, 3])), (10, longs([2, 1, 0, 3])), (20, longs([2, 2, 1, 4]))];
        assert_eq!(counts(VISITS, BINS), expected);
        let retained = metrics(VISITS, BINS);
        assert_eq!(retained[2].1[2], Value::Real(1.0));
        assert!(matches!(retained[0].1[2], Value::Real(share) if share.is_nan()));
    }

    #[test]
    fn cohorts_are_followed() {
        let of_first = cohorts(VISITS, BINS, Some(0));
        let retained: Vec<&Value> = of_first.iter().map(|(_, values)| &values[2]).collect();
        assert_eq!(retained, [&Value::Long(3), &Value::Long(1), &Value::Long(1)]);
        assert_eq!(cohorts(VISITS, BINS, None).len(), 6);
    }

    #[test]
    fn windows_end_with_their_bin() {
        let counts: Vec<Value> = sliding(VISITS, BINS, 20).into_iter().map(|(_, values)| values[1]).collect();
        assert_eq!(counts, [3, 3, 2].map(Value::Long));
        let active: Vec<Value> = active(VISITS, BINS, 30, 10, 3).into_iter().map(|(_, v)| v[0]).collect();
        assert_eq!(active, [0, 0, 1].map(Value::Long));
        assert_eq!(engagement(VISITS, BINS, 20)[2].1[2], Value::Real(1.0));
    }

    #[test]
    fn sessions_end_with_a_pause() {
        let of =
            |lookback| sessions(VISITS, BINS, lookback).into_iter().map(|(_, v)| v[0]).collect::<Vec<_>>();
        assert_eq!(of(20), [3, 1, 2].map(Value::Long));
        let visits = &[(0, 1), (4, 1), (9, 1), (9, 2), (11, 1)];
        let of =
            |lookback| sessions(visits, BINS, lookback).into_iter().map(|(_, v)| v[0]).collect::<Vec<_>>();
        assert_eq!(of(5), [2, 1].map(Value::Long));
        assert_eq!(of(4), [3, 1].map(Value::Long));
    }

    #[test]
    fn percentiles_roll() {
        let rows: Vec<(i64, i64)> = (0..40).map(|at| (at, at + 1)).collect();
        assert_eq!(rolling(&rows, 50.0, 10, 2), [(0, 5), (10, 10), (20, 20), (30, 30)]);
    }
}
