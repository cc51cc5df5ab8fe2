//! What values amount to while they hold: hours, revolutions and their loads, charges.
//!
//! A value holds until the next one, or until the server was last heard before a gap.

use tacho_config::settings::opcua::{BatteryField, Field, JointField};

use super::joint::Held as JointHeld;
use super::robot::{Place, RobotState, S_PER_H, Window, is_hours, ratings};
use super::signal::{Held, Moment, SignalState};
use super::stats::seconds;
use super::table::RobotEntry;

impl RobotState {
    /// What a signal held until a moment is integrated.
    pub(super) fn integrate(&mut self, robot: &RobotEntry, fields: &[Field], field: &Field, until: Moment) {
        let held = self.signals.get_mut(&field.to_string()).and_then(SignalState::held_mut);
        let Some((held, us)) = held.map(|held| (*held, held.books(&until))).filter(|(_, us)| *us > 0) else { return };
        let Held { value, is_truth, .. } = held;
        let hours = seconds(us) / S_PER_H;
        match field {
            Field::Counter(field) if is_truth && is_hours(*field) && value != 0.0 => {
                self.counters.entry(field.name().to_owned()).or_default().adds(hours);
            }
            Field::Joint(name, JointField::TempMotor) => {
                self.joints.entry(name.clone()).or_default().was_warm(value, hours);
            }
            Field::Joint(name, JointField::Speed) => self.turned(robot, name, value * seconds(us)),
            Field::Battery(pack, BatteryField::Current) => {
                let (name, counted) = match value < 0.0 {
                    true => (BatteryField::DischargedCharge, -value),
                    false => (BatteryField::ChargedCharge, value),
                };
                if !fields.contains(&Field::Battery(pack.clone(), name)) {
                    let counters = self.batteries.entry(pack.clone()).or_default();
                    counters.entry(name.name().to_owned()).or_default().adds(counted * hours);
                }
            }
            _ => {}
        }
    }

    /// What all signals held while the server was heard is integrated.
    pub(super) fn integrate_all(&mut self, robot: &RobotEntry, fields: &[Field]) {
        let heard = Moment { lived_us: self.lived_us, ..Moment::default() };
        for field in fields {
            self.joint_bore(robot, field, heard);
            self.integrate(robot, fields, field, heard);
        }
    }

    /// What a window has of values that hold until a time of receipt.
    pub(super) fn weigh(&self, window: &mut Window, received_us: i64, window_us: i64) {
        for (field, stats) in &mut window.stats {
            let signal = self.signals.get(&field.to_string());
            if stats.has_samples() && signal.and_then(SignalState::held_value).is_some() {
                stats.held_until(received_us, window_us);
            }
        }
    }

    /// A joint went from one position to another, where no speed tells more.
    pub(super) fn turned_to(&mut self, place: Place<'_>, from: f64, to: f64) {
        if let Field::Joint(name, JointField::Position) = place.field
            && !place.fields.contains(&Field::Joint(name.clone(), JointField::Speed))
        {
            self.turned(place.robot, name, to - from);
        }
    }

    fn turned(&mut self, robot: &RobotEntry, joint: &str, angle_rad: f64) {
        let held = self.of_other_signals(joint);
        if let Some(ratings) = ratings(robot, joint) {
            self.joints.entry(joint.to_owned()).or_default().turned(angle_rad, held, ratings);
        }
    }

    /// What a joint bore until a moment, where the field has to do with it.
    pub(super) fn joint_bore(&mut self, robot: &RobotEntry, field: &Field, until: Moment) {
        let Field::Joint(name, of) = field else { return };
        let counts =
            matches!(of, JointField::Speed | JointField::Position | JointField::Torque | JointField::TempReducer);
        let held = self.of_other_signals(name);
        if let Some(ratings) = ratings(robot, name).filter(|ratings| counts && ratings.gear_ratio.is_some()) {
            self.joints.entry(name.clone()).or_default().bore(until, held, ratings);
        }
    }

    /// What the joint's other signals hold while it turns.
    fn of_other_signals(&self, joint: &str) -> JointHeld {
        let held = |field| {
            let signal = self.signals.get(&Field::Joint(joint.to_owned(), field).to_string());
            signal.and_then(SignalState::held_value)
        };
        JointHeld { torque_nm: held(JointField::Torque), temp_reducer_c: held(JointField::TempReducer) }
    }
}
