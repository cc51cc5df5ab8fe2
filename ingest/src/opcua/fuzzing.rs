//! What must hold for whatever a server delivers: the body of the fuzz target `opcua`.
//!
//! Each input is a series of values as OPC UA encodes them. Checked: the journal gives back what it got, the records cut
//! of it are JSON without a null, and the same input gives the same records.

use std::io::Cursor;
use std::time::Duration;

use opcua::types::{BinaryDecodable as _, ContextOwned, DataValue};
use serde_json::Value as Json;
use tacho_config::settings::opcua::{BatteryField, CounterField, Field, JointField, RobotField};
use tacho_schemas::record::Severity;

use super::cutter::{At, Cutter, JointEntry, RobotEntry, SignalEntry, Table};
use super::journal::{Data, Entry};
use super::value::Sample;

/// 2026-11-21T08:00:00Z.
const START_US: i64 = 1_795_248_000_000_000;

/// Feeds values to the way from a server to a record.
///
/// # Panics
/// If something does not hold.
pub fn values(bytes: &[u8]) {
    let entries = entries(bytes);
    let records = cut(&entries);
    for record in &records {
        let record: Json = serde_json::from_slice(record).expect("a record is JSON");
        assert!(!has_null(&record), "a number that JSON has not: {record}");
    }
    assert_eq!(cut(&entries), records, "the same entries give the same records");
}

fn entries(bytes: &[u8]) -> Vec<Entry> {
    let fields = fields();
    let context = ContextOwned::default();
    let (mut input, mut entries) = (Cursor::new(bytes), vec![Entry::Table(table(&fields))]);
    for signal in (0_u32..).map(|n| n * 7 % u32::try_from(fields.len()).unwrap_or(1)) {
        let Ok(delivered) = DataValue::decode(&mut input, &context.context()) else { break };
        let samples = vec![Sample::of(signal, delivered)];
        let data = Entry::Data(Data { subscription: 1, sequence: 1, samples, ..Data::default() });
        let encoded = data.encode().expect("what was delivered can be written");
        assert_eq!(Entry::decode(&encoded).expect("what was written can be read"), data);
        entries.push(data);
    }
    entries.push(Entry::Tick);
    entries
}

fn cut(entries: &[Entry]) -> Vec<Vec<u8>> {
    let mut cutter = Cutter::new(Duration::from_secs(60), Duration::from_secs(3600));
    let mut records = Vec::new();
    for (offset, entry) in (0_i64..).zip(entries) {
        let at = At { offset, server: "s", received_us: START_US + offset * 7_000_000 };
        records.extend(cutter.apply(at, entry.clone()).iter().map(|cut| cut.record.to_vec()));
    }
    records
}

fn fields() -> Vec<Field> {
    let joint = |field: &JointField| Field::Joint("J1".to_owned(), *field);
    let battery = |field: &BatteryField| Field::Battery("P1".to_owned(), *field);
    let mut fields: Vec<_> = CounterField::ALL.iter().map(|field| Field::Counter(*field)).collect();
    fields.extend(JointField::ALL.iter().map(joint));
    fields.extend(BatteryField::ALL.iter().map(battery));
    fields.extend(RobotField::ALL.iter().map(|field| Field::Robot(*field)));
    fields.push(Field::Event(Severity::Error, "FAULT".to_owned()));
    fields
}

fn table(fields: &[Field]) -> Table {
    let joint = JointEntry {
        name: "J1".to_owned(),
        gear_ratio: Some(100.0),
        rated_torque_nm: Some(50.0),
        repeated_peak_torque_nm: Some(100.0),
        momentary_peak_torque_nm: Some(200.0),
        load_exponent: 3.0,
        component_id: None,
    };
    let robot = RobotEntry {
        robot_id: "CNAB12HX00010000000000000042A".to_owned(),
        robot_kind: "arm".to_owned(),
        power_on_h_start: None,
        joints: vec![joint],
    };
    let signal = |field: &Field| SignalEntry {
        robot: 0,
        field: field.to_string(),
        factor: 1.5,
        offset: -1.0,
        of_seconds: 1.0 / 3600.0,
    };
    Table { robots: vec![robot], signals: fields.iter().map(signal).collect() }
}

fn has_null(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Array(values) => values.iter().any(has_null),
        Json::Object(values) => values.values().any(has_null),
        Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::values;

    proptest! {
        #[test]
        fn any_bytes_hold(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            values(&bytes);
        }

        /// Doubles of every size, with a kind and a status before them, as a server encodes them.
        #[test]
        fn any_doubles_hold(numbers in proptest::collection::vec((any::<f64>(), 0_u32..4), 0..80)) {
            let mut bytes = Vec::new();
            for (number, severity) in numbers {
                bytes.extend([0x03, 11]);
                bytes.extend(number.to_le_bytes());
                bytes.extend((severity << 30).to_le_bytes());
            }
            values(&bytes);
        }
    }
}
