//! What the journal holds, as bytes: what servers delivered, what is known to be missing, and what was cut from it.
//!
//! Samples are many and written tight; everything else is rare and JSON. The time of receipt and the server stand in
//! the envelope around it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::opcua::cutter::{RobotState, Table};
use crate::opcua::value::{Sample, Value};

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// What one notification message delivered; without samples it says that the server is alive.
    Data(Data),
    /// From here on, the samples of this server are numbered by this table.
    Table(Table),
    /// The server's data of this time are missing.
    Gap(Gap),
    /// It is this late; windows that end before are closed.
    Tick,
    /// A record was cut; it is appended to the log after this is durable.
    Cut(Box<Cut>),
    /// All records cut below an offset are in the log.
    Delivered(Delivered),
    /// A subscription of the server that a later start may go on with.
    Subscribed(Subscribed),
}

/// What one notification message delivered.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Data {
    /// The subscription; 0 if it came by another way.
    pub subscription: u32,
    /// The message's sequence number; 0 for a keep-alive.
    pub sequence: u32,
    /// Its samples, in order.
    pub samples: Vec<Sample>,
}

/// A time of which a server's data are missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Last time at which it was heard, Unix microseconds UTC.
    pub from_us: i64,
    /// First time at which it was heard again, Unix microseconds UTC.
    pub to_us: i64,
    /// Why.
    pub cause: String,
}

/// A record as it was cut, and the robot's state after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cut {
    /// The robot.
    pub robot_id: String,
    /// The server whose data it is made of.
    pub server: String,
    /// Everything of the robot below this offset is in the state.
    pub until: i64,
    /// Counters and held values after the record.
    pub state: RobotState,
    /// The record's bytes; none where only the state is kept anew.
    #[serde(skip)]
    pub record: Bytes,
}

/// How far records are in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// Cuts at offsets below this are delivered.
    pub below: i64,
}

/// A subscription as the server keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscribed {
    /// Its number on the server.
    pub subscription: u32,
    /// How long the server may be silent, in milliseconds.
    pub keep_alive_ms: u64,
    /// Digest of what is subscribed, so that a changed mapping never goes on with it.
    pub items: u64,
    /// Signals whose nodes were not there.
    pub missing: Vec<u32>,
}

