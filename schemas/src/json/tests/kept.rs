//! Good records: every field arrives, numbers flip, unknown fields stay.

use super::{BENCH, EVERY, FULL, ID, MIN, min_but, min_with, own};
use crate::json::encode;
use crate::json::object::Object;
use crate::record::{Battery, Joint, MaintenanceKind, OperationalMode, Record, RobotKind, Severity};

#[test]
fn the_minimal_record_has_its_envelope_and_nothing_else() {
    let record = own(MIN).unwrap();
    let mut expected = Record::new(ID.parse().unwrap(), RobotKind::Arm);
    expected.stream_epoch = 1;
    expected.seq = 1;
    expected.window_start_us = 1_795_248_000_000_000;
    expected.window_end_us = 1_795_248_900_000_000;
    expected.counters.power_on_h = 1204.5;
    assert_eq!(record, expected);
    assert_eq!((record.key().epoch, record.key().seq), (1, 1));
}

#[test]
fn the_full_record_has_joints_a_battery_and_an_event() {
    let record = own(FULL).unwrap();
    assert_eq!((record.joints.len(), record.batteries.len(), record.events.len()), (6, 1, 1));
    assert_eq!(&*record.joints[5].name, "J6");
    assert_eq!((record.joints[5].index, record.joints[5].temp_motor_c), (5, Some(36.0)));
    assert_eq!(record.joints[2].input_rev_load, Some(1_231_680.6));
    assert_eq!(record.batteries[0].current_a, -4.21);
    assert_eq!(record.batteries[0].rest_s, Some(0.0));
    assert_eq!(record.events[0].time_us, 1_795_248_451_250_000);
    assert_eq!(record.events[0].severity, Severity::Warning);
    assert_eq!(record.operational_mode, Some(OperationalMode::Automatic));
    assert!(record.extra.is_empty() && record.flags.is_empty());
    assert_eq!(own(BENCH).unwrap().joints.len(), 6);
}

/// Absent fields would be `None` in the debug text.
#[test]
fn of_a_record_with_every_field_every_field_arrives() {
    let record = own(EVERY).unwrap();
    assert!(record.extra.is_empty() && record.flags.is_empty());
    let rest_of_first = |mut record: Record| {
        record.joints.truncate(1);
        format!("{record:?}")
    };
    assert!(!rest_of_first(record.clone()).contains("None"), "{record:?}");
    let joint = &record.joints[0];
    assert_eq!(joint.component_epoch, 2);
    assert_eq!(joint.load_hist_rev.as_ref().unwrap()[11], 12.0);
    assert_eq!(joint.rainflow_hist_cycles.as_ref().unwrap()[15], 16.0);
    assert_eq!(joint.samples.as_ref().unwrap().torque_model_nm.as_deref(), Some(&[1.25, 2.25][..]));
    assert_eq!(record.batteries[0].pack_epoch, 1);
    assert_eq!(record.motion.as_ref().unwrap().actual_path_m.as_deref(), Some(&[[0.0, 0.01], [1.0, 0.49]][..]));
    assert_eq!(record.pose_test.as_ref().unwrap().attained.as_ref().unwrap().len(), 2);
    assert_eq!(record.quality[0].status_code.as_deref(), Some("2156199936"));
    assert_eq!(record.gaps[0].to_us - record.gaps[0].from_us, 300_000_000);
    assert_eq!(record.events[0].text.as_deref(), Some("joint “J3” deviates"));
    assert_eq!(record.maintenance[0].kind, MaintenanceKind::BatterySwap);
    assert_eq!(record.window_end_us, 1_795_249_800_123_456);
}

#[test]
fn every_field_is_written_and_read_back_as_it_was() {
    for text in [MIN, FULL, BENCH, EVERY] {
        let record = own(text).unwrap();
        assert_eq!(own(encode(&record)).unwrap(), record);
    }
    let all: serde_json::Value = serde_json::from_str(&encode(&own(EVERY).unwrap())).unwrap();
    let names = |value: &serde_json::Value| value.as_object().unwrap().len();
    assert_eq!(names(&all), Record::FIELDS.len());
    assert_eq!(names(&all["joints"][0]), Joint::FIELDS.len());
    assert_eq!(names(&all["batteries"][0]), Battery::FIELDS.len());
}

