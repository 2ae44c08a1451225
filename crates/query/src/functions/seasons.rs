//! Periods of series, and what repeats with them.

use super::series_fit::Line;

/// A period must be seen this many times to count.
const CYCLES_MIN: usize = 3;
/// How well a series must repeat itself for a period to be one, unless told otherwise.
pub(super) const THRESHOLD: f64 = 0.6;

/// How well a series repeats itself after a number of steps: the correlation of its start and its end, 1 when they
/// are the same, 0 when they have nothing in common or less.
pub(super) fn score(numbers: &[f64], period: usize) -> f64 {
    if period == 0 || period + 2 > numbers.len() {
        return 0.0;
    }
    let (start, end) = (&numbers[..numbers.len() - period], &numbers[period..]);
    let count = start.len() as f64;
    let mean = |part: &[f64]| part.iter().sum::<f64>() / count;
    let (mean_start, mean_end) = (mean(start), mean(end));
    let (mut both, mut of_start, mut of_end) = (0.0, 0.0, 0.0);
    for (start, end) in start.iter().zip(end) {
        let (start, end) = (start - mean_start, end - mean_end);
        both += start * end;
        of_start += start * start;
        of_end += end * end;
    }
    let spread = (of_start * of_end).sqrt();
    if spread > 0.0 { (both / spread).clamp(0.0, 1.0) } else { 0.0 }
}

/// A series without its line.
pub(super) fn detrended(numbers: &[f64]) -> Vec<f64> {
    let line = Line::fit(numbers);
    numbers.iter().enumerate().map(|(at, number)| number - line.at(at)).collect()
}

/// The best periods from `low` to `high` and their scores, best first. Multiples of a better period are none.
pub(super) fn detect(numbers: &[f64], low: usize, high: usize, most: usize) -> Vec<(usize, f64)> {
    let greatest = |numbers: &[f64]| numbers.iter().map(|number| number.abs()).fold(0.0, f64::max);
    let flat = detrended(numbers);
    // What is left of a line are rounding errors, which may repeat themselves.
    if greatest(&flat) <= greatest(numbers) * 1e-9 {
        return Vec::new();
    }
    let numbers = flat;
    // What only repeats once shows too: without it a part of it would pass for the period.
    let (low, longest) = (low.max(2), numbers.len() / 2);
    let high = high.min(numbers.len() / CYCLES_MIN);
    if low > high || most == 0 {
        return Vec::new();
    }
    let scores: Vec<f64> = (low - 1..=longest + 1).map(|period| score(&numbers, period)).collect();
    let is_peak = |at: &usize| {
        let score = scores[*at];
        score > 0.0 && score >= scores[at - 1] && score >= scores[at + 1]
    };
    let mut peaks: Vec<(usize, f64)> =
        (1..scores.len() - 1).filter(is_peak).map(|at| (low - 1 + at, scores[at])).collect();
    let mut found: Vec<(usize, f64)> = Vec::new();
    while found.len() < most
        && let Some(best) = peaks.iter().map(|(_, score)| *score).max_by(f64::total_cmp)
    {
        // What repeats after some steps repeats after twice as many nearly as well: the shortest is the period.
        let shortest =
            peaks.iter().filter(|(_, score)| *score >= best * 0.9).min_by_key(|(period, _)| *period);
        let Some(chosen) = shortest.copied() else { break };
        if chosen.0 <= high {
            found.push(chosen);
        }
        peaks.retain(|(period, _)| !are_multiples(*period, chosen.0));
    }
    found
}

/// Whether one period is about a multiple of the other.
fn are_multiples(one: usize, other: usize) -> bool {
    let (short, long) = (one.min(other), one.max(other));
    let rest = long % short;
    rest.min(short - rest) <= short / 10
}

/// The period a series has, given or found; `None` when it has none.
pub(super) fn period(numbers: &[f64], given: Option<i64>, threshold: f64) -> Option<usize> {
    match given {
        Some(0) => None,
        Some(period) if period > 0 => usize::try_from(period).ok().filter(|period| *period <= numbers.len()),
        _ => {
            let best = detect(numbers, 2, numbers.len(), 1);
            best.first().filter(|(_, score)| *score >= threshold).map(|(period, _)| *period)
        }
    }
}

/// The median of the numbers at each step of a period, for `count` steps on.
pub(super) fn seasonal(numbers: &[f64], period: usize, count: usize) -> Vec<f64> {
    let medians: Vec<f64> = (0..period)
        .map(|step| {
            let mut values: Vec<f64> = numbers.iter().skip(step).step_by(period).copied().collect();
            values.sort_by(f64::total_cmp);
            percentile(&values, 50.0)
        })
        .collect();
    (0..count).map(|at| medians[at % period]).collect()
}

/// A percentile of sorted numbers, on the line between the two around it.
pub(super) fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let place = percent / 100.0 * sorted.len().saturating_sub(1) as f64;
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    match (sorted.get(low), sorted.get(high)) {
        (Some(below), Some(above)) => below + (above - below) * place.fract(),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_found() {
        let week: Vec<f64> =
            (0..60).map(|day| f64::from([1, 2, 3, 9, 3, 2, 1][day % 7]) + day as f64).collect();
        assert_eq!(period(&week, None, THRESHOLD), Some(7));
        let line: Vec<f64> = (0..60).map(f64::from).collect();
        assert_eq!(period(&line, None, THRESHOLD), None);
        // Twice is not enough.
        assert_eq!(
            period(&[1.0, 3.0, 5.0, 2.0, 4.0, 6.0, 1.0, 3.0, 5.0, 2.0, 4.0, 6.0], None, THRESHOLD),
            None
        );
        assert_eq!(period(&week, Some(5), THRESHOLD), Some(5));
        assert_eq!(period(&week, Some(0), THRESHOLD), None);
        assert_eq!(detect(&[], 0, 10, 3), []);
    }
}