/// Why an entry cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// It ends in the middle.
    #[error("an entry of the journal ends in the middle")]
    Short,
    /// Its kind is not known.
    #[error("an entry of the journal has the unknown kind {0}")]
    Kind(u8),
    /// Its JSON is none.
    #[error("an entry of the journal is no JSON of its kind")]
    Json(#[from] serde_json::Error),
    /// A text is not UTF-8.
    #[error("a text of the journal is not UTF-8")]
    Text(#[from] std::str::Utf8Error),
}

const DATA: u8 = 1;
const TABLE: u8 = 2;
const GAP: u8 = 3;
const TICK: u8 = 4;
const CUT: u8 = 5;
const DELIVERED: u8 = 6;
const SUBSCRIBED: u8 = 7;

impl Entry {
    /// The entry as bytes.
    ///
    /// # Errors
    /// [`EntryError::Json`] for a state with a number that JSON has not.
    pub fn encode(&self) -> Result<Bytes, EntryError> {
        let mut bytes = Vec::new();
        match self {
            Self::Data(data) => encode_data(data, &mut bytes),
            Self::Tick => bytes.push(TICK),
            Self::Table(table) => encode_json(TABLE, table, &mut bytes)?,
            Self::Gap(gap) => encode_json(GAP, gap, &mut bytes)?,
            Self::Delivered(delivered) => encode_json(DELIVERED, delivered, &mut bytes)?,
            Self::Subscribed(subscribed) => encode_json(SUBSCRIBED, subscribed, &mut bytes)?,
            Self::Cut(cut) => {
                bytes.push(CUT);
                put_bytes(&cut.record, &mut bytes);
                serde_json::to_writer(&mut bytes, cut)?;
            }
        }
        Ok(bytes.into())
    }

    /// The entry of these bytes.
    ///
    /// # Errors
    /// [`EntryError`] if they are none.
    pub fn decode(bytes: &Bytes) -> Result<Self, EntryError> {
        let mut rest = Input(bytes);
        Ok(match rest.byte()? {
            DATA => Self::Data(decode_data(&mut rest)?),
            TABLE => Self::Table(serde_json::from_slice(rest.0)?),
            GAP => Self::Gap(serde_json::from_slice(rest.0)?),
            TICK => Self::Tick,
            DELIVERED => Self::Delivered(serde_json::from_slice(rest.0)?),
            SUBSCRIBED => Self::Subscribed(serde_json::from_slice(rest.0)?),
            CUT => {
                let record = Bytes::copy_from_slice(rest.bytes()?);
                let cut: Cut = serde_json::from_slice(rest.0)?;
                Self::Cut(Box::new(Cut { record, ..cut }))
            }
            kind => return Err(EntryError::Kind(kind)),
        })
    }
}

fn encode_json(kind: u8, value: &impl Serialize, bytes: &mut Vec<u8>) -> Result<(), EntryError> {
    bytes.push(kind);
    Ok(serde_json::to_writer(bytes, value)?)
}

const HAS_SOURCE: u8 = 0x10;
const HAS_SERVER: u8 = 0x20;

fn encode_data(data: &Data, bytes: &mut Vec<u8>) {
    bytes.reserve(13 + data.samples.len() * 33);
    bytes.push(DATA);
    bytes.extend(data.subscription.to_le_bytes());
    bytes.extend(data.sequence.to_le_bytes());
    for sample in &data.samples {
        bytes.extend(sample.signal.to_le_bytes());
        bytes.extend(sample.status.to_le_bytes());
        let times = if sample.source_us.is_some() { HAS_SOURCE } else { 0 }
            | if sample.server_us.is_some() { HAS_SERVER } else { 0 };
        match &sample.value {
            Value::Null => bytes.push(times),
            Value::Bool(false) => bytes.push(times | 1),
            Value::Bool(true) => bytes.push(times | 2),
            Value::Unusable => bytes.push(times | 3),
            Value::Number(number) => {
                bytes.push(times | 4);
                bytes.extend(number.to_le_bytes());
            }
            Value::Text(text) => {
                bytes.push(times | 5);
                put_bytes(text.as_bytes(), bytes);
            }
        }
        for time in [sample.source_us, sample.server_us].into_iter().flatten() {
            bytes.extend(time.to_le_bytes());
        }
    }
}

fn decode_data(rest: &mut Input<'_>) -> Result<Data, EntryError> {
    let (subscription, sequence) = (u32::from_le_bytes(rest.array()?), u32::from_le_bytes(rest.array()?));
    let mut samples = Vec::new();
    while !rest.0.is_empty() {
        let (signal, status) = (u32::from_le_bytes(rest.array()?), u32::from_le_bytes(rest.array()?));
        let kind = rest.byte()?;
        let value = match kind & 0x0f {
            0 => Value::Null,
            1 => Value::Bool(false),
            2 => Value::Bool(true),
            3 => Value::Unusable,
            4 => Value::Number(f64::from_le_bytes(rest.array()?)),
            5 => Value::Text(std::str::from_utf8(rest.bytes()?)?.to_owned()),
            other => return Err(EntryError::Kind(other)),
        };
        let mut time = |bit| (kind & bit != 0).then(|| rest.array().map(i64::from_le_bytes)).transpose();
        let (source_us, server_us) = (time(HAS_SOURCE)?, time(HAS_SERVER)?);
        samples.push(Sample { signal, status, value, source_us, server_us });
    }
    Ok(Data { subscription, sequence, samples })
}

fn put_bytes(text: &[u8], bytes: &mut Vec<u8>) {
    bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend(text);
}

/// What is left to be read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], EntryError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(EntryError::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, EntryError> {
        Ok(self.take(1)?[0])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], EntryError> {
        self.take(N)?.try_into().map_err(|_never| EntryError::Short)
    }

    fn bytes(&mut self) -> Result<&'a [u8], EntryError> {
        let length = u32::from_le_bytes(self.array()?);
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            Just(Value::Unusable),
            any::<bool>().prop_map(Value::Bool),
            (-1e300..1e300).prop_map(Value::Number),
            ".{0,40}".prop_map(Value::Text),
        ]
    }

    prop_compose! {
        fn sample()(signal: u32, status: u32, value in value(), source_us: Option<i64>, server_us: Option<i64>) -> Sample {
            Sample { signal, status, value, source_us, server_us }
        }
    }

    proptest! {
        #[test]
        fn what_was_delivered_is_read_back(
            subscription: u32,
            sequence: u32,
            samples in proptest::collection::vec(sample(), 0..20),
        ) {
            let entry = Entry::Data(Data { subscription, sequence, samples });
            prop_assert_eq!(Entry::decode(&entry.encode().unwrap()).unwrap(), entry);
        }

        #[test]
        fn any_bytes_are_an_entry_or_an_error(bytes: Vec<u8>) {
            let _read_or_refused = Entry::decode(&bytes.into()).is_ok();
        }
    }
}
