//! A robot's kind in the snapshot's JSON: the word of the record.

use serde::{Deserialize, Deserializer, Serializer, de::Error};
use tacho_schemas::record::RobotKind;

pub(super) fn serialize<S: Serializer>(kind: &RobotKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.as_str())
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RobotKind, D::Error> {
    let word = String::deserialize(deserializer)?;
    RobotKind::parse(&word).ok_or_else(|| D::Error::custom("a kind of robot that is not known"))
}
