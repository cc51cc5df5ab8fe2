//! Copies of dead letters in a topic of their own: key = log, partition, offset and ordinal, so that whoever reads it can
//! drop what comes twice.

use std::sync::Arc;

use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::BaseRecord;

use super::KafkaLog;
use super::in_flight::InFlight;
use crate::asker::Asker;
use crate::{AppendError, LetterCopy};

/// Bytes that are sent before their reports are waited for.
const CHUNK_BYTES: usize = 1 << 20;
/// What a copy takes besides its payload and its texts, in bytes.
const FIXED_BYTES: usize = 512;

impl KafkaLog {
    /// Whether dead letters are copied.
    pub(crate) fn copies_letters(&self) -> bool {
        self.shared.settings.rejected_topic.is_some()
    }

    /// Appends copies of dead letters, and waits until they are durable.
    pub(crate) async fn copy_letters(&self, letters: &[LetterCopy]) -> Result<(), AppendError> {
        let Some(topic) = &self.shared.settings.rejected_topic else { return Ok(()) };
        let mut rest = letters;
        while !rest.is_empty() {
            let (mut bytes, mut count) = (0, 0);
            for letter in rest {
                if count > 0 && bytes >= CHUNK_BYTES {
                    break;
                }
                bytes += bytes_of(letter);
                count += 1;
            }
            let (chunk, later) = rest.split_at(count);
            self.copy_chunk(topic, chunk, bytes).await?;
            rest = later;
        }
        Ok(())
    }

    async fn copy_chunk(&self, topic: &str, letters: &[LetterCopy], bytes: usize) -> Result<(), AppendError> {
        let permit = self.shared.flow.room.permit(bytes).await?;
        let (asker, delivery) = Asker::caller(Arc::default());
        let in_flight = InFlight::elsewhere(&self.shared.flow, letters.len(), permit, asker);
        for (index, letter) in letters.iter().enumerate() {
            let log_id = self.shared.identity.log_id;
            let key = format!("{log_id}/{}/{}/{}", letter.partition, letter.offset, letter.ordinal);
            let record: BaseRecord<'_, str, [u8], Arc<InFlight>> =
                BaseRecord::with_opaque_to(topic, Arc::clone(&in_flight))
                    .key(key.as_str())
                    .payload(&letter.payload[..])
                    .headers(headers(letter));
            if let Err((error, _)) = self.shared.producer.send(record) {
                let error = AppendError::Storage { reason: Arc::from(error.to_string()) };
                in_flight.unsent(letters.len() - index, error);
                break;
            }
        }
        delivery.await.map(drop)
    }
}

fn bytes_of(letter: &LetterCopy) -> usize {
    FIXED_BYTES + letter.payload.len() + letter.reason.len() + letter.pointer.len()
}

fn headers(letter: &LetterCopy) -> OwnedHeaders {
    let header = |key, value| Header { key, value: Some(value) };
    OwnedHeaders::new()
        .insert(header("tacho-robot", letter.robot.as_str()))
        .insert(header("tacho-reason", letter.reason.as_str()))
        .insert(header("tacho-pointer", letter.pointer.as_str()))
}
