//! A simulated robot: works, warms up, wears and drains its battery, and says so in records.
//!
//! Values are rounded to what a real sensor resolves, so that sizes measured on a simulated fleet mean
//! something. The same seed gives the same values; only the windows' times come from outside.

use std::f64::consts::{PI, TAU};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tacho_schemas::RobotId;
use tacho_schemas::record::{Battery, Counters, Event, Joint, Motion, Record, RobotKind, Severity};

use super::blueprint::{Blueprint, JointPlan, PackPlan};

/// What a mobile robot drives in an hour.
const METRES_PER_H: f64 = 900.0;

/// A simulated robot.
#[derive(Debug)]
pub(crate) struct Robot {
    id: RobotId,
    kind: RobotKind,
    stream_epoch: i64,
    next_seq: i64,
    power_on_h: f64,
    duty: f64,
    joints: Vec<SimJoint>,
    packs: Vec<SimPack>,
    travelled_m: f64,
    stops: i64,
    rng: StdRng,
}

#[derive(Debug)]
struct SimJoint {
    plan: JointPlan,
    /// Mean output torque over rated torque.
    load: f64,
    input_rev: f64,
    input_rev_load: f64,
    temp_c: f64,
}

#[derive(Debug)]
struct SimPack {
    plan: PackPlan,
    soc: f64,
    charging: bool,
    discharged_ah: f64,
    charged_ah: f64,
}

/// What is known of a robot's life before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Past {
    pub(crate) power_on_h: f64,
    pub(crate) protective_stops: i64,
}

/// Rounds to a sensor's resolution.
fn resolved(value: f64, resolution: f64) -> f64 {
    // Dividing by the inverse keeps decimal fractions short: 3 / 10 is 0.3, 3 * 0.1 is not.
    (value / resolution).round() / (1.0 / resolution).round()
}

impl Robot {
    /// A robot of `blueprint` with a past of its own, drawn from `seed`.
    pub(crate) fn new(id: RobotId, blueprint: &Blueprint, stream_epoch: i64, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let power_on_h = rng.random_range(200.0..9_000.0);
        let duty = rng.random_range(0.35..0.85);
        let joints =
            blueprint.joints.iter().map(|plan| SimJoint::with_past(plan, power_on_h * duty, &mut rng)).collect();
        let packs = blueprint.packs.iter().map(|plan| SimPack::with_past(plan, power_on_h, &mut rng)).collect();
        Self {
            id,
            kind: blueprint.kind,
            stream_epoch,
            next_seq: 1,
            power_on_h,
            duty,
            joints,
            packs,
            travelled_m: power_on_h * METRES_PER_H,
            stops: rng.random_range(0..40),
            rng,
        }
    }

    pub(crate) fn id(&self) -> RobotId {
        self.id
    }

    /// Lives on from there: all counters are what so many hours make of them, so none of them falls.
    pub(crate) fn resume(&mut self, past: &Past) {
        let hours = (past.power_on_h - self.power_on_h).max(0.0);
        self.power_on_h += hours;
        self.joints.iter_mut().for_each(|joint| joint.turn(hours * self.duty));
        self.packs.iter_mut().for_each(|pack| {
            pack.use_up(hours);
        });
        self.travelled_m += hours * METRES_PER_H;
        self.stops = self.stops.max(past.protective_stops);
    }

    /// Works through one window and reports it. `pace` is how many seconds of work a second of window stands for.
    pub(crate) fn work(&mut self, window_us: (i64, i64), pace: f64) -> Record {
        #[expect(clippy::cast_precision_loss, reason = "a window is at most an hour")]
        let hours = (window_us.1 - window_us.0) as f64 / 3.6e9 * pace;
        self.power_on_h += hours;
        let mut record = Record::new(self.id, self.kind);
        record.stream_epoch = self.stream_epoch;
        record.seq = self.next_seq;
        self.next_seq += 1;
        (record.window_start_us, record.window_end_us) = window_us;
        record.firmware = Some("5.14.2".into());
        record.ambient_temp_c = Some(resolved(22.0 + self.rng.random_range(-0.5..0.5), 0.1));
        record.joints = self.joints.iter_mut().map(|joint| joint.work(hours * self.duty, &mut self.rng)).collect();
        record.batteries = self.packs.iter_mut().map(|pack| pack.work(hours, &mut self.rng)).collect();
        if self.rng.random_bool(0.01) {
            self.stops += 1;
            record.events = vec![protective_stop(window_us.1)];
        }
        record.counters = self.counters();
        if self.kind == RobotKind::Amr {
            record.motion = Some(Box::new(self.drive(hours)));
            record.counters.distance_m = Some(resolved(self.travelled_m, 0.1));
        }
        record
    }

