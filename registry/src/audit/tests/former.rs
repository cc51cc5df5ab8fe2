//! Windows that a former release has closed, whose rows have fewer columns: this release audits and proves them beside its own.

use std::sync::Arc;

use arrow::array::{Decimal128Array, RecordBatch, StringArray};
use tacho_schemas::RobotId;
use tacho_schemas::table::GENERATION;

use super::forged::forge;
use super::*;
use crate::leaf::{SchemaText, Schemas};
use crate::plant::robot;
use crate::proof::{VerifiedRow, verify};
use crate::prove::{ProveError, ProveRequest, RecordName, prove};
use crate::published::{self, Published};

/// A window of the first release, one whose first rows the first release has landed, and one of this release.
async fn upgraded() -> Plant {
    let mut plant = Plant::new();
    plant.run_release(1);
    plant.land(2).await;
    plant.anchor().await;
    plant.land(1).await;
    plant.run_release(GENERATION);
    for _ in 0..2 {
        plant.land(1).await;
        plant.anchor().await;
    }
    plant
}

async fn merge_all(plant: &Plant) {
    let versions = plant.anchorer().await.unwrap().stated_versions();
    for table in [Table::Records, Table::Joints, Table::Rejected] {
        assert!(plant.compact(table, *versions.get(table)).await, "{}", table.name());
    }
}

async fn proved(plant: &Plant, robot: RobotId, seq: i64) -> Result<VerifiedRow, ProveError> {
    let record = RecordName::Key { robot, seq, epoch: None };
    let request = ProveRequest { record, table: Table::Joints, component: Some("J1".to_owned()) };
    let proof = prove(&plant.data_dir(), &plant.lake_dir(), &request).await?;
    let key = fs::read_to_string(plant.data_dir().join("keys/log.vkey")).unwrap();
    Ok(verify(&proof, &key.trim().parse().unwrap())?)
}

#[tokio::test]
async fn windows_of_a_former_release_are_audited_and_proved_also_when_merged_with_newer_rows() {
    let plant = upgraded().await;
    let published = Published::read(&plant.data_dir()).unwrap().unwrap();
    let windows = published::windows(&published.tiles, published.head.size);
    let schemas: Vec<_> = windows.map(|window| window.unwrap().1.schema_ids).collect();
    let joints = [1, GENERATION].map(|generation| Schemas::of_generation(generation).of(Table::Joints).id());
    assert_ne!(joints[0], joints[1]);
    let named = schemas.iter().map(|ids| joints.map(|joints| ids.contains(&joints))).collect::<Vec<_>>();
    assert_eq!(named, [[true, false], [false, true], [false, true]]);
    for merged in [false, true] {
        if merged {
            merge_all(&plant).await;
        }
        let report = plant.audit().await.unwrap();
        assert_eq!((report.windows, report.young_rows), (3, 0));
        for number in 0..3 {
            for (seq, win_no) in [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2)] {
                let row = proved(&plant, robot(number), seq).await.unwrap();
                let columns = match win_no {
                    0 => Schemas::of_generation(1).of(Table::Joints).columns().len(),
                    _ => SchemaText::of(Table::Joints).columns().len(),
                };
                assert_eq!((row.win_no, row.columns.len()), (win_no, columns), "seq {seq}");
                // Landed by the first release, and anchored by this one: a leaf with the later columns, which are null.
                assert_eq!(row.value("methods"), (seq > 2).then_some("x"));
            }
        }
    }
}

#[tokio::test]
async fn a_changed_byte_of_rows_of_two_releases_is_named() {
    let plant = upgraded().await;
    merge_all(&plant).await;
    let lake = Lake::read_only(plant.lake_dir()).unwrap();
    for table in [Table::Records, Table::Joints] {
        for file in lake.reader(table).unwrap().live_files(None).await.unwrap().files {
            let name = format!("{}/{}", table.name(), file.path);
            flip(&plant, &plant.lake_dir().join(&name), &name).await;
        }
    }
    plant.audit().await.unwrap();
}

/// The rows with other values in a column.
fn changed(rows: &RecordBatch, column: &str) -> RecordBatch {
    let at = rows.schema().index_of(column).unwrap();
    let mut columns = rows.columns().to_vec();
    let data_type = columns[at].data_type().clone();
    columns[at] = match column {
        "methods" => Arc::new(StringArray::from(vec!["{}"; rows.num_rows()])),
        _ => Arc::new(Decimal128Array::from(vec![7_i128; rows.num_rows()]).with_data_type(data_type)),
    };
    RecordBatch::try_new(rows.schema(), columns).unwrap()
}

#[tokio::test]
async fn a_value_that_was_put_into_a_former_row_is_found_in_its_columns_and_in_those_that_came_later() {
    for (column, found_by_hash) in [("reducer_damage", true), ("fatigue_damage_window", false), ("methods", false)] {
        let plant = upgraded().await;
        forge(&plant, Table::Joints, false, |rows| Some(changed(&rows, column))).await;
        let named = found(&plant).await;
        let what = if found_by_hash { "as many rows were anchored" } else { column };
        assert!(named.contains(what), "{column}: {named}");
        let refused = proved(&plant, robot(0), 0).await.unwrap_err();
        let refused = tacho_schemas::chain(&refused);
        assert!(found_by_hash || refused.contains(column), "{refused}");
    }
}
