//! Ageing of batteries under a constant stress.
//!
//! Laws in the root of time or charge hold for one stress only: where it varies they need its history, which a record has
//! not, so they are no columns.

use super::{Formula, kelvin, share};

/// Gas constant as the papers have it, J/(mol·K).
const GAS: f64 = 8.314;
const SCHMALSTIEG: &str = "Schmalstieg et al. 2014, J. Power Sources 257, for NMC cells of 2.15 Ah (Sanyo UR18650E)";

/// Rates of the loss of capacity, α per day^0.75 and β per √Ah, at a voltage in V, its root mean square, a temperature in K and
/// a depth of discharge of 0 to 1.
fn capacity_fade(voltage_v: f64, voltage_rms_v: f64, temp_k: f64, depth: f64) -> [f64; 2] {
    let off = voltage_rms_v - 3.667;
    let calendar = (7.543 * voltage_v - 23.75) * 1e6 * libm::exp(-6976.0 / temp_k);
    [calendar, 7.348e-3 * off * off + 7.6e-4 + 4.081e-3 * depth]
}

/// Rates of the rise of resistance, α per day^0.75 and β per Ah, of the same.
fn resistance_rise(voltage_v: f64, voltage_rms_v: f64, temp_k: f64, depth: f64) -> [f64; 2] {
    let off = voltage_rms_v - 3.725;
    let calendar = (5.270 * voltage_v - 16.32) * 1e5 * libm::exp(-5986.0 / temp_k);
    [calendar, (2.153e-4 * off * off - 1.521e-5 + 2.798e-4 * depth).max(1.5e-5)]
}

pub(super) static FORMULAS: [Formula; 6] = [
    Formula {
        name: "xu_loss",
        arguments: &["ageing"],
        gives: "share of the capacity lost at Xu's ageing f: `1 − α·e^(−β·f) − (1 − α)·e^(−f)`",
        source: "Xu et al. 2016, doi 10.1109/TSG.2016.2578950",
        compute: |of| {
            let loss = 1.0 - 5.75e-2 * libm::exp(-121.0 * of[0]) - (1.0 - 5.75e-2) * libm::exp(-of[0]);
            (of[0] >= 0.0).then_some(loss)
        },
    },
    Formula {
        name: "schmalstieg_capacity",
        arguments: &["voltage_v", "voltage_rms_v", "temp_c", "days", "depth_of_discharge", "throughput_ah"],
        gives: "remaining share of the capacity at constant stress: `1 − α·t^0.75 − β·√Q`, of one cell",
        source: SCHMALSTIEG,
        compute: |of| {
            let [alpha, beta] = capacity_fade(of[0], of[1], kelvin(of[2])?, share(of[4])?);
            share(1.0 - alpha * libm::pow(of[3], 0.75) - beta * of[5].sqrt())
        },
    },
    Formula {
        name: "schmalstieg_resistance",
        arguments: &["voltage_v", "voltage_rms_v", "temp_c", "days", "depth_of_discharge", "throughput_ah"],
        gives: "resistance over that as new, at constant stress: `1 + α·t^0.75 + β·Q`, of one cell",
        source: SCHMALSTIEG,
        compute: |of| {
            let [alpha, beta] = resistance_rise(of[0], of[1], kelvin(of[2])?, share(of[4])?);
            Some(1.0 + alpha * libm::pow(of[3], 0.75) + beta * of[5])
        },
    },
    Formula {
        name: "naumann_calendar_loss",
        arguments: &["state_of_charge", "seconds"],
        gives: "share of the capacity lost at rest at 25 °C: `1.2571e-5·(2.8575·(SoC − 0.5)³ + 0.60225)·√t`",
        source: "Naumann et al. 2018, J. Energy Storage 17, for iron-phosphate cells",
        compute: |of| {
            let off = share(of[0])? - 0.5;
            share(1.2571e-5 * (2.8575 * off * off * off + 0.60225) * of[1].sqrt())
        },
    },
    Formula {
        name: "naumann_cycle_loss",
        arguments: &["c_rate", "depth_of_discharge", "full_cycles"],
        gives: "share of the capacity lost by cycles: `(0.0630·C + 0.0971)·(4.0253·(DoD − 0.6)³ + 1.0923)·√FEC/100`",
        source: "Naumann et al. 2020, J. Power Sources 451, for iron-phosphate cells",
        compute: |of| {
            let off = share(of[1])? - 0.6;
            share((0.0630 * of[0] + 0.0971) * (4.0253 * off * off * off + 1.0923) * of[2].sqrt() / 100.0)
        },
    },
    Formula {
        name: "wang_cycle_loss",
        arguments: &["factor_b", "c_rate", "temp_c", "throughput_ah"],
        gives: "share of the capacity lost by cycles: `B·exp((−31700 + 370.3·C)/(R·T))·Ah^0.55/100`; B is 31,630 at C/2",
        source: "Wang et al. 2011, J. Power Sources 196, for iron-phosphate cells of 2.2 Ah",
        compute: |of| {
            let rate = libm::exp((-31_700.0 + 370.3 * of[1]) / (GAS * kelvin(of[2])?));
            share(of[0] * rate * libm::pow(of[3], 0.55) / 100.0)
        },
    },
];

#[cfg(test)]
mod tests {
    use super::super::tests::near;
    use super::*;

    #[test]
    fn batteries_age_as_their_papers_say() {
        near("xu_loss", &[0.013_055_904], 0.057_878_851_269_218_32);
        let stress = [3.7, 3.7, 35.0, 365.0, 0.8, 430.0];
        near("schmalstieg_capacity", &stress, 0.865_203_596_143_735_3);
        near("schmalstieg_resistance", &stress, 1.186_948_868_642_363_7);
        near("naumann_calendar_loss", &[0.8, 365.0 * 86_400.0], 0.047_962_329_734_375_884);
        near("naumann_cycle_loss", &[0.5, 0.8, 100.0], 0.014_461_100_864);
        let wang = FORMULAS.iter().find(|formula| formula.name == "wang_cycle_loss").unwrap();
        assert!((wang.value(&[31_630.0, 0.5, 25.0, 2000.0]).unwrap() - 0.062_258).abs() < 1e-6);
    }

    #[test]
    fn schmalstiegs_cell_fades_and_rises_at_his_rates() {
        let [alpha_c, beta_c] = capacity_fade(3.7, 3.7, 308.15, 0.8);
        let [alpha_r, beta_r] = resistance_rise(3.7, 3.7, 308.15, 0.8);
        for (found, expected) in
            [(alpha_c, 6.127_728_605_364_29e-4), (beta_c, 0.004_032_801_972), (alpha_r, 0.001_163_744_719_888_389_5)]
        {
            assert!((found / expected - 1.0).abs() < 1e-12, "{found} is not {expected}");
        }
        assert!((beta_r * 430.0 + alpha_r * libm::pow(365.0, 0.75) - 0.186_948_868_642_363_7).abs() < 1e-12);
        let at_rest = resistance_rise(3.7, 3.725, 308.15, 0.0)[1];
        assert_eq!(at_rest, 1.5e-5, "never less");
    }
}