    fn counters(&self) -> Counters {
        Counters {
            power_on_h: resolved(self.power_on_h, 0.001),
            servo_on_h: Some(resolved(self.power_on_h * 0.95, 0.001)),
            motion_h: Some(resolved(self.power_on_h * self.duty, 0.001)),
            energy_kwh: Some(resolved(self.power_on_h * 0.34, 0.01)),
            protective_stop_count: Some(self.stops),
            ..Counters::default()
        }
    }

    fn drive(&mut self, hours: f64) -> Motion {
        self.travelled_m += hours * METRES_PER_H;
        let deviation = self.rng.random_range(0.004..0.03);
        Motion {
            map_id: Some("hall-3".into()),
            x_m: Some(resolved(self.rng.random_range(0.0..80.0), 0.001)),
            y_m: Some(resolved(self.rng.random_range(0.0..40.0), 0.001)),
            theta_rad: Some(resolved(self.rng.random_range(-PI..PI), 0.001)),
            speed_m_s: Some(resolved(self.rng.random_range(0.0..1.6), 0.01)),
            localized: Some(true),
            localization_score: Some(resolved(self.rng.random_range(0.8..1.0), 0.01)),
            cross_track_rms_m: Some(resolved(deviation, 0.001)),
            cross_track_max_m: Some(resolved(deviation * 2.5, 0.001)),
            allowed_deviation_m: Some(0.15),
            ..Motion::default()
        }
    }
}

fn protective_stop(time_us: i64) -> Event {
    Event {
        index: 0,
        time_us,
        code: "C153A1".into(),
        severity: Severity::Warning,
        component_id: None,
        text: Some("joint position deviation".into()),
    }
}

impl SimJoint {
    fn with_past(plan: &JointPlan, hours: f64, rng: &mut StdRng) -> Self {
        let mut joint = Self {
            plan: plan.clone(),
            load: rng.random_range(0.35..1.25),
            input_rev: 0.0,
            input_rev_load: 0.0,
            temp_c: rng.random_range(30.0..45.0),
        };
        joint.turn(hours);
        joint
    }

    fn turn(&mut self, hours: f64) {
        let revolutions = self.plan.mean_input_rpm * 60.0 * hours;
        self.input_rev += revolutions;
        self.input_rev_load += revolutions * self.load * self.load * self.load;
    }

    fn work(&mut self, hours: f64, rng: &mut StdRng) -> Joint {
        self.turn(hours);
        let effort = self.load * rng.random_range(0.9..1.1);
        let torque = effort * self.plan.rated_torque_nm * 0.6;
        let current = effort * self.plan.rated_current_a * 0.7;
        self.temp_c += (28.0 + 18.0 * effort - self.temp_c) * 0.05 + rng.random_range(-0.1..0.1);
        let speed = self.plan.mean_input_rpm / self.plan.ratio * TAU / 60.0;
        let error = 8e-5 * (1.0 + effort) * rng.random_range(0.9..1.1);
        Joint {
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
        }
    }
}

impl SimPack {
    fn with_past(plan: &PackPlan, hours: f64, rng: &mut StdRng) -> Self {
        let discharged_ah = hours * plan.nominal_ah / 6.0;
        Self {
            plan: plan.clone(),
            soc: rng.random_range(0.3..1.0),
            charging: false,
            discharged_ah,
            charged_ah: discharged_ah * 1.02,
        }
    }

    /// The charge that so many hours turn over, Ah.
    fn use_up(&mut self, hours: f64) -> f64 {
        let throughput_ah = hours * self.plan.nominal_ah / 6.0;
        self.discharged_ah += throughput_ah;
        self.charged_ah += throughput_ah * 1.02;
        throughput_ah
    }

