//! OPC UA: what a controller reports arrives in the lake, with its values, units and times, whole or with its gaps told.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;
use tacho_integration_tests::arm::{Arm, bridge, url};
use tacho_integration_tests::client::tool;
use tacho_integration_tests::plant::{tacho, text};
use tacho_integration_tests::port::free_port;
use tacho_integration_tests::proxy::Proxy;
use tacho_integration_tests::{Plant, PlantOptions, until};

/// Longest time until a record of a window of 1 s can be seen, on a busy machine.
const SEEN: Duration = Duration::from_secs(60);
/// Longest time until a bridge has found back, as it is promised.
const BACK: Duration = Duration::from_secs(30);

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

/// The numbers that the lake has of those that the arm counted, and how many rows they are.
fn counted(plant: &Plant) -> (BTreeSet<u32>, i64) {
    let rows = plant.lake().rows("select text, count(*) as n from events where code = 'COUNT' group by text");
    let rows = rows.unwrap_or_default();
    let number = |row: &tacho_integration_tests::Row| row["text"].as_str().unwrap().parse().unwrap();
    (rows.iter().map(number).collect(), rows.iter().map(|row| row["n"].as_i64().unwrap()).sum())
}

/// Waits until the lake has a number that the arm counted.
fn until_counted(plant: &Plant, number: u32, deadline: Duration) {
    until(&format!("{number} in the lake"), deadline, &true, || counted(plant).0.contains(&number));
}

/// All numbers are there once.
fn assert_whole(plant: &Plant, last: u32) {
    let (numbers, rows) = counted(plant);
    let lost: Vec<_> = (1..=last).filter(|number| !numbers.contains(number)).collect();
    assert!(lost.is_empty(), "lost: {lost:?}; {}", plant.logged());
    assert_eq!(rows, i64::from(last), "nothing is there twice");
    assert_eq!(plant.lake().imbalances().unwrap(), []);
}

/// Waits until the log of the plant has a text.
fn until_logged(plant: &Plant, wanted: &str) {
    until(&format!("{wanted:?} in the log"), SEEN, &true, || plant.logged().contains(wanted));
}

/// Waits until the bridge is subscribed for the n-th time.
fn until_subscribed(plant: &Plant, times: usize) {
    until("subscribed", BACK, &None, || {
        let logged = plant.logged();
        (logged.matches("subscribed ").count() < times).then_some(logged)
    });
}

#[test]
fn joints_of_an_arm_arrive_with_the_right_values_and_units() {
    let Some((mut arm, mut plant)) = rig(&["--units"]) else { return };
    arm.writes("PowerOn", &json!(1204.5)).unwrap();
    arm.writes("Speed", &json!(90.0)).unwrap();
    arm.writes("Torque", &json!(-25.0)).unwrap();
    arm.writes("Temp", &json!(41.5)).unwrap();
    arm.writes("EStop", &json!(true)).unwrap();
    arm.counts(1, 100, 20).unwrap();
    arm.answer().unwrap();
    until_counted(&plant, 100, SEEN);
    let joints = plant.lake().rows(
        "select max(speed_absmax_rad_s) as speed, max(torque_absmax_nm) as torque, max(temp_motor_c) as temp from joints where joint = 'J1'",
    );
    let joint = &joints.unwrap()[0];
    let number = |name: &str| joint[name].to_string().trim_matches('"').parse::<f64>().unwrap();
    assert!((number("speed") - std::f64::consts::FRAC_PI_2).abs() < 0.001, "{joint:?}");
    assert!((number("torque") - 25.0).abs() < 0.01 && (number("temp") - 41.5).abs() < 0.1, "{joint:?}");
    let counters =
        plant.lake().rows("select max(power_on_h) as hours, max(estop_count) as stops from records").unwrap();
    assert_eq!(counters[0]["hours"].to_string().trim_matches('"').parse::<f64>().unwrap(), 1204.5);
    assert_eq!(counters[0]["stops"].as_i64(), Some(1));
    assert_whole(&plant, 100);
    assert_eq!(plant.lake().int("select count(*) from gap_events").unwrap(), 0);
    plant.stop().unwrap();
    plant.audited().unwrap();
}

