//! Tests of the snapshot: it names exactly what changes rows.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::*;

fn schema_ids() -> BTreeMap<String, Digest> {
    ["records", "joints"].map(|table| (table.to_owned(), Digest::of(table.as_bytes()))).into()
}

fn of_models(models: Models) -> Snapshot {
    Snapshot::build(models, Limits::builtin(), IdPolicy::builtin(), FORMULAS, schema_ids()).expect("sound")
}

fn shipped() -> Snapshot {
    of_models(Models::builtin())
}

/// A snapshot of which nothing is shipped, so that its digest changes only with the form of the JSON.
fn fixture() -> Snapshot {
    let json = include_str!("golden.json");
    Snapshot::parse(json.trim_end().as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_form_of_the_json_and_so_the_digest_stays() {
    // If this fails, every lake in the field sees a new configuration: raise FORMAT, and keep reading the old one.
    let golden = "52d32f7731c9ab4402359454e93166ab5c5396b82f531abdc08a37eb578414f1";
    assert_eq!(fixture().digest().to_string(), golden);
}

#[test]
fn a_snapshot_is_read_back_to_the_same_with_the_ranges_of_its_models() {
    let mut limits = Limits::builtin();
    limits.temp_motor_c.suspect_max = 77.7;
    let snapshot = Snapshot::build(Models::builtin(), limits, IdPolicy::builtin(), FORMULAS, schema_ids()).unwrap();
    let again = Snapshot::parse(&snapshot.canonical_bytes()).unwrap();
    assert_eq!(again, snapshot);
    assert_eq!(again.digest(), snapshot.digest());
    let amr = again.models().by_name("drover-d2").unwrap();
    assert_eq!(amr.limits.temp_motor_c.suspect_max, 77.7);
    assert_eq!(amr.limits.amr_speed_m_s.suspect_max, 2.0);
    assert!(again.is_supported());
    assert_eq!(again.roster(), None);
}

#[test]
fn building_twice_gives_the_same_bytes() {
    assert_eq!(shipped().canonical_bytes(), shipped().canonical_bytes());
}

/// Changes one number after the other in the JSON; each change is another snapshot, or none.
#[test]
fn each_number_of_the_json_is_part_of_the_name() {
    let snapshot = shipped();
    let whole: Value = serde_json::from_slice(&snapshot.canonical_bytes()).unwrap();
    let mut pointers = Vec::new();
    numbers(&whole, &mut String::new(), &mut pointers);
    assert!(pointers.len() > 300, "{} numbers", pointers.len());
    let mut read = 0;
    for pointer in pointers {
        let mut changed = whole.clone();
        let number = changed.pointer_mut(&pointer).unwrap();
        *number = stepped(number);
        match Snapshot::parse(&canonical::bytes(&changed)) {
            Ok(other) => {
                assert_ne!(other.digest(), snapshot.digest(), "{pointer}");
                read += 1;
            }
            Err(_) => assert!(refuses_changes(&pointer), "{pointer}"),
        }
    }
    assert!(read > 250, "{read} numbers could be changed");
}

/// Another number nearby, of no more digits than a file may have.
fn stepped(number: &Value) -> Value {
    match (number.as_u64(), number.as_f64().expect("a number")) {
        (Some(integer), _) => Value::from(integer + 1),
        (None, 0.0) => Value::from(-0.001),
        (None, number) => Value::from(nearby(number)),
    }
}

fn nearby(number: f64) -> f64 {
    format!("{:.7e}", number * 1.015_625).parse().expect("a number")
}

/// Places where a small change may contradict something else: fixed ones, weights that are 1 together, bounds that meet.
fn refuses_changes(pointer: &str) -> bool {
    ["/format", "/segments/", "/health/", "/limits/", "/limit_changes/"].iter().any(|part| pointer.contains(part))
}

/// Changes one number after the other in the models' files: none is lost on the way into the snapshot.
#[test]
fn each_number_of_a_models_file_is_part_of_the_name() {
    let folder = Path::new("models");
    let mut tried = 0;
    for name in ["example-arm-6", "drover-d2"] {
        let text = fs::read_to_string(folder.join(format!("{name}.toml"))).unwrap();
        let base = laid_over(&text).expect("the shipped model").digest();
        for (index, line) in text.lines().enumerate() {
            let Some((key, value)) = line.split_once(" = ") else {
                continue;
            };
            let number = value.split('#').next().unwrap_or_default().trim().replace('_', "");
            let Ok(number) = number.parse::<f64>() else {
                continue;
            };
            let mut changed = String::new();
            for (other, line) in text.lines().enumerate() {
                match other == index {
                    false => writeln!(changed, "{line}").unwrap(),
                    true if key == "cells_in_series" => writeln!(changed, "{key} = {}", number + 1.0).unwrap(),
                    true => writeln!(changed, "{key} = {}", nearby(number)).unwrap(),
                }
            }
            if matches!(key, "joints" | "batteries" | "accuracy") {
                assert!(laid_over(&changed).is_err(), "{name}: {key} breaks the sum");
                continue;
            }
            let other = laid_over(&changed).unwrap_or_else(|problems| panic!("{name} {key}: {problems}"));
            assert_ne!(other.digest(), base, "{name}: {key}");
            tried += 1;
        }
    }
    assert!(tried > 25, "{tried} numbers");
    let text = fs::read_to_string(folder.join("drover-d2.toml")).unwrap();
    let other_weights = text.replace("joints = 0.2\nbatteries = 0.6", "joints = 0.3\nbatteries = 0.5");
    assert_ne!(laid_over(&other_weights).unwrap().digest(), laid_over(&text).unwrap().digest());
}

fn laid_over(model: &str) -> Result<Snapshot, Problems> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("model.toml"), model).expect("a written file");
    Ok(of_models(Models::with_dir(folder.path())?))
}

