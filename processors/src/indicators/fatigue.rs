//! Fatigue: cycles of a series by rainflow counting (ASTM E1049-85), their damage by Palmgren and Miner.
//!
//! A window cuts the cycles that reach over its edge, and residues of windows cannot be joined: so the damage of a window's
//! samples is biased low, and the life's damage comes from the histogram that the edge counts. Nothing is allocated.

use tacho_config::models::FatigueModel;
use tacho_schemas::reason::Absent;
use tacho_schemas::record::RAINFLOW_BINS;

use super::Indicator;

/// A cycle, or half of one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cycle {
    /// Range from valley to peak, in the unit of the series.
    pub range: f64,
    /// Mean of valley and peak.
    pub mean: f64,
    /// 1 or 0.5.
    pub count: f64,
}

impl Cycle {
    fn between(a: f64, b: f64, count: f64) -> Self {
        Self { range: (b - a).abs(), mean: 0.5 * (a + b), count }
    }
}

/// Counts the cycles of a series of at most `MAX` values: full ones as they close, then the residue as halves. A series of
/// fewer than three values has none.
///
/// Source: ASTM E1049-85 (2017), 5.4.4, rainflow counting by three points.
///
/// # Panics
/// If the series is longer than `MAX`.
pub fn rainflow<const MAX: usize>(series: &[f64], mut each: impl FnMut(Cycle)) {
    let mut points = [0.0; MAX];
    let (mut start, mut end) = (0, 0);
    reversals(series, |point| {
        points[end] = point;
        end += 1;
        while end - start >= 3 {
            let (first, middle, last) = (points[end - 3], points[end - 2], points[end - 1]);
            if (last - middle).abs() < (middle - first).abs() {
                break;
            }
            if end - start == 3 {
                each(Cycle::between(first, middle, 0.5));
                start += 1;
            } else {
                each(Cycle::between(first, middle, 1.0));
                points[end - 3] = last;
                end -= 2;
            }
        }
    });
    for pair in points[start..end].windows(2) {
        each(Cycle::between(pair[0], pair[1], 0.5));
    }
}

/// The first value, each turning point, and the last value; plateaus count once.
fn reversals(series: &[f64], mut each: impl FnMut(f64)) {
    let [first, second, rest @ ..] = series else { return };
    let Some(last) = rest.last() else { return };
    each(*first);
    let (mut at, mut rise) = (*second, second - first);
    for next in rest {
        let step = next - at;
        if step == 0.0 {
            continue;
        }
        if rise * step < 0.0 {
            each(at);
        }
        (at, rise) = (*next, step);
    }
    each(*last);
}

/// Damage of `count` cycles of a range: `n/N(S)`, `N(S) = N_D·(S_D/S)^m`; below S_D by the second exponent, or none.
///
/// Source: Basquin's line with Miner's original (no damage below S_D) or modified rule (a second slope).
pub fn damage_of(model: &FatigueModel, range: f64, count: f64) -> f64 {
    let ratio = range / model.range_nm;
    if ratio <= 0.0 {
        return 0.0;
    }
    if ratio >= 1.0 {
        return count * libm::pow(ratio, model.exponent) / model.cycles;
    }
    model.exponent_below.map_or(0.0, |exponent| count * libm::pow(ratio, exponent) / model.cycles)
}

/// Miner sum of the cumulative cycles per torque range, each bin of T_M/16 at its centre; dimensionless, 1 is the end.
///
/// # Errors
/// [`Absent`] says what is missing.
///
/// Source: Palmgren-Miner over ASTM E1049-85 rainflow counts that the edge keeps.
pub fn fatigue_damage(
    model: Result<&FatigueModel, Absent>,
    momentary_peak_torque_nm: f64,
    cycles: Option<&[f64; RAINFLOW_BINS]>,
) -> Indicator {
    let bins = cycles.ok_or(Absent::CounterMissing)?;
    let model = model?;
    let (mut centre, mut sum) = (0.5, 0.0);
    for count in bins {
        sum += damage_of(model, centre * momentary_peak_torque_nm / 16.0, *count);
        centre += 1.0;
    }
    Ok(sum)
}

/// Miner sum of the torque cycles of a window's samples, at most `MAX`; dimensionless.
///
/// # Errors
/// [`Absent`] says what is missing.
pub fn fatigue_damage_window<const MAX: usize>(
    model: Result<&FatigueModel, Absent>,
    torque_nm: Option<&[f64]>,
) -> Indicator {
    let torques = torque_nm.filter(|torques| (3..=MAX).contains(&torques.len())).ok_or(Absent::InputMissing)?;
    let model = model?;
    let mut sum = 0.0;
    rainflow::<MAX>(torques, |cycle| sum += damage_of(model, cycle.range, cycle.count));
    Ok(sum)
}

#[cfg(test)]
mod tests;
