//! OPC UA: a server that exposes OPC 40010-1 Robotics is mapped by its types, without configuration, and what its robot
//! does arrives in the lake; against two servers and a nodeset that nobody here wrote.

use std::time::Duration;

use serde_json::json;
use tacho_integration_tests::arm::{Arm, ROBOT, url};
use tacho_integration_tests::browsing::{browsed, by_types, checked, quick};
use tacho_integration_tests::client::tool;
use tacho_integration_tests::data::recorded;
use tacho_integration_tests::plant::{tacho, text};
use tacho_integration_tests::port::free_port;
use tacho_integration_tests::{Plant, PlantOptions, until};

/// Longest time until a record of a window of 1 s can be seen, on a busy machine.
const SEEN: Duration = Duration::from_secs(90);
/// Values that a robot counts.
const COUNTED: u32 = 100;
/// Time between two of them: the servers look at a node every 50 ms at the most.
const EVERY_MS: u32 = 150;

fn asyncua(options: &[&str]) -> Option<Arm> {
    let (python, nodesets) = (tool("TACHO_PYTHON")?, recorded("opcua")?);
    Some(Arm::asyncua_robot(&python, free_port().unwrap(), &nodesets, options).unwrap())
}

fn node_opcua(plant: &Plant) -> Option<Arm> {
    let (modules, nodesets) = (tool("TACHO_NODE_MODULES")?, recorded("opcua")?);
    let own = plant.beside("node-opcua");
    std::fs::create_dir(&own).unwrap();
    Some(Arm::node_opcua_robot(&modules, free_port().unwrap(), &nodesets, &own, ROBOT, &[]).unwrap())
}

fn started(config: String) -> Plant {
    let plant = Plant::started(PlantOptions { config: Some(config), ..PlantOptions::default() }).unwrap();
    until_logged(&plant, "subscribed ");
    plant
}

fn until_logged(plant: &Plant, wanted: &str) {
    let logged = || (!plant.logged().contains(wanted)).then(|| plant.logged());
    until(&format!("{wanted:?} in the log"), SEEN, &None, logged);
}

/// Has the robot do something, and looks for it in the lake: values, units, and the sum of all that it counted.
fn arrives(arm: &mut Arm, mut plant: Plant) {
    arm.counts(1, COUNTED, EVERY_MS).unwrap();
    arm.answer().unwrap();
    for (node, value) in [
        ("Position1", json!(45.0)),
        ("Speed1", json!(90.0)),
        ("Temp1", json!(315.15)),
        ("Payload", json!(7.5)),
        ("PowerOn", json!("PT1204H30M")),
        ("EStop", json!(true)),
        ("Mode", json!(3)),
    ] {
        arm.writes(node, &value).unwrap();
    }
    let lake = plant.lake();
    let sum = "select coalesce(sum(cast(text as bigint)), 0) from events where code = 'TASK_PROGRAM'";
    let wanted = i64::from(COUNTED) * i64::from(COUNTED + 1) / 2;
    until("the sum of what was counted", SEEN, &Some(wanted), || lake.try_int(sum));
    assert_eq!(lake.int("select count(*) from events where code = 'TASK_PROGRAM'").unwrap(), i64::from(COUNTED));
    let mode = "select count(*) from records where operational_mode = 'automatic'";
    until("the mode, which was set last", SEEN, &true, || lake.try_int(mode).unwrap_or(0) > 0);
    let number = |sql: &str| {
        let rows = lake.rows(sql).unwrap();
        rows[0]["value"].to_string().trim_matches('"').parse::<f64>().unwrap()
    };
    let speed = number("select max(speed_absmax_rad_s) as value from joints where joint = 'J1'");
    assert!((speed - std::f64::consts::FRAC_PI_2).abs() < 0.001, "{speed}");
    let temp = number("select max(temp_motor_c) as value from joints where joint = 'J1'");
    assert!((temp - 42.0).abs() < 0.1, "{temp}");
    assert_eq!(number("select max(power_on_h) as value from records"), 1204.5);
    assert_eq!(number("select max(estop_count) as value from records"), 1.0);
    assert_eq!(number("select max(payload_kg) as value from records"), 7.5);
    // Its gear has a ratio, with which the revolutions of its input are counted.
    arm.writes("Speed1", &json!(0.0)).unwrap();
    let turned = "select count(*) from joints where joint = 'J1' and input_rev > 0";
    until("revolutions", SEEN, &true, || lake.try_int(turned).unwrap_or(0) > 0);
    assert_eq!(
        lake.int("select count(*) from events where code = 'EMERGENCY_STOP' and severity = 'error'").unwrap(),
        1
    );
    let linear = "select count(*) from joints where joint = 'J2' and speed_absmax_rad_s is not null";
    assert_eq!(lake.int(linear).unwrap(), 0, "a linear axis has no angular speed");
    assert_eq!(lake.int(&format!("select count(*) from records where robot_id <> '{ROBOT}'")).unwrap(), 0);
    assert_eq!(lake.int("select count(*) from records where quality is not null").unwrap(), 0, "{}", plant.logged());
    assert_eq!(lake.int("select count(*) from gap_events").unwrap(), 0, "{}", plant.logged());
    assert_eq!(lake.int("select count(*) from rejected").unwrap(), 0);
    assert_eq!(lake.imbalances().unwrap(), []);
    plant.stop().unwrap();
    plant.audited().unwrap();
}

