//! How one raw record is written in the body of a batch.
//!
//! A frame leaves out what is as in the frame before it (session, robot, principal): one connection's records
//! follow each other, so most frames are 24 bytes and the payload. Little-endian:
//! kind u8, flags u8, partition u16, counter u64, received_at_us i64, payload length u32,
//! \[session 16 B\], \[robot\], \[principal\], \[what the kind adds\], payload.

use std::sync::Arc;

use bytes::Bytes;
use tacho_schemas::robot_id::ROBOT_ID_LEN;
use tacho_schemas::{Digest, Envelope, RawKind, RecordId, RobotId, RobotKey};
use uuid::Uuid;

use super::wire::{Fields, len_u32};
use crate::AppendError;

const SESSION: u8 = 1;
const ROBOT: u8 = 2;
const PRINCIPAL: u8 = 4;
/// Within a robot field: a well-formed ID follows; a topic ID follows.
const HAS_ID: u8 = 1;
const HAS_TOPIC_ID: u8 = 2;

const TELEMETRY: u8 = 0;
const OVERSIZE: u8 = 1;
const CONFIG: u8 = 2;
/// Only in batches of version 2 and later.
const RETRY: u8 = 3;
/// Bytes that a retry adds: whether the record that it repeats is known, its session and its counter.
const RETRY_BYTES: usize = 1 + 16 + 8;

/// Bytes of a frame before its optional fields.
const FIXED_BYTES: usize = 24;

/// A frame whose bytes are not as they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("frame at byte {at} of a batch: {what}")]
pub(crate) struct FrameError {
    at: usize,
    what: &'static str,
}

/// A decoded frame; its payload is a slice of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) partition: u16,
    pub(crate) envelope: Envelope,
    pub(crate) payload: Bytes,
}

/// Most bytes that a frame can take, with nothing left out.
pub(crate) fn frame_bytes_max(envelope: &Envelope, payload: &[u8]) -> usize {
    let topic_id = envelope.topic_id.as_ref().map_or(0, |text| 2 + text.len());
    let kind = match envelope.kind {
        RawKind::Telemetry => 0,
        RawKind::Oversize { .. } => 40,
        RawKind::Config(_) => 32,
        RawKind::Retry { .. } => RETRY_BYTES,
    };
    FIXED_BYTES + 16 + 1 + ROBOT_ID_LEN + topic_id + 2 + envelope.principal.len() + kind + payload.len()
}

/// Writes a frame after that of `before`, which must stand just before it in the same batch.
///
/// # Errors
/// [`AppendError::FieldTooLong`]; nothing was written then.
pub(crate) fn encode(
    out: &mut Vec<u8>,
    before: Option<&Envelope>,
    partition: u16,
    envelope: &Envelope,
    payload: &[u8],
) -> Result<(), AppendError> {
    let same_session = before.is_some_and(|b| b.id.session == envelope.id.session);
    let same_robot = before.is_some_and(|b| b.robot == envelope.robot && b.topic_id == envelope.topic_id);
    let same_principal =
        before.is_some_and(|b| Arc::ptr_eq(&b.principal, &envelope.principal) || b.principal == envelope.principal);
    let principal_len = text_len("principal", &envelope.principal)?;
    let topic_id = envelope.topic_id.as_deref().unwrap_or("");
    let topic_id_len = text_len("topic ID", topic_id)?;

    let (kind, flags) = (
        match envelope.kind {
            RawKind::Telemetry => TELEMETRY,
            RawKind::Oversize { .. } => OVERSIZE,
            RawKind::Config(_) => CONFIG,
            RawKind::Retry { .. } => RETRY,
        },
        (if same_session { 0 } else { SESSION })
            | (if same_robot { 0 } else { ROBOT })
            | (if same_principal { 0 } else { PRINCIPAL }),
    );
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&partition.to_le_bytes());
    out.extend_from_slice(&envelope.id.counter.to_le_bytes());
    out.extend_from_slice(&envelope.received_at_us.to_le_bytes());
    out.extend_from_slice(&len_u32(payload.len()).to_le_bytes());
    if !same_session {
        out.extend_from_slice(envelope.id.session.as_bytes());
    }
    if !same_robot {
        let id = matches!(envelope.robot, RobotKey::Id(_));
        out.push(if id { HAS_ID } else { 0 } | if envelope.topic_id.is_some() { HAS_TOPIC_ID } else { 0 });
        if let RobotKey::Id(id) = &envelope.robot {
            out.extend_from_slice(id.as_bytes());
        }
        if envelope.topic_id.is_some() {
            out.extend_from_slice(&topic_id_len.to_le_bytes());
            out.extend_from_slice(topic_id.as_bytes());
        }
    }
    if !same_principal {
        out.extend_from_slice(&principal_len.to_le_bytes());
        out.extend_from_slice(envelope.principal.as_bytes());
    }
    match &envelope.kind {
        RawKind::Telemetry => {}
        RawKind::Oversize { bytes, sha256 } => {
            out.extend_from_slice(&bytes.to_le_bytes());
            out.extend_from_slice(&sha256.0);
        }
        RawKind::Config(digest) => out.extend_from_slice(&digest.0),
        RawKind::Retry { of } => {
            let id = of.unwrap_or(RecordId { session: Uuid::nil(), counter: 0 });
            out.push(u8::from(of.is_some()));
            out.extend_from_slice(id.session.as_bytes());
            out.extend_from_slice(&id.counter.to_le_bytes());
        }
    }
    out.extend_from_slice(payload);
    Ok(())
}

