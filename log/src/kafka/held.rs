//! What Kafka holds just before an offset: the lake compares it with what it noted, so that it never goes on in another
//! log.

use std::collections::HashMap;
use std::time::Instant;

use rdkafka::Message as _;
use rdkafka::topic_partition_list::Offset;

use super::consumer::{self, assign, bounds, log_error};
use super::wire::Envelopes;
use super::{LOOK, Shared};
use crate::{HeldBefore, ReadError};

/// Answers for each place, in their order.
pub(super) fn before(shared: &Shared, places: &[(i32, i64)]) -> Result<Vec<Result<HeldBefore, ReadError>>, ReadError> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let settings = &shared.settings;
    let consumer = consumer::open(settings, "checker").map_err(|error| log_error(&error))?;
    let partitions = || places.iter().map(|(partition, _)| *partition);
    let asked = |which| {
        let answer = bounds(&consumer, &settings.topic, partitions(), which, settings.connect_timeout);
        Ok::<HashMap<i32, i64>, ReadError>(answer.map_err(|error| log_error(&error))?.into_iter().collect())
    };
    let (first, next) = (asked(Offset::Beginning)?, asked(Offset::End)?);
    for (partition, offset) in &first {
        shared.offsets.begin(*partition, *offset);
    }
    for (partition, offset) in &next {
        shared.offsets.raise(*partition, *offset);
    }
    let bounds_of =
        |partition: i32| (first.get(&partition).copied().unwrap_or(0), next.get(&partition).copied().unwrap_or(0));
    let held_there = |(partition, offset): &(i32, i64)| {
        let (first, next) = bounds_of(*partition);
        (first + 1..=next).contains(offset)
    };
    let wanted: Vec<(i32, i64)> =
        places.iter().filter(|place| held_there(place)).map(|(partition, offset)| (*partition, offset - 1)).collect();
    let records = records_at(shared, &consumer, &wanted)?;
    let answer = |(partition, offset): &(i32, i64)| {
        let (partition, offset) = (*partition, *offset);
        let (first, next) = bounds_of(partition);
        if offset > next || offset < 0 {
            return Err(ReadError::OutOfRange { partition, offset, first, next });
        }
        if offset <= first {
            return Ok(HeldBefore::Nothing);
        }
        Ok(records.get(&partition).copied().unwrap_or(HeldBefore::Lost))
    };
    Ok(places.iter().map(answer).collect())
}

/// The records at these offsets, one a partition; [`HeldBefore::Lost`] where another offset comes first.
fn records_at(
    shared: &Shared,
    consumer: &consumer::Consumer,
    wanted: &[(i32, i64)],
) -> Result<HashMap<i32, HeldBefore>, ReadError> {
    let settings = &shared.settings;
    let mut found = HashMap::new();
    if wanted.is_empty() {
        return Ok(found);
    }
    assign(consumer, &settings.topic, wanted)?;
    let offsets: HashMap<i32, i64> = wanted.iter().copied().collect();
    let mut envelopes = Envelopes::new(settings.partitions);
    let deadline = Instant::now() + settings.connect_timeout;
    while found.len() < wanted.len() {
        if Instant::now() >= deadline {
            let missing = wanted.len() - found.len();
            let brokers = settings.brokers();
            return Err(ReadError::Log {
                reason: format!("{brokers}: the records before the progress of {missing} partitions did not come")
                    .into(),
            });
        }
        // Errors of brokers that are away heal, or the deadline comes.
        if let Some(Ok(message)) = consumer.poll(LOOK) {
            let partition = message.partition();
            let held = match offsets.get(&partition) == Some(&message.offset()) {
                true => HeldBefore::Record(envelopes.read(&message).id),
                false => HeldBefore::Lost,
            };
            found.entry(partition).or_insert(held);
        }
    }
    Ok(found)
}
