//! A walk through every fault that can be set: the process dies at the step, starts again, and nothing is lost,
//! twice or forked.

use std::time::Duration;

use tacho_integration_tests::client::simulate;
use tacho_integration_tests::plant::{tacho, text};
use tacho_integration_tests::{Plant, PlantOptions, until, until_some};

const RECORDS: i64 = 600;

/// Steps that only maintenance reaches, in times longer than a test: `tacho-lake` walks them itself.
const OF_MAINTENANCE: [&str; 5] = ["vacuum", "log_cleanup", "retention", "checkpoint", "compact"];

fn steps() -> Vec<String> {
    let output = tacho(&["up", "--fault-steps"]).unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let steps = String::from_utf8(output.stdout).unwrap();
    let of_maintenance = |step: &str| OF_MAINTENANCE.iter().any(|part| step.contains(part));
    steps.lines().filter(|step| !of_maintenance(step)).map(str::to_owned).collect()
}

/// Dies at the step if it is reached, starts again, and holds every promise.
fn survives(step: &str) {
    let mut plant = Plant::new(PlantOptions::configured("[anchor]\nwindow = \"1s\"")).unwrap();
    plant.spawn(&["--fault", &format!("{step}=kill")]).unwrap();
    let came_up = until_some("the plant to come up or die", Duration::from_secs(60), || {
        let up = plant.data().join("endpoints.json").exists();
        let died = !plant.is_running();
        (up || died).then_some(up && !died)
    });
    let mut devices = None;
    let journal = plant.beside("acknowledged.csv");
    if came_up {
        let mqtt = plant.mqtt().unwrap();
        let records = RECORDS.to_string();
        // Every table gets rows: gaps, dead letters and duplicates are among them.
        let args = ["--robots", "20", "--rate", "400", "--records", &records, "--epoch", "7", "--faults"];
        let faults = ["gap=0.05,duplicate=0.05,poison=0.05", "--journal", journal.to_str().unwrap()];
        devices = Some(simulate(&mqtt, &[&args[..], &faults[..]].concat()).unwrap());
        let died = until_some("the fault, or the end of the records", Duration::from_secs(60), || {
            let ended = devices.as_mut().is_some_and(|devices| matches!(devices.try_wait(), Ok(Some(_))));
            let died = !plant.is_running();
            (died || ended).then_some(died)
        });
        if !died {
            // A step that nothing of this run reaches: the clean end may.
            let _ended = plant.stop();
        }
    }
    if let Some(mut devices) = devices {
        let _killed = devices.kill();
        let _waited = devices.wait();
    }
    if plant.pid().is_some() {
        plant.wait_for_end(Duration::from_secs(30)).unwrap();
    }
    plant.start().unwrap();
    holds(&mut plant, step, &journal);
}

fn holds(plant: &mut Plant, step: &str, journal: &std::path::Path) {
    let lake = plant.lake();
    let acknowledged = std::fs::read_to_string(journal).unwrap_or_default();
    let good = acknowledged.lines().filter(|line| line.ends_with(",good")).count();
    until(&format!("{step}: what was acknowledged is landed"), Duration::from_secs(60), &true, || {
        let landed = lake.try_int("select count(*) from records").unwrap_or(-1);
        usize::try_from(landed).is_ok_and(|landed| landed >= good)
    });
    plant.stop().unwrap_or_else(|error| panic!("{step}: {error:#}"));
    assert_eq!(lake.twice().unwrap(), Vec::new(), "{step}");
    assert_eq!(lake.imbalances().unwrap(), Vec::new(), "{step}");
    let windows = lake.rows("select count(*) n, count(distinct window) d, max(window) m from anchors").unwrap();
    let (n, d, m) = (&windows[0]["n"], &windows[0]["d"], windows[0]["m"].as_i64().unwrap_or(-1));
    assert!(n == d && n.as_i64() == Some(m + 1), "{step}: one statement per window: {windows:?}");
    let audit = plant.audit().unwrap();
    assert!(audit.status.success(), "{step}: {}", text(&audit));
}

/// Every third step, so that the walk runs in three tests beside each other.
fn walk(third: usize) {
    let steps = steps();
    assert!(steps.len() >= 30, "{steps:?}");
    for step in steps.iter().skip(third).step_by(3) {
        survives(step);
    }
}

#[test]
fn nothing_is_lost_twice_or_forked_by_a_death_at_any_first_step() {
    walk(0);
}

#[test]
fn nothing_is_lost_twice_or_forked_by_a_death_at_any_second_step() {
    walk(1);
}

#[test]
fn nothing_is_lost_twice_or_forked_by_a_death_at_any_third_step() {
    walk(2);
}
