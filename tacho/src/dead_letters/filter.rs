//! Which dead letters are meant: by reason, robot and time of receipt.

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};
use tacho_schemas::RobotId;
use tacho_schemas::reason::RejectReason;

/// Narrows the dead letters down; each option given must hold.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Filter {
    /// Reason, as in the column `reason`; several may be given.
    #[arg(long, value_parser = reason)]
    reason: Vec<RejectReason>,
    /// Robot, or `?` for what names none; several may be given.
    #[arg(long, value_parser = robot)]
    robot: Vec<String>,
    /// Received at this time or later: 2026-11-21 or 2026-11-21T18:00:00Z.
    #[arg(long, value_parser = time, overrides_with = "since")]
    since: Option<DateTime<Utc>>,
    /// Received before this time.
    #[arg(long, value_parser = time, overrides_with = "until")]
    until: Option<DateTime<Utc>>,
}

impl Filter {
    /// Whether nothing is narrowed down.
    pub(crate) fn is_open(&self) -> bool {
        self.reason.is_empty() && self.robot.is_empty() && self.since.is_none() && self.until.is_none()
    }

    /// The condition on rows of `rejected`. All that it holds was parsed: no text of the user is in it.
    pub(crate) fn condition(&self) -> String {
        let mut all = vec!["true".to_owned()];
        let among = |column: &str, values: &[&str]| format!("{column} in ('{}')", values.join("', '"));
        if !self.reason.is_empty() {
            all.push(among("reason", &self.reason.iter().map(|reason| reason.as_str()).collect::<Vec<_>>()));
        }
        if !self.robot.is_empty() {
            all.push(among("robot_id", &self.robot.iter().map(String::as_str).collect::<Vec<_>>()));
        }
        for (comparison, time) in [(">=", self.since), ("<", self.until)] {
            all.extend(time.map(|time| {
                let text = time.to_rfc3339_opts(SecondsFormat::Micros, true);
                format!("received_at {comparison} to_timestamp_micros('{text}')")
            }));
        }
        all.join(" and ")
    }
}

fn reason(text: &str) -> Result<RejectReason, String> {
    let known = || RejectReason::ALL.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join(", ");
    RejectReason::parse(text).ok_or_else(|| format!("no such reason; there are {}", known()))
}

fn robot(text: &str) -> Result<String, String> {
    match text {
        "?" => Ok(text.to_owned()),
        _ => text.parse::<RobotId>().map(|id| id.as_str().to_owned()).map_err(|error| error.to_string()),
    }
}

fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let day = || text.parse::<NaiveDate>().ok().map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let instant = || DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
    day().or_else(instant).ok_or_else(|| "no time: 2026-11-21 or 2026-11-21T18:00:00Z would be one".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_holds_what_was_asked_for_and_nothing_that_was_not_parsed() {
        assert!(Filter::default().is_open());
        assert_eq!(Filter::default().condition(), "true");
        let filter = Filter {
            reason: vec![reason("syntax").unwrap(), reason("range").unwrap()],
            robot: vec![robot("?").unwrap(), robot("CNAB12HX00010000000000000042A").unwrap()],
            since: Some(time("2026-11-21").unwrap()),
            until: Some(time("2026-11-21T20:00:00+02:00").unwrap()),
        };
        assert_eq!(
            filter.condition(),
            "true and reason in ('syntax', 'range') and robot_id in ('?', 'CNAB12HX00010000000000000042A') \
             and received_at >= to_timestamp_micros('2026-11-21T00:00:00.000000Z') \
             and received_at < to_timestamp_micros('2026-11-21T18:00:00.000000Z')"
        );
        assert!(reason("nonsense").unwrap_err().contains("sequence_conflict"));
        assert!(robot("' or true").is_err());
        assert!(time("yesterday").is_err());
    }
}
