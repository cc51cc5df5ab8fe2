//! Bounds: connections, time to connect, bytes in flight, bytes that wait for a subscriber.

use std::time::Duration;

use tacho_ingest::{BindError, MqttFront, MqttSettings, Outlet, RobotRate};
use tacho_log::{EmbeddedLog, EmbeddedSettings};

use super::plant::{OTHER, PATIENCE, Plant, ROBOT, telemetry};
use super::raw::{Connect, Raw, publish, subscribe};

#[tokio::test]
async fn a_client_that_dawdles_before_its_connect_is_cut_off() {
    let plant = Plant::with(|settings| settings.connect_timeout = Duration::from_millis(200)).await;
    let mut silent = Raw::open(plant.addr).await;
    let mut slow = Raw::open(plant.addr).await;
    slow.send(&[0x10, 60, 0, 4]).await;
    silent.expect_end().await;
    slow.expect_end().await;
    plant.end().await;
}

#[tokio::test]
async fn a_client_that_dawdles_within_a_packet_is_cut_off() {
    let plant = Plant::with(|settings| settings.packet_timeout = Duration::from_millis(200)).await;
    let mut client = Raw::connected(plant.addr, 5, "c").await;
    client.send(&publish(1, &telemetry(ROBOT), 1, Some(&[]), b"unfinished")[..20]).await;
    client.expect_disconnect(0x89).await;
    plant.end().await;
}

