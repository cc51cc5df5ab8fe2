//! Appends dead letters to the log of a running instance anew.
//!
//! A request only names letters. What is appended is taken from the lake: the bytes as they were published, with the robot,
//! the sender and the time of receipt that they had. So nobody can bring in a record by way of a retry.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tacho_lake::ledger::Logs;
use tacho_lake::{Lake, LakePlace};
use tacho_log::{Append, HeldBefore, Log};
use tacho_query::Session;
use tacho_schemas::{Envelope, RawKind, RecordId, RobotKey};
use uuid::Uuid;

use super::name::LetterName;

/// Most letters of one request: each may have a mebibyte.
pub(crate) const LETTERS_MAX: usize = 64;

/// Appends dead letters to a log anew.
#[derive(Debug, Clone)]
pub(crate) struct Retrier {
    pub(crate) log: Arc<Log>,
    pub(crate) lake: LakePlace,
}

/// What became of the letters of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Retried {
    /// Appended, and durable in the log.
    pub(crate) appended: Vec<LetterName>,
    /// Of these not all bytes were kept.
    pub(crate) partial: Vec<LetterName>,
    /// The lake has no such letter.
    pub(crate) unknown: Vec<LetterName>,
}

/// A letter, as the lake has it.
#[derive(Debug)]
struct Letter {
    name: LetterName,
    robot: RobotKey,
    topic_id: Option<Arc<str>>,
    principal: Arc<str>,
    received_at_us: i64,
    payload: Bytes,
    is_whole: bool,
}

impl Retrier {
    /// Appends these letters, in the order of the log; durable when it returns.
    pub(crate) async fn retry(&self, names: &[LetterName]) -> anyhow::Result<Retried> {
        let mut found = self.letters(names).await?;
        let log_epoch = self.log_epoch().await?;
        let (session, appender) = (Uuid::new_v4(), self.log.appender());
        let mut retried = Retried::default();
        let mut deliveries = Vec::new();
        for name in names {
            let Some(letter) = found.remove(name) else {
                retried.unknown.push(*name);
                continue;
            };
            if !letter.is_whole {
                retried.partial.push(*name);
                continue;
            }
            let of = if log_epoch == Some(name.log_epoch) { self.record_at(*name).await? } else { None };
            let counter = u64::try_from(deliveries.len()).unwrap_or(u64::MAX);
            let append = letter.append(RecordId { session, counter }, of);
            deliveries.push(appender.enqueue(vec![append]).await.with_context(|| format!("dead letter {name}"))?);
            retried.appended.push(*name);
        }
        for (delivery, name) in deliveries.into_iter().zip(&retried.appended) {
            delivery.await.with_context(|| format!("dead letter {name}"))?;
        }
        Ok(retried)
    }

    /// The record that a letter's bytes came in, if the log still holds it.
    async fn record_at(&self, name: LetterName) -> anyhow::Result<Option<RecordId>> {
        let at = || format!("the log at dead letter {name}");
        let held = self.log.held_before(&[(name.partition, name.offset + 1)]).await.with_context(at)?;
        Ok(match held.into_iter().next().transpose().with_context(at)? {
            Some(HeldBefore::Record(id)) => Some(id),
            Some(HeldBefore::Nothing | HeldBefore::Lost) | None => None,
        })
    }

    /// Number of this log in the lake; `None` if the lake follows another one.
    async fn log_epoch(&self) -> anyhow::Result<Option<i64>> {
        let lake = Lake::read_only(&self.lake).with_context(|| format!("lake {}", self.lake))?;
        let logs = Logs::load(&lake.object_store()).await.context("lake")?;
        let is_this = |log_id| log_id == self.log.identity().log_id;
        Ok(logs.last().filter(|log| is_this(log.log_id)).map(|log| log.log_epoch))
    }

    async fn letters(&self, names: &[LetterName]) -> anyhow::Result<BTreeMap<LetterName, Letter>> {
        let session = Session::open(&self.lake, || Ok(Vec::new())).await?;
        let mut places = BTreeMap::<(i64, i32), Vec<String>>::new();
        for name in names {
            places.entry((name.log_epoch, name.partition)).or_default().push(name.offset.to_string());
        }
        let mut found = BTreeMap::new();
        for ((log_epoch, partition), offsets) in places {
            let (_, batches) = session
                .query(&format!(
                    "select log_epoch, partition, \"offset\", ordinal, received_at, payload_bytes, robot_id, topic_id, principal, \
                     payload from rejected where log_epoch = {log_epoch} and partition = {partition} \
                     and \"offset\" in ({})",
                    offsets.join(", ")
                ))
                .await?;
            for letter in batches.iter().map(letters_of) {
                found.extend(letter?.into_iter().map(|letter| (letter.name, letter)));
            }
        }
        Ok(found)
    }
}

impl Letter {
    fn append(self, id: RecordId, of: Option<RecordId>) -> Append {
        let Self { robot, topic_id, principal, received_at_us, payload, .. } = self;
        let envelope = Envelope { id, received_at_us, robot, topic_id, principal, kind: RawKind::Retry { of } };
        Append { envelope, payload }
    }
}

/// The letters of some rows, in the order of the columns of [`Retrier::letters`].
fn letters_of(rows: &RecordBatch) -> anyhow::Result<Vec<Letter>> {
    let column = |at: usize, to: &DataType| -> anyhow::Result<ArrayRef> { Ok(cast(rows.column(at), to)?) };
    let ints = (0..6).map(|at| column(at, &DataType::Int64)).collect::<anyhow::Result<Vec<_>>>()?;
    let texts = (6..9).map(|at| column(at, &DataType::Utf8)).collect::<anyhow::Result<Vec<_>>>()?;
    let payloads = column(9, &DataType::Binary)?;
    let int = |at: usize, row| ints[at].as_primitive::<Int64Type>().value(row);
    let text = |at: usize, row| {
        let texts = texts[at].as_string::<i32>();
        texts.is_valid(row).then(|| texts.value(row))
    };
    let letter = |row| {
        let payload = Bytes::copy_from_slice(payloads.as_binary::<i32>().value(row));
        let robot = match text(0, row) {
            None | Some("?") => RobotKey::Unreadable,
            Some(id) => RobotKey::Id(id.parse().map_err(|error| anyhow!("robot ID {id:?} of a dead letter: {error}"))?),
        };
        Ok(Letter {
            name: LetterName {
                log_epoch: int(0, row),
                partition: i32::try_from(int(1, row)).context("partition of a dead letter")?,
                offset: int(2, row),
                ordinal: int(3, row),
            },
            robot,
            topic_id: text(1, row).map(Arc::from),
            principal: text(2, row).unwrap_or_default().into(),
            received_at_us: int(4, row),
            is_whole: i64::try_from(payload.len()) == Ok(int(5, row)),
            payload,
        })
    };
    (0..rows.num_rows()).map(letter).collect()
}
