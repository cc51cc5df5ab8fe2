//! The Delta schema of our tables: made from their Arrow schema, and compared with what an older table has.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use arrow::datatypes::{DataType, Field, Schema};
use serde_json::{Value, json};
use tacho_schemas::table::{GENERATION, Table};

use super::entry::{Format, MetaData, Protocol, now_ms};
use super::file::DAY;
use super::stats;

/// The property that forbids to delete rows, for other engines too.
pub(crate) const APPEND_ONLY: &str = "delta.appendOnly";

/// How a table on disk compares with this release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// They agree.
    Same,
    /// The table lacks columns, all nullable; this schema has them, appended in our order.
    Lacks(String),
    /// The table is not ours to write.
    Differs(String),
}

/// The metadata of a new table.
pub(crate) fn metadata(table: Table) -> MetaData {
    let stats_columns: Vec<&str> =
        stats::COLUMNS.into_iter().filter(|name| table.arrow_schema().field_with_name(name).is_ok()).collect();
    let property = |key: &str, value: &str| (key.to_owned(), Some(value.to_owned()));
    MetaData {
        id: uuid::Uuid::new_v4().to_string(),
        name: Some(table.name().to_owned()),
        format: Format { provider: "parquet".to_owned(), options: BTreeMap::new() },
        schema_string: delta_schema(&table.arrow_schema()),
        partition_columns: vec![DAY.to_owned()],
        configuration: BTreeMap::from([
            property(APPEND_ONLY, "true"),
            property("delta.dataSkippingStatsColumns", &stats_columns.join(",")),
            // Checkpoints carry removed files for so long; at a commit a second a week of them would be half a million.
            property("delta.deletedFileRetentionDuration", "interval 2 hours"),
        ]),
        created_time: Some(now_ms()),
    }
}

/// The protocol of a new table: plain, so that every reader can.
pub(crate) fn protocol() -> Protocol {
    Protocol { min_reader_version: 1, min_writer_version: 2 }
}

/// The schema as Delta's JSON.
pub(crate) fn delta_schema(schema: &Schema) -> String {
    let fields: Vec<Value> = schema.fields().iter().map(|field| delta_field(field)).collect();
    json!({ "type": "struct", "fields": fields }).to_string()
}

fn delta_field(field: &Field) -> Value {
    json!({
        "name": field.name(),
        "type": delta_type(field.data_type()),
        "nullable": field.is_nullable(),
        "metadata": {},
    })
}

fn delta_type(data_type: &DataType) -> Value {
    match data_type {
        DataType::Int64 => "long".into(),
        DataType::Boolean => "boolean".into(),
        DataType::Timestamp(_, _) => "timestamp".into(),
        DataType::Date32 => "date".into(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})").into(),
        DataType::List(element) => json!({
            "type": "array",
            "elementType": delta_type(element.data_type()),
            "containsNull": element.is_nullable(),
        }),
        DataType::Binary => "binary".into(),
        // The vocabulary has no other kind of column.
        _ => "string".into(),
    }
}

/// Compares protocol, properties, schema and partitioning of a table on disk with ours.
pub(crate) fn compare(table: Table, on_disk: &Protocol, meta: &MetaData) -> Comparison {
    check_protocol(on_disk).map_or_else(|| compare_metadata(table, meta), Comparison::Differs)
}

/// Compares properties, schema and partitioning of a table on disk with ours.
pub(crate) fn compare_metadata(table: Table, meta: &MetaData) -> Comparison {
    if let Some(why) = reads_otherwise(table, meta) {
        return Comparison::Differs(why);
    }
    if meta.partition_columns != [DAY] {
        return Comparison::Differs(format!("it is partitioned by {:?}, not by {DAY}", meta.partition_columns));
    }
    let ours: Value = fields_of(&delta_schema(&table.arrow_schema())).unwrap_or_default();
    let Some(theirs) = fields_of(&meta.schema_string) else {
        return Comparison::Differs("its schema cannot be read".to_owned());
    };
    let (ours, theirs) = (by_name(&ours), by_name(&theirs));
    let mut names = HashSet::new();
    if let Some((twice, _)) = theirs.iter().find(|(name, _)| !names.insert(*name)) {
        return Comparison::Differs(format!("it has the column {twice} twice"));
    }
    for (name, field) in &theirs {
        match ours.iter().find(|(ours, _)| ours == name) {
            None => {
                return Comparison::Differs(format!("its column {name} is unknown to this release"));
            }
            Some((_, ours)) if ours != field => {
                return Comparison::Differs(format!("its column {name} is {field}, not {ours}"));
            }
            Some(_) => {}
        }
    }
    let mut fields: Vec<Value> = theirs.iter().map(|(_, field)| (*field).clone()).collect();
    for (name, field) in &ours {
        if !theirs.iter().any(|(theirs, _)| theirs == name) {
            if field.get("nullable") != Some(&Value::Bool(true)) {
                return Comparison::Differs(format!("it lacks the mandatory column {name}"));
            }
            fields.push((*field).clone());
        }
    }
    if fields.len() == theirs.len() {
        Comparison::Same
    } else {
        Comparison::Lacks(json!({ "type": "struct", "fields": fields }).to_string())
    }
}

