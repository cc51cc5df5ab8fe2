//! Keys are made once, survive every end of the process, and are never made a second time over damage.

use super::*;

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
    let first = salts(&mut SaltStore::open(dir.path()).unwrap(), &wanted);
    assert_eq!(first[0], first[3]);
    let distinct: std::collections::BTreeSet<_> = first.iter().collect();
    assert_eq!(distinct.len(), 4);
    assert_eq!(salts(&mut SaltStore::open(dir.path()).unwrap(), &wanted), first);
    assert_eq!(salts(&mut SaltStore::read_only(dir.path()), &wanted), first);
    let mut names: Vec<String> =
        fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["2026-05", "2026-06"]);
}

#[test]
fn a_reader_makes_no_key_and_sees_what_a_writer_has_made_since() {
    let dir = tempfile::tempdir().unwrap();
    let may = month("2026-05");
    let mut writer = SaltStore::open(dir.path()).unwrap();
    let mut reader = SaltStore::read_only(dir.path());
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
    let good = salts(&mut SaltStore::open(dir.path()).unwrap(), &[("A", may)]);
    let path = dir.path().join("2026-05");
    let length = fs::metadata(&path).unwrap().len();
    let torn = frames::encode(&[Entry { robot: "B".into(), secret: [1; 32] }]);
    OpenOptions::new().append(true).open(&path).unwrap().write_all(&torn[..20]).unwrap();

    assert_eq!(salts(&mut SaltStore::read_only(dir.path()), &[("A", may)]), good);
    let mut store = SaltStore::open(dir.path()).unwrap();
    let both = salts(&mut store, &[("A", may), ("B", may)]);
    assert_eq!(both[0], good[0]);
    assert_eq!(fs::read(dir.path().join(format!("2026-05.torn-{length}"))).unwrap(), torn[..20]);
    assert_eq!(salts(&mut SaltStore::open(dir.path()).unwrap(), &[("A", may), ("B", may)]), both);
}

#[test]
fn a_damaged_file_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let may = month("2026-05");
    let mut store = SaltStore::open(dir.path()).unwrap();
    salts(&mut store, &[("A", may)]);
    salts(&mut store, &[("B", may)]);
    let path = dir.path().join("2026-05");
    let mut bytes = fs::read(&path).unwrap();
    bytes[15] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let refused = SaltStore::open(dir.path()).unwrap().keys_for(&[("C", may)]);
    assert!(matches!(refused, Err(SaltError::Damaged { at: 0, .. })));
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn many_months_are_served_though_few_are_held() {
    let dir = tempfile::tempdir().unwrap();
    let months: Vec<Month> = (1..=9).map(|number| month(&format!("2026-0{number}"))).collect();
    let wanted: Vec<(&str, Month)> = months.iter().map(|month| ("A", *month)).collect();
    let mut store = SaltStore::open(dir.path()).unwrap();
    let first = salts(&mut store, &wanted);
    assert_eq!(salts(&mut store, &wanted), first);
    assert_eq!(store.loaded.len(), MAX_LOADED);
}

#[test]
fn after_a_failed_write_the_store_gives_no_more_keys() {
    let dir = tempfile::tempdir().unwrap();
    let may = month("2026-05");
    let mut store = SaltStore::open(dir.path()).unwrap();
    fs::remove_dir_all(dir.path()).unwrap();
    assert!(matches!(store.keys_for(&[("A", may)]), Err(SaltError::Io { .. })));
    assert!(matches!(store.keys_for(&[("A", may)]), Err(SaltError::Closed)));
    let long = "x".repeat(256);
    let mut store = SaltStore::open(dir.path()).unwrap();
    assert!(matches!(store.keys_for(&[(&long, may)]), Err(SaltError::RobotText(256))));
}

#[test]
fn no_debug_output_shows_a_secret() {
    let dir = tempfile::tempdir().unwrap();
    let may = month("2026-05");
    let mut store = SaltStore::open(dir.path()).unwrap();
    let key = store.keys_for(&[("A", may)]).unwrap().remove(0);
    assert_eq!(format!("{key:?}"), "SaltKey(***)");
    assert!(format!("{store:?}").contains("1 keys"));
}
