//! The lake beside DataFusion: queries see what was committed, at the newest or at a chosen version.

use arrow::array::AsArray as _;
use arrow::datatypes::Int64Type;
use datafusion::prelude::SessionContext;

use super::*;
use crate::sample;
use crate::table::Txn;

async fn count(provider: Arc<dyn TableProvider>, condition: &str) -> i64 {
    let session = SessionContext::new();
    session.register_table("t", provider).unwrap();
    let query = format!("select count(*) from t where {condition}");
    let batches = session.sql(&query).await.unwrap().collect().await.unwrap();
    batches[0].column(0).as_primitive::<Int64Type>().value(0)
}

async fn append(table: &mut LakeTable, rows: usize) {
    let files = table.write_rows(vec![sample::batch(table.table(), rows)]).await.unwrap();
    let txns = vec![Txn { app_id: "a".to_owned(), version: 1 }];
    table.append(files, txns, Vec::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sql_reads_every_table_of_a_running_lake() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open(dir.path(), LakeOptions { checkpoint_every: 0, ..LakeOptions::default() }).unwrap();
    let mut tables = lake.open_tables().await.unwrap();
    let beside = Lake::read_only(dir.path()).unwrap();
    for table in Table::ALL {
        append(tables.get_mut(table), 30).await;
        let provider = beside.provider(table, None).await.unwrap();
        assert_eq!(provider.schema().fields().len(), table.columns().len());
        assert_eq!(count(provider, "received_day = date '2026-03-01'").await, 30, "{}", table.name());
    }
    let before = beside.provider(Table::Joints, None).await.unwrap();
    assert!(Arc::ptr_eq(&before, &beside.provider(Table::Joints, None).await.unwrap()), "nothing was committed");
    append(tables.get_mut(Table::Joints), 12).await;
    tables.get(Table::Joints).checkpoint().await.unwrap();
    append(tables.get_mut(Table::Joints), 1).await;
    let after = beside.provider(Table::Joints, None).await.unwrap();
    let robot = format!("robot_id = '{}'", sample::robot(3));
    assert_eq!((count(before, "true").await, count(Arc::clone(&after), "true").await), (30, 43));
    assert_eq!(count(after, &robot).await, 3 + 1);
    assert_eq!(count(beside.provider(Table::Joints, Some(2)).await.unwrap(), "true").await, 42);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn times_and_decimals_are_compared_as_what_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open(dir.path(), LakeOptions::default()).unwrap();
    let mut table = LakeTable::open_or_create(dir.path(), Table::Joints, LakeOptions::default()).await.unwrap();
    append(&mut table, 30).await;
    let provider = || lake.provider(Table::Joints, None);
    let late = "received_at >= timestamp '2026-03-01T00:00:20Z'";
    assert_eq!(count(provider().await.unwrap(), late).await, 10);
    assert_eq!(count(provider().await.unwrap(), "torque_rms_nm > 4.0").await, 1, "only row 29 has 29/7");
    assert_eq!(count(provider().await.unwrap(), "torque_rms_nm is null").await, 10);
}

#[tokio::test]
async fn a_reader_needs_a_lake_and_makes_none() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Lake::read_only(dir.path().join("none")).is_err());
    let lake = Lake::read_only(dir.path()).unwrap();
    assert!(lake.provider(Table::Joints, None).await.is_err());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
