//! A real battery, cycle by cycle over MQTT: the published capacities, their fade, and the rest of the life with its bounds.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tacho_integration_tests::client::{installed, mosquitto_pub_lines};
use tacho_integration_tests::data::{recorded, topic};
use tacho_integration_tests::{Lake, Plant, PlantOptions, until};

const ROBOT: &str = "USNASAB0005000000000000000001";
const CYCLES: i64 = 168;
/// The cut-off voltage of the test, and so the end of a discharge.
const CUT_OFF_V: f64 = 2.7;

const MODEL: &str = r#"
name = "nasa-b0005"
kind = "amr"
matches = ["NASAB00050"]
source = "NASA Ames battery data set, README: 2 Ah cell, end of life at 1.4 Ah, cut-off 2.7 V"

[reducers.none]
kind = "none"

[[joints]]
default = true
reducer = "none"
source = "none"

[battery]
nominal_capacity_ah = 2
nominal_voltage_v = 3.7
cells_in_series = 1
chemistry = "li_ion"
end_of_life_soh = 0.7
rated_cycles = 500
cut_off_voltage_v = 2.7
source = "NASA Ames battery data set, README"
"#;

/// One record per discharge, down to the first sample below the cut-off, an hour apart and the last one now.
fn records(file: &Path) -> String {
    let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let text = std::fs::read_to_string(file).unwrap();
    let mut cycles: Vec<Vec<[f64; 4]>> = vec![Vec::new(); usize::try_from(CYCLES).unwrap()];
    for line in text.lines().skip(1) {
        let cells: Vec<f64> = line.trim_end().split(',').map(|cell| cell.parse().unwrap()).collect();
        let cycle = &mut cycles[cells[6].to_string().parse::<usize>().unwrap() - 1];
        if cycle.last().is_none_or(|last| last[0] >= CUT_OFF_V) {
            cycle.push([cells[0], cells[1], cells[2], cells[5]]);
        }
    }
    let mut out = String::new();
    let mut drawn_ah = 0.0;
    for (seq, cycle) in (1..).zip(&cycles) {
        let column = |place: usize| {
            let cells: Vec<String> = cycle.iter().map(|sample| format!("{:?}", sample[place])).collect();
            cells.join(",")
        };
        let end = cycle.last().unwrap();
        let charge = |pair: &[[f64; 4]]| (pair[0][1] + pair[1][1]) / 2.0 * (pair[1][3] - pair[0][3]);
        drawn_ah -= cycle.windows(2).map(charge).sum::<f64>() / 3600.0;
        let temps = cycle.iter().map(|sample| sample[2]);
        let (low, high) = (temps.clone().fold(f64::INFINITY, f64::min), temps.fold(f64::NEG_INFINITY, f64::max));
        let window_end = now_ms - (CYCLES - seq) * 3_600_000;
        let window_start = window_end - (end[3] * 1000.0).round().to_string().parse::<i64>().unwrap();
        writeln!(
            out,
            r#"{{"schema_version":1,"robot_id":"{ROBOT}","stream_epoch":1,"seq":{seq},"window_start":{window_start},"window_end":{window_end},"robot_kind":"amr","counters":{{"power_on_h":{seq}}},"batteries":[{{"pack_id":"B0005","voltage_v":{:?},"current_a":{:?},"soc_start":1.0,"soc_end":0.0,"discharged_ah":{drawn_ah:?},"charged_ah":{drawn_ah:?},"bms_cycle_count":{seq},"temp_min_c":{low:?},"temp_max_c":{high:?},"samples":{{"t_s":[{}],"voltage_v":[{}],"current_a":[{}]}}}}]}}"#,
            end[0],
            end[1],
            column(3),
            column(0),
            column(1)
        )
        .unwrap();
    }
    out
}

/// Whether a query's one value is what it should be.
fn near(lake: &Lake, sql: &str, expected: f64, tolerance: f64) {
    let rows = lake.rows(sql).unwrap();
    let value = rows.first().and_then(|row| row.values().next()).unwrap().as_f64().unwrap();
    assert!((value - expected).abs() <= tolerance, "{sql}: {value} is not {expected}");
}

