//! Quantiles of Student's t, by its distribution function (regularised incomplete beta) and bisection.

use std::cell::Cell;

/// Quantile of Student's t with `freedom` degrees of freedom at a probability within (0.5, 1); `None` outside.
pub(super) fn quantile(probability: f64, freedom: f64) -> Option<f64> {
    thread_local! {
        /// The last one that was asked for: the rows of a query mostly have as many points.
        static LAST: Cell<(f64, f64, Option<f64>)> = const { Cell::new((f64::NAN, f64::NAN, None)) };
    }
    let (last_probability, last_freedom, last) = LAST.get();
    if (last_probability, last_freedom) == (probability, freedom) {
        return last;
    }
    let found = computed(probability, freedom);
    LAST.set((probability, freedom, found));
    found
}

fn computed(probability: f64, freedom: f64) -> Option<f64> {
    if !(probability > 0.5 && probability < 1.0 && freedom >= 1.0) {
        return None;
    }
    let (mut low, mut high) = (0.0, 2.0);
    while distribution(high, freedom) < probability {
        high *= 2.0;
        if high > 1e12 {
            return None;
        }
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if distribution(middle, freedom) < probability {
            low = middle
        } else {
            high = middle
        }
        if high - low <= 1e-15 * high {
            break;
        }
    }
    Some(0.5 * (low + high))
}

/// Distribution function of Student's t at `t` ≥ 0: `1 − I_x(ν/2, 1/2)/2` with `x = ν/(ν + t²)`.
fn distribution(t: f64, freedom: f64) -> f64 {
    let x = freedom / (freedom + t * t);
    1.0 - 0.5 * incomplete_beta(x, 0.5 * freedom, 0.5)
}

/// Regularised incomplete beta function I_x(a, b), by its continued fraction (Lentz).
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let log_front = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * libm::log(x) + b * libm::log1p(-x);
    let front = libm::exp(log_front);
    if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(x, a, b) / a
    } else {
        1.0 - front * fraction(1.0 - x, b, a) / b
    }
}

fn fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let guarded = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / guarded(1.0 - (a + b) * x / (a + 1.0));
    let mut h = d;
    for step in 1..500 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / guarded(1.0 + even * d);
        c = guarded(1.0 + even / c);
        h *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / guarded(1.0 + odd * d);
        c = guarded(1.0 + odd / c);
        let change = d * c;
        h *= change;
        if (change - 1.0).abs() < 1e-16 {
            break;
        }
    }
    h
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (freedom, expected) in [
            (1.0, 12.706_204_736_174_7),
            (10.0, 2.228_138_851_986_27),
            (78.0, 1.990_847_068_811_69),
            (1e6, 1.959_966_4),
        ] {
            let found = quantile(0.975, freedom).unwrap();
            assert!((found / expected - 1.0).abs() < 1e-7, "{freedom}: {found}");
        }
        assert_eq!(quantile(0.975, 0.0), None);
        assert_eq!(quantile(0.5, 3.0), None);
    }
}
