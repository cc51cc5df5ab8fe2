//! Kinds of array fields: histograms of a fixed number of bins, samples up to a bound, rows of fixed width.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::kinds::{Float, Kind, Must, refuse};
use crate::reason::RejectReason;

/// Exactly `N` numbers.
pub(super) struct Bins<const N: usize>;

/// At most `MAX` numbers.
pub(super) struct Floats<const MAX: usize>;

/// From `MIN` to `MAX` rows of exactly `N` numbers.
pub(super) struct Rows<const N: usize, const MIN: usize, const MAX: usize>;

/// A row: the same as [`Bins`], not boxed.
struct Row<const N: usize>;

/// Reads an array of `K`, at least `min` and at most `max` of them.
struct Array<K> {
    min: usize,
    max: usize,
    kind: PhantomData<K>,
}

impl<K: Kind> Array<K> {
    fn decode<'de, D: Deserializer<'de>>(min: usize, max: usize, deserializer: D) -> Result<Box<[K::Value]>, D::Error> {
        let kind = PhantomData;
        deserializer.deserialize_seq(Self { min, max, kind })
    }
}

impl<'de, K: Kind> Visitor<'de> for Array<K> {
    type Value = Box<[K::Value]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of {} to {} elements", self.min, self.max)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(Must::<K>::NEW)? {
            if values.len() == self.max {
                return Err(refuse(RejectReason::Length));
            }
            values.push(value);
        }
        if values.len() < self.min {
            return Err(refuse(RejectReason::Length));
        }
        Ok(values.into())
    }
}

impl<const N: usize> Kind for Row<N> {
    type Value = [f64; N];

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[f64; N], D::Error> {
        deserializer.deserialize_seq(Self)
    }

    fn write(value: &[f64; N], out: &mut String) {
        write_array(value, Float::write, out);
    }
}

impl<'de, const N: usize> Visitor<'de> for Row<N> {
    type Value = [f64; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of {N} numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<[f64; N], A::Error> {
        let mut values = [0.0; N];
        for value in &mut values {
            *value = seq.next_element_seed(Must::<Float>::NEW)?.ok_or_else(|| refuse(RejectReason::Length))?;
        }
        match seq.next_element::<IgnoredAny>()? {
            None => Ok(values),
            Some(_more) => Err(refuse(RejectReason::Length)),
        }
    }
}

impl<const N: usize> Kind for Bins<N> {
    type Value = Box<[f64; N]>;

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self::Value, D::Error> {
        Row::decode(deserializer).map(Box::new)
    }

    fn write(value: &Self::Value, out: &mut String) {
        Row::write(value, out);
    }
}

impl<const MAX: usize> Kind for Floats<MAX> {
    type Value = Box<[f64]>;

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self::Value, D::Error> {
        Array::<Float>::decode(0, MAX, deserializer)
    }

    fn write(value: &Self::Value, out: &mut String) {
        write_array(value, Float::write, out);
    }
}

impl<const N: usize, const MIN: usize, const MAX: usize> Kind for Rows<N, MIN, MAX> {
    type Value = Box<[[f64; N]]>;

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self::Value, D::Error> {
        Array::<Row<N>>::decode(MIN, MAX, deserializer)
    }

    fn write(value: &Self::Value, out: &mut String) {
        write_array(value, Row::write, out);
    }
}

/// Writes an array.
pub(super) fn write_array<T>(values: &[T], write: impl Fn(&T, &mut String), out: &mut String) {
    out.push('[');
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write(value, out);
    }
    out.push(']');
}
