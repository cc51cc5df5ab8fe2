//! Ordinary MQTT between clients, and telemetry for subscribers.

use super::plant::{OTHER, PATIENCE, Plant, ROBOT, telemetry};
use super::raw::{Connect, Raw, packet, publish, retained, subscribe, text};

#[tokio::test]
async fn telemetry_reaches_subscribers_after_the_log() {
    let plant = Plant::start().await;
    let mut all = Raw::connected(plant.addr, 4, "all").await;
    all.send(&subscribe(false, 1, &[("robots/#", 0)])).await;
    assert_eq!(all.packet().await, [0x90, 3, 0, 1, 0]);
    let mut one = Raw::connected(plant.addr, 4, "one").await;
    one.send(&subscribe(false, 1, &[(&telemetry(OTHER), 0)])).await;
    one.packet().await;
    let mut robot = Raw::connected(plant.addr, 5, "robot").await;
    for (pkid, id) in [(1, ROBOT), (2, OTHER)] {
        robot.send(&publish(1, &telemetry(id), pkid, Some(&[]), id.as_bytes())).await;
    }
    assert_eq!(all.forwarded().await, (telemetry(ROBOT), ROBOT.into()));
    assert!(plant.record_count() >= 1);
    assert_eq!(all.forwarded().await, (telemetry(OTHER), OTHER.into()));
    assert_eq!(one.forwarded().await, (telemetry(OTHER), OTHER.into()));
    one.expect_alive_and_nothing_else().await;
    plant.end().await;
}

#[tokio::test]
async fn unsubscribing_ends_it_and_says_whether_there_was_anything() {
    let plant = Plant::start().await;
    let mut client = Raw::connected(plant.addr, 5, "c").await;
    client.send(&subscribe(true, 1, &[("a/b", 0), ("c", 0)])).await;
    assert_eq!(client.packet().await, [0x90, 5, 0, 1, 0, 0, 0]);
    let mut body = vec![0, 2, 0];
    body.extend(text("a/b"));
    body.extend(text("never"));
    client.send(&packet(0xA2, &body)).await;
    assert_eq!(client.packet().await, [0xB0, 5, 0, 2, 0, 0, 0x11]);
    client.send(&publish(1, "a/b", 3, Some(&[]), b"unheard")).await;
    client.send(&publish(1, "c", 4, Some(&[]), b"heard")).await;
    let mut packets = vec![client.packet().await, client.packet().await, client.packet().await];
    packets.sort();
    let mut heard = text("c");
    heard.push(0);
    heard.extend(b"heard");
    assert_eq!(packets, [packet(0x30, &heard), vec![0x40, 2, 0, 3], vec![0x40, 2, 0, 4]]);
    plant.end().await;
}

#[tokio::test]
async fn retained_messages_wait_for_subscribers_until_an_empty_one_clears_them() {
    let plant = Plant::start().await;
    let mut client = Raw::connected(plant.addr, 4, "c").await;
    for topic in [telemetry(ROBOT), "site/door".to_owned()] {
        client.send(&retained(publish(1, &topic, 1, None, b"kept"))).await;
        client.packet().await;
        // An acknowledgement is of the log: to the router the message may still be on its way, and come as a new one.
        let (mut late, packet) = loop {
            let mut late = Raw::connected(plant.addr, 4, "late").await;
            late.send(&subscribe(false, 1, &[(&topic, 0)])).await;
            assert_eq!(late.packet().await, [0x90, 3, 0, 1, 0]);
            let packet = late.packet().await;
            if packet[0] == 0x31 {
                break (late, packet);
            }
        };
        assert!(packet.ends_with(b"kept"));
        client.send(&retained(publish(1, &topic, 1, None, b""))).await;
        client.packet().await;
        assert_eq!(late.forwarded().await, (topic.clone(), Vec::new()));
        let mut later = Raw::connected(plant.addr, 4, "later").await;
        later.send(&subscribe(false, 1, &[(&topic, 0)])).await;
        assert_eq!(later.packet().await, [0x90, 3, 0, 1, 0]);
        later.expect_alive_and_nothing_else().await;
    }
    plant.end().await;
}

