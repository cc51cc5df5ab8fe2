//! The README's first command: a simulated fleet, of MQTT and of OPC UA, that SQL can be asked about within a minute.

use std::time::Duration;

use tacho_integration_tests::{Lake, Plant, PlantOptions, until_some};

const MINUTE: Duration = Duration::from_secs(60);

/// Which robots are behind the demo's OPC UA server.
const CELL: &str = "robot_id like '%00000000030000__'";

/// The robots of the cell, with values in the units of records.
fn found_by_their_types(lake: &Lake) {
    let joints = format!(
        "select count(distinct robot_id || joint) from joints where {CELL} and speed_rms_rad_s between 0 and 4 \
         and coalesce(temp_motor_c, 30) between 20 and 70 and input_rev is not null"
    );
    until_some("6 joints of each robot of the cell", MINUTE, || lake.try_int(&joints).filter(|joints| *joints == 12));
    let hours = format!("select min(cast(power_on_h as bigint)) from fleet where {CELL}");
    assert!(lake.int(&hours).unwrap() > 100, "the hours of their lives");
    let faster = format!("select count(*) from identity_alerts where {CELL}");
    assert_eq!(lake.int(&faster).unwrap(), 0, "they live by the clock");
}

#[test]
fn within_a_minute_the_demo_fleet_answers_and_is_anchored() {
    let options = PlantOptions { args: vec!["--demo".to_owned()], ..PlantOptions::default() };
    let mut plant = Plant::started(options).unwrap();
    let lake = plant.lake();
    until_some("50 robots of MQTT and 2 of OPC UA in the fleet", MINUTE, || {
        lake.try_int("select count(*) from fleet").filter(|robots| *robots == 52)
    });
    found_by_their_types(&lake);
    let rows = lake
        .rows("select robot_id, joint, reducer_damage, reducer_rul_h from joint_wear order by reducer_rul_h limit 10")
        .unwrap();
    assert_eq!(rows.len(), 10);
    let hours: Vec<f64> = rows.iter().map(|row| row["reducer_rul_h"].as_f64().unwrap()).collect();
    assert!(hours.is_sorted(), "{hours:?}");
    assert_eq!(lake.int("select count(distinct robot_kind) from fleet").unwrap(), 3);
    until_some("an anchored window", MINUTE, || {
        lake.try_int("select count(*) from anchors where anchored_tree_size > 0").filter(|windows| *windows > 0)
    });
    assert!(lake.int("select count(*) from battery_health where soh_capacity is not null").unwrap() > 0);
    assert_eq!(
        lake.int("select count(*) from records where flags is not null").unwrap(),
        0,
        "within its models' limits"
    );
    plant.stop().unwrap();
    let stopped = lake.rows("select cast(max(window_end) as varchar) as at from records").unwrap();
    let stopped = stopped[0]["at"].as_str().unwrap().trim_end_matches('Z').to_owned();
    plant.start().unwrap();
    let epochs = format!("select count(distinct stream_epoch) from records where not ({CELL})");
    until_some("records of the second run", MINUTE, || lake.try_int(&epochs).filter(|epochs| *epochs == 2));
    let after = format!("select count(*) from records where {CELL} and window_start > timestamp '{stopped}'");
    until_some("records of the cell in the second run", MINUTE, || lake.try_int(&after).filter(|records| *records > 0));
    plant.stop().unwrap();
    let falling = "select count(*) from (select power_on_h as now_h, lag(power_on_h) over \
                   (partition by robot_id order by stream_epoch, seq) as before_h from records) where now_h < before_h";
    assert_eq!(lake.int(falling).unwrap(), 0, "hours that fall over a restart");
    let healing = "select count(*) from (select reducer_damage as damage, lag(reducer_damage) over \
                   (partition by robot_id, joint order by stream_epoch, seq) as damage_before from joints) where damage < damage_before";
    assert_eq!(lake.int(healing).unwrap(), 0, "wear that heals over a restart");
    let colliding = "select count(*) from fleet where robot_id like '%00000000000000001'";
    assert_eq!(lake.int(colliding).unwrap(), 0, "`tacho simulate` has robots of its own");
    assert!(!plant.data().join("endpoints.json").exists());
}
