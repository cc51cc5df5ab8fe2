//! OPC UA: the cell of `tacho simulate --opcua` is found by its types, and what its robots do arrives in the lake in the
//! units of records; also encrypted, once each side trusts the other.

use std::path::Path;
use std::time::Duration;

use tacho_integration_tests::browsing::{browsed, by_types, checked};
use tacho_integration_tests::cell::Cell;
use tacho_integration_tests::plant::{tacho, text};
use tacho_integration_tests::{Lake, Plant, PlantOptions, until, until_some};

/// Longest time until a record of a window of 1 s can be seen, on a busy machine.
const SEEN: Duration = Duration::from_secs(90);
/// The robots of a cell, as their asset IDs say.
const ROBOTS: [&str; 2] = ["CNKSTRK6001000000000002000001", "CNKSTRK6001000000000002000002"];

fn started(config: String) -> Plant {
    Plant::started(PlantOptions { config: Some(config), ..PlantOptions::default() }).unwrap()
}

fn until_logged(plant: &Plant, wanted: &str) {
    let logged = || (!plant.logged().contains(wanted)).then(|| plant.logged());
    until(&format!("{wanted:?} in the log"), SEEN, &None, logged);
}

fn until_all_joints(lake: &Lake) {
    let joints =
        "select count(distinct robot_id || joint) from joints where input_rev > 0 and temp_motor_c is not null";
    until_some("6 joints of each robot", SEEN, || lake.try_int(joints).filter(|joints| *joints == 12));
}

fn number(lake: &Lake, sql: &str) -> f64 {
    lake.rows(sql).unwrap()[0]["value"].to_string().trim_matches('"').parse().unwrap()
}

/// Hours of a duration such as `PT1204H30M5S`, which stands in a comment of a suggested configuration.
fn hours_said(config: &str) -> f64 {
    let (_, said) = config.split_once("ParameterSet/TotalPowerOnTime = PT").unwrap();
    said.split_once('H').unwrap().0.parse().unwrap()
}

#[test]
fn the_robots_of_a_cell_are_found_and_arrive_in_the_units_of_records() {
    let cell = Cell::start(&[]).unwrap();
    let config = browsed(&Plant::started(PlantOptions::default()).unwrap(), cell.url());
    let mut plant = started(by_types(cell.url(), ""));
    assert_eq!(checked(&plant, &config), (true, "no problems\n".to_owned()), "{config}");
    for said in ["2 robots by the types of OPC 40010-1", "60 signals mapped", "gear_ratio = 100.0", " °/s\n", " °C\n"]
    {
        assert!(config.contains(said), "{said}: {config}");
    }
    for robot in ROBOTS {
        assert!(config.contains(&format!("robot_id = \"{robot}\"")), "{config}");
    }
    let lake = plant.lake();
    until_all_joints(&lake);
    // Of the catalogue, its joints turn at 0.84 rad/s while they move: degrees would be 48.
    let fastest = number(&lake, "select max(speed_absmax_rad_s) as value from joints");
    assert!((0.7..1.1).contains(&fastest), "{fastest}");
    let warm = "select count(*) from joints where temp_motor_c not between 20 and 70";
    assert_eq!(lake.int(warm).unwrap(), 0, "in °C");
    // The configuration has the robot that was listed first.
    let (_, first) = config.split_once("robot_id = \"").unwrap();
    let hours = format!("select min(power_on_h) as value from records where robot_id = '{}'", &first[..29]);
    assert!((number(&lake, &hours) - hours_said(&config) - 0.5).abs() < 0.6, "{config}");
    let power = number(&lake, "select max(energy_kwh / power_on_h) as value from records where energy_kwh is not null");
    assert!((power - 0.34).abs() < 0.001, "{power} kW");
    assert_eq!(number(&lake, "select max(payload_kg) as value from records"), 4.2);
    let moves = "select count(distinct speed_rms_rad_s) from joints where joint = 'J1'";
    until_some("speeds that differ", SEEN, || lake.try_int(moves).filter(|speeds| *speeds > 3));
    let first = "select count(*) from records where operational_mode = 'automatic' and firmware = '5.14.2'";
    assert_eq!(lake.int(first).unwrap(), 2);
    for nothing in ["records where quality is not null", "records where flags is not null", "gap_events", "rejected"] {
        let sql = format!("select count(*) from {nothing}");
        assert_eq!(lake.int(&sql).unwrap(), 0, "{nothing}: {}", plant.logged());
    }
    assert_eq!(lake.imbalances().unwrap(), []);
    assert!(cell.interrupt().unwrap().success(), "Ctrl-C is a clean end");
    plant.stop().unwrap();
    plant.audited().unwrap();
}

#[test]
fn a_cell_with_certificates_is_read_once_each_side_trusts_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let pki = folder.path().join("cell");
    let cell = Cell::start(&["--opcua-pki", pki.to_str().unwrap()]).unwrap();
    let plant = started(by_types(cell.url(), "").replace("security = \"none\"\n", ""));
    until_logged(&plant, "is not trusted");
    let data = plant.data();
    let trust = |args: &[&str]| {
        let output = tacho(&[&["opcua", "trust", "--data", data.to_str().unwrap()], args].concat()).unwrap();
        assert!(output.status.success(), "{}", text(&output));
        text(&output)
    };
    let listed = trust(&[]);
    assert!(listed.contains("rejected") && listed.contains("Tachograph simulated cell"), "{listed}");
    trust(&[listed.split_whitespace().next().unwrap()]);
    until_some("our certificate among those that the cell refused", SEEN, || trusted(&pki));
    until_all_joints(&plant.lake());
}

/// Has a cell trust what it refused; the number of certificates.
fn trusted(pki: &Path) -> Option<usize> {
    let refused: Vec<_> = std::fs::read_dir(pki.join("rejected")).ok()?.filter_map(Result::ok).collect();
    for file in &refused {
        std::fs::rename(file.path(), pki.join("trusted").join(file.file_name())).unwrap();
    }
    Some(refused.len()).filter(|certificates| *certificates > 0)
}

#[test]
fn what_a_cell_cannot_do_is_said_with_what_would_be_right() {
    for (args, said) in [
        (&["--opcua-listen", "0.0.0.0:0"][..], "--opcua-pki"),
        (&["--robots", "201"], "at most 200"),
        (&["--rate", "1"], "--rate"),
    ] {
        let output = tacho(&[&["simulate", "--opcua"], args].concat()).unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(text(&output).contains(said), "{}", text(&output));
    }
}
