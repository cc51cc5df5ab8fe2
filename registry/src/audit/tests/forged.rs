//! Forged commits: what whoever may write to the lake can do without touching a file that is there.

use std::fs;

use arrow::array::{RecordBatch, new_null_array};
use arrow::compute::concat_batches;
use serde_json::json;
use tacho_lake::reader::RowFilter;
use tacho_lake::table::NewFile;
use tacho_lake::{LakeTable, TableOptions};
use tacho_schemas::table::Kind;

use super::*;
use crate::anchorer::{AnchorError, Verdict};

/// Commits an entry by hand that removes a file of a table, or replaces it by other rows.
pub(super) async fn forge(
    plant: &Plant,
    table: Table,
    data_change: bool,
    change: impl Fn(RecordBatch) -> Option<RecordBatch>,
) {
    let lake = Lake::read_only(plant.lake_dir()).unwrap();
    let reader = lake.reader(table).unwrap();
    let live = reader.live_files(None).await.unwrap();
    let file = oldest(plant, table).await;
    let loaded = reader.load_file(&file.path).await.unwrap();
    let batches: Vec<RecordBatch> = loaded.batches(1_000).unwrap().map(Result::unwrap).collect();
    let rows = concat_batches(&table.arrow_schema(), &batches).unwrap();
    let remove = json!({"remove": {"path": file.path, "dataChange": data_change, "deletionTimestamp": 1}});
    let mut lines = vec![remove.to_string()];
    if let Some(rows) = change(rows) {
        lines.extend(written(plant, table, rows, data_change).await);
    }
    commit(plant, table, live.version + 1, &lines);
}

/// The lines that add rows to a table.
async fn written(plant: &Plant, table: Table, rows: RecordBatch, data_change: bool) -> Vec<String> {
    let writer = LakeTable::open_or_create(&plant.lake_dir(), table, TableOptions::default()).await.unwrap();
    let files = writer.write_rows(vec![rows]).await.unwrap();
    let add = |file: &NewFile| {
        json!({"add": {
            "path": file.path, "partitionValues": {"received_day": file.received_day}, "size": file.size,
            "modificationTime": file.written_ms, "dataChange": data_change, "stats": file.stats.to_json(),
            "tags": {"tacho.sha256": file.sha256.to_string()},
        }})
    };
    files.iter().map(|file| add(file).to_string()).collect()
}

fn commit(plant: &Plant, table: Table, version: i64, lines: &[String]) {
    let name = format!("{}/_delta_log/{version:020}.json", table.name());
    fs::write(plant.lake_dir().join(name), lines.join("\n")).unwrap();
}

#[tokio::test]
async fn removed_rows_are_found() {
    for table in [Table::Records, Table::Joints, Table::Rejected, Table::GapEvents] {
        let plant = anchored().await;
        forge(&plant, table, true, |_| None).await;
        let named = found(&plant).await;
        assert!(named.contains("window") && named.contains(table.name()), "{named}");
    }
}

#[tokio::test]
async fn a_row_that_was_left_out_of_a_rewritten_file_is_found() {
    for data_change in [false, true] {
        let plant = anchored().await;
        forge(&plant, Table::Joints, data_change, |rows| Some(rows.slice(1, rows.num_rows() - 1))).await;
        let named = found(&plant).await;
        assert!(named.contains("window") && named.contains("joints"), "{named}");
    }
}

#[tokio::test]
async fn a_cell_that_was_changed_in_a_rewritten_file_is_found() {
    let plant = anchored().await;
    forge(&plant, Table::Joints, false, |rows| {
        let decimal =
            Table::Joints.columns().iter().find(|column| matches!(column.kind, Kind::Decimal { .. })).unwrap();
        let at = rows.schema().index_of(decimal.name).unwrap();
        let mut columns = rows.columns().to_vec();
        columns[at] = new_null_array(columns[at].data_type(), rows.num_rows());
        Some(RecordBatch::try_new(rows.schema(), columns).unwrap())
    })
    .await;
    let named = found(&plant).await;
    assert!(named.contains("as many rows were anchored") && named.contains("joints/"), "{named}");
}

