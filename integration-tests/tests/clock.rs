//! Time: the host's clock jumps by years while it records, a day and a month end, and devices have any clock.

use std::time::Duration;

use tacho_integration_tests::clock::Clock;
use tacho_integration_tests::data::{ROBOT, record, topic};
use tacho_integration_tests::device::{Bystander, Device, publish};
use tacho_integration_tests::plant::tacho;
use tacho_integration_tests::{Plant, PlantOptions, until};

const LANDED: Duration = Duration::from_secs(40);
/// 2026-11-30T23:59:55Z.
const MONTH_END_S: i64 = 1_796_083_195;

/// Publishes records of an epoch, each acknowledged before the next, and waits until all so far have landed.
fn publish_and_land(plant: &Plant, device: &mut Device, epoch: i64, landed: i64) {
    for (pkid, seq) in (1..).zip(1..=3) {
        device.send(&publish(&topic(ROBOT), pkid, record(ROBOT, epoch, seq).as_bytes())).unwrap();
        device.acknowledged(pkid).unwrap();
    }
    let lake = plant.lake();
    until("all landed", LANDED, &Some(landed), || lake.try_int("select count(*) from records"));
}

/// Ends the plant; then everything is anchored, the audit finds nothing, and a row's proof holds.
fn holds(plant: &mut Plant, proven: &[(i64, i64)]) {
    plant.stop().unwrap();
    let data = plant.data();
    let data = data.to_str().unwrap();
    let lake = plant.lake();
    assert_eq!(lake.twice().unwrap(), Vec::new());
    assert_eq!(lake.imbalances().unwrap(), Vec::new());
    let audit = tacho(&["audit", "--data", data]).unwrap();
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&[audit.stdout, audit.stderr].concat()));
    for (epoch, seq) in proven {
        let (epoch, seq) = (epoch.to_string(), seq.to_string());
        let args = ["prove", "--robot", ROBOT, "--epoch", &epoch, "--seq", &seq, "--data", data];
        let proof = tacho(&args).unwrap();
        assert!(proof.status.success(), "{}", String::from_utf8_lossy(&proof.stderr));
        let file = plant.beside("row.tlog-proof");
        std::fs::write(&file, &proof.stdout).unwrap();
        let key = format!("{data}/keys/log.vkey");
        let verified = tacho(&["verify", file.to_str().unwrap(), "--key", &key]).unwrap();
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    }
}

#[test]
fn a_clock_that_jumps_by_years_both_ways_loses_nothing_and_proofs_of_every_era_hold() {
    let mut plant = Plant::new(PlantOptions::eager()).unwrap();
    let Some(clock) = Clock::new(plant.beside("").as_path()).unwrap() else {
        return;
    };
    plant.set_env(clock.env());
    plant.start().unwrap();
    let connected = |plant: &Plant| Device::connected(&plant.mqtt().unwrap(), "device", 10).unwrap();
    // Its connection outlives the jumps: nothing that it waits for goes by the wall clock.
    let mut device = connected(&plant);
    let years = [0, 5, -5, 0, 40, -20, 0];
    for (epoch, ahead) in (1..).zip(years) {
        clock.set_years(ahead).unwrap();
        publish_and_land(&plant, &mut device, epoch, 3 * epoch);
        if ahead == 40 {
            // Dies in one era and begins again in another.
            plant.kill().unwrap();
            clock.set_years(-1).unwrap();
            plant.start().unwrap();
            device = connected(&plant);
        }
    }
    let lake = plant.lake();
    let days = lake.int("select count(distinct received_day) from records").unwrap();
    assert_eq!(days, 5, "each era has its day of receipt");
    let silent = lake.int("select cast(silent_s as bigint) from fleet").unwrap();
    assert!((0..60).contains(&silent), "the latest is the latest by its own numbering: {silent} s");
    holds(&mut plant, &[(1, 1), (2, 2), (3, 3), (5, 1), (6, 2), (7, 3)]);
}

#[test]
fn a_month_that_ends_while_it_records_has_a_day_and_salts_on_each_side() {
    let mut plant = Plant::new(PlantOptions::eager()).unwrap();
    let Some(clock) = Clock::new(plant.beside("").as_path()).unwrap() else {
        return;
    };
    plant.set_env(clock.env());
    clock.set_to(MONTH_END_S).unwrap();
    plant.start().unwrap();
    let bystander = Bystander::start(&plant.mqtt().unwrap(), ROBOT, 1).unwrap();
    let lake = plant.lake();
    until("records of both days", LANDED, &Some(2), || {
        lake.try_int("select count(distinct received_day) from records")
    });
    let published = i64::try_from(bystander.end().unwrap().latencies.len()).unwrap();
    until("all landed", LANDED, &Some(published), || lake.try_int("select count(*) from records"));
    let days = lake.text("select distinct received_day from records order by 1", "csv").unwrap();
    assert_eq!(days, "received_day\n2026-11-30\n2026-12-01\n");
    assert_eq!(lake.int("select count(*) from gap_events").unwrap(), 0);
    holds(&mut plant, &[(1, 1), (1, published)]);
    let salts = plant.data().join("keys/salts");
    assert!(salts.join("2026-11").exists() && salts.join("2026-12").exists());
}

#[test]
fn devices_with_any_clock_are_stored_with_their_claim_and_flagged() {
    let mut plant = Plant::started(PlantOptions::eager()).unwrap();
    let now_s = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    // Time as claimed, and whether it is suspect.
    let claims = [
        ("\"1970-01-01T00:00:00Z\"".to_owned(), true),
        ("0".to_owned(), true),
        ("\"2014-12-31T23:59:59Z\"".to_owned(), true),
        ("\"2015-01-01T00:00:00Z\"".to_owned(), false),
        ("\"2024-02-29T23:59:59.999999+14:00\"".to_owned(), false),
        ("\"2099-12-31T23:59:59Z\"".to_owned(), true),
        (format!("{}", (now_s - 60) * 1000), false),
        (format!("{}", (now_s + 200) * 1000), false),
        (format!("{}", (now_s + 400) * 1000), true),
    ];
    let mut device = Device::connected(&plant.mqtt().unwrap(), "device", 60).unwrap();
    for (seq, (claim, _)) in (1..).zip(&claims) {
        let text =
            record(ROBOT, 1, seq).replace("\"2026-11-21T08:00:00Z\"", claim).replace("\"2026-11-21T08:15:00Z\"", claim);
        let pkid = u16::try_from(seq).unwrap();
        device.send(&publish(&topic(ROBOT), pkid, text.as_bytes())).unwrap();
        device.acknowledged(pkid).unwrap();
    }
    let lake = plant.lake();
    let all = i64::try_from(claims.len()).unwrap();
    until("all landed", LANDED, &Some(all), || lake.try_int("select count(*) from records"));
    let rows = lake.rows("select flags like '%clock_suspect%' as suspect from records order by seq").unwrap();
    for (row, (claim, suspect)) in rows.iter().zip(&claims) {
        assert_eq!(row["suspect"].as_bool().unwrap_or(false), *suspect, "{claim}");
    }
    assert_eq!(lake.int("select count(distinct received_day) from records").unwrap(), 1);
    assert_eq!(lake.int("select date_part('year', window_end) from records where seq = 6").unwrap(), 2099);
    holds(&mut plant, &[(1, 1), (1, 6)]);
}
