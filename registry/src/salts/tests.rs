//! Keys are made once, survive every end of the process, and are never made a second time over damage.

use std::fs::{self, OpenOptions};
use std::io::Write as _;

use super::*;

fn opened(dir: &Path) -> SaltStore {
    SaltStore::open(dir, SyncedMonths::new()).unwrap()
}

fn month(text: &str) -> Month {
    let months = (0..800).map(|i| Month::of_us(i * 2_600_000_000_000));
    months.into_iter().find(|month| month.to_string() == text).unwrap()
}

/// Keys are compared by the salt that they give.
fn salts(store: &mut SaltStore, wanted: &[(&str, Month)]) -> Vec<[u8; 16]> {
    store.keys_for(wanted).unwrap().iter().map(|key| key.salt(b"row")).collect()
}

#[test]
fn a_key_is_made_once_per_robot_and_month_and_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (may, june) = (month("2026-05"), month("2026-06"));
    let wanted = [("A", may), ("B", may), ("A", june), ("A", may), ("?", june)];
    let first = salts(&mut opened(dir.path()), &wanted);
    assert_eq!(first[0], first[3]);
    let distinct: BTreeSet<_> = first.iter().collect();
    assert_eq!(distinct.len(), 4);
    assert_eq!(salts(&mut opened(dir.path()), &wanted), first);
    assert_eq!(salts(&mut SaltStore::read_only(dir.path(), SyncedMonths::new()), &wanted), first);
    let mut names: Vec<String> =
        fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["2026-05", "2026-06"]);
}

#[test]
fn a_reader_makes_no_key_and_sees_what_a_writer_has_made_since() {
    let dir = tempfile::tempdir().unwrap();
    let may = month("2026-05");
    let mut writer = opened(dir.path());
    let mut reader = SaltStore::read_only(dir.path(), SyncedMonths::new());
    assert!(matches!(reader.keys_for(&[("A", may)]), Err(SaltError::Missing { .. })));
    let made = salts(&mut writer, &[("A", may)]);
    assert_eq!(salts(&mut reader, &[("A", may)]), made);
    let more = salts(&mut writer, &[("B", may)]);
    assert_eq!(salts(&mut reader, &[("B", may)]), more);
}

#[test]
fn a_torn_tail_is_cut_and_kept_aside_and_the_keys_before_it_stay() {
    let dir = tempfile::tempdir().unwrap();
    let may = month("2026-05");
    let good = salts(&mut opened(dir.path()), &[("A", may)]);
    let path = dir.path().join("2026-05");
    let length = fs::metadata(&path).unwrap().len();
    let torn = frames::encode(&[entry("B")]);
    OpenOptions::new().append(true).open(&path).unwrap().write_all(&torn[..20]).unwrap();

    assert_eq!(salts(&mut SaltStore::read_only(dir.path(), SyncedMonths::new()), &[("A", may)]), good);
    let mut store = opened(dir.path());
    let both = salts(&mut store, &[("A", may), ("B", may)]);
    assert_eq!(both[0], good[0]);
    assert_eq!(fs::read(dir.path().join(format!("2026-05.torn-{length}"))).unwrap(), torn[..20]);
    assert_eq!(salts(&mut opened(dir.path()), &[("A", may), ("B", may)]), both);
}

#[test]
fn a_damaged_file_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let may = month("2026-05");
    let mut store = opened(dir.path());
    salts(&mut store, &[("A", may)]);
    salts(&mut store, &[("B", may)]);
    let path = dir.path().join("2026-05");
    let mut bytes = fs::read(&path).unwrap();
    bytes[15] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let refused = opened(dir.path()).keys_for(&[("C", may)]);
    assert!(matches!(refused, Err(SaltError::Damaged { at: 0, .. })));
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn many_months_are_served_though_few_are_held() {
    let dir = tempfile::tempdir().unwrap();
    let months: Vec<Month> = (1..=9).map(|number| month(&format!("2026-0{number}"))).collect();
    let wanted: Vec<(&str, Month)> = months.iter().map(|month| ("A", *month)).collect();
    let mut store = opened(dir.path());
    let first = salts(&mut store, &wanted);
    assert_eq!(salts(&mut store, &wanted), first);
    assert_eq!(store.loaded.len(), MAX_LOADED);
}

