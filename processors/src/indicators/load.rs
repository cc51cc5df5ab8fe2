//! What a reducer has borne, Σ rev·(|T|/T_N)^p: of the counter, else of the load histogram, and whether the counter can be.
//!
//! What that does to the reducer's life is in [`super::strain_wave`] and [`super::rv`].

use std::sync::LazyLock;

use tacho_config::models::ReducerRating;
use tacho_schemas::reason::Absent;
use tacho_schemas::record::{Joint, LOAD_BINS};

use super::duty::LoadExponent;
use super::{Method, Traced};

/// |T|/T_N that stands for each bin of `load_hist_rev`: the bin's centre, which is unbiased.
///
/// The 12 upper edges are 0, .1, .2, .35, .5, .75, 1, 1.25, 1.5, 2, 3 and ∞: the first bin is rotation without load, and
/// the last, which has no centre, is taken at its lower edge.
pub(super) const LOAD_CENTRES: [f64; LOAD_BINS] =
    [0.0, 0.05, 0.15, 0.275, 0.425, 0.625, 0.875, 1.125, 1.375, 1.75, 2.5, 3.0];
/// What a revolution within each bin adds to the counter at most, by either life law; that without load is taken as one of the bin
/// above it, and that above three times the rated torque has no bound.
const LOAD_MAX: [f64; LOAD_BINS] =
    [0.001, 0.001, 0.008, 0.042_875, 0.125, 0.421_875, 1.0, 2.105, 3.864, 10.08, 38.95, f64::INFINITY];
/// What it adds at least.
const LOAD_MIN: [f64; LOAD_BINS] =
    [0.0, 0.0, 0.000_464, 0.004_678, 0.030_2, 0.099_2, 0.383, 1.0, 1.953, 3.375, 8.0, 27.0];
/// How far the counter may be off what the histogram's edges allow, as a share: counters are rounded, and their sum is within that.
const HISTOGRAM_TOLERANCE: f64 = 0.01;
/// How far apart counter and histogram may be, as a ratio, before their edges are looked at.
const GROSS: f64 = 2.0;
/// Weighted revolutions below which counter and histogram are not held against each other.
const GROSS_MIN_REV: f64 = 1_000.0;
/// How far an average torque may be above the momentary peak torque: by what a device's torque may be off.
const PEAK_TOLERANCE: f64 = 1.05;

/// Σ rev·(|T|/T_N)^p in input revolutions: the counter where the record has it, else the load histogram, each bin at its centre.
///
/// # Errors
/// [`Absent::CounterMissing`] if the record has neither.
///
/// Source: Palmgren-Miner sum of the life law.
pub fn load_revolutions(
    counter: Option<f64>,
    load_hist_rev: Option<&[f64; LOAD_BINS]>,
    exponent: LoadExponent,
) -> Traced {
    if let Some(revolutions) = counter {
        return Ok((revolutions, Method::Sent));
    }
    let bins = load_hist_rev.ok_or(Absent::CounterMissing)?;
    Ok((at_centres(bins, exponent), Method::LoadHistogram))
}

fn at_centres(bins: &[f64; LOAD_BINS], exponent: LoadExponent) -> f64 {
    static CUBES: LazyLock<[f64; LOAD_BINS]> =
        LazyLock::new(|| LOAD_CENTRES.map(|ratio| LoadExponent::Cube.raise(ratio)));
    static TEN_THIRDS: LazyLock<[f64; LOAD_BINS]> =
        LazyLock::new(|| LOAD_CENTRES.map(|ratio| LoadExponent::TenThirds.raise(ratio)));
    let powers = match exponent {
        LoadExponent::Cube => &*CUBES,
        LoadExponent::TenThirds => &*TEN_THIRDS,
    };
    let mut sum = 0.0;
    for (revolutions, power) in bins.iter().zip(powers) {
        sum += revolutions * power;
    }
    sum
}

/// Whether the counter is more than the joint's revolutions can have added up to, by the histogram's edges or because nothing turned.
pub(crate) fn exceeds_turns(joint: &Joint) -> bool {
    let Some(load) = joint.input_rev_load else { return false };
    let too_much = joint.load_hist_rev.as_deref().is_some_and(|bins| load > most(bins));
    too_much || load > 0.0 && joint.input_rev == Some(0.0)
}

/// Whether the counter cannot be: an average torque beyond the momentary peak torque (over the counted turns, else the histogram's),
/// or another load than the histogram's by more than a factor of two where its edges do not allow it (a light load may lie anywhere
/// in its bin).
pub(crate) fn is_impossible(joint: &Joint, rating: &ReducerRating, exponent: LoadExponent) -> bool {
    let Some(load) = joint.input_rev_load else { return false };
    let beyond_peaks = |revolutions: f64| {
        let greatest = PEAK_TOLERANCE * rating.momentary_peak_torque_nm / rating.rated_torque_nm;
        load > revolutions && load > revolutions * exponent.raise(greatest)
    };
    let bins = joint.load_hist_rev.as_deref();
    let turned = joint.input_rev.or_else(|| bins.map(|bins| bins.iter().sum()));
    turned.is_some_and(beyond_peaks) || bins.is_some_and(|bins| is_grossly_off(load, bins, exponent))
}

fn is_grossly_off(load: f64, bins: &[f64; LOAD_BINS], exponent: LoadExponent) -> bool {
    let of_bins = at_centres(bins, exponent);
    let told = load > GROSS_MIN_REV && of_bins > GROSS_MIN_REV;
    told && (load > GROSS * of_bins && load > most(bins) || of_bins > GROSS * load && load < least(bins))
}

