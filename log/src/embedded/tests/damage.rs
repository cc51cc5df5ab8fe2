//! Damage: found, told, never truncated away, and read around as a gap with known offsets.

use super::*;

/// A log of ten batches in one segment, copied with and without its index.
async fn ten_batches() -> (TempDir, Vec<usize>, Vec<RawRecord>) {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, one_segment());
    fill(&log, 0, 10, 40).await;
    let positions = batch_positions(&log, &files(dir.path(), "log")[0]);
    let all = read_all(&log).await;
    log.close().await;
    (dir, positions, all)
}

#[tokio::test]
async fn damage_is_told_at_every_start_until_the_segment_goes() {
    let (dir, positions, all) = ten_batches().await;
    fs::remove_file(&files(dir.path(), "index")[0]).unwrap();
    flip(&files(dir.path(), "log")[0], positions[4] + 60);
    let log = open(&dir, one_segment());
    let told = log.report().damage.clone();
    assert_eq!((told.len(), told[0].position), (1, positions[4].try_into().unwrap()));
    let lost = all.iter().find(|record| record.envelope.id.counter == 4).unwrap();
    assert_eq!(log.held_before(lost.partition, lost.offset + 1).await.unwrap(), HeldBefore::Lost);
    log.close().await;
    assert_eq!(open(&dir, one_segment()).report().damage, told);
}

/// Checks that exactly these records are lost, in the report of the start if it looked, and for a reader.
async fn check(dir: &TempDir, all: &[RawRecord], counters: &[u64], reported: bool) {
    let log = open(dir, one_segment());
    let items = read_items(&log, 1000).await;
    let (gone, left): (Vec<RawRecord>, Vec<RawRecord>) =
        all.iter().cloned().partition(|record| counters.contains(&record.envelope.id.counter));
    assert_eq!(records(&items), left);
    let mut expected: Vec<_> = gone.iter().map(|r| (r.partition, r.offset)).collect();
    let mut told: Vec<_> = lost(&items)
        .iter()
        .flat_map(|range| (range.start..range.end).map(|offset| (range.partition, offset)))
        .collect();
    expected.sort_unstable();
    told.sort_unstable();
    assert_eq!(told, expected);
    let in_report = |damage: &Damage| damage.lost.iter().map(|range| range.end - range.start).sum::<i64>();
    let in_report: i64 = log.report().damage.iter().map(in_report).sum();
    assert_eq!(in_report, if reported { i64::try_from(counters.len()).unwrap() } else { 0 });
    assert_eq!(log.report().torn, None);
    // The offsets of what is lost are not given again.
    let total = i64::try_from(all.len()).unwrap();
    assert_eq!(log.next_offsets().iter().sum::<i64>(), total);
    log.appender().append(vec![record(1, 99, 1)]).await.unwrap();
    assert_eq!(log.next_offsets().iter().sum::<i64>(), total + 1);
}

#[tokio::test]
async fn a_bad_batch_before_good_ones_is_a_gap_and_nothing_is_cut() {
    let (dir, positions, all) = ten_batches().await;
    let path = |dir: &TempDir| files(dir.path(), "log")[0].clone();
    let length = fs::metadata(path(&dir)).unwrap().len();
    for at in (positions[4]..positions[5]).step_by(5) {
        for indexed in [true, false] {
            let dir = copy(&dir);
            flip(&path(&dir), at);
            if !indexed {
                fs::remove_file(&files(dir.path(), "index")[0]).unwrap();
            }
            check(&dir, &all, &[4], !indexed).await;
            assert_eq!(fs::metadata(path(&dir)).unwrap().len(), length);
        }
    }
}

#[tokio::test]
async fn a_zeroed_stretch_loses_the_batches_that_it_touches() {
    let (dir, positions, all) = ten_batches().await;
    let path = files(dir.path(), "log")[0].clone();
    let mut bytes = fs::read(&path).unwrap();
    bytes[positions[2] + 3..positions[5] + 3].fill(0);
    fs::write(&path, &bytes).unwrap();
    check(&copy(&dir), &all, &[2, 3, 4, 5], false).await;
    fs::remove_file(&files(dir.path(), "index")[0]).unwrap();
    check(&dir, &all, &[2, 3, 4, 5], true).await;
}

