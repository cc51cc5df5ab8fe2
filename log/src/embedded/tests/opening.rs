//! Opening: one at a time, only what is ours, and after a crash with everything that was delivered.

use super::*;

#[tokio::test]
async fn a_second_opener_is_told_who_holds_the_lock() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, settings());
    let refused = EmbeddedLog::open(dir.path(), settings()).unwrap_err();
    let pid = std::process::id();
    assert!(matches!(refused, OpenError::Locked { holder: Some(holder), .. } if holder == pid), "{refused}");
    assert!(refused.to_string().contains(&format!("held by process {pid}")), "{refused}");
    // Whoever takes the file for a stale lock and deletes it gets no second writer.
    fs::remove_file(dir.path().join("lock")).unwrap();
    assert!(matches!(EmbeddedLog::open(dir.path(), settings()).unwrap_err(), OpenError::Locked { holder: None, .. }));
    log.close().await;
    open(&dir, settings()).close().await;
}

#[tokio::test]
async fn identity_and_offsets_live_through_restarts() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, settings());
    let identity = log.identity();
    assert_eq!(identity.partitions, 3);
    log.close().await;
    for round in 0..4 {
        let log = open(&dir, settings());
        assert_eq!(log.identity(), identity);
        assert_eq!(log.report(), &OpenReport::default());
        assert_eq!(log.next_offsets().iter().sum::<i64>(), round * 10);
        fill(&log, u64::try_from(round).unwrap() * 10, 10, 100).await;
        log.close().await;
    }
    let counters: Vec<_> = read_all(&open(&dir, settings())).await;
    assert_eq!(counters.len(), 40);
}

#[tokio::test]
async fn an_empty_log_opens_again() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, settings());
    let identity = log.identity();
    log.close().await;
    let log = open(&dir, settings());
    assert_eq!(log.identity(), identity);
    assert!(log.reader(&[(0, 0)]).unwrap().is_caught_up());
}

#[tokio::test]
async fn another_number_of_partitions_is_refused() {
    let dir = TempDir::new().unwrap();
    open(&dir, settings()).close().await;
    let other = EmbeddedSettings { partitions: 8, ..settings() };
    let refused = EmbeddedLog::open(dir.path(), other).unwrap_err();
    assert!(matches!(refused, OpenError::Partitions { has: 3, asked: 8 }));
}

#[tokio::test]
async fn settings_outside_of_their_limits_are_named() {
    let dir = TempDir::new().unwrap();
    for (key, wrong) in [
        ("partitions", EmbeddedSettings { partitions: 0, ..settings() }),
        ("partitions", EmbeddedSettings { partitions: 257, ..settings() }),
        ("segment_bytes", EmbeddedSettings { segment_bytes: 1, ..settings() }),
        ("max_group_bytes", EmbeddedSettings { max_group_bytes: 1 << 30, ..settings() }),
        ("max_pending_bytes", EmbeddedSettings { max_pending_bytes: 1, ..settings() }),
    ] {
        let refused = EmbeddedLog::open(dir.path(), wrong).unwrap_err();
        assert!(refused.to_string().contains(key), "{refused}");
    }
}

#[tokio::test]
async fn a_missing_damaged_or_newer_identity_is_refused() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, settings());
    fill(&log, 0, 3, 10).await;
    log.close().await;
    let path = dir.path().join("identity");
    let text = fs::read_to_string(&path).unwrap();

    fs::write(&path, text.replace("\"format\": 1", "\"format\": 2")).unwrap();
    let newer = EmbeddedLog::open(dir.path(), settings()).unwrap_err();
    assert!(matches!(newer, OpenError::NewerFormat { found: 2, .. }), "{newer}");
    fs::write(&path, &text[..text.len() / 2]).unwrap();
    let damaged = EmbeddedLog::open(dir.path(), settings()).unwrap_err();
    assert!(matches!(damaged, OpenError::Identity { .. }), "{damaged}");
    fs::remove_file(&path).unwrap();
    let missing = EmbeddedLog::open(dir.path(), settings()).unwrap_err();
    assert!(matches!(missing, OpenError::NoIdentity { .. }), "{missing}");
    fs::write(&path, text).unwrap();
    assert_eq!(read_all(&open(&dir, settings())).await.len(), 3);
}

