//! A signed roster: robots are flagged by what it says, a newer one takes effect while the instance runs, and robots that
//! cannot be show in `identity_alerts`.

use std::path::Path;
use std::time::Duration;

use tacho_config::Roster;
use tacho_integration_tests::client::{installed, mosquitto_pub};
use tacho_integration_tests::data::{record, topic};
use tacho_integration_tests::http::FileServer;
use tacho_integration_tests::plant::{tacho, text};
use tacho_integration_tests::{Plant, PlantOptions, until};
use tacho_registry::note::{Note, SignerKey};

const ACTIVE: &str = "CNAB12HX00010000000000000001A";
const SCRAPPED: &str = "CNAB12HX00010000000000000002A";
const UNLISTED: &str = "CNAB12HX00010000000000000003A";
const STRANGER: &str = "CNZZ99HX00010000000000000004A";

fn roster(version: u64, status: &str) -> String {
    format!(
        "tacho-roster/1\nversion {version}\nissued 2026-11-21T00:00:00Z\nmanufacturer AB12\nmodel AB12HX0001\n\
         robot {ACTIVE} {status} 2026-01-01 -\nrobot {SCRAPPED} scrapped 2020-01-01 2026-01-01\n"
    )
}

/// Writes the roster and the note that signs it; the note last, as a publisher should.
fn publish_roster(folder: &Path, text: &str, key: &SignerKey) {
    let parsed = Roster::parse(text).unwrap();
    let statement = format!("tacho-roster/1\n{}\n{}\n", parsed.version(), parsed.digest());
    std::fs::write(folder.join("roster"), text).unwrap();
    std::fs::write(folder.join("roster.note"), Note::sign(statement, &[key]).unwrap().to_string()).unwrap();
}

#[test]
fn robots_are_told_by_the_roster_in_force_and_a_newer_one_needs_no_restart() {
    if !installed("mosquitto_pub") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let key = SignerKey::from_seed("registry.example/roster", &[7; 32]).unwrap();
    publish_roster(folder.path(), &roster(1, "active"), &key);
    std::fs::write(folder.path().join("roster.vkey"), format!("{}\n", key.verifier())).unwrap();
    let (file, key_file) = (folder.path().join("roster"), folder.path().join("roster.vkey"));
    let config =
        format!("[anchor]\nwindow = \"1s\"\n[processing]\nroster_file = {file:?}\nroster_key_file = {key_file:?}");
    let mut plant = Plant::started(PlantOptions::configured(&config)).unwrap();
    let mqtt = plant.mqtt().unwrap();
    let lake = plant.lake();
    let send = |robot: &str, seq: i64| {
        let payload = plant.beside("record.json");
        std::fs::write(&payload, record(robot, 1, seq)).unwrap();
        mosquitto_pub(&mqtt, "311", &topic(robot), &payload).unwrap();
    };
    for robot in [ACTIVE, SCRAPPED, UNLISTED, STRANGER] {
        send(robot, 1);
    }
    until("all landed", Duration::from_secs(60), &Some(4), || lake.try_int("select sum(landed) from ledger"));
    let flags = |robot: &str, seq: i64| {
        let sql =
            format!("select coalesce(flags, '') as flags from records where robot_id = '{robot}' and seq = {seq}");
        lake.rows(&sql).unwrap().first().map_or_else(String::new, |row| row["flags"].as_str().unwrap().to_owned())
    };
    assert!(!flags(ACTIVE, 1).contains("robot_"), "{}", flags(ACTIVE, 1));
    assert!(flags(SCRAPPED, 1).contains("robot_scrapped:/robot_id"), "{}", flags(SCRAPPED, 1));
    assert!(flags(UNLISTED, 1).contains("robot_unlisted:/robot_id"), "{}", flags(UNLISTED, 1));
    assert!(flags(STRANGER, 1).contains("unknown_manufacturer:/robot_id"), "{}", flags(STRANGER, 1));

    // Signed by another key: told, and not taken.
    let other = SignerKey::from_seed("registry.example/roster", &[8; 32]).unwrap();
    publish_roster(folder.path(), &roster(2, "scrapped"), &other);
    until("the forged roster is told", Duration::from_secs(30), &true, || {
        plant.logged().contains("the roster is not taken")
    });
    publish_roster(folder.path(), &roster(3, "scrapped"), &key);
    until("the newer roster is in force", Duration::from_secs(30), &true, || {
        plant.logged().contains("a newer roster is in force")
    });
    send(ACTIVE, 2);
    until("landed", Duration::from_secs(60), &Some(5), || lake.try_int("select sum(landed) from ledger"));
    assert!(flags(ACTIVE, 2).contains("robot_scrapped:/robot_id"), "{}", flags(ACTIVE, 2));

    let alerts = lake.rows("select robot_id, kind from identity_alerts").unwrap();
    let has = |robot: &str, kind: &str| alerts.iter().any(|row| row["robot_id"] == robot && row["kind"] == kind);
    assert!(has(SCRAPPED, "zombie") && has(ACTIVE, "zombie") && has(STRANGER, "not_registered"), "{alerts:?}");
    assert_eq!(lake.int("select count(distinct config_digest) from records").unwrap(), 2);

    // The same sequence number with another content, and a counter that falls.
    let payload = plant.beside("clone.json");
    let fallen = record(UNLISTED, 1, 2).replace("1204.5", "7.5");
    std::fs::write(&payload, &fallen).unwrap();
    mosquitto_pub(&mqtt, "311", &topic(UNLISTED), &payload).unwrap();
    std::fs::write(&payload, fallen.replace("7.5", "8.5")).unwrap();
    mosquitto_pub(&mqtt, "311", &topic(UNLISTED), &payload).unwrap();
    until("both counted", Duration::from_secs(60), &Some(7), || lake.try_int("select sum(received) from ledger"));
    let alerts = lake.rows("select robot_id, kind from identity_alerts").unwrap();
    let has = |robot: &str, kind: &str| alerts.iter().any(|row| row["robot_id"] == robot && row["kind"] == kind);
    assert!(has(UNLISTED, "counter_backwards") && has(UNLISTED, "sequence_conflict"), "{alerts:?}");
    until("all is anchored", Duration::from_secs(60), &true, || {
        plant.audit().is_ok_and(|said| text(&said).contains("not yet anchored: 0 rows"))
    });
    plant.stop().unwrap();
    stated(&plant, [(1, roster(1, "active")), (2, roster(3, "scrapped"))]);
}

