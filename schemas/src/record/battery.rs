//! A battery pack of a record: its state at the end of the window, and its cumulative counters.

use super::{SOC_BINS, TEMP_BINS};

/// One battery pack. Discharge currents are negative.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Battery {
    /// Position in the array as sent, from 0.
    pub index: u32,
    /// The pack; a swap is a change of it. Unique in the record.
    pub pack_id: Box<str>,
    /// Grows when the pack's counters restart; 0 to 2^32 − 1, default 0.
    pub pack_epoch: i64,
    /// Voltage at the window's end, in V.
    pub voltage_v: f64,
    /// Current at the window's end, in A; discharge is negative.
    pub current_a: f64,
    /// Lowest voltage in the window, in V.
    pub voltage_min_v: Option<f64>,
    /// Highest voltage in the window, in V.
    pub voltage_max_v: Option<f64>,
    /// Root mean square of the current in the window, in A.
    pub current_rms_a: Option<f64>,
    /// Greatest current in the window, in A.
    pub current_absmax_a: Option<f64>,
    /// State of charge at the window's start, 0–1.
    pub soc_start: Option<f64>,
    /// State of charge at the window's end, 0–1.
    pub soc_end: f64,
    /// Charge taken out over the pack's life, in Ah.
    pub discharged_ah: f64,
    /// Charge put in over the pack's life, in Ah.
    pub charged_ah: Option<f64>,
    /// Energy taken out over the pack's life, in Wh.
    pub discharged_wh: Option<f64>,
    /// Energy put in over the pack's life, in Wh.
    pub charged_wh: Option<f64>,
    /// Capacity by the last full measurement, in Ah.
    pub full_charge_ah: Option<f64>,
    /// Cycles as the battery management counts them.
    pub bms_cycle_count: Option<i64>,
    /// State of health as the battery management says, 0–1.2.
    pub bms_soh: Option<f64>,
    /// Lowest cell voltage, in V.
    pub cell_min_v: Option<f64>,
    /// Highest cell voltage, in V.
    pub cell_max_v: Option<f64>,
    /// Cells in series.
    pub cell_count: Option<i64>,
    /// Time at rest before the cell voltages were taken, in s.
    pub rest_s: Option<f64>,
    /// Lowest temperature in the window, in °C.
    pub temp_min_c: f64,
    /// Highest temperature in the window, in °C.
    pub temp_max_c: f64,
    /// Direct-current internal resistance, in mΩ.
    pub dcir_mohm: Option<f64>,
    /// Temperature at that measurement, in °C.
    pub dcir_temp_c: Option<f64>,
    /// State of charge at that measurement, 0–1.
    pub dcir_soc: Option<f64>,
    /// Cycles per tenth of depth of discharge, cumulative.
    pub soc_rainflow_hist_cycles: Option<Box<[f64; SOC_BINS]>>,
    /// Cumulative cycle ageing (Xu et al. 2016), if the edge computes it.
    pub ageing_cycle: Option<f64>,
    /// Cumulative calendar ageing (Xu et al. 2016), if the edge computes it.
    pub ageing_calendar: Option<f64>,
    /// Hours per bin of temperature, cumulative.
    pub temp_hist_h: Option<Box<[f64; TEMP_BINS]>>,
    /// Hours per tenth of state of charge, cumulative.
    pub soc_hist_h: Option<Box<[f64; SOC_BINS]>>,
    /// Age of the pack, in days.
    pub age_d: Option<f64>,
    /// Times charged while too cold, cumulative.
    pub cold_charge_count: Option<i64>,
    /// Times discharged too deep, cumulative.
    pub deep_discharge_count: Option<i64>,
    /// Hours over the temperature limit, cumulative.
    pub overtemp_h: Option<f64>,
    /// Samples of the window.
    pub samples: Option<Box<BatterySamples>>,
}

/// Samples of a pack: arrays of one length, at most 4,096.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BatterySamples {
    /// Time since the window's start, in s.
    pub t_s: Option<Box<[f64]>>,
    /// Pack voltage, in V.
    pub voltage_v: Option<Box<[f64]>>,
    /// Pack current, in A; discharge is negative.
    pub current_a: Option<Box<[f64]>>,
    /// State of charge, 0–1.
    pub soc: Option<Box<[f64]>>,
}
