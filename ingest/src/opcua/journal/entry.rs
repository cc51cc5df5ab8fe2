//! What the journal holds, as bytes: what servers delivered, what is known to be missing, and what was cut from it.
//!
//! Samples are many and written tight in [`data`](super::data); everything else is rare and JSON. The time of receipt and
//! the server stand in the envelope around it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::data::Data;
use super::heard::{Heard, Subscribed};
use crate::opcua::cutter::{RobotState, Table};

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
    /// What an entry further back says, written anew so that the journal before it may go.
    Renewed(Box<Renewed>),
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
    /// The signals whose data are missing, by the table; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signals: Option<Vec<u32>>,
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

/// What an entry says that the journal may hold no more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Renewed {
    /// The offset from which it holds, wherever it is written.
    pub as_of: i64,
    /// What it says.
    pub what: Still,
}

/// What still holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Still {
    /// A table.
    Table(Table),
    /// How far the server was heard, by all entries below.
    Heard(Heard),
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

const DATA_FIRST: u8 = 1;
const TABLE: u8 = 2;
const GAP: u8 = 3;
const TICK: u8 = 4;
const CUT: u8 = 5;
const DELIVERED: u8 = 6;
const SUBSCRIBED: u8 = 7;
const DATA: u8 = 8;
const RENEWED: u8 = 9;

impl Entry {
    /// The entry as bytes.
    ///
    /// # Errors
    /// [`EntryError::Json`] for a state with a number that JSON has not.
    pub fn encode(&self) -> Result<Bytes, EntryError> {
        let mut bytes = Vec::new();
        match self {
            Self::Data(data) => {
                bytes.push(DATA);
                data.encode(&mut bytes);
            }
            Self::Tick => bytes.push(TICK),
            Self::Table(table) => encode_json(TABLE, table, &mut bytes)?,
            Self::Gap(gap) => encode_json(GAP, gap, &mut bytes)?,
            Self::Delivered(delivered) => encode_json(DELIVERED, delivered, &mut bytes)?,
            Self::Subscribed(subscribed) => encode_json(SUBSCRIBED, subscribed, &mut bytes)?,
            Self::Renewed(renewed) => encode_json(RENEWED, renewed, &mut bytes)?,
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
            DATA => Self::Data(Data::decode(&mut rest)?),
            DATA_FIRST => Self::Data(Data::decode_first(&mut rest)?),
            TABLE => Self::Table(serde_json::from_slice(rest.0)?),
            GAP => Self::Gap(serde_json::from_slice(rest.0)?),
            TICK => Self::Tick,
            DELIVERED => Self::Delivered(serde_json::from_slice(rest.0)?),
            SUBSCRIBED => Self::Subscribed(serde_json::from_slice(rest.0)?),
            RENEWED => Self::Renewed(Box::new(serde_json::from_slice(rest.0)?)),
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

pub(super) fn put_bytes(text: &[u8], bytes: &mut Vec<u8>) {
    bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend(text);
}

/// What is left to be read.
pub(super) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], EntryError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(EntryError::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> Result<u8, EntryError> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], EntryError> {
        self.take(N)?.try_into().map_err(|_never| EntryError::Short)
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], EntryError> {
        let length = u32::from_le_bytes(self.array()?);
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_an_entry_or_an_error(bytes: Vec<u8>) {
            let _read_or_refused = Entry::decode(&bytes.into()).is_ok();
        }
    }
}
