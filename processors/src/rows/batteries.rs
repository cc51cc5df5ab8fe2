//! A row of `batteries`.

use tacho_schemas::record::{Battery, Record};
use tacho_schemas::table::TableBuilder;

use super::{Notes, Origin, further};
use crate::indicators::BatteryIndicators;

/// Appends the row of a battery pack of a record.
pub(super) fn append(
    row: &mut TableBuilder,
    origin: &Origin<'_>,
    record: &Record,
    pack: &Battery,
    indicators: &BatteryIndicators,
    notes: &mut Notes,
) {
    origin.place(row, record);
    row.time("window_end", Some(record.window_end_us));
    row.text("pack_id", Some(&pack.pack_id));
    row.int("pack_epoch", Some(pack.pack_epoch));
    state(row, pack);
    counters(row, pack);
    tests_and_samples(row, pack);
    notes.indicator(row, "soh_capacity", indicators.soh_capacity.map(|(soh, _)| soh));
    let method = indicators.soh_capacity.ok().map(|(_, method)| method.as_str());
    row.text("soh_capacity_method", method);
    notes.indicator(row, "equivalent_full_cycles", indicators.equivalent_full_cycles);
    notes.indicator(row, "pack_health_index", indicators.health_index);
    further::battery(row, indicators, origin.formulas, notes);
    origin.end_component(row, record, ("batteries", pack.index), notes);
}

fn state(row: &mut TableBuilder, pack: &Battery) {
    row.decimal("voltage_v", Some(pack.voltage_v));
    row.decimal("current_a", Some(pack.current_a));
    row.decimal("voltage_min_v", pack.voltage_min_v);
    row.decimal("voltage_max_v", pack.voltage_max_v);
    row.decimal("current_rms_a", pack.current_rms_a);
    row.decimal("current_absmax_a", pack.current_absmax_a);
    row.decimal("soc_start", pack.soc_start);
    row.decimal("soc_end", Some(pack.soc_end));
    row.decimal("bms_soh", pack.bms_soh);
    row.decimal("cell_min_v", pack.cell_min_v);
    row.decimal("cell_max_v", pack.cell_max_v);
    row.int("cell_count", pack.cell_count);
    row.decimal("rest_s", pack.rest_s);
    row.decimal("temp_min_c", Some(pack.temp_min_c));
    row.decimal("temp_max_c", Some(pack.temp_max_c));
    row.decimal("full_charge_ah", pack.full_charge_ah);
}

fn counters(row: &mut TableBuilder, pack: &Battery) {
    row.decimal("discharged_ah", Some(pack.discharged_ah));
    row.decimal("charged_ah", pack.charged_ah);
    row.decimal("discharged_wh", pack.discharged_wh);
    row.decimal("charged_wh", pack.charged_wh);
    row.int("bms_cycle_count", pack.bms_cycle_count);
    row.decimals("soc_rainflow_hist_cycles", pack.soc_rainflow_hist_cycles.as_ref().map(|bins| &bins[..]));
    row.decimal("ageing_cycle", pack.ageing_cycle);
    row.decimal("ageing_calendar", pack.ageing_calendar);
    row.decimals("temp_hist_h", pack.temp_hist_h.as_ref().map(|bins| &bins[..]));
    row.decimals("soc_hist_h", pack.soc_hist_h.as_ref().map(|bins| &bins[..]));
    row.decimal("age_d", pack.age_d);
    row.int("cold_charge_count", pack.cold_charge_count);
    row.int("deep_discharge_count", pack.deep_discharge_count);
    row.decimal("overtemp_h", pack.overtemp_h);
}

fn tests_and_samples(row: &mut TableBuilder, pack: &Battery) {
    let samples = pack.samples.as_deref();
    row.decimal("dcir_mohm", pack.dcir_mohm);
    row.decimal("dcir_temp_c", pack.dcir_temp_c);
    row.decimal("dcir_soc", pack.dcir_soc);
    row.decimals("samples_t_s", samples.and_then(|samples| samples.t_s.as_deref()));
    row.decimals("samples_voltage_v", samples.and_then(|samples| samples.voltage_v.as_deref()));
    row.decimals("samples_current_a", samples.and_then(|samples| samples.current_a.as_deref()));
    row.decimals("samples_soc", samples.and_then(|samples| samples.soc.as_deref()));
}