#[test]
fn a_kill_of_the_bridge_loses_nothing_unnoticed_and_nothing_is_there_twice() {
    let Some((mut arm, mut plant)) = rig(&[]) else { return };
    arm.counts(1, 600, 20).unwrap();
    let mut seen = 0;
    for _ in 0..3 {
        until("more numbers", SEEN, &true, || counted(&plant).0.len() > seen);
        plant.kill().unwrap();
        plant.start().unwrap();
        seen = counted(&plant).0.len() + 10;
    }
    arm.answer().unwrap();
    arm.writes("Count", &json!(601)).unwrap();
    until_counted(&plant, 601, SEEN);
    let (numbers, rows) = counted(&plant);
    assert_eq!(rows, i64::try_from(numbers.len()).unwrap(), "nothing is there twice");
    let lost = (1..=601).filter(|number| !numbers.contains(number)).count();
    let gaps = plant.lake().int("select count(*) from gap_events where kind = 'time'").unwrap();
    assert!(lost == 0 || gaps > 0, "{lost} lost and no gap told; {}", plant.logged());
    assert_eq!(plant.lake().imbalances().unwrap(), []);
    assert_eq!(plant.lake().int("select count(*) from rejected").unwrap(), 0);
}

#[test]
fn failure_13_a_connection_that_is_cut_is_made_again_and_nothing_is_lost() {
    let Some((mut arm, proxy, plant)) = rig_behind_proxy("") else { return };
    arm.counts(1, 500, 20).unwrap();
    until("some numbers", SEEN, &true, || !counted(&plant).0.is_empty());
    proxy.cut();
    until_logged(&plant, "the connection is lost");
    std::thread::sleep(Duration::from_secs(5));
    proxy.pass();
    arm.answer().unwrap();
    until_counted(&plant, 500, BACK);
    assert_whole(&plant, 500);
}

#[test]
fn failure_13_a_cable_that_is_pulled_is_noticed_and_nothing_is_lost() {
    let Some((mut arm, proxy, plant)) = rig_behind_proxy("") else { return };
    arm.counts(1, 1500, 20).unwrap();
    until("some numbers", SEEN, &true, || !counted(&plant).0.is_empty());
    proxy.swallow();
    until_logged(&plant, "is silent");
    proxy.pass();
    arm.answer().unwrap();
    until_counted(&plant, 1500, BACK);
    assert_whole(&plant, 1500);
}

#[test]
fn failure_13_a_server_that_dies_and_comes_back_is_found_again_and_its_absence_is_a_gap() {
    let Some(python) = python() else { return };
    let port = free_port().unwrap();
    let mut arm = Arm::start(&python, port, &[]).unwrap();
    let plant = plant(&arm.url(), OPEN);
    until_subscribed(&plant, 1);
    arm.counts(1, 50, 20).unwrap();
    arm.answer().unwrap();
    until_counted(&plant, 50, SEEN);
    arm.kill().unwrap();
    let mut arm = Arm::start(&python, port, &[]).unwrap();
    let back = Instant::now();
    until_subscribed(&plant, 2);
    assert!(back.elapsed() < BACK);
    arm.counts(51, 100, 20).unwrap();
    until_counted(&plant, 100, SEEN);
    assert_whole(&plant, 100);
    let gaps = "select count(*) from gap_events where kind = 'time' and time_to > time_from";
    assert_eq!(plant.lake().int(gaps).unwrap(), 1);
}

#[test]
fn a_node_that_is_deleted_is_told_and_is_read_again_when_it_is_back() {
    let Some(python) = python() else { return };
    let mut arm = Arm::start(&python, free_port().unwrap(), &[]).unwrap();
    arm.does(&json!({ "do": "delete", "node": "Temp" })).unwrap();
    let plant = plant(&arm.url(), OPEN);
    until_subscribed(&plant, 1);
    arm.counts(1, 50, 20).unwrap();
    until_counted(&plant, 50, SEEN);
    assert_whole(&plant, 50);
    let bad = "select count(*) from records where quality like '%/joints/J1/temp_motor_c%BadNodeIdUnknown%'";
    until("the missing node", SEEN, &true, || plant.lake().try_int(bad).unwrap_or(0) > 0);
    arm.answer().unwrap();
    arm.does(&json!({ "do": "add", "node": "Temp" })).unwrap();
    let temps = "select count(*) from joints where temp_motor_c is not null";
    until("the node that is back", BACK, &true, || plant.lake().try_int(temps).unwrap_or(0) > 0);
}

#[test]
fn failure_15_a_bad_value_keeps_its_status_code() {
    let Some((mut arm, plant)) = rig(&[]) else { return };
    arm.does(&json!({ "do": "bad", "node": "Temp" })).unwrap();
    let bad = "select count(*) from records where quality like '%BadSensorFailure%'";
    until("the bad value", SEEN, &true, || plant.lake().try_int(bad).unwrap_or(0) > 0);
}

#[test]
fn a_server_whose_clock_is_a_year_off_is_recorded_at_its_receipt() {
    let Some((mut arm, plant)) = rig(&["--clock-off=-31536000"]) else { return };
    arm.counts(1, 100, 20).unwrap();
    until_counted(&plant, 100, SEEN);
    assert_whole(&plant, 100);
    let off = "select count(*) from events where time < now() - interval '1 hour'";
    assert_eq!(plant.lake().int(off).unwrap(), 0);
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
