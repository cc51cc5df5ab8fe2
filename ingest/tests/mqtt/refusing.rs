//! What the front refuses, and how it says so.

use std::time::Duration;

use super::plant::{OTHER, PATIENCE, Plant, ROBOT, telemetry, user};
use super::raw::{Connect, Raw, connect, packet, publish};

#[tokio::test]
async fn a_packet_that_only_a_broker_sends_ends_the_connection_and_nothing_else() {
    let plant = Plant::start().await;
    let mut bystander = Raw::connected(plant.addr, 5, "bystander").await;
    let mut client = Raw::connected(plant.addr, 5, "c").await;
    client.send(&[0x24, 0x01, 0x00]).await;
    client.expect_disconnect(0x82).await;
    let mut early = Raw::open(plant.addr).await;
    early.send(&[0x24, 0x01, 0x00]).await;
    early.expect_end().await;
    bystander.expect_alive_and_nothing_else().await;
    plant.end().await;
}

#[tokio::test]
async fn broken_packets_get_the_code_for_what_is_wrong() {
    let plant = Plant::start().await;
    let topic = telemetry(ROBOT);
    let cases: [(Vec<u8>, u8, &str); 8] = [
        (vec![0x41, 0], 0x81, "flags"),
        (publish(3, &topic, 1, Some(&[]), b""), 0x81, "QoS 3"),
        (publish(1, &topic, 0, Some(&[]), b""), 0x81, "identifier 0"),
        (publish(1, "robots/+/telemetry", 1, Some(&[]), b""), 0x90, "wildcard"),
        (publish(0, "robots/\u{0}/telemetry", 1, Some(&[]), b""), 0x81, "U+0000"),
        (publish(0, &topic, 1, Some(&[0x0B, 1]), b""), 0x82, "subscription identifier"),
        (vec![0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], 0x81, "length of five bytes"),
        (connect(5, Connect { id: "c", clean: true, ..Connect::default() }), 0x82, "second CONNECT"),
    ];
    for (bytes, reason, what) in cases {
        let mut client = Raw::connected(plant.addr, 5, what).await;
        client.send(&bytes).await;
        client.expect_disconnect(reason).await;
    }
    plant.end().await;
}

#[tokio::test]
async fn other_protocol_versions_get_a_connack_that_says_so() {
    let plant = Plant::start().await;
    for (level, connack) in [(3, vec![0x20, 2, 0, 1]), (6, vec![0x20, 3, 0, 0x84, 0])] {
        let mut client = Raw::open(plant.addr).await;
        client.send(&connect(level, Connect { id: "c", clean: true, ..Connect::default() })).await;
        assert_eq!(client.packet().await, connack);
        client.expect_end().await;
    }
    plant.end().await;
}

#[tokio::test]
async fn without_a_right_password_nobody_connects() {
    let plant = Plant::with(|settings| {
        settings.anonymous = false;
        settings.users = vec![user("gateway", "right", None)];
    })
    .await;
    let cases = [
        (None, 0x87, 5),
        (Some(("gateway", "wrong")), 0x86, 4),
        (Some(("nobody", "right")), 0x86, 4),
        (Some(("gateway", "right")), 0, 0),
        (Some(("gateway", "right")), 0, 0),
    ];
    for (login, v5, v4) in cases {
        for (level, code) in [(5, v5), (4, v4)] {
            let mut client = Raw::open(plant.addr).await;
            client.send(&connect(level, Connect { id: "c", clean: true, login, ..Connect::default() })).await;
            assert_eq!(client.packet().await[3], code, "{login:?} at level {level}");
        }
    }
    plant.end().await;
}

