//! What follows from a straight line through points: bounds of its slope, and where it crosses a limit, with Fieller's bounds.
//!
//! The arguments are members of [`super::line`]'s answer, or what the regression aggregates (`regr_count`, `regr_avgx`, …)
//! give. The bounds cover the noise about the line and nothing else: if the truth is no line, it may lie outside.

use super::Formula;
use super::student;

const ARGUMENTS: &[&str] = &["n", "avgx", "avgy", "sxx", "syy", "sxy", "y_limit"];
const SLOPE_ARGUMENTS: &[&str] = &["n", "sxx", "syy", "sxy"];
const FIELLER: &str = "E. C. Fieller, J. R. Stat. Soc. B 16 (1954) 175";
const DELTA: &str = "propagation of the variances of level and slope (delta method)";

pub(super) static FORMULAS: [Formula; 10] = [
    Formula {
        name: "trend_crossing",
        arguments: ARGUMENTS,
        gives: "x at which the line reaches `y_limit`: `x̄ + (y_limit − ȳ)/b`; null if the slope is no slope at 95 %",
        source: "ordinary least squares",
        compute: |of| Line::of(of)?.significant()?.crossing(of[6]),
    },
    Formula {
        name: "trend_crossing_sd",
        arguments: ARGUMENTS,
        gives: "standard deviation of that x by the delta method: `s/|b|·√(1/n + (x* − x̄)²/Sxx)`; null as before",
        source: DELTA,
        compute: |of| Line::of(of)?.significant()?.crossing_sd(of[6]),
    },
    Formula {
        name: "delta_low",
        arguments: ARGUMENTS,
        gives: "lower 95 % bound of that x by the delta method, `x* − t·sd`: symmetric, and too narrow where the slope is uncertain",
        source: DELTA,
        compute: |of| Line::of(of)?.delta(of[6]).map(|(low, _)| low),
    },
    Formula {
        name: "delta_high",
        arguments: ARGUMENTS,
        gives: "upper 95 % bound of that x by the delta method, `x* + t·sd`",
        source: DELTA,
        compute: |of| Line::of(of)?.delta(of[6]).map(|(_, high)| high),
    },
    Formula {
        name: "fieller_low",
        arguments: ARGUMENTS,
        gives: "lower 95 % bound of that x; null if the slope is no slope at 95 %",
        source: FIELLER,
        compute: |of| Line::of(of)?.fieller(of[6]).map(|(low, _)| low),
    },
    Formula {
        name: "fieller_high",
        arguments: ARGUMENTS,
        gives: "upper 95 % bound of that x; null if the slope is no slope at 95 %",
        source: FIELLER,
        compute: |of| Line::of(of)?.fieller(of[6]).map(|(_, high)| high),
    },
    Formula {
        name: "fieller_g",
        arguments: SLOPE_ARGUMENTS,
        gives: "`t²·s²/(b²·Sxx)`: at 1 or more the slope is no slope at 95 %",
        source: FIELLER,
        compute: |of| Line::of_sums(of[0], of[1], of[2], of[3])?.g(),
    },
    Formula {
        name: "slope_low",
        arguments: SLOPE_ARGUMENTS,
        gives: "lower 95 % bound of the slope: `b − t·s/√Sxx`",
        source: "ordinary least squares",
        compute: |of| Line::of_sums(of[0], of[1], of[2], of[3])?.slope_bounds().map(|(low, _)| low),
    },
    Formula {
        name: "slope_high",
        arguments: SLOPE_ARGUMENTS,
        gives: "upper 95 % bound of the slope: `b + t·s/√Sxx`",
        source: "ordinary least squares",
        compute: |of| Line::of_sums(of[0], of[1], of[2], of[3])?.slope_bounds().map(|(_, high)| high),
    },
    Formula {
        name: "student_t",
        arguments: &["probability", "degrees_of_freedom"],
        gives: "quantile of Student's t, for a probability above 0.5",
        source: "incomplete beta function",
        compute: |of| student::quantile(of[0], of[1]),
    },
];

/// A fitted line.
#[derive(Debug, Clone, Copy)]
struct Line {
    n: f64,
    mean: [f64; 2],
    sxx: f64,
    slope: f64,
    /// Variance about the line.
    variance: f64,
    /// Quantile of Student's t at 97.5 %.
    t: f64,
}

impl Line {
    fn of(of: &[f64]) -> Option<Self> {
        let line = Self::of_sums(of[0], of[3], of[4], of[5])?;
        Some(Self { mean: [of[1], of[2]], ..line })
    }

    /// Of three points or more that differ in x, and sums that some points have: `Sxy² ≤ Sxx·Syy`.
    fn of_sums(n: f64, sxx: f64, syy: f64, sxy: f64) -> Option<Self> {
        let (unexplained, rounding) = (syy - sxy * sxy / sxx, 1e-9 * syy.abs());
        if n < 3.0 || sxx <= 0.0 || unexplained < -rounding {
            return None;
        }
        let slope = sxy / sxx;
        let variance = (unexplained / (n - 2.0)).max(0.0);
        Some(Self { n, mean: [0.0; 2], sxx, slope, variance, t: student::quantile(0.975, n - 2.0)? })
    }

    fn g(&self) -> Option<f64> {
        (self.slope != 0.0).then(|| self.t * self.t * self.variance / (self.slope * self.slope * self.sxx))
    }

    fn significant(self) -> Option<Self> {
        self.g().filter(|g| *g < 1.0).map(|_| self)
    }