#[tokio::test]
async fn a_segment_of_another_log_is_refused() {
    let (dir, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    for dir in [&dir, &other] {
        let log = open(dir, one_segment());
        fill(&log, 0, 3, 10).await;
        log.close().await;
    }
    let name = files(dir.path(), "log")[0].file_name().unwrap().to_owned();
    fs::copy(other.path().join(&name), dir.path().join(&name)).unwrap();
    // With its index gone, or with the foreign one.
    fs::remove_file(files(dir.path(), "index")[0].clone()).unwrap();
    let refused = EmbeddedLog::open(dir.path(), one_segment()).unwrap_err();
    assert!(matches!(refused, OpenError::Foreign { .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_at_any_moment_has_everything_that_was_delivered_before() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, settings());
    let (tell, told) = watch::channel(0);
    let appender = log.appender();
    let writing = tokio::spawn(async move {
        for counter in 0..400 {
            let batch = (0..3).map(|n| record(n, counter, 150)).collect();
            appender.append(batch).await.unwrap();
            tell.send_replace(counter + 1);
        }
    });
    let mut copies = 0;
    while !writing.is_finished() {
        let delivered = *told.borrow();
        let copy = copy(&dir);
        let copied = open(&copy, settings());
        assert_eq!(copied.report().damage, []);
        let read = read_all(&copied).await;
        for n in 0..3 {
            let counters: Vec<_> = read
                .iter()
                .filter(|record| record.envelope.robot == robot(n))
                .map(|record| record.envelope.id.counter)
                .collect();
            let expected: Vec<_> = (0..u64::try_from(counters.len()).unwrap()).collect();
            assert_eq!(counters, expected, "robot {n}");
            assert!(counters.len() >= usize::try_from(delivered).unwrap(), "robot {n}: {delivered} delivered");
        }
        // And it goes on where it stopped.
        fill(&copied, 1000, 2, 10).await;
        assert_eq!(read_all(&copied).await.len(), read.len() + 2);
        copies += 1;
    }
    writing.await.unwrap();
    assert!(copies > 0, "{copies}");
}

#[tokio::test]
async fn a_torn_tail_is_cut_off_at_every_byte_of_the_last_batch() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, one_segment());
    fill(&log, 0, 3, 10).await;
    let crashed = copy(&dir);
    let file = files(crashed.path(), "log")[0].clone();
    let positions = batch_positions(&log, &file);
    let bytes = fs::read(&file).unwrap();
    let (last, end) = (positions[2], positions[3]);
    assert_eq!(end, bytes.len());
    for cut in last + 1..end {
        let torn = copy(&crashed);
        let file = files(torn.path(), "log")[0].clone();
        fs::write(&file, &bytes[..cut]).unwrap();
        let log = open(&torn, one_segment());
        let tail = TornTail { file, position: last.try_into().unwrap(), bytes: (cut - last).try_into().unwrap() };
        assert_eq!(log.report().torn, Some(tail), "cut at {cut}");
        assert_eq!(log.report().damage, []);
        let counters: Vec<_> = read_all(&log).await.iter().map(|r| r.envelope.id.counter).collect();
        assert_eq!(counters.len(), 2, "cut at {cut}");
        assert_eq!(log.next_offsets().iter().sum::<i64>(), 2);
    }
}

#[tokio::test]
async fn a_log_whose_first_group_was_torn_is_empty_and_goes_on() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, one_segment());
    fill(&log, 0, 1, 10).await;
    let crashed = copy(&dir);
    let file = files(crashed.path(), "log")[0].clone();
    let bytes = fs::read(&file).unwrap();
    for cut in (0..bytes.len()).step_by(9) {
        let torn = copy(&crashed);
        fs::write(torn.path().join(file.file_name().unwrap()), &bytes[..cut]).unwrap();
        let log = open(&torn, one_segment());
        assert_eq!(log.report().torn.as_ref().map(|tail| tail.position), (cut > 0).then_some(0), "cut at {cut}");
        fill(&log, 7, 1, 10).await;
        let read = read_all(&log).await;
        assert_eq!((read.len(), read[0].envelope.id.counter, read[0].offset), (1, 7, 0));
    }
}

#[tokio::test]
async fn leftovers_are_swept_and_foreign_files_are_left_alone() {
    let dir = TempDir::new().unwrap();
    open(&dir, settings()).close().await;
    for name in ["probe", "identity.tmp", "00000000000000000099.index", "notes.txt"] {
        fs::write(dir.path().join(name), "x").unwrap();
    }
    let _log = open(&dir, settings());
    let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["identity", "lock", "notes.txt"]);
}

