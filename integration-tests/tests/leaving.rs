//! How commands end: exit statuses, errors that are told once, ports before folders, interrupts.

use std::process::Command;
use std::time::Duration;

use tacho_integration_tests::client::simulate;
use tacho_integration_tests::plant::{tacho, text};
use tacho_integration_tests::{Plant, PlantOptions, until_some};

#[test]
fn a_bad_configuration_is_wrong_use_and_a_missing_one_could_not_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.toml");
    std::fs::write(&file, "[log]\ncommit_bytes = \"1 MiB\"\n").unwrap();
    let file = file.to_str().unwrap();
    for command in [&["up", "--config", file][..], &["sql", "select 1", "--config", file]] {
        let output = tacho(command).unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(text(&output).contains("log.commit_bytes = 1 MiB: expected at least 2 MiB"), "{}", text(&output));
    }
    assert_eq!(tacho(&["check", file]).unwrap().status.code(), Some(1));
    let output = tacho(&["up", "--config", "/nowhere/tacho.toml"]).unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
}

#[test]
fn a_used_port_is_found_before_anything_is_made() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for (mqtt, admin) in [(port.as_str(), "127.0.0.1:0"), ("127.0.0.1:0", port.as_str())] {
        let output = tacho(&["up", "--data", data.to_str().unwrap(), "--mqtt", mqtt, "--admin", admin]).unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", text(&output));
        assert!(text(&output).contains(&port), "{}", text(&output));
        assert!(!data.exists());
    }
}

#[test]
fn an_error_says_what_the_system_said_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("log"), "a file where a folder should be").unwrap();
    let data = folder.path().to_str().unwrap();
    let output = tacho(&["up", "--data", data, "--mqtt", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(text(&output).matches("os error").count(), 1, "{}", text(&output));
}

#[test]
fn an_interrupted_simulation_reports_and_ends_well() {
    let mut plant = Plant::started(PlantOptions::default()).unwrap();
    let mut devices = simulate(&plant.mqtt().unwrap(), &["--robots", "5", "--rate", "100"]).unwrap();
    let lake = plant.lake();
    until_some("records", Duration::from_secs(60), || {
        lake.try_int("select count(*) from records").filter(|records| *records > 0)
    });
    assert!(Command::new("kill").args(["-INT", &devices.id().to_string()]).status().unwrap().success());
    until_some("the end of the simulation", Duration::from_secs(20), || devices.try_wait().ok().flatten());
    let output = devices.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["acknowledged"].as_i64().unwrap() > 0, "{report}");
    plant.stop().unwrap();
}
