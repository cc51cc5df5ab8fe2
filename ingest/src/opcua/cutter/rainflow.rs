//! Torque cycles of a joint as they close, by rainflow counting (ASTM E1049-85, 5.4.4) of a series that never ends.
//!
//! Torques are rounded to steps of T_M/64, so what is open stays short whatever comes, and noise below a step is none.

use serde::{Deserialize, Serialize};
use tacho_schemas::record::RAINFLOW_BINS;

/// Steps of T_M into which torque is rounded; a bin of the histogram, T_M/16, has four.
const STEPS: f64 = 64.0;
const STEPS_PER_BIN: i32 = 4;
/// Torque is cut at this many T_M.
const TORQUE_MAX: f64 = 4.0;

/// Closed cycles per range, and the turning points of those that are open.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Rainflow {
    /// Closed cycles, per range in bins of T_M/16; the last holds all above.
    pub(super) cycles: [f64; RAINFLOW_BINS],
    open: Vec<i32>,
}

impl Rainflow {
    /// The torque is this, as a ratio to T_M.
    pub(super) fn takes(&mut self, ratio: f64) {
        #[expect(clippy::cast_possible_truncation, reason = "cut at ±4 × 64")]
        let point = (ratio.clamp(-TORQUE_MAX, TORQUE_MAX) * STEPS).round() as i32;
        match self.open.as_slice() {
            [.., last] if *last == point => return,
            // Further in the same direction: the last was no turning point.
            [.., before, last] if (last > before) == (point > *last) => {
                self.open.pop();
            }
            _ => {}
        }
        self.open.push(point);
        // A range that lies within its neighbours is a closed cycle. The newest point may still grow, so it closes
        // only what is smaller than it already.
        while let [.., a, b, c, d] = self.open.as_slice() {
            let (left, inner, right) = ((b - a).abs(), (c - b).abs(), (d - c).abs());
            if inner > left || inner > right {
                break;
            }
            let bin = usize::try_from(inner / STEPS_PER_BIN).unwrap_or(0).min(RAINFLOW_BINS - 1);
            self.cycles[bin] += 1.0;
            let newest = *d;
            self.open.truncate(self.open.len() - 3);
            self.open.push(newest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_cycle_within_a_large_one_closes_and_the_large_one_when_it_comes_back() {
        let mut rainflow = Rainflow::default();
        for ratio in [0.0, 1.0, 0.5, 0.75, 0.0, 1.0, 0.0] {
            rainflow.takes(ratio);
        }
        // 0.5 to 0.75 is 4/16 of T_M; 0 to 1 are 16/16, which the last bin holds.
        assert_eq!(rainflow.cycles[4], 1.0);
        assert_eq!(rainflow.cycles[15], 1.0);
        assert_eq!(rainflow.cycles.iter().sum::<f64>(), 2.0);
    }

    #[test]
    fn what_is_open_stays_short_whatever_comes() {
        let mut rainflow = Rainflow::default();
        let mut seed = 1_u64;
        for _ in 0..100_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let random = f64::from(u32::try_from(seed >> 33).unwrap_or(0)) / f64::from(u32::MAX >> 1);
            rainflow.takes(random * 10.0 - 5.0);
        }
        assert!(rainflow.open.len() < 1100, "{}", rainflow.open.len());
    }
}