/// What was browsed is a configuration that `check` takes and with which everything arrives.
fn arrives_as_suggested(arm: &mut Arm) {
    let config = browsed(&Plant::started(PlantOptions::default()).unwrap(), &arm.url());
    let plant = Plant::new(PlantOptions::default()).unwrap();
    assert_eq!(checked(&plant, &config), (true, "no problems\n".to_owned()), "{config}");
    for mapped in [
        &format!("robot_id = \"{ROBOT}\""),
        "field = \"joints.J1.speed_rad_s\"",
        "field = \"counters.power_on_h\"",
        "gear_ratio = 101.0",
        "SerialNumber SN-1",
        "its unit mm is one of length, and joints.J2.position_rad is of angle",
        "no field is known for it",
    ] {
        assert!(config.contains(mapped), "{mapped}: {config}");
    }
    arrives(arm, started(quick(&config)));
}

#[test]
fn a_robot_of_asyncua_arrives_as_browse_suggests() {
    let Some(mut arm) = asyncua(&["--asset-id", ROBOT]) else { return };
    arrives_as_suggested(&mut arm);
}

#[test]
fn a_robot_of_node_opcua_arrives_as_browse_suggests() {
    let folder = Plant::new(PlantOptions::default()).unwrap();
    let Some(mut arm) = node_opcua(&folder) else { return };
    arrives_as_suggested(&mut arm);
}

#[test]
fn a_robot_of_asyncua_arrives_without_a_mapping_by_its_serial_number() {
    let Some(mut arm) = asyncua(&[]) else { return };
    let config = by_types(&arm.url(), &format!("serial_number = \"SN-1\"\nrobot_id = \"{ROBOT}\""));
    arrives(&mut arm, started(config));
}

#[test]
fn a_robot_of_node_opcua_arrives_without_a_mapping_by_its_identification() {
    let folder = Plant::new(PlantOptions::default()).unwrap();
    let Some(mut arm) = node_opcua(&folder) else { return };
    let config = by_types(&arm.url(), "");
    arrives(&mut arm, started(config));
}

#[test]
fn hours_of_the_life_of_a_robot_do_not_contradict_those_that_are_counted_here() {
    let Some(mut arm) = asyncua(&["--asset-id", ROBOT]) else { return };
    let plant = started(by_types(&arm.url(), ""));
    arm.writes("PowerOn", &json!("PT1204H30M")).unwrap();
    // Its actuators are in control all the time.
    arm.writes("Operation", &json!(3.6e9)).unwrap();
    let moved = "select count(*) from records where motion_h = 1000 and power_on_h = 1204.5 and servo_on_h is null";
    until("the hours in operation", SEEN, &true, || plant.lake().try_int(moved).unwrap_or(0) > 0);
    assert_eq!(plant.lake().int("select count(*) from records where flags like '%inconsistent%'").unwrap(), 0);
}

#[test]
fn a_robot_that_appears_later_is_found_and_a_kill_of_the_bridge_loses_nothing_unnoticed() {
    let Some(mut arm) = asyncua(&["--late", "--asset-id", ROBOT]) else { return };
    let mut plant = started(by_types(&arm.url(), ""));
    until_logged(&plant, "the server has no motion device");
    arm.does(&json!({ "do": "appear" })).unwrap();
    until("subscribed with the robot", SEEN, &true, || plant.logged().matches("subscribed ").count() > 1);
    arm.counts(1, 600, 10).unwrap();
    let has = |plant: &Plant, what: &str| {
        let sql = format!("select {what} from events where code = 'TASK_PROGRAM'");
        plant.lake().try_int(&sql).unwrap_or(0)
    };
    until("some numbers", SEEN, &true, || has(&plant, "count(*)") > 0);
    plant.kill().unwrap();
    plant.start().unwrap();
    arm.answer().unwrap();
    until("the bridge is back", SEEN, &true, || plant.logged().matches("found the robots by their types").count() > 2);
    arm.writes("Count", &json!(601)).unwrap();
    until("the last number", SEEN, &601, || has(&plant, "max(cast(text as bigint))"));
    let (rows, numbers) = (has(&plant, "count(*)"), has(&plant, "count(distinct text)"));
    assert_eq!(rows, numbers, "nothing is there twice");
    let gaps = "select count(*) from gap_events where kind = 'time' and cause <> 'the server''s robots are others than before'";
    let gaps = plant.lake().int(gaps).unwrap();
    assert!(numbers == 601 || gaps > 0, "{numbers} of 601 and no gap told; {}", plant.logged());
    assert_eq!(plant.lake().imbalances().unwrap(), []);
}

