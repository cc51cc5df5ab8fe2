//! Flags: what is to be said of a record that is kept. `reason:pointer`, as the lake's column `flags` has them.

use std::borrow::Cow;
use std::fmt;

use super::RejectReason;
use crate::record::{push_json_string, words};

words! {
    /// What a kept record is flagged with.
    FlagReason {
        /// An optional field was wrong and is only in `extra`.
        FieldDropped = "field_dropped",
        /// An element of an array was wrong and is only in `extra`.
        ElementDropped = "element_dropped",
        /// An optional section was wrong and is only in `extra`.
        SectionDropped = "section_dropped",
        /// The device's clock is more than 5 min ahead of receipt, or before 2015.
        ClockSuspect = "clock_suspect",
        /// A value that can be, and is unlikely.
        SuspectRange = "suspect_range",
        /// Values that contradict each other, and are kept.
        Inconsistent = "inconsistent",
        /// A value finer or greater than the lake's column holds.
        OutOfResolution = "out_of_resolution",
        /// The ID's country is not on the list.
        UnknownCountry = "unknown_country",
        /// The ID's manufacturer is not registered.
        UnknownManufacturer = "unknown_manufacturer",
        /// The ID's model is not registered.
        UnknownModel = "unknown_model",
        /// The roster says that this robot is scrapped.
        RobotScrapped = "robot_scrapped",
        /// The roster says that this robot was commissioned later than its record was made.
        NotCommissioned = "robot_not_commissioned",
        /// The roster says that this robot is suspended.
        RobotSuspended = "robot_suspended",
        /// The roster knows the robot's model, and not the robot.
        RobotUnlisted = "robot_unlisted",
        /// The ID's last character is not what the configured scheme says.
        CheckCharacter = "check_char_mismatch",
        /// The ID's serial is not what the configured pattern of its manufacturer says.
        SerialPolicy = "serial_policy",
        /// No configuration is known for this robot model.
        ModelUnknown = "model_unknown",
        /// The generic configuration of the robot's kind was used.
        ModelGeneric = "model_generic",
        /// The record names a model configuration that is not known.
        ModelConfigUnknown = "model_config_unknown",
        /// The record names another model configuration than that of its ID, which is known: the ratings are the sender's choice.
        ModelConfigDiffers = "model_config_differs",
        /// The joint is not in the model's configuration.
        JointUnknown = "joint_unknown",
        /// The strokes are too small for the life law, which needs the bearing to turn.
        SmallOscillation = "small_osc",
    }
}

/// A flag on a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// What is to be said.
    pub reason: FlagReason,
    /// JSON pointer of what it is said of; empty for the whole record.
    pub pointer: Cow<'static, str>,
    /// Why something was dropped, and the pointer of what was wrong in it.
    pub cause: Option<(RejectReason, Box<str>)>,
}

impl Flag {
    /// A flag of `reason` on what stands at `pointer`.
    pub fn new(reason: FlagReason, pointer: impl Into<Cow<'static, str>>) -> Self {
        Self { reason, pointer: pointer.into(), cause: None }
    }

    /// The same flag, which says that something was dropped because of `reason` at `pointer`.
    #[must_use]
    pub fn because(mut self, reason: RejectReason, pointer: &str) -> Self {
        self.cause = Some((reason, pointer.into()));
        self
    }
}

/// `reason:pointer`, and ` (cause:pointer)` if there is a cause.
impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.reason, self.pointer)?;
        match &self.cause {
            Some((reason, pointer)) => write!(f, " ({reason}:{pointer})"),
            None => Ok(()),
        }
    }
}

/// The flags as a JSON array of texts, `["clock_suspect:/window_end"]`; `None` if there are none.
pub fn flags_json(flags: &[Flag]) -> Option<String> {
    if flags.is_empty() {
        return None;
    }
    let mut text = String::from("[");
    for (i, flag) in flags.iter().enumerate() {
        if i > 0 {
            text.push(',');
        }
        push_json_string(&mut text, &flag.to_string());
    }
    text.push(']');
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_texts_of_reason_and_pointer_with_the_cause_behind() {
        let flags = [
            Flag::new(FlagReason::ClockSuspect, "/window_end"),
            Flag::new(FlagReason::ElementDropped, "/joints/3").because(RejectReason::Required, "/joints/3/name"),
        ];
        assert_eq!(
            flags_json(&flags).as_deref(),
            Some(r#"["clock_suspect:/window_end","element_dropped:/joints/3 (required:/joints/3/name)"]"#)
        );
        assert_eq!(flags_json(&[]), None);
    }
}
