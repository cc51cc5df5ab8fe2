//! Robots by the types of OPC 40010-1 (Robotics), with the counters of DI and Machinery that stand in them: which variable
//! of a motion device, an axis, a motor, a controller or a safety state is which field.

use std::collections::BTreeMap;

use tacho_config::settings::opcua::{CounterField, Field, JointField, RobotField};
use tacho_schemas::record::Severity;

use super::kinds::{Kind, Seen};

/// Namespace of the types.
pub(super) const NAMESPACE: &str = "http://opcfoundation.org/UA/Robotics/";
/// Variables of this type of Part 5 have no unit of their own: they are in milliseconds.
const DURATION: Option<&str> = Some("ms");

/// Names of variables that are known, and of the ratio of a gear.
const NAMES: [&str; 17] = [
    "ActualPosition",
    "ActualSpeed",
    "DeviceHealth",
    "EmergencyStop",
    "ExecutionMode",
    "GearRatio",
    "InControl",
    "Mass",
    "MotorTemperature",
    "OperationDuration",
    "OperationalMode",
    "PowerOnDuration",
    "ProtectiveStop",
    "SoftwareRevision",
    "TaskProgramName",
    "TotalEnergyConsumption",
    "TotalPowerOnTime",
];

/// Properties that say which device it is.
const IDENTIFICATION: [&str; 7] =
    ["AssetId", "ProductInstanceUri", "SerialNumber", "ComponentName", "Manufacturer", "Model", "ProductCode"];

/// A variable that may be a field of a robot.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Candidate {
    pub(super) field: Field,
    /// Of several for a field, the one of the least rank is taken, then the first by its path.
    rank: u8,
    path: String,
    pub(super) place: usize,
    /// The unit of its values, where its type says it.
    pub(super) unit: Option<&'static str>,
}

/// The motion devices of a server.
pub(super) fn devices(seen: &Seen) -> Vec<usize> {
    seen.all(Kind::MotionDevice).collect()
}

/// The nodes whose names are of interest.
pub(super) fn named(seen: &Seen) -> Vec<usize> {
    let is_known = |place: &usize| {
        let name = seen.tree.nodes[*place].name.as_str();
        NAMES.contains(&name) || IDENTIFICATION.contains(&name)
    };
    (0..seen.tree.nodes.len()).filter(is_known).collect()
}

/// What of named nodes may be a field of a motion device, the best of each field first: its own variables, and those of
/// its system that belong to no other device.
pub(super) fn candidates(seen: &Seen, named: &[usize], device: usize) -> Vec<Candidate> {
    let system = seen.above(device, Kind::System);
    let is_controlled = |place: &usize| seen.linked(*place, device);
    let controllers: Vec<_> = seen.all(Kind::Controller).filter(is_controlled).collect();
    let mut found = Vec::new();
    for place in named.iter().copied() {
        let is_ours = match seen.above(place, Kind::MotionDevice) {
            Some(of) => of == device,
            None => system.is_some() && seen.above(place, Kind::System) == system,
        };
        let controller = seen.above(place, Kind::Controller).filter(|_| !controllers.is_empty());
        if is_ours && controller.is_none_or(|controller| controllers.contains(&controller)) {
            let fields = fields(seen, place).into_iter();
            let path = seen.tree.path(place);
            found.extend(fields.map(|(rank, field, unit)| Candidate { field, rank, path: path.clone(), place, unit }));
        }
    }
    found.sort_by(|a, b| (&a.field, a.rank, &a.path).cmp(&(&b.field, b.rank, &b.path)));
    found
}

