//! Capacity of a pack by a full discharge in the window's samples, and what makes a discharge a full one.

use super::{ChargeSamples, net_charge_ah, spans_window};
use crate::indicators::FormulaSet;

/// State of charge from which a discharge is a full one.
const FULL_SOC: f64 = 0.98;
/// State of charge at which a pack below its cut-off voltage is empty; above it the voltage only sagged.
const EMPTY_SOC: f64 = 0.05;
/// Current above which a pack is charged, as a share of the nominal capacity (1/h).
const CHARGE_MIN_C: f64 = 0.05;

/// Capacity in Ah by a full discharge: `∫|I| dt` from a full charge to the first sample below the cut-off voltage, that one
/// included; `None` if the samples do not show one. Of the formulas 2026.3 on, voltage alone does not do: the pack is empty by its
/// state of charge, or stays below the cut-off for a second sample where that is not known, and was not charged on the way.
///
/// Source: charge counting of the NASA battery data set, whose published capacities it gives.
pub fn full_discharge_ah(
    (cut_off_v, nominal_ah): (Option<f64>, f64),
    voltage_v: Option<&[f64]>,
    samples: Option<&ChargeSamples<'_>>,
    formulas: FormulaSet,
) -> Option<f64> {
    let (cut_off_v, voltage_v, samples) = (cut_off_v?, voltage_v?, samples?);
    let first_soc = samples.soc.and_then(<[f64]>::first).copied().or(samples.window_soc.map(|(start, _)| start))?;
    let end = voltage_v.iter().position(|voltage| *voltage < cut_off_v)? + 1;
    if first_soc < FULL_SOC || samples.t_s.len() < end || samples.current_a.len() < end {
        return None;
    }
    if formulas >= FormulaSet::Y2026R3 {
        let stays_below = voltage_v.get(end).is_some_and(|voltage| *voltage < cut_off_v);
        if !is_empty(samples, end, CHARGE_MIN_C * nominal_ah).unwrap_or(stays_below) {
            return None;
        }
    }
    net_charge_ah(&samples.t_s[..end], &samples.current_a[..end]).filter(|charge_ah| *charge_ah < 0.0).map(f64::abs)
}

/// Whether the pack was only discharged up to sample `end` and is empty there; `None` if no state of charge says the latter.
/// Where samples have none, that of the window's end holds unless the pack was charged in between.
fn is_empty(samples: &ChargeSamples<'_>, end: usize, charging_a: f64) -> Option<bool> {
    let is_charged = |currents: &[f64]| currents.iter().any(|current| *current > charging_a);
    let (before, after) = samples.current_a.split_at(end);
    if is_charged(before) {
        return Some(false);
    }
    let soc = match samples.soc {
        Some(soc) => soc.get(end - 1).copied(),
        None => samples.window_soc.filter(|_| spans_window(samples) && !is_charged(after)).map(|(_, last)| last),
    };
    soc.map(|soc| soc <= EMPTY_SOC)
}

#[cfg(test)]
mod tests {
    use super::super::tests::near;
    use super::*;

    fn discharge<'a>(current_a: &'a [f64], soc: Option<&'a [f64]>, soc_end: f64) -> ChargeSamples<'a> {
        const T_S: [f64; 4] = [0.0, 1800.0, 3600.0, 5400.0];
        let t_s = &T_S[..current_a.len()];
        ChargeSamples { t_s, current_a, soc, window_soc: Some((1.0, soc_end)), window_s: t_s[t_s.len() - 1] }
    }

    fn capacity(
        cut_off_v: Option<f64>,
        volts: &[f64],
        samples: &ChargeSamples<'_>,
        formulas: FormulaSet,
    ) -> Option<f64> {
        full_discharge_ah((cut_off_v, 10.0), Some(volts), Some(samples), formulas)
    }

    fn now(volts: &[f64], samples: &ChargeSamples<'_>) -> Option<f64> {
        capacity(Some(2.7), volts, samples, FormulaSet::Y2026R3)
    }

    #[test]
    fn a_discharge_from_full_to_the_cut_off_is_a_capacity() {
        let samples = discharge(&[-10.0; 3], None, 0.0);
        let volts = [4.1, 3.6, 2.6];
        near(now(&volts, &samples).expect("a full discharge"), 10.0, 1e-12);
        let early = capacity(Some(3.7), &volts, &samples, FormulaSet::Y2026R3);
        near(early.expect("to the second sample"), 5.0, 1e-12);
        assert_eq!(capacity(Some(2.5), &volts, &samples, FormulaSet::Y2026R3), None, "never below");
        let half_full = ChargeSamples { window_soc: Some((0.9, 0.0)), ..samples };
        assert_eq!(now(&volts, &half_full), None);
        assert_eq!(capacity(None, &volts, &samples, FormulaSet::Y2026R3), None);
    }

    #[test]
    fn a_voltage_that_sags_under_load_empties_no_pack() {
        let sagging = [4.1, 2.6, 3.9, 3.9];
        let sampled = discharge(&[-10.0; 4], Some(&[1.0, 0.994, 0.98, 0.97]), 0.97);
        assert_eq!(now(&sagging, &sampled), None);
        assert!(capacity(Some(2.7), &sagging, &sampled, FormulaSet::Y2026R2).is_some(), "the former formulas took it");
        let by_window = discharge(&[-10.0; 4], None, 0.5);
        assert_eq!(now(&sagging, &by_window), None);
        assert_eq!(now(&[4.1, 2.6, 2.6, 2.6], &by_window), None, "half full at the end");
    }

    #[test]
    fn where_no_state_of_charge_tells_a_second_sample_below_does() {
        let apart = ChargeSamples { window_s: 9000.0, ..discharge(&[-10.0; 4], None, 0.0) };
        assert_eq!(now(&[4.1, 3.6, 2.6, 2.9], &apart), None);
        near(now(&[4.1, 3.6, 2.6, 2.5], &apart).expect("it stays below"), 10.0, 1e-12);
    }

    #[test]
    fn a_pack_that_is_charged_on_the_way_has_no_full_discharge() {
        let volts = [4.1, 4.1, 3.6, 2.6];
        assert_eq!(now(&volts, &discharge(&[-10.0, 10.0, -10.0, -10.0], None, 0.0)), None);
        assert!(
            now(&volts, &discharge(&[-10.0, 0.4, -10.0, -10.0], None, 0.0)).is_some(),
            "braking gives back a little"
        );
    }
}
