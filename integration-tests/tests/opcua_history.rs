//! OPC UA: what a subscription cannot give any more is read from the server's history, of all nodes that have one; only
//! what has none is a gap. Against two servers that nobody here wrote.

use std::f64::consts::TAU;
use std::time::{Duration, Instant};

use serde_json::json;
use tacho_integration_tests::arm::{Arm, ROBOT, bridge, url};
use tacho_integration_tests::browsing::by_types;
use tacho_integration_tests::client::tool;
use tacho_integration_tests::data::recorded;
use tacho_integration_tests::port::free_port;
use tacho_integration_tests::proxy::Proxy;
use tacho_integration_tests::{Lake, Plant, PlantOptions, Row, until};

/// Longest time until a record of a window of 1 s can be seen, on a busy machine.
const SEEN: Duration = Duration::from_secs(90);
/// Numbers that are counted while the bridge listens, while it is away, and after that: more than an answer of a history has.
const LISTENING: u32 = 40;
const AWAY: u32 = 1_540;
const BACK: u32 = 1_560;
/// Time between two numbers while it listens: the servers look at a node every 50 ms at the most.
const EVERY_MS: u32 = 150;
/// Nodes of the arm.
const NODES: [&str; 6] = ["PowerOn", "Speed", "Torque", "Temp", "EStop", "Count"];

fn until_subscribed(plant: &Plant, times: usize) {
    let lacks = || (plant.logged().matches("subscribed ").count() < times).then(|| plant.logged());
    until("subscribed", SEEN, &None, lacks);
}

fn until_counted(lake: &Lake, code: &str, number: u32) {
    let sql = format!("select count(*) from events where code = '{code}' and try_cast(text as double) = {number}");
    until(&format!("{number} in the lake"), SEEN, &Some(1), || lake.try_int(&sql));
}

/// Has the bridge go away while the server counts on, and come back with other settings, so that it cannot go on with its
/// subscription.
fn away(arm: &mut Arm, plant: &mut Plant, code: &str, config: &str, meanwhile: impl FnOnce(&mut Arm)) {
    let lake = plant.lake();
    arm.counts(1, LISTENING, EVERY_MS).unwrap();
    arm.answer().unwrap();
    until_counted(&lake, code, LISTENING);
    plant.kill().unwrap();
    arm.counts(LISTENING + 1, AWAY, 2).unwrap();
    arm.answer().unwrap();
    meanwhile(arm);
    let other = config.replace("sampling_interval = \"10ms\"", "sampling_interval = \"20ms\"");
    std::fs::write(plant.beside("tacho.toml"), other).unwrap();
    plant.start().unwrap();
    until_subscribed(plant, 2);
    arm.counts(AWAY + 1, BACK, EVERY_MS).unwrap();
    arm.answer().unwrap();
    until_counted(&lake, code, BACK);
    assert!(plant.logged().contains("read from its history"), "{}", plant.logged());
    let rows = lake.rows(&format!("select text from events where code = '{code}'")).unwrap();
    let number = |row: &Row| row["text"].as_str().unwrap().parse::<f64>().unwrap();
    let mut numbers: Vec<_> = rows.iter().map(number).collect();
    numbers.sort_by(f64::total_cmp);
    let all: Vec<_> = (1..=BACK).map(f64::from).collect();
    let lost: Vec<_> = all.iter().filter(|number| !numbers.contains(number)).collect();
    assert!(numbers == all, "{} rows, and these are lost: {lost:?}; {}", numbers.len(), plant.logged());
    assert_eq!(lake.imbalances().unwrap(), []);
}

fn arm_that_keeps(nodes: &[&str]) -> Option<Arm> {
    let options: Vec<_> = nodes.iter().flat_map(|node| ["--history", *node]).collect();
    Some(Arm::start(&tool("TACHO_PYTHON")?, free_port().unwrap(), &options).unwrap())
}

fn plant(config: &str) -> Plant {
    let plant = Plant::started(PlantOptions { config: Some(config.to_owned()), ..PlantOptions::default() }).unwrap();
    until_subscribed(&plant, 1);
    plant
}

fn config_of(arm: &Arm) -> String {
    format!("profile = \"development\"\n{}", bridge(&arm.url(), "security = \"none\""))
}

