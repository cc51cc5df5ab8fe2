//! Floats into the fixed-point numbers of the lake's decimals.

use arrow::datatypes::DataType;

/// How a float becomes a fixed-point number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fixed {
    precision: u8,
    scale: u8,
    factor: f64,
    bound: f64,
}

impl Fixed {
    pub(super) fn new(precision: u8, scale: u8) -> Self {
        let (factor, bound) = (10_f64.powi(i32::from(scale)), 10_f64.powi(i32::from(precision)));
        Self { precision, scale, factor, bound }
    }

    /// The type of the column.
    pub(super) fn data_type(self) -> DataType {
        DataType::Decimal128(self.precision, self.scale.cast_signed())
    }

    /// The unscaled value, rounded half away from zero: IEEE multiplication and exact differences, the same everywhere.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "within the bound, at most 10^18, which i64 holds")]
    pub(super) fn unscaled(self, value: f64) -> Option<i128> {
        let scaled = value * self.factor;
        if scaled.is_nan() || scaled.abs() >= self.bound {
            return None;
        }
        let whole = scaled as i64;
        // Exact: from 2^52 on a float has no fraction.
        let fraction = scaled - whole as f64;
        let rounded = whole + i64::from(fraction >= 0.5) - i64::from(fraction <= -0.5);
        (rounded.abs() < self.bound as i64).then_some(i128::from(rounded))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_rounded_to_the_resolution_and_one_too_large_is_refused() {
        let fixed = Fixed::new(9, 2);
        assert_eq!(fixed.unscaled(27.875), Some(2788));
        assert_eq!(fixed.unscaled(-0.005), Some(-1));
        assert_eq!(fixed.unscaled(9_999_999.99), Some(999_999_999));
        assert_eq!(fixed.unscaled(10_000_000.0), None);
        assert_eq!(fixed.unscaled(9_999_999.996), None);
        assert_eq!(fixed.unscaled(0.004_999_999_999_999_999), Some(0));
        assert_eq!(fixed.unscaled(f64::NAN), None);
        assert_eq!(fixed.unscaled(f64::NEG_INFINITY), None);
    }

    #[test]
    fn rounding_is_the_standard_librarys() {
        let fixed = Fixed::new(18, 0);
        let values =
            [0.499_999_999_999_999_94, 0.5, 1.5, 2.5, 4_503_599_627_370_495.5, 9_007_199_254_740_992.0, 9.9e17];
        for value in values.into_iter().flat_map(|value: f64| [value, -value]) {
            #[expect(clippy::cast_possible_truncation, reason = "below 10^18")]
            let rounded = value.round() as i128;
            assert_eq!(fixed.unscaled(value), Some(rounded), "{value}");
        }
    }
}
