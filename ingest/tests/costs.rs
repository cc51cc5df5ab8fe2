//! What connections and publishes cost: alone in its process, whose memory it measures. The figures of the budgets
//! come from the benches; here are tripwires.

#[expect(dead_code, reason = "shared with the other tests of the front")]
#[path = "mqtt/plant.rs"]
mod plant;
#[expect(dead_code, reason = "shared with the other tests of the front")]
#[path = "mqtt/raw.rs"]
mod raw;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use plant::{Plant, ROBOT, telemetry};
use raw::{Connect, Raw, connect, publish, subscribe};

/// Resident memory of this process, in KiB.
fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("procfs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a resident size");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number of KiB")
}

#[tokio::test]
async fn an_idle_connection_takes_little_memory() {
    const CONNECTIONS: u64 = 1_000;
    let plant = Plant::start().await;
    let mut clients = vec![Raw::connected(plant.addr, 4, "first").await];
    let before = resident_kib();
    for nth in 0..CONNECTIONS {
        let id = nth.to_string();
        let mut client = Raw::connected(plant.addr, 4, &id).await;
        client.send(&publish(1, &telemetry(ROBOT), 1, None, &[b'x'; 300])).await;
        assert_eq!(client.packet().await, [0x40, 2, 0, 1]);
        clients.push(client);
    }
    let each = resident_kib().saturating_sub(before) / CONNECTIONS;
    println!("{each} KiB for a connection and its client");
    assert!(each <= 15, "{each} KiB; the budget is 150 MB for 10,000");
    drop(clients);
    plant.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: run it alone"]
async fn measure_publishes() {
    println!("{}", publishes(false).await);
    println!("{}", publishes(true).await);
}

/// Publishes as fast as it goes, with one subscriber to all of it or with none.
async fn publishes(subscribed: bool) -> String {
    const CLIENTS: usize = 50;
    const ROUNDS: usize = 400;
    let plant = Plant::start().await;
    let addr = plant.addr;
    let heard = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&heard);
    let listening = tokio::spawn(async move {
        let mut subscriber = Raw::connected(addr, 4, "subscriber").await;
        if subscribed {
            subscriber.send(&subscribe(false, 1, &[("robots/#", 0)])).await;
        }
        while subscriber.try_packet().await.is_some() {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });
    let client = |nth: usize| async move {
        let mut stream = TcpStream::connect(addr).await.expect("a front that serves");
        stream.set_nodelay(true).expect("a front that serves");
        let id = nth.to_string();
        stream
            .write_all(&connect(4, Connect { id: &id, clean: true, ..Connect::default() }))
            .await
            .expect("a front that serves");
        stream.read_exact(&mut [0; 4]).await.expect("a front that serves");
        let topic = telemetry(&format!("{ROBOT:.27}{nth:02}"));
        let mut round = Vec::new();
        for pkid in 1..=100 {
            round.extend(publish(1, &topic, pkid, None, &[b'x'; 300]));
        }
        let (mut reader, mut writer) = stream.split();
        let write = async {
            for _round in 0..ROUNDS {
                writer.write_all(&round).await.expect("a front that serves");
            }
        };
        let read = async {
            let mut acks = vec![0; 400 * ROUNDS];
            reader.read_exact(&mut acks).await.expect("a front that serves");
        };
        tokio::join!(write, read);
    };
    let since = Instant::now();
    let clients: Vec<_> = (0..CLIENTS).map(|nth| tokio::spawn(client(nth))).collect();
    for client in clients {
        client.await.expect("a front that serves");
    }
    let seconds = since.elapsed().as_secs_f64();
    let publishes = u32::try_from(CLIENTS * ROUNDS * 100).expect("a front that serves");
    let rate = f64::from(publishes) / seconds;
    let heard = heard.load(Ordering::Relaxed);
    listening.abort();
    plant.end().await;
    format!("{publishes} publishes in {seconds:.2} s: {rate:.0}/s; a subscriber got {heard}")
}
