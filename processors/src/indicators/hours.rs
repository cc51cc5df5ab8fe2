//! Hours in operation of a component, pauses of its cycle included, as the catalogue's duty cycle counts them.
//!
//! A record has the hours of the robot. They are those of a joint's component only while it is the robot's first one, which a
//! record cannot say of a component that it names: processors see no record but this one.

use tacho_schemas::reason::Absent;
use tacho_schemas::record::{Counters, Joint};

use super::{Indicator, Method, Traced};

/// Hours of the component, h: of one that the record names (`component_id`, or an epoch above 0) those that its temperature
/// histogram counts, else those of the robot with servos on, else those under power (hours in motion would leave the pauses out).
///
/// # Errors
/// [`Absent::NoOperatingHours`] if the component is named and has no histogram: the robot's hours need not be its own.
pub fn of_component(joint: &Joint, counters: &Counters) -> Traced {
    if joint.component_id.is_some() || joint.component_epoch > 0 {
        let hours = joint.temp_hist_h.as_deref().ok_or(Absent::NoOperatingHours)?;
        return Ok((hours.iter().sum(), Method::TempHistogram));
    }
    Ok(match counters.servo_on_h {
        Some(hours) => (hours, Method::Sent),
        None => (counters.power_on_h, Method::PowerOn),
    })
}

/// Hours by the formulas before 2026.3: the robot's, whatever component is named.
///
/// # Errors
/// [`Absent::NoOperatingHours`] if the component was replaced (`component_epoch` > 0).
pub fn of_robot(counters: &Counters, component_epoch: i64) -> Indicator {
    if component_epoch > 0 {
        return Err(Absent::NoOperatingHours);
    }
    Ok(counters.servo_on_h.unwrap_or(counters.power_on_h))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_of_the_robot_are_not_those_of_a_component_that_has_a_name() {
        let robot = Counters { power_on_h: 20_000.0, servo_on_h: Some(18_000.0), ..Counters::default() };
        let first = Joint::default();
        assert_eq!(of_component(&first, &robot), Ok((18_000.0, Method::Sent)));
        let under_power = Counters { servo_on_h: None, ..robot.clone() };
        assert_eq!(of_component(&first, &under_power), Ok((20_000.0, Method::PowerOn)));
        let named = Joint { component_id: Some("B".into()), ..Joint::default() };
        assert_eq!(of_component(&named, &robot), Err(Absent::NoOperatingHours));
        let second = Joint { component_epoch: 1, ..Joint::default() };
        assert_eq!(of_component(&second, &robot), Err(Absent::NoOperatingHours));
        let hours = [0.0, 0.0, 100.0, 50.0, 0.0, 0.0, 0.0, 0.0];
        let own = Joint { temp_hist_h: Some(Box::new(hours)), ..named };
        assert_eq!(of_component(&own, &robot), Ok((150.0, Method::TempHistogram)));
    }
}