type Ranked = (u8, Field, Option<&'static str>);

/// The fields that a variable may be.
fn fields(seen: &Seen, place: usize) -> Vec<Ranked> {
    let node = &seen.tree.nodes[place];
    let Some((owner, kind)) = seen.owner(place).filter(|(owner, _)| *owner != place) else { return Vec::new() };
    if node.is_property() {
        let is_firmware = kind == Kind::Controller && node.name == "SoftwareRevision";
        let rank = u8::from(!seen.tree.is_within(place, "Software"));
        return if is_firmware { vec![(rank, Field::Robot(RobotField::Firmware), None)] } else { Vec::new() };
    }
    if !node.is_value() {
        return Vec::new();
    }
    let joint = |field| vec![(0, Field::Joint(joint_of(seen, owner), field), None)];
    let counter = |rank, field, unit| vec![(rank, Field::Counter(field), unit)];
    let event = |severity, code: &str| (0, Field::Event(severity, code.to_owned()), None);
    match (kind, node.name.as_str()) {
        (Kind::Axis, "ActualPosition") => joint(JointField::Position),
        (Kind::Axis, "ActualSpeed") => joint(JointField::Speed),
        (Kind::Motor, "MotorTemperature") => joint(JointField::TempMotor),
        (Kind::Load, "Mass") if seen.tree.nodes[owner].name == "FlangeLoad" => {
            vec![(0, Field::Robot(RobotField::Payload), None)]
        }
        (Kind::MotionDevice, "InControl") => counter(0, CounterField::ServoOn, None),
        (Kind::Controller, "TotalPowerOnTime") => counter(0, CounterField::PowerOn, None),
        (Kind::Controller, "PowerOnDuration") => counter(1, CounterField::PowerOn, DURATION),
        (Kind::MotionDevice, "PowerOnDuration") => counter(2, CounterField::PowerOn, DURATION),
        (Kind::MotionDevice, "OperationDuration") => counter(0, CounterField::Motion, DURATION),
        (Kind::Controller, "TotalEnergyConsumption") => counter(0, CounterField::Energy, None),
        (Kind::SafetyState, "OperationalMode") => vec![(0, Field::Robot(RobotField::OperationalMode), None)],
        (Kind::SafetyState, "EmergencyStop") => {
            let counted = (0, Field::Counter(CounterField::EStops), None);
            vec![counted, event(Severity::Error, "EMERGENCY_STOP")]
        }
        (Kind::SafetyState, "ProtectiveStop") => {
            let counted = (0, Field::Counter(CounterField::ProtectiveStops), None);
            vec![counted, event(Severity::Warning, "PROTECTIVE_STOP")]
        }
        (Kind::MotionDevice, "DeviceHealth") => vec![event(Severity::Warning, "DEVICE_HEALTH")],
        (Kind::Controller, "DeviceHealth") => vec![event(Severity::Warning, "CONTROLLER_HEALTH")],
        (Kind::TaskControl, "TaskProgramName") => vec![event(Severity::Info, "TASK_PROGRAM")],
        (Kind::TaskControl, "ExecutionMode") => vec![event(Severity::Info, "EXECUTION_MODE")],
        _ => Vec::new(),
    }
}

/// The joint of an axis; that of a motor or a gear is the one axis that its power train moves, else the train by its name.
fn joint_of(seen: &Seen, owner: usize) -> String {
    let name = |place: usize| seen.tree.nodes[place].name.clone();
    if seen.kind(owner) == Some(Kind::Axis) {
        return name(owner);
    }
    let Some(train) = seen.above(owner, Kind::PowerTrain) else { return name(owner) };
    let moved: Vec<_> = seen.all(Kind::Axis).filter(|axis| seen.linked(*axis, train)).collect();
    match moved.as_slice() {
        [axis] => name(*axis),
        _ => name(train),
    }
}

/// The nodes that hold ratios of gears, each with its joint; none of a joint that has several gears.
pub(super) fn gears(seen: &Seen, named: &[usize], device: usize) -> BTreeMap<String, usize> {
    let mut gears = BTreeMap::<String, Vec<usize>>::new();
    for place in named.iter().copied() {
        let Some((owner, Kind::Gear)) = seen.owner(place) else { continue };
        if seen.tree.nodes[place].name == "GearRatio" && seen.above(place, Kind::MotionDevice) == Some(device) {
            gears.entry(joint_of(seen, owner)).or_default().push(place);
        }
    }
    gears
        .into_iter()
        .filter_map(|(joint, places)| Some((joint, *places.first().filter(|_| places.len() == 1)?)))
        .collect()
}

/// The properties that say which device it is.
pub(super) fn identification(seen: &Seen, named: &[usize], device: usize) -> Vec<usize> {
    let is_told = |place: &usize| {
        let node = &seen.tree.nodes[*place];
        node.is_property() && IDENTIFICATION.contains(&node.name.as_str()) && seen.tree.identifies(*place, device)
    };
    named.iter().copied().filter(is_told).collect()
}
