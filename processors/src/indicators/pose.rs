//! Pose accuracy and repeatability of a measured test, after ISO 9283.
//!
//! Only of poses that something outside of the robot measured; what a robot knows by itself is its following error
//! ([`super::following_error`]).

use tacho_schemas::reason::Absent;
use tacho_schemas::record::PoseTest;

use super::{FormulaSet, Method, Traced};

/// Cycles that the standard asks for.
const CYCLES: usize = 30;

/// Length of the mean of unit vectors below which angles point everywhere, and have no mean direction.
const DIRECTION_MIN: f64 = 1e-6;

/// Accuracy AP and repeatability RP of one commanded pose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pose {
    /// `pose_accuracy_mm`: AP_p, distance from the commanded position to the barycentre of the attained ones, mm.
    pub accuracy_mm: Traced,
    /// `pose_accuracy_rad`: the greatest of AP_a, AP_b, AP_c, as a magnitude, rad.
    pub accuracy_rad: Traced,
    /// `pose_repeatability_mm`: RP_l = l̄ + 3·S_l, mm.
    pub repeatability_mm: Traced,
    /// `pose_repeatability_rad`: the greatest of RP_a, RP_b, RP_c = 3·S, rad.
    pub repeatability_rad: Traced,
}

/// Accuracy and repeatability of a test; of fewer than 30 cycles the method says so (before the formulas 2026.3 only that of
/// `pose_accuracy_mm`). Angles that point everywhere have no mean: [`Absent::Inconsistent`].
///
/// Source: ISO 9283:1998, 7.2.1 and 7.2.2; angles are taken as differences to the command within ±π of their mean direction,
/// before the formulas 2026.3 within ±π of the command.
pub fn pose(test: Option<&PoseTest>, formulas: FormulaSet) -> Pose {
    let reason = Absent::InputMissing;
    let mut found = Pose {
        accuracy_mm: Err(reason),
        accuracy_rad: Err(reason),
        repeatability_mm: Err(reason),
        repeatability_rad: Err(reason),
    };
    let Some(attained) = test.and_then(|test| test.attained.as_deref()).filter(|poses| poses.len() >= 2) else {
        return found;
    };
    let command = test.and_then(|test| test.command.as_deref());
    let origin = command.or(attained.first()).copied().unwrap_or_default();
    let count = attained.iter().fold(0.0, |count, _| count + 1.0);
    let judged = formulas >= FormulaSet::Y2026R3;
    let direction = if judged { mean_direction(attained, &origin, count) } else { Some([0.0; 6]) };
    let turn = direction.unwrap_or_default();
    let mut around = origin;
    for (value, turn) in around.iter_mut().zip(turn) {
        *value += turn;
    }
    let mean = mean_offsets(attained, &around, count);
    let method = if attained.len() < CYCLES { Method::FewerThan30Cycles } else { Method::Sent };
    let told = if judged { method } else { Method::Sent };
    let of_angles = |value: f64| direction.map(|_| (value, told)).ok_or(Absent::Inconsistent);
    if command.is_some() {
        found.accuracy_mm = Ok((1e3 * length([mean[0], mean[1], mean[2]]), method));
        let off = |axis: usize| wrapped(turn[axis] + mean[axis]).abs();
        found.accuracy_rad = of_angles(off(3).max(off(4)).max(off(5)));
    }
    let spread = spread(attained, &around, &mean, count);
    found.repeatability_mm = Ok((1e3 * (spread.distance_m + 3.0 * spread.deviation_m), told));
    found.repeatability_rad = of_angles(3.0 * spread.angle_deviation_rad);
    found
}

/// Mean direction of the angles as seen from `origin`, rad: that of the sum of their unit vectors; positions are 0. `None` if the
/// unit vectors of an angle cancel out.
fn mean_direction(attained: &[[f64; 6]], origin: &[f64; 6], count: f64) -> Option<[f64; 6]> {
    let mut found = [0.0; 6];
    for (axis, direction) in found.iter_mut().enumerate().skip(3) {
        let (mut sine, mut cosine) = (0.0, 0.0);
        for pose in attained {
            let angle = pose[axis] - origin[axis];
            sine += libm::sin(angle);
            cosine += libm::cos(angle);
        }
        if libm::hypot(sine, cosine) < DIRECTION_MIN * count {
            return None;
        }
        *direction = libm::atan2(sine, cosine);
    }
    Some(found)
}

