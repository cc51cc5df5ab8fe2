//! G1, G2, G3: what was acknowledged is in the lake exactly once and in order, whatever was killed when.

use std::collections::HashMap;
use std::io::Read as _;
use std::time::Duration;

use tacho_integration_tests::client::simulate;
use tacho_integration_tests::plant::text;
use tacho_integration_tests::{Plant, PlantOptions, until, until_some};

const RECORDS: i64 = 200_000;
const KILLS: i64 = 5;

#[test]
fn failure_01_two_hundred_thousand_records_over_five_kills_land_once_and_in_order() {
    let mut plant = Plant::new(PlantOptions::default()).unwrap();
    // One port for all starts, so that the devices find the broker again.
    let port = free_port();
    let mqtt = format!("127.0.0.1:{port}");
    let start = |plant: &mut Plant| {
        plant.spawn(&["--mqtt", &mqtt]).unwrap();
        plant.wait_until_up().unwrap();
    };
    start(&mut plant);
    let journal = plant.beside("acknowledged.csv");
    let records = RECORDS.to_string();
    let args = ["--robots", "200", "--connections", "200", "--rate", "8000", "--records", &records, "--epoch", "7"];
    let mut devices = simulate(&mqtt, &[&args[..], &["--journal", journal.to_str().unwrap()]].concat()).unwrap();
    let lake = plant.lake();
    for kill in 1..=KILLS {
        // Moments spread over the run, told by what has landed and not by the clock.
        let due = RECORDS * kill / (KILLS + 2);
        until_some("records before the next kill", Duration::from_secs(240), || {
            lake.try_int("select count(*) from records").filter(|landed| *landed >= due)
        });
        plant.kill().unwrap();
        start(&mut plant);
    }
    let mut report = String::new();
    devices.stdout.take().unwrap().read_to_string(&mut report).unwrap();
    assert!(devices.wait().unwrap().success(), "{report}");
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["acknowledged"], RECORDS);
    assert!(report["reconnects"].as_i64().unwrap() >= 3 * 200, "most kills strike while devices publish: {report}");

    until("all landed", Duration::from_secs(120), &Some(RECORDS), || lake.try_int("select count(*) from records"));
    assert_eq!(lake.twice().unwrap(), Vec::new());
    assert_eq!(lake.imbalances().unwrap(), Vec::new());
    assert_eq!(lake.int("select coalesce(sum(missing), 0) from ledger").unwrap(), 0);
    assert_eq!(lake.int("select coalesce(sum(rejected), 0) from ledger").unwrap(), 0);
    assert_eq!(
        out_of_order(&lake.text("select robot_id, seq from records order by partition, \"offset\"", "csv").unwrap()),
        None
    );
    assert_eq!(
        missing(
            &std::fs::read_to_string(&journal).unwrap(),
            &lake.text("select robot_id, seq from records", "csv").unwrap()
        ),
        None
    );

    plant.stop().unwrap();
    let audit = plant.audit().unwrap();
    assert!(audit.status.success(), "{}", text(&audit));
    println!("{report} {}", text(&audit));
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The first robot whose sequence numbers do not rise in the order of the log.
fn out_of_order(csv: &str) -> Option<String> {
    let mut last: HashMap<&str, i64> = HashMap::new();
    csv.lines().skip(1).find_map(|line| {
        let (robot, seq) = line.split_once(',')?;
        let seq: i64 = seq.parse().ok()?;
        let before = last.insert(robot, seq);
        before.is_some_and(|before| before >= seq).then(|| format!("{robot}: {before:?} then {seq}"))
    })
}

/// The first acknowledged record that is not in the lake.
fn missing(journal: &str, csv: &str) -> Option<String> {
    let landed: std::collections::HashSet<&str> = csv.lines().skip(1).collect();
    journal.lines().find_map(|line| {
        let mut parts = line.split(',');
        let (robot, seq) = (parts.next()?, parts.nth(1)?);
        (!landed.contains(format!("{robot},{seq}").as_str())).then(|| line.to_owned())
    })
}
