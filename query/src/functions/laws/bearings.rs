//! Life of rolling bearings, modified for lubrication and contamination.

use super::Formula;

const SOURCE: &str = "ISO 281:2007, 8.3.3, life modification factor a_ISO by the systems approach";

/// `0.1·[1 − (offset − A/κ^B)^outer · (e_C·C_u/P)^inner]^−last`, at most 50: that also where the bracket is nothing.
struct Modification {
    offset: f64,
    /// A of κ from 0.1 to 0.4, to 1, and to 4.
    a: [f64; 3],
    outer: f64,
    inner: f64,
    last: f64,
}

/// B of the same ranges of κ.
const B: [f64; 3] = [0.054_381, 0.190_87, 0.071_739];

const BALLS: Modification =
    Modification { offset: 2.5671, a: [2.2649, 1.9987, 1.9987], outer: 0.83, inner: 1.0 / 3.0, last: 9.3 };
const ROLLERS: Modification =
    Modification { offset: 1.5859, a: [1.3993, 1.2348, 1.2348], outer: 1.0, inner: 0.4, last: 9.185 };

impl Modification {
    /// Nothing below κ = 0.1, where the standard gives no factor; above 4 as at 4.
    fn factor(&self, viscosity_ratio: f64, contamination: f64) -> Option<f64> {
        if viscosity_ratio < 0.1 || contamination < 0.0 {
            return None;
        }
        let range = if viscosity_ratio < 0.4 {
            0
        } else if viscosity_ratio < 1.0 {
            1
        } else {
            2
        };
        let lubrication = self.offset - self.a[range] / libm::pow(viscosity_ratio.min(4.0), B[range]);
        let bracket = 1.0 - libm::pow(lubrication, self.outer) * libm::pow(contamination, self.inner);
        Some(if bracket > 0.0 { (0.1 * libm::pow(bracket, -self.last)).min(50.0) } else { 50.0 })
    }
}

pub(super) static FORMULAS: [Formula; 2] = [
    Formula {
        name: "iso281_ball_factor",
        arguments: &["viscosity_ratio", "contamination_load"],
        gives: "a_ISO of a radial ball bearing, at most 50, of κ (0.1 to 4) and `e_C·C_u/P`; null below κ = 0.1",
        source: SOURCE,
        compute: |of| BALLS.factor(of[0], of[1]),
    },
    Formula {
        name: "iso281_roller_factor",
        arguments: &["viscosity_ratio", "contamination_load"],
        gives: "a_ISO of a radial roller bearing, at most 50, of κ (0.1 to 4) and `e_C·C_u/P`; null below κ = 0.1",
        source: SOURCE,
        compute: |of| ROLLERS.factor(of[0], of[1]),
    },
];

#[cfg(test)]
mod tests {
    use super::super::tests::near;
    use super::*;

    #[test]
    fn a_ball_bearing_with_its_reference_viscosity_lives_2_4_times_as_long() {
        near("iso281_ball_factor", &[1.0, 0.1], 2.430_517_778_0);
    }

    #[test]
    fn better_oil_and_less_dirt_never_shorten_a_life() {
        for bearing in [BALLS, ROLLERS] {
            let mut before = 0.0;
            for viscosity_ratio in [0.1, 0.2, 0.399, 0.4, 0.7, 0.999, 1.0, 2.0, 4.0, 9.0] {
                let factor = bearing.factor(viscosity_ratio, 0.2).unwrap();
                assert!(factor >= before - 2e-3, "{factor} at {viscosity_ratio} after {before}");
                before = factor;
            }
            assert!(bearing.factor(1.0, 0.3) > bearing.factor(1.0, 0.1));
            assert_eq!(bearing.factor(4.0, 5.0), Some(50.0));
            assert_eq!(bearing.factor(9.0, 0.1), bearing.factor(4.0, 0.1));
            assert_eq!(bearing.factor(1.0, 0.0), Some(0.1));
            assert_eq!((bearing.factor(0.09, 0.1), bearing.factor(1.0, -0.1)), (None, None));
        }
    }
}