    fn work(&mut self, hours: f64, rng: &mut StdRng) -> Battery {
        let soc_start = self.soc;
        // A fast pace would drain the pack many times in one window: the charge turns over, the state moves a little.
        let throughput_ah = self.use_up(hours);
        let step = (throughput_ah / self.plan.nominal_ah).min(0.02);
        self.charging = if self.charging { self.soc < 0.95 } else { self.soc < 0.2 };
        self.soc = (self.soc + if self.charging { step } else { -step }).clamp(0.0, 1.0);
        let cycles = self.discharged_ah / self.plan.nominal_ah;
        // Within a tenth of the nominal voltage, as far as most cells are charged and drained.
        let cell_v = self.plan.cell_v * (0.92 + 0.16 * self.soc);
        let current = self.plan.nominal_ah * if self.charging { 0.5 } else { -0.15 } * rng.random_range(0.9..1.1);
        let temp = 26.0 + rng.random_range(0.0..4.0);
        Battery {
            pack_id: self.plan.pack_id.clone(),
            voltage_v: resolved(cell_v * self.plan.cells, 0.01),
            current_a: resolved(current, 0.01),
            soc_start: Some(resolved(soc_start, 0.01)),
            soc_end: resolved(self.soc, 0.01),
            discharged_ah: resolved(self.discharged_ah, 0.1),
            charged_ah: Some(resolved(self.charged_ah, 0.1)),
            full_charge_ah: Some(resolved(self.plan.nominal_ah * (1.0 - 4.5e-5 * cycles).max(0.5), 0.01)),
            cell_min_v: Some(resolved(cell_v - 0.01, 0.001)),
            cell_max_v: Some(resolved(cell_v + 0.01, 0.001)),
            temp_min_c: resolved(temp, 0.1),
            temp_max_c: resolved(temp + 2.0, 0.1),
            ..Battery::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::blueprint;

    #[test]
    fn a_seed_gives_the_same_robot_and_its_counters_never_fall() {
        let id: RobotId = "CNAB12HX00010000000000000042A".parse().unwrap();
        let blueprint = &blueprint::fleet()[0];
        let mut twins = [7, 7].map(|seed| Robot::new(id, blueprint, 1, seed));
        let mut last = 0.0;
        for second in 0..50 {
            let window = (second * 1_000_000, (second + 1) * 1_000_000);
            let [a, b] = twins.each_mut().map(|twin| twin.work(window, 36_000.0));
            assert_eq!(a, b);
            assert!(a.counters.power_on_h > last && a.joints[0].input_rev_load > Some(0.0));
            last = a.counters.power_on_h;
        }
    }

    #[test]
    fn a_robot_that_is_resumed_goes_on_with_every_counter() {
        let id: RobotId = "CNAB12HX00010000000000000042A".parse().unwrap();
        for blueprint in blueprint::fleet() {
            let mut before = Robot::new(id, &blueprint, 1, 7);
            let last = (0..9).map(|n| before.work((n * 1_000_000, (n + 1) * 1_000_000), 36_000.0)).last().unwrap();
            let mut after = Robot::new(id, &blueprint, 2, 7);
            let stops = last.counters.protective_stop_count.unwrap();
            after.resume(&Past { power_on_h: last.counters.power_on_h, protective_stops: stops });
            let next = after.work((20_000_000, 21_000_000), 36_000.0);
            assert!(next.counters.power_on_h > last.counters.power_on_h);
            assert!(next.counters.protective_stop_count >= last.counters.protective_stop_count);
            assert!(next.counters.distance_m.is_none() || next.counters.distance_m > last.counters.distance_m);
            for (next, last) in next.joints.iter().zip(&last.joints) {
                assert!(next.input_rev > last.input_rev && next.input_rev_load > last.input_rev_load, "{next:?}");
            }
            for (next, last) in next.batteries.iter().zip(&last.batteries) {
                assert!(next.discharged_ah > last.discharged_ah && next.charged_ah > last.charged_ah, "{next:?}");
            }
        }
    }

    #[test]
    fn values_are_rounded_to_short_decimals() {
        assert_eq!(resolved(0.30000000000000004, 0.1), 0.3);
        assert_eq!(resolved(41.5499, 0.01), 41.55);
    }
}
