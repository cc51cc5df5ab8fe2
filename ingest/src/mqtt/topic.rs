//! Topic names and filters (MQTT 5, 4.7): which are valid, which filter matches which topic, and what is telemetry.

use std::sync::Arc;

use tacho_schemas::{RobotId, RobotKey};

use super::reason::Reason;

const PREFIX: &str = "robots/";
const SUFFIX: &str = "/telemetry";
/// Length of an unreadable ID that is kept verbatim, in bytes.
const UNREADABLE_BYTES_MAX: usize = 256;
/// Length of a filter that is accepted, in bytes.
const FILTER_BYTES_MAX: usize = 512;

/// Checks a topic name.
///
/// # Errors
/// [`Reason::Malformed`] if it is not UTF-8 or holds U+0000, [`Reason::TopicInvalid`] if it is empty, holds a wildcard
/// or begins with `$`.
pub(crate) fn name(topic: &[u8]) -> Result<&str, Reason> {
    let topic = std::str::from_utf8(topic).map_err(|_not_utf8| Reason::Malformed)?;
    if topic.contains('\0') {
        Err(Reason::Malformed)
    } else if topic.is_empty() || topic.starts_with('$') || topic.contains(['+', '#']) {
        Err(Reason::TopicInvalid)
    } else {
        Ok(topic)
    }
}

/// The ID segment of `robots/{id}/telemetry`; `None` for every other topic.
pub(crate) fn telemetry_id(topic: &str) -> Option<&str> {
    let id = topic.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    (!id.contains('/')).then_some(id)
}

/// The robot of a telemetry topic in its usual form, without a check of what else it could be.
pub(crate) fn usual_robot(topic: &[u8]) -> Option<RobotId> {
    let id = topic.strip_prefix(PREFIX.as_bytes())?.strip_suffix(SUFFIX.as_bytes())?;
    RobotId::parse(id).ok()
}

/// The ID segment of `robots/{id}` and of whatever is below it.
pub(crate) fn robot_segment(topic: &str) -> Option<&str> {
    topic.strip_prefix(PREFIX)?.split('/').next()
}

/// The key of a telemetry topic's ID segment, and the segment itself (cut at 256 bytes) where it is no ID.
pub(crate) fn robot_of(segment: &str) -> (RobotKey, Option<Arc<str>>) {
    match RobotId::parse(segment.as_bytes()) {
        Ok(id) => (RobotKey::Id(id), None),
        Err(_malformed) => {
            let end = segment.floor_char_boundary(UNREADABLE_BYTES_MAX);
            (RobotKey::Unreadable, Some(Arc::from(&segment[..end])))
        }
    }
}

/// Checks a topic filter; the codec has checked its UTF-8.
///
/// # Errors
/// [`Reason::SharedSubscription`] for `$share/…`; [`Reason::FilterInvalid`] for other filters on `$…`, for wildcards at
/// wrong places, and for lengths of 0 or more than 512 bytes.
pub(crate) fn filter(filter: &str) -> Result<(), Reason> {
    if filter.starts_with("$share/") {
        return Err(Reason::SharedSubscription);
    }
    let length_ok = (1..=FILTER_BYTES_MAX).contains(&filter.len());
    let levels = || filter.split('/');
    let last = levels().count().saturating_sub(1);
    let wildcards_ok = levels().enumerate().all(|(i, level)| match level {
        "+" => true,
        "#" => i == last,
        other => !other.contains(['+', '#']),
    });
    if length_ok && wildcards_ok && !filter.starts_with('$') && !filter.contains('\0') {
        Ok(())
    } else {
        Err(Reason::FilterInvalid)
    }
}

