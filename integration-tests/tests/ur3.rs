//! A real UR3, replayed: every row lands or is rejected with a reason, and values are the file's to the resolution.

use std::time::Duration;

use tacho_integration_tests::data::recorded;
use tacho_integration_tests::plant::{tacho, text};
use tacho_integration_tests::{Plant, PlantOptions, until};

#[test]
fn every_row_of_the_recording_lands_with_the_files_temperatures_and_currents() {
    let Some(file) = recorded("ur3_cobotops.csv") else { return };
    let mut plant = Plant::started(PlantOptions::default()).unwrap();
    let to = format!("mqtt://{}", plant.mqtt().unwrap());
    let replayed = tacho(&["replay", file.to_str().unwrap(), "--to", &to]).unwrap();
    assert!(replayed.status.success(), "{}", text(&replayed));
    let lake = plant.lake();
    until("all counted", Duration::from_secs(60), &Some(7409), || lake.try_int("select sum(received) from ledger"));
    assert_eq!(
        lake.int("select count(*) from records").unwrap() + lake.int("select count(*) from rejected").unwrap(),
        7409
    );
    assert_eq!(lake.int("select count(*) from rejected where reason = ''").unwrap(), 0);
    plant.stop().unwrap();

    let csv =
        lake.text("select seq, joint, temp_motor_c, current_rms_a from joints order by seq, joint", "csv").unwrap();
    let stored: std::collections::HashMap<(String, String), (Option<f64>, Option<f64>)> = csv
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            ((cells[0].to_owned(), cells[1].to_owned()), (cells[2].parse().ok(), cells[3].parse().ok()))
        })
        .collect();
    assert_eq!(stored.len(), 7409 * 6);
    let text = std::fs::read_to_string(&file).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').map(str::trim).collect();
    let column = |name: &str| header.iter().position(|column| *column == name).unwrap();
    let mut nulls = 0;
    for (seq, line) in (1..).zip(lines) {
        let cells: Vec<&str> = line.split(',').collect();
        for joint in 0..6 {
            let temperature = if joint == 0 { "Temperature_T0".to_owned() } else { format!("Temperature_J{joint}") };
            let of_file = |name: &str| cells[column(name)].trim().parse::<f64>().ok();
            let (stored_temp, stored_current) = stored[&(seq.to_string(), format!("J{joint}"))];
            let (temp, current) = (of_file(&temperature), of_file(&format!("Current_J{joint}")));
            nulls += i32::from(temp.is_none());
            assert_eq!(temp.is_none(), stored_temp.is_none(), "row {seq} J{joint}");
            assert_eq!(current.is_none(), stored_current.is_none(), "row {seq} J{joint}");
            let near = |stored: Option<f64>, file: Option<f64>, half: f64| match (stored, file) {
                (Some(stored), Some(file)) => (stored - file.abs()).abs() <= half + 1e-9,
                _ => true,
            };
            assert!(near(stored_temp, temp, 0.05), "row {seq} J{joint}: {stored_temp:?} is not {temp:?}");
            assert!(near(stored_current, current, 0.0005), "row {seq} J{joint}: {stored_current:?} is not {current:?}");
        }
    }
    assert_eq!(nulls, 54 * 6);
    labels(&plant, &header, &text);
}

/// Load and temperature beside the file's own labels: as many rows, and the same mean squares of the current.
fn labels(plant: &Plant, header: &[&str], text: &str) {
    let column = |name: &str| header.iter().position(|column| *column == name).unwrap();
    let lake = plant.lake();
    for (label, of_file) in [("grip_lost", "grip_lost"), ("protective_stop_count", "Robot_ProtectiveStop")] {
        // The replay counts protective stops up; a rise is the label.
        let condition = match label {
            "grip_lost" => "r.extra like '%\"/grip_lost\":true%'".to_owned(),
            _ => "r.stopped".to_owned(),
        };
        let sql = format!(
            "select count(*) as n, avg(cast(j.thermal_load_rate_pct as double)) as load_pct, \
             avg(cast(j.temp_motor_c as double)) as temp_c from joints j join (select robot_id, seq, extra, \
             protective_stop_count > lag(protective_stop_count, 1, 0) over (partition by robot_id order by seq) as stopped \
             from records) r on r.robot_id = j.robot_id and r.seq = j.seq \
             where j.joint = 'J2' and j.thermal_load_rate_pct is not null and {condition}"
        );
        let row = &lake.rows(&sql).unwrap()[0];
        let (mut n, mut squares, mut before) = (0, 0.0, false);
        for line in text.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let set = cells[column(of_file)].trim().eq_ignore_ascii_case("true");
            let counted = if label == "grip_lost" { set } else { set && !before };
            before = set;
            if counted && let Ok(current) = cells[column("Current_J2")].trim().parse::<f64>() {
                n += 1;
                squares += current * current;
            }
        }
        assert_eq!(row["n"].as_i64().unwrap(), n, "{label}: {row:?}");
        let expected = 100.0 * squares / f64::from(u32::try_from(n).unwrap()) / (3.0 * 3.0);
        let load = row["load_pct"].as_f64().unwrap();
        assert!((load / expected - 1.0).abs() < 2e-3, "{label}: {load} is not {expected}");
        println!("{label}: {n} rows, mean load of J2 {load:.1} %, {:.1} °C", row["temp_c"].as_f64().unwrap());
    }
}
