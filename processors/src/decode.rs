//! A record's bytes into a typed record, or the reasons why not.
//!
//! Thin: what JSON means, and whose record it is, is `tacho_schemas::json`'s business.

use tacho_schemas::dead_letter::Rejected;
use tacho_schemas::reason::RejectReason;
use tacho_schemas::record::Record;
use tacho_schemas::{RobotId, RobotKey, json};

/// Decodes one record of a publish on the topic of `robot`; `topic_id` is the topic's ID verbatim if it is none.
///
/// # Errors
/// [`Rejected`]. On a topic without an ID the reason is `id_malformed`; it points to the record's own ID if that is none either.
pub fn decode(slice: &[u8], robot: RobotKey, topic_id: Option<&str>) -> Result<Record, Rejected> {
    json::decode(slice, robot, topic_id).map_err(|mut rejected| {
        let nobodys = robot == RobotKey::Unreadable && rejected.first.reason == RejectReason::IdMalformed;
        if nobodys && rejected.first.pointer.is_empty() && own_id_is_none(slice) {
            rejected.first.pointer = "/robot_id".to_owned();
        }
        rejected
    })
}

/// Whether the record has an ID, and that has not the shape either.
fn own_id_is_none(slice: &[u8]) -> bool {
    let own = json::raw_at(slice, "/robot_id");
    own.is_some_and(|own| RobotId::parse(own.trim_matches('"').as_bytes()).is_err())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_topic_without_an_id_the_reason_is_the_id_and_points_to_the_records_own_if_that_is_none_either() {
        let own = |id: &str| {
            let slice = format!(r#"{{"robot_id":"{id}"}}"#);
            let rejected = decode(slice.as_bytes(), RobotKey::Unreadable, Some("robot-7")).unwrap_err();
            assert_eq!(rejected.first.reason, RejectReason::IdMalformed);
            assert_eq!(rejected.first.value, "robot-7");
            rejected.first.pointer
        };
        assert_eq!(own("robot-7"), "/robot_id");
        assert_eq!(own("CNAB12HX00010000000000000042A"), "");
    }
}