/// Mean of the poses as seen from `origin`.
fn mean_offsets(attained: &[[f64; 6]], origin: &[f64; 6], count: f64) -> [f64; 6] {
    let mut mean = [0.0; 6];
    for pose in attained {
        for (sum, off) in mean.iter_mut().zip(offsets(pose, origin)) {
            *sum += off;
        }
    }
    mean.map(|sum| sum / count)
}

/// How far the attained poses are from their barycentre.
struct Spread {
    /// l̄, the mean distance, m.
    distance_m: f64,
    /// S_l, the standard deviation of the distances, m.
    deviation_m: f64,
    /// The greatest of S_a, S_b, S_c, rad.
    angle_deviation_rad: f64,
}

fn spread(attained: &[[f64; 6]], origin: &[f64; 6], mean: &[f64; 6], count: f64) -> Spread {
    let distance = |pose: &[f64; 6]| {
        let off = offsets(pose, origin);
        length([off[0] - mean[0], off[1] - mean[1], off[2] - mean[2]])
    };
    let mean_distance = attained.iter().map(distance).sum::<f64>() / count;
    let mut squares = 0.0;
    let mut angle_squares = [0.0; 3];
    for pose in attained {
        let off = distance(pose) - mean_distance;
        squares += off * off;
        let offsets = offsets(pose, origin);
        for ((sum, angle), mean) in angle_squares.iter_mut().zip(&offsets[3..]).zip(&mean[3..]) {
            *sum += (angle - mean) * (angle - mean);
        }
    }
    let deviation = |squares: f64| (squares / (count - 1.0)).sqrt();
    let angle_deviation_rad = angle_squares.map(deviation).into_iter().fold(0.0, f64::max);
    Spread { distance_m: mean_distance, deviation_m: deviation(squares), angle_deviation_rad }
}

/// A pose as seen from another: positions as differences, angles within ±π.
fn offsets(pose: &[f64; 6], origin: &[f64; 6]) -> [f64; 6] {
    let mut off = [0.0; 6];
    for (place, (off, (value, from))) in off.iter_mut().zip(pose.iter().zip(origin)).enumerate() {
        let difference = value - from;
        *off = if place < 3 { difference } else { wrapped(difference) };
    }
    off
}

/// An angle within ±π.
fn wrapped(angle: f64) -> f64 {
    let turn = std::f64::consts::TAU;
    angle - turn * (angle / turn).round()
}

