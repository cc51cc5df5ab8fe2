//! When a window is due, and that it comes whatever lands.

use super::*;

#[tokio::test]
async fn a_table_that_is_ahead_of_records_does_not_hold_a_window_up() {
    let mut plant = Plant::new();
    plant.land(1).await;
    plant.land_until("lake.ledger.before_put").await;
    let mut anchorer = plant.anchorer().await.unwrap();
    let first = anchorer.tick(true).await.unwrap().expect("a round has landed");
    plant.audit().await.unwrap();
    plant.land(2).await;
    let second = anchorer.tick(true).await.unwrap().unwrap();
    assert_eq!(second.rows, 2 * first.rows, "{second:?}");
    assert_eq!(plant.audit().await.unwrap().young_rows, 0);
}

#[tokio::test]
async fn a_compaction_behind_a_landing_that_is_under_way_is_stated_by_a_later_window() {
    let mut plant = Plant::new();
    plant.land(3).await;
    let mut anchorer = plant.anchorer().await.unwrap();
    anchorer.tick(true).await.unwrap();
    let closed = *anchorer.stated_versions().get(Table::Joints);
    plant.land(1).await;
    plant.land_until("lake.ledger.before_put").await;
    assert!(plant.compact(Table::Joints, closed).await);
    assert_eq!(anchorer.tick(true).await.unwrap().unwrap().tree_size, 2, "a window alone");
    assert_eq!(plant.audit().await.unwrap().young_files, 1 + files_of_a_round(&plant).await);
    plant.land(1).await;
    assert_eq!(anchorer.tick(true).await.unwrap().unwrap().tree_size, 4, "a window and a compaction");
    let report = plant.audit().await.unwrap();
    assert_eq!((report.young_files, report.young_rows), (0, 0));
}

/// Files that the newest landing has brought, where `records` has not followed.
async fn files_of_a_round(plant: &Plant) -> u64 {
    let lake = Lake::read_only(&plant.lake_dir()).unwrap();
    let stated = Lock::read(&plant.data_dir().join("registry")).unwrap().unwrap().versions;
    let mut files = 0;
    for table in Table::ALL {
        let reader = lake.reader(table).unwrap();
        let newest = reader.version().await.unwrap();
        let commits = reader.commits_between(*stated.get(table), newest).await.unwrap();
        files += commits.iter().flat_map(|commit| &commit.adds).filter(|file| file.data_change).count();
    }
    files as u64
}

#[tokio::test]
async fn a_lake_that_is_behind_its_windows_halts_the_anchors() {
    let mut plant = Plant::new();
    plant.anchor_more().await;
    let before = plant.copy();
    plant.anchor_more().await;
    fs::remove_dir_all(plant.lake_dir()).unwrap();
    crate::plant::copy_dir(&before.lake_dir(), &plant.lake_dir());
    let behind = plant.anchorer().await.unwrap().tick(true).await.unwrap_err();
    assert!(matches!(behind, AnchorError::LakeBehind { .. }), "{behind}");
    assert_eq!(behind.verdict(), Verdict::Halt);
}

#[tokio::test]
async fn what_landed_before_the_start_and_is_older_than_a_window_is_anchored_at_once() {
    let mut plant = Plant::new();
    plant.land(1).await;
    plant.anchor().await;
    plant.land(1).await;
    let window = Duration::from_millis(300);
    tokio::time::sleep(window).await;
    let mut anchorer = Anchorer::open(AnchorerOptions { window, ..plant.options() }).await.unwrap();
    assert_eq!(anchorer.tick(false).await.unwrap().map(|anchored| anchored.win_no), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_come_on_time_beside_a_busy_landing() {
    let mut plant = Plant::new();
    plant.land(1).await;
    let options = AnchorerOptions { window: Duration::from_millis(100), ..plant.options() };
    let mut anchorer = Anchorer::open(options).await.unwrap();
    let landing = tokio::spawn(async move {
        plant.land(60).await;
        plant
    });
    let (began, mut windows) = (Instant::now(), 0_u32);
    while !landing.is_finished() {
        windows += u32::from(anchorer.tick(false).await.unwrap().is_some());
    }
    let took = began.elapsed();
    let plant = landing.await.unwrap();
    // A window takes its time, too: half of them is what a busy machine must reach.
    assert!(windows >= 2 && began.elapsed() / windows < Duration::from_secs(2), "{windows} windows in {took:?}");
    anchorer.tick(true).await.unwrap();
    assert_eq!(plant.audit().await.unwrap().young_rows, 0);
}

/// Its newest entry says more than `records` ever will, as after a hand has been at it.
#[tokio::test]
async fn a_table_that_stays_ahead_is_named_and_no_window_passes_over_it() {
    let mut plant = Plant::new();
    plant.land(1).await;
    plant.anchor().await;
    plant.land(1).await;
    let log = plant.lake_dir().join("joints/_delta_log");
    let newest = fs::read_dir(&log).unwrap().map(|entry| entry.unwrap().path());
    let newest = newest.filter(|path| path.extension().is_some_and(|kind| kind == "json")).max().unwrap();
    let text = fs::read_to_string(&newest).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let (at, line) = lines.iter().enumerate().find(|(_, line)| line.contains("\"txn\"")).unwrap();
    let mut txn: serde_json::Value = serde_json::from_str(line).unwrap();
    txn["txn"]["version"] = (txn["txn"]["version"].as_i64().unwrap() + 1_000).into();
    let forged = [&lines[..at], &[txn.to_string().as_str()], &lines[at + 1..]].concat().join("\n");
    fs::write(&newest, forged + "\n").unwrap();
    let mut anchorer = plant.anchorer().await.unwrap();
    assert!(anchorer.tick(true).await.unwrap().is_none(), "a landing may be under way");
    anchorer.unanchored.age(Duration::from_secs(4 * 3_600));
    let ahead = anchorer.tick(true).await.unwrap_err();
    assert!(matches!(ahead, AnchorError::Ahead { table: "joints", .. }), "{ahead}");
    assert_eq!(ahead.verdict(), Verdict::Wait);
}
