//! Columns of `batteries`: state, counters and health of one battery pack.

use super::column::{Column, int, list, place, provenance, since, text, time, total, value};

pub(super) fn columns() -> Vec<Column> {
    let mut columns = place();
    columns.extend([
        time("window_end", "end of the record's window").required(),
        text("pack_id", "identity of the pack; a swap changes it").required(),
        int("pack_epoch", "grows when the pack's counters restart").required(),
    ]);
    columns.extend(state());
    columns.extend(counters());
    columns.extend(tests_and_samples());
    columns.extend([
        value("soh_capacity", 4, "state of health by capacity: full charge over nominal capacity"),
        text(
            "soh_capacity_method",
            "full_charge_ah: as the battery management system measured it; partial_cycle: estimated",
        ),
        total("equivalent_full_cycles", 3, "charge throughput over twice the nominal capacity"),
        value("pack_health_index", 4, "0 at end of life, 1 as new"),
    ]);
    columns.extend(since(2, further_indicators()));
    columns.extend(provenance());
    columns
}

fn state() -> [Column; 16] {
    [
        value("voltage_v", 3, "at the end of the window"),
        value("current_a", 3, "at the end of the window; discharge is negative"),
        value("voltage_min_v", 3, "least in the window"),
        value("voltage_max_v", 3, "greatest in the window"),
        value("current_rms_a", 3, "root mean square in the window"),
        value("current_absmax_a", 3, "greatest magnitude in the window"),
        value("soc_start", 4, "state of charge at the start, 0 to 1"),
        value("soc_end", 4, "state of charge at the end, 0 to 1"),
        value("bms_soh", 4, "state of health as the pack says it"),
        value("cell_min_v", 4, "least cell voltage"),
        value("cell_max_v", 4, "greatest cell voltage"),
        int("cell_count", "cells in series"),
        total("rest_s", 1, "rest before the cell voltages were taken"),
        value("temp_min_c", 1, "least temperature in the window"),
        value("temp_max_c", 1, "greatest temperature in the window"),
        value("full_charge_ah", 3, "last full-capacity measurement"),
    ]
}

fn counters() -> [Column; 14] {
    [
        total("discharged_ah", 3, "cumulative charge drawn"),
        total("charged_ah", 3, "cumulative charge put in"),
        total("discharged_wh", 1, "cumulative energy drawn"),
        total("charged_wh", 1, "cumulative energy put in"),
        int("bms_cycle_count", "cycles as the pack counts them"),
        list("soc_rainflow_hist_cycles", 1, "cumulative cycles per depth-of-discharge decile (10)"),
        total("ageing_cycle", 9, "cumulative cycle term of Xu's model"),
        total("ageing_calendar", 9, "cumulative calendar term of Xu's model"),
        list("temp_hist_h", 3, "cumulative hours per temperature (8)"),
        list("soc_hist_h", 3, "cumulative hours per state-of-charge decile (10)"),
        total("age_d", 3, "age in days"),
        int("cold_charge_count", "cumulative charges below 0 °C"),
        int("deep_discharge_count", "cumulative deep discharges"),
        total("overtemp_h", 3, "cumulative hours above the temperature limit"),
    ]
}

fn tests_and_samples() -> [Column; 7] {
    [
        value("dcir_mohm", 3, "direct-current internal resistance"),
        value("dcir_temp_c", 1, "temperature of that test"),
        value("dcir_soc", 4, "state of charge of that test"),
        list("samples_t_s", 3, "times of the samples"),
        list("samples_voltage_v", 4, "samples of the voltage"),
        list("samples_current_a", 4, "samples of the current"),
        list("samples_soc", 4, "samples of the state of charge"),
    ]
}

/// Of the formulas 2026.2 on; before them they are null.
fn further_indicators() -> [Column; 10] {
    [
        total("capacity_ah", 6, "capacity that soh_capacity is computed from"),
        total("end_of_life_ah", 6, "capacity at the end of life of the pack's model"),
        value("dcir_25c_mohm", 3, "direct-current internal resistance at 25 °C"),
        value("soh_resistance", 4, "state of health by resistance: 1 as new, 0 at end of life"),
        value("c_rate_max", 4, "greatest current in the window over the nominal capacity, 1/h"),
        value("cell_imbalance_mv", 1, "greatest minus least cell voltage at rest"),
        value("energy_efficiency", 4, "energy drawn over energy put in, over the pack's life"),
        value("xu_loss", 6, "share of the capacity lost by Xu's ageing model"),
        total("cycle_damage", 9, "Miner sum over the cumulative cycles by depth of discharge"),
        text("methods", "JSON object: indicator -> how it was found, where not from counters or statistics as sent"),
    ]
}
