//! One robot of a cell as OPC 40010-1 has it: a motion device system with an arm, its controller and its safety state.

use opcua::types::{DataTypeId, ExtensionObject, LocalizedText, NodeId, RationalNumber, Variant};

use super::nodes::{EngineeringUnit, Nodes, Of};
use super::types;
use crate::simulate::live::LiveRobot;
use crate::simulate::robot::resolved;

const DEGREE: EngineeringUnit = EngineeringUnit("DD", "°");
const DEGREE_PER_SECOND: EngineeringUnit = EngineeringUnit("E96", "°/s");
const CELSIUS: EngineeringUnit = EngineeringUnit("CEL", "°C");
const KILOGRAM: EngineeringUnit = EngineeringUnit("KGM", "kg");
const KILOWATT_HOUR: EngineeringUnit = EngineeringUnit("KWH", "kW·h");
const PERCENT: EngineeringUnit = EngineeringUnit("P1", "%");

/// What the simulated robots are said to be.
const MAKER: &str = "Tachograph simulator";
const FIRMWARE: &str = "5.14.2";
const PROGRAM: &str = "PALLETIZE";
/// What their arms carry.
const PAYLOAD_KG: f64 = 4.2;
/// Values of enumerations of Robotics.
const ARTICULATED: i32 = 1;
const ROTARY: i32 = 1;
const AUTOMATIC: i32 = 3;
const CONTINUOUS: i32 = 1;
const MS_PER_H: f64 = 3_600_000.0;

/// Adds the robot with this place among the moments that are shown.
pub(super) fn add(nodes: &mut Nodes<'_>, robot: usize, live: &LiveRobot) {
    let devices = nodes.di(types::DEVICE_SET);
    let system = format!("Robot-{}", live.number());
    let system = nodes.object(&devices, Of::Own, &system, nodes.robotics(types::SYSTEM));
    let arm = device(nodes, &system, robot, live);
    let controller = controller(nodes, &system, robot, live);
    nodes.refer(&controller, &arm, types::CONTROLS);
    let states = nodes.folder(&system, "SafetyStates");
    let safety = nodes.object(&states, Of::Own, "Safety", nodes.robotics(types::SAFETY_STATE));
    let shown = nodes.parameters(&safety);
    let mode = nodes.robotics(types::OPERATIONAL_MODE);
    nodes.variable((&shown, Of::Robotics, "OperationalMode"), mode, robot, |_| Variant::Int32(AUTOMATIC));
    nodes.variable((&shown, Of::Robotics, "EmergencyStop"), DataTypeId::Boolean, robot, |_| Variant::Boolean(false));
    nodes.variable((&shown, Of::Robotics, "ProtectiveStop"), DataTypeId::Boolean, robot, |moment| {
        Variant::Boolean(moment.protective_stop)
    });
}

fn device(nodes: &mut Nodes<'_>, system: &NodeId, robot: usize, live: &LiveRobot) -> NodeId {
    let folder = nodes.folder(system, "MotionDevices");
    let arm = nodes.object(&folder, Of::Own, "Arm", nodes.robotics(types::MOTION_DEVICE));
    nameplate(nodes, &arm, "K6", &format!("SN-{}", live.number()));
    nodes.property(&arm, Of::Di, "AssetId", live.id().as_str());
    nodes.property(&arm, Of::Di, "ProductInstanceUri", format!("urn:tachograph:simulated:{}", live.id()));
    let category = nodes.robotics(types::CATEGORY);
    nodes.typed_property(&arm, Of::Robotics, "MotionDeviceCategory", Some(category), ARTICULATED);
    let shown = nodes.parameters(&arm);
    nodes.analog((&shown, Of::Robotics, "SpeedOverride"), PERCENT, robot, |_| 100.0);
    let counters = nodes.object(&arm, Of::Di, "OperationCounters", nodes.di(types::FUNCTIONAL_GROUP));
    nodes.variable((&counters, Of::Di, "OperationDuration"), DataTypeId::Duration, robot, |moment| {
        Variant::Double((moment.motion_h * MS_PER_H).round())
    });
    let load = nodes.object(&arm, Of::Robotics, "FlangeLoad", nodes.robotics(types::LOAD));
    nodes.analog((&load, Of::Robotics, "Mass"), KILOGRAM, robot, |_| PAYLOAD_KG);
    let (axes, trains) = (nodes.folder(&arm, "Axes"), nodes.folder(&arm, "PowerTrains"));
    for (joint, (name, ratio)) in live.joints().enumerate() {
        self::joint(nodes, (&axes, &trains), (robot, joint), name, ratio);
    }
    arm
}

