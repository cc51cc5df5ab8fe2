//! Tests of the bridge's settings: what a mapping may say, each kind of problem, and reading back what is written.

use std::path::Path;
use std::time::Duration;

use super::{CertificateUri, Field, Identity, JointField, Profile, Security, SecurityPolicy};
use crate::problem::Problem;
use crate::settings::Settings;

const CELL: &str = r#"
profile = "development"
[[opcua.servers]]
name = "cell-7"
url = "opc.tcp://192.168.0.10:4840"
user_file = "cell.user"
[[opcua.servers.robots]]
robot_id = "CNAB12HX00010000000000000042A"
robot_kind = "arm"
[[opcua.servers.robots.joints]]
name = "J1"
gear_ratio = 100
[[opcua.servers.robots.signals]]
node = "nsu=http://maker.example/robot;s=J1.Speed"
field = "joints.J1.speed_rad_s"
unit = "deg/s"
[[opcua.servers.robots.signals]]
node = "ns=2;i=1001"
index = 3
field = "counters.power_on_h"
"#;

fn problems(text: &str) -> Vec<String> {
    match Settings::parse(text, Path::new("/etc/tacho")) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.0.iter().map(Problem::to_string).collect(),
    }
}

#[test]
fn a_cell_is_read_encrypted_and_with_the_names_of_its_fields() {
    let settings = Settings::parse(CELL, Path::new("/etc/tacho")).unwrap_or_else(|problems| panic!("{problems}"));
    let server = &settings.opcua.servers[0];
    assert_eq!(server.security, Security::SignAndEncrypt(SecurityPolicy::Basic256Sha256));
    assert_eq!(server.identity, Identity::UserFile("/etc/tacho/cell.user".into()));
    assert_eq!(settings.opcua.window, Duration::from_secs(60));
    let signals = &server.robots[0].signals;
    assert_eq!(signals[0].field, Field::Joint("J1".to_owned(), JointField::Speed));
    assert_eq!(signals[0].unit.unwrap().to_string(), "deg/s");
    assert_eq!((signals[1].index, &signals[1].field), (Some(3), &Field::power_on()));
    let again = Settings::parse(&settings.to_toml(), Path::new("")).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(again, settings);
}

#[test]
fn a_certificate_may_name_another_application_or_none_where_that_is_written() {
    for (written, wanted) in [
        ("", CertificateUri::AsTold),
        ("\ncertificate_uri = \"urn:maker:plc\"", CertificateUri::Other("urn:maker:plc".to_owned())),
        ("\ncertificate_uri = \"none\"", CertificateUri::Absent),
    ] {
        let config = CELL.replace("name = \"cell-7\"", &format!("name = \"cell-7\"{written}"));
        let settings = Settings::parse(&config, Path::new("")).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(settings.opcua.servers[0].certificate_uri, wanted);
        let again = Settings::parse(&settings.to_toml(), Path::new("")).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(again, settings);
    }
}

#[test]
fn what_is_wrong_in_a_mapping_is_named_with_its_place() {
    for (wrong, right, key) in [
        ("field = \"joints.J1.speed\"", "field = \"joints.J1.speed_rad_s\"", "signals[0].field = \"joints.J1.speed\""),
        ("unit = \"Nm\"", "unit = \"deg/s\"", "signals[0].unit = \"Nm\": expected a unit of angular speed"),
        ("node = \"J1\"", "node = \"ns=2;i=1001\"", "signals[1].node = \"J1\""),
        ("url = \"http://x\"", "url = \"opc.tcp://192.168.0.10:4840\"", "servers[0].url = \"http://x\""),
        ("name = \"Cell 7\"", "name = \"cell-7\"", "servers[0].name = \"Cell 7\""),
        ("name = \"J9\"", "name = \"J1\"", "robots[0].joints = J9: expected a joint that a signal feeds"),
        ("security = \"None\"", "user_file = \"cell.user\"", "servers[0].security = \"None\""),
        ("certificate_uri = \"plc\"", "user_file = \"cell.user\"", "servers[0].certificate_uri = \"plc\""),
        (
            "security = \"none\"\ncertificate_uri = \"none\"",
            "user_file = \"cell.user\"",
            "servers[0].certificate_uri: ",
        ),
        ("user_key = \"k\"", "user_file = \"cell.user\"", "servers[0].user_file: expected either user_file"),
    ] {
        let found = problems(&CELL.replace(right, wrong));
        assert!(found.len() == 1 && found[0].contains(key), "{wrong}: {found:?}");
    }
}

