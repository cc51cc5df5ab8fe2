//! Sanity of a battery pack: the range of each field, and what may not contradict itself.

use tacho_config::{Limits, SanityRange};
use tacho_schemas::reason::RejectReason;
use tacho_schemas::record::{Battery, BatterySamples};

use super::place::Place;
use super::sieve::{MAGNITUDE, Sieve, even};

/// Current of a pack, in A: what the column holds.
const PACK_CURRENT: SanityRange = even(-100_000.0, 100_000.0);
/// Cells in series.
const CELL_COUNT: SanityRange = even(1.0, 10_000.0);

/// Judges a pack; whether it may stay. Wrong samples are dropped without their pack.
pub(super) fn check(pack: &mut Battery, limits: &Limits, sieve: &mut Sieve<'_>) -> bool {
    let at = Place::Element("batteries", pack.index);
    if let Some(samples) = &pack.samples {
        let within = Place::Within("batteries", pack.index, "samples");
        if !sieve.part(within, |sieve| check_samples(samples, within, limits, sieve)) {
            pack.samples = None;
        }
    }
    sieve.part(at, |sieve| {
        state(pack, at, limits, sieve);
        cells(pack, at, limits, sieve);
        counters(pack, at, &limits.counter, sieve);
    })
}

fn state(pack: &Battery, at: Place, limits: &Limits, sieve: &mut Sieve<'_>) {
    let voltage = &limits.pack_voltage_v;
    sieve.must(at, "voltage_v", pack.voltage_v, voltage);
    sieve.value(at, "voltage_min_v", pack.voltage_min_v, voltage);
    sieve.value(at, "voltage_max_v", pack.voltage_max_v, voltage);
    sieve.ordered(at, ("voltage_min_v", pack.voltage_min_v), ("voltage_max_v", pack.voltage_max_v));
    sieve.must(at, "current_a", pack.current_a, &PACK_CURRENT);
    sieve.magnitude(at, "current_rms_a", pack.current_rms_a, &PACK_CURRENT);
    sieve.magnitude(at, "current_absmax_a", pack.current_absmax_a, &PACK_CURRENT);
    sieve.share(at, "soc_start", pack.soc_start, &limits.soc);
    sieve.share(at, "soc_end", Some(pack.soc_end), &limits.soc);
    let temperature = if pack.current_a > 0.0 { &limits.pack_temp_charge_c } else { &limits.pack_temp_discharge_c };
    sieve.must(at, "temp_min_c", pack.temp_min_c, temperature);
    sieve.must(at, "temp_max_c", pack.temp_max_c, temperature);
    sieve.ordered(at, ("temp_min_c", Some(pack.temp_min_c)), ("temp_max_c", Some(pack.temp_max_c)));
}

fn cells(pack: &Battery, at: Place, limits: &Limits, sieve: &mut Sieve<'_>) {
    let cell = &limits.cell_voltage_v;
    sieve.value(at, "full_charge_ah", pack.full_charge_ah, &MAGNITUDE);
    sieve.share(at, "bms_soh", pack.bms_soh, &limits.soh);
    sieve.value(at, "cell_min_v", pack.cell_min_v, cell);
    sieve.value(at, "cell_max_v", pack.cell_max_v, cell);
    sieve.ordered(at, ("cell_min_v", pack.cell_min_v), ("cell_max_v", pack.cell_max_v));
    sieve.count(at, "cell_count", pack.cell_count, &CELL_COUNT);
    sieve.value(at, "rest_s", pack.rest_s, &MAGNITUDE);
    sieve.value(at, "dcir_mohm", pack.dcir_mohm, &MAGNITUDE);
    sieve.value(at, "dcir_temp_c", pack.dcir_temp_c, &limits.pack_temp_discharge_c);
    sieve.share(at, "dcir_soc", pack.dcir_soc, &limits.soc);
}

fn counters(pack: &Battery, at: Place, counter: &SanityRange, sieve: &mut Sieve<'_>) {
    sieve.must(at, "discharged_ah", pack.discharged_ah, counter);
    sieve.value(at, "charged_ah", pack.charged_ah, counter);
    sieve.value(at, "discharged_wh", pack.discharged_wh, counter);
    sieve.value(at, "charged_wh", pack.charged_wh, counter);
    sieve.count(at, "bms_cycle_count", pack.bms_cycle_count, counter);
    let cycles = pack.soc_rainflow_hist_cycles.as_ref().map(|bins| &bins[..]);
    sieve.list(at, "soc_rainflow_hist_cycles", cycles, counter);
    sieve.value(at, "ageing_cycle", pack.ageing_cycle, counter);
    sieve.value(at, "ageing_calendar", pack.ageing_calendar, counter);
    sieve.list(at, "temp_hist_h", pack.temp_hist_h.as_ref().map(|bins| &bins[..]), counter);
    sieve.list(at, "soc_hist_h", pack.soc_hist_h.as_ref().map(|bins| &bins[..]), counter);
    sieve.value(at, "age_d", pack.age_d, counter);
    sieve.count(at, "cold_charge_count", pack.cold_charge_count, counter);
    sieve.count(at, "deep_discharge_count", pack.deep_discharge_count, counter);
    sieve.value(at, "overtemp_h", pack.overtemp_h, counter);
}

/// Arrays of one length, and times that rise.
fn check_samples(samples: &BatterySamples, at: Place, limits: &Limits, sieve: &mut Sieve<'_>) {
    let arrays = [
        ("t_s", samples.t_s.as_deref(), &MAGNITUDE),
        ("voltage_v", samples.voltage_v.as_deref(), &limits.pack_voltage_v),
        ("current_a", samples.current_a.as_deref(), &PACK_CURRENT),
        ("soc", samples.soc.as_deref(), &limits.soc),
    ];
    for (field, values, range) in arrays {
        sieve.list(at, field, values, range);
    }
    sieve.equal_lengths(at, arrays.map(|(field, values, _)| (field, values)));
    let t_s = samples.t_s.as_deref().unwrap_or_default();
    if t_s.windows(2).any(|pair| pair[0] >= pair[1]) {
        sieve.wrong(at, "t_s", RejectReason::Consistency, ", times do not rise");
    }
}
