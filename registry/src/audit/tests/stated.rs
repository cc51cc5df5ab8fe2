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
