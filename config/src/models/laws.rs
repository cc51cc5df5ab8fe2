//! What the further laws of a joint need: fatigue, bearing, grease, winding, friction, lost motion, momentary peaks.
//!
//! Each is a table of its own in a `[[joints]]` entry, with its own source, and optional: without it the law's indicators
//! are null with the reason `rating_missing`. The laws themselves are the processors'.

use serde::{Deserialize, Serialize};

use super::joint::SOURCE_BYTES_MAX;
use super::source::Source;
use crate::problem::Problem;
use crate::section::Section;

/// Bins of the record's temperature histograms.
const TEMP_BINS: usize = tacho_schemas::record::TEMP_BINS;

/// Fatigue by torque cycles: Basquin's line `N(S) = N_D·(S_D/S)^m`, of ranges (not amplitudes).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FatigueModel {
    /// Range S_D, Nm.
    pub range_nm: f64,
    /// Cycles N_D that a range of S_D spends the life with.
    pub cycles: f64,
    /// Exponent m above S_D.
    pub exponent: f64,
    /// Exponent below S_D; without one, ranges below S_D do no damage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exponent_below: Option<f64>,
    /// Data sheet, or "assumed".
    pub source: Source,
}

/// A rolling bearing after ISO 281 that turns with the joint's output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BearingModel {
    /// Its rolling elements.
    pub rolling: Rolling,
    /// Basic dynamic load rating C, N.
    pub dynamic_rating_n: f64,
    /// Equivalent dynamic load P without torque, N.
    pub load_n: f64,
    /// What a torque of 1 Nm adds to P, N/Nm.
    pub load_per_torque_n_per_nm: f64,
    /// Life modification a1 for reliability; 1 at 90 %.
    pub reliability_factor: f64,
    /// Life modification a_ISO for lubrication; 1 if nothing is known.
    pub lubrication_factor: f64,
    /// Data sheet, or "assumed".
    pub source: Source,
}

/// What rolls in a bearing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rolling {
    /// Balls: exponent 3.
    Balls,
    /// Rollers: exponent 10/3.
    Rollers,
}

/// Life of a grease in input revolutions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GreaseModel {
    /// L_GTn per bin of grease temperature (inner edges 0, 20, 40, 50, 60, 70, 80 °C), input revolutions.
    pub life_rev: [f64; TEMP_BINS],
    /// Data sheet, or "assumed".
    pub source: Source,
}

/// Insulation of a motor's winding: life halves per 10 K (Montsinger).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindingModel {
    /// Temperature of the insulation class, °C.
    pub class_temp_c: f64,
    /// Life at that temperature, h.
    pub life_h: f64,
    /// How much the winding is above the temperature that the record has, K.
    pub rise_k: f64,
    /// Data sheet, or "assumed".
    pub source: Source,
}

/// Friction of the joint as new: Stribeck's curve, at one temperature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrictionModel {
    /// Coulomb friction F_c, Nm.
    pub coulomb_nm: f64,
    /// Static friction F_s, Nm.
    pub static_nm: f64,
    /// Stribeck speed ω_s, rad/s.
    pub stribeck_speed_rad_s: f64,
    /// Viscous friction F_v, Nm·s/rad.
    pub viscous_nm_s_per_rad: f64,
    /// Temperature T_0 at which these hold, °C.
    pub reference_temp_c: f64,
    /// k of `F(T) = F(T_0)·exp(−k·(T − T_0))`, 1/K.
    pub temp_coefficient_per_k: f64,
    /// Data sheet, commissioning test, or "assumed".
    pub source: Source,
}

/// Lost motion: as new and at the end, arcmin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LostMotionLimits {
    /// As new, arcmin.
    pub reference_arcmin: f64,
    /// At the end of life, arcmin.
    pub limit_arcmin: f64,
    /// Data sheet, or "assumed".
    pub source: Source,
}

/// What one momentary peak is, for the catalogue's allowed number of them: `N_K = 10^4 / (2·(n/60)·i·t)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MomentaryPeakModel {
    /// Output speed n during a peak, rpm.
    pub output_rpm: f64,
    /// Time t that a peak takes, s.
    pub seconds: f64,
    /// Data sheet, or "assumed".
    pub source: Source,
}

/// The further laws of a joint, those that are configured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JointLaws {
    /// Fatigue by torque cycles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fatigue: Option<FatigueModel>,
    /// Bearing at the output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearing: Option<BearingModel>,
    /// Grease of the reducer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grease: Option<GreaseModel>,
    /// Winding of the motor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub winding: Option<WindingModel>,
    /// Friction as new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub friction: Option<FrictionModel>,
    /// Lost motion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_motion: Option<LostMotionLimits>,
    /// Momentary peaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub momentary_peak: Option<MomentaryPeakModel>,
}

const TORQUE: std::ops::RangeInclusive<f64> = 0.000_1..=1_000_000.0;

impl JointLaws {
    pub(super) fn read(s: &mut Section<'_>) -> Self {
        Self {
            fatigue: s.section("fatigue", FatigueModel::read),
            bearing: s.section("bearing", BearingModel::read),
            grease: s.section("grease", GreaseModel::read),
            winding: s.section("winding", WindingModel::read),
            friction: s.section("friction", FrictionModel::read),
            lost_motion: s.section("lost_motion", LostMotionLimits::read),
            momentary_peak: s.section("momentary_peak", MomentaryPeakModel::read),
        }
    }

