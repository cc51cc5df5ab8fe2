//! What only the inside of a front can tell: that no permit, place, filter or session is left behind.

use std::time::Duration;

use tacho_log::{EmbeddedLog, EmbeddedSettings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::{MqttFront, MqttSettings};
use crate::Outlet;

const TOPIC: &[u8] = b"robots/CNAB12HX00010000000000000042A/telemetry";
const CONNECT: &[u8] = b"\x10\x0e\0\x04MQTT\x04\x02\0\0\0\x02me";
const SUBSCRIBE: &[u8] = b"\x82\x0d\0\x01\0\x08robots/#\0";

fn publish(payload: usize) -> Vec<u8> {
    let remaining = 2 + TOPIC.len() + 2 + payload;
    let mut packet = vec![0x32];
    for shift in [0, 7, 14] {
        packet.push(u8::try_from((remaining >> shift) & 0x7F).unwrap() | 0x80);
    }
    packet.push(u8::try_from(remaining >> 21).unwrap());
    packet.extend([0, u8::try_from(TOPIC.len()).unwrap()]);
    packet.extend(TOPIC);
    packet.extend([0, 1]);
    packet.resize(packet.len() + payload, b'x');
    packet
}

#[tokio::test]
async fn every_byte_that_was_paid_for_is_given_back() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(dir.path(), EmbeddedSettings::default()).unwrap();
    let mut settings = MqttSettings { anonymous: true, ..MqttSettings::default() };
    settings.listen.set_port(0);
    let front = MqttFront::bind(settings.clone(), Outlet::new(log.appender())).await.unwrap();
    let (addr, broker, stop) = (front.local_addr(), front.broker.clone(), CancellationToken::new());
    let running = tokio::spawn(front.run(stop.clone()));

    // Small, nearly at the limit, over it, cut off at several places; with and without a subscription; ended by the
    // client, by its loss, and by the front.
    for (payload, cut) in [(300, 0), (300, 100), (1 << 20, 0), (1 << 20, 9_000), (3 << 20, 0), (3 << 20, 2 << 20)] {
        for (subscribes, tail) in [(false, &[][..]), (true, &[0xE0, 0]), (true, &[0x24, 1, 0])] {
            let mut client = TcpStream::connect(addr).await.unwrap();
            let packet = publish(payload);
            let mut bytes = CONNECT.to_vec();
            bytes.extend(if subscribes { SUBSCRIBE } else { &[] });
            bytes.extend(publish(10));
            bytes.extend(&packet[..packet.len() - cut]);
            bytes.extend(if cut == 0 { tail } else { &[] });
            let (mut reader, mut writer) = client.split();
            let read = async {
                let mut sink = vec![0; 4 << 10];
                while reader.read(&mut sink).await.is_ok_and(|got| got > 0) {}
            };
            let write = async {
                drop(writer.write_all(&bytes).await);
                drop(writer.shutdown().await);
            };
            tokio::join!(read, write);
        }
    }
    let all_back = async {
        while broker.budget.available_permits() < settings.total_bytes || broker.filters.any_telemetry() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), all_back).await;
    let missing = settings.total_bytes - broker.budget.available_permits();
    assert!(waited.is_ok(), "{missing} bytes are missing");
    stop.cancel();
    running.await.unwrap().unwrap();
    assert!(broker.sessions.expired(tokio::time::Instant::now()).is_empty());
}
