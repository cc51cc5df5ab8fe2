//! Vibration: the zone of its velocity, and the shape of its samples.
//!
//! The edge computes the velocity, because a short window of acceleration cannot be integrated here. The zones are those of
//! steady machines: for robots a scale to compare with, no verdict.

use tacho_schemas::reason::Absent;
use tacho_schemas::record::Vibration;

use super::{FormulaSet, Indicator, Method, Traced};

/// A zone of the scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Zone {
    /// As new.
    A,
    /// Good for long.
    B,
    /// Not for long.
    C,
    /// Damage is to be expected.
    D,
}

impl Zone {
    /// The text in the lake.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::D => "D",
        }
    }
}

/// Upper bounds of the zones A, B and C by class, mm/s.
const BOUNDS_MM_S: [(&str, [f64; 3]); 4] =
    [("I", [0.71, 1.8, 4.5]), ("II", [1.12, 2.8, 7.1]), ("III", [1.8, 4.5, 11.2]), ("IV", [2.8, 7.1, 18.0])];

/// Fewest samples of which a shape is told.
const SAMPLES_MIN: usize = 4;

/// Zone of the velocity, and whether its class was assumed (I, the strictest) because the record names none.
///
/// # Errors
/// [`Absent::InputMissing`] without a velocity; [`Absent::NotApplicable`] if the class is none of I to IV.
///
/// Source: ISO 10816-1, annex B (now ISO 20816-1); a value on a bound is in the better zone.
pub fn velocity_zone(sensor: &Vibration) -> Result<(Zone, Method), Absent> {
    let velocity = sensor.velocity_rms_mm_s.ok_or(Absent::InputMissing)?;
    let (class, method) = match sensor.machine_class.as_deref() {
        Some(class) => (class, Method::Sent),
        None => ("I", Method::ClassAssumed),
    };
    let (_, [a, b, c]) = BOUNDS_MM_S.iter().find(|(known, _)| *known == class).ok_or(Absent::NotApplicable)?;
    let zone = match velocity {
        low if low <= *a => Zone::A,
        low if low <= *b => Zone::B,
        low if low <= *c => Zone::C,
        _ => Zone::D,
    };
    Ok((zone, method))
}

/// The shape of a sensor's samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// `crest_factor`: peak over root mean square.
    pub crest: Traced,
    /// `kurtosis_pearson`: m4/m2², 3 for noise.
    pub kurtosis: Traced,
    /// `skewness`: m3/m2^1.5.
    pub skewness: Indicator,
}

/// Shape of the samples, else what the sensor says of it. Population moments about the mean; the root mean square is
/// about zero.
///
/// Each is absent for a reason of its own: [`Absent::NoVariance`] for samples that do not vary, of the formulas 2026.3 on also where
/// they only vary by the rounding of their mean.
///
/// Source: crest factor and kurtosis as in ISO 13373-2; kurtosis after Pearson.
pub fn shape(sensor: &Vibration, formulas: FormulaSet) -> Shape {
    match sensor.samples_m_s2.as_deref().filter(|samples| samples.len() >= SAMPLES_MIN) {
        Some(samples) => of_samples(samples, formulas),
        None => Shape {
            crest: sensor.crest.map(|crest| (crest, Method::Sent)).ok_or(Absent::InputMissing),
            kurtosis: sensor.kurtosis.map(|kurtosis| (kurtosis, Method::Sent)).ok_or(Absent::InputMissing),
            skewness: Err(Absent::InputMissing),
        },
    }
}