/// Whether a valid filter matches a valid topic name that does not begin with `$`.
pub(crate) fn matches(topic: &str, filter: &str) -> bool {
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

/// Which telemetry topics a filter matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TelemetryReach<'a> {
    /// None.
    None,
    /// That of one ID segment.
    One(&'a str),
    /// All.
    All,
}

/// Which telemetry topics a valid filter matches.
pub(crate) fn telemetry_reach(filter: &str) -> TelemetryReach<'_> {
    let mut levels = filter.split('/');
    match levels.next() {
        Some("#") => return TelemetryReach::All,
        Some("robots" | "+") => {}
        _ => return TelemetryReach::None,
    }
    let reach = match levels.next() {
        Some("#") => return TelemetryReach::All,
        Some("+") => TelemetryReach::All,
        Some(id) => TelemetryReach::One(id),
        None => return TelemetryReach::None,
    };
    match (levels.next(), levels.next()) {
        (Some("#"), None) | (Some("telemetry" | "+"), None | Some("#")) => reach,
        // `robots/{id}/#` also matches `robots/{id}`, but that is no telemetry.
        _ => TelemetryReach::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "CNAB12HX00010000000000000042A";

    #[test]
    fn only_three_levels_are_telemetry() {
        assert_eq!(telemetry_id(&format!("robots/{ID}/telemetry")), Some(ID));
        assert_eq!(telemetry_id("robots//telemetry"), Some(""));
        for other in ["robots/a/b/telemetry", "robots/telemetry", "robots/a/telemetry/x", "/robots/a/telemetry"] {
            assert_eq!(telemetry_id(other), None, "{other}");
        }
    }

    #[test]
    fn an_unreadable_id_is_kept_verbatim_and_cut_at_a_character() {
        assert_eq!(robot_of("arm 4"), (RobotKey::Unreadable, Some(Arc::from("arm 4"))));
        let (_, kept) = robot_of(&"é".repeat(200));
        assert_eq!(kept.map(|id| id.len()), Some(256));
        assert!(matches!(robot_of(ID), (RobotKey::Id(_), None)));
    }

    #[test]
    fn filters_match_as_the_standard_says() {
        for (filter_text, topic, expected) in [
            ("sport/tennis/player1/#", "sport/tennis/player1", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
            ("sport/#", "sport", true),
            ("#", "a/b", true),
            ("sport/tennis/+", "sport/tennis/player1/ranking", false),
            ("sport/+", "sport", false),
            ("sport/+", "sport/", true),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("+", "/finance", false),
            ("a/b", "a/b", true),
            ("a/b", "a", false),
        ] {
            assert_eq!(matches(topic, filter_text), expected, "{filter_text} on {topic}");
        }
    }

    #[test]
    fn wildcards_at_wrong_places_and_dollar_filters_are_refused() {
        for good in ["#", "+", "a/+/b", "a/#", "/", "robots/+/telemetry"] {
            assert_eq!(filter(good), Ok(()), "{good}");
        }
        for bad in ["", "a#", "a/#/b", "a+/b", "$SYS/#", &"a".repeat(513)] {
            assert_eq!(filter(bad), Err(Reason::FilterInvalid), "{bad}");
        }
        assert_eq!(filter("$share/g/a"), Err(Reason::SharedSubscription));
    }

    #[test]
    fn the_reach_of_a_filter_agrees_with_matching() {
        let topic = format!("robots/{ID}/telemetry");
        let other = "robots/x/telemetry";
        for text in [
            "#",
            "+/#",
            "robots/#",
            "robots/+/#",
            "robots/+/telemetry",
            "robots/+/+",
            "+/+/+",
            "+/+/telemetry/#",
            "robots/x/telemetry",
            "robots/x/#",
            "robots/x/+/#",
            "robots/x",
            "robots/+",
            "a/#",
            "robots/+/state",
            "robots/x/telemetry/y",
            "+/+/+/+",
            "robots/+/telemetry/#/",
        ] {
            let expected = match (matches(&topic, text), matches(other, text)) {
                (true, true) => TelemetryReach::All,
                (false, true) => TelemetryReach::One("x"),
                _ => TelemetryReach::None,
            };
            if filter(text).is_ok() {
                assert_eq!(telemetry_reach(text), expected, "{text}");
            }
        }
    }
}