#[tokio::test]
async fn rows_that_were_added_are_found() {
    for (data_change, what) in [(true, "after the window was closed"), (false, "window")] {
        let plant = anchored().await;
        let lake = Lake::read_only(plant.lake_dir()).unwrap();
        let reader = lake.reader(Table::Rejected).unwrap();
        let live = reader.live_files(None).await.unwrap();
        let file = oldest(&plant, Table::Rejected).await;
        let rows = reader.rows(&[file], &RowFilter::all()).await.unwrap();
        let lines = written(&plant, Table::Rejected, rows[0].clone(), data_change).await;
        commit(&plant, Table::Rejected, live.version + 1, &lines);
        let named = found(&plant).await;
        assert!(named.contains(what) && named.contains("rejected"), "{named}");
    }
}

#[tokio::test]
async fn a_merge_that_was_not_stated_is_found_though_it_changes_no_row() {
    let mut plant = Plant::new();
    for _ in 0..2 {
        plant.land(1).await;
        plant.anchor().await;
    }
    // Rewriting the entry of a window's file: the same rows, other bytes.
    let lake = Lake::read_only(plant.lake_dir()).unwrap();
    let reader = lake.reader(Table::Joints).unwrap();
    let file = oldest(&plant, Table::Joints).await;
    let rows = reader.rows(std::slice::from_ref(&file), &RowFilter::all()).await.unwrap();
    let lines = written(&plant, Table::Joints, concat_batches(&rows[0].schema(), &rows).unwrap(), true).await;
    let folder = plant.lake_dir().join("joints/_delta_log");
    for entry in files_below(&folder) {
        let text = fs::read_to_string(&entry).unwrap();
        if text.contains(&file.path) {
            let others = text.lines().filter(|line| !line.contains(&file.path)).map(str::to_owned);
            let forged: Vec<String> = others.chain(lines.clone()).collect();
            fs::write(&entry, forged.join("\n")).unwrap();
        }
    }
    let named = found(&plant).await;
    assert!(named.contains("its files are not those that were anchored"), "{named}");
}

#[tokio::test]
async fn rows_of_former_windows_are_not_anchored_again() {
    let mut plant = anchored().await;
    let lake = Lake::read_only(plant.lake_dir()).unwrap();
    let reader = lake.reader(Table::Joints).unwrap();
    let file = oldest(&plant, Table::Joints).await;
    let rows = reader.rows(&[file], &RowFilter::all()).await.unwrap();
    let version = reader.version().await.unwrap() + 1;
    commit(&plant, Table::Joints, version, &written(&plant, Table::Joints, rows[0].clone(), true).await);
    plant.land(1).await;
    let refused = plant.anchorer().await.unwrap().tick(true).await.unwrap_err();
    assert!(matches!(refused, AnchorError::OutsideWindow { .. }), "{refused}");
    assert_eq!(refused.verdict(), Verdict::Halt);
}

#[tokio::test]
async fn rows_that_were_moved_to_another_day_are_found() {
    let plant = anchored().await;
    let file = oldest(&plant, Table::Joints).await;
    let reader = Lake::read_only(plant.lake_dir()).unwrap().reader(Table::Joints).unwrap();
    let version = reader.live_files(None).await.unwrap().version + 1;
    let (folder, moved) = (plant.lake_dir().join("joints"), file.path.replace("2026-03-01", "2026-03-02"));
    fs::create_dir_all(folder.join(&moved).parent().unwrap()).unwrap();
    fs::copy(folder.join(&file.path), folder.join(&moved)).unwrap();
    let remove = json!({"remove": {"path": file.path, "dataChange": false, "deletionTimestamp": 1}});
    let add = json!({"add": {
        "path": moved, "partitionValues": {"received_day": "2026-03-02"}, "size": file.size,
        "modificationTime": file.written_ms, "dataChange": false, "stats": file.stats.unwrap().to_json(),
        "tags": {"tacho.sha256": file.sha256.unwrap().to_string()},
    }});
    commit(&plant, Table::Joints, version, &[remove.to_string(), add.to_string()]);
    let named = found(&plant).await;
    assert!(named.contains("another day of receipt"), "{named}");
}
