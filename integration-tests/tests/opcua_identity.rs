//! OPC UA: whom we trust and who we are, to a server that is encrypted: nobody is until a person says so.

use tacho_integration_tests::arm::{Arm, bridge};
use tacho_integration_tests::client::tool;
use tacho_integration_tests::counting::{SEEN, trust, until_logged};
use tacho_integration_tests::port::free_port;
use tacho_integration_tests::{Plant, PlantOptions, until};

/// An encrypted arm with options, or nothing where there is no Python.
fn encrypted(options: &[&str]) -> Option<Arm> {
    let options = [&["--security"], options].concat();
    Some(Arm::start(&tool("TACHO_PYTHON")?, free_port().unwrap(), &options).unwrap())
}

/// A bridge to an arm, with further lines for the server.
fn plant(arm: &Arm, server: &str) -> Plant {
    Plant::started(PlantOptions::configured(&bridge(&arm.url(), server))).unwrap()
}

/// What the arm counts arrives.
fn arrives(arm: &mut Arm, plant: &Plant) {
    until_logged(plant, "subscribed ");
    arm.counts(1, 50, 20).unwrap();
    let counted = "select count(distinct text) from events where code = 'COUNT'";
    until("what was counted", SEEN, &50, || plant.lake().try_int(counted).unwrap_or(0));
    arm.answer().unwrap();
    assert_eq!(plant.lake().imbalances().unwrap(), []);
}

#[test]
fn a_user_is_known_by_a_certificate_and_another_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let Some(mut arm) = encrypted(&["--user-certificates", folder.path().to_str().unwrap()]) else { return };
    let ours = |from: &str| {
        for kind in ["der", "pem"] {
            std::fs::copy(file(&format!("{from}.{kind}")), file(&format!("ours.{kind}"))).unwrap();
        }
    };
    ours("stranger");
    let user = format!("user_certificate = \"{}\"\nuser_key = \"{}\"", file("ours.der"), file("ours.pem"));
    let plant = plant(&arm, &user);
    trust(&plant);
    until_logged(&plant, "refuses the user or the password");
    assert!(!plant.logged().contains("subscribed "), "{}", plant.logged());
    // The files are read again at each attempt.
    ours("known");
    arrives(&mut arm, &plant);
}

#[test]
fn a_user_whose_certificate_has_another_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let Some(arm) = encrypted(&["--user-certificates", folder.path().to_str().unwrap()]) else { return };
    let user = format!("user_certificate = \"{}\"\nuser_key = \"{}\"", file("known.der"), file("stranger.pem"));
    let plant = plant(&arm, &user);
    trust(&plant);
    until_logged(&plant, "refuses the user or the password");
    assert!(!plant.logged().contains("subscribed "), "{}", plant.logged());
}

#[test]
fn a_certificate_of_another_application_is_refused() {
    let Some(arm) = encrypted(&["--application", "urn:maker:other"]) else { return };
    let plant = plant(&arm, "");
    until_logged(&plant, "is made for urn:tachograph:test-arm, and the server says it is");
}

#[test]
fn a_certificate_that_names_no_application_is_taken_where_the_settings_say_so_once_it_is_trusted() {
    let Some(mut arm) = encrypted(&["--no-uri"]) else { return };
    let mut plant = plant(&arm, "");
    until_logged(&plant, "is made for no application");
    plant.stop().unwrap();
    let config = bridge(&arm.url(), "certificate_uri = \"none\"");
    std::fs::write(plant.beside("tacho.toml"), format!("profile = \"development\"\n{config}")).unwrap();
    plant.start().unwrap();
    trust(&plant);
    arrives(&mut arm, &plant);
}