#[tokio::test]
async fn a_message_has_the_lower_of_both_qos() {
    let plant = Plant::start().await;
    let mut subscriber = Raw::connected(plant.addr, 4, "s").await;
    subscriber.send(&subscribe(false, 1, &[("t", 2)])).await;
    assert_eq!(subscriber.packet().await, [0x90, 3, 0, 1, 2]);
    let mut publisher = Raw::connected(plant.addr, 4, "p").await;
    for (qos, first) in [(0, 0x30), (1, 0x32), (2, 0x34), (0, 0x30)] {
        publisher.send(&publish(qos, "t", 9, None, &[qos])).await;
        let message = subscriber.packet().await;
        assert_eq!((message[0], message.last()), (first, Some(&qos)));
        let pkid = &message[5..message.len() - 1];
        assert_eq!(pkid.len(), if qos == 0 { 0 } else { 2 });
        match qos {
            0 => {}
            1 => subscriber.send(&packet(0x40, pkid)).await,
            _ => {
                subscriber.send(&packet(0x50, pkid)).await;
                assert_eq!(subscriber.packet().await, packet(0x62, pkid));
                subscriber.send(&packet(0x70, pkid)).await;
            }
        }
    }
    subscriber.expect_alive_and_nothing_else().await;
    plant.end().await;
}

#[tokio::test]
async fn acknowledgements_out_of_order_or_for_nothing_do_no_harm() {
    let plant = Plant::start().await;
    let mut subscriber = Raw::connected(plant.addr, 5, "s").await;
    subscriber.send(&subscribe(true, 1, &[("t", 1)])).await;
    subscriber.packet().await;
    for stray in [0x40, 0x70] {
        subscriber.send(&packet(stray, &[0, 77])).await;
    }
    subscriber.send(&packet(0x50, &[0, 77])).await;
    assert_eq!(subscriber.packet().await, [0x62, 3, 0, 77, 0x92]);
    let mut publisher = Raw::connected(plant.addr, 5, "p").await;
    // More than the router keeps in flight, so that it has to go on after the acknowledgements.
    for round in 0..3_u16 {
        let mut pkids = Vec::new();
        for nth in 0..100_u16 {
            publisher.send(&publish(1, "t", nth + 1, Some(&[]), &[0])).await;
        }
        for _message in 0..100 {
            let message = subscriber.packet().await;
            assert_eq!(message[0], 0x32, "round {round}");
            pkids.push([message[5], message[6]]);
        }
        for pkid in pkids.iter().rev() {
            subscriber.send(&packet(0x40, pkid)).await;
        }
    }
    subscriber.expect_alive_and_nothing_else().await;
    plant.end().await;
}

#[tokio::test]
async fn a_subscribers_receive_maximum_is_kept() {
    let plant = Plant::start().await;
    let c = Connect { id: "s", clean: true, properties: &[0x21, 0, 1], ..Connect::default() };
    let (mut subscriber, _) = Raw::joined(plant.addr, 5, c).await;
    subscriber.send(&subscribe(true, 1, &[("t", 1)])).await;
    subscriber.packet().await;
    let mut publisher = Raw::connected(plant.addr, 5, "p").await;
    for nth in 1..=3 {
        publisher.send(&publish(1, "t", nth, Some(&[]), b"m")).await;
        publisher.packet().await;
    }
    for _message in 0..3 {
        let message = subscriber.packet().await;
        assert_eq!(message[0], 0x32);
        subscriber.expect_alive_and_nothing_else().await;
        subscriber.send(&packet(0x40, &[message[5], message[6]])).await;
    }
    plant.end().await;
}