#[tokio::test]
async fn a_damaged_segment_header_costs_no_record() {
    let (dir, _, all) = ten_batches().await;
    flip(&files(dir.path(), "log")[0], 20);
    check(&copy(&dir), &all, &[], false).await;
    fs::remove_file(&files(dir.path(), "index")[0]).unwrap();
    check(&dir, &all, &[], false).await;
}

#[tokio::test]
async fn the_first_and_the_last_batch_of_a_sealed_segment_can_be_lost() {
    let (dir, positions, all) = ten_batches().await;
    flip(&files(dir.path(), "log")[0], positions[0] + 60);
    flip(&files(dir.path(), "log")[0], positions[9] + 60);
    check(&dir, &all, &[0, 9], false).await;
}

#[tokio::test]
async fn bad_batches_at_the_end_that_are_whole_on_the_disk_are_damage() {
    let (dir, positions, all) = ten_batches().await;
    let path = files(dir.path(), "log")[0].clone();
    fs::remove_file(&files(dir.path(), "index")[0]).unwrap();
    flip(&path, positions[8] + 100);
    flip(&path, positions[10] - 1);
    check(&dir, &all, &[8, 9], true).await;
}

#[tokio::test]
async fn a_bad_batch_at_the_end_that_was_never_written_is_torn() {
    let (dir, positions, all) = ten_batches().await;
    let path = files(dir.path(), "log")[0].clone();
    fs::remove_file(&files(dir.path(), "index")[0]).unwrap();
    flip(&path, positions[8] + 100);
    let mut bytes = fs::read(&path).unwrap();
    bytes[positions[9]..].fill(0);
    fs::write(&path, bytes).unwrap();
    let log = open(&dir, one_segment());
    assert_eq!(log.report().torn.as_ref().map(|tail| tail.position), Some(positions[9].try_into().unwrap()));
    let items = read_items(&log, 1000).await;
    assert_eq!(records(&items).len(), 8);
    let eighth = all.iter().find(|record| record.envelope.id.counter == 8).unwrap();
    let OffsetRange { partition, start, .. } = lost(&items)[0];
    assert_eq!((lost(&items).len(), partition, start), (1, eighth.partition, eighth.offset));
    assert_eq!(log.next_offsets().iter().sum::<i64>(), 9);
}

#[tokio::test]
async fn a_last_batch_whose_header_is_damaged_is_told_as_a_loss_of_unknown_size_and_kept() {
    let (dir, positions, all) = ten_batches().await;
    let path = files(dir.path(), "log")[0].clone();
    fs::remove_file(&files(dir.path(), "index")[0]).unwrap();
    let length = fs::metadata(&path).unwrap().len();
    // Within the magic, the number of records, an offset.
    for at in [3, 24, 50] {
        let dir = copy(&dir);
        flip(&files(dir.path(), "log")[0], positions[9] + at);
        for _again in 0..2 {
            let log = open(&dir, one_segment());
            let [damage] = &log.report().damage[..] else { panic!("byte {at}: {:?}", log.report()) };
            assert!(damage.size_unknown && damage.lost.is_empty() && log.report().torn.is_none(), "byte {at}");
            assert_eq!(records(&read_items(&log, 1000).await), all_but_the_last(&all), "byte {at}");
            log.close().await;
            assert_eq!(fs::metadata(&files(dir.path(), "log")[0]).unwrap().len(), length, "byte {at}: nothing is cut");
        }
        let log = open(&dir, one_segment());
        log.appender().append(vec![record(1, 99, 1)]).await.unwrap();
        log.close().await;
        assert_eq!(records(&read_items(&open(&dir, one_segment()), 1000).await).len(), 10, "byte {at}");
    }
}

fn all_but_the_last(all: &[RawRecord]) -> Vec<RawRecord> {
    all.iter().filter(|record| record.envelope.id.counter != 9).cloned().collect()
}

