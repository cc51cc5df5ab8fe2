//! How well a mobile robot follows its path: distances of where it was from where it should have been.
//!
//! The reference is a polyline. A robot that did not know where it was has no distances; `localization_ratio` is the
//! uncertainty that it states, which is no path error.

use tacho_schemas::reason::Absent;
use tacho_schemas::record::Motion;

use super::{FormulaSet, Indicator, Method, Traced};

/// Points of a path at most.
const POINTS: usize = 256;

/// Deviation from the path in a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PathError {
    /// `path_rms_m`.
    pub rms_m: Traced,
    /// `path_max_m`.
    pub max_m: Traced,
    /// `path_p95_m`: 95th percentile, between neighbours by linear interpolation.
    pub p95_m: Traced,
    /// `path_ratio`: the greatest over what the order allows.
    pub ratio: Traced,
    /// `localization_ratio`: stated uncertainty over what the order allows.
    pub localization_ratio: Indicator,
}

/// Deviation of a window, of both paths where they are sent, else as the robot says it; before the formulas 2026.3 the ratio does not
/// say which.
///
/// Source: cross-track error to the nearest of the reference's segments; VDA 5050 `allowedDeviationXY` and
/// `deviationRange`.
pub fn path_error(motion: Option<&Motion>, formulas: FormulaSet) -> PathError {
    let absent = |reason| PathError {
        rms_m: Err(reason),
        max_m: Err(reason),
        p95_m: Err(reason),
        ratio: Err(reason),
        localization_ratio: Err(reason),
    };
    let Some(motion) = motion else { return absent(Absent::InputMissing) };
    if motion.localized == Some(false) {
        return absent(Absent::NotLocalized);
    }
    let allowed_m = motion.allowed_deviation_m.filter(|allowed| *allowed > 0.0);
    let over_allowed = |metres: Option<f64>| match (metres, allowed_m) {
        (Some(metres), Some(allowed_m)) => Ok(metres / allowed_m),
        _ => Err(Absent::InputMissing),
    };
    let sent = |metres: Option<f64>| metres.map(|metres| (metres, Method::Sent)).ok_or(Absent::InputMissing);
    let (rms_m, max_m, p95_m) = match distances(motion) {
        Some([rms, max, p95]) => (Ok((rms, Method::Paths)), Ok((max, Method::Paths)), Ok((p95, Method::Paths))),
        None => (sent(motion.cross_track_rms_m), sent(motion.cross_track_max_m), sent(motion.cross_track_p95_m)),
    };
    let told =
        if formulas >= FormulaSet::Y2026R3 { max_m.map_or(Method::Sent, |(_, method)| method) } else { Method::Sent };
    PathError {
        rms_m,
        max_m,
        p95_m,
        ratio: over_allowed(max_m.ok().map(|(metres, _)| metres)).map(|ratio| (ratio, told)),
        localization_ratio: over_allowed(motion.localization_deviation_m),
    }
}

/// Root mean square, greatest and 95th percentile of the distances; `None` without both paths.
fn distances(motion: &Motion) -> Option<[f64; 3]> {
    let reference = motion.reference_path_m.as_deref().filter(|path| !path.is_empty())?;
    let actual = motion.actual_path_m.as_deref().filter(|path| (1..=POINTS).contains(&path.len()))?;
    let mut sorted = [0.0; POINTS];
    let sorted = &mut sorted[..actual.len()];
    let (mut squares, mut count) = (0.0, 0.0);
    for (distance, point) in sorted.iter_mut().zip(actual) {
        *distance = to_polyline(*point, reference);
        squares += *distance * *distance;
        count += 1.0;
    }
    sorted.sort_unstable_by(f64::total_cmp);
    let greatest = sorted.last().copied()?;
    Some([(squares / count).sqrt(), greatest, percentile(sorted, 0.95)])
}

/// A percentile of sorted values, between neighbours by linear interpolation.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "at most 256")]
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (place - place.floor()) * (sorted[above] - sorted[below])
}

