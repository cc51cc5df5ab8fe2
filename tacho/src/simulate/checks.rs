//! The test routine of a simulated arm: a reference motion, lost motion, brakes, and a pose test after ISO 9283.

use rand::RngExt as _;
use rand::rngs::StdRng;
use tacho_schemas::record::{PoseTest, Record};

use super::joint::SimJoint;
use super::robot::resolved;

/// Records between two routines, as a shift's check is rare among its records.
const EVERY: i64 = 50;
/// Pose that is commanded, m and rad.
const POSE: [f64; 6] = [0.6, 0.1, 0.45, 0.0, 1.57, 0.0];
/// Cycles of a pose test (ISO 9283 asks for 30).
const CYCLES: usize = 30;

/// Whether the record with this number reports a routine.
pub(super) fn are_due(seq: i64) -> bool {
    seq % EVERY == 2
}

/// Runs the routine, and reports it in a record. Joints under more load have more friction and more play.
pub(super) fn run(record: &mut Record, joints: &[SimJoint], rng: &mut StdRng) {
    for (reported, joint) in record.joints.iter_mut().zip(joints) {
        let friction = joint.plan.rated_torque_nm * 0.06 * (1.0 + 0.3 * joint.load) * rng.random_range(0.97..1.03);
        reported.friction_test_speed_rad_s = Some(0.5);
        reported.friction_test_torque_nm = Some(resolved(friction, 0.01));
        reported.lost_motion_arcmin = Some(resolved(0.4 + 0.4 * joint.load, 0.01));
        reported.brake_hold_ratio = Some(resolved(rng.random_range(1.5..1.9), 0.01));
    }
    let mut attained = |_cycle| {
        let near =
            |value: f64, spread: f64, rng: &mut StdRng| resolved(value + rng.random_range(-spread..spread), 1e-6);
        let mut pose = POSE.map(|value| near(value, 2e-5, rng));
        pose[0] = near(POSE[0] + 8e-5, 2e-5, rng);
        pose
    };
    let attained = (0..CYCLES).map(&mut attained).collect();
    record.pose_test = Some(Box::new(PoseTest {
        command: Some(Box::new(POSE)),
        attained: Some(attained),
        ambient_temp_c: record.ambient_temp_c,
    }));
}