fn text_len(field: &'static str, text: &str) -> Result<u16, AppendError> {
    u16::try_from(text.len()).map_err(|_too_long| AppendError::FieldTooLong { field, bytes: text.len() })
}

/// Decodes the frames of a batch's body one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Frames {
    body: Bytes,
    at: usize,
    session: Option<Uuid>,
    robot: Option<(RobotKey, Option<Arc<str>>)>,
    principal: Option<Arc<str>>,
}

impl Frames {
    pub(crate) fn new(body: Bytes) -> Self {
        Self { body, at: 0, session: None, robot: None, principal: None }
    }

    /// The next frame; `None` at the end of the body. After an error the rest is unreadable.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.at >= self.body.len() {
            return Ok(None);
        }
        let at = self.at;
        let wrong = |what| FrameError { at, what };
        let body = self.body.clone();
        let mut fields = Fields::new(&body, at);
        let head = self.head(&mut fields).ok_or(wrong("cut off"))?;
        self.sender(&mut fields, head.flags).map_err(wrong)?;
        let kind = kind(&mut fields, head.kind).map_err(wrong)?;
        let start = fields.at();
        fields.slice(head.payload_len).ok_or(wrong("payload cut off"))?;
        self.at = fields.at();

        let (Some(session), Some((robot, topic_id)), Some(principal)) = (self.session, &self.robot, &self.principal)
        else {
            return Err(wrong("refers to a frame before the first"));
        };
        let envelope = Envelope {
            id: RecordId { session, counter: head.counter },
            received_at_us: head.received_at_us,
            robot: *robot,
            topic_id: topic_id.clone(),
            principal: Arc::clone(principal),
            kind,
        };
        let payload = self.body.slice(start..self.at);
        Ok(Some(Frame { partition: head.partition, envelope, payload }))
    }

    fn head(&self, fields: &mut Fields<'_>) -> Option<Fixed> {
        Some(Fixed {
            kind: fields.u8()?,
            flags: fields.u8()?,
            partition: fields.u16()?,
            counter: fields.u64()?,
            received_at_us: fields.i64()?,
            payload_len: usize::try_from(fields.u32()?).ok()?,
        })
    }

    fn sender(&mut self, fields: &mut Fields<'_>, flags: u8) -> Result<(), &'static str> {
        if flags & !(SESSION | ROBOT | PRINCIPAL) != 0 {
            return Err("unknown flags");
        }
        if flags & SESSION != 0 {
            self.session = Some(Uuid::from_bytes(fields.array().ok_or("session cut off")?));
        }
        if flags & ROBOT != 0 {
            self.robot = Some(robot(fields)?);
        }
        if flags & PRINCIPAL != 0 {
            let text = text(fields)?;
            if self.principal.as_deref() != Some(text) {
                self.principal = Some(Arc::from(text));
            }
        }
        Ok(())
    }
}

struct Fixed {
    kind: u8,
    flags: u8,
    partition: u16,
    counter: u64,
    received_at_us: i64,
    payload_len: usize,
}

fn robot(fields: &mut Fields<'_>) -> Result<(RobotKey, Option<Arc<str>>), &'static str> {
    let tag = fields.u8().ok_or("robot cut off")?;
    if tag & !(HAS_ID | HAS_TOPIC_ID) != 0 {
        return Err("unknown robot tag");
    }
    let robot = if tag & HAS_ID != 0 {
        let bytes = fields.slice(ROBOT_ID_LEN).ok_or("robot ID cut off")?;
        RobotKey::Id(RobotId::parse(bytes).map_err(|_malformed| "malformed robot ID")?)
    } else {
        RobotKey::Unreadable
    };
    let topic_id = if tag & HAS_TOPIC_ID != 0 { Some(Arc::from(text(fields)?)) } else { None };
    Ok((robot, topic_id))
}

fn text<'a>(fields: &mut Fields<'a>) -> Result<&'a str, &'static str> {
    let len = fields.u16().ok_or("text cut off")?;
    let bytes = fields.slice(usize::from(len)).ok_or("text cut off")?;
    std::str::from_utf8(bytes).map_err(|_not_utf8| "text is not UTF-8")
}

fn kind(fields: &mut Fields<'_>, tag: u8) -> Result<RawKind, &'static str> {
    match tag {
        TELEMETRY => Ok(RawKind::Telemetry),
        OVERSIZE => {
            let bytes = fields.u64().ok_or("length of the whole payload cut off")?;
            let sha256 = Digest(fields.array().ok_or("digest cut off")?);
            Ok(RawKind::Oversize { bytes, sha256 })
        }
        CONFIG => Ok(RawKind::Config(Digest(fields.array().ok_or("digest cut off")?))),
        RETRY => Ok(RawKind::Retry { of: retried(fields)? }),
        _ => Err("unknown kind"),
    }
}

/// The record that a retry repeats.
fn retried(fields: &mut Fields<'_>) -> Result<Option<RecordId>, &'static str> {
    let known = fields.u8().ok_or("retried record cut off")?;
    let session = Uuid::from_bytes(fields.array().ok_or("retried record cut off")?);
    let counter = fields.u64().ok_or("retried record cut off")?;
    match known {
        0 => Ok(None),
        1 => Ok(Some(RecordId { session, counter })),
        _ => Err("unknown tag of a retried record"),
    }
}

#[cfg(test)]
mod tests;