/// Each row's window states the roster that was in force, and a roster that is gone from the lake is missed.
fn stated(plant: &Plant, rosters: [(i64, String); 2]) {
    let data = plant.data();
    for (seq, roster) in rosters {
        let digest = Roster::parse(&roster).unwrap().digest();
        let seq = seq.to_string();
        let proof = tacho(&["prove", "--robot", ACTIVE, "--seq", &seq, "--data", data.to_str().unwrap()]).unwrap();
        let file = plant.beside("row.tlog-proof");
        std::fs::write(&file, &proof.stdout).unwrap();
        let key = data.join("keys/log.vkey");
        let held = tacho(&["verify", file.to_str().unwrap(), "--key", key.to_str().unwrap()]).unwrap();
        assert!(text(&held).contains(&format!("roster of robots with SHA-256 {digest}")), "seq {seq}: {}", text(&held));
        let stored = data.join(format!("lake/_config/{digest}.json"));
        let aside = plant.beside("roster-aside");
        std::fs::rename(&stored, &aside).unwrap();
        let found = plant.audit().unwrap();
        assert!(!found.status.success() && text(&found).contains(&digest.to_string()), "{}", text(&found));
        std::fs::rename(&aside, &stored).unwrap();
    }
    let sound = plant.audit().unwrap();
    assert!(sound.status.success(), "{}", text(&sound));
}

/// Over HTTP: fetched while the instance runs, kept for the next start, renewed when the address has a newer one.
#[test]
fn a_roster_at_an_address_is_fetched_kept_and_renewed() {
    if !installed("mosquitto_pub") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let key = SignerKey::from_seed("registry.example/roster", &[7; 32]).unwrap();
    std::fs::write(folder.path().join("roster.vkey"), format!("{}\n", key.verifier())).unwrap();
    let (server, key_file) = (FileServer::start(folder.path()).unwrap(), folder.path().join("roster.vkey"));
    let url = server.url("roster");
    let config = format!("[processing]\nroster_url = {url:?}\nroster_every = \"1s\"\nroster_key_file = {key_file:?}");
    // Nothing is there yet: records are taken all the same.
    let mut plant = Plant::started(PlantOptions::configured(&config)).unwrap();
    let lake = plant.lake();
    let in_force = |plant: &Plant, version: u64| {
        until("the roster is in force", Duration::from_secs(30), &true, || {
            plant.logged().contains("a newer roster is in force")
                && plant.logged().contains(&format!("version={version}"))
        });
    };
    let flags = |plant: &Plant, seq: i64| {
        let payload = plant.beside("record.json");
        std::fs::write(&payload, record(ACTIVE, 1, seq)).unwrap();
        mosquitto_pub(&plant.mqtt().unwrap(), "311", &topic(ACTIVE), &payload).unwrap();
        until("landed", Duration::from_secs(60), &Some(seq), || lake.try_int("select max(seq) from records"));
        lake.text(&format!("select flags from records where seq = {seq}"), "csv").unwrap()
    };
    assert!(!flags(&plant, 1).contains("robot_"));
    publish_roster(folder.path(), &roster(1, "suspended"), &key);
    in_force(&plant, 1);
    assert!(flags(&plant, 2).contains("robot_suspended:/robot_id"));
    // The registry is away: what was kept is in force from the start.
    drop(server);
    plant.stop().unwrap();
    plant.start().unwrap();
    assert!(flags(&plant, 3).contains("robot_suspended:/robot_id"));
    plant.stop().unwrap();
    assert!(plant.audited().is_ok());
}