#[tokio::test]
async fn a_bound_user_cannot_speak_for_another_robot() {
    let plant = Plant::with(|settings| {
        settings.anonymous = false;
        settings.users = vec![user("arm", "s", Some(&[ROBOT]))];
    })
    .await;
    let c = Connect { id: "c", clean: true, login: Some(("arm", "s")), ..Connect::default() };
    let (mut v5, _) = Raw::joined(plant.addr, 5, c).await;
    for (pkid, topic) in [(1, telemetry(OTHER)), (2, telemetry("x")), (3, format!("robots/{OTHER}/commands"))] {
        v5.send(&publish(1, &topic, pkid, Some(&[]), b"forged")).await;
        assert_eq!(v5.packet().await[..2], [0x40, 3], "{topic}");
    }
    v5.send(&publish(2, &telemetry(OTHER), 4, Some(&[]), b"forged")).await;
    assert_eq!(v5.packet().await, [0x50, 3, 0, 4, 0x87]);
    v5.send(&publish(1, &telemetry(ROBOT), 5, Some(&[]), b"own")).await;
    assert_eq!(v5.packet().await, [0x40, 2, 0, 5]);
    v5.send(&publish(0, &telemetry(OTHER), 0, Some(&[]), b"forged")).await;
    v5.expect_disconnect(0x87).await;

    let (mut v4, _) = Raw::joined(plant.addr, 4, c).await;
    v4.send(&publish(1, &telemetry(OTHER), 1, None, b"forged")).await;
    v4.expect_end().await;
    let will = Some((0, &[][..], "robots/x/telemetry", &b"forged"[..]));
    let mut forged_will = Raw::open(plant.addr).await;
    forged_will.send(&connect(5, Connect { will, ..c })).await;
    assert_eq!(forged_will.packet().await, [0x20, 3, 0, 0x87, 0]);

    let record = plant.records(1).await.remove(0);
    assert_eq!((&record.payload[..], &*record.envelope.principal), (&b"own"[..], "arm"));
    assert_eq!(plant.record_count(), 1);
    plant.end().await;
}

#[tokio::test]
async fn aliases_stand_for_topics_and_unknown_ones_are_refused() {
    let plant = Plant::start().await;
    let alias = |number: u8| [0x23, 0, number];
    let mut client = Raw::connected(plant.addr, 5, "c").await;
    client.send(&publish(1, &telemetry(ROBOT), 1, Some(&alias(1)), b"a")).await;
    client.send(&publish(1, "", 2, Some(&alias(1)), b"b")).await;
    assert_eq!(client.packet().await, [0x40, 2, 0, 1]);
    assert_eq!(client.packet().await, [0x40, 2, 0, 2]);
    let payloads: Vec<_> = plant.records(2).await.into_iter().map(|record| record.payload).collect();
    assert_eq!(payloads, ["a", "b"]);
    client.send(&publish(1, "", 3, Some(&alias(2)), b"c")).await;
    client.expect_disconnect(0x94).await;
    let long = "x".repeat(9 << 10);
    let mut hoarder = Raw::connected(plant.addr, 5, "hoarder").await;
    hoarder.send(&publish(1, &long, 1, Some(&alias(1)), b"")).await;
    hoarder.expect_disconnect(0x97).await;
    for number in [0, 65] {
        let mut client = Raw::connected(plant.addr, 5, "c").await;
        client.send(&publish(1, &telemetry(ROBOT), 1, Some(&alias(number)), b"")).await;
        client.expect_disconnect(0x94).await;
    }
    plant.end().await;
}

#[tokio::test]
async fn more_publishes_than_the_receive_maximum_end_the_session() {
    let plant = Plant::with(|settings| settings.receive_maximum = 2).await;
    let mut client = Raw::connected(plant.addr, 5, "c").await;
    // QoS 2 publishes count until they are released.
    for pkid in 1..=2 {
        client.send(&publish(2, &telemetry(ROBOT), pkid, Some(&[]), b"")).await;
        client.packet().await;
    }
    client.send(&publish(2, &telemetry(ROBOT), 2, Some(&[]), b"")).await;
    assert_eq!(client.packet().await, [0x50, 2, 0, 2], "a repeated one is not one more");
    client.send(&packet(0x62, &[0, 1])).await;
    client.packet().await;
    client.send(&publish(1, &telemetry(ROBOT), 3, Some(&[]), b"")).await;
    assert_eq!(client.packet().await, [0x40, 2, 0, 3]);
    client.send(&publish(2, &telemetry(ROBOT), 4, Some(&[]), b"")).await;
    client.packet().await;
    client.send(&publish(1, &telemetry(ROBOT), 5, Some(&[]), b"")).await;
    client.expect_disconnect(0x93).await;
    plant.end().await;
}

#[tokio::test]
async fn who_is_silent_beyond_one_and_a_half_keep_alives_is_disconnected() {
    let plant = Plant::start().await;
    let mut forever = Raw::connected(plant.addr, 5, "forever").await;
    let c = Connect { id: "c", clean: true, keep_alive: 1, ..Connect::default() };
    let (mut client, _) = Raw::joined(plant.addr, 5, c).await;
    let since = tokio::time::Instant::now();
    client.expect_disconnect(0x8D).await;
    let silent = since.elapsed();
    assert!(silent >= Duration::from_millis(1_400) && silent < PATIENCE, "{silent:?}");
    forever.expect_alive_and_nothing_else().await;
    plant.end().await;
}
