//! What may stand in a log folder: each form that other engines would read otherwise is found and named.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use arrow::json::reader::infer_json_schema;
use arrow::json::{LineDelimitedWriter, ReaderBuilder};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use super::*;

/// A table of a few commits with a checkpoint, and its log folder.
async fn with_checkpoint() -> (TempDir, TableReader, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (writer, reader) = table_of(dir.path(), Table::Joints, 3).await;
    assert_eq!(writer.checkpoint().await.unwrap(), 3);
    let folder = dir.path().join("joints/_delta_log");
    (dir, reader, folder)
}

/// What is found, which must name the file.
async fn found(reader: &TableReader, file: &str) -> String {
    let error = reader.inspect_log().await.unwrap_err().to_string();
    assert!(error.contains(file), "{file}: {error}");
    error
}

/// Edits the text of a file, looks, and puts it back.
async fn edited(reader: &TableReader, path: PathBuf, edit: impl Fn(String) -> String) -> String {
    let text = fs::read_to_string(&path).unwrap();
    let changed = edit(text.clone());
    assert_ne!(changed, text);
    fs::write(&path, changed).unwrap();
    let found = found(reader, path.file_name().unwrap().to_str().unwrap()).await;
    fs::write(path, text).unwrap();
    found
}

/// A checkpoint as lines of JSON, edited and written back.
fn edit_checkpoint(path: &Path, edit: impl Fn(&str) -> String) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap();
    let mut lines = LineDelimitedWriter::new(Vec::new());
    reader.build().unwrap().for_each(|batch| lines.write(&batch.unwrap()).unwrap());
    lines.finish().unwrap();
    let text = edit(std::str::from_utf8(&lines.into_inner()).unwrap());
    // Parquet has no group without fields.
    let text = text.replace(",\"options\":{}", "");
    let (schema, _) = infer_json_schema(Cursor::new(&text), None).unwrap();
    let schema = Arc::new(schema);
    let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), Arc::clone(&schema), None).unwrap();
    for batch in ReaderBuilder::new(schema).build(Cursor::new(&text)).unwrap() {
        writer.write(&batch.unwrap()).unwrap();
    }
    writer.close().unwrap();
}

#[tokio::test]
async fn a_log_of_this_release_is_found_right() {
    let (_dir, reader, folder) = with_checkpoint().await;
    reader.inspect_log().await.unwrap();
    fs::write(folder.join("00000000000000000009.json.torn"), "cut").unwrap();
    reader.inspect_log().await.unwrap();
}

#[tokio::test]
async fn files_of_forms_that_this_release_does_not_write_are_named() {
    let (_dir, reader, folder) = with_checkpoint().await;
    for name in [
        "00000000000000000003.checkpoint.0000000001.0000000002.parquet",
        "00000000000000000003.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json",
        "00000000000000000001.00000000000000000003.compacted.json",
        "00000000000000000003.crc",
        "_sidecars/x.parquet",
        "_commits/00000000000000000004.json",
    ] {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "{}").unwrap();
        found(&reader, name).await;
        fs::remove_file(path).unwrap();
    }
    reader.inspect_log().await.unwrap();
}

#[tokio::test]
async fn a_hint_at_a_checkpoint_in_parts_or_at_one_that_is_not_there_is_named() {
    let (_dir, reader, folder) = with_checkpoint().await;
    let hint = folder.join("_last_checkpoint");
    let parts = edited(&reader, hint.clone(), |text| text.replacen('{', "{\"parts\":2,", 1)).await;
    assert!(parts.contains("parts"), "{parts}");
    edited(&reader, hint.clone(), |text| text.replace("\"version\":3", "\"version\":2")).await;
    edited(&reader, hint.clone(), |_| "{".to_owned()).await;
}

#[tokio::test]
async fn what_an_entry_says_beyond_this_release_is_named() {
    let (_dir, reader, folder) = with_checkpoint().await;
    let entry = |version: i64| folder.join(format!("{version:020}.json"));
    let vector = edited(&reader, entry(2), |text| {
        text.replace("\"dataChange\":true", "\"dataChange\":true,\"deletionVector\":{\"cardinality\":3}")
    });
    assert!(vector.await.contains("deletionVector"));
    let mapped = edited(&reader, entry(0), |text| {
        text.replace("\"configuration\":{", "\"configuration\":{\"delta.columnMapping.mode\":\"name\",")
    });
    assert!(mapped.await.contains("delta.columnMapping.mode"));
    let features = edited(&reader, entry(0), |text| text.replace("\"minReaderVersion\":1", "\"minReaderVersion\":3"));
    assert!(features.await.contains("reader 3"));
    let changes = edited(&reader, entry(1), |text| format!("{text}{{\"cdc\":{{\"path\":\"x\"}}}}\n"));
    assert!(changes.await.contains("cdc"));
    let twice = edited(&reader, entry(1), |text| {
        let add = text.lines().find(|line| line.contains("\"add\"")).unwrap().to_owned();
        format!("{text}{add}\n")
    });
    assert!(twice.await.contains("more than once"));
    reader.inspect_log().await.unwrap();
}

#[tokio::test]
async fn a_deletion_vector_in_a_checkpoint_is_named() {
    let (_dir, reader, folder) = with_checkpoint().await;
    let checkpoint = folder.join("00000000000000000003.checkpoint.parquet");
    edit_checkpoint(&checkpoint, str::to_owned);
    reader.inspect_log().await.unwrap();
    edit_checkpoint(&checkpoint, |text| {
        text.replace("\"dataChange\":", "\"deletionVector\":{\"cardinality\":3},\"dataChange\":")
    });
    let error = found(&reader, "00000000000000000003.checkpoint.parquet").await;
    assert!(error.contains("deletionVector"), "{error}");
}

#[tokio::test]
async fn metadata_that_comes_alone_and_columns_that_were_taken_away_are_named() {
    let (_dir, reader, folder) = with_checkpoint().await;
    let entry = folder.join("00000000000000000000.json");
    let text = fs::read_to_string(&entry).unwrap();
    let metadata = text.lines().find(|line| line.contains("\"metaData\"")).unwrap();
    let mapped = metadata.replace("\"configuration\":{", "\"configuration\":{\"delta.columnMapping.mode\":\"name\",");
    fs::write(folder.join("00000000000000000004.json"), mapped).unwrap();
    assert!(found(&reader, "00000000000000000004.json").await.contains("columnMapping"));
    let (before, after) = metadata.split_once("{\\\"metadata\\\":{},\\\"name\\\":\\\"torque_rms_nm\\\"").unwrap();
    let without = format!("{before}{}", after.split_once("},").unwrap().1);
    fs::write(folder.join("00000000000000000004.json"), without).unwrap();
    assert!(found(&reader, "_delta_log").await.contains("lacks columns"));
}
