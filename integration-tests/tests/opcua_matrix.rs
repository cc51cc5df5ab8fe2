//! OPC UA: what a controller reports arrives whole or with its gaps told, whatever happens to it, to the network or to the
//! bridge. Each case against two servers that nobody here wrote.

use std::time::{Duration, Instant};

use serde_json::json;
use tacho_integration_tests::arm::{Arm, Maker, NAMESPACE, bridge, mapped, url};
use tacho_integration_tests::counting::{
    BACK, SEEN, assert_whole, counted, trust, until_counted, until_logged, until_subscribed,
};
use tacho_integration_tests::kafka::Broker;
use tacho_integration_tests::port::free_port;
use tacho_integration_tests::proxy::Proxy;
use tacho_integration_tests::{Plant, PlantOptions, until};

const OPEN: &str = "security = \"none\"";
/// Time between two numbers: several times as long as that between two looks of a server at a node, which come late on a
/// busy machine.
const EVERY_MS: u32 = 100;

macro_rules! against_both {
    ($($(#[$attribute:meta])* $case:ident),* $(,)?) => {
        mod asyncua {
            $($(#[$attribute])* #[test] fn $case() { super::$case(super::Maker::Asyncua) })*
        }
        mod node_opcua {
            $($(#[$attribute])* #[test] fn $case() { super::$case(super::Maker::NodeOpcua) })*
        }
    };
}

against_both!(
    joints_of_an_arm_arrive_with_the_right_values_and_units,
    a_kill_of_the_bridge_loses_nothing_unnoticed_and_nothing_is_there_twice,
    failure_13_a_connection_that_is_cut_is_made_again_and_nothing_is_lost,
    failure_13_a_cable_that_is_pulled_is_noticed_and_nothing_is_lost,
    failure_13_a_server_that_dies_and_comes_back_is_found_again_and_its_absence_is_a_gap,
    #[ignore = "takes twelve minutes"]
    a_cut_of_one_and_of_ten_minutes_is_bridged_by_the_queues_of_the_server,
    a_server_is_trusted_by_a_person_and_again_with_its_new_certificate,
    a_node_that_is_deleted_is_told_and_is_read_again_when_it_is_back,
    failure_15_a_bad_value_keeps_its_status_code,
    a_server_whose_clock_is_a_year_off_is_recorded_at_its_receipt,
    a_log_that_answers_late_holds_back_nothing_but_itself,
);

fn plant(url: &str, server: &str) -> Plant {
    Plant::started(PlantOptions::configured(&bridge(url, server))).unwrap()
}

/// The last number that the lake has.
fn last(plant: &Plant) -> u32 {
    counted(plant).0.last().copied().unwrap_or(0)
}

/// An arm with options and a bridge that is subscribed to it, or nothing where its server is not installed.
fn rig(maker: Maker, options: &[&str]) -> Option<(Arm, Plant)> {
    let arm = Arm::behind(maker, free_port().unwrap(), options).unwrap()?;
    let plant = plant(&arm.url(), OPEN);
    until_subscribed(&plant, 1);
    Some((arm, plant))
}

/// An arm, a proxy before it, and a bridge that is subscribed through that, with further lines for the server.
fn rig_behind_proxy(maker: Maker, server: &str) -> Option<(Arm, Proxy, Plant)> {
    let port = free_port().unwrap();
    let arm = Arm::behind(maker, port, &[]).unwrap()?;
    let proxy = Proxy::before(port).unwrap();
    let plant = plant(&url(proxy.port()), &format!("{OPEN}\n{server}"));
    until_subscribed(&plant, 1);
    Some((arm, proxy, plant))
}

fn joints_of_an_arm_arrive_with_the_right_values_and_units(maker: Maker) {
    let Some((mut arm, mut plant)) = rig(maker, &["--units"]) else { return };
    arm.writes("PowerOn", &json!(1204.5)).unwrap();
    arm.writes("Speed", &json!(90.0)).unwrap();
    arm.writes("Torque", &json!(-25.0)).unwrap();
    arm.writes("Temp", &json!(41.5)).unwrap();
    arm.writes("EStop", &json!(true)).unwrap();
    arm.counts(1, 100, EVERY_MS).unwrap();
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

fn a_kill_of_the_bridge_loses_nothing_unnoticed_and_nothing_is_there_twice(maker: Maker) {
    let Some((mut arm, mut plant)) = rig(maker, &[]) else { return };
    arm.counts(1, 120, EVERY_MS).unwrap();
    let mut seen = 0;
    for _ in 0..3 {
        until("more numbers", SEEN, &true, || counted(&plant).0.len() > seen);
        plant.kill().unwrap();
        plant.start().unwrap();
        seen = counted(&plant).0.len() + 5;
    }
    arm.answer().unwrap();
    arm.writes("Count", &json!(121)).unwrap();
    until_counted(&plant, 121, SEEN);
    let (numbers, rows) = counted(&plant);
    assert_eq!(rows, i64::try_from(numbers.len()).unwrap(), "nothing is there twice");
    let lost = (1..=121).filter(|number| !numbers.contains(number)).count();
    let gaps = plant.lake().int("select count(*) from gap_events where kind = 'time'").unwrap();
    assert!(lost == 0 || gaps > 0, "{lost} lost and no gap told; {}", plant.logged());
    assert_eq!(plant.lake().imbalances().unwrap(), []);
    assert_eq!(plant.lake().int("select count(*) from rejected").unwrap(), 0);
}

fn failure_13_a_connection_that_is_cut_is_made_again_and_nothing_is_lost(maker: Maker) {
    let Some((mut arm, proxy, plant)) = rig_behind_proxy(maker, "") else { return };
    arm.counts(1, 100, EVERY_MS).unwrap();
    until("some numbers", SEEN, &true, || !counted(&plant).0.is_empty());
    proxy.cut();
    until_logged(&plant, "the connection is lost");
    std::thread::sleep(Duration::from_secs(5));
    let before = last(&plant);
    proxy.pass();
    let back = Instant::now();
    until("newer numbers", BACK, &true, || last(&plant) > before);
    println!("{maker:?}: newer numbers {:.1?} after a cut of 5 s", back.elapsed());
    arm.answer().unwrap();
    until_counted(&plant, 100, BACK);
    assert_whole(&plant, 100);
}

fn failure_13_a_cable_that_is_pulled_is_noticed_and_nothing_is_lost(maker: Maker) {
    let Some((mut arm, proxy, plant)) = rig_behind_proxy(maker, "") else { return };
    arm.counts(1, 300, EVERY_MS).unwrap();
    until("some numbers", SEEN, &true, || !counted(&plant).0.is_empty());
    proxy.swallow();
    until_logged(&plant, "is silent");
    proxy.pass();
    arm.answer().unwrap();
    until_counted(&plant, 300, BACK);
    assert_whole(&plant, 300);
}

fn failure_13_a_server_that_dies_and_comes_back_is_found_again_and_its_absence_is_a_gap(maker: Maker) {
    let port = free_port().unwrap();
    let Some(mut arm) = Arm::behind(maker, port, &[]).unwrap() else { return };
    let plant = plant(&arm.url(), OPEN);
    until_subscribed(&plant, 1);
    arm.counts(1, 50, EVERY_MS).unwrap();
    arm.answer().unwrap();
    until_counted(&plant, 50, SEEN);
    arm.kill().unwrap();
    let mut arm = Arm::behind(maker, port, &[]).unwrap().unwrap();
    let back = Instant::now();
    until_subscribed(&plant, 2);
    println!("{maker:?}: subscribed {:.1?} after the server's start", back.elapsed());
    arm.counts(51, 100, EVERY_MS).unwrap();
    until_counted(&plant, 100, SEEN);
    assert_whole(&plant, 100);
    let gaps = "select count(*) from gap_events where kind = 'time' and time_to > time_from";
    assert_eq!(plant.lake().int(gaps).unwrap(), 1);
}

fn a_cut_of_one_and_of_ten_minutes_is_bridged_by_the_queues_of_the_server(maker: Maker) {
    let Some((mut arm, proxy, plant)) = rig_behind_proxy(maker, "outage = \"15min\"") else { return };
    // Beyond both cuts.
    let numbers = 7_200;
    arm.counts(1, numbers, EVERY_MS).unwrap();
    until("some numbers", SEEN, &true, || !counted(&plant).0.is_empty());
    for seconds in [60, 600] {
        proxy.cut();
        until_logged(&plant, "the connection is lost");
        std::thread::sleep(Duration::from_secs(seconds));
        let before = last(&plant);
        proxy.pass();
        let back = Instant::now();
        until("newer numbers", BACK, &true, || last(&plant) > before);
        println!("{maker:?}: newer numbers {:.1?} after a cut of {seconds} s", back.elapsed());
    }
    until_counted(&plant, numbers, Duration::from_secs(600));
    assert_whole(&plant, numbers);
    assert_eq!(plant.lake().int("select count(*) from gap_events").unwrap(), 0);
}

fn a_server_is_trusted_by_a_person_and_again_with_its_new_certificate(maker: Maker) {
    let (port, options) = (free_port().unwrap(), ["--security", "--user", "tacho:secret"]);
    let Some(mut arm) = Arm::behind(maker, port, &options).unwrap() else { return };
    let user = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(user.path(), "tacho:wrong\n").unwrap();
    let plant = plant(&arm.url(), &format!("user_file = \"{}\"", user.path().display()));
    trust(&plant);
    until_logged(&plant, "refuses the user or the password");
    std::fs::write(user.path(), "tacho:secret\n").unwrap();
    until_subscribed(&plant, 1);
    arm.counts(1, 50, EVERY_MS).unwrap();
    until_counted(&plant, 50, SEEN);
    assert_whole(&plant, 50);
    // It comes back with another certificate.
    arm.kill().unwrap();
    let mut arm = Arm::behind(maker, port, &options).unwrap().unwrap();
    let back = Instant::now();
    until("the new certificate is not trusted", BACK, &None, || {
        let logged = plant.logged();
        (logged.matches("is not trusted").count() < 2).then_some(logged)
    });
    println!("{maker:?}: a new certificate is told {:.1?} after the server's start", back.elapsed());
    trust(&plant);
    until_subscribed(&plant, 2);
    arm.counts(51, 100, EVERY_MS).unwrap();
    until_counted(&plant, 100, SEEN);
    assert_whole(&plant, 100);
    assert!(!plant.logged().contains("secret"));
}

fn a_node_that_is_deleted_is_told_and_is_read_again_when_it_is_back(maker: Maker) {
    let Some(mut arm) = Arm::behind(maker, free_port().unwrap(), &[]).unwrap() else { return };
    arm.does(&json!({ "do": "delete", "node": "Temp" })).unwrap();
    let plant = plant(&arm.url(), OPEN);
    until_subscribed(&plant, 1);
    arm.counts(1, 50, EVERY_MS).unwrap();
    until_counted(&plant, 50, SEEN);
    assert_whole(&plant, 50);
    let bad = "select count(*) from records where quality like '%/joints/J1/temp_motor_c%BadNodeIdUnknown%'";
    until("the missing node", SEEN, &true, || plant.lake().try_int(bad).unwrap_or(0) > 0);
    arm.answer().unwrap();
    arm.does(&json!({ "do": "add", "node": "Temp" })).unwrap();
    let temps = "select count(*) from joints where temp_motor_c is not null";
    until("the node that is back", BACK, &true, || plant.lake().try_int(temps).unwrap_or(0) > 0);
}

fn failure_15_a_bad_value_keeps_its_status_code(maker: Maker) {
    let Some((mut arm, plant)) = rig(maker, &[]) else { return };
    arm.does(&json!({ "do": "bad", "node": "Temp" })).unwrap();
    let bad = "select count(*) from records where quality like '%BadSensorFailure%'";
    until("the bad value", SEEN, &true, || plant.lake().try_int(bad).unwrap_or(0) > 0);
}

fn a_server_whose_clock_is_a_year_off_is_recorded_at_its_receipt(maker: Maker) {
    let Some((mut arm, plant)) = rig(maker, &["--clock-off=-31536000"]) else { return };
    arm.counts(1, 100, EVERY_MS).unwrap();
    until_counted(&plant, 100, SEEN);
    assert_whole(&plant, 100);
    let off = "select count(*) from events where time < now() - interval '1 hour'";
    assert_eq!(plant.lake().int(off).unwrap(), 0);
}

/// The log is a Kafka whose broker stands still for longer than anybody waits for it.
fn a_log_that_answers_late_holds_back_nothing_but_itself(maker: Maker) {
    let Some(broker) = Broker::started().unwrap() else { return };
    let Some(mut arm) = Arm::behind(maker, free_port().unwrap(), &[]).unwrap() else { return };
    let hold = "[log.kafka.spool]\nmode = \"hold\"\n";
    let config = format!("{}{hold}{}", bridge(&arm.url(), OPEN), broker.log_settings(4));
    let plant = Plant::started(PlantOptions::configured(&config)).unwrap();
    until_subscribed(&plant, 1);
    arm.counts(1, 180, EVERY_MS).unwrap();
    until("some numbers", SEEN, &true, || !counted(&plant).0.is_empty());
    broker.signal("STOP").unwrap();
    std::thread::sleep(Duration::from_secs(12));
    broker.signal("CONT").unwrap();
    arm.answer().unwrap();
    until_counted(&plant, 180, SEEN);
    assert_whole(&plant, 180);
    assert_eq!(plant.logged().matches("subscribed ").count(), 1, "the servers did not notice");
    assert_eq!(plant.lake().int("select count(*) from gap_events").unwrap(), 0);
}

/// node-opcua has limits, and asyncua needs minutes for so many.
#[test]
fn ten_thousand_items_of_a_server_that_takes_a_hundred_a_call_all_arrive() {
    let nodes = 10_000;
    let options = ["--more", &nodes.to_string(), "--items-per-call", "100"];
    let Some(mut arm) = Arm::behind(Maker::NodeOpcua, free_port().unwrap(), &options).unwrap() else { return };
    let server = format!("{OPEN}\nsampling_interval = \"1s\"");
    let base = bridge(&arm.url(), &server).replacen("sampling_interval = \"10ms\"\n", "", 1);
    let mapped = mapped(&format!("nsu={NAMESPACE};s=More"), 0, nodes);
    let plant = Plant::started(PlantOptions::configured(&format!("{base}{mapped}"))).unwrap();
    until_subscribed(&plant, 1);
    arm.does(&json!({ "do": "more", "value": 42.5 })).unwrap();
    for (column, wanted) in [("temp_motor_c", "42.5"), ("torque_absmax_nm", "42.5")] {
        let sql = format!("select count(distinct robot_id || joint) from joints where {column} = {wanted}");
        until(&sql, SEEN, &Some(5_000), || plant.lake().try_int(&sql));
    }
    assert_eq!(plant.lake().int("select count(*) from gap_events").unwrap(), 0);
    assert_eq!(plant.lake().int("select count(*) from records where quality is not null").unwrap(), 0);
}
