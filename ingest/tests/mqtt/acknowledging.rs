//! A publish is acknowledged when the log has it, in order, and not before.

use std::time::Duration;

use tacho_schemas::{Digest, RawKind, RobotKey};

use super::plant::{PATIENCE, Plant, ROBOT, telemetry};
use super::raw::{Connect, Raw, connect, packet, publish};

#[tokio::test]
async fn a_publish_is_in_the_log_when_its_puback_comes() {
    let plant = Plant::start().await;
    for (level, properties) in [(4, None), (5, Some(&[][..]))] {
        let before = plant.record_count();
        let mut client = Raw::connected(plant.addr, level, "c").await;
        client.send(&publish(1, &telemetry(ROBOT), 7, properties, b"{}")).await;
        assert_eq!(client.packet().await, [0x40, 2, 0, 7]);
        assert_eq!(plant.record_count(), before + 1, "MQTT level {level}");
    }
    let records = plant.records(2).await;
    for record in &records {
        assert_eq!(record.envelope.robot, RobotKey::Id(ROBOT.parse().unwrap()));
        assert_eq!((&record.payload[..], &record.envelope.kind), (&b"{}"[..], &RawKind::Telemetry));
        assert_eq!(&*record.envelope.principal, "");
        assert!(record.envelope.received_at_us > 1_600_000_000_000_000);
    }
    let [first, second] = [&records[0].envelope.id, &records[1].envelope.id];
    assert!(first.session == second.session && first.counter < second.counter);
    plant.end().await;
}

#[tokio::test]
async fn qos_0_is_appended_without_an_answer() {
    let plant = Plant::start().await;
    let mut client = Raw::connected(plant.addr, 4, "c").await;
    client.send(&publish(0, &telemetry(ROBOT), 0, None, b"zero")).await;
    assert_eq!(&plant.records(1).await[0].payload[..], b"zero");
    client.expect_alive_and_nothing_else().await;
    plant.end().await;
}

#[tokio::test]
async fn a_repeated_qos_2_publish_is_appended_once_until_it_is_released() {
    let plant = Plant::start().await;
    let mut client = Raw::connected(plant.addr, 5, "c").await;
    let message = publish(2, &telemetry(ROBOT), 9, Some(&[]), b"two");
    for _first_and_repeated in 0..2 {
        client.send(&message).await;
        assert_eq!(client.packet().await, [0x50, 2, 0, 9]);
    }
    client.send(&packet(0x62, &[0, 9])).await;
    assert_eq!(client.packet().await, [0x70, 2, 0, 9]);
    client.send(&packet(0x62, &[0, 9])).await;
    assert_eq!(client.packet().await, [0x70, 3, 0, 9, 0x92], "identifier not found");
    assert_eq!(plant.record_count(), 1);
    client.send(&message).await;
    assert_eq!(client.packet().await, [0x50, 2, 0, 9]);
    assert_eq!(plant.record_count(), 2, "a released identifier is free for another publish");
    plant.end().await;
}

#[tokio::test]
async fn a_thousand_pipelined_publishes_are_acknowledged_in_their_order() {
    let plant = Plant::start().await;
    let mut client = Raw::open(plant.addr).await;
    // CONNECT and publishes in one go: nobody waits for CONNACK.
    let mut bytes = connect(4, Connect { id: "c", clean: true, ..Connect::default() });
    for pkid in 1..=1000_u16 {
        let topic = if pkid % 10 == 0 { "site/door".to_owned() } else { telemetry(ROBOT) };
        bytes.extend(publish(1, &topic, pkid, None, &pkid.to_be_bytes()));
    }
    client.send(&bytes).await;
    assert_eq!(client.packet().await, [0x20, 2, 0, 0]);
    for pkid in 1..=1000_u16 {
        let [high, low] = pkid.to_be_bytes();
        assert_eq!(client.packet().await, [0x40, 2, high, low]);
    }
    let payloads: Vec<_> =
        plant.records(900).await.iter().map(|r| u16::from_be_bytes([r.payload[0], r.payload[1]])).collect();
    let expected: Vec<_> = (1..=1000).filter(|pkid| pkid % 10 != 0).collect();
    assert_eq!(payloads, expected, "one robot, one partition, in order");
    plant.end().await;
}

