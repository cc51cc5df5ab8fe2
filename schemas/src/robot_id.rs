//! The 29-character robot ID: 2 country + 4 manufacturer + 6 model + 17 serial.
//!
//! Its shape only. What a country, a manufacturer or a model *means* is the roster's business, and syntax
//! never proves identity. Never a number, never trimmed, never upper-cased.

use std::fmt;
use std::str::FromStr;

/// Length of a robot ID in bytes (all ASCII).
pub const ROBOT_ID_LEN: usize = 29;

/// A well-formed robot ID: 29 characters of `[0-9A-Z]`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RobotId([u8; ROBOT_ID_LEN]);

/// Why a text is no robot ID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MalformedRobotId {
    /// The text has another length.
    #[error("a robot ID has {ROBOT_ID_LEN} characters, this one has {0} bytes")]
    Length(usize),
    /// A byte outside `[0-9A-Z]`, at a position counted from 0.
    #[error("byte {byte:#04x} at position {position} of a robot ID is outside 0-9 and A-Z")]
    Alphabet {
        /// Position of the first such byte, from 0.
        position: usize,
        /// The byte.
        byte: u8,
    },
}

impl RobotId {
    /// Parses the bytes of an ID.
    ///
    /// # Errors
    /// [`MalformedRobotId`] names the length, or the first byte outside the alphabet and its position.
    pub fn parse(bytes: &[u8]) -> Result<Self, MalformedRobotId> {
        let id: [u8; ROBOT_ID_LEN] = bytes.try_into().map_err(|_wrong_length| MalformedRobotId::Length(bytes.len()))?;
        match id.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'A'..=b'Z')) {
            None => Ok(Self(id)),
            Some(position) => Err(MalformedRobotId::Alphabet { position, byte: id[position] }),
        }
    }

    /// The ID as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a parsed robot ID is ASCII")
    }

    /// The 29 bytes.
    pub fn as_bytes(&self) -> &[u8; ROBOT_ID_LEN] {
        &self.0
    }

    /// Country of issue or origin, 2 characters; never a location.
    pub fn country(&self) -> &str {
        &self.as_str()[..2]
    }

    /// Manufacturer, 4 characters.
    pub fn manufacturer(&self) -> &str {
        &self.as_str()[2..6]
    }

    /// Model, 6 characters.
    pub fn model(&self) -> &str {
        &self.as_str()[6..12]
    }

    /// Manufacturer and model, 10 characters: the key under which a model configuration is found.
    pub fn manufacturer_and_model(&self) -> &str {
        &self.as_str()[2..12]
    }

    /// Serial number, 17 characters, unique within the model.
    pub fn serial(&self) -> &str {
        &self.as_str()[12..]
    }
}

impl FromStr for RobotId {
    type Err = MalformedRobotId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for RobotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RobotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_2_4_6_and_17_characters() {
        let id: RobotId = "CNAB12HX00010000000000000042A".parse().expect("well-formed");
        assert_eq!(
            (id.country(), id.manufacturer(), id.model(), id.serial()),
            ("CN", "AB12", "HX0001", "0000000000000042A")
        );
        assert_eq!(id.manufacturer_and_model(), "AB12HX0001");
    }

    #[test]
    fn an_id_of_digits_keeps_its_leading_zeros() {
        let text = "00000000000000000000000000042";
        assert_eq!(text.parse::<RobotId>().expect("digits are allowed").to_string(), text);
    }

    #[test]
    fn lower_case_blanks_and_full_width_digits_are_refused_with_their_position() {
        let at = |text: &str| match text.parse::<RobotId>() {
            Err(MalformedRobotId::Alphabet { position, .. }) => position,
            other => unreachable!("{other:?}"),
        };
        assert_eq!(at("CNAB12hX00010000000000000042A"), 6);
        assert_eq!(at("CNAB12HX0001000000000000042A "), 28);
        assert_eq!(at("CN\u{ff11}B12HX0001000000000000042"), 2);
        assert_eq!("".parse::<RobotId>(), Err(MalformedRobotId::Length(0)));
    }
}
