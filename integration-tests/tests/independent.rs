//! The indicators of random records, landed by the whole way, and the laws of ageing in SQL are those of formulas written anew in
//! Python with packages that we did not write: numpy, rainflow, pylife, BLAST-Lite.

use std::process::Command;
use std::time::Duration;

use tacho_integration_tests::client::{installed, mosquitto_pub_lines, tool};
use tacho_integration_tests::data::{ROBOT, topic};
use tacho_integration_tests::plant::text;
use tacho_integration_tests::{Plant, PlantOptions, until};

/// Records in `./test`; `TACHO_INDEPENDENT_RECORDS` asks for another number.
const RECORDS: i64 = 400;
/// Cells whose ageing is compared.
const CELLS: &str = "500";
const SEED: &str = "20261121";

/// The Python with the packages; says so where there is none.
fn python() -> Option<String> {
    tool("TACHO_PYTHON_INDICATORS")
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "how much a test does comes from the environment, not from a configuration"
)]
fn python_computes_the_same_indicators_of_random_records() {
    let Some(python) = python().filter(|_| installed("mosquitto_pub")) else { return };
    let count = std::env::var("TACHO_INDEPENDENT_RECORDS").map_or(RECORDS, |text| text.parse().unwrap());
    let mut plant = Plant::started(PlantOptions::default()).unwrap();
    let script = "indicators/check.py";
    let file = plant.beside("records.ndjson");
    said(Command::new(&python).args([script, "make"]).arg(&file).args([&count.to_string(), SEED]));
    mosquitto_pub_lines(&plant.mqtt().unwrap(), &topic(ROBOT), &file).unwrap();
    let lake = plant.lake();
    let deadline = Duration::from_secs(120 + count.unsigned_abs() / 5);
    until("all landed", deadline, &Some(count), || lake.try_int("select sum(landed) from ledger"));
    plant.stop().unwrap();
    println!("{}", said(Command::new(&python).args([script, "compare"]).arg(&file).arg(plant.data().join("lake"))));
}

#[test]
fn blast_lite_ages_cells_as_the_functions_of_schmalstieg_do() {
    let Some(python) = python() else { return };
    let mut plant = Plant::started(PlantOptions::default()).unwrap();
    let cells = said(Command::new(&python).args(["indicators/laws.py", CELLS, SEED]));
    let given = "volts, volts_rms, temp_c, days, depth, throughput_ah";
    let sql = format!(
        "select count(*) as cells, min(capacity) as least, \
             max(abs(schmalstieg_capacity({given}) - capacity)) as capacity_off, \
             max(abs(schmalstieg_resistance({given}) - resistance)) as resistance_off \
         from (values {cells}) as cells ({given}, capacity, resistance)"
    );
    let compared = &plant.lake().rows(&sql).unwrap()[0];
    println!("{compared:?}");
    assert_eq!(compared["cells"].to_string(), CELLS);
    for off in ["capacity_off", "resistance_off"] {
        assert!(compared[off].as_f64().unwrap() < 1e-9, "{compared:?}");
    }
    assert!(compared["least"].as_f64().unwrap() < 0.9, "cells that age: {compared:?}");
    plant.stop().unwrap();
}