#[tokio::test]
async fn one_connection_too_many_is_closed_and_a_free_place_is_taken_again() {
    let plant = Plant::with(|settings| settings.max_connections = 1).await;
    let client = Raw::connected(plant.addr, 4, "c").await;
    Raw::open(plant.addr).await.expect_end().await;
    drop(client);
    let again = async {
        loop {
            let mut raw = Raw::open(plant.addr).await;
            raw.try_send(&super::raw::connect(4, Connect { id: "d", clean: true, ..Connect::default() })).await;
            if raw.try_packet().await.is_some() {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, again).await.unwrap();
    plant.end().await;
}

#[tokio::test]
async fn a_packet_beyond_the_largest_ends_the_session() {
    let plant = Plant::with(|settings| settings.max_packet_bytes = 2 << 20).await;
    let mut client = Raw::connected(plant.addr, 5, "c").await;
    let large = publish(1, &telemetry(ROBOT), 1, Some(&[]), &vec![0; 2 << 20]);
    client.try_send(&large[..1000]).await;
    client.expect_disconnect(0x95).await;
    let mut ordinary = Raw::connected(plant.addr, 5, "d").await;
    ordinary.try_send(&publish(1, "site/film", 1, Some(&[]), &vec![0; (1 << 20) + 1])).await;
    ordinary.expect_disconnect(0x95).await;
    assert_eq!(plant.record_count(), 0);
    plant.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_bytes_for_all_slow_the_clients_and_lose_nothing() {
    const CLIENTS: u16 = 8;
    const EACH: u16 = 2_000;
    let plant = Plant::with(|settings| {
        settings.max_publish_bytes = 16 << 10;
        settings.total_bytes = 128 << 10;
        settings.connection_bytes = 8 << 10;
    })
    .await;
    let addr = plant.addr;
    let client = |nth: u16| async move {
        let id = nth.to_string();
        let mut client = Raw::connected(addr, 4, &id).await;
        let topic = telemetry(&format!("{ROBOT:.27}{nth:02}"));
        let mut bytes = Vec::new();
        for pkid in 1..=EACH {
            bytes.extend(publish(1, &topic, pkid, None, &[b'x'; 300]));
        }
        client.send(&bytes).await;
        for pkid in 1..=EACH {
            let [high, low] = pkid.to_be_bytes();
            assert_eq!(client.packet().await, [0x40, 2, high, low]);
        }
    };
    let clients: Vec<_> = (0..CLIENTS).map(|nth| tokio::spawn(client(nth))).collect();
    for client in clients {
        tokio::time::timeout(PATIENCE, client).await.unwrap().unwrap();
    }
    assert_eq!(plant.record_count(), i64::from(CLIENTS) * i64::from(EACH));
    plant.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_never_reads_is_closed_and_slows_nobody() {
    let plant = Plant::with(|settings| {
        settings.connection_bytes = 64 << 10;
        settings.write_timeout = Duration::from_secs(5);
    })
    .await;
    let mut idle = Raw::connected(plant.addr, 4, "idle").await;
    idle.send(&subscribe(false, 1, &[("robots/#", 0)])).await;
    assert_eq!(idle.packet().await, [0x90, 3, 0, 1, 0]);
    let mut sender = Raw::connected(plant.addr, 4, "sender").await;
    let payload = vec![b'x'; 60 << 10];
    let closed = async {
        for pkid in (1..=u16::MAX).cycle() {
            sender.send(&publish(1, &telemetry(ROBOT), pkid, None, &payload)).await;
            sender.packet().await;
            if pkid % 100 == 0 && !idle.try_send(&[0xC0, 0]).await {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, closed).await.expect("closed by the front");
    plant.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_slow_subscribers_the_slowest_give_way_before_all_have_too_much() {
    const SLOW: usize = 3;
    let plant = Plant::with(|settings| {
        settings.max_publish_bytes = 64 << 10;
        // Each alone could hold all that is published here, and has all the time of the test.
        settings.connection_bytes = 1 << 30;
        settings.write_timeout = Duration::from_secs(600);
        settings.total_bytes = 1 << 20;
    })
    .await;
    let mut slow = Vec::new();
    for nth in 0..SLOW {
        let mut client = Raw::connected(plant.addr, 4, &format!("slow-{nth}")).await;
        client.send(&subscribe(false, 1, &[("robots/#", 0)])).await;
        assert_eq!(client.packet().await, [0x90, 3, 0, 1, 0]);
        slow.push(client);
    }
    let mut reading = Raw::connected(plant.addr, 4, "reading").await;
    reading.send(&subscribe(false, 1, &[("robots/#", 0)])).await;
    assert_eq!(reading.packet().await, [0x90, 3, 0, 1, 0]);
    let mut sender = Raw::connected(plant.addr, 4, "sender").await;
    let payload = vec![b'x'; 60 << 10];
    let closed = async {
        for pkid in (1..=u16::MAX).cycle() {
            sender.send(&publish(1, &telemetry(ROBOT), pkid, None, &payload)).await;
            sender.packet().await;
            assert_eq!(reading.packet().await[0] & 0xF0, 0x30, "who reads gets everything");
            if pkid % 100 == 0 {
                let mut left = Vec::new();
                for mut client in slow {
                    if client.try_send(&[0xC0, 0]).await {
                        left.push(client);
                    }
                }
                slow = left;
            }
            if slow.is_empty() {
                break;
            }
        }
    };
    tokio::time::timeout(2 * PATIENCE, closed).await.expect("all that do not read are closed");
    plant.end().await;
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(dir.path(), EmbeddedSettings::default()).unwrap();
    let bind = async |change: fn(&mut MqttSettings)| {
        let mut settings = MqttSettings { anonymous: true, ..MqttSettings::default() };
        settings.listen.set_port(0);
        change(&mut settings);
        MqttFront::bind(settings, Outlet::new(log.appender())).await
    };
    assert!(matches!(bind(|s| s.anonymous = false).await, Err(BindError::NobodyMayConnect)));
    let total = bind(|s| s.total_bytes = 1 << 20).await;
    assert!(matches!(total, Err(BindError::Setting { key: "total_bytes", .. })));
    let receive = bind(|s| s.receive_maximum = 0).await;
    assert!(matches!(receive, Err(BindError::Setting { key: "receive_maximum", .. })));
    let taken = bind(|_| {}).await.unwrap();
    let settings = MqttSettings { anonymous: true, listen: taken.local_addr(), ..MqttSettings::default() };
    let refused = MqttFront::bind(settings, Outlet::new(log.appender())).await;
    assert!(matches!(refused, Err(BindError::Listen { address, .. }) if address == taken.local_addr()));
}

#[tokio::test]
async fn a_robot_beyond_its_rate_is_refused_and_another_is_not() {
    let rate = RobotRate { records_per_s: 0.001, burst: 2 };
    let plant = Plant::with(|settings| settings.robot_rate = Some(rate)).await;
    let mut client = Raw::connected(plant.addr, 5, "c").await;
    for (pkid, answer) in [(1, &[0x40, 2, 0, 1][..]), (2, &[0x40, 2, 0, 2]), (3, &[0x40, 3, 0, 3, 0x97])] {
        client.send(&publish(1, &telemetry(ROBOT), pkid, Some(&[]), b"m")).await;
        assert_eq!(client.packet().await, answer);
    }
    client.send(&publish(1, &telemetry(OTHER), 4, Some(&[]), b"m")).await;
    assert_eq!(client.packet().await, [0x40, 2, 0, 4]);
    let mut v4 = Raw::connected(plant.addr, 4, "v4").await;
    v4.send(&publish(1, &telemetry(ROBOT), 1, None, b"m")).await;
    v4.expect_end().await;
    assert_eq!(plant.record_count(), 3);
    plant.end().await;
}

#[tokio::test]
async fn subscribers_beyond_their_bounds_are_refused_and_their_places_are_used_again() {
    let plant = Plant::with(|settings| (settings.max_links, settings.max_subscriptions) = (1, 2)).await;
    let mut first = Raw::connected(plant.addr, 5, "first").await;
    first.send(&subscribe(true, 1, &[("a", 0), ("b", 0), ("c", 0)])).await;
    assert_eq!(first.packet().await, [0x90, 6, 0, 1, 0, 0, 0, 0x97]);
    let mut second = Raw::connected(plant.addr, 5, "second").await;
    second.send(&subscribe(true, 1, &[("a", 0)])).await;
    assert_eq!(second.packet().await, [0x90, 4, 0, 1, 0, 0x97]);
    let mut stored = Raw::open(plant.addr).await;
    stored.send(&super::raw::connect(4, Connect { id: "stored", ..Connect::default() })).await;
    assert_eq!(stored.packet().await, [0x20, 2, 0, 3]);
    first.send(&[0xE0, 0]).await;
    first.expect_end().await;
    let again = async {
        loop {
            let mut third = Raw::connected(plant.addr, 5, "third").await;
            third.send(&subscribe(true, 1, &[("a", 0), ("b", 0)])).await;
            if third.packet().await == [0x90, 5, 0, 1, 0, 0, 0] {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, again).await.unwrap();
    plant.end().await;
}
