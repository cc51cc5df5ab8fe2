//! The fields of a battery pack.

use crate::json::kinds::{Count, Epoch, Float};
use crate::json::lists::{Bins, Floats};
use crate::json::object::fields;
use crate::json::texts::Text;
use crate::record::{Battery, BatterySamples, SOC_BINS, TEMP_BINS};

fields! {
    Battery [16] = Battery::default();
    must "pack_id" => pack_id: Text,
    zero "pack_epoch" => pack_epoch: Epoch,
    must "voltage_v" => voltage_v: Float,
    must "current_a" => current_a: Float,
    may "voltage_min_v" => voltage_min_v: Float,
    may "voltage_max_v" => voltage_max_v: Float,
    may "current_rms_a" => current_rms_a: Float,
    may "current_absmax_a" => current_absmax_a: Float,
    may "soc_start" => soc_start: Float,
    must "soc_end" => soc_end: Float,
    must "discharged_ah" => discharged_ah: Float,
    may "charged_ah" => charged_ah: Float,
    may "discharged_wh" => discharged_wh: Float,
    may "charged_wh" => charged_wh: Float,
    may "full_charge_ah" => full_charge_ah: Float,
    may "bms_cycle_count" => bms_cycle_count: Count,
    may "bms_soh" => bms_soh: Float,
    may "cell_min_v" => cell_min_v: Float,
    may "cell_max_v" => cell_max_v: Float,
    may "cell_count" => cell_count: Count,
    may "rest_s" => rest_s: Float,
    must "temp_min_c" => temp_min_c: Float,
    must "temp_max_c" => temp_max_c: Float,
    may "dcir_mohm" => dcir_mohm: Float,
    may "dcir_temp_c" => dcir_temp_c: Float,
    may "dcir_soc" => dcir_soc: Float,
    may "soc_rainflow_hist_cycles" => soc_rainflow_hist_cycles: Bins<SOC_BINS>,
    may "ageing_cycle" => ageing_cycle: Float,
    may "ageing_calendar" => ageing_calendar: Float,
    may "temp_hist_h" => temp_hist_h: Bins<TEMP_BINS>,
    may "soc_hist_h" => soc_hist_h: Bins<SOC_BINS>,
    may "age_d" => age_d: Float,
    may "cold_charge_count" => cold_charge_count: Count,
    may "deep_discharge_count" => deep_discharge_count: Count,
    may "overtemp_h" => overtemp_h: Float,
    part "samples" => samples: BatterySamples,
}

fields! {
    BatterySamples = BatterySamples::default();
    may "t_s" => t_s: Floats<4096>,
    may "voltage_v" => voltage_v: Floats<4096>,
    may "current_a" => current_a: Floats<4096>,
    may "soc" => soc: Floats<4096>,
}
