//! Kinds of text fields: free texts, codes, words of closed sets, robot IDs; and the two that are no text, version and truth.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize as _, Deserializer, Error, Visitor};

use super::MAX_TEXT_BYTES;
use super::kinds::{Int, Kind, exact_integer, refuse};
use crate::RobotId;
use crate::reason::RejectReason;
use crate::record::{MaintenanceKind, OperationalMode, RobotKind, SCHEMA_VERSION, Severity, push_json_string};

/// A string of at most 256 bytes.
pub(super) struct Text;

impl Kind for Text {
    type Value = Box<str>;

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<str>, D::Error> {
        deserializer.deserialize_str(Self)
    }

    fn write(value: &Box<str>, out: &mut String) {
        push_json_string(out, value);
    }
}

impl Visitor<'_> for Text {
    type Value = Box<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Box<str>, E> {
        if value.len() > MAX_TEXT_BYTES {
            return Err(refuse(RejectReason::Length));
        }
        Ok(value.into())
    }
}

/// A code of a maker or a source: a string, or an integer that is kept as its digits.
pub(super) struct Code;

impl Kind for Code {
    type Value = Box<str>;

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<str>, D::Error> {
        deserializer.deserialize_any(Self)
    }

    fn write(value: &Box<str>, out: &mut String) {
        push_json_string(out, value);
    }
}

impl Visitor<'_> for Code {
    type Value = Box<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an integer")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Box<str>, E> {
        Text.visit_str(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Box<str>, E> {
        Ok(value.to_string().into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Box<str>, E> {
        Ok(value.to_string().into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Box<str>, E> {
        self.visit_i64(exact_integer(value).map_err(refuse)?)
    }
}

/// `true` or `false`.
pub(super) struct Truth;

impl Kind for Truth {
    type Value = bool;

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
        bool::deserialize(deserializer)
    }

    fn write(value: &bool, out: &mut String) {
        out.push_str(if *value { "true" } else { "false" });
    }
}

/// The contract's version: 1. Another is a reason of its own.
pub(super) struct Version;

impl Kind for Version {
    type Value = ();

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
        match Int::<{ i64::MIN }, { i64::MAX }>::decode(deserializer)? {
            SCHEMA_VERSION => Ok(()),
            _another => Err(refuse(RejectReason::SchemaVersion)),
        }
    }

    fn write((): &(), out: &mut String) {
        out.push_str(&SCHEMA_VERSION.to_string());
    }
}

/// A robot ID.
pub(super) struct Id;

impl Kind for Id {
    type Value = RobotId;

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RobotId, D::Error> {
        deserializer.deserialize_str(Self)
    }

    fn write(value: &RobotId, out: &mut String) {
        push_json_string(out, value.as_str());
    }
}

impl Visitor<'_> for Id {
    type Value = RobotId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a robot ID")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<RobotId, E> {
        RobotId::parse(value.as_bytes()).map_err(|_malformed| refuse(RejectReason::IdMalformed))
    }
}

/// A closed set of words.
pub(super) trait Words: Sized {
    /// The value of a word.
    fn of(word: &str) -> Option<Self>;
    /// The word of a value.
    fn word(&self) -> &'static str;
}

macro_rules! closed_sets {
    ($($name:ident)+) => {
        $(impl Words for $name {
            fn of(word: &str) -> Option<Self> {
                Self::parse(word)
            }

            fn word(&self) -> &'static str {
                self.as_str()
            }
        })+
    };
}
closed_sets!(RobotKind OperationalMode Severity MaintenanceKind);

/// A word of a closed set.
pub(super) struct Word<T>(PhantomData<T>);

impl<T: Words> Kind for Word<T> {
    type Value = T;

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(Self(PhantomData))
    }

    fn write(value: &T, out: &mut String) {
        push_json_string(out, value.word());
    }
}

impl<T: Words> Visitor<'_> for Word<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a word of a closed set")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<T, E> {
        T::of(value).ok_or_else(|| refuse(RejectReason::OutOfRange))
    }
}