/// An axis, and the power train that moves it.
fn joint(
    nodes: &mut Nodes<'_>,
    (axes, trains): (&NodeId, &NodeId),
    (robot, joint): (usize, usize),
    name: &str,
    ratio: f64,
) {
    let axis = nodes.object(axes, Of::Own, name, nodes.robotics(types::AXIS));
    let profile = nodes.robotics(types::MOTION_PROFILE);
    nodes.typed_property(&axis, Of::Robotics, "MotionProfile", Some(profile), ROTARY);
    let shown = nodes.parameters(&axis);
    nodes.analog((&shown, Of::Robotics, "ActualPosition"), DEGREE, robot, move |moment| {
        resolved(moment.joints[joint].position_rad.to_degrees(), 0.001)
    });
    nodes.analog((&shown, Of::Robotics, "ActualSpeed"), DEGREE_PER_SECOND, robot, move |moment| {
        resolved(moment.joints[joint].speed_rad_s.to_degrees(), 0.01)
    });
    let train = nodes.object(trains, Of::Own, &format!("Train-{name}"), nodes.robotics(types::POWER_TRAIN));
    nodes.refer(&axis, &train, types::REQUIRES);
    nodes.refer(&train, &axis, types::MOVES);
    let motor = nodes.object(&train, Of::Own, "Motor", nodes.robotics(types::MOTOR));
    nameplate(nodes, &motor, "M1", &format!("SN-M-{name}"));
    let shown = nodes.parameters(&motor);
    nodes.analog((&shown, Of::Robotics, "MotorTemperature"), CELSIUS, robot, move |moment| {
        resolved(moment.joints[joint].temp_motor_c, 0.1)
    });
    let load = (&shown, Of::Robotics, "EffectiveLoadRate");
    nodes.variable(load, DataTypeId::UInt16, robot, move |moment| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a percentage, at most of some 100"
        )]
        let percent = (moment.joints[joint].load * 100.0).round() as u16;
        Variant::UInt16(percent)
    });
    let gear = nodes.object(&train, Of::Own, "Gear", nodes.robotics(types::GEAR));
    nameplate(nodes, &gear, "G1", &format!("SN-G-{name}"));
    let ratio = Variant::ExtensionObject(ExtensionObject::from_message(rational(ratio)));
    nodes.typed_property(&gear, Of::Robotics, "GearRatio", Some(DataTypeId::RationalNumber.into()), ratio);
}

fn controller(nodes: &mut Nodes<'_>, system: &NodeId, robot: usize, live: &LiveRobot) -> NodeId {
    let folder = nodes.folder(system, "Controllers");
    let controller = nodes.object(&folder, Of::Own, "Controller", nodes.robotics(types::CONTROLLER));
    nameplate(nodes, &controller, "C6", &format!("SN-C-{}", live.number()));
    let user = nodes.object(&controller, Of::Robotics, "CurrentUser", nodes.robotics(types::USER));
    nodes.property(&user, Of::Robotics, "Level", "operator");
    let shown = nodes.parameters(&controller);
    nodes.variable((&shown, Of::Robotics, "TotalPowerOnTime"), DataTypeId::DurationString, robot, |moment| {
        Variant::from(duration(moment.power_on_h))
    });
    nodes.analog((&shown, Of::Robotics, "TotalEnergyConsumption"), KILOWATT_HOUR, robot, |moment| {
        resolved(moment.energy_kwh, 0.001)
    });
    let software = nodes.folder(&controller, "Software");
    let software = nodes.object(&software, Of::Own, "Firmware", nodes.di(types::SOFTWARE));
    nodes.property(&software, Of::Di, "Manufacturer", LocalizedText::new("", MAKER));
    nodes.property(&software, Of::Di, "Model", LocalizedText::new("", "Firmware"));
    nodes.property(&software, Of::Di, "SoftwareRevision", FIRMWARE);
    let tasks = nodes.folder(&controller, "TaskControls");
    let task = nodes.object(&tasks, Of::Own, "Task", nodes.robotics(types::TASK_CONTROL));
    nodes.property(&task, Of::Di, "ComponentName", LocalizedText::new("", "Task"));
    let shown = nodes.parameters(&task);
    nodes.variable((&shown, Of::Robotics, "TaskProgramName"), DataTypeId::String, robot, |_| Variant::from(PROGRAM));
    nodes.variable((&shown, Of::Robotics, "TaskProgramLoaded"), DataTypeId::Boolean, robot, |_| Variant::Boolean(true));
    let mode = nodes.robotics(types::EXECUTION_MODE);
    nodes.variable((&shown, Of::Robotics, "ExecutionMode"), mode, robot, |_| Variant::Int32(CONTINUOUS));
    controller
}

/// What DI asks every device to say of itself.
fn nameplate(nodes: &mut Nodes<'_>, device: &NodeId, model: &str, serial: &str) {
    nodes.property(device, Of::Di, "Manufacturer", LocalizedText::new("", MAKER));
    nodes.property(device, Of::Di, "Model", LocalizedText::new("", model));
    nodes.property(device, Of::Di, "ProductCode", model);
    nodes.property(device, Of::Di, "SerialNumber", serial);
}

/// A gear ratio with two decimals.
fn rational(ratio: f64) -> RationalNumber {
    #[expect(clippy::cast_possible_truncation, reason = "ratios of gears are of some hundreds")]
    let numerator = (ratio * 100.0).round() as i32;
    if numerator % 100 == 0 {
        RationalNumber { numerator: numerator / 100, denominator: 1 }
    } else {
        RationalNumber { numerator, denominator: 100 }
    }
}

/// Hours as ISO 8601 has durations.
fn duration(hours: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "hours of a life")]
    let seconds = (hours * 3600.0) as u64;
    format!("PT{}H{}M{}S", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_and_ratios_are_told_as_the_specification_has_them() {
        assert_eq!(duration(1204.5), "PT1204H30M0S");
        assert_eq!(rational(101.0), RationalNumber { numerator: 101, denominator: 1 });
        assert_eq!(rational(80.5), RationalNumber { numerator: 8050, denominator: 100 });
    }
}