#[tokio::test]
async fn a_sealed_segment_that_was_cut_short_is_damage_not_a_torn_tail() {
    let (dir, positions, all) = ten_batches().await;
    let path = files(dir.path(), "log")[0].clone();
    let bytes = fs::read(&path).unwrap();
    for cut in [positions[7], positions[7] + 10, 3, 0] {
        let dir = copy(&dir);
        fs::write(files(dir.path(), "log")[0].clone(), &bytes[..cut]).unwrap();
        let kept = if cut > 3 { 7 } else { 0 };
        check(&dir, &all, &(kept..10).collect::<Vec<_>>(), true).await;
    }
}

#[tokio::test]
async fn a_missing_segment_is_a_gap() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, settings());
    fill(&log, 0, 60, 300).await;
    let all = read_all(&log).await;
    log.close().await;
    let segments = files(dir.path(), "log");
    assert!(segments.len() > 4);
    fs::remove_file(&segments[2]).unwrap();
    let log = open(&dir, settings());
    let items = read_items(&log, 1000).await;
    let gone: i64 = lost(&items).iter().map(|range| range.end - range.start).sum();
    assert!(gone > 0);
    assert_eq!(records(&items).len() + usize::try_from(gone).unwrap(), all.len());
    assert_eq!(log.report().damage.len(), 1);
    let mut reported = log.report().damage[0].lost.clone();
    let mut told = lost(&items);
    reported.sort_by_key(|range| range.partition);
    told.sort_by_key(|range| range.partition);
    assert_eq!(told, reported);
}

#[tokio::test]
async fn missing_and_damaged_indexes_are_made_anew() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, settings());
    fill(&log, 0, 60, 300).await;
    let all = read_all(&log).await;
    log.close().await;
    let indexes = files(dir.path(), "index");
    let before: Vec<_> = indexes.iter().map(|path| fs::read(path).unwrap()).collect();
    for (n, path) in indexes.iter().enumerate() {
        match n % 3 {
            0 => fs::remove_file(path).unwrap(),
            1 => flip(path, 50),
            _ => fs::write(path, "").unwrap(),
        }
    }
    let log = open(&dir, settings());
    assert_eq!(log.report().rebuilt_indexes, indexes.len() - 1);
    assert_eq!((&log.report().damage, &log.report().torn), (&Vec::new(), &None));
    assert_eq!(read_all(&log).await, all);
    let after: Vec<_> = indexes.iter().map(|path| fs::read(path).unwrap()).collect();
    assert_eq!(after, before);
}

#[tokio::test]
async fn damage_beyond_knowing_the_offsets_is_refused() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, settings());
    fill(&log, 0, 30, 300).await;
    log.close().await;
    // The newest segment has nothing readable, and the one before it was cut without its index.
    let segments = files(dir.path(), "log");
    let indexes = files(dir.path(), "index");
    let (last, before) = (segments.len() - 1, segments.len() - 2);
    fs::write(&segments[last], "").unwrap();
    fs::remove_file(&indexes[last]).unwrap();
    fs::write(&segments[before], &fs::read(&segments[before]).unwrap()[..1000]).unwrap();
    fs::remove_file(&indexes[before]).unwrap();
    let refused = EmbeddedLog::open(dir.path(), settings()).unwrap_err();
    assert!(matches!(refused, OpenError::Undecidable { .. }), "{refused}");
}

#[tokio::test]
async fn zeros_of_a_payload_are_no_hole() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, one_segment());
    let zeros = |counter| Append { payload: vec![0; 3_000].into(), ..record(1, counter, 1) };
    for counter in 0..2 {
        log.appender().append(vec![zeros(counter)]).await.unwrap();
    }
    log.close().await;
    fs::remove_file(&files(dir.path(), "index")[0]).unwrap();
    let path = files(dir.path(), "log")[0].clone();
    let length = fs::metadata(&path).unwrap().len();
    flip(&path, usize::try_from(length).unwrap() - 5);
    let log = open(&dir, one_segment());
    assert_eq!((log.report().damage.len(), &log.report().torn), (1, &None));
    assert_eq!(fs::metadata(&path).unwrap().len(), length);
}