#[tokio::test]
async fn filters_and_retained_messages_beyond_their_bounds_are_refused() {
    let plant = Plant::with(|settings| (settings.max_filters, settings.max_retained) = (2, 1)).await;
    let mut client = Raw::connected(plant.addr, 5, "c").await;
    client.send(&subscribe(true, 1, &[("a", 0), ("b", 1), ("c", 0), ("a", 2)])).await;
    assert_eq!(client.packet().await, [0x90, 7, 0, 1, 0, 0, 1, 0x97, 2]);
    client.send(&subscribe(true, 2, &[("$share/g/a", 0), ("$SYS/#", 0), ("a#", 0)])).await;
    assert_eq!(client.packet().await, [0x90, 6, 0, 2, 0, 0x9E, 0x8F, 0x8F]);
    client.send(&retained(publish(1, "x", 1, Some(&[]), b"1"))).await;
    assert_eq!(client.packet().await, [0x40, 2, 0, 1]);
    client.send(&retained(publish(1, "y", 2, Some(&[]), b"1"))).await;
    assert_eq!(client.packet().await, [0x40, 3, 0, 2, 0x97]);
    plant.end().await;
}

#[tokio::test]
async fn topics_that_would_kill_the_router_do_not() {
    let plant = Plant::start().await;
    let mut subscriber = Raw::connected(plant.addr, 4, "s").await;
    subscriber.send(&subscribe(false, 1, &[("#", 0)])).await;
    subscriber.packet().await;
    let mut publisher = Raw::connected(plant.addr, 4, "p").await;
    for topic in ["éé/ü", "/", "語", "robots/é/telemetry"] {
        publisher.send(&publish(1, topic, 1, None, b"m")).await;
        assert_eq!(publisher.packet().await, [0x40, 2, 0, 1]);
        assert_eq!(subscriber.forwarded().await, (topic.to_owned(), b"m".to_vec()));
    }
    plant.end().await;
}

#[tokio::test]
async fn properties_reach_mqtt_5_and_are_kept_from_mqtt_3() {
    let plant = Plant::start().await;
    let mut five = Raw::connected(plant.addr, 5, "five").await;
    // No Local: its own messages do not come back.
    five.send(&subscribe(true, 1, &[("t", 4)])).await;
    five.packet().await;
    let mut three = Raw::connected(plant.addr, 4, "three").await;
    three.send(&subscribe(false, 1, &[("t", 0)])).await;
    three.packet().await;
    let mut content_type = vec![0x03];
    content_type.extend(text("json"));
    let mut publisher = Raw::connected(plant.addr, 5, "p").await;
    publisher.send(&publish(0, "t", 0, Some(&content_type), b"m")).await;
    assert_eq!(three.forwarded().await, ("t".to_owned(), b"m".to_vec()));
    assert_eq!(five.packet().await, publish(0, "t", 0, Some(&content_type), b"m"));
    five.send(&publish(0, "t", 0, Some(&[]), b"own")).await;
    assert_eq!(three.forwarded().await, ("t".to_owned(), b"own".to_vec()));
    five.expect_alive_and_nothing_else().await;
    tokio::time::timeout(PATIENCE, plant.end()).await.unwrap();
}

#[tokio::test]
async fn a_subscriber_that_falls_behind_gets_on_again() {
    let plant = Plant::start().await;
    let mut subscriber = Raw::connected(plant.addr, 4, "s").await;
    subscriber.send(&subscribe(false, 1, &[("t", 0)])).await;
    subscriber.packet().await;
    let mut publisher = Raw::connected(plant.addr, 4, "p").await;
    // More at once than the router gives to a link, less than it keeps for a filter.
    for round in 0..5_u16 {
        let numbers = || (round * 600..(round + 1) * 600).map(u16::to_be_bytes);
        let burst: Vec<_> = numbers().map(|number| publish(0, "t", 0, None, &number)).collect();
        publisher.send(&burst.concat()).await;
        for number in numbers() {
            assert_eq!(subscriber.forwarded().await, ("t".to_owned(), number.to_vec()));
        }
    }
    plant.end().await;
}
