//! What keeps anchors from being made does not keep records from being taken and landed, and is told to everyone who looks.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that cannot go on fails"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use tacho_integration_tests::client::simulated;
use tacho_integration_tests::plant::tacho;
use tacho_integration_tests::{Plant, PlantOptions, until, until_some};

const CONFIG: &str = "profile = \"development\"\n[anchor]\nwindow = \"1s\"\n";
const SOON: Duration = Duration::from_secs(60);

fn publish(plant: &Plant, epoch: &str, further: &[&str]) {
    let args = ["--robots", "5", "--rate", "200", "--records", "100", "--epoch", epoch];
    simulated(&plant.mqtt().unwrap(), &[&args[..], further].concat()).unwrap();
}

/// A plant that has anchored a hundred records and is at rest.
fn anchored(further: &[&str]) -> Plant {
    let mut plant =
        Plant::started(PlantOptions { config: Some(CONFIG.to_owned()), ..PlantOptions::default() }).unwrap();
    publish(&plant, "7", further);
    plant.stop().unwrap();
    plant
}

/// It takes and lands records, and says that it does not anchor them, and why.
fn lands_unanchored(plant: &mut Plant, why: &str) {
    let lake = plant.lake();
    let (records, windows) = ("select count(*) from records", "select count(*) from anchors");
    let (landed, closed) = (lake.int(records).unwrap(), lake.int(windows).unwrap());
    plant.start().unwrap();
    publish(plant, "8", &[]);
    until("records land", SOON, &Some(landed + 100), || lake.try_int(records));
    let (status, ready) = until_some("the reason on the board", SOON, || {
        plant.ask("/ready").ok().filter(|(_, text)| text.contains("anchors: "))
    });
    assert_eq!(status, 503);
    assert!(ready.contains(why), "{ready}");
    let age = |metrics: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix("tacho_anchor_age_seconds "));
        line.and_then(|age| age.parse::<f64>().ok())
    };
    until_some("an age that grows beyond a window", SOON, || {
        let (_, metrics) = plant.ask("/metrics").ok()?;
        assert!(metrics.contains("tacho_part_failing{part=\"anchors\"} 1"), "{metrics}");
        age(&metrics).filter(|age| *age > 1.0)
    });
    assert!(plant.logged().contains("anchoring halts"), "{}", plant.logged());
    plant.stop().unwrap();
    assert_eq!(lake.int(windows).unwrap(), closed, "nothing is anchored meanwhile");
}

/// After the mend what landed meanwhile is anchored, and all is as it should be.
fn anchors_again(plant: &mut Plant, switches: &[&str]) {
    plant.spawn(switches).unwrap();
    plant.wait_until_up().unwrap();
    until("all is anchored", SOON, &true, || {
        let metrics = plant.ask("/metrics").map(|(_, text)| text).unwrap_or_default();
        metrics.contains("tacho_anchor_age_seconds 0\n") && plant.ask("/ready").is_ok_and(|(status, _)| status == 200)
    });
    plant.stop().unwrap();
    let audit = tacho(&["audit", "--data", plant.data().to_str().unwrap()]).unwrap();
    let told = String::from_utf8_lossy(&[audit.stdout, audit.stderr].concat()).into_owned();
    assert!(audit.status.success() && told.contains("not yet anchored: 0 rows"), "{told}");
}

#[test]
fn a_key_that_others_may_read_halts_the_anchors_and_nothing_else() {
    let mut plant = anchored(&[]);
    let key = plant.data().join("keys/log.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    lands_unanchored(&mut plant, "may be read by others");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    anchors_again(&mut plant, &[]);
}

#[test]
fn salt_keys_that_were_cut_halt_the_anchors_until_they_are_restored() {
    let mut plant = anchored(&[]);
    let salts = plant.data().join("keys/salts");
    let month = fs::read_dir(&salts).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&month).unwrap();
    fs::write(&month, "").unwrap();
    lands_unanchored(&mut plant, "restore it from a backup");
    assert_eq!(fs::read(&month).unwrap(), b"", "no key was drawn again");
    fs::write(&month, whole).unwrap();
    anchors_again(&mut plant, &[]);
}

#[test]
fn a_registry_that_has_lost_what_was_lodged_is_given_it_again_only_at_a_word() {
    let mut plant = anchored(&[]);
    fs::remove_dir_all(plant.beside("data.registry")).unwrap();
    lands_unanchored(&mut plant, "--lodge-anew");
    anchors_again(&mut plant, &["--lodge-anew"]);
    let audit = tacho(&["audit", "--data", plant.data().to_str().unwrap()]).unwrap();
    let told = String::from_utf8_lossy(&audit.stdout).into_owned();
    assert!(told.contains("given the log anew after a loss, so many times: 1"), "{told}");
}

#[test]
fn a_dead_letter_of_no_robot_that_can_be_named_is_proved_by_its_place() {
    let plant = anchored(&["--faults", "bad_id=0.2"]);
    let sql = "select log_epoch, partition, \"offset\", ordinal from rejections where robot_id = '?' limit 1";
    let letters = plant.lake().rows(sql).unwrap();
    let [log_epoch, partition, offset, ordinal] =
        ["log_epoch", "partition", "offset", "ordinal"].map(|column| letters[0][column].to_string());
    let data = plant.data();
    let data = data.to_str().unwrap();
    let place = ["--partition", &partition, "--offset", &offset, "--ordinal", &ordinal, "--log-epoch", &log_epoch];
    let args = [&["prove", "--table", "rejected", "--data", data][..], &place].concat();
    let proof = tacho(&args).unwrap();
    assert!(proof.status.success(), "{}", String::from_utf8_lossy(&proof.stderr));
    let file = plant.beside("letter.tlog-proof");
    fs::write(&file, &proof.stdout).unwrap();
    let key = plant.data().join("keys/log.vkey");
    let held = tacho(&["verify", file.to_str().unwrap(), "--key", key.to_str().unwrap()]).unwrap();
    let told = String::from_utf8_lossy(&held.stdout).into_owned();
    assert!(held.status.success() && told.contains("genuine: rejected row of robot ?"), "{told}");

    for wrong in
        [vec!["prove"], vec!["prove", "--offset", "1"], vec!["prove", "--robot", "CNKSTRK6001000000000000000001"]]
    {
        let refused = tacho(&[&wrong[..], &["--data", data]].concat()).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{wrong:?}");
    }
}