#[test]
fn a_robot_that_is_added_while_connected_is_subscribed_to_and_the_others_are_not_disturbed() {
    // Before the first in the order of their IDs.
    const OTHER: &str = "CNAB12HX000100000000000000417";
    let Some(mut arm) = asyncua(&["--asset-id", ROBOT]) else { return };
    let config = by_types(&arm.url(), "");
    let config = config.replace("security = \"none\"\n", "security = \"none\"\nbrowse_interval = \"1s\"\n");
    let mut plant = started(config);
    arm.does(&json!({ "do": "appear", "asset_id": OTHER, "as": "Other" })).unwrap();
    arm.counts(1, COUNTED, EVERY_MS).unwrap();
    arm.answer().unwrap();
    let last =
        |robot: &str| format!("select coalesce(max(cast(text as bigint)), 0) from events where robot_id = '{robot}'");
    let says = |plant: &Plant, robot, number| {
        until("the last number", SEEN, &number, || plant.lake().try_int(&last(robot)).unwrap_or(-1));
    };
    says(&plant, ROBOT, i64::from(COUNTED));
    until_logged(&plant, "subscribed to more nodes");
    arm.writes("Other.Count", &json!(7)).unwrap();
    says(&plant, OTHER, 7);
    let counted = format!("select count(distinct text) from events where robot_id = '{ROBOT}'");
    assert_eq!(plant.lake().int(&counted).unwrap(), i64::from(COUNTED));
    assert_eq!(plant.lake().int("select count(*) from gap_events").unwrap(), 0, "{}", plant.logged());
    // A later run knows it by the same numbers.
    plant.kill().unwrap();
    plant.start().unwrap();
    until_logged(&plant, "goes on with its subscription");
    arm.writes("Other.Count", &json!(8)).unwrap();
    says(&plant, OTHER, 8);
    assert_eq!(plant.lake().int("select count(*) from gap_events").unwrap(), 0, "{}", plant.logged());
}

#[test]
fn a_robot_without_an_id_is_suggested_with_a_placeholder_that_check_refuses() {
    let Some(arm) = asyncua(&[]) else { return };
    let plant = Plant::started(PlantOptions::default()).unwrap();
    let config = browsed(&plant, &arm.url());
    let (taken, told) = checked(&plant, &config);
    assert!(
        !taken && told.contains("robots[0].robot_id = \"the ID of the robot with the serial number SN-1\""),
        "{told}"
    );
    let placed = config.replace("the ID of the robot with the serial number SN-1", ROBOT);
    assert_eq!(checked(&plant, &placed), (true, "no problems\n".to_owned()));
}

#[test]
fn what_cannot_be_browsed_is_named_with_what_would_be_right() {
    let Some(python) = tool("TACHO_PYTHON") else { return };
    let plant = Plant::started(PlantOptions::default()).unwrap();
    let data = plant.data();
    let browse = |url: &str| text(&tacho(&["opcua", "browse", url, "--data", data.to_str().unwrap()]).unwrap());
    let nobody = url(free_port().unwrap());
    let told = browse(&nobody);
    assert!(told.contains(&nobody) && told.contains("Connection refused"), "{told}");
    let arm = Arm::start(&python, free_port().unwrap(), &["--units"]).unwrap();
    let told = browse(&arm.url());
    assert!(told.contains(&arm.url()) && told.contains("name one of them by --security and --mode"), "{told}");
    // A server that has no robot of the specification is listed, to be mapped by hand.
    let config = browsed(&plant, &arm.url());
    assert!(config.contains("it does not know the types of OPC 40010-1"), "{config}");
    assert!(config.contains("# node = \"nsu=http://tachograph.example/arm;s=Speed\""), "{config}");
    assert!(checked(&plant, &config).1.contains("robots[0].robot_id = \"the ID of the robot\""));
}