#[test]
fn integers_stand_for_floats_and_whole_floats_for_integers() {
    let flipped = min_but("1204.5", "1204")
        .replace("\"seq\":1", "\"seq\":1.024e3")
        .replace("\"schema_version\":1", "\"schema_version\":1.0")
        .replace("\"stream_epoch\":1", "\"stream_epoch\":9007199254740991.0")
        .replace("\"2026-11-21T08:00:00Z\"", "1.795248e12");
    let record = own(&flipped).unwrap();
    assert_eq!((record.counters.power_on_h, record.seq), (1204.0, 1024));
    assert_eq!(record.stream_epoch, 9_007_199_254_740_991);
    assert_eq!(record.window_start_us, 1_795_248_000_000_000);
}

#[test]
fn exponents_signs_and_the_greatest_numbers_are_numbers() {
    for (text, value) in [("1E3", 1000.0), ("1e-3", 0.001), ("-0.0", 0.0), ("1e308", 1e308), ("1e-400", 0.0)] {
        let record = own(min_but("1204.5", text)).unwrap();
        assert_eq!(record.counters.power_on_h, value, "{text}");
    }
    assert_eq!(
        own(min_but("1204.5", "18446744073709551616")).unwrap().counters.power_on_h,
        18_446_744_073_709_551_616.0
    );
}

#[test]
fn null_is_absent() {
    let nulls = r#""firmware":null,"joints":null,"motion":null,"pose_test":null,"payload_kg":null,
        "batteries":[],"vibration":[{"location":"base","crest":null,"samples_m_s2":null}]"#;
    let record = own(min_with(nulls)).unwrap();
    assert_eq!(record.vibration[0].crest, None);
    assert!(record.joints.is_empty() && record.firmware.is_none() && record.motion.is_none());
    assert!(record.extra.is_empty() && record.flags.is_empty());
}

#[test]
fn escapes_in_keys_and_values_mean_what_they_stand_for() {
    let escaped = min_but("\"seq\"", r#""s\u0065q""#).replace("\"arm\"", r#""\u0061rm""#);
    assert_eq!(own(&escaped).unwrap(), own(MIN).unwrap());
    let record = own(min_with(r#""firmware":"a\"\\\/\n\ud83e\udd16é""#)).unwrap();
    assert_eq!(record.firmware.as_deref(), Some("a\"\\/\n🤖é"));
    assert_eq!(own(encode(&record)).unwrap(), record);
}

#[test]
fn unknown_fields_at_any_level_are_kept_as_they_came() {
    let record = own(min_with(
        r#""vendor":{"a":[1, 2.50],"b":"\ud800"},"n":1e400,"a/b~c\n":null,
        "counters2":{},"joints":[{"name":"J1"},{"name":"J2","x": 1.0 ,"samples":{"dt_s":0.1,"y":true}}],
        "motion":{"z":"deep"}"#,
    ))
    .unwrap();
    assert!(record.flags.is_empty());
    assert_eq!(
        record.extra.to_json_text().as_deref(),
        Some(
            r#"{"/a~1b~0c\n":null,"/counters2":{},"/joints/1/samples/y":true,"/joints/1/x":1.0,"/motion/z":"deep","/n":1e400,"/vendor":{"a":[1, 2.50],"b":"\ud800"}}"#
        )
    );
}

#[test]
fn thousands_of_unknown_fields_are_kept_in_no_time() {
    let members: Vec<String> = (0..15_000).map(|i| format!("\"u{i}\":{i}")).collect();
    let record = own(min_with(&members.join(","))).unwrap();
    assert_eq!(record.extra.parts().len(), 15_000);
}

#[test]
fn an_id_of_digits_with_leading_zeros_is_a_text_for_ever() {
    let id = "00000000000000000000000000042";
    let robot = crate::RobotKey::Id(id.parse().unwrap());
    let record = crate::json::decode(MIN.replace(ID, id).as_bytes(), robot, None).unwrap();
    assert_eq!(record.robot_id.as_str(), id);
}

#[test]
fn blanks_are_allowed_wherever_json_allows_them() {
    let spaced = MIN.replace(':', " :\t").replace(',', "\r\n, ").replace("T08 :\t", "T08:");
    let spaced = spaced.replace("00 :\t00Z", "00:00Z").replace("15 :\t00Z", "15:00Z");
    assert_eq!(own(format!(" \n{spaced}\t ")).unwrap(), own(MIN).unwrap());
}
