//! All indicators of a pack by the formulas 2026.2 and later: what of a pack and its model goes into which law.

use tacho_config::Found;
use tacho_config::models::Resistance;
use tacho_schemas::reason::Absent;
use tacho_schemas::record::Battery;

use crate::indicators::assumed::AssumedOfBattery;
use crate::indicators::battery::full_discharge::full_discharge_ah;
use crate::indicators::battery::{self, ageing, plausible, resistance, usage};
use crate::indicators::{BatteryIndicators, FormulaSet, Indicator, Method, Traced, charge_samples, unrated};

/// Further indicators of a pack: the columns of `batteries` of these names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FurtherBattery {
    /// `capacity_ah`.
    pub capacity_ah: Indicator,
    /// `end_of_life_ah`.
    pub end_of_life_ah: Indicator,
    /// `dcir_25c_mohm`.
    pub dcir_25c_mohm: Traced,
    /// `soh_resistance`.
    pub soh_resistance: Traced,
    /// `c_rate_max`.
    pub c_rate_max: Traced,
    /// `cell_imbalance_mv`.
    pub cell_imbalance_mv: Indicator,
    /// `energy_efficiency`.
    pub energy_efficiency: Indicator,
    /// `xu_loss`.
    pub xu_loss: Traced,
    /// `cycle_damage`.
    pub cycle_damage: Indicator,
    /// Which ratings that went in are assumed; none before the formulas 2026.3, which do not tell.
    pub assumed: AssumedOfBattery,
}

/// Indicators of a pack in a window of `window_s` seconds.
pub(in crate::indicators) fn of_battery(
    pack: &Battery,
    window_s: f64,
    (found, formulas): (Found<'_>, FormulaSet),
) -> BatteryIndicators {
    let judged = formulas >= FormulaSet::Y2026R3;
    let unrated = unrated(found, formulas);
    let model = found.model.battery.as_ref().filter(|_| !(judged && found.model.generic)).ok_or(unrated);
    let nominal_ah = model.map(|model| model.nominal_capacity_ah);
    let samples = charge_samples(pack, window_s);
    let voltage_v = pack.samples.as_deref().and_then(|samples| samples.voltage_v.as_deref());
    let cut_off_v = model.ok().and_then(|model| model.cut_off_voltage_v);
    let limits = (cut_off_v, nominal_ah.unwrap_or_default());
    let full_discharge_ah = full_discharge_ah(limits, voltage_v, samples.as_ref(), formulas);
    let mut capacity = battery::capacity_ah(pack.full_charge_ah, full_discharge_ah, samples, formulas);
    if judged {
        capacity = plausible::capacity(capacity, battery::soh_of(nominal_ah, capacity));
    }
    let soh_capacity = battery::soh_of(nominal_ah, capacity);
    let resistance = model.and_then(|model| model.resistance.as_ref().ok_or(unrated));
    let dcir_25c_mohm = resistance::dcir_25c_mohm(pack, nominal_ah, resistance, formulas);
    let soh_resistance = soh_resistance(resistance, dcir_25c_mohm, judged);
    let energy_efficiency = usage::energy_efficiency(pack, model);
    let end_of_life = model.map(|model| model.end_of_life_soh);
    let cycle_life = model.and_then(|model| model.cycle_life.as_ref().ok_or(unrated));
    let further = FurtherBattery {
        capacity_ah: capacity.map(|(capacity_ah, _)| capacity_ah),
        end_of_life_ah: model.map(|model| model.end_of_life_soh * model.nominal_capacity_ah),
        dcir_25c_mohm,
        soh_resistance,
        c_rate_max: usage::c_rate_max(pack, nominal_ah),
        cell_imbalance_mv: usage::cell_imbalance_mv(pack, model),
        energy_efficiency: if judged { plausible::efficiency(energy_efficiency) } else { energy_efficiency },
        xu_loss: ageing::xu_loss(pack, model.map(|model| model.chemistry), formulas),
        cycle_damage: ageing::cycle_damage(cycle_life, pack.soc_rainflow_hist_cycles.as_deref()),
        assumed: model.ok().filter(|_| judged).map(AssumedOfBattery::of).unwrap_or_default(),
    };
    BatteryIndicators {
        soh_capacity,
        equivalent_full_cycles: battery::equivalent_full_cycles(nominal_ah, pack.discharged_ah, pack.charged_ah),
        health_index: battery::pack_health(soh_capacity.map(|(soh, _)| soh), end_of_life),
        further: Some(further),
    }
}

/// The state of health of a resistance, found as that was; if `judged`, one that can be.
fn soh_resistance(resistance: Result<&Resistance, Absent>, dcir_25c_mohm: Traced, judged: bool) -> Traced {
    let (mohm, method) = match dcir_25c_mohm {
        Ok((mohm, method)) => (Ok(mohm), method),
        Err(reason) => (Err(reason), Method::Sent),
    };
    let soh = resistance::soh_resistance(resistance, mohm);
    if judged { Ok((plausible::soh_resistance(soh)?, method)) } else { Ok((soh?, Method::Sent)) }
}
