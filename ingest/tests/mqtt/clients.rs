//! Clients that we did not write: rumqttc in both versions, and Debian's mosquitto_pub and mosquitto_sub.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::plant::{PATIENCE, Plant, ROBOT, telemetry};

const EACH: usize = 300;

#[tokio::test]
async fn rumqttc_3_publishes_and_subscribes_at_every_qos() {
    let plant = Plant::start().await;
    let mut options = MqttOptions::new("three", plant.addr.ip().to_string(), plant.addr.port());
    options.set_keep_alive(Duration::ZERO);
    let (client, mut events) = AsyncClient::new(options, 10);
    let work = async {
        client.subscribe("robots/+/telemetry", QoS::ExactlyOnce).await.unwrap();
        for nth in 0..EACH {
            let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][nth % 3];
            client.publish(telemetry(ROBOT), qos, false, nth.to_string()).await.unwrap();
        }
    };
    let mut heard = Vec::new();
    let listen = async {
        while heard.len() < EACH {
            if let Event::Incoming(Packet::Publish(publish)) = events.poll().await.unwrap() {
                heard.push(String::from_utf8(publish.payload.to_vec()).unwrap().parse::<usize>().unwrap());
            }
        }
    };
    tokio::time::timeout(PATIENCE, async { tokio::join!(work, listen) }).await.unwrap();
    assert_eq!(heard, (0..EACH).collect::<Vec<_>>());
    assert_eq!(plant.records(EACH).await.len(), EACH);
    plant.end().await;
}

#[tokio::test]
async fn rumqttc_5_publishes_and_subscribes_at_every_qos() {
    use rumqttc::v5::mqttbytes::QoS;
    use rumqttc::v5::mqttbytes::v5::Packet;
    use rumqttc::v5::{AsyncClient, Event, MqttOptions};
    let plant = Plant::start().await;
    let mut options = MqttOptions::new("five", plant.addr.ip().to_string(), plant.addr.port());
    options.set_receive_maximum(Some(7));
    let (client, mut events) = AsyncClient::new(options, 10);
    let work = async {
        client.subscribe("robots/+/telemetry", QoS::ExactlyOnce).await.unwrap();
        for nth in 0..EACH {
            let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][nth % 3];
            client.publish(telemetry(ROBOT), qos, false, nth.to_string()).await.unwrap();
        }
    };
    let mut heard = Vec::new();
    let listen = async {
        while heard.len() < EACH {
            if let Event::Incoming(Packet::Publish(publish)) = events.poll().await.unwrap() {
                heard.push(String::from_utf8(publish.payload.to_vec()).unwrap().parse::<usize>().unwrap());
            }
        }
    };
    tokio::time::timeout(PATIENCE, async { tokio::join!(work, listen) }).await.unwrap();
    assert_eq!(heard, (0..EACH).collect::<Vec<_>>());
    assert_eq!(plant.records(EACH).await.len(), EACH);
    plant.end().await;
}

fn mosquitto(program: &str, addr: SocketAddr, version: &str, qos: usize) -> Command {
    let mut command = Command::new(program);
    command.args(["-h", &addr.ip().to_string(), "-p", &addr.port().to_string(), "-V", version]);
    command.args(["-q", &qos.to_string()]).stdin(Stdio::null()).kill_on_drop(true);
    command
}

#[tokio::test]
async fn mosquitto_clients_publish_and_subscribe() {
    if Command::new("mosquitto_pub").arg("--help").output().await.is_err() {
        println!("skipped: mosquitto_pub is not installed (Debian: mosquitto-clients)");
        return;
    }
    let plant = Plant::start().await;
    let versions = ["311", "5"];
    // Who has got the retained message has subscribed.
    let mut ready = mosquitto("mosquitto_pub", plant.addr, "311", 1);
    assert!(ready.args(["-t", "ready", "-r", "-m", "yes"]).status().await.unwrap().success());
    let mut subscriber = mosquitto("mosquitto_sub", plant.addr, "5", 1);
    subscriber.args(["-t", "robots/#", "-t", "ready", "-v"]).stdout(Stdio::piped());
    let mut subscriber = subscriber.spawn().unwrap();
    let mut lines = BufReader::new(subscriber.stdout.take().unwrap()).lines();
    let mut line = async || {
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap();
        line.unwrap().expect("mosquitto_sub goes on")
    };
    assert_eq!(line().await, "ready yes");
    let mut expected = BTreeSet::new();
    for version in versions {
        for qos in 0..3 {
            let mut publisher = mosquitto("mosquitto_pub", plant.addr, version, qos);
            let payload = format!("{version}-{qos}");
            publisher.args(["-t", &telemetry(ROBOT), "-m", &payload, "-k", "30"]);
            assert!(publisher.status().await.unwrap().success());
            expected.insert(payload);
        }
    }
    let mut heard = BTreeSet::new();
    while heard.len() < expected.len() {
        let line = line().await;
        if let Some(payload) = line.strip_prefix(&format!("{} ", telemetry(ROBOT))) {
            heard.insert(payload.to_owned());
        }
    }
    assert_eq!(heard, expected);
    let logged: BTreeSet<_> =
        plant.records(6).await.iter().map(|r| String::from_utf8_lossy(&r.payload).into_owned()).collect();
    assert_eq!(logged, expected);
    subscriber.kill().await.unwrap();
    plant.end().await;
}