/// Whether a table lacks just the columns that came later than some release: then that release has left it so.
pub(crate) fn is_former(table: Table, meta: &MetaData) -> bool {
    let fields = fields_of(&meta.schema_string).unwrap_or_default();
    let theirs: BTreeSet<&str> = by_name(&fields).into_iter().map(|(name, _)| name).collect();
    let of = |generation| table.columns_of(generation).map(|column| column.name).collect::<BTreeSet<_>>();
    (1..GENERATION).any(|generation| of(generation) == theirs)
}

/// Why a protocol asks for more than this release can, if it does.
pub(crate) fn check_protocol(on_disk: &Protocol) -> Option<String> {
    let (reader, writer) = (on_disk.min_reader_version, on_disk.min_writer_version);
    let ours = protocol();
    (reader > ours.min_reader_version || writer > ours.min_writer_version).then(|| {
        format!(
            "its protocol is reader {reader}, writer {writer}; at most {} and {} are known",
            ours.min_reader_version, ours.min_writer_version
        )
    })
}

/// What would make an engine read or write the table otherwise than this release does. The values of our other properties
/// concern only what is written beside the rows.
fn reads_otherwise(table: Table, meta: &MetaData) -> Option<String> {
    let ours = metadata(table);
    if meta.format != ours.format {
        return Some(format!("its files are {:?}, not plain parquet", meta.format));
    }
    if meta.configuration.get(APPEND_ONLY) != ours.configuration.get(APPEND_ONLY) {
        return Some(format!("its property {APPEND_ONLY} is not true"));
    }
    let foreign = meta.configuration.keys().find(|key| !ours.configuration.contains_key(*key))?;
    Some(format!("its property {foreign} is none that this release sets"))
}

fn fields_of(schema: &str) -> Option<Value> {
    let mut schema: Value = serde_json::from_str(schema).ok()?;
    schema.get_mut("fields").map(Value::take)
}

fn by_name(fields: &Value) -> Vec<(&str, &Value)> {
    let fields = fields.as_array().map(Vec::as_slice).unwrap_or_default();
    fields.iter().filter_map(|field| Some((field.get("name")?.as_str()?, field))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(table: Table, edit: impl Fn(&mut Vec<Value>)) -> MetaData {
        let mut meta = metadata(table);
        let mut fields = fields_of(&meta.schema_string).unwrap();
        edit(fields.as_array_mut().unwrap());
        meta.schema_string = json!({ "type": "struct", "fields": fields }).to_string();
        meta
    }

    #[test]
    fn a_new_table_agrees_with_its_own_release() {
        for table in Table::ALL {
            assert_eq!(compare(table, &protocol(), &metadata(table)), Comparison::Same, "{}", table.name());
        }
    }

    #[test]
    fn a_missing_nullable_column_is_added_and_a_mandatory_one_is_refused() {
        let older = edited(Table::Joints, |fields| fields.retain(|field| field["name"] != "torque_rms_nm"));
        let Comparison::Lacks(schema) = compare(Table::Joints, &protocol(), &older) else {
            panic!("a column is missing")
        };
        assert_eq!(compare(Table::Joints, &protocol(), &MetaData { schema_string: schema, ..older }), Comparison::Same);
        let other = edited(Table::Joints, |fields| fields.retain(|field| field["name"] != "joint"));
        assert!(
            matches!(compare(Table::Joints, &protocol(), &other), Comparison::Differs(why) if why.contains("joint"))
        );
    }

    #[test]
    fn a_newer_table_and_another_type_are_refused() {
        let newer = edited(Table::Joints, |fields| {
            fields.push(json!({ "name": "new", "type": "long", "nullable": true, "metadata": {} }))
        });
        assert!(
            matches!(compare(Table::Joints, &protocol(), &newer), Comparison::Differs(why) if why.contains("unknown"))
        );
        let other = edited(Table::Joints, |fields| fields[0]["type"] = "long".into());
        assert!(
            matches!(compare(Table::Joints, &protocol(), &other), Comparison::Differs(why) if why.contains("robot_id"))
        );
    }

    #[test]
    fn what_would_make_other_engines_read_otherwise_is_refused_by_name() {
        let differs = |protocol: &Protocol, edit: &dyn Fn(&mut MetaData)| {
            let mut meta = metadata(Table::Joints);
            edit(&mut meta);
            match compare(Table::Joints, protocol, &meta) {
                Comparison::Differs(why) => why,
                other => panic!("{other:?}"),
            }
        };
        let newer = Protocol { min_reader_version: 3, ..protocol() };
        assert!(differs(&newer, &|_| {}).contains("protocol is reader 3"));
        let mapped = differs(&protocol(), &|meta| {
            meta.configuration.insert("delta.columnMapping.mode".to_owned(), Some("name".to_owned()));
        });
        assert!(mapped.contains("delta.columnMapping.mode"), "{mapped}");
        let deletable = differs(&protocol(), &|meta| drop(meta.configuration.remove(APPEND_ONLY)));
        assert!(deletable.contains(APPEND_ONLY), "{deletable}");
        assert!(differs(&protocol(), &|meta| meta.format.provider = "orc".to_owned()).contains("orc"));
    }
}
