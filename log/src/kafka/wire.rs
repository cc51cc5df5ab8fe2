//! How a raw record stands in Kafka: key = robot, value = the payload untouched, headers by the Kafka binding of
//! CloudEvents in binary mode, and ours beside them.
//!
//! Whatever else stands in the topic is read as well: it gets the place of its own as identity, and the processors
//! judge it. Nothing in the topic is passed over.

use std::fmt::Write as _;
use std::sync::Arc;

use rdkafka::Message;
use rdkafka::message::{Header, Headers as _, OwnedHeaders};
use tacho_schemas::json::{format_time, parse_time};
use tacho_schemas::partition::partition_of;
use tacho_schemas::{Digest, Envelope, RawKind, RecordId, RobotId, RobotKey};
use uuid::Uuid;

/// `ce_type` of telemetry.
const TELEMETRY: &str = "tachograph.telemetry";
/// `ce_type` of a control record.
const CONFIG: &str = "tachograph.config";
/// `ce_source` of all that ingest appends.
const SOURCE: &str = "/tachograph/ingest";
/// Header of a control record: the digest of the configuration that is in force from the next offset on.
const CONFIG_HEADER: &str = "tacho-config";
/// Header of a publish over the size limit: its length in bytes and SHA-256.
const OVERSIZE_HEADER: &str = "tacho-oversize";
/// Header with the authenticated sender; absent if anonymous.
const PRINCIPAL_HEADER: &str = "tacho-principal";
/// Header of a retried dead letter: the record that carried its bytes first, or nothing if that is not known.
const RETRY_HEADER: &str = "tacho-retry-of";
/// Bytes that a foreign key may keep as topic ID.
const TOPIC_ID_BYTES_MAX: usize = 512;
/// Most bytes of headers and framing besides what an envelope's texts have.
const FIXED_BYTES: usize = 480;

/// Bytes that a record takes besides its payload, at most.
pub(crate) fn overhead_bytes(envelope: &Envelope) -> usize {
    FIXED_BYTES + envelope.principal.len() + envelope.topic_id.as_ref().map_or(0, |text| text.len())
}

/// The headers of a raw record.
pub(crate) fn headers(envelope: &Envelope) -> OwnedHeaders {
    let mut text = String::with_capacity(96);
    write!(text, "{}", envelope.id).expect("writing to a String succeeds");
    let time = format_time(envelope.received_at_us);
    let is_control = matches!(envelope.kind, RawKind::Config(_));
    let (kind, content) = match envelope.kind {
        RawKind::Telemetry | RawKind::Retry { .. } => (TELEMETRY, "application/json"),
        RawKind::Oversize { .. } => (TELEMETRY, "application/octet-stream"),
        RawKind::Config(_) => (CONFIG, "text/plain"),
    };
    let mut headers = OwnedHeaders::new_with_capacity(9)
        .insert(header("ce_specversion", "1.0"))
        .insert(header("ce_id", &text))
        .insert(header("ce_source", SOURCE))
        .insert(header("ce_type", kind))
        .insert(header("ce_time", &time))
        .insert(header("content-type", content));
    if !is_control {
        let subject = envelope.topic_id.as_deref().unwrap_or_else(|| envelope.robot.as_str());
        headers = headers.insert(header("ce_subject", subject));
    }
    if !envelope.principal.is_empty() {
        headers = headers.insert(header(PRINCIPAL_HEADER, &envelope.principal));
    }
    match &envelope.kind {
        RawKind::Telemetry => headers,
        RawKind::Retry { of } => {
            let of = of.map_or_else(String::new, |of| of.to_string());
            headers.insert(header(RETRY_HEADER, &of))
        }
        RawKind::Oversize { bytes, sha256 } => headers.insert(header(OVERSIZE_HEADER, &format!("{bytes} {sha256}"))),
        RawKind::Config(digest) => headers.insert(header(CONFIG_HEADER, &digest.to_string())),
    }
}

fn header<'a>(key: &'a str, value: &'a str) -> Header<'a, &'a str> {
    Header { key, value: Some(value) }
}

