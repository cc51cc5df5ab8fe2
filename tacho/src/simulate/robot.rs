//! A simulated robot: works, warms up, wears and drains its battery, and says so in records.
//!
//! Values are rounded to what a real sensor resolves, so that sizes measured on a simulated fleet mean
//! something. The same seed gives the same values; only the windows' times come from outside.

use std::f64::consts::PI;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tacho_schemas::RobotId;
use tacho_schemas::record::{Counters, Event, Motion, Record, RobotKind, Severity, Vibration};

use super::blueprint::Blueprint;
use super::checks;
use super::joint::SimJoint;
use super::pack::SimPack;

/// What a mobile robot drives in an hour.
const METRES_PER_H: f64 = 900.0;

/// Mean power while it is on, kW.
const KW: f64 = 0.34;

/// A simulated robot.
#[derive(Debug)]
pub(crate) struct Robot {
    id: RobotId,
    kind: RobotKind,
    stream_epoch: i64,
    next_seq: i64,
    pub(super) power_on_h: f64,
    /// Share of its time that it moves.
    pub(super) duty: f64,
    pub(super) joints: Vec<SimJoint>,
    packs: Vec<SimPack>,
    travelled_m: f64,
    pub(super) stops: i64,
    pub(super) rng: StdRng,
}

/// What is known of a robot's life before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Past {
    pub(crate) power_on_h: f64,
    pub(crate) protective_stops: i64,
}

/// Rounds to a sensor's resolution.
pub(super) fn resolved(value: f64, resolution: f64) -> f64 {
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
            record.vibration = vec![self.drive_vibration()];
        }
        if self.kind == RobotKind::Arm && checks::are_due(record.seq) {
            checks::run(&mut record, &self.joints, &mut self.rng);
        }
        record
    }

    /// Hours in motion so far.
    pub(super) fn motion_h(&self) -> f64 {
        self.power_on_h * self.duty
    }

    /// What it has used so far.
    pub(super) fn energy_kwh(&self) -> f64 {
        self.power_on_h * KW
    }

    fn counters(&self) -> Counters {
        Counters {
            power_on_h: resolved(self.power_on_h, 0.001),
            servo_on_h: Some(resolved(self.power_on_h * 0.95, 0.001)),
            motion_h: Some(resolved(self.motion_h(), 0.001)),
            energy_kwh: Some(resolved(self.energy_kwh(), 0.01)),
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

    fn drive_vibration(&mut self) -> Vibration {
        let velocity = 0.6 + self.duty * self.rng.random_range(0.9..1.1);
        Vibration {
            index: 0,
            location: "drive".into(),
            machine_class: Some("I".into()),
            velocity_rms_mm_s: Some(resolved(velocity, 0.01)),
            acceleration_rms_m_s2: Some(resolved(velocity * 0.4, 0.01)),
            ..Vibration::default()
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
