//! What a signal can feed: the fields of a record, as `joints.J1.speed_rad_s` or `counters.power_on_h`.
//!
//! A joint's speed is one signal, of which the record has the root mean square, the greatest amount and the revolutions;
//! so the names here are those of the record without the statistic.

use std::fmt;

use tacho_schemas::record::Severity;

use super::unit::{Dimension, Unit};

const NAME_BYTES_MAX: usize = 256;

/// What a signal feeds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// A cumulative counter of the robot. A Boolean node is counted: its time in hours, else its rising edges.
    Counter(CounterField),
    /// Of a joint, by its name.
    Joint(String, JointField),
    /// Of a battery pack, by its ID.
    Battery(String, BatteryField),
    /// Of the robot as it is now.
    Robot(RobotField),
    /// An event whenever a Boolean node rises, or another one changes to something else than 0 or an empty text.
    Event(Severity, String),
    /// What the file has is no field, which is a problem of its own.
    Unknown,
}

/// Declares a closed set of fields: variant, name in a record, unit.
macro_rules! closed_set {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal, $unit:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $(#[doc = concat!("`", $text, "`, in ", $unit, ".")] $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The unit that a record has it in, if it has one.
            pub fn unit(self) -> Option<Unit> {
                Unit::parse(match self { $(Self::$variant => $unit,)* })
            }

            fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|field| field.name() == name)
            }
        }
    };
}

closed_set! {
    /// Cumulative counters of a robot.
    CounterField {
        PowerOn = "power_on_h", "h";
        ServoOn = "servo_on_h", "h";
        Motion = "motion_h", "h";
        Energy = "energy_kwh", "kWh";
        EStops = "estop_count", "no unit";
        ProtectiveStops = "protective_stop_count", "no unit";
        Collisions = "collision_count", "no unit";
        Errors = "error_count", "no unit";
        DynamicBrakings = "brake_dynamic_count", "no unit";
        BrakeEnergy = "brake_energy_j", "J";
        Distance = "distance_m", "m";
        Steps = "step_count", "no unit";
    }
}

closed_set! {
    /// Signals of a joint.
    JointField {
        Position = "position_rad", "rad";
        Speed = "speed_rad_s", "rad/s";
        Torque = "torque_nm", "Nm";
        Current = "current_a", "A";
        FollowingError = "following_error_rad", "rad";
        TempMotor = "temp_motor_c", "degC";
        TempReducer = "temp_reducer_c", "degC";
        TempDrive = "temp_drive_c", "degC";
        InputRev = "input_rev", "no unit";
        InputRevLoad = "input_rev_load", "no unit";
        PeakTorqueCount = "peak_torque_count", "no unit";
        MomentaryPeakCount = "momentary_peak_count", "no unit";
        TorqueResidual = "torque_residual_rms_nm", "Nm";
        FrictionResidual = "friction_residual_nm", "Nm";
        LostMotion = "lost_motion_arcmin", "arcmin";
        BrakeHold = "brake_hold_ratio", "1";
    }
}

closed_set! {
    /// Signals of a battery pack.
    BatteryField {
        Voltage = "voltage_v", "V";
        Current = "current_a", "A";
        Soc = "soc", "1";
        DischargedCharge = "discharged_ah", "Ah";
        ChargedCharge = "charged_ah", "Ah";
        FullCharge = "full_charge_ah", "Ah";
        CycleCount = "bms_cycle_count", "no unit";
        Health = "bms_soh", "1";
        CellMin = "cell_min_v", "V";
        CellMax = "cell_max_v", "V";
        Temp = "temp_c", "degC";
    }
}

closed_set! {
    /// What a robot is now.
    RobotField {
        OperationalMode = "operational_mode", "no unit";
        Firmware = "firmware", "no unit";
        Payload = "payload_kg", "kg";
        AmbientTemp = "ambient_temp_c", "degC";
    }
}

impl Field {
    pub(super) const EXPECTED: &str = "a field such as \"counters.power_on_h\", \"joints.J1.speed_rad_s\", \
        \"batteries.PACK.soc\", \"operational_mode\" or \"events.error.CODE\"; docs/opcua.md lists them";

    /// The hours of power-on, which every record must have.
    pub fn power_on() -> Self {
        Self::Counter(CounterField::PowerOn)
    }

    /// The field of this name.
    pub fn parse(text: &str) -> Option<Self> {
        let named = |name: &str| {
            let sound = !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains(char::is_control);
            sound.then(|| name.to_owned())
        };
        let Some((section, rest)) = text.split_once('.') else {
            return RobotField::parse(text).map(Self::Robot);
        };
        match section {
            "counters" => CounterField::parse(rest).map(Self::Counter),
            "joints" => {
                let (name, field) = rest.rsplit_once('.')?;
                Some(Self::Joint(named(name)?, JointField::parse(field)?))
            }
            "batteries" => {
                let (pack, field) = rest.rsplit_once('.')?;
                Some(Self::Battery(named(pack)?, BatteryField::parse(field)?))
            }
            "events" => {
                let (severity, code) = rest.split_once('.')?;
                Some(Self::Event(Severity::parse(severity)?, named(code)?))
            }
            _ => None,
        }
    }

    /// The unit that a record has it in, if it has one.
    pub fn unit(&self) -> Option<Unit> {
        match self {
            Self::Counter(field) => field.unit(),
            Self::Joint(_, field) => field.unit(),
            Self::Battery(_, field) => field.unit(),
            Self::Robot(field) => field.unit(),
            Self::Event(..) | Self::Unknown => None,
        }
    }

    /// The joint that it is of.
    pub fn joint(&self) -> Option<&String> {
        match self {
            Self::Joint(name, _) => Some(name),
            _ => None,
        }
    }

    pub(super) fn dimension(&self) -> Option<Dimension> {
        self.unit().map(Unit::dimension)
    }

    pub(super) fn is_known(&self) -> bool {
        *self != Self::Unknown
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Counter(field) => write!(f, "counters.{}", field.name()),
            Self::Joint(name, field) => write!(f, "joints.{name}.{}", field.name()),
            Self::Battery(pack, field) => write!(f, "batteries.{pack}.{}", field.name()),
            Self::Robot(field) => f.write_str(field.name()),
            Self::Event(severity, code) => write!(f, "events.{severity}.{code}"),
            Self::Unknown => f.write_str("?"),
        }
    }
}