/// The envelopes of one partition's records; principals that repeat share their text.
#[derive(Debug)]
pub(crate) struct Envelopes {
    partitions: i32,
    principal: Arc<str>,
}

impl Envelopes {
    pub(crate) fn new(partitions: i32) -> Self {
        Self { partitions, principal: Arc::from("") }
    }

    /// The envelope of a record, whoever appended it.
    pub(crate) fn read(&mut self, message: &impl Message) -> Envelope {
        let mut found = Found::default();
        if let Some(headers) = message.headers() {
            headers.iter().for_each(|header| found.take(header.key, header.value));
        }
        let (partition, offset) = (message.partition(), message.offset());
        let place = || RecordId {
            session: Uuid::from_u64_pair(0, u64::from(partition.unsigned_abs())),
            counter: offset.unsigned_abs(),
        };
        let id = found.id.unwrap_or_else(place);
        let stamped_us = || message.timestamp().to_millis().unwrap_or(0).max(0).saturating_mul(1_000);
        let received_at_us = found.time_us.unwrap_or_else(stamped_us);
        let kind = found.kind.unwrap_or(RawKind::Telemetry);
        let (robot, topic_id) = match kind {
            RawKind::Config(_) => (RobotKey::Unreadable, None),
            _ => self.robot(message, found.subject),
        };
        let principal = found.principal.unwrap_or("");
        if *self.principal != *principal {
            self.principal = Arc::from(principal);
        }
        Envelope { id, received_at_us, robot, topic_id, principal: Arc::clone(&self.principal), kind }
    }

    /// The robot of the key, if it stands in the partition where it belongs: elsewhere it would have two ledgers.
    fn robot(&self, message: &impl Message, subject: Option<&str>) -> (RobotKey, Option<Arc<str>>) {
        let key = message.key().unwrap_or_default();
        if let Ok(id) = RobotId::parse(key)
            && partition_of(key, self.partitions) == message.partition()
        {
            return (RobotKey::Id(id), None);
        }
        let text = String::from_utf8_lossy(key);
        let text = subject.filter(|_| key == b"?").unwrap_or(&text);
        let text = &text[..text.floor_char_boundary(TOPIC_ID_BYTES_MAX)];
        (RobotKey::Unreadable, (!text.is_empty() && text != "?").then(|| Arc::from(text)))
    }
}

/// What the headers of a record say; of two with one name the last.
#[derive(Debug, Default)]
struct Found<'a> {
    id: Option<RecordId>,
    time_us: Option<i64>,
    subject: Option<&'a str>,
    principal: Option<&'a str>,
    kind: Option<RawKind>,
}

impl<'a> Found<'a> {
    fn take(&mut self, key: &str, value: Option<&'a [u8]>) {
        let Some(text) = value.and_then(|value| std::str::from_utf8(value).ok()) else { return };
        match key {
            "ce_id" => self.id = record_id(text),
            "ce_time" => self.time_us = parse_time(text).ok(),
            "ce_subject" => self.subject = Some(text),
            PRINCIPAL_HEADER => self.principal = Some(text),
            CONFIG_HEADER => self.kind = text.parse().ok().map(RawKind::Config),
            OVERSIZE_HEADER => self.kind = oversize(text),
            RETRY_HEADER => self.kind = Some(RawKind::Retry { of: record_id(text) }),
            _ => {}
        }
    }
}

fn record_id(text: &str) -> Option<RecordId> {
    let (session, counter) = text.split_at_checked(36)?;
    let counter = counter.strip_prefix('-')?;
    Some(RecordId { session: Uuid::try_parse(session).ok()?, counter: counter.parse().ok()? })
}

fn oversize(text: &str) -> Option<RawKind> {
    let (bytes, sha256) = text.split_once(' ')?;
    Some(RawKind::Oversize { bytes: bytes.parse().ok()?, sha256: sha256.parse::<Digest>().ok()? })
}

#[cfg(test)]
mod tests {
    use rdkafka::Timestamp;
    use rdkafka::message::OwnedMessage;