fn most(bins: &[f64; LOAD_BINS]) -> f64 {
    let turned = bins.iter().zip(LOAD_MAX).filter(|(revolutions, _)| **revolutions > 0.0);
    turned.fold(0.0, |sum, (revolutions, most)| sum + revolutions * most) * (1.0 + HISTOGRAM_TOLERANCE)
}

fn least(bins: &[f64; LOAD_BINS]) -> f64 {
    let turned = bins.iter().zip(LOAD_MIN);
    turned.fold(0.0, |sum, (revolutions, least)| sum + revolutions * least) * (1.0 - HISTOGRAM_TOLERANCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T_M is three times T_N.
    fn rating() -> ReducerRating {
        ReducerRating {
            gear_ratio: 100.0,
            rated_torque_nm: 100.0,
            average_torque_limit_nm: None,
            repeated_peak_torque_nm: 200.0,
            momentary_peak_torque_nm: 300.0,
            rated_speed_rpm: 2000.0,
            rated_life_l10_h: 7000.0,
            source: "test".into(),
        }
    }

    fn bins_of<const N: usize>(filled: [(usize, f64); N]) -> [f64; LOAD_BINS] {
        let mut bins = [0.0; LOAD_BINS];
        for (bin, revolutions) in filled {
            bins[bin] = revolutions;
        }
        bins
    }

    fn impossible(load: f64, input_rev: Option<f64>, bins: Option<[f64; LOAD_BINS]>, exponent: LoadExponent) -> bool {
        let load_hist_rev = bins.map(Box::new);
        let joint = Joint { input_rev_load: Some(load), input_rev, load_hist_rev, ..Joint::default() };
        is_impossible(&joint, &rating(), exponent)
    }

    #[test]
    fn the_histogram_stands_in_for_the_counter_bin_by_bin_at_its_centre() {
        let bins = bins_of([(0, 1e6), (6, 100.0), (10, 10.0), (11, 1.0)]);
        let of = |counter, exponent| load_revolutions(counter, Some(&bins), exponent).unwrap();
        let cubes = 100.0 * 0.875_f64.powi(3) + 10.0 * 2.5_f64.powi(3) + 27.0;
        assert_eq!(of(None, LoadExponent::Cube), (cubes, Method::LoadHistogram));
        let ten_thirds =
            [(0.875, 100.0), (2.5, 10.0), (3.0, 1.0)].map(|(ratio, rev)| rev * libm::pow(ratio, 10.0 / 3.0));
        assert_eq!(of(None, LoadExponent::TenThirds).0, ten_thirds.iter().sum::<f64>());
        assert_eq!(of(Some(7.0), LoadExponent::Cube), (7.0, Method::Sent));
        assert_eq!(load_revolutions(None, None, LoadExponent::Cube), Err(Absent::CounterMissing));
    }

    #[test]
    fn no_turn_bears_more_than_the_momentary_peak() {
        let of = |share: f64, exponent| impossible(share * 1e6, Some(1e6), None, exponent);
        let greatest = 3.15_f64.powi(3);
        assert!(!of(0.999 * greatest, LoadExponent::Cube) && of(1.001 * greatest, LoadExponent::Cube));
        let greatest = libm::pow(3.15, 10.0 / 3.0);
        assert!(!of(0.999 * greatest, LoadExponent::TenThirds) && of(1.001 * greatest, LoadExponent::TenThirds));
        assert!(impossible(1e-3, Some(0.0), None, LoadExponent::Cube), "nothing turned");
        assert!(!impossible(0.0, Some(0.0), None, LoadExponent::Cube));
        assert!(!impossible(1e15, None, None, LoadExponent::Cube), "nothing tells");
    }

    #[test]
    fn counter_and_histogram_tell_of_the_same_load() {
        let of = |load: f64, bins| impossible(load, None, Some(bins), LoadExponent::Cube);
        let at_rated = bins_of([(6, 1e6)]);
        assert!(!of(0.67e6, at_rated) && !of(0.43e6, at_rated) && !of(1e6, at_rated));
        assert!(of(1.4e6, at_rated) && of(0.3e6, at_rated));
        assert!(of(1e9, at_rated) && !of(900.0, at_rated), "hardly any load is not told");
        let few = bins_of([(6, 100.0)]);
        assert!(!of(1.5e3, few) && !of(0.0, few), "too few to be told");
        let light = bins_of([(1, 1e8)]);
        assert!(!of(7.3e4, light), "0.09 of the rated torque, six times what the centre gives");
        assert!(of(1e6, light));
        let beyond = bins_of([(11, 1e4)]);
        assert!(!of(3.1e5, beyond) && of(3.2e5, beyond), "nothing bounds the last bin but the momentary peak");
    }

    #[test]
    fn edges_bound_what_their_bins_can_hold() {
        for (bin, centre) in LOAD_CENTRES.into_iter().enumerate() {
            for exponent in [LoadExponent::Cube, LoadExponent::TenThirds] {
                assert!((LOAD_MIN[bin]..=LOAD_MAX[bin]).contains(&exponent.raise(centre)), "{bin}");
            }
        }
        for (below, above) in LOAD_MIN[1..].iter().zip(LOAD_MAX) {
            assert!(*below <= above && (*below > 0.4 * above || above <= 0.001), "{below} {above}");
        }
    }
}