fn of_samples(samples: &[f64], formulas: FormulaSet) -> Shape {
    let (mut count, mut sum, mut squares, mut peak) = (0.0, 0.0, 0.0, 0.0_f64);
    for sample in samples {
        count += 1.0;
        sum += sample;
        squares += sample * sample;
        peak = peak.max(sample.abs());
    }
    let (mean, rms) = (sum / count, (squares / count).sqrt());
    let (mut second, mut third, mut fourth) = (0.0, 0.0, 0.0);
    for sample in samples {
        let off = sample - mean;
        second += off * off;
        third += off * off * off;
        fourth += off * off * off * off;
    }
    let (second, third, fourth) = (second / count, third / count, fourth / count);
    let rounding = count * f64::EPSILON * peak;
    let constant = formulas >= FormulaSet::Y2026R3 && second <= rounding * rounding;
    let over = |value: f64, divisor: f64| if divisor > 0.0 { Ok(value / divisor) } else { Err(Absent::NoVariance) };
    Shape {
        crest: over(peak, rms).map(|crest| (crest, Method::Samples)),
        kurtosis: if constant { Err(Absent::NoVariance) } else { over(fourth, second * second) }
            .map(|kurtosis| (kurtosis, Method::Samples)),
        skewness: if constant { Err(Absent::NoVariance) } else { over(third, second * second.sqrt()) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sensor(samples: &[f64]) -> Vibration {
        Vibration { samples_m_s2: Some(samples.into()), kurtosis: Some(9.0), ..Vibration::default() }
    }

    fn shaped(sensor: &Vibration) -> Shape {
        shape(sensor, FormulaSet::Y2026R3)
    }

    fn near(value: f64, expected: f64) {
        assert!((value / expected - 1.0).abs() < 1e-12, "{value} is not {expected}");
    }

    #[test]
    fn a_machine_of_class_2_at_3_2_mm_per_s_is_in_zone_c() {
        let at = |velocity, class: Option<&str>| {
            let sensor = Vibration {
                velocity_rms_mm_s: Some(velocity),
                machine_class: class.map(Into::into),
                ..Vibration::default()
            };
            velocity_zone(&sensor)
        };
        assert_eq!(at(3.2, Some("II")), Ok((Zone::C, Method::Sent)));
        assert_eq!(at(2.8, Some("II")), Ok((Zone::B, Method::Sent)));
        assert_eq!(at(0.71, None), Ok((Zone::A, Method::ClassAssumed)));
        assert_eq!(at(18.1, Some("IV")), Ok((Zone::D, Method::Sent)));
        assert_eq!(at(1.0, Some("V")), Err(Absent::NotApplicable));
        assert_eq!(velocity_zone(&Vibration::default()), Err(Absent::InputMissing));
    }

    /// Root mean square, of a peak that is known and the crest factor over it.
    fn rms(peak: f64, found: Shape) -> f64 {
        peak / found.crest.unwrap().0
    }

    #[test]
    fn one_blow_among_small_values_shows_in_every_figure() {
        let found = shaped(&sensor(&[1.0, 2.0, 3.0, 4.0, 100.0]));
        near(found.crest.unwrap().0, 2.232_721_403_445_532_7);
        near(rms(100.0, found), 44.788_391_353_117_38);
        near(found.kurtosis.unwrap().0, 3.246_716_489_300_163_7);
        near(found.skewness.unwrap(), 1.497_536_703_333_520_5);
        let found = shaped(&sensor(&[0.1, -0.2, 0.3, -0.1, 0.5, -0.4, 0.2, -0.3]));
        near(found.crest.unwrap().0, 1.702_513_061_517_497);
        near(rms(0.5, found), 0.293_683_503_111_768_3);
        near(found.kurtosis.unwrap().0, 1.775_741_845_382_590_8);
    }

    #[test]
    fn a_sine_has_a_kurtosis_of_one_and_a_half() {
        let sine: Vec<f64> =
            (0..1000).map(|step| libm::sin(std::f64::consts::TAU * 10.0 * f64::from(step) / 1000.0)).collect();
        let found = shaped(&sensor(&sine));
        assert!((found.kurtosis.unwrap().0 - 1.5).abs() < 1e-9);
        assert!((found.crest.unwrap().0 - std::f64::consts::SQRT_2).abs() < 1e-9);
        assert!((rms(1.0, found) - std::f64::consts::FRAC_1_SQRT_2).abs() < 1e-9);
    }

    #[test]
    fn samples_that_do_not_vary_have_no_kurtosis_and_too_few_leave_it_to_the_sensor() {
        let constant = shaped(&sensor(&[2.0; 6]));
        assert_eq!((constant.crest, constant.kurtosis), (Ok((1.0, Method::Samples)), Err(Absent::NoVariance)));
        for samples in [[0.1; 10], [-1e9 / 3.0; 10]] {
            let constant = shaped(&sensor(&samples));
            assert_eq!((constant.kurtosis, constant.skewness), (Err(Absent::NoVariance), Err(Absent::NoVariance)));
        }
        assert!(shape(&sensor(&[0.1; 10]), FormulaSet::Y2026R2).kurtosis.is_ok(), "rounding, by the former formulas");
        assert!(shaped(&sensor(&[1.0, 1.0, 1.0, 1.000_001])).kurtosis.is_ok(), "a step of a sensor");
        assert_eq!(shaped(&sensor(&[0.0; 6])).crest, Err(Absent::NoVariance));
        assert_eq!(shaped(&sensor(&[1.0, 2.0, 3.0])).kurtosis, Ok((9.0, Method::Sent)));
        assert_eq!(shaped(&Vibration::default()).skewness, Err(Absent::InputMissing));
    }
}
