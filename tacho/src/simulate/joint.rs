//! A simulated joint: turns under load, warms up and wears; where its controller keeps spectra, it reports them.

use std::f64::consts::{FRAC_PI_2, TAU};

use rand::RngExt as _;
use rand::rngs::StdRng;
use tacho_schemas::record::{Joint, LOAD_BINS, RAINFLOW_BINS, TEMP_BINS};

use super::blueprint::JointPlan;
use super::robot::resolved;

/// Middles of the bins of `load_hist_rev`, |T|/T_N.
const LOAD_MIDDLES: [f64; LOAD_BINS] = [0.0, 0.05, 0.15, 0.27, 0.42, 0.62, 0.87, 1.12, 1.37, 1.75, 2.5, 3.5];
/// Middles of the bins by temperature, °C.
const TEMP_MIDDLES: [f64; TEMP_BINS] = [-5.0, 10.0, 30.0, 45.0, 55.0, 65.0, 75.0, 85.0];
/// Torque cycles of a revolution of the output.
const CYCLES_PER_REV: f64 = 0.4;
/// Revolutions of the input between two peaks above T_R.
const REV_PER_PEAK: f64 = 4e5;
/// How much of the way to its final temperature a motor makes while a record is made.
const WARMING_PER_RECORD: f64 = 0.05;
/// How fast it makes it by the clock.
const WARMING_S: f64 = 600.0;
/// Where a joint that swings to and fro turns round.
const SWING_RAD: f64 = FRAC_PI_2;

/// A joint with the counters of its life.
#[derive(Debug)]
pub(super) struct SimJoint {
    pub(super) plan: JointPlan,
    /// Mean output torque over rated torque.
    pub(super) load: f64,
    input_rev: f64,
    input_rev_load: f64,
    temp_c: f64,
    position_rad: f64,
    /// 1 or -1.
    direction: f64,
}

/// What a controller shows of a joint at a moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JointMoment {
    pub(crate) position_rad: f64,
    pub(crate) speed_rad_s: f64,
    pub(crate) temp_motor_c: f64,
    /// Torque over what the motor may give for ever.
    pub(crate) load: f64,
}

impl SimJoint {
    /// A joint with so many hours of motion behind it.
    pub(super) fn with_past(plan: &JointPlan, hours: f64, rng: &mut StdRng) -> Self {
        let mut joint = Self {
            plan: plan.clone(),
            load: rng.random_range(0.35..1.25),
            input_rev: 0.0,
            input_rev_load: 0.0,
            temp_c: rng.random_range(30.0..45.0),
            position_rad: 0.0,
            direction: 1.0,
        };
        joint.turn(hours);
        joint
    }

    /// Turns for so many hours.
    pub(super) fn turn(&mut self, hours: f64) {
        let revolutions = self.plan.mean_input_rpm * 60.0 * hours;
        self.input_rev += revolutions;
        self.input_rev_load += revolutions * self.load * self.load * self.load;
    }

    /// Moves, or stands still, for so many seconds, and shows where it is.
    pub(super) fn live(&mut self, seconds: f64, moves: bool, rng: &mut StdRng) -> JointMoment {
        let effort = if moves { self.load * rng.random_range(0.9..1.1) } else { 0.0 };
        self.warm(effort, (seconds / WARMING_S).min(1.0), rng);
        let speed_rad_s = if moves { self.mean_speed_rad_s() * rng.random_range(0.9..1.1) } else { 0.0 };
        if moves {
            self.turn(seconds / 3600.0);
            let reached = self.position_rad + self.direction * speed_rad_s * seconds;
            self.position_rad = reached.clamp(-SWING_RAD, SWING_RAD);
            if reached.abs() > SWING_RAD {
                self.direction = -self.direction;
            }
        }
        let speed_rad_s = speed_rad_s * self.direction;
        JointMoment { position_rad: self.position_rad, speed_rad_s, temp_motor_c: self.temp_c, load: effort * 0.7 }
    }

    /// Speed of its output while in motion.
    fn mean_speed_rad_s(&self) -> f64 {
        self.plan.mean_input_rpm / self.plan.ratio * TAU / 60.0
    }

