//! Tests of numbers that are within their ranges, and together cannot be.

use super::{ARM, Models, problems_of};
use crate::models::{BrakeModel, Reducer};

/// The problems of the example arm with a text replaced, which must be in it.
fn with(from: &str, to: &str) -> Vec<String> {
    assert!(ARM.contains(from), "{from}");
    problems_of(&[("arm.toml", &ARM.replace(from, to))])
}

fn only(from: &str, to: &str, expected: &str) {
    assert_eq!(with(from, to), [expected], "{to}");
}

#[test]
fn the_rated_speed_of_an_rv_reducer_is_of_its_output() {
    let rv = ARM.replace("\"strain_wave\"", "\"rv\"");
    assert_eq!(
        problems_of(&[("arm.toml", &rv)]),
        [
            "arm.toml: reducers.shg-25-100.rated_speed_rpm = 2000: expected at most 200: N_0 of an RV reducer is the speed of \
          its output, 15 is usual"
        ]
    );
    for rpm in ["15", "200"] {
        let rv = rv.replace("rated_speed_rpm = 2000", &format!("rated_speed_rpm = {rpm}"));
        assert_eq!(problems_of(&[("arm.toml", &rv)]), [""; 0], "{rpm}");
    }
}

#[test]
fn a_bearing_bears_more_than_its_load() {
    for rating in ["700", "800"] {
        let text = format!(
            "arm.toml: joints[0].bearing.dynamic_rating_n = {rating}: expected above load_n (800): C is several times P"
        );
        only("dynamic_rating_n = 9_600", &format!("dynamic_rating_n = {rating}"), &text);
    }
}

#[test]
fn friction_at_rest_is_not_below_that_in_motion() {
    only(
        "static_nm = 8",
        "static_nm = 5.9",
        "arm.toml: joints[0].friction.static_nm = 5.9: expected at least coulomb_nm (6): Stribeck's curve falls from static friction",
    );
    assert_eq!(with("static_nm = 8", "static_nm = 6"), [""; 0], "a curve without a fall");
}

#[test]
fn a_cut_off_voltage_is_of_the_pack_and_below_its_nominal_voltage() {
    let cut_off =
        |volts: &str| with("cells_in_series = 13", &format!("cells_in_series = 13\ncut_off_voltage_v = {volts}"));
    for volts in ["2.7", "14.4", "48.2", "390"] {
        let expected = "14.4 to 48.1 V, of the pack: 0.3 to 1 of nominal_voltage_v";
        assert_eq!(cut_off(volts), [format!("arm.toml: battery.cut_off_voltage_v = {volts}: expected {expected}")]);
    }
    assert_eq!(cut_off("35.1"), [""; 0]);
    assert_eq!(cut_off("48.1"), [""; 0]);
}

#[test]
fn one_stop_is_a_small_part_of_the_brakes_life() {
    for joules in ["20001", "5000000"] {
        let expected = "at most 1 % of life_energy_j (2000000): the energy of one stop, in J";
        let text = format!("arm.toml: brakes.stop_energy_j = {joules}: expected {expected}");
        only("stop_energy_j = 5.4", &format!("stop_energy_j = {joules}"), &text);
    }
    assert_eq!(with("stop_energy_j = 5.4", "stop_energy_j = 20_000"), [""; 0]);
}

#[test]
fn an_end_of_life_in_percent_is_told_to_be_a_share() {
    only(
        "end_of_life_soh = 0.8",
        "end_of_life_soh = 70",
        "arm.toml: battery.end_of_life_soh = 70: expected a share, not percent: a number from 0.1 to 0.99 with at most 15 digits",
    );
}

#[test]
fn a_snapshot_that_was_taken_before_these_checks_can_still_be_read() {
    let mut models = Models::builtin().all().to_vec();
    for model in &mut models {
        model.brakes = Some(BrakeModel { life_energy_j: 10.0, stop_energy_j: Some(20.0), source: "data sheet".into() });
        for joint in &mut model.joints {
            if let Reducer::StrainWave(rating) = joint.reducer.clone() {
                joint.reducer = Reducer::Rv(rating);
            }
        }
    }
    assert!(Models::of(models).is_ok(), "what snapshots are read by");
}
