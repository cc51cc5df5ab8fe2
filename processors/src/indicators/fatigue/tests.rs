//! Tests of the counting, by the cases that every implementation is held against, and of the sums.

use proptest::prelude::*;

use super::*;

fn cycles(series: &[f64]) -> Vec<(f64, f64, f64)> {
    let mut found = Vec::new();
    rainflow::<512>(series, |cycle| found.push((cycle.range, cycle.mean, cycle.count)));
    found
}

/// Counts by range.
fn counts(series: &[f64]) -> Vec<(f64, f64)> {
    let mut found: Vec<(f64, f64)> = Vec::new();
    for (range, _, count) in cycles(series) {
        match found.iter_mut().find(|(known, _)| *known == range) {
            Some((_, sum)) => *sum += count,
            None => found.push((range, count)),
        }
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found
}

const ASTM: [f64; 9] = [-2.0, 1.0, -3.0, 5.0, -1.0, 3.0, -4.0, 4.0, -2.0];

fn model(range_nm: f64, cycles: f64, exponent: f64, exponent_below: Option<f64>) -> FatigueModel {
    FatigueModel { range_nm, cycles, exponent, exponent_below, source: "test".into() }
}

fn near(value: f64, expected: f64) {
    assert!((value / expected - 1.0).abs() < 1e-9, "{value} is not {expected}");
}

/// ASTM E1049-85, figure 6.
#[test]
fn the_standards_example_has_the_standards_cycles() {
    let expected = [
        (3.0, -0.5, 0.5),
        (4.0, -1.0, 0.5),
        (4.0, 1.0, 1.0),
        (8.0, 1.0, 0.5),
        (9.0, 0.5, 0.5),
        (8.0, 0.0, 0.5),
        (6.0, 1.0, 0.5),
    ];
    assert_eq!(cycles(&ASTM), expected);
    assert_eq!(counts(&ASTM), [(3.0, 0.5), (4.0, 1.5), (6.0, 0.5), (8.0, 1.0), (9.0, 0.5)]);
    let sum = |power: i32| cycles(&ASTM).iter().map(|(range, _, count)| count * range.powi(power)).sum::<f64>();
    assert_eq!((sum(3), sum(5)), (1094.0, 67_838.0));
    near(sum(3).cbrt(), 10.303_998_196_442_722);
}

/// The second case of the tests of PyPI's rainflow.
#[test]
fn a_longer_series_is_counted_as_by_others() {
    let series = [
        -1.5, 1.0, -3.0, 10.0, -1.0, 3.0, -8.0, 4.0, -2.0, 6.0, -1.0, -4.0, -8.0, 2.0, 1.0, -5.0, 0.0, 2.5, -4.0, 1.0,
        0.0, 2.0, -0.5,
    ];
    let expected = [
        (1.0, 1.0),
        (2.5, 1.0),
        (4.0, 1.5),
        (6.0, 1.5),
        (6.5, 0.5),
        (7.0, 1.0),
        (10.5, 0.5),
        (13.0, 0.5),
        (14.0, 1.0),
        (18.0, 0.5),
    ];
    assert_eq!(counts(&series), expected);
}

#[test]
fn plateaus_count_once_and_too_few_values_not_at_all() {
    let with_plateaus: Vec<f64> = ASTM.iter().flat_map(|value| [*value; 3]).collect();
    assert_eq!(counts(&with_plateaus), counts(&ASTM));
    for short in [&[][..], &[1.0], &[1.0, 2.0]] {
        assert_eq!(cycles(short), []);
    }
    assert_eq!(cycles(&[7.0; 5]), [(0.0, 7.0, 0.5)]);
}

#[test]
fn a_states_of_charge_give_the_depths_of_discharge() {
    let expected = [(0.3, 0.55, 1.0), (0.8, 0.6, 0.5), (0.8, 0.6, 0.5)];
    for ((range, mean, count), wanted) in cycles(&[1.0, 0.4, 0.7, 0.2, 1.0]).into_iter().zip(expected) {
        near(range, wanted.0);
        near(mean, wanted.1);
        assert_eq!(count, wanted.2);
    }
}

#[test]
fn miners_sum_is_that_of_the_line() {
    let torques = Some(&ASTM[..]);
    let below = |exponent| model(10.0, 1e6, exponent, Some(exponent));
    near(fatigue_damage_window::<512>(Ok(&below(3.0)), torques).unwrap(), 1.094e-3 * 1e-3);
    near(fatigue_damage_window::<512>(Ok(&below(5.0)), torques).unwrap(), 6.7838e-7);
    assert_eq!(fatigue_damage_window::<512>(Ok(&model(10.0, 1e6, 3.0, None)), torques), Ok(0.0));
    // pylife: WoehlerCurve(SD=150, ND=2e6, k_1=5).cycles(200).
    near(1.0 / damage_of(&model(150.0, 2e6, 5.0, None), 200.0, 1.0), 474_609.375);
}

#[test]
fn the_histogram_is_summed_at_the_centres_of_its_bins() {
    let mut bins = [0.0; RAINFLOW_BINS];
    (bins[0], bins[15]) = (1e6, 4.0);
    let model = model(310.0, 1e3, 2.0, None);
    near(fatigue_damage(Ok(&model), 320.0, Some(&bins)).unwrap(), 4.0 / 1e3);
    assert_eq!(fatigue_damage(Ok(&model), 320.0, None), Err(Absent::CounterMissing));
    assert_eq!(fatigue_damage(Err(Absent::RatingMissing), 320.0, Some(&bins)), Err(Absent::RatingMissing));
    assert_eq!(fatigue_damage_window::<512>(Ok(&model), Some(&[1.0, 2.0])), Err(Absent::InputMissing));
}

proptest! {
    /// Every value is within a counted range, halves come to whole turning points, and nothing is not a number.
    #[test]
    fn any_series_is_counted_to_its_end(series in prop::collection::vec(-1e6..1e6_f64, 0..300)) {
        let found = cycles(&series);
        let turns: f64 = found.iter().map(|cycle| 2.0 * cycle.2).sum();
        let mut points = 0.0;
        reversals(&series, |_| points += 1.0);
        prop_assert!(points == 0.0 || turns == points - 1.0, "{turns} of {points}");
        prop_assert!(found.iter().all(|cycle| cycle.0.is_finite() && cycle.0 >= 0.0));
        let span = series.iter().copied().fold(f64::NEG_INFINITY, f64::max)
            - series.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = found.iter().map(|cycle| cycle.0).fold(0.0, f64::max);
        prop_assert!(series.len() < 3 || greatest == span, "{greatest} of {span}");
    }

    /// Twice the torque is 2^m times the damage, and a larger range never does less.
    #[test]
    fn damage_scales_with_the_power_and_never_falls(
        series in prop::collection::vec(-100.0..100.0_f64, 3..100), exponent in 1.0..9.0_f64,
    ) {
        let model = model(10.0, 1e6, exponent, Some(exponent));
        let twice: Vec<f64> = series.iter().map(|value| 2.0 * value).collect();
        let one = fatigue_damage_window::<512>(Ok(&model), Some(&series)).unwrap();
        let two = fatigue_damage_window::<512>(Ok(&model), Some(&twice)).unwrap();
        prop_assert!(one.is_finite() && (two - one * libm::pow(2.0, exponent)).abs() <= 1e-9 * two, "{one} {two}");
        prop_assert!(damage_of(&model, 5.0, 1.0) <= damage_of(&model, 5.1, 1.0));
    }
}
