//! A signed roster: robots are flagged by what it says of the day of their record, a newer one takes effect while the instance
//! runs, robots that cannot be show in `identity_alerts`; and no restart goes back to an older one, or to none.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tacho_config::Roster;
use tacho_integration_tests::client::{installed, mosquitto_pub};
use tacho_integration_tests::cluster::Cluster;
use tacho_integration_tests::data::{record, topic};
use tacho_integration_tests::http::FileServer;
use tacho_integration_tests::kafka::Broker;
use tacho_integration_tests::plant::{program, tacho, text};
use tacho_integration_tests::{Plant, PlantOptions, until, until_some};
use tacho_registry::note::{Note, SignerKey};

const ACTIVE: &str = "CNAB12HX00010000000000000001A";
const SCRAPPED: &str = "CNAB12HX00010000000000000002A";
const UNLISTED: &str = "CNAB12HX00010000000000000003A";
const STRANGER: &str = "CNZZ99HX00010000000000000004A";

const LONG: Duration = Duration::from_secs(60);

fn roster(version: u64, status: &str) -> String {
    format!(
        "tacho-roster/1\nversion {version}\nissued 2026-11-21T00:00:00Z\nmanufacturer AB12\nmodel AB12HX0001\n\
         robot {ACTIVE} {status} 2026-03-01 -\nrobot {SCRAPPED} scrapped 2020-01-01 2026-01-01\n"
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

    // A robot is judged by the day of its record: in use until it was scrapped, and none before it was commissioned.
    for robot in [ACTIVE, SCRAPPED] {
        let payload = plant.beside("record.json");
        std::fs::write(&payload, record(robot, 1, 9).replace("2026-11-21T", "2025-12-31T")).unwrap();
        mosquitto_pub(&mqtt, "311", &topic(robot), &payload).unwrap();
    }
    until("both landed", Duration::from_secs(60), &Some(6), || lake.try_int("select sum(landed) from ledger"));
    assert!(flags(ACTIVE, 9).contains("robot_not_commissioned:/robot_id"), "{}", flags(ACTIVE, 9));
    assert!(!flags(SCRAPPED, 9).contains("robot_"), "{}", flags(SCRAPPED, 9));

    // Signed by another key: told, and not taken.
    let other = SignerKey::from_seed("registry.example/roster", &[8; 32]).unwrap();
    publish_roster(folder.path(), &roster(2, "scrapped"), &other);
    until("the forged roster is told", Duration::from_secs(30), &true, || {
        plant.logged().contains("the roster is not taken")
    });
    publish_roster(folder.path(), &roster(3, "scrapped"), &key);
    until("the newer roster is in force", Duration::from_secs(30), &true, || {
        plant.logged().contains("another roster is in force")
    });
    send(ACTIVE, 2);
    until("landed", Duration::from_secs(60), &Some(7), || lake.try_int("select sum(landed) from ledger"));
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
    until("both counted", Duration::from_secs(60), &Some(9), || lake.try_int("select sum(received) from ledger"));
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
            let logged = plant.logged();
            logged.lines().any(|line| {
                line.contains("another roster is in force") && line.contains(&format!("version={version} "))
            })
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
    // What cannot be kept is not put in force, and is tried again until it can.
    let (kept, aside) = (plant.data().join("roster"), plant.beside("roster-aside"));
    std::fs::rename(&kept, &aside).unwrap();
    std::fs::write(&kept, "no folder").unwrap();
    publish_roster(folder.path(), &roster(2, "scrapped"), &key);
    until("it is told", LONG, &true, || plant.logged().contains("keeping the roster"));
    std::fs::remove_file(&kept).unwrap();
    in_force(&plant, 2);
    assert!(flags(&plant, 3).contains("robot_scrapped:/robot_id"));
    // The registry is away: what was kept is in force from the start.
    drop(server);
    plant.stop().unwrap();
    plant.start().unwrap();
    assert!(flags(&plant, 4).contains("robot_scrapped:/robot_id"));
    // So is what the lake has, where nothing is kept, or what is kept is older.
    for old in [None, Some(&aside)] {
        plant.stop().unwrap();
        let seq = match old {
            None => std::fs::remove_dir_all(&kept).map(|()| 5).unwrap(),
            Some(old) => std::fs::rename(old, &kept).map(|()| 6).unwrap(),
        };
        plant.start().unwrap();
        assert!(flags(&plant, seq).contains("robot_scrapped:/robot_id"));
    }
    assert!(plant.logged().contains("the kept roster is not taken: the one in force stays"), "{}", plant.logged());
    plant.stop().unwrap();
    assert!(plant.audited().is_ok());
}

/// What a start logs that is refused.
fn refused(plant: &mut Plant) -> String {
    let before = plant.logged().len();
    plant.start().expect_err("the start is refused");
    plant.logged().split_off(before)
}

fn metric(plant: &Plant, name: &str) -> Option<String> {
    let (_status, text) = plant.ask("/metrics").ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).map(str::to_owned)
}