/// Distance of a point to the nearest segment of a path, m.
pub fn to_polyline(point: [f64; 2], path: &[[f64; 2]]) -> f64 {
    let mut least = path.first().map_or(f64::INFINITY, |only| between(point, *only));
    for segment in path.windows(2) {
        least = least.min(to_segment(point, segment[0], segment[1]));
    }
    least
}

fn to_segment(point: [f64; 2], from: [f64; 2], to: [f64; 2]) -> f64 {
    let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
    let square = dx * dx + dy * dy;
    if square <= 0.0 {
        return between(point, from);
    }
    let along = ((point[0] - from[0]) * dx + (point[1] - from[1]) * dy) / square;
    let along = along.clamp(0.0, 1.0);
    between(point, [from[0] + along * dx, from[1] + along * dy])
}

fn between(a: [f64; 2], b: [f64; 2]) -> f64 {
    let (dx, dy) = (a[0] - b[0], a[1] - b[1]);
    (dx * dx + dy * dy).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn motion(reference: &[[f64; 2]], actual: &[[f64; 2]]) -> Motion {
        Motion {
            reference_path_m: Some(reference.into()),
            actual_path_m: Some(actual.into()),
            allowed_deviation_m: Some(0.1),
            cross_track_rms_m: Some(9.0),
            cross_track_max_m: Some(9.5),
            ..Motion::default()
        }
    }

    fn path_error(motion: Option<&Motion>) -> PathError {
        super::path_error(motion, FormulaSet::Y2026R3)
    }

    fn near(value: f64, expected: f64) {
        assert!((value / expected - 1.0).abs() < 1e-12, "{value} is not {expected}");
    }

    #[test]
    fn points_beside_a_straight_path_have_their_distance_from_it() {
        near(to_polyline([1.0, 1.0], &[[0.0, 0.0], [4.0, 3.0]]), 0.2);
        let found = path_error(Some(&motion(
            &[[0.0, 0.0], [3.0, 0.0]],
            &[[0.0, 0.02], [1.0, -0.03], [2.0, 0.05], [3.0, 0.01]],
        )));
        near(found.rms_m.unwrap().0, 0.031_224_989_991_991_994);
        assert_eq!(found.max_m, Ok((0.05, Method::Paths)));
        let (ratio, method) = found.ratio.unwrap();
        near(ratio, 0.5);
        assert_eq!(method, Method::Paths);
        near(found.p95_m.unwrap().0, 0.03 + 0.85 * 0.02);
    }

    #[test]
    fn around_a_corner_the_nearest_segment_counts() {
        let corner = [[0.0, 0.0], [2.0, 0.0], [2.0, 2.0]];
        let points = [[0.5, 0.1], [1.9, -0.05], [2.2, 1.0], [1.7, 2.4]];
        for (point, expected) in points.into_iter().zip([0.1, 0.05, 0.2, 0.5]) {
            near(to_polyline(point, &corner), expected);
        }
        let found = path_error(Some(&motion(&corner, &points)));
        near(found.rms_m.unwrap().0, 0.275);
        near(found.max_m.unwrap().0, 0.5);
    }

    #[test]
    fn without_paths_the_robots_own_figures_stand_and_a_lost_robot_has_none() {
        let sent = Motion { actual_path_m: None, ..motion(&[[0.0, 0.0]], &[]) };
        let found = path_error(Some(&sent));
        assert_eq!((found.rms_m, found.p95_m), (Ok((9.0, Method::Sent)), Err(Absent::InputMissing)));
        let (ratio, method) = found.ratio.unwrap();
        near(ratio, 95.0);
        assert_eq!(method, Method::Sent);
        let lost = Motion { localized: Some(false), ..sent };
        assert_eq!(path_error(Some(&lost)).ratio, Err(Absent::NotLocalized));
        assert_eq!(path_error(None).rms_m, Err(Absent::InputMissing));
    }

    #[test]
    fn a_path_of_one_point_or_of_equal_points_is_that_point() {
        near(to_polyline([3.0, 4.0], &[[0.0, 0.0]]), 5.0);
        near(to_polyline([3.0, 4.0], &[[0.0, 0.0], [0.0, 0.0]]), 5.0);
    }
}
