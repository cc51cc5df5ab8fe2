//! The lake on an object store: every command works there, of many creators one wins, and an answer that gets lost doubles
//! nothing.

use std::time::Duration;

use futures::future::join_all;
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _, PutMode};
use tacho_integration_tests::client::simulated;
use tacho_integration_tests::plant::{tacho, text};
use tacho_integration_tests::s3::{BUCKET, KEY_ID, LosingProxy, S3Server, SECRET};
use tacho_integration_tests::{Plant, PlantOptions, until};
use tacho_lake::place::{AccessKey, Bucket};
use tacho_lake::{LakePlace, LakeStore};

const SOON: Duration = Duration::from_secs(120);
const EAGER: &str = "[anchor]\nwindow = \"1s\"\n[lake.compaction]\ninterval = \"1s\"\nmin_files = 2\n";

/// Rows of a query by way of the plant's configuration, which names the store.
fn rows(plant: &Plant, sql: &str) -> Option<Vec<serde_json::Value>> {
    let config = plant.beside("tacho.toml");
    let output = tacho(&["sql", sql, "--config", config.to_str().unwrap(), "--format", "json"]).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    output.status.success().then(|| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn int(plant: &Plant, sql: &str) -> Option<i64> {
    rows(plant, sql)?.first()?.as_object()?.values().next()?.as_i64()
}

fn with_config(plant: &Plant, args: &[&str]) -> std::process::Output {
    let config = plant.beside("tacho.toml");
    tacho(&[args, &["--config", config.to_str().unwrap()]].concat()).unwrap()
}

fn plant_on(section: &str) -> Plant {
    let plant = Plant::new(PlantOptions::configured(&format!("data_dir = \"data\"\n{section}{EAGER}"))).unwrap();
    assert!(!plant.data().exists());
    plant
}

fn assert_once_and_balanced(plant: &Plant, received: i64) {
    assert_eq!(int(plant, "select sum(received) from ledger"), Some(received));
    assert_eq!(int(plant, "select count(*) from ledger where received <> landed + duplicate + rejected"), Some(0));
    assert_eq!(int(plant, "select count(*) from records"), int(plant, "select sum(landed) from ledger"));
    assert_eq!(int(plant, "select count(*) from rejected"), int(plant, "select sum(rejected) from ledger"));
    let twice =
        "select robot_id, stream_epoch, seq from records group by robot_id, stream_epoch, seq having count(*) > 1";
    assert_eq!(rows(plant, twice), Some(Vec::new()));
}

#[test]
fn up_sql_audit_and_prove_work_on_an_object_store_and_a_kill_costs_nothing() {
    let Some(server) = S3Server::started().unwrap() else { return };
    let mut plant = plant_on(&server.lake_section(server.address()).unwrap());
    plant.start().unwrap();
    let run = |plant: &Plant, epoch: &str| {
        let faults = "gap=0.05,duplicate=0.05,poison=0.05,reorder=0.05";
        let args = ["--robots", "10", "--rate", "0", "--records", "1000", "--epoch", epoch, "--faults", faults];
        simulated(&plant.mqtt().unwrap(), &args).unwrap()["acknowledged"].as_i64().unwrap()
    };
    let first = run(&plant, "1");
    until("the first are counted", SOON, &Some(first), || int(&plant, "select sum(received) from ledger"));
    plant.kill().unwrap();
    plant.start().unwrap();
    let received = first + run(&plant, "2");
    until("all counted", SOON, &Some(received), || int(&plant, "select sum(received) from ledger"));
    until("files are merged", SOON, &true, || plant.logged().contains("files merged"));
    plant.stop().unwrap();

    assert_once_and_balanced(&plant, received);
    assert!(!plant.data().join("lake").exists(), "nothing of the lake is on this disk");
    assert!(server.objects("plant/7/records/_delta_log").unwrap() > 2);
    let audit = with_config(&plant, &["audit"]);
    assert!(audit.status.success(), "{}", text(&audit));
    let row = &rows(&plant, "select robot_id, stream_epoch, seq from records limit 1").unwrap()[0];
    let [seq, epoch] = ["seq", "stream_epoch"].map(|column| row[column].to_string());
    let proof =
        with_config(&plant, &["prove", "--robot", row["robot_id"].as_str().unwrap(), "--seq", &seq, "--epoch", &epoch]);
    assert!(proof.status.success(), "{}", text(&proof));
    let file = plant.beside("row.tlog-proof");
    std::fs::write(&file, proof.stdout).unwrap();
    let key = plant.data().join("keys/log.vkey");
    let verified = tacho(&["verify", file.to_str().unwrap(), "--key", key.to_str().unwrap()]).unwrap();
    assert!(verified.status.success(), "{}", text(&verified));
    assert!(!plant.logged().contains(SECRET));
}

#[test]
fn a_put_whose_answer_got_lost_doubles_nothing() {
    let Some(server) = S3Server::started().unwrap() else { return };
    let proxy = LosingProxy::before(server.address(), 3, "_delta_log").unwrap();
    let mut plant = plant_on(&server.lake_section(proxy.address()).unwrap());
    plant.start().unwrap();
    let mut received = 0;
    for epoch in ["1", "2", "3"] {
        let args = ["--robots", "10", "--rate", "0", "--records", "500", "--epoch", epoch, "--faults", "poison=0.05"];
        received += simulated(&plant.mqtt().unwrap(), &args).unwrap()["acknowledged"].as_i64().unwrap();
        until("all counted", SOON, &Some(received), || int(&plant, "select sum(received) from ledger"));
    }
    plant.stop().unwrap();
    assert!(proxy.lost() >= 10, "{} answers were lost", proxy.lost());
    assert_once_and_balanced(&plant, received);
    let audit = with_config(&plant, &["audit"]);
    assert!(audit.status.success(), "{}", text(&audit));
}

#[test]
fn a_commit_all_of_whose_answers_got_lost_is_found_to_have_been_made() {
    let Some(server) = S3Server::started().unwrap() else { return };
    let proxy = LosingProxy::before(server.address(), usize::MAX, "/records/_delta_log").unwrap();
    let mut plant = plant_on(&server.lake_section(proxy.address()).unwrap());
    plant.start().unwrap();
    let mut received = 0;
    for (epoch, lost) in [("1", 3), ("2", 6), ("3", 9)] {
        proxy.lose_next(3);
        let args = ["--robots", "5", "--rate", "0", "--records", "100", "--epoch", epoch];
        received += simulated(&plant.mqtt().unwrap(), &args).unwrap()["acknowledged"].as_i64().unwrap();
        until("all counted", SOON, &Some(received), || int(&plant, "select sum(received) from ledger"));
        until("the answers are lost", SOON, &lost, || proxy.lost());
    }
    plant.stop().unwrap();
    assert_once_and_balanced(&plant, received);
    let audit = with_config(&plant, &["audit"]);
    assert!(audit.status.success(), "{}", text(&audit));
}

#[test]
fn of_many_creators_of_one_object_one_wins_also_where_answers_get_lost() {
    let Some(server) = S3Server::started().unwrap() else { return };
    let proxy = LosingProxy::before(server.address(), 5, "entry").unwrap();
    let place = LakePlace::Bucket(Bucket {
        url: format!("s3://{BUCKET}/race").parse().unwrap(),
        endpoint: Some(format!("http://{}", proxy.address())),
        region: "us-east-1".to_owned(),
        key: Some(AccessKey { id: KEY_ID.to_owned(), secret: SECRET.to_owned() }),
    });
    let lake = LakeStore::open(&place).unwrap();
    let store = lake.objects();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for round in 0..40 {
            let path = Path::from(format!("entry-{round}"));
            let puts = (0..8).map(|n| store.put_opts(&path, format!("{n}").into(), PutMode::Create.into()));
            let results = join_all(puts).await;
            let winners: Vec<usize> = (0..8).filter(|n| results[*n].is_ok()).collect();
            let kept = store.get(&path).await.unwrap().bytes().await.unwrap();
            assert!(winners.len() <= 1, "{results:?}");
            assert!(winners.iter().all(|n| kept == n.to_string()), "what is kept is the winner's");
        }
    });
    assert!(proxy.lost() > 0);
}
