//! What is there in the lake of the numbers that an arm behind an OPC UA server counted, and what the bridge says.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::plant::{tacho, text};
use crate::{Plant, Row, until};

/// Longest time until a record of a window of 1 s can be seen, on a busy machine.
pub const SEEN: Duration = Duration::from_secs(60);
/// Longest time until a bridge has found back, as it is promised.
pub const BACK: Duration = Duration::from_secs(30);

/// The numbers that the lake has, and how many rows they are.
///
/// # Panics
/// If a row is none of the arm's.
pub fn counted(plant: &Plant) -> (BTreeSet<u32>, i64) {
    let rows = plant.lake().rows("select text, count(*) as n from events where code = 'COUNT' group by text");
    let rows = rows.unwrap_or_default();
    let number = |row: &Row| row["text"].as_str().unwrap().parse().unwrap();
    (rows.iter().map(number).collect(), rows.iter().map(|row| row["n"].as_i64().unwrap()).sum())
}

/// Waits until the lake has a number.
pub fn until_counted(plant: &Plant, number: u32, deadline: Duration) {
    until(&format!("{number} in the lake"), deadline, &true, || counted(plant).0.contains(&number));
}

/// All numbers are there once.
///
/// # Panics
/// If they are not.
pub fn assert_whole(plant: &Plant, last: u32) {
    let (numbers, rows) = counted(plant);
    let lost: Vec<_> = (1..=last).filter(|number| !numbers.contains(number)).collect();
    assert!(lost.is_empty(), "lost: {lost:?}; {}", plant.logged());
    assert_eq!(rows, i64::from(last), "nothing is there twice");
    assert_eq!(plant.lake().imbalances().unwrap(), []);
}

/// Waits until the log of the plant has a text.
pub fn until_logged(plant: &Plant, wanted: &str) {
    until(&format!("{wanted:?} in the log"), SEEN, &true, || plant.logged().contains(wanted));
}

/// Waits until the bridge is subscribed for the n-th time.
pub fn until_subscribed(plant: &Plant, times: usize) {
    until("subscribed", BACK, &None, || {
        let logged = plant.logged();
        (logged.matches("subscribed ").count() < times).then_some(logged)
    });
}

/// Trusts the certificate that waits for it.
///
/// # Panics
/// If there is none.
pub fn trust(plant: &Plant) {
    until_logged(plant, "is not trusted");
    let data = plant.data();
    let data = data.to_str().unwrap();
    let listed = text(&tacho(&["opcua", "trust", "--data", data]).unwrap());
    let thumbprint = listed.lines().find(|line| line.contains("rejected")).unwrap().split_whitespace().next().unwrap();
    let trusted = tacho(&["opcua", "trust", thumbprint, "--data", data]).unwrap();
    assert!(trusted.status.success(), "{}", text(&trusted));
}
