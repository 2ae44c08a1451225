//! The discrete Fourier transform of any length.

use std::f64::consts::PI;

/// Real and imaginary part.
pub(super) type Complex = (f64, f64);

fn multiply(left: Complex, right: Complex) -> Complex {
    (left.0 * right.0 - left.1 * right.1, left.0 * right.1 + left.1 * right.0)
}

fn conjugate(value: Complex) -> Complex {
    (value.0, -value.1)
}

pub(super) fn transform(values: &[Complex]) -> Vec<Complex> {
    if values.len() <= 1 {
        return values.to_vec();
    }
    if values.len().is_power_of_two() {
        let mut values = values.to_vec();
        by_halves(&mut values);
        return values;
    }
    by_convolution(values)
}

pub(super) fn inverse(values: &[Complex]) -> Vec<Complex> {
    let turned: Vec<Complex> = values.iter().copied().map(conjugate).collect();
    let count = values.len() as f64;
    transform(&turned).into_iter().map(|(real, imaginary)| (real / count, 0.0 - imaginary / count)).collect()
}

/// Cooley and Tukey's way, for powers of two.
fn by_halves(values: &mut [Complex]) {
    let count = values.len();
    let bits = count.trailing_zeros();
    for at in 0..count {
        let other = at.reverse_bits() >> (usize::BITS - bits);
        if at < other {
            values.swap(at, other);
        }
    }
    let mut width = 2;
    while width <= count {
        let angle = -2.0 * PI / width as f64;
        let turns: Vec<Complex> = (0..width / 2)
            .map(|step| {
                let (sine, cosine) = (angle * step as f64).sin_cos();
                (cosine, sine)
            })
            .collect();
        for part in values.chunks_exact_mut(width) {
            let (low, high) = part.split_at_mut(width / 2);
            for ((low, high), turn) in low.iter_mut().zip(high).zip(&turns) {
                let turned = multiply(*high, *turn);
                *high = (low.0 - turned.0, low.1 - turned.1);
                *low = (low.0 + turned.0, low.1 + turned.1);
            }
        }
        width *= 2;
    }
}

/// Bluestein's way, for every other length: a convolution, whose length may be a power of two.
fn by_convolution(values: &[Complex]) -> Vec<Complex> {
    let count = values.len();
    let length = (2 * count - 1).next_power_of_two();
    let chirp: Vec<Complex> = (0..count)
        .map(|at| {
            // The square is cut to one turn first: large angles lose their digits.
            let square = (at as u128 * at as u128 % (2 * count) as u128) as f64;
            let (sine, cosine) = (-PI * square / count as f64).sin_cos();
            (cosine, sine)
        })
        .collect();
    let mut left = vec![(0.0, 0.0); length];
    let mut right = vec![(0.0, 0.0); length];
    for at in 0..count {
        left[at] = multiply(values[at], chirp[at]);
        right[at] = conjugate(chirp[at]);
        if at > 0 {
            right[length - at] = conjugate(chirp[at]);
        }
    }
    by_halves(&mut left);
    by_halves(&mut right);
    let product: Vec<Complex> =
        left.into_iter().zip(right).map(|(left, right)| multiply(left, right)).collect();
    let convolved = inverse(&product);
    convolved.into_iter().zip(chirp).map(|(value, chirp)| multiply(value, chirp)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, term by term.
    fn by_definition(values: &[Complex]) -> Vec<Complex> {
        let count = values.len() as f64;
        let term = |at: usize, step: usize, value: Complex| {
            let (sine, cosine) = (-2.0 * PI * (at * step) as f64 / count).sin_cos();
            multiply(value, (cosine, sine))
        };
        let sum = |at: usize| {
            let terms = values.iter().enumerate().map(|(step, value)| term(at, step, *value));
            terms.fold((0.0, 0.0), |sum, term| (sum.0 + term.0, sum.1 + term.1))
        };
        (0..values.len()).map(sum).collect()
    }

    #[test]
    fn transforms_of_all_lengths() {
        for count in [0usize, 1, 2, 3, 7, 8, 12, 31, 64, 100] {
            let values: Vec<Complex> = (0..count).map(|n| ((n * n % 7) as f64, (n % 3) as f64)).collect();
            let near = |left: &[Complex], right: &[Complex]| {
                left.iter().zip(right).all(|(l, r)| (l.0 - r.0).abs() < 1e-9 && (l.1 - r.1).abs() < 1e-9)
            };
            let transformed = transform(&values);
            assert!(near(&transformed, &by_definition(&values)), "{count}");
            assert!(near(&inverse(&transformed), &values), "{count}");
        }
    }
}
