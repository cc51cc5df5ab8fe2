//! What commit entries state beside the bytes of files, by which queries skip files and name columns.

use super::*;

/// The entry of a table that added its oldest file.
async fn entry_of(plant: &Plant, table: Table) -> (PathBuf, String) {
    let file = oldest(plant, table).await;
    let folder = plant.lake_dir().join(table.name()).join("_delta_log");
    let adds = |entry: &PathBuf| {
        fs::read_to_string(entry).is_ok_and(|text| text.contains(&format!("\"path\":\"{}", file.path)))
    };
    (files_below(&folder).into_iter().find(adds).unwrap(), format!("{}/{}", table.name(), file.path))
}

#[tokio::test]
async fn wrong_statistics_of_a_live_file_are_named() {
    let plant = anchored().await;
    for table in [Table::Records, Table::Joints, Table::Rejected] {
        let (entry, name) = entry_of(&plant, table).await;
        let text = fs::read_to_string(&entry).unwrap();
        // A merge names what it removes before, with tags too.
        let from = text.find("\"stats\"").unwrap();
        let stats = from..from + text[from..].find("\"tags\"").unwrap();
        let digits: Vec<usize> = stats.filter(|at| text.as_bytes()[*at].is_ascii_digit()).collect();
        assert!(digits.len() > 50, "{}", digits.len());
        for at in digits.into_iter().step_by(7) {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'9' { b'8' } else { bytes[at] + 1 };
            fs::write(&entry, &bytes).unwrap();
            let named = found_of(&plant, &String::from_utf8_lossy(&bytes[at.saturating_sub(40)..=at])).await;
            assert!(named.contains(&name) || named.contains("_delta_log"), "{named}");
        }
        fs::write(&entry, text).unwrap();
    }
    plant.audit().await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_placed_in_another_day_is_named() {
    let plant = anchored().await;
    let (entry, name) = entry_of(&plant, Table::Records).await;
    let text = fs::read_to_string(&entry).unwrap();
    let moved = text.replace("\"received_day\":\"2026-03-01\"", "\"received_day\":\"2026-03-02\"");
    assert_ne!(moved, text);
    fs::write(&entry, moved).unwrap();
    let named = found(&plant).await;
    assert!(named.contains(&name) && named.contains("day"), "{named}");
}

#[tokio::test]
async fn a_column_that_was_renamed_in_the_log_is_named() {
    let plant = anchored().await;
    let entry = plant.lake_dir().join("joints/_delta_log/00000000000000000000.json");
    let text = fs::read_to_string(&entry).unwrap();
    let renamed = text.replace("torque_rms_nm", "torque_rms_nn");
    assert_ne!(renamed, text);
    fs::write(&entry, renamed).unwrap();
    let named = found(&plant).await;
    assert!(named.contains("joints") && named.contains("torque_rms_nn"), "{named}");
}

#[tokio::test]
async fn statistics_that_were_taken_away_are_named() {
    let plant = anchored().await;
    let (entry, name) = entry_of(&plant, Table::Records).await;
    let text = fs::read_to_string(&entry).unwrap();
    let from = text.find("\"stats\"").unwrap();
    let bare = format!("{}{}", &text[..from], &text[from + text[from..].find("\"tags\"").unwrap()..]);
    fs::write(&entry, bare).unwrap();
    let named = found(&plant).await;
    assert!(named.contains(&name) && named.contains("no statistics"), "{named}");
}

#[tokio::test]
async fn a_transaction_of_no_log_of_the_lake_is_named() {
    let plant = anchored().await;
    let (entry, _) = entry_of(&plant, Table::Joints).await;
    let text = fs::read_to_string(&entry).unwrap();
    let at = text.find("\"appId\":\"tacho/").unwrap() + "\"appId\":\"tacho/".len();
    let mut bytes = text.into_bytes();
    bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
    fs::write(&entry, bytes).unwrap();
    let named = found(&plant).await;
    assert!(named.contains("joints") && named.contains("no log of this lake"), "{named}");
}

#[tokio::test]
async fn a_log_folder_that_other_engines_would_read_otherwise_is_named() {
    let plant = anchored().await;
    let planted =
        plant.lake_dir().join("records/_delta_log/00000000000000000002.checkpoint.0000000001.0000000001.parquet");
    fs::write(planted, "").unwrap();
    let named = found(&plant).await;
    assert!(named.contains("records") && named.contains("checkpoint.0000000001"), "{named}");
}

#[tokio::test]
async fn a_file_that_is_removed_before_it_is_added_is_named_because_engines_take_the_first_word() {
    let plant = anchored().await;
    let (entry, _) = entry_of(&plant, Table::Records).await;
    let text = fs::read_to_string(&entry).unwrap();
    let (before, add) = text.split_at(text.find("{\"add\"").unwrap());
    let path = &add[add.find("received_day").unwrap()..add.find(".parquet").unwrap() + ".parquet".len()];
    let remove = format!("{{\"remove\":{{\"path\":\"{path}\",\"dataChange\":true}}}}\n");
    fs::write(&entry, format!("{before}{remove}{add}")).unwrap();
    let named = found(&plant).await;
    assert!(named.contains("records") && named.contains("more than once"), "{named}");
}

#[tokio::test]
async fn other_engines_take_the_same_files_for_the_tables() {
    let plant = anchored().await;
    let lake = Lake::read_only(plant.lake_dir()).unwrap();
    for table in Table::ALL {
        let live = lake.reader(table).unwrap().live_files(None).await.unwrap();
        let seen = lake.files_for_engines(table, live.version).await.unwrap();
        let ours: Vec<_> = live.files.iter().map(|file| (file.path.clone(), file.size)).collect();
        assert_eq!(seen, ours, "{}", table.name());
    }
}