#[test]
fn what_was_missed_is_read_from_the_history_of_asyncua_and_turns_count_once() {
    let Some(mut arm) = arm_that_keeps(&NODES) else { return };
    let config = config_of(&arm);
    let mut plant = plant(&config);
    let mut turned = 0.0;
    away(&mut arm, &mut plant, "COUNT", &config, |arm| {
        let began = Instant::now();
        arm.writes("Speed", &json!(3.0)).unwrap();
        // Something that takes two seconds.
        arm.does(&json!({ "do": "count", "node": "Temp", "from": 30, "to": 70, "every_ms": 50 })).unwrap();
        arm.writes("Speed", &json!(0.0)).unwrap();
        turned = 3.0 * began.elapsed().as_secs_f64() / TAU * 100.0;
    });
    let lake = plant.lake();
    assert_eq!(lake.int("select count(*) from gap_events").unwrap(), 0, "{}", plant.logged());
    let rows = lake.rows("select max(input_rev) as value from joints where joint = 'J1'").unwrap();
    let counted: f64 = rows[0]["value"].to_string().trim_matches('"').parse().unwrap();
    assert!((counted / turned - 1.0).abs() < 0.1, "{counted} of {turned} revolutions");
    plant.stop().unwrap();
    plant.audited().unwrap();
}

#[test]
fn a_node_without_a_history_has_a_gap_of_its_own() {
    let Some(mut arm) = arm_that_keeps(&["Count"]) else { return };
    let config = config_of(&arm);
    let mut plant = plant(&config);
    away(&mut arm, &mut plant, "COUNT", &config, |_| {});
    let lake = plant.lake();
    let gaps = |which: &str| lake.int(&format!("select count(*) from gap_events where kind = 'time'{which}")).unwrap();
    assert_eq!(gaps(""), 5, "{}", plant.logged());
    assert_eq!(gaps(" and pointer = '/joints/J1/speed_rad_s'"), 1);
    assert_eq!(gaps(" and (pointer is null or pointer like '%COUNT%')"), 0);
}

#[test]
fn what_an_overflow_lost_is_read_from_the_history_and_only_what_has_none_has_a_gap() {
    let (Some(python), port) = (tool("TACHO_PYTHON"), free_port().unwrap()) else { return };
    let mut arm = Arm::start(&python, port, &["--history", "Count"]).unwrap();
    let proxy = Proxy::before(port).unwrap();
    // Queues of 2 s / 10 ms = 200 values.
    let server = "security = \"none\"\noutage = \"2s\"";
    let plant = plant(&format!("profile = \"development\"\n{}", bridge(&url(proxy.port()), server)));
    let lake = plant.lake();
    arm.counts(1, LISTENING, EVERY_MS).unwrap();
    arm.answer().unwrap();
    until_counted(&lake, "COUNT", LISTENING);
    proxy.cut();
    until("the loss of the connection", SEEN, &true, || plant.logged().contains("the connection is lost"));
    arm.does(&json!({ "do": "count", "node": "Torque", "from": 1, "to": 400, "every_ms": 2 })).unwrap();
    arm.counts(LISTENING + 1, AWAY, 2).unwrap();
    arm.answer().unwrap();
    proxy.pass();
    arm.writes("Count", &json!(AWAY + 1)).unwrap();
    until_counted(&lake, "COUNT", AWAY + 1);
    let counted = "select count(distinct text) from events where code = 'COUNT'";
    assert_eq!(lake.int(counted).unwrap(), i64::from(AWAY + 1), "{}", plant.logged());
    assert_eq!(lake.int("select count(*) from events where code = 'COUNT'").unwrap(), i64::from(AWAY + 1));
    let gaps = |which: &str| lake.int(&format!("select count(*) from gap_events where kind = 'time'{which}")).unwrap();
    assert_eq!(gaps(""), 1, "{}", plant.logged());
    assert_eq!(gaps(" and pointer = '/joints/J1/torque_nm'"), 1);
}

#[test]
fn what_was_missed_is_read_from_the_history_of_node_opcua() {
    let (Some(modules), Some(nodesets)) = (tool("TACHO_NODE_MODULES"), recorded("opcua")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let port = free_port().unwrap();
    let mut arm = Arm::node_opcua_robot(&modules, port, &nodesets, folder.path(), ROBOT, &["history"]).unwrap();
    let config = by_types(&arm.url(), "");
    let mut plant = plant(&config);
    away(&mut arm, &mut plant, "TASK_PROGRAM", &config, |_| {});
    assert_eq!(plant.lake().int("select count(*) from gap_events").unwrap(), 0, "{}", plant.logged());
}