    fn crossing(&self, y_limit: f64) -> Option<f64> {
        (self.slope != 0.0).then(|| self.mean[0] + (y_limit - self.mean[1]) / self.slope)
    }

    fn crossing_sd(&self, y_limit: f64) -> Option<f64> {
        let off = self.crossing(y_limit)? - self.mean[0];
        Some(self.variance.sqrt() / self.slope.abs() * (1.0 / self.n + off * off / self.sxx).sqrt())
    }

    fn delta(&self, y_limit: f64) -> Option<(f64, f64)> {
        let line = self.significant()?;
        let (crossing, half) = (line.crossing(y_limit)?, line.t * line.crossing_sd(y_limit)?);
        Some((crossing - half, crossing + half))
    }

    fn fieller(&self, y_limit: f64) -> Option<(f64, f64)> {
        let g = self.significant()?.g()?;
        let off = self.crossing(y_limit)? - self.mean[0];
        let centre = self.mean[0] + off / (1.0 - g);
        let spread = ((1.0 - g) / self.n + off * off / self.sxx).sqrt();
        let half = self.t * self.variance.sqrt() / (self.slope.abs() * (1.0 - g)) * spread;
        Some((centre - half, centre + half))
    }

    fn slope_bounds(&self) -> Option<(f64, f64)> {
        let half = self.t * (self.variance / self.sxx).sqrt();
        Some((self.slope - half, self.slope + half))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str, arguments: &[f64]) -> Option<f64> {
        FORMULAS.iter().find(|formula| formula.name == name).unwrap().value(arguments)
    }

    /// Sums of points.
    fn sums(points: &[(f64, f64)]) -> [f64; 6] {
        let n = f64::from(u32::try_from(points.len()).unwrap());
        let (x, y) = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        let (x, y) = (x / n, y / n);
        let over = |of: fn(f64, f64) -> f64| points.iter().map(|point| of(point.0 - x, point.1 - y)).sum::<f64>();
        [n, x, y, over(|dx, _| dx * dx), over(|_, dy| dy * dy), over(|dx, dy| dx * dy)]
    }

    fn crossing(points: &[(f64, f64)], y_limit: f64) -> [Option<f64>; 5] {
        let arguments: Vec<f64> = sums(points).into_iter().chain([y_limit]).collect();
        ["trend_crossing", "delta_low", "delta_high", "fieller_low", "fieller_high"].map(|name| value(name, &arguments))
    }

    #[test]
    fn a_line_without_noise_crosses_where_it_crosses() {
        let points: Vec<(f64, f64)> = (0..10).map(|x| (f64::from(x), 2.0 - 0.1 * f64::from(x))).collect();
        for found in crossing(&points, 0.0) {
            assert!((found.unwrap() - 20.0).abs() < 1e-6, "{found:?}");
        }
    }

    /// Sums of the first 80 capacities of the NASA battery B0005 as the reference computed them: slope, level, variance.
    #[test]
    fn the_nasa_batterys_end_of_life_has_the_published_bounds() {
        let (n, slope, level, variance) =
            (80.0, -0.003_358_315_565_900_951_3, 1.887_037_968_475_582_7, 9.717_675_812_811_488e-4);
        let mean = 40.5;
        let sxx = (n * n * n - n) / 12.0;
        let sxy = slope * sxx;
        let syy = variance * (n - 2.0) + slope * sxy;
        let arguments = [n, mean, level + slope * mean, sxx, syy, sxy, 1.4];
        let near = |name: &str, arguments: &[f64], expected: f64| {
            let found = value(name, arguments).unwrap();
            assert!((found / expected - 1.0).abs() < 1e-7, "{name}: {found}");
        };
        near("trend_crossing", &arguments, 145.024_479_956_791_3);
        near("trend_crossing_sd", &arguments, 4.810_778_655_369_927);
        near("delta_low", &arguments, 135.446_955_37);
        near("delta_high", &arguments, 154.602_004_54);
        near("fieller_low", &arguments, 136.214_960_77);
        near("fieller_high", &arguments, 155.520_990_99);
        near("fieller_g", &[n, sxx, syy, sxy], 0.008_005_239_889_767_252);
        assert!(value("slope_high", &[n, sxx, syy, sxy]).unwrap() < 0.0);
    }

    #[test]
    fn noise_without_a_slope_has_no_crossing() {
        let points: Vec<(f64, f64)> = (0..20).map(|x| (f64::from(x), f64::from(x % 2))).collect();
        assert_eq!(crossing(&points, 5.0), [None; 5]);
        assert_eq!(crossing(&[(0.0, 1.0), (1.0, 2.0)], 5.0), [None; 5], "two points are no trend");
        assert_eq!(crossing(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)], 5.0), [None; 5]);
        assert_eq!(crossing(&[(0.0, 1.0), (1.0, 1.0), (2.0, 1.0)], 5.0), [None; 5]);
    }

    #[test]
    fn sums_that_no_points_have_are_no_line() {
        for syy in [f64::NAN, -5.0, 0.2, f64::INFINITY] {
            assert_eq!(value("slope_low", &[10.0, 4.0, syy, 1.0]), None, "{syy}");
            assert_eq!(value("fieller_high", &[10.0, 1.0, 1.0, 4.0, syy, 1.0, 5.0]), None, "{syy}");
        }
        assert_eq!(value("slope_low", &[10.0, 4.0, 0.25, 1.0]), Some(0.25), "no noise");
    }
}