/// From a file: neither a running instance nor a start takes an older roster, another text of the same version, or none; unless
/// whoever starts it says so.
#[test]
fn an_older_roster_another_text_or_none_takes_more_than_a_restart() {
    if !installed("mosquitto_pub") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let key = SignerKey::from_seed("registry.example/roster", &[7; 32]).unwrap();
    let publish = |version: u64, status: &str| publish_roster(folder.path(), &roster(version, status), &key);
    publish(2, "suspended");
    let (file, key_file) = (folder.path().join("roster"), folder.path().join("roster.vkey"));
    std::fs::write(&key_file, format!("{}\n", key.verifier())).unwrap();
    let config = format!("[processing]\nroster_file = {file:?}\nroster_key_file = {key_file:?}\n");
    let mut plant = Plant::started(PlantOptions::configured(&config)).unwrap();
    let lake = plant.lake();
    let flags = |plant: &Plant, seq: i64| {
        let payload = plant.beside("record.json");
        std::fs::write(&payload, record(ACTIVE, 1, seq)).unwrap();
        mosquitto_pub(&plant.mqtt().unwrap(), "311", &topic(ACTIVE), &payload).unwrap();
        until("landed", LONG, &Some(seq), || lake.try_int("select max(seq) from records"));
        lake.text(&format!("select flags from records where seq = {seq}"), "csv").unwrap()
    };
    assert!(flags(&plant, 1).contains("robot_suspended:/robot_id"));
    for (version, why) in [(1, "version 1 is older than 2"), (2, "version 2 is in force with another text")] {
        publish(version, "active");
        until(why, LONG, &true, || plant.logged().contains(why));
        assert_eq!(metric(&plant, "tacho_roster_failing").as_deref(), Some("1"));
    }
    assert!(flags(&plant, 2).contains("robot_suspended:/robot_id"));
    plant.stop().unwrap();

    // Only the lake knows what is in force.
    std::fs::remove_dir_all(plant.data().join("roster")).unwrap();
    assert!(refused(&mut plant).contains("version 2 is in force with another text"), "{}", plant.logged());
    publish(1, "active");
    assert!(refused(&mut plant).contains("version 1 is older than 2"), "{}", plant.logged());
    publish(2, "suspended");
    plant.start().unwrap();
    // What cannot be kept is tried again, although the files do not change.
    let kept = plant.data().join("roster");
    until_some("a file in the folder's place", LONG, || {
        // The instance may make the folder anew at any moment.
        std::fs::remove_dir_all(&kept).ok();
        std::fs::write(&kept, "no folder").ok()
    });
    publish(3, "scrapped");
    until("it is told", LONG, &true, || plant.logged().contains("keeping the roster"));
    std::fs::remove_file(&kept).unwrap();
    until("version 3 is in force", LONG, &Some("3".to_owned()), || metric(&plant, "tacho_roster_version"));
    until("it is taken", LONG, &Some("0".to_owned()), || metric(&plant, "tacho_roster_failing"));
    // Perhaps it has not landed.
    plant.kill().unwrap();
    publish(2, "suspended");
    assert!(refused(&mut plant).contains("version 2 is older than 3"), "{}", plant.logged());
    plant.spawn(&["--other-roster"]).unwrap();
    plant.wait_until_up().unwrap();
    assert!(flags(&plant, 3).contains("robot_suspended:/robot_id"));
    plant.stop().unwrap();

    let with_roster = std::fs::read_to_string(plant.beside("tacho.toml")).unwrap();
    let without = with_roster.lines().filter(|line| !line.starts_with("roster_")).collect::<Vec<_>>().join("\n");
    std::fs::write(plant.beside("tacho.toml"), without).unwrap();
    assert!(refused(&mut plant).contains("version 2 is in force, and the settings name none"), "{}", plant.logged());
    plant.spawn(&["--other-roster"]).unwrap();
    plant.wait_until_up().unwrap();
    assert!(!flags(&plant, 4).contains("robot_suspended"));
    assert_eq!(metric(&plant, "tacho_roster_version").as_deref(), Some("0"));
    plant.stop().unwrap();
    plant.start().unwrap();
    plant.stop().unwrap();
    assert!(plant.audited().is_ok());
}

