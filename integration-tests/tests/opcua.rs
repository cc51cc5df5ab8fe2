//! OPC UA: what few servers do, or only one of those that we test against can be brought to; what must hold of all of them
//! is in `opcua_matrix`.

use serde_json::json;
use tacho_integration_tests::arm::{Arm, bridge, url};
use tacho_integration_tests::client::tool;
use tacho_integration_tests::counting::{
    BACK, SEEN, assert_whole, counted, until_counted, until_logged, until_subscribed,
};
use tacho_integration_tests::plant::{tacho, text};
use tacho_integration_tests::port::free_port;
use tacho_integration_tests::proxy::Proxy;
use tacho_integration_tests::{Plant, PlantOptions, until};

/// The Python with `asyncua`.
fn python() -> Option<String> {
    tool("TACHO_PYTHON")
}

fn plant(url: &str, server: &str) -> Plant {
    Plant::started(PlantOptions::configured(&bridge(url, server))).unwrap()
}

const OPEN: &str = "security = \"none\"";

/// An arm with options and a bridge that is subscribed to it, or nothing where there is no Python.
fn rig(options: &[&str]) -> Option<(Arm, Plant)> {
    let arm = Arm::start(&python()?, free_port().unwrap(), options).unwrap();
    let plant = plant(&arm.url(), OPEN);
    until_subscribed(&plant, 1);
    Some((arm, plant))
}

/// An arm, a proxy before it, and a bridge that is subscribed through that, with further lines for the server.
fn rig_behind_proxy(server: &str) -> Option<(Arm, Proxy, Plant)> {
    let (python, port) = (python()?, free_port().unwrap());
    let arm = Arm::start(&python, port, &[]).unwrap();
    let proxy = Proxy::before(port).unwrap();
    let plant = plant(&url(proxy.port()), &format!("{OPEN}\n{server}"));
    until_subscribed(&plant, 1);
    Some((arm, proxy, plant))
}

#[test]
fn failure_14_more_than_a_queue_holds_is_lost_with_a_gap() {
    // A queue of 1 s / 10 ms = 100 values.
    let Some((mut arm, proxy, plant)) = rig_behind_proxy("outage = \"1s\"") else { return };
    arm.counts(1, 20, 50).unwrap();
    arm.answer().unwrap();
    until_counted(&plant, 20, SEEN);
    proxy.cut();
    until_logged(&plant, "the connection is lost");
    arm.counts(21, 400, 2).unwrap();
    arm.answer().unwrap();
    proxy.pass();
    arm.writes("Count", &json!(401)).unwrap();
    until_counted(&plant, 401, BACK);
    let (numbers, rows) = counted(&plant);
    assert_eq!(rows, i64::try_from(numbers.len()).unwrap(), "nothing is there twice");
    let gaps = plant.lake().int("select count(*) from gap_events where kind = 'time'").unwrap();
    assert!(numbers.len() == 401 || gaps > 0, "{} of 401 and no gap told; {}", numbers.len(), plant.logged());
}

/// A server that is started anew gives the number of our subscription to another client, and we ask for it.
fn another_life(options: &[&str], cause: &str) {
    let Some(python) = python() else { return };
    let port = free_port().unwrap();
    let mut arm = Arm::start(&python, port, options).unwrap();
    let proxy = Proxy::before(port).unwrap();
    let plant = plant(&url(proxy.port()), OPEN);
    until_subscribed(&plant, 1);
    arm.counts(1, 50, 20).unwrap();
    arm.answer().unwrap();
    until_counted(&plant, 50, SEEN);
    proxy.cut();
    until_logged(&plant, "the connection is lost");
    arm.kill().unwrap();
    let mut arm = Arm::start(&python, port, options).unwrap();
    let occupied = arm.does(&json!({ "do": "occupy", "node": "Speed" })).unwrap();
    let ours = format!("subscription={}", occupied["subscription"]);
    assert!(plant.logged().contains(&ours), "the number is ours: {ours}; {}", plant.logged());
    proxy.pass();
    until_subscribed(&plant, 2);
    arm.counts(51, 100, 20).unwrap();
    until_counted(&plant, 100, SEEN);
    assert_whole(&plant, 100);
    let gaps = format!("select count(*) from gap_events where kind = 'time' and cause like '%{cause}%'");
    assert_eq!(plant.lake().int(&gaps).unwrap(), 1, "{}", plant.logged());
}

#[test]
fn a_subscription_of_our_number_on_a_server_that_was_started_anew_is_not_taken_for_ours() {
    another_life(&[], "the server was started anew");
}

#[test]
fn a_server_that_was_started_anew_and_does_not_say_so_is_found_out_by_its_silence() {
    another_life(&["--no-start-time"], "the server was silent");
}

#[test]
fn a_signal_whose_unit_is_another_or_cannot_be_read_is_told_and_taken_once_it_is_right() {
    let units = ["--units", "--unit", "Temp=bad", "--unit", "Torque=CEL"];
    let Some((mut arm, plant)) = rig(&units) else { return };
    arm.writes("Temp", &json!(300.5)).unwrap();
    arm.writes("Torque", &json!(7.0)).unwrap();
    arm.counts(1, 50, 20).unwrap();
    arm.answer().unwrap();
    until_counted(&plant, 50, SEEN);
    for (field, status) in [("torque_nm", "BadConfigurationError"), ("temp_motor_c", "BadNotReadable")] {
        let told = format!("select count(*) from records where quality like '%/joints/J1/{field}%{status}%'");
        until(&told, SEEN, &true, || plant.lake().try_int(&told).unwrap_or(0) > 0);
    }
    for told in ["s=Torque", "joints.J1.torque_nm", "the server names the unit degC"] {
        until_logged(&plant, told);
    }
    let taken = "select count(*) from joints where temp_motor_c is not null or torque_absmax_nm is not null";
    assert_eq!(plant.lake().int(taken).unwrap(), 0);
    arm.does(&json!({ "do": "unit", "node": "Temp", "code": "KEL" })).unwrap();
    let right = "select count(*) from joints where temp_motor_c between 27.3 and 27.4";
    until("the temperature in its unit", SEEN, &true, || plant.lake().try_int(right).unwrap_or(0) > 0);
    let wrong = "select count(*) from joints where temp_motor_c > 28 or torque_absmax_nm is not null";
    assert_eq!(plant.lake().int(wrong).unwrap(), 0);
}

#[test]
fn what_the_settings_say_is_checked_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tacho.toml");
    let good = format!("profile = \"development\"\n{}", bridge(&url(4840), OPEN));
    std::fs::write(&file, good.replace("joints.J1.temp_motor_c", "joints.J1.temperature")).unwrap();
    let checked = tacho(&["check", file.to_str().unwrap()]).unwrap();
    assert!(!checked.status.success());
    let told = text(&checked);
    assert!(told.contains("opcua.servers[0].robots[0].signals[3].field = \"joints.J1.temperature\""), "{told}");
    std::fs::write(&file, good).unwrap();
    let checked = tacho(&["check", file.to_str().unwrap()]).unwrap();
    assert!(checked.status.success(), "{}", text(&checked));
}
