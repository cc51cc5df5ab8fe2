//! G8: programs that we did not write read the lake and check the transparency log.

use std::process::Command;
use std::time::Duration;

use tacho_integration_tests::client::{simulated, tool};
use tacho_integration_tests::plant::{tacho, text};
use tacho_integration_tests::{Plant, PlantOptions, until};

fn used() -> Plant {
    let plant = Plant::started(PlantOptions::default()).unwrap();
    simulated(&plant.mqtt().unwrap(), &["--robots", "20", "--rate", "0", "--records", "2000", "--epoch", "7"]).unwrap();
    plant
}

#[test]
fn deltalake_duckdb_and_pandas_count_and_sum_as_tacho_sql_does() {
    let Some(python) = tool("TACHO_PYTHON") else { return };
    let mut plant = used();
    plant.stop().unwrap();
    // What a start sets aside after a power cut is nothing to any reader.
    for name in ["99999999999999999998.json.torn", "00000000000000000001.checkpoint.parquet.torn"] {
        std::fs::write(plant.data().join("lake/joints/_delta_log").join(name), "PAR1 {").unwrap();
    }
    let script = "readers/sums.py";
    let output = Command::new(python).arg(script).arg(plant.data().join("lake")).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let figures: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for (figure, readers) in figures.as_object().unwrap() {
        let (table, column) = figure.split_once('.').unwrap();
        let sql = format!("select count(*) as count, cast(sum({column}) as varchar) as sum from {table}");
        let ours = &plant.lake().rows(&sql).unwrap()[0];
        assert!(ours["count"].as_i64().unwrap() >= 2000);
        for (reader, theirs) in readers.as_object().unwrap() {
            assert_eq!(theirs["count"], ours["count"], "{reader} {figure}");
            let number = |value: &serde_json::Value| {
                value.as_str().unwrap().trim_end_matches('0').trim_end_matches('.').to_owned()
            };
            assert_eq!(number(&theirs["sum"]), number(&ours["sum"]), "{reader} {figure}");
        }
    }
}

#[test]
fn gos_sumdb_accepts_the_checkpoint_every_entry_the_growth_and_a_proof() {
    let Some(verifier) = tool("TACHO_TLOG_VERIFIER") else { return };
    let mut plant = used();
    let (data, lake) = (plant.data(), plant.lake());
    until("a first window", Duration::from_secs(60), &true, || {
        lake.try_int("select count(*) from anchors").unwrap_or(0) > 0
    });
    let old = plant.beside("old-checkpoint");
    std::fs::copy(data.join("registry/checkpoint"), &old).unwrap();
    simulated(&plant.mqtt().unwrap(), &["--robots", "20", "--rate", "0", "--records", "200", "--epoch", "8"]).unwrap();
    plant.stop().unwrap();

    let vkey = data.join("keys/log.vkey");
    let run = |args: &[&std::path::Path], verb: &str| {
        let output = Command::new(&verifier).arg(verb).args(args).output().unwrap();
        let told = text(&output);
        (output.status.success(), told)
    };
    let registry = data.join("registry");
    let (accepted, told) = run(&[&vkey, &registry, &old], "log");
    assert!(accepted && told.contains("consistent: ") && told.contains("included: "), "{told}");

    let proof =
        tacho(&["prove", "--robot", "CNKSTRK6001000000000000000001", "--seq", "3", "--data", data.to_str().unwrap()])
            .unwrap();
    assert!(proof.status.success(), "{}", text(&proof));
    let file = plant.beside("row.tlog-proof");
    std::fs::write(&file, &proof.stdout).unwrap();
    let (accepted, told) = run(&[&vkey, &file, &registry], "proof");
    assert!(accepted && told.contains("proved: entry"), "{told}");

    let mut forged = std::fs::read(registry.join("checkpoint")).unwrap();
    let digit = forged.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    forged[digit] ^= 1;
    std::fs::write(registry.join("checkpoint"), forged).unwrap();
    let (accepted, told) = run(&[&vkey, &registry], "log");
    assert!(!accepted, "{told}");
}
