//! Health indices: 1 as new, 0 at the end of life; of one law, of a component, of a robot.
//!
//! The weakest link decides: an arithmetic mean would hide one dead joint behind five good ones. The laws whose
//! results are put together here are in the other files of this folder.

use tacho_schemas::reason::Absent;

use super::Indicator;

/// Health by a damage law: `1 − min(1, D)`, dimensionless. Damage itself is never clamped.
///
/// Source: ISO 13381-1 "cyclic-driven life usage"; D = 1 is the law's end of life.
pub fn of_damage(damage: f64) -> f64 {
    1.0 - damage.clamp(0.0, 1.0)
}

/// Health by a limit: `clip((x_lim − x)/(x_lim − x_ref), 0, 1)`, in the unit of `value`; works for limits above the
/// reference and below it.
///
/// # Errors
/// [`Absent::RatingMissing`] if reference and limit are the same, or one is no number: then nothing can be told between them.
///
/// Source: linear health between a reference and an alarm limit, ISO 13381-1 (trending towards a limit).
pub fn between(value: f64, reference: f64, limit: f64) -> Indicator {
    let span = limit - reference;
    if span == 0.0 || !span.is_finite() {
        return Err(Absent::RatingMissing);
    }
    let health = (limit - value) / span;
    if health.is_nan() {
        return Err(Absent::NotFinite);
    }
    Ok(health.clamp(0.0, 1.0))
}

/// The least health, with the position of the part that has it; the first of equal ones. `None` if no part has any.
///
/// Source: weakest link, as a maintenance total that follows "the part with the least remaining time"
/// (Mitsubishi CR800-D manual, p. 52).
pub fn weakest(parts: impl IntoIterator<Item = Indicator>) -> Option<(usize, f64)> {
    let mut least: Option<(usize, f64)> = None;
    for (position, part) in parts.into_iter().enumerate() {
        if let Ok(health) = part
            && least.is_none_or(|(_, so_far)| health < so_far)
        {
            least = Some((position, health));
        }
    }
    least
}

/// Weighted geometric mean of healths, 0 to 1: `Π HI^w` over the parts that weigh. One dead part makes it 0, as it should.
///
/// # Errors
/// The reason why there are no weights; [`Absent::InputMissing`] if a part that weighs has no health.
///
/// Source: geometric mean as the soft companion of the weakest link; an arithmetic mean would hide one dead part.
pub fn geometric<const N: usize>(parts: [Option<f64>; N], weights: Result<[f64; N], Absent>) -> Indicator {
    let mut product = 1.0;
    for (part, weight) in parts.into_iter().zip(weights?) {
        if weight > 0.0 {
            product *= libm::pow(part.ok_or(Absent::InputMissing)?, weight);
        }
    }
    Ok(product)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Vibration of 3.2 mm/s between the reference 1.12 and the limit 7.1.
    #[test]
    fn health_falls_linearly_from_the_reference_to_the_limit() {
        let health = between(3.2, 1.12, 7.1).expect("limits differ");
        assert!((health / 0.652_173_913_043_478_3 - 1.0).abs() < 1e-12, "{health}");
        assert_eq!(between(0.5, 1.12, 7.1), Ok(1.0));
        assert_eq!(between(9.0, 1.12, 7.1), Ok(0.0));
    }

    #[test]
    fn a_limit_may_lie_below_its_reference() {
        assert_eq!(between(0.75, 1.0, 0.5), Ok(0.5));
    }

    #[test]
    fn a_limit_that_is_its_reference_tells_nothing() {
        assert_eq!(between(3.0, 2.0, 2.0), Err(Absent::RatingMissing));
    }

    #[test]
    fn the_weakest_part_decides_and_parts_without_health_do_not_count() {
        let parts = [Err(Absent::NoRotation), Ok(0.9), Ok(0.2), Ok(0.2)];
        assert_eq!(weakest(parts), Some((2, 0.2)));
        assert_eq!(weakest([Err(Absent::InputMissing)]), None);
    }

    #[test]
    fn the_geometric_mean_weighs_its_parts_and_needs_those_that_weigh() {
        let mean = geometric([Some(0.9), Some(0.6), Some(0.8)], Ok([0.4, 0.35, 0.25])).expect("all is there");
        assert!((mean / 0.758_267_493_032_061_8 - 1.0).abs() < 1e-12, "{mean}");
        assert_eq!(geometric([Some(0.5), None], Ok([1.0, 0.0])), Ok(0.5));
        assert_eq!(geometric([Some(0.5), None], Ok([0.5, 0.5])), Err(Absent::InputMissing));
        assert_eq!(geometric([Some(0.5)], Err(Absent::ModelUnknown)), Err(Absent::ModelUnknown));
        assert_eq!(geometric([Some(0.0), Some(1.0)], Ok([0.5, 0.5])), Ok(0.0));
    }

    proptest! {
        #[test]
        fn health_is_between_0_and_1_or_absent(value: f64, reference: f64, limit: f64) {
            if let Ok(health) = between(value, reference, limit) {
                prop_assert!((0.0..=1.0).contains(&health));
            }
        }
    }
}
