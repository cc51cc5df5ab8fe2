//! Sanity of a record's envelope and counters, the time rule, and what is known of the robot's identity.

use tacho_config::roster::{Listing, RobotStatus};
use tacho_config::{CountryStatus, FoundBy, Judgement, Limits};
use tacho_schemas::dead_letter::Problem;
use tacho_schemas::json::format_time;
use tacho_schemas::reason::{FlagReason, RejectReason};
use tacho_schemas::record::{Counters, Record};

use super::place::Place;
use super::sieve::{Sieve, number_text};
use super::{Judge, problem};
use crate::indicators::FormulaSet;

/// Longest window: one hour.
const WINDOW_MAX_US: i64 = 3_600 * 1_000_000;
/// How far ahead of receipt a window may end before the device's clock is suspect: 5 min.
const AHEAD_MAX_US: i64 = 300 * 1_000_000;
/// 2015-01-01T00:00:00Z: a clock before it was never set.
const CLOCK_MIN_US: i64 = 1_420_070_400 * 1_000_000;
/// How many hours a counter may be above the one that contains it: devices count them to different resolutions.
const HOURS_TOLERANCE: f64 = 1.0;

/// The window does not end before it starts, and is at most an hour.
pub(super) fn window_problem(record: &Record) -> Option<Problem> {
    let (start_us, end_us) = (record.window_start_us, record.window_end_us);
    if end_us < start_us {
        let value = format!("{}, before window_start", format_time(end_us));
        return Some(problem(RejectReason::Window, "/window_end", &value));
    }
    if end_us.saturating_sub(start_us) > WINDOW_MAX_US {
        let seconds = end_us.saturating_sub(start_us) / 1_000_000;
        let value = format!("{}, a window of {seconds} s", format_time(end_us));
        return Some(problem(RejectReason::Window, "/window_end", &value));
    }
    None
}

/// The one mandatory counter.
pub(super) fn counter_problem(record: &Record, limits: &Limits) -> Option<Problem> {
    let hours = record.counters.power_on_h;
    (limits.counter.judge(hours) == Judgement::Wrong)
        .then(|| problem(RejectReason::Range, "/counters/power_on_h", &number_text(hours)))
}

/// The time rule: beside it only the days of a roster depend on a device's clock.
pub(super) fn flag_clock(record: &Record, received_at_us: i64, sieve: &mut Sieve<'_>) {
    if clock_is_suspect(record, received_at_us) {
        sieve.flag(FlagReason::ClockSuspect, "/window_end".to_owned());
    }
}

fn clock_is_suspect(record: &Record, received_at_us: i64) -> bool {
    let end_us = record.window_end_us;
    end_us > received_at_us.saturating_add(AHEAD_MAX_US) || end_us < CLOCK_MIN_US
}

/// When a record was made: at the end of its window, or, if the device's clock is suspect, when it was received.
fn made_at_us(record: &Record, received_at_us: i64) -> i64 {
    if clock_is_suspect(record, received_at_us) { received_at_us } else { record.window_end_us }
}

/// What is not known of the robot is flagged, never refused.
pub(super) fn flag_identity(record: &Record, judge: &Judge<'_>, sieve: &mut Sieve<'_>) {
    if judge.ids.country(record.robot_id.country()) == CountryStatus::Unknown {
        sieve.flag(FlagReason::UnknownCountry, "/robot_id".to_owned());
    }
    let check = judge.ids.check_character;
    if check.is_some_and(|scheme| !scheme.holds(record.robot_id.as_str())) {
        sieve.flag(FlagReason::CheckCharacter, "/robot_id".to_owned());
    }
    if !judge.ids.serial_holds(&record.robot_id) {
        sieve.flag(FlagReason::SerialPolicy, "/robot_id".to_owned());
    }
    let made_at_us = made_at_us(record, judge.received_at_us);
    if let Some(flag) = judge.roster.and_then(|roster| of_listing(roster.listing(&record.robot_id, made_at_us))) {
        sieve.flag(flag, "/robot_id".to_owned());
    }
    if judge.found.model_config_unknown {
        sieve.flag(FlagReason::ModelConfigUnknown, "/model_config".to_owned());
    }
    let judged = judge.formulas >= FormulaSet::Y2026R3;
    if judged && judge.found.model_config_differs {
        sieve.flag(FlagReason::ModelConfigDiffers, "/model_config".to_owned());
    }
    if judge.found.by == FoundBy::Generic || judged && judge.found.model.generic {
        sieve.flag(FlagReason::ModelGeneric, "/robot_id".to_owned());
    }
    if judge.found.model.kind != record.robot_kind {
        sieve.inconsistent(Place::Root, "robot_kind");
    }
}

/// What is to be said of a robot that a roster lists so.
fn of_listing(listing: Listing) -> Option<FlagReason> {
    match listing {
        Listing::Robot(RobotStatus::Active) => None,
        Listing::Robot(RobotStatus::NotCommissioned) => Some(FlagReason::NotCommissioned),
        Listing::Robot(RobotStatus::Suspended) => Some(FlagReason::RobotSuspended),
        Listing::Robot(RobotStatus::Scrapped) => Some(FlagReason::RobotScrapped),
        Listing::RobotUnlisted => Some(FlagReason::RobotUnlisted),
        Listing::ModelUnlisted => Some(FlagReason::UnknownModel),
        Listing::ManufacturerUnlisted => Some(FlagReason::UnknownManufacturer),
    }
}

/// Optional fields of the envelope and of the counters.
pub(super) fn check(record: &mut Record, limits: &Limits, sieve: &mut Sieve<'_>) {
    sieve.field(Place::Root, "payload_kg", &mut record.payload_kg, &limits.payload_kg);
    sieve.field(Place::Root, "ambient_temp_c", &mut record.ambient_temp_c, &limits.ambient_temp_c);
    counters(&mut record.counters, limits, sieve);
}

fn counters(counters: &mut Counters, limits: &Limits, sieve: &mut Sieve<'_>) {
    let at = Place::Section("counters");
    let range = &limits.counter;
    if range.judge(counters.power_on_h) == Judgement::Suspect {
        sieve.suspect(at, "power_on_h");
    }
    sieve.field(at, "servo_on_h", &mut counters.servo_on_h, range);
    sieve.field(at, "motion_h", &mut counters.motion_h, range);
    sieve.field(at, "energy_kwh", &mut counters.energy_kwh, range);
    sieve.count_field(at, "estop_count", &mut counters.estop_count, range);
    sieve.count_field(at, "protective_stop_count", &mut counters.protective_stop_count, range);
    sieve.count_field(at, "collision_count", &mut counters.collision_count, range);
    sieve.count_field(at, "error_count", &mut counters.error_count, range);
    sieve.count_field(at, "brake_dynamic_count", &mut counters.brake_dynamic_count, range);
    sieve.field(at, "brake_energy_j", &mut counters.brake_energy_j, range);
    sieve.field(at, "distance_m", &mut counters.distance_m, range);
    sieve.count_field(at, "step_count", &mut counters.step_count, range);
    let servo_on_h = counters.servo_on_h.unwrap_or(0.0);
    if servo_on_h > counters.power_on_h + HOURS_TOLERANCE {
        sieve.inconsistent(at, "servo_on_h");
    }
    let container_h = counters.servo_on_h.unwrap_or(counters.power_on_h);
    if counters.motion_h.unwrap_or(0.0) > container_h + HOURS_TOLERANCE {
        sieve.inconsistent(at, "motion_h");
    }
}
