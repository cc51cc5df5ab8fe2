//! Take-over, sessions that wait for their client, client IDs, and the end of the front.

use super::plant::{Plant, ROBOT, telemetry, user};
use super::raw::{Connect, Raw, connect, packet, publish, subscribe};

/// Session expiry interval of 100 s.
const EXPIRY: &[u8] = &[0x11, 0, 0, 0, 100];

#[tokio::test]
async fn a_second_connection_of_a_client_id_takes_over() {
    let plant = Plant::start().await;
    let mut old = Raw::connected(plant.addr, 5, "c").await;
    let mut new = Raw::connected(plant.addr, 4, "c").await;
    old.expect_disconnect(0x8E).await;
    new.send(&publish(1, &telemetry(ROBOT), 1, None, b"new")).await;
    assert_eq!(new.packet().await, [0x40, 2, 0, 1]);
    plant.end().await;
}

#[tokio::test]
async fn another_user_cannot_take_over() {
    let plant = Plant::with(|settings| settings.users = vec![user("a", "s", None)]).await;
    let mut old = Raw::connected(plant.addr, 5, "c").await;
    let c = Connect { id: "c", clean: true, login: Some(("a", "s")), ..Connect::default() };
    let (_new, _) = Raw::joined(plant.addr, 5, c).await;
    old.expect_alive_and_nothing_else().await;
    plant.end().await;
}

#[tokio::test]
async fn a_stored_session_gets_what_was_published_while_its_client_was_away() {
    let plant = Plant::start().await;
    for (level, properties) in [(4, &[][..]), (5, EXPIRY)] {
        let v5 = level == 5;
        let c = Connect { id: "sleeper", properties, ..Connect::default() };
        let (mut sleeper, connack) = Raw::joined(plant.addr, level, c).await;
        assert_eq!(connack[2], 0, "no session yet");
        sleeper.send(&subscribe(v5, 1, &[("t", 1)])).await;
        sleeper.packet().await;
        sleeper.send(&[0xE0, 0]).await;
        sleeper.expect_end().await;
        let mut publisher = Raw::connected(plant.addr, 4, "p").await;
        publisher.send(&publish(1, "t", 1, None, b"while away")).await;
        publisher.packet().await;
        let (mut sleeper, connack) = Raw::joined(plant.addr, level, c).await;
        assert_eq!(connack[2], 1, "session present");
        let message = sleeper.packet().await;
        assert!(message[0] == 0x32 && message.ends_with(b"while away"), "{message:02x?}");
        drop(sleeper);
        // The message was not acknowledged: it comes again.
        let (mut sleeper, _) = Raw::joined(plant.addr, level, c).await;
        let message = sleeper.packet().await;
        assert!(message.ends_with(b"while away"), "{message:02x?}");
        sleeper.send(&packet(0x40, &[message[5], message[6]])).await;
        sleeper.send(&[0xE0, 0]).await;
        sleeper.expect_end().await;
        let (mut fresh, connack) = Raw::joined(plant.addr, level, Connect { clean: true, properties: &[], ..c }).await;
        assert_eq!(connack[2], 0, "a clean start discards the session");
        publisher.send(&publish(1, "t", 2, None, b"unheard")).await;
        publisher.packet().await;
        fresh.expect_alive_and_nothing_else().await;
    }
    plant.end().await;
}

#[tokio::test]
async fn a_qos_2_identifier_survives_a_lost_connection_of_a_stored_session() {
    let plant = Plant::start().await;
    let c = Connect { id: "c", properties: EXPIRY, ..Connect::default() };
    let (mut client, _) = Raw::joined(plant.addr, 5, c).await;
    let message = publish(2, &telemetry(ROBOT), 5, Some(&[]), b"once");
    client.send(&message).await;
    assert_eq!(client.packet().await, [0x50, 2, 0, 5]);
    drop(client);
    let (mut client, _) = Raw::joined(plant.addr, 5, c).await;
    client.send(&message).await;
    assert_eq!(client.packet().await, [0x50, 2, 0, 5]);
    assert_eq!(plant.record_count(), 1);
    plant.end().await;
}

#[tokio::test]
async fn a_session_ends_when_its_disconnect_says_so() {
    let plant = Plant::start().await;
    let c = Connect { id: "c", properties: EXPIRY, ..Connect::default() };
    let (mut client, _) = Raw::joined(plant.addr, 5, c).await;
    client.send(&packet(0xE0, &[0, 5, 0x11, 0, 0, 0, 0])).await;
    client.expect_end().await;
    let (_client, connack) = Raw::joined(plant.addr, 5, c).await;
    assert_eq!(connack[2], 0);
    plant.end().await;
}

#[tokio::test]
async fn a_client_without_an_id_gets_one_or_is_refused() {
    let plant = Plant::start().await;
    let nameless = Connect { clean: true, ..Connect::default() };
    let (_v5, connack) = Raw::joined(plant.addr, 5, nameless).await;
    assert!(connack.contains(&0x12), "assigned client identifier: {connack:02x?}");
    Raw::joined(plant.addr, 4, nameless).await;
    let mut refused = Raw::open(plant.addr).await;
    refused.send(&connect(4, Connect::default())).await;
    assert_eq!(refused.packet().await, [0x20, 2, 0, 2]);
    plant.end().await;
}

#[tokio::test]
async fn one_stored_session_too_many_is_refused() {
    let plant = Plant::with(|settings| settings.max_stored_sessions = 1).await;
    let (_first, _) = Raw::joined(plant.addr, 4, Connect { id: "a", ..Connect::default() }).await;
    let mut second = Raw::open(plant.addr).await;
    second.send(&connect(5, Connect { id: "b", properties: EXPIRY, ..Connect::default() })).await;
    assert_eq!(second.packet().await, [0x20, 3, 0, 0x97, 0]);
    plant.end().await;
}

#[tokio::test]
async fn a_stop_delivers_what_is_under_way_and_says_goodbye() {
    let plant = Plant::start().await;
    let mut client = Raw::connected(plant.addr, 5, "c").await;
    let mut idle = Raw::connected(plant.addr, 4, "idle").await;
    for pkid in 1..=50 {
        client.send(&publish(1, &telemetry(ROBOT), pkid, Some(&[]), b"last")).await;
    }
    assert_eq!(client.packet().await, [0x40, 2, 0, 1]);
    plant.stop();
    let mut acknowledged = 1;
    loop {
        let packet = client.packet().await;
        if packet[0] == 0xE0 {
            assert_eq!(packet[2], 0x8B);
            break;
        }
        acknowledged += 1;
    }
    client.expect_end().await;
    idle.expect_end().await;
    assert_eq!(plant.record_count(), acknowledged, "all that was read was acknowledged");
    plant.end().await;
}