    /// Whether no law is configured.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is out of order; numbers are named by their law.
    pub(super) fn disorders(&self, place: &str) -> Vec<Problem> {
        let mut found = Vec::new();
        let positive = [
            ("fatigue", self.fatigue.as_ref().map(|law| law.range_nm.min(law.cycles).min(law.exponent))),
            ("bearing", self.bearing.as_ref().map(|law| law.dynamic_rating_n.min(law.reliability_factor))),
            ("grease", self.grease.as_ref().map(|law| law.life_rev.iter().copied().fold(f64::INFINITY, f64::min))),
            ("winding", self.winding.as_ref().map(|law| law.life_h)),
            ("friction", self.friction.as_ref().map(|law| law.stribeck_speed_rad_s.min(law.coulomb_nm))),
            ("momentary_peak", self.momentary_peak.as_ref().map(|law| law.output_rpm.min(law.seconds))),
        ];
        for (law, least) in positive {
            if let Some(least) = least.filter(|least| *least <= 0.0) {
                found.push(Problem::new(format!("{place}.{law}"), &least.to_string(), "numbers above 0"));
            }
        }
        if let Some(limits) = &self.lost_motion
            && limits.reference_arcmin >= limits.limit_arcmin
        {
            let expected = format!("below limit_arcmin ({})", limits.limit_arcmin);
            let key = format!("{place}.lost_motion.reference_arcmin");
            found.push(Problem::new(key, &limits.reference_arcmin.to_string(), expected));
        }
        found
    }
}

impl FatigueModel {
    fn read(s: &mut Section<'_>) -> Self {
        Self {
            range_nm: s.number("range_nm", TORQUE),
            cycles: s.number("cycles", 1.0..=1e15),
            exponent: s.number("exponent", 1.0..=30.0),
            exponent_below: s.optional_number("exponent_below", 1.0..=60.0),
            source: s.text("source", SOURCE_BYTES_MAX).into(),
        }
    }
}

impl BearingModel {
    fn read(s: &mut Section<'_>) -> Self {
        let words = [("balls", Rolling::Balls), ("rollers", Rolling::Rollers)];
        Self {
            rolling: s.choice("rolling", &words).unwrap_or(Rolling::Balls),
            dynamic_rating_n: s.number("dynamic_rating_n", 1.0..=1e9),
            load_n: s.number("load_n", 0.0..=1e9),
            load_per_torque_n_per_nm: s.number("load_per_torque_n_per_nm", 0.0..=1e6),
            reliability_factor: s.number("reliability_factor", 0.01..=1.0),
            lubrication_factor: s.number("lubrication_factor", 0.01..=50.0),
            source: s.text("source", SOURCE_BYTES_MAX).into(),
        }
    }
}

impl GreaseModel {
    fn read(s: &mut Section<'_>) -> Self {
        let expected = "a list of 8 numbers above 0, input revolutions per bin of temperature";
        let life_rev = s.required("life_rev", expected, [f64::NAN; TEMP_BINS], |value| {
            let number = |value: &toml::Value| value.as_float().or_else(|| value.as_integer().map(approximate));
            let numbers: Vec<f64> = value.as_array()?.iter().map(number).collect::<Option<_>>()?;
            let numbers: [f64; TEMP_BINS] = numbers.try_into().ok()?;
            numbers.iter().all(|number| *number > 0.0 && *number <= 1e15).then_some(numbers)
        });
        Self { life_rev, source: s.text("source", SOURCE_BYTES_MAX).into() }
    }
}

#[expect(clippy::cast_precision_loss, reason = "lives have fewer digits than a float")]
fn approximate(integer: i64) -> f64 {
    integer as f64
}

impl WindingModel {
    fn read(s: &mut Section<'_>) -> Self {
        Self {
            class_temp_c: s.number("class_temp_c", 50.0..=300.0),
            life_h: s.number("life_h", 1.0..=10_000_000.0),
            rise_k: s.number("rise_k", 0.0..=100.0),
            source: s.text("source", SOURCE_BYTES_MAX).into(),
        }
    }
}

impl FrictionModel {
    fn read(s: &mut Section<'_>) -> Self {
        Self {
            coulomb_nm: s.number("coulomb_nm", TORQUE),
            static_nm: s.number("static_nm", TORQUE),
            stribeck_speed_rad_s: s.number("stribeck_speed_rad_s", 0.000_1..=100.0),
            viscous_nm_s_per_rad: s.number("viscous_nm_s_per_rad", 0.0..=1_000_000.0),
            reference_temp_c: s.number("reference_temp_c", -40.0..=150.0),
            temp_coefficient_per_k: s.number("temp_coefficient_per_k", 0.0..=0.2),
            source: s.text("source", SOURCE_BYTES_MAX).into(),
        }
    }
}

impl LostMotionLimits {
    fn read(s: &mut Section<'_>) -> Self {
        Self {
            reference_arcmin: s.number("reference_arcmin", 0.0..=1_000.0),
            limit_arcmin: s.number("limit_arcmin", 0.001..=10_000.0),
            source: s.text("source", SOURCE_BYTES_MAX).into(),
        }
    }
}

impl MomentaryPeakModel {
    fn read(s: &mut Section<'_>) -> Self {
        Self {
            output_rpm: s.number("output_rpm", 0.001..=10_000.0),
            seconds: s.number("seconds", 0.000_1..=3_600.0),
            source: s.text("source", SOURCE_BYTES_MAX).into(),
        }
    }
}