#[test]
fn settings_lead_to_the_snapshot_with_their_limits_and_models() {
    let folder = tempfile::tempdir().unwrap();
    let arm = include_str!("../../models/example-arm-6.toml").replace("example-arm-6", "our-arm");
    fs::write(folder.path().join("our-arm.toml"), arm).unwrap();
    let mut settings = Settings::development();
    assert_eq!(Snapshot::of_settings(&settings, schema_ids()).unwrap(), shipped());
    settings.processing.models_dir = Some(folder.path().to_owned());
    settings.processing.limits.soh.suspect_max = 1.0;
    let snapshot = Snapshot::of_settings(&settings, schema_ids()).unwrap();
    assert_eq!(snapshot.models().by_name("our-arm").unwrap().limits.soh.suspect_max, 1.0);
    assert_eq!(snapshot.limits().soh.suspect_max, 1.0);
}

#[test]
fn other_formulas_schemas_and_countries_have_other_names() {
    let base = shipped();
    let build = |ids, formulas: &str, schemas| {
        Snapshot::build(Models::builtin(), Limits::builtin(), ids, formulas, schemas).unwrap()
    };
    let formulas = build(IdPolicy::builtin(), "2031.2", schema_ids());
    assert!(!formulas.is_supported());
    assert_eq!(Snapshot::parse(&formulas.canonical_bytes()).unwrap().formulas(), "2031.2");
    let mut countries = IdPolicy::builtin();
    countries.countries_assigned.retain(|code| code != "ZW");
    let others =
        [formulas, build(countries, FORMULAS, schema_ids()), build(IdPolicy::builtin(), FORMULAS, BTreeMap::new())];
    for other in others {
        assert_ne!(other.digest(), base.digest());
    }
}

#[test]
fn what_was_changed_by_hand_or_is_of_another_version_is_refused() {
    let text = String::from_utf8(shipped().canonical_bytes()).unwrap();
    let parse = |text: &str| Snapshot::parse(text.as_bytes()).map(|_| ());
    assert!(parse(&text).is_ok());
    assert!(matches!(parse(&text.replacen(",", ", ", 1)), Err(SnapshotError::NotCanonical)));
    assert!(matches!(parse(&text.replacen("87.0", "87", 1)), Err(SnapshotError::NotCanonical)));
    assert!(matches!(parse(&text.replace("\"format\":1", "\"format\":2")), Err(SnapshotError::Format(2))));
    assert!(matches!(
        parse(&text.replacen("\"formulas\"", "\"colour\":1,\"formulas\"", 1)),
        Err(SnapshotError::Malformed(_))
    ));
    assert!(matches!(parse(&text[..text.len() / 2]), Err(SnapshotError::Malformed(_))));
    let upside_down = text.replace("\"repeated_peak_torque_nm\":204.0", "\"repeated_peak_torque_nm\":20.0");
    assert!(matches!(parse(&upside_down), Err(SnapshotError::Unsound(_))));
    let hard = text.replacen("\"hard_max\":1.001", "\"hard_max\":-1.001", 1);
    assert!(matches!(parse(&hard), Err(SnapshotError::Unsound(_))));
}

fn numbers(value: &Value, pointer: &mut String, found: &mut Vec<String>) {
    let mut step = |key: &str, value: &Value, pointer: &mut String| {
        let length = pointer.len();
        pointer.push('/');
        pointer.push_str(key);
        numbers(value, pointer, found);
        pointer.truncate(length);
    };
    match value {
        Value::Number(_) => found.push(pointer.clone()),
        Value::Array(array) => array.iter().enumerate().for_each(|(i, value)| step(&i.to_string(), value, pointer)),
        Value::Object(object) => object.iter().for_each(|(key, value)| step(key, value, pointer)),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[test]
fn a_roster_is_part_of_the_name_and_is_given_again_after_reading() {
    let text = "tacho-roster/1\nversion 1\nissued 2026-11-21T00:00:00Z\nmanufacturer UR00\n";
    let roster = Arc::new(Roster::parse(text).unwrap());
    let snapshot = shipped().with_roster(Arc::clone(&roster));
    assert_ne!(snapshot.digest(), shipped().digest());
    let again = Snapshot::parse(&snapshot.canonical_bytes()).unwrap();
    assert_eq!((again.roster(), again.roster_content()), (Some(roster.digest()), None));
    assert_eq!(again.with_roster(roster), snapshot);
    let mut settings = Settings::development();
    settings.processing.check_character = Some(crate::CheckScheme::Mod37_36);
    settings.processing.serials.insert("UR00".to_owned(), "[0-9]+".to_owned().try_into().unwrap());
    let checked = Snapshot::of_settings(&settings, schema_ids()).unwrap();
    assert_ne!(checked.digest(), shipped().digest());
    assert_eq!(Snapshot::parse(&checked.canonical_bytes()).unwrap(), checked);
}
