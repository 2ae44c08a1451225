//! Polynomials that fit points best, by least squares.

/// The coefficients, from the highest degree to the constant; `None` when the points do not tell them.
pub(super) fn fit(x: &[f64], y: &[f64], degree: usize) -> Option<Vec<f64>> {
    // Moved and scaled to about -1 to 1, so that high powers do not drown low ones.
    let count = x.len() as f64;
    let middle = x.iter().sum::<f64>() / count;
    let width = x.iter().map(|x| (x - middle).abs()).fold(0.0, f64::max);
    let width = if width > 0.0 { width } else { 1.0 };
    let size = degree + 1;
    let mut rows = vec![vec![0.0; size + 1]; size];
    for (x, y) in x.iter().zip(y) {
        let x = (x - middle) / width;
        let powers: Vec<f64> = std::iter::successors(Some(1.0), |power| Some(power * x)).take(size).collect();
        for (row, left) in rows.iter_mut().zip(&powers) {
            for (cell, right) in row.iter_mut().zip(powers.iter().chain([y])) {
                *cell += left * right;
            }
        }
    }
    let scaled = solve(rows)?;
    Some(unscale(&scaled, middle, width))
}

/// Gauss's elimination with the largest pivot. The last column is the right side.
fn solve(mut rows: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let size = rows.len();
    for at in 0..size {
        let pivot = (at..size).max_by(|a, b| rows[*a][at].abs().total_cmp(&rows[*b][at].abs()))?;
        rows.swap(at, pivot);
        if rows[at][at].abs() < 1e-12 {
            return None;
        }
        let top = rows[at].clone();
        for row in rows.iter_mut().skip(at + 1) {
            let factor = row[at] / top[at];
            row.iter_mut().zip(&top).for_each(|(cell, top)| *cell -= factor * top);
        }
    }
    let mut solution = vec![0.0; size];
    for at in (0..size).rev() {
        let known: f64 = (at + 1..size).map(|other| rows[at][other] * solution[other]).sum();
        solution[at] = (rows[at][size] - known) / rows[at][at];
    }
    Some(solution)
}

/// Coefficients of a polynomial in (x - middle) / width, lowest first, as those of one in x, highest first.
fn unscale(scaled: &[f64], middle: f64, width: f64) -> Vec<f64> {
    let mut result = vec![0.0; scaled.len()];
    // Horner's scheme on polynomials, lowest degree first.
    for coefficient in scaled.iter().rev() {
        let mut next = vec![0.0; scaled.len()];
        for (at, value) in result.iter().enumerate() {
            next[at] -= value * middle / width;
            if let Some(higher) = next.get_mut(at + 1) {
                *higher += value / width;
            }
        }
        next[0] += coefficient;
        result = next;
    }
    result.reverse();
    result
}

/// The value of a polynomial, given by its coefficients from the highest degree on.
pub(super) fn at(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |value, coefficient| value * x + coefficient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_on_a_polynomial_give_it_back() {
        for coefficients in [vec![2.0, -1.0], vec![0.5, 0.0, 3.0], vec![1.0, -2.0, 0.25, 7.0]] {
            let x: Vec<f64> = (0..20).map(|n| f64::from(n) * 3.0 - 10.0).collect();
            let y: Vec<f64> = x.iter().map(|x| at(&coefficients, *x)).collect();
            let found = fit(&x, &y, coefficients.len() - 1).unwrap();
            for (found, expected) in found.iter().zip(&coefficients) {
                assert!((found - expected).abs() < 1e-6, "{found} {expected}");
            }
        }
        assert_eq!(fit(&[1.0, 1.0], &[1.0, 2.0], 1), None);
    }
}
