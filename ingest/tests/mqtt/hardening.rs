//! Nonsense and hurry: whatever clients send or drop, the front and the router behind it go on.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::plant::{PATIENCE, Plant, ROBOT, telemetry};
use super::raw::{Connect, Raw, connect, packet, publish, retained, subscribe, text};

/// Subscribes, publishes and listens: the router is alive.
async fn expect_router_alive(plant: &Plant) {
    let mut client = Raw::connected(plant.addr, 4, "probe").await;
    client.send(&subscribe(false, 1, &[("probe/é", 0)])).await;
    assert_eq!(client.packet().await, [0x90, 3, 0, 1, 0]);
    client.send(&publish(0, "probe/é", 0, None, b"alive")).await;
    assert_eq!(client.forwarded().await, ("probe/é".to_owned(), b"alive".to_vec()));
}

/// A packet as a client of this level sends it.
fn tame(v5: bool) -> impl Strategy<Value = Vec<u8>> {
    let topic = prop::sample::select(vec![telemetry(ROBOT), "a/b".to_owned(), "é".to_owned()]);
    let properties = v5.then_some(&[][..]);
    let some_publish = (0_u8..3, topic.clone(), 1_u16..4, any::<bool>()).prop_map(move |(qos, topic, pkid, keep)| {
        let publish = publish(qos, &topic, pkid, properties, b"payload");
        if keep { retained(publish) } else { publish }
    });
    let some_subscribe =
        (topic, 0_u8..3).prop_map(move |(filter, qos)| subscribe(v5, 1, &[(&filter, qos), ("#", qos)]));
    let unsubscribe = Just(packet(0xA2, &[&[0, 2][..], if v5 { &[0] } else { &[] }, &text("#")].concat()));
    let acks = (prop::sample::select(vec![0x40, 0x50, 0x62, 0x70]), 1_u8..4)
        .prop_map(|(first, pkid)| packet(first, &[0, pkid]));
    prop_oneof![4 => some_publish, 2 => some_subscribe, 1 => unsubscribe, 2 => acks, 1 => Just(vec![0xC0, 0])]
}

/// A client's packet, more or less.
fn wild() -> impl Strategy<Value = Vec<u8>> {
    let topic = prop_oneof![Just("é/+".to_owned()), Just("$SYS/x".to_owned()), "[ -~é]{0,12}"];
    let properties = proptest::option::of(proptest::collection::vec(any::<u8>(), 0..12));
    let some_publish = (0_u8..4, topic.clone(), 0_u16..4, properties)
        .prop_map(|(qos, topic, pkid, properties)| publish(qos, &topic, pkid, properties.as_deref(), b"payload"));
    let some_subscribe = (any::<bool>(), 0_u16..3, topic, any::<u8>())
        .prop_map(|(v5, pkid, filter, options)| subscribe(v5, pkid, &[(&filter, options)]));
    let first = prop::sample::select(vec![0x40, 0x50, 0x62, 0x70, 0xC0, 0xE0, 0x10, 0x24, 0xA2, 0xF0]);
    let body = proptest::collection::vec(any::<u8>(), 0..6);
    let some_other = (first, body).prop_map(|(first, body)| packet(first, &body));
    let noise = proptest::collection::vec(any::<u8>(), 0..40);
    prop_oneof![some_publish, some_subscribe, some_other, noise]
}

fn sequences() -> impl Strategy<Value = (u8, bool, Vec<Vec<u8>>)> {
    (4_u8..6, any::<bool>()).prop_flat_map(|(level, clean)| {
        let packets = proptest::collection::vec(prop_oneof![8 => tame(level == 5), 1 => wild()], 1..12);
        (Just(level), Just(clean), packets)
    })
}

#[test]
fn no_sequence_of_packets_and_noise_stops_the_front() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let plant = runtime.block_on(Plant::start());
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    let answers = RefCell::new(BTreeMap::new());
    let outcome = runner.run(&sequences(), |(level, clean, sequence)| {
        runtime.block_on(async {
            let c = Connect { id: "fuzz", clean, ..Connect::default() };
            let mut client = Raw::open(plant.addr).await;
            let mut bytes = connect(level, c);
            bytes.extend(sequence.concat());
            client.try_send(&bytes).await;
            // Ends by itself, or at the DISCONNECT.
            client.try_send(&[0xE0, 0]).await;
            let ends = async {
                while let Some(packet) = client.try_packet().await {
                    *answers.borrow_mut().entry(packet[0] & 0xF0).or_insert(0) += 1;
                }
            };
            // What looks like the head of a long packet swallows the DISCONNECT.
            drop(tokio::time::timeout(Duration::from_millis(50), ends).await);
        });
        Ok(())
    });
    outcome.unwrap();
    let answers = answers.into_inner();
    println!("answers by packet type: {answers:02x?}");
    for kind in [0x20, 0x30, 0x40, 0x50, 0x70, 0x90, 0xB0, 0xD0, 0xE0] {
        assert!(answers.contains_key(&kind), "no answer of type {kind:#04x}: the packets are too wild");
    }
    runtime.block_on(async {
        expect_router_alive(&plant).await;
        plant.end().await;
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clients_that_come_and_go_in_a_hurry_leave_the_router_alive() {
    let plant = Plant::with(|settings| settings.max_stored_sessions = 20).await;
    let addr = plant.addr;
    let churn = |nth: u16| async move {
        for round in 0..60_u16 {
            // Few names, so that they take each other over.
            let id = format!("c{}", (nth + round) % 6);
            let level = if round % 2 == 0 { 4 } else { 5 };
            let clean = (nth + round).is_multiple_of(3);
            let properties: &[u8] = if clean { &[] } else { &[0x11, 0, 0, 0, 9] };
            let mut client = Raw::open(addr).await;
            let c = Connect { id: &id, clean, properties, ..Connect::default() };
            if !client.try_send(&connect(level, c)).await || client.try_packet().await.is_none() {
                continue;
            }
            let v5 = level == 5;
            let properties = v5.then_some(&[][..]);
            let qos = u8::try_from(round % 3).expect("0 to 2");
            client.try_send(&subscribe(v5, 1, &[("churn/#", qos), ("robots/#", 2 - qos)])).await;
            for pkid in 1..=20 {
                client.try_send(&publish(qos, "churn/é", pkid, properties, &[0; 2_000])).await;
                client.try_send(&publish(1, &telemetry(ROBOT), pkid, properties, b"{}")).await;
            }
            // At least SUBACK and twenty PUBACKs come; forwarded messages may be lost where many subscribers are slow.
            for _packet in 0..(nth * 7 + round) % 22 {
                let Some(packet) = client.try_packet().await else {
                    break;
                };
                if packet[0] & 0xF0 == 0x30 && packet[0] & 6 != 0 {
                    let head = 1 + packet[1..].iter().take_while(|byte| *byte & 0x80 != 0).count() + 1;
                    let topic = usize::from(u16::from_be_bytes([packet[head], packet[head + 1]]));
                    let pkid = &packet[head + 2 + topic..][..2];
                    let first = if packet[0] & 2 != 0 { 0x40 } else { 0x50 };
                    client.try_send(&super::raw::packet(first, pkid)).await;
                }
            }
        }
    };
    let clients: Vec<_> = (0..12).map(|nth| tokio::spawn(churn(nth))).collect();
    for client in clients {
        tokio::time::timeout(PATIENCE * 3, client).await.unwrap().unwrap();
    }
    expect_router_alive(&plant).await;
    plant.end().await;
}