#[test]
fn hours_of_power_on_come_from_a_node_or_are_counted_from_a_start_and_never_both() {
    let counted = CELL.replace("field = \"counters.power_on_h\"", "field = \"counters.servo_on_h\"");
    let found = problems(&counted);
    assert!(found.len() == 1 && found[0].contains("either a signal of counters.power_on_h"), "{found:?}");
    let start = "robot_kind = \"arm\"\npower_on_h_start = 120.5";
    assert_eq!(problems(&counted.replace("robot_kind = \"arm\"", start)), Vec::<String>::new());
    assert_eq!(problems(&CELL.replace("robot_kind = \"arm\"", start)).len(), 1);
}

#[test]
fn robots_names_and_fields_stand_once() {
    let twice = format!("{CELL}{}", CELL.replace("profile = \"development\"", ""));
    let found = problems(&twice);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("servers[1].name = cell-7") && found[1].contains("robots[0].robot_id"), "{found:?}");
    let same = CELL.replace(
        "counters.power_on_h\"",
        "counters.power_on_h\"\n[[opcua.servers.robots.signals]]\nnode = \"i=1\"\nfield = \"counters.power_on_h\"",
    );
    assert!(problems(&same)[0].contains("signals[2].field"), "{:?}", problems(&same));
}

const FOUND: &str = r#"
profile = "development"
[[opcua.servers]]
name = "cell-7"
url = "opc.tcp://192.168.0.10:4840"
[[opcua.servers.robots]]
profile = "robotics"
serial_number = "SN-1"
robot_id = "CNAB12HX00010000000000000042A"
[[opcua.servers.robots.joints]]
name = "J1"
rated_torque_nm = 50
[[opcua.servers.robots]]
profile = "robotics"
"#;

#[test]
fn robots_of_a_profile_need_neither_signals_nor_an_id() {
    let settings = Settings::parse(FOUND, Path::new("")).unwrap_or_else(|problems| panic!("{problems}"));
    let server = &settings.opcua.servers[0];
    assert_eq!((server.robots[0].profile, server.robots[1].robot_id), (Some(Profile::Robotics), None));
    assert_eq!(server.without_profiles().robots, []);
    let again = Settings::parse(&settings.to_toml(), Path::new("")).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(again, settings);
}

#[test]
fn robots_of_a_profile_are_told_apart_by_their_serial_numbers() {
    let further = "[[opcua.servers.robots]]\nprofile = \"robotics\"\n";
    for (config, told) in [
        (format!("{FOUND}{further}"), "robots[2].serial_number: expected a serial number that no other entry has"),
        (format!("{FOUND}{further}serial_number = \"SN-1\""), "robots[2].serial_number = SN-1"),
        (FOUND.replace("\"robotics\"", "\"packml\""), "robots[0].profile = \"packml\": expected \"robotics\""),
        (
            format!("{FOUND}[[opcua.servers.robots.joints]]\nname = \"J1\""),
            "robots[1].serial_number: expected the serial number of the robot that signals and joints are of",
        ),
        (CELL.replace("robot_kind", "serial_number = \"SN-1\"\nrobot_kind"), "robots[0].serial_number = SN-1"),
    ] {
        let found = problems(&config);
        assert!(found.iter().any(|problem| problem.contains(told)), "{told}: {found:?}");
    }
}
