//! How a pack is used: greatest C-rate, imbalance of its cells, efficiency over its life.

use tacho_config::models::{BatteryModel, Chemistry};
use tacho_schemas::reason::Absent;
use tacho_schemas::record::Battery;

use crate::indicators::{Indicator, Method, Traced};

/// Greatest current of a pack at rest, as a share of the nominal capacity (1/h).
const REST_MAX_C: f64 = 0.05;
/// Shortest rest before cell voltages are compared, s.
const REST_MIN_S: f64 = 600.0;
/// Full charges after which the pack's own charge no longer matters for its efficiency.
const EFFICIENCY_MIN_CYCLES: f64 = 10.0;

/// Greatest C-rate of the window, 1/h: `|I|_max/C_nom`; of the samples, else as sent.
///
/// # Errors
/// [`Absent`] says what is missing.
///
/// Source: definition of the C-rate (IEC 61434).
pub fn c_rate_max(pack: &Battery, nominal_ah: Result<f64, Absent>) -> Traced {
    let samples = pack.samples.as_deref().and_then(|samples| samples.current_a.as_deref());
    let greatest = samples.filter(|samples| !samples.is_empty());
    let of_samples = greatest.map(|all| all.iter().fold(0.0_f64, |most, current| most.max(current.abs())));
    let (current_a, method) = match (of_samples, pack.current_absmax_a) {
        (Some(current_a), _) => (current_a, Method::Samples),
        (None, Some(current_a)) => (current_a, Method::Sent),
        (None, None) => return Err(Absent::InputMissing),
    };
    Ok((current_a / nominal_ah?, method))
}

/// Imbalance of the cells, mV: greatest minus least cell voltage of a pack at rest.
///
/// # Errors
/// [`Absent::NotAtRest`] under load or too soon after; [`Absent::NotApplicable`] for iron-phosphate cells on their plateau
/// (state of charge 10 to 95 %), which hides it.
///
/// Source: cell voltage spread at rest; 50 mV is to be watched, 150 mV is a fault (judgement).
pub fn cell_imbalance_mv(pack: &Battery, model: Result<&BatteryModel, Absent>) -> Indicator {
    let (Some(least_v), Some(greatest_v), Some(rest_s)) = (pack.cell_min_v, pack.cell_max_v, pack.rest_s) else {
        return Err(Absent::InputMissing);
    };
    let model = model?;
    if rest_s < REST_MIN_S || pack.current_a.abs() >= REST_MAX_C * model.nominal_capacity_ah {
        return Err(Absent::NotAtRest);
    }
    if model.chemistry == Chemistry::Lfp && (0.10..=0.95).contains(&pack.soc_end) {
        return Err(Absent::NotApplicable);
    }
    Ok(1e3 * (greatest_v - least_v))
}

/// Energy efficiency over the pack's life, dimensionless: `Wh_out/Wh_in`.
///
/// # Errors
/// [`Absent::BelowMinThroughput`] before ten full charges, while the pack's own charge weighs too much.
///
/// Source: round-trip efficiency, JRC146690 on Regulation (EU) 2023/1542, annex IV.
pub fn energy_efficiency(pack: &Battery, model: Result<&BatteryModel, Absent>) -> Indicator {
    let (Some(out_wh), Some(in_wh)) = (pack.discharged_wh, pack.charged_wh) else {
        return Err(Absent::CounterMissing);
    };
    let model = model?;
    if in_wh < EFFICIENCY_MIN_CYCLES * model.nominal_capacity_ah * model.nominal_voltage_v {
        return Err(Absent::BelowMinThroughput);
    }
    Ok(out_wh / in_wh)
}

#[cfg(test)]
mod tests {
    use tacho_schemas::record::BatterySamples;

    use super::*;

    fn model(chemistry: Chemistry) -> BatteryModel {
        BatteryModel {
            nominal_capacity_ah: 30.0,
            nominal_voltage_v: 48.0,
            cells_in_series: 13,
            chemistry,
            end_of_life_soh: 0.8,
            rated_cycles: 1000.0,
            cut_off_voltage_v: None,
            resistance: None,
            cycle_life: None,
            source: "test".into(),
        }
    }

    fn resting(soc_end: f64) -> Battery {
        Battery {
            cell_min_v: Some(3.9),
            cell_max_v: Some(3.94),
            rest_s: Some(900.0),
            current_a: -0.2,
            soc_end,
            ..Battery::default()
        }
    }

    #[test]
    fn imbalance_counts_at_rest_and_off_the_plateau() {
        let near_40 = cell_imbalance_mv(&resting(0.5), Ok(&model(Chemistry::LiIon))).unwrap();
        assert!((near_40 - 40.0).abs() < 1e-9, "{near_40}");
        assert_eq!(cell_imbalance_mv(&resting(0.5), Ok(&model(Chemistry::Lfp))), Err(Absent::NotApplicable));
        assert!(cell_imbalance_mv(&resting(0.97), Ok(&model(Chemistry::Lfp))).is_ok());
        let loaded = Battery { current_a: -4.21, ..resting(0.5) };
        assert_eq!(cell_imbalance_mv(&loaded, Ok(&model(Chemistry::LiIon))), Err(Absent::NotAtRest));
        let too_soon = Battery { rest_s: Some(0.0), ..resting(0.5) };
        assert_eq!(cell_imbalance_mv(&too_soon, Ok(&model(Chemistry::LiIon))), Err(Absent::NotAtRest));
        assert_eq!(cell_imbalance_mv(&Battery::default(), Ok(&model(Chemistry::LiIon))), Err(Absent::InputMissing));
    }

    #[test]
    fn the_greatest_current_of_the_samples_goes_before_the_one_sent() {
        let samples = BatterySamples { current_a: Some([1.0, -60.0].into()), ..BatterySamples::default() };
        let pack = Battery { samples: Some(Box::new(samples)), current_absmax_a: Some(90.0), ..Battery::default() };
        assert_eq!(c_rate_max(&pack, Ok(30.0)), Ok((2.0, Method::Samples)));
        let sent = Battery { samples: None, ..pack };
        assert_eq!(c_rate_max(&sent, Ok(30.0)), Ok((3.0, Method::Sent)));
        assert_eq!(c_rate_max(&Battery::default(), Ok(30.0)), Err(Absent::InputMissing));
    }

    #[test]
    fn efficiency_is_told_after_ten_full_charges() {
        let after = |in_wh: f64| {
            let pack = Battery { discharged_wh: Some(0.9 * in_wh), charged_wh: Some(in_wh), ..Battery::default() };
            energy_efficiency(&pack, Ok(&model(Chemistry::LiIon)))
        };
        assert_eq!(after(14_399.0), Err(Absent::BelowMinThroughput));
        assert!((after(14_400.0).unwrap() - 0.9).abs() < 1e-12);
    }
}
