//! Wrong optional parts: dropped with a flag that names them and why, kept as they came.

use super::{flags, min_but, min_with, own};
use crate::record::Record;

/// Decodes the minimal record with `members`, and gives the flags and what is in `extra`.
fn kept(members: &str) -> (Record, Vec<String>, String) {
    let record = own(min_with(members)).unwrap();
    let (flags, extra) = (flags(&record), record.extra.to_json_text().unwrap_or_default());
    (record, flags, extra)
}

#[test]
fn one_joint_of_three_is_dropped_and_the_others_keep_their_places() {
    let (record, flags, extra) =
        kept(r#""joints":[{"name":"J1"},{"name":"J2","temp_motor_c":"hot","x":1},{"name":"J3"}]"#);
    let places: Vec<_> = record.joints.iter().map(|joint| (joint.index, &*joint.name)).collect();
    assert_eq!(places, [(0, "J1"), (2, "J3")]);
    assert_eq!(flags, ["element_dropped:/joints/1 (type:/joints/1/temp_motor_c)"]);
    assert_eq!(extra, r#"{"/joints/1":{"name":"J2","temp_motor_c":"hot","x":1}}"#);
}

#[test]
fn a_battery_without_a_mandatory_field_is_dropped() {
    let (record, flags, _) = kept(r#""batteries":[{"pack_id":"P1","voltage_v":50,"current_a":null}]"#);
    assert!(record.batteries.is_empty());
    assert_eq!(flags, ["element_dropped:/batteries/0 (required:/batteries/0/current_a)"]);
}

#[test]
fn a_wrong_optional_field_of_the_envelope_or_the_counters_is_dropped_alone() {
    let text = min_but("\"power_on_h\":1204.5", r#""power_on_h":1204.5,"motion_h":"x","estop_count":1.5,"new":2"#);
    let record = own(text.replace("\"seq\":1", r#""seq":1,"payload_kg":1e400,"operational_mode":"asleep""#)).unwrap();
    assert_eq!(
        flags(&record),
        [
            "field_dropped:/payload_kg (out_of_range:/payload_kg)",
            "field_dropped:/operational_mode (out_of_range:/operational_mode)",
            "field_dropped:/counters/motion_h (type:/counters/motion_h)",
            "field_dropped:/counters/estop_count (type:/counters/estop_count)",
        ]
    );
    assert_eq!((record.seq, record.counters.power_on_h), (1, 1204.5));
    assert_eq!(
        record.extra.to_json_text().as_deref(),
        Some(
            r#"{"/counters/estop_count":1.5,"/counters/motion_h":"x","/counters/new":2,"/operational_mode":"asleep","/payload_kg":1e400}"#
        )
    );
}

#[test]
fn sections_of_another_type_or_with_a_wrong_field_are_dropped_as_one() {
    let (record, flags, _) = kept(r#""joints":{},"motion":{"x_m":"?"},"pose_test":[],"events":7"#);
    assert!(record.joints.is_empty() && record.motion.is_none() && record.pose_test.is_none());
    assert_eq!(
        flags,
        [
            "section_dropped:/joints (type:/joints)",
            "section_dropped:/motion (type:/motion/x_m)",
            "section_dropped:/pose_test (type:/pose_test)",
            "section_dropped:/events (type:/events)",
        ]
    );
}

#[test]
fn wrong_samples_do_not_cost_their_joint() {
    let (record, flags, extra) = kept(r#""joints":[{"name":"J1","samples":{"torque_nm":[1,null]}}]"#);
    assert_eq!((record.joints.len(), record.joints[0].samples.is_some()), (1, false));
    assert_eq!(flags, ["section_dropped:/joints/0/samples (type:/joints/0/samples/torque_nm)"]);
    assert_eq!(extra, r#"{"/joints/0/samples":{"torque_nm":[1,null]}}"#);
}

#[test]
fn elements_that_are_no_objects_are_dropped() {
    let (record, flags, _) = kept(r#""events":[null,1,{"time":0,"code":153,"severity":"info"},"x",[]]"#);
    assert_eq!((record.events.len(), record.events[0].index, &*record.events[0].code), (1, 2, "153"));
    assert_eq!(flags.len(), 4);
    assert_eq!(flags[3], "element_dropped:/events/4 (type:/events/4)");
}

#[test]
fn each_array_holds_what_its_bound_says_and_not_one_more() {
    let event = r#"{"time":0,"code":"c","severity":"info"}"#;
    let battery =
        r#"{"pack_id":"p","voltage_v":1,"current_a":1,"soc_end":1,"discharged_ah":1,"temp_min_c":1,"temp_max_c":1}"#;
    for (name, element, max) in [
        ("joints", r#"{"name":"J"}"#, 64),
        ("batteries", battery, 16),
        ("vibration", r#"{"location":"l"}"#, 32),
        ("gaps", r#"{"from":0,"to":0,"cause":"c"}"#, 64),
        ("quality", r#"{"pointer":""}"#, 256),
        ("events", event, 256),
        ("maintenance", r#"{"time":0,"kind":"grease"}"#, 64),
    ] {
        let list = |n: usize| format!("\"{name}\":[{}]", vec![element; n].join(","));
        let (_, most, _) = kept(&list(max));
        assert!(most.is_empty(), "{name}: {most:?}");
        let (_, over, _) = kept(&list(max + 1));
        assert_eq!(over, [format!("section_dropped:/{name} (length:/{name})")]);
    }
}

#[test]
fn histograms_samples_paths_and_poses_have_their_lengths() {
    let numbers = |n: usize| vec!["1"; n].join(",");
    let points = |n: usize, width: usize| vec![format!("[{}]", numbers(width)); n].join(",");
    for (template, good, bad) in [
        (r#""joints":[{"name":"J","load_hist_rev":[@]}]"#, numbers(12), numbers(11)),
        (r#""joints":[{"name":"J","temp_hist_h":[@]}]"#, numbers(8), numbers(9)),
        (r#""joints":[{"name":"J","samples":{"current_a":[@]}}]"#, numbers(512), numbers(513)),
        (r#""vibration":[{"location":"l","samples_m_s2":[@]}]"#, numbers(2048), numbers(2049)),
        (r#""motion":{"actual_path_m":[@]}"#, points(256, 2), points(257, 2)),
        (r#""motion":{"reference_path_m":[@]}"#, points(1, 2), points(1, 3)),
        (r#""pose_test":{"attained":[@]}"#, points(2, 6), points(1, 6)),
        (r#""pose_test":{"attained":[@]}"#, points(100, 6), points(101, 6)),
        (r#""pose_test":{"command":[@]}"#, numbers(6), numbers(5)),
    ] {
        let (_, none, _) = kept(&template.replace('@', &good));
        assert!(none.is_empty(), "{template}: {none:?}");
        let (_, flags, _) = kept(&template.replace('@', &bad));
        assert!(flags.len() == 1 && flags[0].contains("(length:/"), "{template}: {flags:?}");
    }
}

#[test]
fn strings_hold_256_bytes_and_not_one_more() {
    let text = |n: usize| format!(r#""firmware":"{}é""#, "x".repeat(n - 2));
    assert!(kept(&text(256)).1.is_empty());
    assert_eq!(kept(&text(257)).1, ["field_dropped:/firmware (length:/firmware)"]);
}

#[test]
fn a_half_character_in_a_field_is_dropped_as_wrongly_encoded() {
    assert_eq!(kept(r#""firmware":"\ud800""#).1, ["field_dropped:/firmware (encoding:/firmware)"]);
}

#[test]
fn a_key_twice_in_an_element_drops_it_and_in_an_unknown_value_flags_it() {
    let (record, flags, extra) = kept(r#""joints":[{"name":"J1","x":1,"x":2}],"vendor":{"a":{"b":1,"b":2}}"#);
    assert!(record.joints.is_empty());
    assert_eq!(
        flags,
        ["element_dropped:/joints/0 (duplicate_key:/joints/0/x)", "field_dropped:/vendor (duplicate_key:/vendor/a/b)",]
    );
    assert_eq!(extra, r#"{"/joints/0":{"name":"J1","x":1,"x":2},"/vendor":{"a":{"b":1,"b":2}}}"#);
}

#[test]
fn epochs_of_components_are_what_32_bits_hold() {
    let joint = |epoch: &str| format!(r#""joints":[{{"name":"J1","component_epoch":{epoch}}}]"#);
    assert_eq!(kept(&joint("4294967295")).0.joints[0].component_epoch, 4_294_967_295);
    assert_eq!(kept(&joint("null")).0.joints[0].component_epoch, 0);
    for wrong in ["-1", "4294967296"] {
        let flag = "element_dropped:/joints/0 (out_of_range:/joints/0/component_epoch)";
        assert_eq!(kept(&joint(wrong)).1, [flag]);
    }
}