#[test]
fn after_a_failed_write_the_store_goes_on_once_there_is_space() {
    let dir = tempfile::tempdir().unwrap();
    let (may, june) = (month("2026-05"), month("2026-06"));
    let mut store = opened(dir.path());
    let good = salts(&mut store, &[("A", may)]);
    let (away, path) = (dir.path().with_extension("away"), dir.path().join("2026-05"));
    fs::rename(dir.path(), &away).unwrap();
    assert!(matches!(store.keys_for(&[("A", june)]), Err(SaltError::Io { .. })));
    fs::rename(&away, dir.path()).unwrap();
    let made = salts(&mut store, &[("A", may), ("A", june)]);
    assert_eq!(made[0], good[0]);

    // A write that ended in the middle: what it has left was never used.
    let whole = fs::read(&path).unwrap();
    OpenOptions::new().append(true).open(&path).unwrap().write_all(&frames::encode(&[entry("B")])[..20]).unwrap();
    store.loaded.clear();
    store.unsure.insert(may);
    let both = salts(&mut store, &[("A", may), ("C", may)]);
    assert_eq!(both[0], good[0]);
    let now = fs::read(&path).unwrap();
    assert!(now.starts_with(&whole));
    assert_eq!(frames::decode(&now).map(|content| (content.entries.len(), content.end)), Ok((2, now.len())));
    let used = store.synced().clone();
    assert_eq!(salts(&mut SaltStore::open(dir.path(), used).unwrap(), &[("A", may), ("C", may)]), both);
    let long = "x".repeat(256);
    assert!(matches!(store.keys_for(&[(&long, may)]), Err(SaltError::RobotText(256))));
}

#[test]
fn a_file_that_lacks_what_was_used_is_refused_by_writer_and_reader() {
    let dir = tempfile::tempdir().unwrap();
    let (may, june) = (month("2026-05"), month("2026-06"));
    let mut store = opened(dir.path());
    salts(&mut store, &[("A", may)]);
    let first = store.synced().clone();
    salts(&mut store, &[("B", may), ("A", june)]);
    let used = store.synced().clone();
    let path = dir.path().join("2026-05");
    let whole = fs::read(&path).unwrap();
    assert_eq!(used[&may], Synced { bytes: whole.len() as u64, sha256: Digest::of(&whole) });

    // Cut between two groups, which no checksum notices.
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let refused = SaltStore::open(dir.path(), used.clone()).unwrap_err();
    assert!(matches!(refused, SaltError::Cut { .. }), "{refused}");
    assert!(refused.to_string().contains("2026-05") && refused.to_string().contains("from a backup"), "{refused}");
    let read = SaltStore::read_only(dir.path(), used.clone()).keys_for(&[("A", may)]);
    assert!(matches!(read, Err(SaltError::Cut { .. })));
    // What lies behind the part that was used may go.
    salts(&mut SaltStore::open(dir.path(), first).unwrap(), &[("A", may), ("B", may)]);

    // Other keys, as many as before.
    fs::write(&path, frames::encode(&[entry("A"), entry("B"), entry("C")])).unwrap();
    let drawn_again = SaltStore::open(dir.path(), used.clone()).and_then(|mut store| store.keys_for(&[("A", may)]));
    assert!(matches!(drawn_again, Err(SaltError::Changed { .. } | SaltError::Cut { .. })));
    fs::write(&path, [&[whole[0] ^ 1], &whole[1..]].concat()).unwrap();
    let changed = SaltStore::open(dir.path(), used.clone()).unwrap().keys_for(&[("A", may)]);
    assert!(matches!(changed, Err(SaltError::Changed { .. })));
    fs::write(&path, whole).unwrap();
    fs::remove_file(dir.path().join("2026-06")).unwrap();
    assert!(matches!(SaltStore::open(dir.path(), used), Err(SaltError::Cut { found: 0, .. })));
}

fn entry(robot: &str) -> Entry {
    Entry { robot: robot.into(), secret: [1; 32] }
}

#[test]
fn no_debug_output_shows_a_secret() {
    let dir = tempfile::tempdir().unwrap();
    let may = month("2026-05");
    let mut store = opened(dir.path());
    let key = store.keys_for(&[("A", may)]).unwrap().remove(0);
    assert_eq!(format!("{key:?}"), "SaltKey(***)");
    assert!(format!("{store:?}").contains("1 keys"));
}
