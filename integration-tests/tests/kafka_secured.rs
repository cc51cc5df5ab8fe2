//! Kafka behind TLS and a password: by properties of librdkafka and a secret in a file; what is wrong with either is told.

use std::time::Duration;

use tacho_integration_tests::client::simulated;
use tacho_integration_tests::kafka::Broker;
use tacho_integration_tests::{Plant, PlantOptions, until};

const LONG: Duration = Duration::from_secs(60);

#[test]
fn records_go_over_tls_with_a_password_and_a_wrong_one_is_told() {
    let Some(broker) = Broker::started_secured().unwrap() else { return };
    let settings = broker.log_settings(4).replace("[log.kafka]\n", "[log.kafka]\nconnect_timeout = \"5s\"\n");
    let mut plant = Plant::new(PlantOptions::configured(&settings)).unwrap();
    plant.start().unwrap();
    simulated(&plant.mqtt().unwrap(), &["--records", "500", "--rate", "0"]).unwrap();
    let lake = plant.lake();
    until("all landed", LONG, &Some(500), || lake.try_int("select count(*) from records"));
    plant.stop().unwrap();
    let password = std::fs::read_to_string(broker.path("password")).unwrap();
    assert!(!plant.logged().contains(&password), "a secret is in no log line");

    std::fs::write(broker.path("password"), "another").unwrap();
    let refused = plant.start().unwrap_err().to_string();
    assert!(refused.contains("Authentication failed") && !refused.contains("another"), "{refused}");
    std::fs::write(broker.path("password"), &password).unwrap();
    // A certificate that nobody trusts: the one of another broker.
    let trusted = broker.path("broker.pem");
    let certificate = std::fs::read(&trusted).unwrap();
    std::fs::write(&trusted, "").unwrap();
    let refused = plant.start().unwrap_err().to_string();
    assert!(refused.contains("ssl.ca.location"), "{refused}");
    std::fs::write(&trusted, certificate).unwrap();
    plant.start().unwrap();
    assert_eq!(lake.int("select count(*) from records").unwrap(), 500);
    plant.stop().unwrap();
}