/// A release that writes what this one cannot read: its records are not torn, and nothing of them is cut off.
#[tokio::test]
async fn what_a_later_release_has_written_is_refused_and_stays() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, one_segment());
    fill(&log, 0, 5, 100).await;
    let path = files(dir.path(), "log").remove(0);
    let last = batch_positions(&log, &path)[4];
    log.close().await;
    fs::remove_file(files(dir.path(), "index").remove(0)).unwrap();
    let written = fs::read(&path).unwrap();
    // Version and CRC of the last batch, then of the segment.
    let header = last..last + Format::new(Uuid::nil(), 3).header_len();
    let salt = crc32c::crc32c(identity_in(dir.path()).unwrap().unwrap().log_id.as_bytes());
    for (header, salt) in [(header, Some(salt)), (0..segment::SegmentHeader::len(3), None)] {
        let mut later = written.clone();
        let bytes = &mut later[header];
        bytes[8] = 3;
        let before =
            salt.map_or_else(|| crc32c::crc32c(&bytes[..12]), |salt| crc32c::crc32c_append(salt, &bytes[..12]));
        let crc = crc32c::crc32c_append(before, &bytes[16..]);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        fs::write(&path, &later).unwrap();
        let refused = EmbeddedLog::open(dir.path(), one_segment()).unwrap_err();
        assert!(matches!(refused, OpenError::NewerSegment { version: 3, codec: 0, .. }), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), later, "nothing is cut off");
    }
}

/// A release that knows no retries trusts no index of version 2, so it scans the segment and meets a batch of version 2.
#[tokio::test]
async fn a_batch_with_a_retry_and_the_index_of_its_segment_are_of_version_2_and_no_others() {
    let dir = TempDir::new().unwrap();
    let log = open(&dir, one_segment());
    fill(&log, 0, 2, 100).await;
    let mut retry = record(7, 3, 100);
    let of = Some(RecordId { session: Uuid::from_u128(8), counter: 99 });
    retry.envelope.kind = RawKind::Retry { of };
    log.appender().append(vec![retry.clone()]).await.unwrap();
    fill(&log, 4, 1, 100).await;
    let path = files(dir.path(), "log").remove(0);
    let positions = batch_positions(&log, &path);
    let read: Vec<_> = read_all(&log).await.into_iter().map(|record| (record.envelope, record.payload)).collect();
    assert_eq!(read.len(), 4);
    assert!(read.contains(&(retry.envelope, retry.payload)));
    log.close().await;

    let written = fs::read(&path).unwrap();
    let version = |bytes: &[u8]| u16::from_le_bytes([bytes[8], bytes[9]]);
    let versions: Vec<u16> = positions[..4].iter().map(|at| version(&written[*at..])).collect();
    assert_eq!(versions, [1, 1, 2, 1], "what has no retry is read by every release");
    let index = || version(&fs::read(files(dir.path(), "index").remove(0)).unwrap());
    assert_eq!(index(), 2);
    for rebuilt in [0, 1] {
        let log = open(&dir, one_segment());
        assert_eq!((log.report().damage.len(), read_all(&log).await.len()), (0, 4), "rebuilt {rebuilt} times");
        log.close().await;
        assert_eq!(index(), 2);
        fs::remove_file(files(dir.path(), "index").remove(0)).unwrap();
    }
    let plain = TempDir::new().unwrap();
    let log = open(&plain, one_segment());
    fill(&log, 0, 2, 100).await;
    log.close().await;
    assert_eq!(version(&fs::read(files(plain.path(), "index").remove(0)).unwrap()), 1);
}

/// Everything of a directory: names and bytes.
fn content(dir: &TempDir) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

#[tokio::test]
async fn who_only_reads_sees_what_is_durable_beside_the_writer_and_changes_nothing() {
    let dir = TempDir::new().unwrap();
    assert!(matches!(EmbeddedLog::open_read_only(dir.path()), Err(OpenError::NoIdentity { .. })));
    let log = open(&dir, settings());
    fill(&log, 0, 60, 200).await;
    let beside = EmbeddedLog::open_read_only(dir.path()).unwrap();
    fill(&log, 60, 1, 200).await;
    assert_eq!((read_all(&beside).await.len(), read_all(&log).await.len()), (60, 61));
    assert!(hold(dir.path()).unwrap().is_none(), "the writer has it");
    let refused = beside.appender().append(vec![record(1, 99, 10)]).await;
    assert_eq!(refused, Err(AppendError::Closed));
    log.close().await;
    let held = hold(dir.path()).unwrap().unwrap();
    assert!(matches!(EmbeddedLog::open(dir.path(), settings()), Err(OpenError::Locked { .. })));
    drop(held);

    // A torn end, a missing index and a leftover: a start would mend them.
    let newest = files(dir.path(), "log").pop().unwrap();
    let mut bytes = fs::read(&newest).unwrap();
    bytes.truncate(bytes.len() - 3);
    fs::write(&newest, &bytes).unwrap();
    files(dir.path(), "index").iter().for_each(|path| fs::remove_file(path).unwrap());
    fs::write(dir.path().join("probe"), "x").unwrap();
    let before = content(&dir);
    let torn = EmbeddedLog::open_read_only(dir.path()).unwrap();
    assert_eq!((read_all(&torn).await.len(), torn.report().damage.len()), (60, 0));
    torn.close().await;
    assert_eq!(content(&dir), before);
}
