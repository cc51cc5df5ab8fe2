//! A simulated robot from moment to moment, as its controller shows it to those who look: it lives at the pace of the
//! clock, works in cycles, stands still between them, and stops for protection now and then. What it is and how it wears
//! is in `robot` and `joint`.

use rand::RngExt as _;
use tacho_schemas::RobotId;
use tacho_schemas::record::RobotKind;

use super::blueprint;
use super::fleet::robot_of;
use super::joint::JointMoment;
use super::robot::{Past, Robot};

/// Length of a cycle of work.
const CYCLE_S: f64 = 12.0;
/// How long a protective stop lasts.
const STOP_S: f64 = 5.0;
/// Share of the cycles in which there is one.
const STOPS: f64 = 0.01;

/// A robot that lives at the pace of the clock.
#[derive(Debug)]
pub(crate) struct LiveRobot {
    robot: Robot,
    /// Number of the robot, from 1 on.
    number: u32,
    cycle_s: f64,
    stop_left_s: f64,
}

/// What a controller shows at a moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moment {
    pub(crate) power_on_h: f64,
    pub(crate) motion_h: f64,
    pub(crate) energy_kwh: f64,
    pub(crate) protective_stop: bool,
    pub(crate) joints: Vec<JointMoment>,
}

/// The arms of a cell, the first with this number at the end of its ID.
pub(crate) fn arms(robots: u32, first: u32, seed: u64) -> Vec<LiveRobot> {
    let models: Vec<_> = blueprint::fleet().into_iter().filter(|model| model.kind == RobotKind::Arm).collect();
    let arm = |(number, model)| LiveRobot::new(robot_of(model, first, number, 0, seed), number + 1);
    (0..robots).zip(models.iter().cycle()).map(arm).collect()
}

impl LiveRobot {
    fn new(robot: Robot, number: u32) -> Self {
        Self { robot, number, cycle_s: 0.0, stop_left_s: 0.0 }
    }

    pub(crate) fn id(&self) -> RobotId {
        self.robot.id()
    }

    /// Its number in the cell, from 1 on.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Names of its joints, and revolutions of the input of each reducer per revolution of its output.
    pub(crate) fn joints(&self) -> impl Iterator<Item = (&str, f64)> {
        self.robot.joints.iter().map(|joint| (&*joint.plan.name, joint.plan.ratio))
    }

    /// Lives on from there.
    pub(crate) fn resume(&mut self, past: &Past) {
        self.robot.resume(past);
    }

    /// Lives for so many seconds, and shows what is then.
    pub(crate) fn live(&mut self, seconds: f64) -> Moment {
        let robot = &mut self.robot;
        robot.power_on_h += seconds / 3600.0;
        self.stop_left_s = (self.stop_left_s - seconds).max(0.0);
        self.cycle_s += seconds;
        if self.cycle_s >= CYCLE_S {
            self.cycle_s %= CYCLE_S;
            if robot.rng.random_bool(STOPS) {
                robot.stops += 1;
                self.stop_left_s = STOP_S;
            }
        }
        let protective_stop = self.stop_left_s > 0.0;
        let moves = !protective_stop && self.cycle_s < robot.duty * CYCLE_S;
        let joints = robot.joints.iter_mut().map(|joint| joint.live(seconds, moves, &mut robot.rng)).collect();
        let (motion_h, energy_kwh) = (robot.motion_h(), robot.energy_kwh());
        Moment { power_on_h: robot.power_on_h, motion_h, energy_kwh, protective_stop, joints }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_what_the_speed_makes_of_it_and_nothing_runs_faster_than_the_clock() {
        let mut cell = arms(2, 7, 1);
        assert!(cell[0].id().as_str().ends_with('7') && cell[1].id().as_str().ends_with('8'));
        let robot = &mut cell[0];
        let first = robot.live(0.0);
        let (mut before, mut moved, mut stood) = (first.clone(), 0, 0);
        for _ in 0..20_000 {
            let now = robot.live(0.2);
            for (now, before) in now.joints.iter().zip(&before.joints) {
                assert!(now.position_rad.abs() <= std::f64::consts::FRAC_PI_2);
                let way = (now.position_rad - before.position_rad).abs();
                // Where it turns round, the way is shorter than the speed says.
                assert!(way <= now.speed_rad_s.abs() * 0.2 + 1e-9, "{now:?} after {before:?}");
                assert!((20.0..70.0).contains(&now.temp_motor_c), "{now:?}");
            }
            let moves = now.joints.iter().any(|joint| joint.speed_rad_s != 0.0);
            assert!(!(moves && now.protective_stop));
            (moved, stood) = if moves { (moved + 1, stood) } else { (moved, stood + 1) };
            before = now;
        }
        assert!(moved > 4_000 && stood > 2_000, "{moved} {stood}");
        assert!((before.power_on_h - first.power_on_h - 4_000.0 / 3600.0).abs() < 1e-6);
        assert!(before.motion_h > first.motion_h && before.energy_kwh > first.energy_kwh);
    }
}
