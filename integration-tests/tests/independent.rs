//! The indicators of random records, landed by the whole way, are those of formulas written anew in Python with packages that
//! we did not write.

use std::process::Command;
use std::time::Duration;

use tacho_integration_tests::client::{installed, mosquitto_pub_lines};
use tacho_integration_tests::data::{ROBOT, topic};
use tacho_integration_tests::{Plant, PlantOptions, until};

/// Records in `./test`; `TACHO_INDEPENDENT_RECORDS` asks for another number.
const RECORDS: i64 = 400;

#[expect(clippy::disallowed_methods, reason = "a test's tools come from the environment, not from a configuration")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[test]
fn python_computes_the_same_indicators_of_random_records() {
    let Some(python) = environment("TACHO_PYTHON") else {
        eprintln!("skipped: TACHO_PYTHON is not set; ./test sets it");
        return;
    };
    if !installed("mosquitto_pub") {
        return;
    }
    let count = environment("TACHO_INDEPENDENT_RECORDS").map_or(RECORDS, |text| text.parse().unwrap());
    let mut plant = Plant::started(PlantOptions::default()).unwrap();
    let script = "indicators/check.py";
    let file = plant.beside("records.ndjson");
    let made = Command::new(&python).arg(script).arg("make").arg(&file).args([&count.to_string(), "20261121"]).output();
    let made = made.unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    mosquitto_pub_lines(&plant.mqtt().unwrap(), &topic(ROBOT), &file).unwrap();
    let lake = plant.lake();
    let deadline = Duration::from_secs(120 + count.unsigned_abs() / 5);
    until("all landed", deadline, &Some(count), || lake.try_int("select sum(landed) from ledger"));
    plant.stop().unwrap();
    let compared =
        Command::new(&python).arg(script).arg("compare").arg(&file).arg(plant.data().join("lake")).output().unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&compared.stdout), String::from_utf8_lossy(&compared.stderr));
    assert!(compared.status.success(), "{told}");
    println!("{told}");
}