    use super::*;

    const ROBOT: &str = "CNAB12HX00010000000000000042A";
    const PARTITIONS: i32 = 48;

    fn message(key: Option<&str>, partition: i32, headers: Option<OwnedHeaders>) -> OwnedMessage {
        let key = key.map(|key| key.as_bytes().to_vec());
        let time = Timestamp::CreateTime(1_700_000_000_123);
        OwnedMessage::new(Some(b"{}".to_vec()), key, "t".to_owned(), time, partition, 77, headers)
    }

    fn envelope(robot: RobotKey, topic_id: Option<&str>, kind: RawKind) -> Envelope {
        Envelope {
            id: RecordId { session: Uuid::from_u128(0x1234), counter: u64::MAX },
            received_at_us: 1_700_000_000_123_456,
            robot,
            topic_id: topic_id.map(Arc::from),
            principal: Arc::from("cell-7"),
            kind,
        }
    }

    #[test]
    fn envelopes_come_back_as_they_went() {
        let id = RobotKey::Id(RobotId::parse(ROBOT.as_bytes()).unwrap());
        let digest = Digest::of(b"x");
        let retried = RecordId { session: Uuid::from_u128(0x77), counter: 12 };
        let oversize = RawKind::Oversize { bytes: 5_000_000, sha256: digest };
        for (partition, sent) in [
            (partition_of(ROBOT.as_bytes(), PARTITIONS), envelope(id, None, RawKind::Telemetry)),
            (partition_of(ROBOT.as_bytes(), PARTITIONS), envelope(id, None, oversize)),
            (partition_of(ROBOT.as_bytes(), PARTITIONS), envelope(id, None, RawKind::Retry { of: None })),
            (partition_of(ROBOT.as_bytes(), PARTITIONS), envelope(id, None, RawKind::Retry { of: Some(retried) })),
            (partition_of(b"?", PARTITIONS), envelope(RobotKey::Unreadable, Some("röbot 7"), RawKind::Telemetry)),
            (5, envelope(RobotKey::Unreadable, None, RawKind::Config(digest))),
        ] {
            let message = message(Some(sent.robot.as_str()), partition, Some(headers(&sent)));
            assert_eq!(Envelopes::new(PARTITIONS).read(&message), sent);
        }
    }

    #[test]
    fn headers_fit_into_what_is_counted_for_them() {
        let sent = envelope(
            RobotKey::Unreadable,
            Some("some topic"),
            RawKind::Oversize { bytes: u64::MAX, sha256: Digest::of(b"x") },
        );
        let bytes: usize = headers(&sent)
            .as_borrowed()
            .iter()
            .map(|header| header.key.len() + header.value.map_or(0, <[u8]>::len) + 10)
            .sum();
        assert!(bytes + 29 + 20 <= overhead_bytes(&sent), "{bytes}");
    }

    #[test]
    fn what_others_append_is_read_too() {
        let partition = partition_of(ROBOT.as_bytes(), PARTITIONS);
        let read = Envelopes::new(PARTITIONS).read(&message(Some(ROBOT), partition, None));
        assert_eq!(read.robot.as_str(), ROBOT);
        assert_eq!(read.received_at_us, 1_700_000_000_123_000);
        assert_eq!(read.id.counter, 77);
        let elsewhere = Envelopes::new(PARTITIONS).read(&message(Some(ROBOT), (partition + 1) % PARTITIONS, None));
        assert_eq!((elsewhere.robot, elsewhere.topic_id.as_deref()), (RobotKey::Unreadable, Some(ROBOT)));
        let keyless = Envelopes::new(PARTITIONS).read(&message(None, 3, None));
        assert_eq!((keyless.robot, keyless.topic_id), (RobotKey::Unreadable, None));
        let wrong = OwnedHeaders::new().insert(header("ce_id", "é")).insert(header(OVERSIZE_HEADER, "x"));
        assert_eq!(Envelopes::new(PARTITIONS).read(&message(None, 3, Some(wrong))).kind, RawKind::Telemetry);
    }
}