/// The end of life by the first 80 and 100 cycles, over cycles: crossing, slope, and bounds by the delta method and by Fieller.
fn the_end_of_life_has_its_bounds(lake: &Lake) {
    let near = |sql: &str, expected: f64, tolerance: f64| near(lake, sql, expected, tolerance);
    let by = |cycles: i64, figure: &str| {
        format!(
            "select {figure} as figure from (select regr_slope(y, x) as b, cast(regr_count(y, x) as double) as n, \
             regr_avgx(y, x) as ax, regr_avgy(y, x) as ay, regr_sxx(y, x) as sxx, regr_syy(y, x) as syy, \
             regr_sxy(y, x) as sxy from (select cast(seq as double) as x, cast(capacity_ah as double) as y \
             from batteries where seq <= {cycles}))"
        )
    };
    near(&by(80, "b"), -0.003_358_315_566, 1e-8);
    near(&by(80, "trend_crossing(n, ax, ay, sxx, syy, sxy, 1.4)"), 145.024_479_957, 2e-3);
    near(&by(80, "trend_crossing_sd(n, ax, ay, sxx, syy, sxy, 1.4)"), 4.810_778_655, 1e-3);
    near(&by(80, "delta_low(n, ax, ay, sxx, syy, sxy, 1.4)"), 135.446_955_37, 2e-3);
    near(&by(80, "delta_high(n, ax, ay, sxx, syy, sxy, 1.4)"), 154.602_004_54, 2e-3);
    near(&by(80, "fieller_low(n, ax, ay, sxx, syy, sxy, 1.4)"), 136.214_960_77, 2e-3);
    near(&by(80, "fieller_high(n, ax, ay, sxx, syy, sxy, 1.4)"), 155.520_990_99, 2e-3);
    near(&by(80, "fieller_g(n, sxx, syy, sxy)"), 0.008_005_239_890, 1e-6);
    near(&by(100, "b"), -0.003_843_523_148, 1e-8);
    near(&by(100, "ay - b * ax"), 1.901_402_489, 1e-6);
    near(&by(100, "trend_crossing(n, ax, ay, sxx, syy, sxy, 1.4)"), 130.453_875_162, 2e-3);
    near(&by(100, "delta_low(n, ax, ay, sxx, syy, sxy, 1.4)"), 125.451, 2e-3);
    near(&by(100, "delta_high(n, ax, ay, sxx, syy, sxy, 1.4)"), 135.457, 2e-3);
}

#[test]
fn the_nasa_battery_has_its_published_capacities_and_its_end_with_bounds() {
    let Some(file) = recorded("nasa_b0005_discharge.csv") else { return };
    if !installed("mosquitto_pub") {
        return;
    }
    let models = tempfile::tempdir().unwrap();
    std::fs::write(models.path().join("nasa-b0005.toml"), MODEL).unwrap();
    let config = format!("[processing]\nmodels_dir = {:?}", models.path());
    let mut plant = Plant::started(PlantOptions::configured(&config)).unwrap();
    let lines = plant.beside("cycles.ndjson");
    std::fs::write(&lines, records(&file)).unwrap();
    mosquitto_pub_lines(&plant.mqtt().unwrap(), &topic(ROBOT), &lines).unwrap();
    let lake = plant.lake();
    until("all landed", Duration::from_secs(60), &Some(CYCLES), || lake.try_int("select sum(landed) from ledger"));

    let near = |sql: &str, expected: f64, tolerance: f64| near(&lake, sql, expected, tolerance);
    for (cycle, capacity_ah) in [(1, 1.856_487_420_818), (2, 1.846_327_249_720), (168, 1.325_079_328_643)] {
        let sql = format!("select cast(capacity_ah as double) from batteries where seq = {cycle}");
        near(&sql, capacity_ah, 5.1e-7);
        let sql = format!("select cast(soh_capacity as double) from batteries where seq = {cycle}");
        near(&sql, capacity_ah / 2.0, 5.1e-5);
    }
    assert_eq!(
        lake.int("select count(*) from batteries where soh_capacity_method <> 'full_discharge'").unwrap(),
        0,
        "each cycle is a full discharge"
    );
    assert_eq!(lake.int("select min(seq) from batteries where capacity_ah < end_of_life_ah").unwrap(), 125);
    near("select cast(equivalent_full_cycles as double) from batteries where seq = 168", 132.090_056_9, 5.1e-4);

    the_end_of_life_has_its_bounds(&lake);

    // The ready view: all cycles so far, beyond the end by now.
    let rul = lake.rows("select * from battery_rul").unwrap();
    assert_eq!(rul.len(), 1);
    assert_eq!((&rul[0]["trend"], &rul[0]["n"]), (&"falling".into(), &CYCLES.into()), "{rul:?}");
    assert!(rul[0]["rul_cycles"].as_f64().unwrap() < 0.0, "{rul:?}");
    let due = lake.rows("select rule, urgency, component from maintenance_due where robot_id like 'USNASA%'").unwrap();
    assert!(due.iter().any(|row| row["rule"] == "battery-end-of-life" && row["component"] == "B0005"), "{due:?}");

    // The same view where the pack is at its 80th cycle: another robot's.
    let young = format!("{}2", &ROBOT[..ROBOT.len() - 1]);
    let first =
        std::fs::read_to_string(&lines).unwrap().lines().take(80).fold(String::new(), |text, line| text + line + "\n");
    std::fs::write(&lines, first.replace(ROBOT, &young)).unwrap();
    mosquitto_pub_lines(&plant.mqtt().unwrap(), &topic(&young), &lines).unwrap();
    let landed = format!("select landed from ledger where robot_id = '{young}'");
    until("all landed", Duration::from_secs(60), &Some(80), || lake.try_int(&landed));
    for (column, expected, tolerance) in [
        ("ah_per_cycle", -0.003_358_315_566, 1e-8),
        ("r2", 0.863_900_405_5, 1e-6),
        ("end_at_cycle", 145.024_479_957, 2e-3),
        ("end_at_cycle_low", 136.214_960_77, 2e-3),
        ("end_at_cycle_high", 155.520_990_99, 2e-3),
        ("rul_cycles", 65.024_479_957, 2e-3),
    ] {
        near(&format!("select {column} from battery_rul where robot_id = '{young}'"), expected, tolerance);
    }
    plant.stop().unwrap();
}
