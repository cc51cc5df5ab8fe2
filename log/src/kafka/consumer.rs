//! Questions to Kafka that need a consumer: where partitions begin and end, and what stands at an offset.

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset;
use std::time::Duration;

use super::context::Context;
use super::{KafkaSettings, OpenError};
use crate::ReadError;

pub(crate) type Consumer = BaseConsumer<Context>;

/// A consumer that is assigned nothing yet.
pub(crate) fn open(settings: &KafkaSettings, role: &'static str) -> Result<Consumer, OpenError> {
    let client = settings.reader()?.create_with_context(Context::new(role));
    client.map_err(|source| OpenError::client(settings, source))
}

/// Per partition asked for, the offset at its beginning or end ([`Offset::Beginning`], [`Offset::End`]).
pub(crate) fn bounds(
    consumer: &Consumer,
    topic: &str,
    partitions: impl Iterator<Item = i32>,
    which: Offset,
    timeout: Duration,
) -> Result<Vec<(i32, i64)>, KafkaError> {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition_offset(topic, partition, which)?;
    }
    let answered = consumer.offsets_for_times(list, timeout)?;
    answered
        .elements()
        .iter()
        .map(|element| {
            element.error()?;
            match element.offset() {
                Offset::Offset(offset) => Ok((element.partition(), offset)),
                _ => Err(KafkaError::OffsetFetch(RDKafkaErrorCode::NoOffset)),
            }
        })
        .collect()
}

/// Assigns partitions, each from an offset on.
pub(crate) fn assign(consumer: &Consumer, topic: &str, starts: &[(i32, i64)]) -> Result<(), ReadError> {
    let mut list = TopicPartitionList::new();
    for (partition, start) in starts {
        let added = list.add_partition_offset(topic, *partition, Offset::Offset(*start));
        added.map_err(|error| log_error(&error))?;
    }
    consumer.assign(&list).map_err(|error| log_error(&error))
}

/// Kafka cannot be asked, or does not answer as it should.
pub(crate) fn log_error(error: &(impl std::error::Error + 'static)) -> ReadError {
    ReadError::Log { reason: tacho_schemas::chain(error).into() }
}
