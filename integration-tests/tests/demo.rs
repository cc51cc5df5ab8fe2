//! The README's first command: a simulated fleet that SQL can be asked about, within a minute.

use std::time::Duration;

use tacho_integration_tests::{Plant, PlantOptions, until_some};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn within_a_minute_the_demo_fleet_answers_and_is_anchored() {
    let options = PlantOptions { args: vec!["--demo".to_owned()], ..PlantOptions::default() };
    let mut plant = Plant::started(options).unwrap();
    let lake = plant.lake();
    until_some("50 robots in the fleet", MINUTE, || {
        lake.try_int("select count(*) from fleet").filter(|robots| *robots == 50)
    });
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
    plant.start().unwrap();
    until_some("records of the second run", MINUTE, || {
        lake.try_int("select count(distinct stream_epoch) from records").filter(|epochs| *epochs == 2)
    });
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
