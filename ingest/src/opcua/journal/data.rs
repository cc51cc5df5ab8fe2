//! What a notification message delivered, as the journal holds it: many and written tight.

use super::entry::{EntryError, Input, put_bytes};
use crate::opcua::value::{Sample, Value};

/// What one notification message delivered, or a part of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Data {
    /// The subscription; 0 if it came by another way.
    pub subscription: u32,
    /// The message's sequence number; 0 for a keep-alive.
    pub sequence: u32,
    /// Whether more of the message follows in a later entry.
    pub goes_on: bool,
    /// Whether its samples are what the server kept of a time that was missed; they follow the last one that is known.
    pub of_history: bool,
    /// When the server sent it by its own clock, Unix microseconds UTC.
    pub published_us: Option<i64>,
    /// Its samples, in order.
    pub samples: Vec<Sample>,
}

const GOES_ON: u8 = 1;
const HAS_PUBLISHED: u8 = 2;
const OF_HISTORY: u8 = 4;
const HAS_SOURCE: u8 = 0x10;
const HAS_SERVER: u8 = 0x20;

impl Data {
    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.reserve(18 + self.samples.len() * 33);
        let has_published = if self.published_us.is_some() { HAS_PUBLISHED } else { 0 };
        let of_history = if self.of_history { OF_HISTORY } else { 0 };
        bytes.push(has_published | of_history | if self.goes_on { GOES_ON } else { 0 });
        bytes.extend(self.published_us.iter().flat_map(|time| time.to_le_bytes()));
        bytes.extend(self.subscription.to_le_bytes());
        bytes.extend(self.sequence.to_le_bytes());
        for sample in &self.samples {
            encode_sample(sample, bytes);
        }
    }

    pub(super) fn decode(rest: &mut Input<'_>) -> Result<Self, EntryError> {
        let flags = rest.byte()?;
        let published = (flags & HAS_PUBLISHED != 0).then(|| rest.array().map(i64::from_le_bytes));
        let published_us = published.transpose()?;
        let (goes_on, of_history) = (flags & GOES_ON != 0, flags & OF_HISTORY != 0);
        Ok(Self { goes_on, of_history, published_us, ..Self::decode_first(rest)? })
    }

    /// As the first version of the journal had it.
    pub(super) fn decode_first(rest: &mut Input<'_>) -> Result<Self, EntryError> {
        let (subscription, sequence) = (u32::from_le_bytes(rest.array()?), u32::from_le_bytes(rest.array()?));
        let mut samples = Vec::new();
        while !rest.is_empty() {
            samples.push(decode_sample(rest)?);
        }
        Ok(Self { subscription, sequence, samples, ..Self::default() })
    }
}

fn encode_sample(sample: &Sample, bytes: &mut Vec<u8>) {
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

fn decode_sample(rest: &mut Input<'_>) -> Result<Sample, EntryError> {
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
    Ok(Sample { signal, status, value, source_us, server_us })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::super::Entry;
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
            goes_on: bool,
            of_history: bool,
            published_us: Option<i64>,
            samples in proptest::collection::vec(sample(), 0..20),
        ) {
            let entry = Entry::Data(Data { subscription, sequence, goes_on, of_history, published_us, samples });
            prop_assert_eq!(Entry::decode(&entry.encode().unwrap()).unwrap(), entry);
        }
    }

    #[test]
    fn what_the_first_version_wrote_is_read() {
        let mut written = vec![1];
        written.extend(7_u32.to_le_bytes());
        written.extend(9_u32.to_le_bytes());
        written.extend([3, 0, 0, 0, 0, 0, 0, 0, 2]);
        let sample = Sample { signal: 3, status: 0, value: Value::Bool(true), source_us: None, server_us: None };
        let data = Data { subscription: 7, sequence: 9, samples: vec![sample], ..Data::default() };
        assert_eq!(Entry::decode(&Bytes::from(written)).unwrap(), Entry::Data(data));
    }
}