/// In a deployment of roles `tacho config apply` fetches the roster, and with `--watch` goes on to put newer ones in force.
#[test]
fn a_deployment_on_kafka_gets_its_rosters_by_config_apply() {
    if !installed("mosquitto_pub") {
        return;
    }
    let Some(broker) = Broker::started().unwrap() else { return };
    let folder = tempfile::tempdir().unwrap();
    let key = SignerKey::from_seed("registry.example/roster", &[7; 32]).unwrap();
    let (server, key_file) = (FileServer::start(folder.path()).unwrap(), folder.path().join("roster.vkey"));
    std::fs::write(&key_file, format!("{}\n", key.verifier())).unwrap();
    publish_roster(folder.path(), &roster(1, "suspended"), &key);
    let url = server.url("roster");
    let lines = format!("[processing]\nroster_url = {url:?}\nroster_every = \"1s\"\nroster_key_file = {key_file:?}");
    let mut cluster = Cluster::new(&broker, 2, &lines).unwrap();
    let (ingest, _process) = (cluster.started("ingest").unwrap(), cluster.started("process").unwrap());
    let (mqtt, lake) = (cluster.mqtt(ingest), cluster.lake());
    let flags = |cluster: &Cluster, seq: i64| {
        let payload = cluster.path("record.json");
        std::fs::write(&payload, record(ACTIVE, 1, seq)).unwrap();
        mosquitto_pub(&mqtt, "311", &topic(ACTIVE), &payload).unwrap();
        until("landed", LONG, &Some(seq), || lake.try_int("select max(seq) from records"));
        lake.text(&format!("select flags from records where seq = {seq}"), "csv").unwrap()
    };
    assert!(flags(&cluster, 1).contains("robot_suspended:/robot_id"), "fetched by config apply");
    let log = cluster.path("watch.log");
    let mut watch = Command::new(program())
        .args(["config", "apply", "--watch", "--config"])
        .arg(cluster.config())
        .stdout(Stdio::null())
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    publish_roster(folder.path(), &roster(2, "scrapped"), &key);
    until("version 2 is in force", LONG, &true, || {
        std::fs::read_to_string(&log).is_ok_and(|log| log.contains("another roster is in force"))
    });
    assert!(Command::new("kill").arg(watch.id().to_string()).status().unwrap().success());
    assert!(until_some("the end of the watch", LONG, || watch.try_wait().unwrap()).success());
    assert!(flags(&cluster, 2).contains("robot_scrapped:/robot_id"));
    // The address goes back: that takes a word.
    publish_roster(folder.path(), &roster(1, "suspended"), &key);
    cluster.apply().unwrap();
    assert!(flags(&cluster, 3).contains("robot_scrapped:/robot_id"));
    let config = cluster.config();
    let applied = tacho(&["config", "apply", "--other-roster", "--config", config.to_str().unwrap()]).unwrap();
    assert!(applied.status.success(), "{}", text(&applied));
    assert!(flags(&cluster, 4).contains("robot_suspended:/robot_id"));
}