    /// Makes a share of the way to the temperature that so much effort leads to.
    fn warm(&mut self, effort: f64, share: f64, rng: &mut StdRng) {
        let final_c = 28.0 + 18.0 * effort;
        self.temp_c += share * (final_c - self.temp_c + rng.random_range(-2.0..2.0));
    }

    /// Works through so many hours of motion, and reports it.
    pub(super) fn work(&mut self, hours: f64, rng: &mut StdRng) -> Joint {
        self.turn(hours);
        let effort = self.load * rng.random_range(0.9..1.1);
        let torque = effort * self.plan.rated_torque_nm * 0.6;
        let current = effort * self.plan.rated_current_a * 0.7;
        self.warm(effort, WARMING_PER_RECORD, rng);
        let speed = self.mean_speed_rad_s();
        let error = 8e-5 * (1.0 + effort) * rng.random_range(0.9..1.1);
        let mut joint = Joint {
            name: self.plan.name.clone(),
            input_rev: Some(resolved(self.input_rev, 1.0)),
            input_rev_load: Some(resolved(self.input_rev_load, 1.0)),
            torque_rms_nm: Some(resolved(torque, 0.1)),
            torque_absmax_nm: Some(resolved(torque * 2.2, 0.1)),
            current_rms_a: Some(resolved(current, 0.01)),
            current_absmax_a: Some(resolved(current * 2.3, 0.01)),
            speed_rms_rad_s: Some(resolved(speed * rng.random_range(0.9..1.1), 0.01)),
            temp_motor_c: Some(resolved(self.temp_c, 0.1)),
            following_error_rms_rad: Some(resolved(error, 1e-5)),
            following_error_max_rad: Some(resolved(error * 6.0, 1e-5)),
            ..Joint::default()
        };
        if self.plan.spectra {
            self.report_spectra(&mut joint, torque);
        }
        joint
    }

    /// What a controller that keeps spectra tells beyond: how often which load, temperature and torque range was there.
    fn report_spectra(&self, joint: &mut Joint, torque_nm: f64) {
        let hours = self.input_rev / (self.plan.mean_input_rpm * 60.0);
        let mean_c = 28.0 + 18.0 * self.load;
        let cycles = self.input_rev / self.plan.ratio * CYCLES_PER_REV;
        let by_load = spread(LOAD_MIDDLES, self.load, 0.2);
        let rainflow: [f64; RAINFLOW_BINS] = spread(std::array::from_fn(|bin| bin as f64), self.load * 3.0, 1.5);
        joint.load_hist_rev = Some(shares(by_load, self.input_rev, 1.0));
        joint.grease_temp_hist_rev = Some(shares(spread(TEMP_MIDDLES, mean_c - 4.0, 8.0), self.input_rev, 1.0));
        joint.temp_hist_h = Some(shares(spread(TEMP_MIDDLES, mean_c, 8.0), hours, 0.001));
        joint.rainflow_hist_cycles = Some(shares(rainflow, cycles, 1.0));
        #[expect(clippy::cast_possible_truncation, reason = "a count of a life's peaks")]
        let peaks = (self.input_rev * self.load / REV_PER_PEAK) as i64;
        (joint.peak_torque_count, joint.momentary_peak_count) = (Some(peaks), Some(peaks / 1_000));
        joint.torque_mean_nm = Some(resolved(torque_nm * 0.3, 0.1));
        joint.torque_residual_rms_nm = Some(resolved(torque_nm * 0.02, 0.01));
        joint.friction_residual_nm = Some(resolved(torque_nm * 0.01, 0.01));
        joint.temp_reducer_c = Some(resolved(self.temp_c - 4.0, 0.1));
    }
}

/// Shares of a whole, as a bell around the mean gives them to the middles of bins.
fn spread<const N: usize>(middles: [f64; N], mean: f64, width: f64) -> [f64; N] {
    let weights = middles.map(|middle| (-((middle - mean) / width).powi(2) / 2.0).exp());
    let whole: f64 = weights.iter().sum();
    weights.map(|weight| weight / whole)
}

/// What each share has of a cumulative whole, as a counter with this resolution says it.
fn shares<const N: usize>(shares: [f64; N], whole: f64, resolution: f64) -> Box<[f64; N]> {
    Box::new(shares.map(|share| resolved(share * whole, resolution)))
}