fn length(of: [f64; 3]) -> f64 {
    (of[0] * of[0] + of[1] * of[1] + of[2] * of[2]).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(command: Option<[f64; 6]>, positions_mm: &[[f64; 3]]) -> PoseTest {
        let attained = positions_mm.iter().map(|[x, y, z]| [x / 1e3, y / 1e3, z / 1e3, 0.0, 0.0, 0.0]);
        PoseTest {
            command: command.map(Box::new),
            attained: Some(attained.collect::<Vec<_>>().into()),
            ambient_temp_c: None,
        }
    }

    fn found(test: &PoseTest) -> Pose {
        pose(Some(test), FormulaSet::Y2026R3)
    }

    fn near(value: f64, expected: f64) {
        assert!((value / expected - 1.0).abs() < 1e-12, "{value} is not {expected}");
    }

    #[test]
    fn five_poses_have_the_accuracy_and_repeatability_of_the_standards_formulas() {
        let positions =
            [[0.02, -0.01, 0.03], [0.0, 0.02, -0.01], [-0.01, 0.01, 0.02], [0.03, 0.0, 0.01], [0.01, -0.02, 0.0]];
        let test = test(Some([0.0; 6]), &positions);
        let mean = [0.01e-3, 0.0, 0.01e-3, 0.0, 0.0, 0.0];
        let spread = spread(test.attained.as_deref().unwrap(), &[0.0; 6], &mean, 5.0);
        near(1e3 * spread.distance_m, 0.024_270_094_926_132_29);
        near(1e3 * spread.deviation_m, 0.003_701_771_919_724_321_4);
        let found = found(&test);
        let (accuracy, method) = found.accuracy_mm.unwrap();
        near(accuracy, 0.014_142_135_623_730_95);
        assert_eq!(method, Method::FewerThan30Cycles);
        near(found.repeatability_mm.unwrap().0, 0.035_375_410_685_305_25);
    }

    #[test]
    fn a_square_around_the_command_is_accurate_and_repeats_within_its_radius() {
        let square = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]];
        let commanded = found(&test(Some([0.0; 6]), &square));
        assert_eq!(commanded.accuracy_mm, Ok((0.0, Method::FewerThan30Cycles)));
        near(commanded.repeatability_mm.unwrap().0, 1.0);
        let no_command = found(&test(None, &square));
        assert_eq!(no_command.accuracy_mm, Err(Absent::InputMissing));
        let (repeatability_mm, method) = no_command.repeatability_mm.unwrap();
        near(repeatability_mm, 1.0);
        assert_eq!(method, Method::FewerThan30Cycles);
    }

    #[test]
    fn angles_on_both_sides_of_a_half_turn_are_close_to_each_other() {
        let half = std::f64::consts::PI;
        let at = |angle| [0.0, 0.0, 0.0, angle, 0.0, 0.0];
        let test = PoseTest {
            command: Some(Box::new(at(half))),
            attained: Some([at(half - 0.01), at(-half + 0.01)].into()),
            ambient_temp_c: None,
        };
        let found = found(&test);
        assert!(found.accuracy_rad.unwrap().0 < 1e-12);
        near(found.repeatability_rad.unwrap().0, 3.0 * (2.0 * 0.01_f64 * 0.01).sqrt());
        assert_eq!(pose(None, FormulaSet::Y2026R3).repeatability_rad, Err(Absent::InputMissing));
    }

    fn turned(command: f64, angles: &[f64]) -> PoseTest {
        let at = |angle: &f64| [0.0, 0.0, 0.0, *angle, 0.0, 0.0];
        PoseTest {
            command: Some(Box::new(at(&command))),
            attained: Some(angles.iter().map(at).collect::<Vec<_>>().into()),
            ambient_temp_c: None,
        }
    }

    /// Command 0, attained on both sides of the half turn: their mean is the half turn, not the command.
    #[test]
    fn poses_that_are_all_half_a_turn_off_are_repeatable_and_wrong() {
        let half = std::f64::consts::PI;
        let found = found(&turned(0.0, &[3.1, -3.1]));
        near(found.accuracy_rad.unwrap().0, half);
        near(found.repeatability_rad.unwrap().0, 3.0 * (2.0 * (half - 3.1) * (half - 3.1)).sqrt());
        let former = pose(Some(&turned(0.0, &[3.1, -3.1])), FormulaSet::Y2026R2);
        assert_eq!(former.accuracy_rad, Ok((0.0, Method::Sent)), "as the former formulas had it");
        near(former.repeatability_rad.unwrap().0, 3.0 * (2.0 * 3.1_f64 * 3.1).sqrt());
    }

    #[test]
    fn the_mean_of_angles_is_that_of_the_standard_wherever_they_lie() {
        for command in [0.0, 1.0, -3.0, 40.0] {
            let angles = [0.1, 0.3, 0.8].map(|off| command + off);
            let found = found(&turned(command, &angles));
            near(found.accuracy_rad.unwrap().0, 0.4);
            near(found.repeatability_rad.unwrap().0, 3.0 * 0.13_f64.sqrt());
        }
    }

    #[test]
    fn angles_that_point_everywhere_have_no_mean_and_positions_still_do() {
        let half = std::f64::consts::PI;
        let found = found(&turned(0.0, &[0.0, 0.5 * half, half, -0.5 * half]));
        assert_eq!(found.accuracy_rad, Err(Absent::Inconsistent));
        assert_eq!(found.repeatability_rad, Err(Absent::Inconsistent));
        assert_eq!(found.accuracy_mm, Ok((0.0, Method::FewerThan30Cycles)));
    }
}
