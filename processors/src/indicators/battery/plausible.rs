//! What a battery's figures cannot be: a figure outside of it has no value, because one of its inputs is wrong.

use std::ops::RangeInclusive;

use tacho_schemas::reason::Absent;

use super::CapacityMethod;
use crate::indicators::Indicator;

/// Greatest state of health: cells as new have up to a fifth more than their nominal capacity, and less than their nominal resistance.
const SOH_MAX: f64 = 1.2;
/// Greatest ratio of energy out to energy in: the pack's first charge is at most a tenth of what ten full charges put in.
const EFFICIENCY_MAX: f64 = 1.1;

/// A capacity whose state of health, `soh`, can be.
///
/// # Errors
/// The reason why there is none, [`Absent::OutOfRange`] if it cannot be; a nominal capacity that is not known judges nothing.
pub fn capacity(
    capacity: Result<(f64, CapacityMethod), Absent>,
    soh: Result<(f64, CapacityMethod), Absent>,
) -> Result<(f64, CapacityMethod), Absent> {
    match soh {
        Ok((soh, _)) => within(soh, f64::MIN_POSITIVE..=SOH_MAX).and(capacity),
        Err(_) => capacity,
    }
}

/// A state of health by resistance that can be; negative is past the end of life.
///
/// # Errors
/// The reason why there is none, or [`Absent::OutOfRange`].
pub fn soh_resistance(soh: Indicator) -> Indicator {
    within(soh?, f64::MIN..=SOH_MAX)
}

/// An energy efficiency that can be.
///
/// # Errors
/// The reason why there is none, or [`Absent::OutOfRange`].
pub fn efficiency(efficiency: Indicator) -> Indicator {
    within(efficiency?, f64::MIN_POSITIVE..=EFFICIENCY_MAX)
}

fn within(value: f64, range: RangeInclusive<f64>) -> Indicator {
    if range.contains(&value) { Ok(value) } else { Err(Absent::OutOfRange) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_kept_within_what_can_be() {
        let method = CapacityMethod::FullChargeAh;
        let judged = |capacity_ah: f64| capacity(Ok((capacity_ah, method)), Ok((capacity_ah / 20.0, method)));
        for capacity_ah in [0.1, 16.0, 24.0] {
            assert_eq!(judged(capacity_ah), Ok((capacity_ah, method)));
        }
        for capacity_ah in [0.0, 24.1, 15_000.0, 1e15] {
            assert_eq!(judged(capacity_ah), Err(Absent::OutOfRange), "{capacity_ah}");
        }
        assert_eq!(capacity(Ok((15_000.0, method)), Err(Absent::ModelUnknown)), Ok((15_000.0, method)));
        assert_eq!((soh_resistance(Ok(-3.0)), soh_resistance(Ok(2.0))), (Ok(-3.0), Err(Absent::OutOfRange)));
        assert_eq!((efficiency(Ok(0.93)), efficiency(Ok(3.0))), (Ok(0.93), Err(Absent::OutOfRange)));
        assert_eq!(efficiency(Ok(0.0)), Err(Absent::OutOfRange));
        assert_eq!(efficiency(Err(Absent::InputMissing)), Err(Absent::InputMissing));
    }
}