#[tokio::test]
async fn a_publish_in_single_bytes_is_a_publish() {
    let plant = Plant::start().await;
    let mut client = Raw::connected(plant.addr, 5, "c").await;
    for byte in publish(1, &telemetry(ROBOT), 1, Some(&[]), b"slow") {
        client.send(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.packet().await, [0x40, 2, 0, 1]);
    assert_eq!(&plant.records(1).await[0].payload[..], b"slow");
    plant.end().await;
}

#[tokio::test]
async fn a_topic_without_a_robot_id_is_appended_verbatim_and_acknowledged() {
    let plant = Plant::start().await;
    let mut client = Raw::connected(plant.addr, 4, "c").await;
    client.send(&publish(1, "robots/arm 4/telemetry", 1, None, b"{")).await;
    assert_eq!(client.packet().await, [0x40, 2, 0, 1]);
    let record = plant.records(1).await.remove(0);
    assert_eq!(record.envelope.robot, RobotKey::Unreadable);
    assert_eq!(record.envelope.topic_id.as_deref(), Some("arm 4"));
    assert_eq!(&record.payload[..], b"{", "content is never refused");
    plant.end().await;
}

#[tokio::test]
async fn a_publish_over_the_limit_leaves_its_beginning_its_length_and_its_digest() {
    let plant = Plant::start().await;
    for (level, properties, payload_len) in [(4, None, (1 << 20) + 1), (5, Some(&[][..]), 10 << 20)] {
        let payload: Vec<u8> = (0..payload_len).map(|i: usize| (i % 251).to_be_bytes()[7]).collect();
        let mut client = Raw::connected(plant.addr, level, "c").await;
        let mut bytes = publish(1, &telemetry(ROBOT), 3, properties, &payload);
        bytes.extend(publish(1, &telemetry(ROBOT), 4, properties, b"after"));
        client.send(&bytes).await;
        assert_eq!(client.packet().await, [0x40, 2, 0, 3]);
        assert_eq!(client.packet().await, [0x40, 2, 0, 4]);
        let records = plant.records(2).await;
        let [big, after] = &records[records.len() - 2..] else { unreachable!() };
        let kind = RawKind::Oversize { bytes: payload.len() as u64, sha256: Digest::of(&payload) };
        assert_eq!(big.envelope.kind, kind);
        assert!(big.payload[..] == payload[..64 << 10], "the first 64 KiB");
        assert_eq!(&after.payload[..], b"after");
    }
    plant.end().await;
}

#[tokio::test]
async fn a_publish_of_just_the_limit_is_whole() {
    let plant = Plant::start().await;
    let payload = vec![b'x'; 1 << 20];
    let mut client = Raw::connected(plant.addr, 4, "c").await;
    client.send(&publish(1, &telemetry(ROBOT), 3, None, &payload)).await;
    assert_eq!(client.packet().await, [0x40, 2, 0, 3]);
    let record = plant.records(1).await.remove(0);
    assert!(record.envelope.kind == RawKind::Telemetry && record.payload[..] == payload[..]);
    plant.end().await;
}

#[tokio::test]
async fn what_came_before_a_broken_packet_or_a_disconnect_is_appended() {
    let plant = Plant::start().await;
    for (nth, tail) in [&[0x24, 1, 0][..], &[0xE0, 0], &[0x30]].into_iter().enumerate() {
        let mut client = Raw::connected(plant.addr, 4, "c").await;
        let mut bytes = publish(0, &telemetry(ROBOT), 0, None, b"before");
        bytes.extend(tail);
        client.send(&bytes).await;
        drop(client);
        assert_eq!(plant.records(nth + 1).await.len(), nth + 1);
    }
    plant.end().await;
}

#[tokio::test]
async fn failure_06_a_session_whose_publish_waits_beyond_the_deadline_is_closed_with_a_reason() {
    let plant = Plant::with(|settings| settings.puback_deadline = Duration::ZERO).await;
    let mut v5 = Raw::connected(plant.addr, 5, "five").await;
    v5.send(&publish(1, &telemetry(ROBOT), 1, Some(&[]), b"late")).await;
    v5.expect_disconnect(0x89).await;
    let mut v4 = Raw::connected(plant.addr, 4, "four").await;
    v4.send(&publish(1, &telemetry(ROBOT), 1, None, b"late")).await;
    v4.expect_end().await;
    plant.records(2).await;
    plant.end().await;
}

#[tokio::test]
async fn a_full_log_acknowledges_nothing_and_recovers() {
    let plant = Plant::start().await;
    plant.faults.set_disk_full(true);
    let mut client = Raw::connected(plant.addr, 5, "c").await;
    client.send(&publish(1, &telemetry(ROBOT), 1, Some(&[]), b"no room")).await;
    let packet = client.packet().await;
    assert_eq!(packet, [0xE0, 2, 0x97, 0], "closed, so that the device re-sends; no PUBACK");
    plant.faults.set_disk_full(false);
    let recovered = async {
        loop {
            let mut client = Raw::connected(plant.addr, 5, "c").await;
            client.send(&publish(1, &telemetry(ROBOT), 1, Some(&[]), b"room")).await;
            if client.packet().await == [0x40, 2, 0, 1] {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, recovered).await.unwrap();
    assert_eq!(plant.record_count(), 1);
    plant.end().await;
}
