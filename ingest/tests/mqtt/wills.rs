//! Wills go out when a connection is lost, and only then.

use super::plant::{Plant, ROBOT, telemetry};
use super::raw::{Connect, Raw, subscribe};

/// Session expiry interval of 100 s.
const EXPIRY: &[u8] = &[0x11, 0, 0, 0, 100];
/// Will delay interval.
const DELAY_1_S: &[u8] = &[0x18, 0, 0, 0, 1];
const DELAY_60_S: &[u8] = &[0x18, 0, 0, 0, 60];

async fn watcher(plant: &Plant) -> Raw {
    let mut watcher = Raw::connected(plant.addr, 4, "watcher").await;
    watcher.send(&subscribe(false, 1, &[("wills/#", 0), ("robots/#", 0)])).await;
    watcher.packet().await;
    watcher
}

fn with_will<'a>(id: &'a str, delay: &'a [u8], topic: &'a str) -> Connect<'a> {
    let will = Some((0, delay, topic, id.as_bytes()));
    Connect { id, clean: true, properties: EXPIRY, will, ..Connect::default() }
}

#[tokio::test]
async fn a_lost_connection_publishes_its_will_and_a_disconnect_does_not() {
    let plant = Plant::start().await;
    let mut watcher = watcher(&plant).await;
    let (mut polite, _) =
        Raw::joined(plant.addr, 4, Connect { properties: &[], ..with_will("polite", &[], "wills/a") }).await;
    polite.send(&[0xE0, 0]).await;
    polite.expect_end().await;
    let (lost, _) = Raw::joined(plant.addr, 4, Connect { properties: &[], ..with_will("lost", &[], "wills/b") }).await;
    drop(lost);
    assert_eq!(watcher.forwarded().await, ("wills/b".to_owned(), b"lost".to_vec()));
    let (mut with, _) = Raw::joined(plant.addr, 5, with_will("with", &[], "wills/c")).await;
    with.send(&[0xE0, 1, 4]).await;
    assert_eq!(watcher.forwarded().await, ("wills/c".to_owned(), b"with".to_vec()));
    let (mut broken, _) = Raw::joined(plant.addr, 5, with_will("broken", &[], "wills/d")).await;
    broken.send(&[0xF0, 0]).await;
    broken.expect_disconnect(0x82).await;
    assert_eq!(watcher.forwarded().await, ("wills/d".to_owned(), b"broken".to_vec()));
    plant.end().await;
}

#[tokio::test]
async fn a_will_on_a_telemetry_topic_is_appended_like_a_publish() {
    let plant = Plant::start().await;
    let mut watcher = watcher(&plant).await;
    let topic = telemetry(ROBOT);
    let (lost, _) = Raw::joined(plant.addr, 5, with_will("lost", &[], &topic)).await;
    drop(lost);
    assert_eq!(watcher.forwarded().await, (topic, b"lost".to_vec()));
    assert_eq!(&plant.records(1).await[0].payload[..], b"lost");
    plant.end().await;
}

#[tokio::test]
async fn a_delayed_will_is_dropped_by_who_comes_back_and_sent_for_who_does_not() {
    let plant = Plant::start().await;
    let mut watcher = watcher(&plant).await;
    let back = with_will("back", DELAY_60_S, "wills/back");
    drop(Raw::joined(plant.addr, 5, back).await);
    let (mut back, connack) = Raw::joined(plant.addr, 5, Connect { clean: false, will: None, ..back }).await;
    assert_eq!(connack[2], 1);
    back.send(&[0xE0, 0]).await;
    let discarded = with_will("discarded", DELAY_60_S, "wills/discarded");
    drop(Raw::joined(plant.addr, 5, discarded).await);
    drop(Raw::joined(plant.addr, 5, Connect { will: None, ..discarded }).await);
    assert_eq!(watcher.forwarded().await.0, "wills/discarded", "the end of the session is the end of the delay");
    drop(Raw::joined(plant.addr, 5, with_will("away", DELAY_1_S, "wills/away")).await);
    assert_eq!(watcher.forwarded().await.0, "wills/away");
    watcher.expect_alive_and_nothing_else().await;
    plant.end().await;
}
