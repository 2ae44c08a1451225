//! How far numbers are from the usual: Tukey's fences.

use super::seasons::percentile;

/// The percentiles between which numbers are usual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fence {
    pub low: f64,
    pub high: f64,
}

impl Fence {
    /// `tukey` has quartiles, `ctukey` the first and the last tenth.
    pub fn named(method: &str) -> Option<Fence> {
        match method {
            "tukey" => Some(Fence { low: 25.0, high: 75.0 }),
            "ctukey" => Some(Fence { low: 10.0, high: 90.0 }),
            _ => None,
        }
    }
}

/// How far each number is outside of the usual range of some, in widths of that range; 0 inside of it.
pub(super) fn scores(numbers: &[f64], usual: &[f64], fence: Fence) -> Vec<f64> {
    let mut sorted: Vec<f64> = usual.iter().copied().filter(|number| number.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (percentile(&sorted, fence.low), percentile(&sorted, fence.high));
    let width = high - low;
    let score = |number: &f64| {
        let outside = if *number > high {
            number - high
        } else if *number < low {
            number - low
        } else {
            return 0.0;
        };
        // Where all usual numbers are the same, any other one is as far as can be said.
        if width > 0.0 { outside / width } else { outside.signum() * f64::from(u16::MAX) }
    };
    numbers.iter().map(score).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_outside_of_the_fence() {
        let numbers: Vec<f64> = (0..=100).map(f64::from).chain([300.0]).collect();
        let scores = scores(&numbers, &numbers[..101], Fence { low: 25.0, high: 75.0 });
        assert_eq!((scores[50], scores[25], scores[101]), (0.0, 0.0, 4.5));
        assert_eq!(scores[0], -0.5);
    }
}
